"""The hours of one service: what each needs, and the weights that hold it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from planner.exporters.preferences import preference_key
from planner.exporters.schedules import ahead
from planner.exporters.workload import cluster_of
from planner.federation.targets import Karmada, KubeFed, Target
from planner.model.hourly import ServiceHours
from planner.model.plan import Plan
from planner.optimization.division_weights import Demands, DivisionWeights, division_weights
from planner.optimization.stopping import Stop
from planner.problem.arrays import Bools, Ints, Problem
from planner.problem.division import divided_replicas
from planner.problem.documents import solution_of
from planner.simulation.needs import state_needs
from planner.simulation.replay import simulate


@dataclass(frozen=True)
class Needs:
    """Replicas that states and hours need.

    Attributes
    ----------
    states : ndarray of int, shape (K, S, R, H)
        In promised states; 0 in all others.
    acts : ndarray of bool, shape (K,)
        States in which the controller divides anew.
    """

    states: Ints
    acts: Bools

    @property
    def hours(self) -> Ints:
        """What each hour needs to survive all of them, shape (S, R, H)."""
        most: Ints = self.states.max(axis=0)
        return most


def hour_needs(problem: Problem, plan: Plan) -> Needs:
    """Return what states and hours need.

    Parameters
    ----------
    problem : Problem
        The problem of the plan's scenario.
    plan : Plan
        A plan with static steering.

    Returns
    -------
    Needs
        The fewest replicas whose ceiling the loads do not exceed; a region that runs a service
        keeps its minimum.
    """
    solution = solution_of(problem, plan)
    load = simulate(problem, solution).load_rps
    states = state_needs(problem, load, solution.replicas)
    return Needs(states, divided_replicas(problem, plan).acts)


def service_hours(
    problem: Problem,
    plan: Plan,
    service: int,
    needs: Needs,
    largest: int,
    stop: Stop,
    seed: int,
) -> tuple[ServiceHours, str | None]:
    """Choose the weights of one service over the hours.

    Parameters
    ----------
    problem : Problem
        The problem of the plan's scenario.
    plan : Plan
        The plan, under its controller.
    service : int
        Index of the service.
    needs : Needs
        What states and hours need.
    largest : int
        Largest weight.
    stop : Stop
        When to stop a search of weights that are too many to list, and who is interrupted.
    seed : int
        Random seed of the solver.

    Returns
    -------
    ServiceHours
        Weights, totals and replicas; those of the plan in every hour where no weights do.
    str or None
        A sentence where they do not do all that was asked for.
    """
    name, regions = problem.axes.services[service], problem.axes.regions
    runs = [r for r, n in enumerate(needs.hours[service].max(axis=1)) if n > 0]
    if not runs:
        return _fixed(problem, plan, name), None
    names = {r: cluster_of(plan.scenario, regions[r]) for r in runs}
    listed = sorted(runs, key=lambda r: names[r])
    asked, states = _demands(problem, plan, service, needs, listed, names)
    weights = plan.services[name].weights.get(plan.scenario.federation.controller, {})
    known = np.array([[weights.get(regions[r], 0) for r in listed]], np.int64)
    compared = division_weights(
        partial(_target, plan, name),
        asked,
        largest=largest,
        known=known if known.all() else None,
        stop=stop,
        seed=seed,
    )
    found, which = compared.best, _which(compared.every, largest, stop)
    if found is None:
        return _fixed(problem, plan, name), (
            f"no weights {which} hold what {name} needs within its maxima; its replicas stay fixed"
        )
    return _written(problem, found, listed), _clash(problem, plan, name, found, states, which)


def _which(every: bool, largest: int, stop: Stop) -> str:
    """Say which weights it is that do not hold: nothing is claimed of others."""
    if every:
        return f"up to {largest}"
    if stop.interrupted:
        return "that were compared before the interruption"
    return f"up to {largest} that were compared (not all were)"


def _target(plan: Plan, service: str, clusters: tuple[str, ...]) -> Target:
    """Return the controller over some clusters, with the bounds that are exported."""
    ones = dict.fromkeys(clusters, 1)
    if plan.scenario.federation.controller == "karmada":
        return Karmada(ones)
    most = {
        cluster_of(plan.scenario, region): count
        for region, count in plan.services[service].max_replicas.items()
    }
    least = plan.scenario.services[service].min_replicas
    return KubeFed(
        ones,
        preference_key(plan, service),
        dict.fromkeys(clusters, least),
        {cluster: most[cluster] for cluster in clusters if cluster in most},
    )


def _demands(
    problem: Problem,
    plan: Plan,
    service: int,
    needs: Needs,
    listed: list[int],
    names: dict[int, str],
) -> tuple[Demands, Ints]:
    """Gather what the division of one service must hold; also which states it is divided in."""
    most = plan.services[problem.axes.services[service]].max_replicas
    up = problem.region_up[:, listed]
    acts = needs.acts & problem.must_survive & ~up.all(axis=1)
    _, group = np.unique(up[acts], axis=0, return_inverse=True)
    first = np.flatnonzero(acts)[np.unique(group.ravel(), return_index=True)[1]]
    of_group = [
        needs.states[np.flatnonzero(acts)[group.ravel() == g]][:, service, listed].max(axis=0)
        for g in range(first.size)
    ]
    hours = needs.hours.shape[2]
    demands = Demands(
        clusters=tuple(names[r] for r in listed),
        needs=needs.hours[service, listed].T,
        room=np.array([most.get(problem.axes.regions[r], 0) for r in listed], np.int64),
        up=up[first],
        state_needs=np.array(of_group, np.int64)
        .reshape(first.size, len(listed), hours)
        .transpose(0, 2, 1),
        ahead=_ahead(problem, plan, service),
    )
    return demands, first


def _ahead(problem: Problem, plan: Plan, service: int) -> tuple[tuple[int, ...], ...]:
    """Return the hours in which later totals may be in force; none of Karmada's.

    Of a larger total KubeFed may give a cluster less, Karmada does not.
    """
    if plan.scenario.federation.controller == "karmada":
        return ()
    startup_s = plan.scenario.services[problem.axes.services[service]].startup_s
    return ahead(problem.axes.hours, startup_s)


def _written(problem: Problem, found: DivisionWeights, listed: list[int]) -> ServiceHours:
    """Write weights and replicas down by region."""
    weights = dict.fromkeys(problem.axes.regions, 0)
    replicas = dict.fromkeys(problem.axes.regions, (0,) * found.totals.size)
    for place, r in enumerate(listed):
        region = problem.axes.regions[r]
        weights[region] = int(found.weights[place])
        replicas[region] = tuple(found.replicas[:, place].tolist())
    return ServiceHours(
        weights=weights,
        totals=tuple(found.totals.tolist()),
        replicas=replicas,
        exact=found.exact,
    )


def _fixed(problem: Problem, plan: Plan, name: str) -> ServiceHours:
    """Return the plan's own replicas in every hour."""
    service, hours = plan.services[name], len(problem.axes.hours)
    weights = service.weights.get(plan.scenario.federation.controller, {})
    return ServiceHours(
        weights={region: weights.get(region, 0) for region in problem.axes.regions},
        totals=(service.total,) * hours,
        replicas={r: (service.replicas.get(r, 0),) * hours for r in problem.axes.regions},
        exact=service.total == 0,
    )


def _clash(
    problem: Problem,
    plan: Plan,
    name: str,
    found: DivisionWeights,
    states: Ints,
    which: str,
) -> str | None:
    """Say in which state and hour the division does not hold or fit."""
    if found.clash is None:
        return None
    state, hour, early = found.clash
    with_state = "" if state is None else f" with {problem.axes.states[states[state]]}"
    own, once = ("", "") if not early else (" and its own total", ", once a later one is in force")
    return (
        f"{name}: with no weights {which} does what "
        f"{_NAMES[plan.scenario.federation.controller]} divides anew both hold and fit the maxima; "
        f"those chosen do with everything up{own}, but not{with_state} at "
        f"{problem.axes.hours[hour]:02d}:00 UTC{once}"
    )


_NAMES = {"kubefed": "KubeFed", "karmada": "Karmada"}

"""Where a federation controller does something else than the plan wants, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from planner.model.plan import Plan
from planner.problem.arrays import Bools, Ints, Problem
from planner.problem.packing import fits, packing_limits

_NAMES = {"kubefed": "KubeFed", "karmada": "Karmada"}


@dataclass(frozen=True)
class Outcomes:
    """What the controller leaves running, one row for each set of survivors (axis ``G``).

    Attributes
    ----------
    state : ndarray of int, shape (G,)
        The most probable failure state with these survivors.
    states : ndarray of int, shape (G,)
        How many states have them.
    region_up : ndarray of bool, shape (G, R)
        The survivors.
    acts : ndarray of bool, shape (G,)
        Whether the controller divides anew.
    planned : ndarray of int, shape (S, R)
        The plan's replicas.
    fixed, replicas : ndarray of int, shape (G, S, R)
        The plan's replicas in the survivors, and what the controller leaves running.
    other_ties : ndarray of int, shape (G, S, R)
        The same if ties fall the other way; equal to `replicas` where it is known how they fall.
    """

    state: Ints
    states: Ints
    region_up: Bools
    acts: Bools
    planned: Ints
    fixed: Ints
    replicas: Ints
    other_ties: Ints


def sentences(problem: Problem, plan: Plan, outcomes: Outcomes) -> tuple[str, ...]:
    """Return what a reader must know of how the controller deviates from the plan.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    plan : Plan
        What was decided.
    outcomes : Outcomes
        What the controller leaves running.

    Returns
    -------
    tuple of str
        First where nothing is divided anew; then service by service at most one sentence for each
        kind: more replicas in a region than the plan holds there, fewer, more than its pools hold,
        more than the plan's maximum, an unknown tie. Each names the worst state, which is that with
        the most replicas too many or too few in one region (equal ones: the most probable).

    Notes
    -----
    Pods beyond what the pools hold are compared with the packing limit that plans are made with,
    surge and, where the policy asks for it, a lost server included; the sentence says which of
    these it takes.
    """
    view = _View(problem, plan, outcomes)
    kinds = (_more, _fewer, _beyond_pools, _beyond_maximum, _tie)
    found = [
        sentence
        for service in range(len(problem.axes.services))
        for kind in kinds
        if (sentence := kind(view, service)) is not None
    ]
    idle = _idle(view)
    return (*([idle] if idle else []), *found)


@dataclass(frozen=True)
class _Worst:
    """Where a deviation is worst, in words and numbers."""

    row: int
    region: int
    state: str
    count: str


class _View:
    """What all kinds of deviation look at."""

    def __init__(self, problem: Problem, plan: Plan, outcomes: Outcomes) -> None:
        self.problem, self.plan, self.outcomes = problem, plan, outcomes
        self.controller = _NAMES[plan.scenario.federation.controller]
        self.gain = (outcomes.replicas - outcomes.fixed) * outcomes.acts[:, None, None]
        self.unfit = ~_fits(problem, outcomes)
        most = [
            [plan.services[s].max_replicas.get(r, np.iinfo(np.int64).max) for r in self.regions]
            for s in problem.axes.services
        ]
        self.excess = outcomes.replicas - np.array(most, np.int64)

    @property
    def regions(self) -> tuple[str, ...]:
        return self.problem.axes.regions

    def worst(self, amount: Ints) -> _Worst | None:
        """Find the largest amount, shape (G, R), above 0; of equal ones the most probable."""
        largest = amount.max(axis=1, initial=0)
        if not (largest > 0).any():
            return None
        states = self.outcomes.state
        rank = np.lexsort((states, -self.problem.state_probability[states], -largest))
        row = int(rank[0])
        return _Worst(
            row,
            int(amount[row].argmax()),
            self.problem.axes.states[int(states[row])],
            self._count(largest > 0),
        )

    def _count(self, rows: Bools) -> str:
        """Say in how many of all states something is so."""
        several = int(self.outcomes.states[rows].sum())
        return f"in {several} of {int(self.outcomes.states.sum())} states"

    def why(self, service: int, row: int) -> str:
        """Say how the controller comes to its numbers."""
        total = self.plan.services[self.problem.axes.services[service]].total
        placed = int(self.outcomes.replicas[row, service].sum())
        room = f" and finds place for {placed}" if placed < total else ""
        if self.controller == "KubeFed" and not self.plan.scenario.federation.rebalance:
            missing = total - int(self.outcomes.fixed[row, service].sum())
            return f"because it replaces the {missing} that are missing of {total}{room}"
        return f"because it divides all {total} anew{room}"


def _fits(problem: Problem, outcomes: Outcomes) -> Bools:
    """Return whether what runs fits each region's pools as the plan promises, shape (G, R)."""
    limits = packing_limits(problem)
    rows = [fits(problem, limits, replicas) for replicas in outcomes.replicas]
    return np.array(rows, np.bool_).reshape(outcomes.region_up.shape)


def _idle(view: _View) -> str | None:
    """Say that nothing is divided anew although replicas are lost."""
    outcomes, federation = view.outcomes, view.plan.scenario.federation
    lost = outcomes.planned.sum() - outcomes.fixed.sum(axis=(1, 2))
    idle = ~outcomes.acts & outcomes.region_up.any(axis=1)
    worst = view.worst((lost * idle)[:, None])
    if worst is None:
        return None
    host, standby = federation.host_region, federation.standby_region
    if federation.controller == "karmada" and federation.karmada_failover == "off":
        reason = "Karmada's failover is off, as it is installed"
    elif standby is None:
        reason = f"the control plane in {host} is down and no standby region is named"
    else:
        reason = f"the control plane in {host} is down and so is its standby {standby}"
    gone, total = int(lost[worst.row]), int(outcomes.planned.sum())
    return (
        f"nothing is re-divided: with {worst.state} {gone} of {total} replicas are gone and stay "
        f"away, because {reason}; so {worst.count}"
    )


def _more(view: _View, service: int) -> str | None:
    """Say that a region gets more than the plan holds there."""
    return _differs(view, service, view.gain[:, service])


def _fewer(view: _View, service: int) -> str | None:
    """Say that a surviving region is left with less than the plan needs there."""
    return _differs(view, service, -view.gain[:, service])


def _differs(view: _View, service: int, amount: Ints) -> str | None:
    """Set what the plan holds against what the controller makes."""
    worst = view.worst(amount)
    if worst is None:
        return None
    name, region = view.problem.axes.services[service], view.regions[worst.region]
    planned = int(view.outcomes.fixed[worst.row, service, worst.region])
    made = int(view.outcomes.replicas[worst.row, service, worst.region])
    if made > planned:
        verb, amount_word = f"makes {made}", "more"
    else:
        verb, amount_word = f"leaves only {made}" if made else "leaves none", "fewer"
    return (
        f"the plan holds {_replicas(planned)} of {name} in {region} with {worst.state}; "
        f"{view.controller} {verb} of them {view.why(service, worst.row)}; "
        f"{amount_word} than planned in a region {worst.count}"
    )


def _beyond_pools(view: _View, service: int) -> str | None:
    """Say that pods find no place, or none for certain."""
    worst = view.worst(view.gain[:, service] * view.unfit)
    if worst is None:
        return None
    name, region = view.problem.axes.services[service], view.regions[worst.region]
    made = int(view.outcomes.replicas[worst.row, service, worst.region])
    consequence = _consequence(view.problem, view.outcomes.replicas[worst.row], worst.region)
    return (
        f"{view.controller} puts {_replicas(made)} of {name} into {region} with {worst.state}, "
        f"which its pools do not hold beside the other services: {consequence}; so {worst.count}"
    )


def _consequence(problem: Problem, replicas: Ints, region: int) -> str:
    """Say what becomes of pods that exceed the packing limit of a region."""
    for unit, needed, there in _needs(problem, replicas[:, region], region):
        if needed > there + 1e-9:
            return f"pods stay Pending, for all need {needed:.1f} of {there:.1f} {unit}"
    calm = replace(
        problem, survive_server_loss=False, surge_replicas=np.zeros_like(problem.surge_replicas)
    )
    if fits(calm, packing_limits(calm), replicas)[region]:
        servers = "every server is up and " if problem.survive_server_loss else ""
        return f"all of them run only while {servers}nothing is rolled out"
    if problem.packing == "at_best":
        return "no packing is known that holds them all, so pods stay Pending"
    return "pods may stay Pending, depending on the order in which they arrive"


def _needs(problem: Problem, pods: Ints, region: int) -> Iterator[tuple[str, float, float]]:
    """Give unit, need of the pods and what all servers of a region have."""
    pools, mine = problem.pools, problem.pools.region == region
    servers = pools.servers[mine]
    yield "cores", float(pods @ problem.cpu_cores), float(pools.cpu_cores[mine] @ servers)
    yield "GiB", float(pods @ problem.memory_gib), float(pools.memory_gib[mine] @ servers)
    yield "pods", float(pods.sum()), float(pools.pods[mine] @ servers)


def _beyond_maximum(view: _View, service: int) -> str | None:
    """Say that the plan's maximum is exceeded where the pools would still hold the pods."""
    gained = view.gain[:, service] > 0
    worst = view.worst(view.excess[:, service] * gained * ~view.unfit)
    if worst is None:
        return None
    name, region = view.problem.axes.services[service], view.regions[worst.region]
    made = int(view.outcomes.replicas[worst.row, service, worst.region])
    most = made - int(view.excess[worst.row, service, worst.region])
    return (
        f"{view.controller} puts {_replicas(made)} of {name} into {region} with {worst.state}; "
        f"the plan's maximum there is {most}; so {worst.count}"
    )


def _tie(view: _View, service: int) -> str | None:
    """Say that an identifier which does not exist yet decides where a replica goes."""
    outcomes = view.outcomes
    worst = view.worst(np.abs(outcomes.other_ties - outcomes.replicas)[:, service])
    if worst is None:
        return None
    name, region = view.problem.axes.services[service], view.regions[worst.region]
    taken = int(outcomes.replicas[worst.row, service, worst.region])
    other = int(outcomes.other_ties[worst.row, service, worst.region])
    return (
        f"{view.controller} makes {taken} or {other} of {name} in {region} with {worst.state}: the "
        f"UID of an object that does not exist yet decides; {taken} is taken here; so {worst.count}"
    )


def _replicas(count: int) -> str:
    """Write a number of replicas."""
    return "1 replica" if count == 1 else f"{count} replicas"

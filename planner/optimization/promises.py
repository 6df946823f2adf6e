"""What a scenario promises, one by one, and the problem without some of it.

A promise is what a user can act on: a failure state to survive, a service's latency limits, the
ceilings, a list of regions, the homes of a service, and what there is: servers and uplink of a
region, most replicas of a service.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from planner.problem.admissibility import PROMISED_PROBABILITY, Requests, late_probability
from planner.problem.arrays import Bools, Problem

Kind = Literal[
    "state",
    "home",
    "residency",
    "regions",
    "limit",
    "emergency limit",
    "replicas",
    "pools",
    "server loss",
    "ceiling",
    "emergency ceiling",
    "uplink",
]


@dataclass(frozen=True)
class Promise:
    """One thing that a scenario asks for.

    Attributes
    ----------
    kind : str
        What it is about.
    index : tuple of int
        State; service; region; or service and origin; empty for the policy's own.
    text : str
        What is promised, as it is said to a user.
    path : str
        Where the scenario says so.
    """

    kind: Kind
    index: tuple[int, ...]
    text: str
    path: str

    def __str__(self) -> str:
        return f"{self.text} ({self.path})" if self.path else self.text


@dataclass(frozen=True)
class Loosened:
    """A problem of promised states and what its admissibility is made of.

    Attributes
    ----------
    problem : Problem
        The problem.
    in_time : ndarray of bool, shape (K, S, O, R)
        Whether the latency limit is kept, lists and homes aside.
    listed : ndarray of bool, shape (S, O, R)
        Whether the lists of regions allow it.
    homed : ndarray of bool, shape (K, S)
        Whether home calls find a home, or there are none.
    """

    problem: Problem
    in_time: Bools
    listed: Bools
    homed: Bools


def loosened(problem: Problem) -> Loosened:
    """Take a problem's admissibility apart.

    Parameters
    ----------
    problem : Problem
        A problem of promised states, as `planner.optimization.trial.promised_only` returns it.

    Returns
    -------
    Loosened
        Ready for `without`.

    Notes
    -----
    What is admissible is in time by definition.  Where a list or a lost home is in the way, the
    limit is looked at anew, with the detour of a state added to all points of an origin alike.
    """
    listed = _listed(problem, *_all_lists(problem))
    homed = ~((problem.home_region < 0) & (problem.home_share > 0))
    in_time = problem.state_admissible.copy()
    for service in range(len(problem.axes.services)):
        for state in range(len(problem.axes.states)):
            if problem.scenario is None or (homed[state, service] and listed[service].all()):
                continue
            barred = ~listed[service] | ~homed[state, service]
            home = int(problem.home_region[state, service])
            kept = keeps_limit(problem, state, service, home)
            in_time[state, service] |= barred & kept
    return Loosened(problem, in_time, listed, homed)


def keeps_limit(problem: Problem, state: int, service: int, home: int) -> Bools:
    """Return which regions keep a service's limit for which origins in a state.

    Parameters
    ----------
    problem : Problem
        The problem as arrays; lists of regions are not looked at.
    state, service : int
        Which state and service.
    home : int
        Region that serves home calls; -1 for none.

    Returns
    -------
    ndarray of bool, shape (O, R)
        At the ceiling and with the fewest replicas, regions that are up.
    """
    network = problem.network
    requests = Requests(
        problem.queue, problem.home_share, problem.rps_per_replica, problem.min_replicas
    )
    limit = problem.limit_ms if state == 0 else problem.emergency_limit_ms
    detour = problem.state_rtt_ms[state] - problem.rtt_ms
    late = late_probability(
        network,
        requests,
        service,
        float(limit[service]),
        float(problem.ceiling_share[state]),
        home,
        network.point_rtt_ms + detour[:, None, :],
        problem.region_rtt_ms(state),
    )
    kept: Bools = (late <= 1 - PROMISED_PROBABILITY + 1e-12) & problem.region_up[state]
    return kept


def _all_lists(problem: Problem) -> tuple[set[int], set[tuple[int, int]]]:
    """Return the services, and the pairs of service and origin, that have lists of regions."""
    scenario, axes = problem.scenario, problem.axes
    if scenario is None:
        return set(), set()
    services = {
        s for s, name in enumerate(axes.services) if scenario.services[name].allowed_regions
    }
    pairs = {
        (axes.services.index(service), o)
        for o, name in enumerate(axes.origins)
        for service in scenario.origins[name].residency
        if service in axes.services
    }
    return services, pairs


def _listed(problem: Problem, services: set[int], pairs: set[tuple[int, int]]) -> Bools:
    """Return what some lists of regions allow, shape (S, O, R)."""
    axes, scenario = problem.axes, problem.scenario
    listed = np.ones((len(axes.services), len(axes.origins), len(axes.regions)), bool)
    if scenario is None:
        return listed
    regions = np.array(axes.regions)
    for s in services:
        allowed = scenario.services[axes.services[s]].allowed_regions or ()
        listed[s] &= np.isin(regions, list(allowed))
    for s, o in pairs:
        allowed = scenario.origins[axes.origins[o]].residency[axes.services[s]]
        listed[s, o] &= np.isin(regions, list(allowed))
    return listed


def promises(problem: Problem) -> list[Promise]:
    """Return all that a problem promises, what says most first.

    Parameters
    ----------
    problem : Problem
        A problem of promised states; one of bare arrays has no lists and no homes to name.

    Returns
    -------
    list of Promise
        Failure states first, those with the most regions down before the others.

    Examples
    --------
    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.optimization.trial import promised_only
    >>> from planner.problem.build import build_problem
    >>> scenario = read_scenario("taiwan")
    >>> problem = promised_only(build_problem(scenario, failure_states(scenario)))
    >>> str(promises(problem)[0])
    "survive 'taipei down' (policy.survive)"
    """
    return [*_states(problem), *_of_services(problem), *_of_regions(problem), *_ceilings(problem)]


def _states(problem: Problem) -> Iterator[Promise]:
    """Failure states, the hardest first."""
    down = (~problem.region_up).sum(axis=1)
    for state in np.argsort(-down, kind="stable").tolist():
        if state > 0 and problem.must_survive[state]:
            name = problem.axes.states[state]
            yield Promise("state", (state,), f"survive '{name}'", "policy.survive")


def _of_services(problem: Problem) -> Iterator[Promise]:
    """Homes, lists, limits and most replicas."""
    axes, scenario = problem.axes, problem.scenario
    services, pairs = _all_lists(problem)
    for s, name in enumerate(axes.services):
        path = f"services.{name}"
        if scenario is not None and problem.home_share[s] > 0:
            homes = _either(scenario.services[name].home_regions)
            text = f"home calls of {name} reach {homes}"
            yield Promise("home", (s,), text, f"{path}.home_regions")
        if scenario is not None and s in services:
            allowed = _either(scenario.services[name].allowed_regions or ())
            text = f"{name} runs only in {allowed}"
            yield Promise("regions", (s,), text, f"{path}.allowed_regions")
    for s, o in sorted(pairs):
        if scenario is not None:
            service, origin = axes.services[s], axes.origins[o]
            allowed = _either(scenario.origins[origin].residency[service])
            text = f"{service} for {origin} only from {allowed}"
            yield Promise("residency", (s, o), text, f"origins.{origin}.residency.{service}")
    for s, name in enumerate(axes.services):
        path, late = f"services.{name}", problem.emergency_limit_ms[s]
        text = f"p95 of {name} within {late:g} ms in failure states"
        yield Promise("emergency limit", (s,), text, f"{path}.objective.emergency_p95_ms")
        text = f"p95 of {name} within {problem.limit_ms[s]:g} ms with everything up"
        yield Promise("limit", (s,), text, f"{path}.objective.p95_ms")
        most = int(problem.max_replicas[s].max())
        text = f"at most {most} replica{'' if most == 1 else 's'} of {name} in a region"
        yield Promise("replicas", (s,), text, f"{path}.max_replicas")


def _of_regions(problem: Problem) -> Iterator[Promise]:
    """Servers and uplinks."""
    for r, name in enumerate(problem.axes.regions):
        count = int(problem.pools.servers[problem.pools.region == r].sum())
        text = f"{count} server{'' if count == 1 else 's'} in {name}"
        yield Promise("pools", (r,), text, f"regions.{name}.pools")
    if problem.survive_server_loss:
        text = "pods still fit with one server of each pool lost"
        yield Promise("server loss", (), text, "policy.survive_server_loss")
    for r, name in enumerate(problem.axes.regions):
        text = f"{problem.uplink_gbps[r]:g} Gbit/s of uplink in {name}"
        yield Promise("uplink", (r,), text, f"regions.{name}.uplink_gbps")


def _ceilings(problem: Problem) -> Iterator[Promise]:
    """Ceilings."""
    share = 100 * problem.ceiling_emergency_share
    text = f"workers at most {share:g} % busy in failure states"
    yield Promise("emergency ceiling", (), text, "policy.ceiling_emergency_share")
    text = f"workers at most {100 * problem.ceiling_normal_share:g} % busy with everything up"
    yield Promise("ceiling", (), text, "policy.ceiling_normal_share")


def _either(names: Collection[str]) -> str:
    """Write a list of regions."""
    listed = list(names)
    return " or ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)


def without(base: Loosened, dropped: Collection[Promise]) -> Problem:
    """Return the problem without some of its promises.

    Parameters
    ----------
    base : Loosened
        From `loosened`.
    dropped : collection of Promise
        What need not be kept.

    Returns
    -------
    Problem
        States that need not be survived are not promised there; servers of a region without limit
        are twenty times as many and twenty more.

    Notes
    -----
    Without a ceiling workers may be busy all the time; latency limits are taken as they were judged
    at the ceiling.
    """
    problem = base.problem
    gone = {(promise.kind, promise.index) for promise in dropped}

    def without_any(kind: Kind, count: int) -> Bools:
        return np.array([(kind, (i,)) in gone for i in range(count)], bool)

    states, (services, regions) = len(problem.axes.states), problem.min_replicas.shape
    pool = without_any("pools", regions)[problem.pools.region]
    servers = np.where(pool, problem.pools.servers * 20 + 20, problem.pools.servers)
    top = problem.max_replicas.max(axis=1, keepdims=True)
    free = without_any("regions", services)
    most = np.where(free[:, None], np.maximum(problem.max_replicas, top), problem.max_replicas)
    many = without_any("replicas", services)[:, None] & (most > 0)
    wide = without_any("uplink", regions)
    return replace(
        problem,
        must_survive=problem.must_survive & ~without_any("state", states),
        state_admissible=_admissible(base, gone),
        pools=replace(problem.pools, servers=servers),
        survive_server_loss=problem.survive_server_loss and ("server loss", ()) not in gone,
        max_replicas=np.where(many, 100_000, most),
        uplink_gbps=np.where(wide, 1e9, problem.uplink_gbps),
        ceiling_normal_share=1.0 if ("ceiling", ()) in gone else problem.ceiling_normal_share,
        ceiling_emergency_share=1.0
        if ("emergency ceiling", ()) in gone
        else problem.ceiling_emergency_share,
    )


def _admissible(base: Loosened, gone: set[tuple[Kind, tuple[int, ...]]]) -> Bools:
    """Return what may serve whom without some limits, lists and homes."""
    problem = base.problem
    services, pairs = _all_lists(problem)
    listed = _listed(
        problem,
        {s for s in services if ("regions", (s,)) not in gone},
        {pair for pair in pairs if ("residency", pair) not in gone},
    )
    in_time, homed = base.in_time.copy(), base.homed.copy()
    for s in range(homed.shape[1]):
        in_time[0, s] |= ("limit", (s,)) in gone
        in_time[1:, s] |= ("emergency limit", (s,)) in gone
        homed[:, s] |= ("home", (s,)) in gone
    path = np.isfinite(problem.state_rtt_ms) & problem.region_up[:, None, :]
    if problem.scenario is None:
        # Bare arrays say where a service may run by its most replicas alone.
        listed = np.broadcast_to((problem.max_replicas > 0)[:, None, :], listed.shape)
        return base.in_time | (in_time & listed & path[:, None])
    admissible: Bools = in_time & listed & homed[:, :, None, None] & path[:, None]
    return admissible

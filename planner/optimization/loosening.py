"""Promises loosened by as little as does: limits, ceilings, homes, lists of regions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from planner.optimization.columns import order_columns
from planner.optimization.promises import Kind, Promise, keeps_limit, loosened, without
from planner.optimization.stopping import Stop
from planner.optimization.trial import hopeless, tried
from planner.problem.arrays import Bools, Floats, Problem
from planner.problem.reach import reachable_p95_ms

_TRIAL_S = 3.0

_FULLEST_PERCENT = 95
"""Highest ceiling that is offered, percent (ours): beyond it waiting explodes."""

_FIELD: dict[Kind, str] = {"limit": "p95_ms", "emergency limit": "emergency_p95_ms"}

Way = tuple[str, Problem]
Limit = tuple[Kind, int]
Reaches = dict[Limit, Floats]


def loosenings(
    problem: Problem, clash: tuple[Promise, ...], stop: Stop, seed: int
) -> Iterator[Way]:
    """Loosen each kind of promise that clashes, others held.

    Parameters
    ----------
    problem : Problem
        A problem of promised states that has no plan.
    clash : tuple of Promise
        What clashes in it.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.

    Yields
    ------
    (str, Problem)
        What is loosened, and the problem then.  Homes and lists are opened whether that is enough
        or not: where origins have no region at all, what they need besides can be bought.
    """
    kinds, done = dict.fromkeys(promise.kind for promise in clash), set[str]()
    for kind in kinds:
        if stop.passed():
            return
        if kind == "home":
            yield from _homes(problem)
        elif kind in ("residency", "regions"):
            for promise in clash:
                if promise.kind == kind:
                    yield _opened(problem, promise)
        elif kind in ("limit", "emergency limit"):
            if "limits" not in done:
                yield from _limits(problem, clash, kind, stop, seed)
            done.add("limits")
        elif kind in ("ceiling", "emergency ceiling"):
            yield from _ceilings(problem, kind, stop, seed)
        elif kind == "server loss":
            text = "do not ask that pods fit with one server of each pool lost"
            yield (
                f"{text} (policy.survive_server_loss)",
                replace(problem, survive_server_loss=False),
            )


def _feasible(problem: Problem, stop: Stop, seed: int) -> bool:
    """Return whether a plan was found."""
    return tried(problem, stop.within(_TRIAL_S), seed).verdict == "feasible"


def _homes(problem: Problem) -> Iterator[Way]:
    """Name one more home of every service that loses its homes, each region in turn."""
    homeless = (problem.home_region < 0) & (problem.home_share > 0)
    services = np.flatnonzero(homeless.any(axis=0))
    base = loosened(problem)
    names = " and ".join(problem.axes.services[s] for s in services)
    for region, name in enumerate(problem.axes.regions):
        up = problem.region_up[:, region]
        if not (up[:, None] | ~homeless).all():
            continue
        home = np.where(homeless, region, problem.home_region)
        opened = replace(problem, home_region=home)
        admissible = problem.state_admissible.copy()
        for k, s in np.argwhere(homeless):
            admissible[k, s] = keeps_limit(opened, int(k), int(s), region) & base.listed[s]
        text = f"name {name} as a home of {names} too (home_regions)"
        yield text, replace(opened, state_admissible=admissible)


def _opened(problem: Problem, promise: Promise) -> Way:
    """Let any region serve whom a list keeps to some."""
    service = problem.axes.services[promise.index[0]]
    whom = f" for {problem.axes.origins[promise.index[1]]}" if promise.kind == "residency" else ""
    text = f"allow any region for {service}{whom} ({promise.path})"
    return text, without(loosened(problem), [promise])


def _limits(
    problem: Problem, clash: tuple[Promise, ...], kind: Kind, stop: Stop, seed: int
) -> Iterator[Way]:
    """Raise the limits that clash, or all of their kind, or all, to the least that does."""
    services = range(len(problem.axes.services))
    named = [(kind, p.index[0]) for p in clash if p.kind == kind]
    choices = [named, [(kind, s) for s in services], _all(problem)]
    yield from _some(problem, choices, lambda trial: hopeless(trial, stop, seed))


def raised_limits(problem: Problem) -> Iterator[Way]:
    """Raise latency limits until every origin has a region, those of failure states first.

    Parameters
    ----------
    problem : Problem
        A problem of promised states.

    Yields
    ------
    (str, Problem)
        At most one; what its regions can carry is not asked.
    """
    services = range(len(problem.axes.services))
    emergency: list[Limit] = [("emergency limit", s) for s in services]
    yield from _some(problem, [emergency, _all(problem)], _unreached)


def _unreached(problem: Problem) -> bool:
    """Return whether some origin has no order of regions."""
    return bool(order_columns(problem).missing.size)


def _all(problem: Problem) -> list[Limit]:
    """Return all limits of a problem."""
    services = range(len(problem.axes.services))
    both: tuple[Kind, ...] = ("emergency limit", "limit")
    return [(kind, s) for kind in both for s in services]


def _some(
    problem: Problem, choices: list[list[Limit]], lacking: Callable[[Problem], bool]
) -> Iterator[Way]:
    """Raise the first choice of limits that does."""
    for limits in choices:
        reach = {limit: _reach(problem, *limit) for limit in limits}
        open_ = dict.fromkeys(limits, np.inf)
        if not lacking(_raised(problem, reach, open_)):
            yield _least_limits(problem, reach, lacking)
            return


def _reach(problem: Problem, kind: Kind, service: int) -> Floats:
    """Return the least limits that could be kept, shape (K, O, R); inf in other states."""
    base = loosened(problem)
    reach = np.full(problem.state_rtt_ms.shape, np.inf)
    states = range(1) if kind == "limit" else range(1, len(problem.axes.states))
    for state in states:
        if base.homed[state, service]:
            found = reachable_p95_ms(problem, state, service)
            may = base.listed[service] & problem.region_up[state]
            reach[state] = np.where(may & (problem.max_replicas[service] > 0), found, np.inf)
    return reach


def _raised(problem: Problem, reach: Reaches, limit_ms: dict[Limit, float]) -> Problem:
    """Return the problem with some limits raised."""
    admissible = problem.state_admissible.copy()
    given = {"limit": problem.limit_ms.copy(), "emergency limit": problem.emergency_limit_ms.copy()}
    for (kind, service), limit in limit_ms.items():
        known = reach[kind, service]
        admissible[:, service] |= (known <= limit) & np.isfinite(known)
        given[kind][service] = max(given[kind][service], limit)
    return replace(
        problem,
        state_admissible=admissible,
        admissible=admissible[0],
        limit_ms=given["limit"],
        emergency_limit_ms=given["emergency limit"],
    )


def _least_limits(problem: Problem, reach: Reaches, lacking: Callable[[Problem], bool]) -> Way:
    """Lower one limit after the other as far as nothing lacks, in whole milliseconds."""
    given = {"limit": problem.limit_ms, "emergency limit": problem.emergency_limit_ms}
    limits: dict[Limit, float] = dict.fromkeys(reach, np.inf)
    for (kind, service), each in reach.items():
        now = float(given[kind][service])
        above = np.unique(np.ceil(each[np.isfinite(each)]))
        steps = [now, *above[above > now].tolist()]

        def does(at: int, limit: Limit = (kind, service), steps: list[float] = steps) -> bool:
            return not lacking(_raised(problem, reach, {**limits, limit: steps[at]}))

        limits[kind, service] = steps[_first(does, len(steps))]
    for kind, service in list(limits):
        ms, emergency = limits[kind, service], limits.get(("emergency limit", service), 0.0)
        # A scenario's emergency limit is never below the normal one.
        if ms > max(emergency, float(problem.emergency_limit_ms[service])):
            limits["emergency limit", service] = ms
            reach["emergency limit", service] = _reach(problem, "emergency limit", service)
    # In one order whatever was asked for first: what is the same reads the same.
    said = [
        f"raise {_FIELD[kind]} of {problem.axes.services[s]} from {given[kind][s]:g} to {ms:g}"
        for kind, s in _all(problem)
        if (ms := limits.get((kind, s), 0.0)) > given[kind][s]
    ]
    return ", ".join(said), _raised(problem, reach, limits)


def _first(does: Callable[[int], bool], count: int) -> int:
    """Return the first of some steps that does, the last being known to."""
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if does(middle) else (middle + 1, high)
    return high


def _ceilings(problem: Problem, kind: Kind, stop: Stop, seed: int) -> Iterator[Way]:
    """Raise a ceiling to the least percent that does."""
    normal = kind == "ceiling"
    given = problem.ceiling_normal_share if normal else problem.ceiling_emergency_share
    first = int(np.floor(100 * given + 1e-9)) + 1

    def does(percent: int) -> bool:
        return not stop.passed() and _feasible(_fuller(problem, normal, percent / 100), stop, seed)

    # Too full is too late: what does is a range, so that steps lead there from below.
    coarse = next((at for at in range(first + 4, _FULLEST_PERCENT + 1, 5) if does(at)), None)
    if coarse is None:
        return
    percent = next(
        at for at in range(max(first, coarse - 4), coarse + 1) if at == coarse or does(at)
    )
    where = "with everything up" if normal else "in failure states"
    field = "ceiling_normal_share" if normal else "ceiling_emergency_share"
    text = f"let workers be {percent} % busy {where} instead of {100 * given:g} % (policy.{field})"
    fuller = _fuller(problem, normal, percent / 100)
    if normal and fuller.ceiling_emergency_share > problem.ceiling_emergency_share:
        text += (
            f", and as busy in failure states (policy.ceiling_emergency_share {percent / 100:g})"
        )
    yield text, fuller


def _fuller(problem: Problem, normal: bool, share: float) -> Problem:
    """Return the problem with another ceiling, that of emergencies never below the normal one."""
    fuller = replace(problem, ceiling_emergency_share=max(share, problem.ceiling_emergency_share))
    if normal:
        fuller = replace(fuller, ceiling_normal_share=share)
    if problem.scenario is None:
        return fuller
    # What is late at it is struck.
    admissible: Bools = problem.state_admissible.copy()
    for state in np.flatnonzero(fuller.ceiling_share > problem.ceiling_share).tolist():
        for service in range(len(problem.axes.services)):
            home = int(problem.home_region[state, service])
            admissible[state, service] &= keeps_limit(fuller, state, service, home)
    return replace(fuller, state_admissible=admissible, admissible=admissible[0])

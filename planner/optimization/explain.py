"""Why no plan keeps every promise, and the cheapest way out."""

from __future__ import annotations

import numpy as np

from planner.errors import Infeasible, SolverStopped
from planner.optimization.columns import OrderColumns, order_columns
from planner.optimization.elastic import Relief, cheapest_relief
from planner.optimization.limits import NeededLimit, kept_out, needed_limits
from planner.problem.arrays import Problem
from planner.problem.packing import in_any_order

_MOST = 6


def explain(problem: Problem, columns: OrderColumns | None, seed: int) -> Infeasible:
    """Return the error that says which promises clash and the cheapest way out.

    Parameters
    ----------
    problem : Problem
        A problem that is known to be infeasible.
    columns : OrderColumns or None
        Its order columns, where they have been enumerated.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Infeasible
        To be raised.

    Notes
    -----
    The way out is found for static steering; an adaptive balancer may need less.  Where plans may
    be packed at best it is one that holds in any order of arrival, so that less may do.
    """
    if problem.packing_cuts is not None:
        # A step of a search: the whole problem is explained at its end.
        return Infeasible([], [])
    try:
        return _explained(in_any_order(problem), columns, seed)
    except SolverStopped as stopped:
        return Infeasible([str(stopped)], [])


def shown(problem: Problem, seed: int) -> tuple[str, ...]:
    """Return where it shows that no plan keeps every promise.

    Parameters
    ----------
    problem : Problem
        A problem that is known to be infeasible.
    seed : int
        Random seed of the solver.

    Returns
    -------
    tuple of str
        Empty where that was not found in time.
    """
    try:
        return _explained(in_any_order(problem), None, seed).clashes
    except SolverStopped:
        return ()


def _explained(problem: Problem, columns: OrderColumns | None, seed: int) -> Infeasible:
    """Explain origins that nobody may serve, or what the pools and limits do not hold."""
    columns = columns if columns is not None else order_columns(problem)
    if columns.missing.size:
        return _unreachable(problem, columns)
    relief = cheapest_relief(problem, columns, seed)
    if relief is None:
        return Infeasible(["not even twenty times the servers hold the demand"], [])
    return Infeasible(_clashes(problem, relief), purchases(problem, relief))


def _unreachable(problem: Problem, columns: OrderColumns) -> Infeasible:
    """Explain the origins that too few regions can serve within their limits."""
    clashes, ways = [], []
    for host, origin in columns.missing[:_MOST].tolist():
        found = _without_region(problem, host, origin)
        needed = needed_limits(problem, host, origin)
        clashes += [clash for clash, _ in found] or [_too_few(problem, origin)]
        ways += [_loosened(problem, origin, limit) for limit in needed]
        ways += [way for _, way in found if way]
    more = len(columns.missing) - _MOST
    if more > 0:
        clashes.append(f"and {more} more pairs of host and origin")
    return Infeasible(dict.fromkeys(clashes), dict.fromkeys(ways))


def _without_region(problem: Problem, host: int, origin: int) -> list[tuple[str, str]]:
    """Return (clash, way out or nothing) of the services that nobody may serve in some state."""
    axes, found = problem.axes, []
    for service in np.flatnonzero(problem.host_of_service == host):
        name, state = axes.services[service], _deserted_state(problem, int(service), origin)
        if state is None:
            continue
        if problem.home_share[service] > 0 and problem.home_region[state, service] < 0:
            clash = f"{name}: none of its home_regions is up in state '{axes.states[state]}'"
            found.append((clash, f"name more home_regions for {name}"))
            continue
        where = f"{axes.origins[origin]} in state '{axes.states[state]}'"
        if _only_listed_are_down(problem, int(service), origin, state):
            clash = f"{name}: no region that its lists allow is up for {where}"
            found.append((clash, f"allow another region for {name} (allowed_regions, residency)"))
            continue
        limit = (problem.limit_ms if state == 0 else problem.emergency_limit_ms)[service]
        found.append((f"{name}: no region keeps {limit:g} ms for {where}", ""))
    return found


def _only_listed_are_down(problem: Problem, service: int, origin: int, state: int) -> bool:
    """Return whether it is the lists of regions, not latency, that leave nobody to serve."""
    return bool((kept_out(problem, service, origin) | ~problem.region_up[state]).all())


def _deserted_state(problem: Problem, service: int, origin: int) -> int | None:
    """Return the first promised state in which nobody may serve the origin."""
    if problem.demand_rps[service, origin].max() <= 0:
        return None
    served = problem.state_admissible[:, service, origin].any(axis=1)
    deserted = np.flatnonzero(problem.must_survive & ~served)
    return int(deserted[0]) if deserted.size else None


def _too_few(problem: Problem, origin: int) -> str:
    """Say that single states can be served and all of them together cannot."""
    return (
        f"{problem.axes.origins[origin]}: too few regions keep its limits for an order that holds "
        "in every promised state"
    )


def _loosened(problem: Problem, origin: int, needed: NeededLimit) -> str:
    """Say which limit would do."""
    axes = problem.axes
    return (
        f"{np.ceil(needed.needed_ms):g} ms instead of {needed.limit_ms:g} ms for "
        f"{axes.origins[origin]} ({axes.services[needed.service]}, "
        f"state '{axes.states[needed.state]}')"
    )


def _clashes(problem: Problem, relief: Relief) -> list[str]:
    """Name the loads that do not fit."""
    axes = problem.axes
    lines = [
        f"{axes.services[s]}: the load of {axes.regions[r]} in state '{axes.states[k]}' at "
        f"{axes.hours[h]:02d}:00 UTC does not fit its pools and limits"
        for k, s, r, h in relief.clashes[:_MOST]
    ]
    lines += [
        "uplink: {} needs {} Gbit/s and has {}".format(
            axes.regions[r], *_told_apart(problem.uplink_gbps[r] + more, problem.uplink_gbps[r])
        )
        for r, more in enumerate(relief.uplink_gbps)
        if more > 0
    ]
    return lines or ["the limits of pools and replicas leave no integer plan"]


def _told_apart(one: float, other: float) -> tuple[str, str]:
    """Write two different numbers with as many digits as tell them apart, at least three."""
    for digits in range(3, 17):
        texts = f"{one:.{digits}g}", f"{other:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def purchases(problem: Problem, relief: Relief) -> list[str]:
    """Say what to add.

    Parameters
    ----------
    problem : Problem
        An infeasible problem.
    relief : Relief
        What makes it feasible.

    Returns
    -------
    list of str
        A line for each pool, service and region; all of them together do.
    """
    axes, ways = problem.axes, []
    for pool, servers in enumerate(relief.servers):
        if servers > 0:
            price = problem.pools.server_cost_usd_month[pool] * servers
            ways.append(
                f"add {servers} server{'s' if servers > 1 else ''} to {problem.pools.names[pool]} "
                f"({price:,.0f} USD a month)"
            )
    for service, more in enumerate(relief.replicas):
        if more.any():
            # One number holds for all regions of a service.
            top = problem.max_replicas[service]
            ways.append(
                f"raise max_replicas of {axes.services[service]} from {top.max()} to "
                f"{(top + more).max()}"
            )
    for region, more in enumerate(relief.uplink_gbps):
        if more > 0:
            # Rounded up: what is said must do.
            enough = np.ceil(more * 100) / 100
            ways.append(f"add {enough:.2f} Gbit/s of uplink in {axes.regions[region]}")
    return ways

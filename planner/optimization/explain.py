"""Why no plan keeps every promise, and the cheapest way out."""

from __future__ import annotations

import numpy as np

from planner.errors import Infeasible
from planner.optimization.columns import OrderColumns, order_columns
from planner.optimization.elastic import Relief, cheapest_relief
from planner.problem.arrays import Problem
from planner.problem.reach import reachable_p95_ms

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
    The way out is found for static steering; an adaptive balancer may need less.
    """
    columns = columns if columns is not None else order_columns(problem)
    if columns.missing.size:
        return _unreachable(problem, columns)
    relief = cheapest_relief(problem, columns, seed)
    if relief is None:
        return Infeasible(["no purchase of servers, replicas or uplink makes it feasible"], [])
    return Infeasible(_clashes(problem, relief), _ways_out(problem, relief))


def _unreachable(problem: Problem, columns: OrderColumns) -> Infeasible:
    """Explain the origins that too few regions can serve within their limits."""
    axes, clashes, ways = problem.axes, [], []
    for host, origin in columns.missing[:_MOST].tolist():
        for service in np.flatnonzero(problem.host_of_service == host):
            found = _worst_state(problem, int(service), origin)
            if found is None:
                continue
            state, limit, best = found
            if problem.home_share[service] > 0 and problem.home_region[state, service] < 0:
                clashes.append(
                    f"{axes.services[service]}: none of its home_regions is up in state "
                    f"'{axes.states[state]}'"
                )
                ways.append(f"name more home_regions for {axes.services[service]}")
                continue
            clashes.append(
                f"{axes.services[service]}: no region keeps {limit:g} ms for "
                f"{axes.origins[origin]} in state '{axes.states[state]}'"
            )
            if np.isfinite(best):
                ways.append(
                    f"{np.ceil(best):g} ms instead of {limit:g} ms for {axes.origins[origin]} "
                    f"({axes.services[service]}, state '{axes.states[state]}')"
                )
    more = len(columns.missing) - _MOST
    if more > 0:
        clashes.append(f"and {more} more pairs of host and origin")
    if not clashes:
        clashes.append("some origin has too few admissible regions for the depth of the policy")
    return Infeasible(dict.fromkeys(clashes), dict.fromkeys(ways))


def _worst_state(problem: Problem, service: int, origin: int) -> tuple[int, float, float] | None:
    """Return the promised state in which nobody may serve the origin, its limit, the best p95."""
    for state in np.flatnonzero(problem.must_survive):
        if problem.state_admissible[state, service, origin].any():
            continue
        limit = (problem.limit_ms if state == 0 else problem.emergency_limit_ms)[service]
        best = reachable_p95_ms(problem, int(state), service)[origin]
        best = np.where(problem.region_up[state], best, np.inf).min()
        return int(state), float(limit), float(best)
    return None


def _clashes(problem: Problem, relief: Relief) -> list[str]:
    """Name the loads that do not fit."""
    axes = problem.axes
    lines = [
        f"{axes.services[s]}: the load of {axes.regions[r]} in state '{axes.states[k]}' at "
        f"{axes.hours[h]:02d}:00 UTC does not fit its pools"
        for k, s, r, h in relief.clashes[:_MOST]
    ]
    lines += [
        f"uplink: {axes.regions[r]} needs {problem.uplink_gbps[r] + more:.2f} Gbit/s and has "
        f"{problem.uplink_gbps[r]:.2f}"
        for r, more in enumerate(relief.uplink_gbps)
        if more > 0
    ]
    return lines or ["the limits of pools and replicas leave no integer plan"]


def _ways_out(problem: Problem, relief: Relief) -> list[str]:
    """Say what to add."""
    axes, ways = problem.axes, []
    for pool, servers in enumerate(relief.servers):
        if servers > 0:
            price = problem.pools.server_cost_usd_month[pool] * servers
            ways.append(
                f"add {servers} server{'s' if servers > 1 else ''} to {problem.pools.names[pool]} "
                f"({price:,.0f} USD a month)"
            )
    for (service, region), more in np.ndenumerate(relief.replicas):
        if more > 0:
            top = problem.max_replicas[service, region]
            ways.append(
                f"raise max_replicas of {axes.services[service]} in {axes.regions[region]} from "
                f"{top} to {top + more}"
            )
    for region, more in enumerate(relief.uplink_gbps):
        if more > 0:
            # Rounded up: what is said must do.
            enough = np.ceil(more * 100) / 100
            ways.append(f"add {enough:.2f} Gbit/s of uplink in {axes.regions[region]}")
    return ways

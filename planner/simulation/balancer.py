"""Where demand goes when an adaptive balancer routes every failure state and hour anew."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from planner.errors import PlannerError
from planner.problem.arrays import Bools, Floats, Ints, Problem, Solution
from planner.simulation.routing import Routing
from planner.units import gbps_from_payload

SLACK = 1e-6
"""Part of a demand or a limit below which a solver's rounding is no loss."""
LONGEST_RTT_MS = 1e5


def adaptive_routing(problem: Problem, solution: Solution) -> Routing:
    """Route the normal state as planned, every other state so that least is left unserved.

    A plan document does not hold the planned routing: without it the normal state is routed like
    the others, at its own ceiling.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    solution : Solution
        Replicas, and if known the normal state's `routing`.

    Returns
    -------
    Routing
        Parts by hour.

    Raises
    ------
    PlannerError
        If the solver gives a transport problem up.

    Notes
    -----
    Among routings that leave equally little unserved, the nearest regions serve.  The transport
    problem is solved within emergency capacity; uplinks are looked at only where that breaks them.
    Every hour is routed with full knowledge of it: a real balancer lags behind and does worse.
    """
    states, regions = problem.region_up.shape
    shape = (states, *problem.demand_rps.shape)
    share = np.zeros((*shape[:3], regions, shape[3]))
    capacity, uplink = np.zeros(shape), np.zeros(shape)
    planned = solution.routing
    if planned is not None:
        share[0] = planned * problem.state_admissible[0][..., None]
    for state in range(0 if planned is None else 1, states):
        for hour in range(shape[3]):
            flow, full, cut = _route(problem, solution.replicas, state, hour)
            share[state, ..., hour] = flow
            capacity[state, ..., hour], uplink[state, ..., hour] = full, cut
    asked = planned if planned is not None else share[0]
    nowhere, forbidden = _unreachable(problem, share[0], asked)
    if planned is None:
        nowhere[0] = np.maximum(nowhere[0] - capacity[0] - uplink[0], 0.0)
    return Routing(share, nowhere, forbidden, capacity, uplink)


def _unreachable(problem: Problem, normal: Floats, asked: Floats) -> tuple[Floats, Floats]:
    """Return the parts for which nothing is up, and those that nothing up may serve."""
    stuck = ~problem.state_admissible.any(axis=3)
    dark = (problem.region_up.sum(axis=1) == 0)[:, None, None]
    shape = (*problem.state_admissible.shape[:3], problem.demand_rps.shape[2])
    nowhere = np.broadcast_to((stuck & dark)[..., None], shape).astype(float)
    forbidden = np.broadcast_to((stuck & ~dark)[..., None], shape).astype(float)
    nowhere[0] = np.maximum(1.0 - asked.sum(axis=2), 0.0)
    forbidden[0] = (asked - normal).sum(axis=2)
    return np.where(nowhere > SLACK, nowhere, 0.0), np.where(forbidden > SLACK, forbidden, 0.0)


def _route(
    problem: Problem, replicas: Ints, state: int, hour: int
) -> tuple[Floats, Floats, Floats]:
    """Return shares [S, O, R] of a state and hour, and parts short of capacity or uplink [S, O]."""
    demand = problem.demand_rps[:, :, hour]
    allowed = problem.state_admissible[state] & (demand > 0)[:, :, None]
    room = problem.rps_per_replica * problem.ceiling_share[state] * replicas
    room = room * problem.region_up[state]
    reachable = allowed.any(axis=2)
    flow = _nearest(problem, state, allowed, demand)
    if not (flow.sum(axis=1) <= room * (1 + SLACK)).all():
        flow = _transport(problem, state, allowed, demand, room, with_uplink=False)
    full = np.where(reachable, demand - flow.sum(axis=2), 0.0)
    cut = np.zeros_like(full)
    if (_gbps(problem, flow) > problem.uplink_gbps * (1 + SLACK)).any():
        flow = _transport(problem, state, allowed, demand, room, with_uplink=True)
        left = np.where(reachable, demand - flow.sum(axis=2), 0.0)
        full = np.minimum(full, left)
        cut = left - full
    part = 1 / np.where(demand > 0, demand, 1.0)
    tiny = SLACK * demand
    full, cut = np.where(full > tiny, full, 0.0), np.where(cut > tiny, cut, 0.0)
    return flow * part[:, :, None], full * part, cut * part


def _gbps(problem: Problem, flow: Floats) -> Floats:
    """Return the traffic of each region, Gbit/s."""
    gbps: Floats = gbps_from_payload(1.0, 1.0) * (problem.payload_kib @ flow.sum(axis=1))
    return gbps


def _nearest(problem: Problem, state: int, allowed: Bools, demand: Floats) -> Floats:
    """Send everything to the nearest region that may serve it: best of all where it fits."""
    rtt = np.where(allowed, problem.state_rtt_ms[state], np.inf)
    flow = np.zeros(allowed.shape)
    some = np.where(allowed.any(axis=2), demand, 0.0)
    np.put_along_axis(flow, rtt.argmin(axis=2)[..., None], some[..., None], axis=2)
    return flow


def _transport(
    problem: Problem,
    state: int,
    allowed: Bools,
    demand: Floats,
    room: Floats,
    *,
    with_uplink: bool,
) -> Floats:
    """Serve as much as possible, then as near as possible, shape (S, O, R)."""
    service, origin, region = np.nonzero(allowed)
    count, (services, origins, regions) = service.size, allowed.shape
    flow = np.zeros(allowed.shape)
    if count == 0:
        return flow
    rows = [
        _incidence(service * origins + origin, np.ones(count), services * origins),
        _incidence(service * regions + region, np.ones(count), services * regions),
    ]
    limit = [demand.ravel(), room.ravel()]
    if with_uplink:
        rows.append(
            _incidence(region, gbps_from_payload(1.0, 1.0) * problem.payload_kib[service], regions)
        )
        limit.append(problem.uplink_gbps)
    rtt = np.minimum(problem.state_rtt_ms[state, origin, region], LONGEST_RTT_MS)
    # Small enough that a detour over all regions is never worth one request.
    near = 1e-3 / regions * rtt / max(float(rtt.max()), 1e-9)
    found = linprog(near - 1.0, vstack(rows), np.concatenate(limit), method="highs")
    if found.status != 0:
        raise PlannerError(f"routing a failure state failed: {found.message}")
    flow[service, origin, region] = np.maximum(found.x, 0.0)
    return flow


def _incidence(row: Ints, value: Floats, count: int) -> csr_array:
    """Return a sparse matrix with one entry a column."""
    return csr_array((value, (row, np.arange(row.size))), shape=(count, row.size))

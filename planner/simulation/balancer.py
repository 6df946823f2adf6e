"""Where demand goes when an adaptive balancer routes every failure state and hour anew."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, vstack

from planner.errors import PlannerError
from planner.problem.arrays import Bools, Floats, Ints, Problem, Solution
from planner.simulation.flows import Flows, merged
from planner.simulation.lost import CAUSES
from planner.simulation.routing import Routing
from planner.simulation.setting import CUT, INADMISSIBLE, NO_REGION, SERVICE, Setting
from planner.units import gbps_from_payload

SLACK = 1e-6
"""Part of a demand or a limit below which a solver's rounding is no loss."""
SHORT = CAUSES.index("capacity"), CAUSES.index("uplink")


def adaptive_routing(setting: Setting, solution: Solution, state: int) -> Routing:
    """Route the normal state as planned, any other so that least is left unserved.

    A plan document does not hold the planned routing: without it the normal state is routed like
    the others, at its own ceiling.

    Parameters
    ----------
    setting : Setting
        What holds.
    solution : Solution
        If known, the normal state's `routing`.
    state : int
        The state.

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
    problem is solved within emergency capacity; uplinks are looked at only where that breaks them,
    degraded paths not at all.  Every hour is routed with full knowledge of it: a real balancer lags
    behind and does worse.
    """
    if state == 0 and solution.routing is not None:
        return _planned(setting, solution.routing)
    hours = setting.problem.demand_rps.shape[2]
    found = [_route(setting, state, hour) for hour in range(hours)]
    share, full, cut = (np.stack(parts, axis=-1) for parts in zip(*found, strict=True))
    stuck = ~np.any(_allowed(setting, state), axis=2)
    rest = np.broadcast_to(stuck[..., None], full.shape).astype(float)
    if state == 0:
        rest = np.maximum(1.0 - share.sum(axis=2) - full - cut, 0.0)
    return _rows(setting, state, share, rest, (full, cut))


def _planned(setting: Setting, routing: Floats) -> Routing:
    """Return the normal state as planned."""
    share = routing * _allowed(setting, 0)[..., None]
    rest = np.maximum(1.0 - routing.sum(axis=2), 0.0)
    none = np.zeros_like(rest)
    found = _rows(setting, 0, share, rest, (none, none))
    forbidden = (routing - share).sum(axis=2)
    forbidden = np.where(forbidden > SLACK, forbidden, 0.0)
    kinds = [(found.sent, found.cause), _stopped(0, forbidden, INADMISSIBLE)]
    return _joined(kinds)


def _allowed(setting: Setting, state: int) -> Bools:
    """Return which regions serve which origins, a path there included, shape (S, O, R)."""
    allowed: Bools = setting.may_serve[state] & np.isfinite(setting.problem.state_rtt_ms[state])
    if setting.cut_share is not None:
        allowed &= setting.cut_share[state] == 0
    return allowed


def _rows(
    setting: Setting, state: int, share: Floats, rest: Floats, short: tuple[Floats, Floats]
) -> Routing:
    """Turn shares [S, O, R, H], what goes nowhere and what is short [S, O, H] into rows."""
    service, origin, region = np.nonzero((share > 0).any(axis=3))
    at = np.full(service.size, state)
    served = Flows(at, service, origin, region, share[service, origin, region])
    rest = np.where(rest > SLACK, rest, 0.0)
    nowhere = _nowhere(setting, state, rest)
    kinds = [(served, np.full(len(served), -1)), nowhere]
    kinds += [_stopped(state, part, cause) for part, cause in zip(short, SHORT, strict=True)]
    return _joined(kinds)


def _nowhere(setting: Setting, state: int, rest: Floats) -> tuple[Flows, Ints]:
    """Say why some demand goes nowhere: nothing up, the service down, no path, or not allowed."""
    flows, cause = _stopped(state, rest, NO_REGION)
    problem = setting.problem
    if not problem.region_up[state].any() or not len(flows) or state == 0:
        return flows, cause
    up = setting.service_up[state, flows.service]
    path = np.isfinite(problem.state_rtt_ms[state]) & problem.region_up[state]
    parted = ~path.any(axis=1)[flows.origin]
    return flows, np.select([~up, parted], [SERVICE, CUT], INADMISSIBLE)


def _stopped(state: int, share: Floats, cause: int) -> tuple[Flows, Ints]:
    """Return rows for what is not sent anywhere."""
    service, origin = np.nonzero((share > 0).any(axis=2))
    none = np.full(service.size, -1)
    at = np.full(service.size, state)
    return Flows(at, service, origin, none, share[service, origin]), np.full(service.size, cause)


def _joined(kinds: list[tuple[Flows, Ints]]) -> Routing:
    """Put rows of several kinds into one table; a balancer follows no order column."""
    cause = np.concatenate([why for _, why in kinds])
    return Routing(merged([flows for flows, _ in kinds]), np.full(cause.size, -1), cause)


def _route(setting: Setting, state: int, hour: int) -> tuple[Floats, Floats, Floats]:
    """Return shares [S, O, R] of a state and hour, and parts short of capacity or uplink [S, O]."""
    problem = setting.problem
    demand = setting.state_demand_rps(state)[:, :, hour]
    allowed = _allowed(setting, state) & (demand > 0)[:, :, None]
    room = problem.rps_per_replica * problem.ceiling_share[state] * setting.replicas[state]
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
    rtt = problem.state_rtt_ms[state, origin, region]
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

"""Cohorts: requests that go the same way before a failure, during it and after its repair.

All origins of a cohort meet the same servers and uplinks, so one fraction of it fails whoever sent
it; what happens needs to be followed for cohorts only, and is divided among origins afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import product

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem, Solution
from planner.problem.some_states import of_states
from planner.simulation.balancer import adaptive_routing
from planner.simulation.setting import Setting

EVENT, NORMAL = 0, 1
"""First axis of arrays that differ: during the event, and with everything up."""


@dataclass(frozen=True, eq=False)
class Cohorts:
    """Where requests go; regions and cells are indices, the last of which stands for nowhere.

    A *cell* is a region and the share of its uplink that paths degraded alike may use.

    Attributes
    ----------
    service : ndarray of int, shape (C,)
        Service of each cohort.
    before, after : ndarray of int, shape (2, C)
        Cell that the old and the new answer of DNS lead to, by `EVENT` and `NORMAL`; P where
        nothing serves them there.
    next_before, next_after : ndarray of int, shape (2, C)
        Cell to which that region passes on what it turns away; P for none.
    homeward : ndarray of bool, shape (C,)
        Whether the requests must reach the home region.
    astray_before, astray_after : ndarray of bool, shape (2, C)
        Whether they cannot, for want of a path.
    row_cohort, row_origin : ndarray of int, shape (N,)
        Cohort and origin of each row.
    row_share : ndarray, shape (N,)
        Part of the origin's demand for the service.
    cell_region : ndarray of int, shape (P,)
        Region of each cell.
    cell_share : ndarray, shape (P,)
        Part of its uplink that the cell may use during the event.
    """

    service: Ints
    before: Ints
    after: Ints
    next_before: Ints
    next_after: Ints
    homeward: Bools
    astray_before: Bools
    astray_after: Bools
    row_cohort: Ints
    row_origin: Ints
    row_share: Floats
    cell_region: Ints
    cell_share: Floats

    def __post_init__(self) -> None:
        for field in fields(self):
            getattr(self, field.name).flags.writeable = False


@dataclass(frozen=True, eq=False)
class _Ways:
    """Demand by the regions of its old and new answer, and those next in order; R for none."""

    service: Ints
    origin: Ints
    share: Floats
    region: Ints  # (2, 4, rows): by phase the old, the new, next to the old, next to the new


def cohorts(problem: Problem, solution: Solution, state: int, hour: int) -> Cohorts:
    """Group demand by its way from the normal state into another and back.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    solution : Solution
        Shares and orders.
    state : int
        The failure state.
    hour : int
        Index of the hour whose routing holds under adaptive steering.

    Returns
    -------
    Cohorts
        Rows with a share above 0.

    Notes
    -----
    Where no region of an order is up, DNS keeps the old answer.  A balancer that steers adaptively
    is taken to go from the hour's normal routing to that of the state, leaving as many requests as
    possible where they are.
    """
    adaptive = problem.steering == "adaptive"
    ways = (
        _balanced(problem, solution, state, hour) if adaptive else _static(problem, solution, state)
    )
    return _grouped(problem, state, ways)


def _static(problem: Problem, solution: Solution, state: int) -> _Ways:
    """Follow every share to the first region of its order that is up, then and now."""
    up, order = problem.region_up[[state, 0]], solution.order
    old, new = _next_up(order, up[NORMAL]), _next_up(order, up[EVENT])
    # With nothing left to answer with, DNS keeps the old answer.
    new = np.where(new == up.shape[1], old, new)
    beyond = _place(order, old), _place(order, new)
    region = np.stack(
        [np.stack([old, new, *(_next_up(order, alive, place) for place in beyond)]) for alive in up]
    )
    columns = [np.flatnonzero(solution.host == host) for host in problem.host_of_service]
    service = np.repeat(np.arange(len(columns)), [mine.size for mine in columns])
    column = np.concatenate(columns)
    return _Ways(service, solution.origin[column], solution.share[column], region[..., column])


def _next_up(order: Ints, region_up: Bools, beyond: Ints | None = None) -> Ints:
    """Return the first region of each order, beyond a place, that is up; R where none is."""
    up = (order >= 0) & region_up[order]
    if beyond is not None:
        up &= np.arange(order.shape[1]) > beyond[:, None]
    first = np.take_along_axis(order, up.argmax(axis=1)[:, None], axis=1)[:, 0]
    found: Ints = np.where(up.any(axis=1), first, region_up.size)
    return found


def _place(order: Ints, region: Ints) -> Ints:
    """Return where each order names a region; beyond its end where it does not."""
    there = order == region[:, None]
    place: Ints = np.where(there.any(axis=1), there.argmax(axis=1), order.shape[1])
    return place


def _balanced(problem: Problem, solution: Solution, state: int, hour: int) -> _Ways:
    """Couple the routings of two states so that as little as possible moves."""
    share = _adaptive_shares(problem, solution, state, hour)
    rest = np.maximum(1 - share.sum(axis=3, keepdims=True), 0.0)
    old, new = np.concatenate([share, rest], axis=3)
    stay = np.minimum(old, new)
    gone, come = old - stay, new - stay
    total = np.maximum(come.sum(axis=2), 1e-300)[..., None, None]
    part = gone[..., :, None] * come[..., None, :] / total
    size = stay.shape[2]
    part[..., np.arange(size), np.arange(size)] += stay
    service, origin, before, after = np.nonzero(part > 1e-12)
    nowhere = np.full(before.size, size - 1)
    region = np.stack([np.stack([before, after, nowhere, nowhere])] * 2)
    return _Ways(service, origin, part[service, origin, before, after], region)


def _adaptive_shares(problem: Problem, solution: Solution, state: int, hour: int) -> Floats:
    """Return the routing of the normal state and another in one hour, shape (2, S, O, R)."""
    small = _two_states(problem, state, hour)
    planned = None if solution.routing is None else solution.routing[..., [hour]]
    asked = replace(solution, routing=planned)
    setting = Setting(small, np.stack([solution.replicas] * 2), late_counts=False, spill_over=False)
    share = np.zeros((2, *problem.latency_ms.shape))
    for k in (0, 1):
        routing = adaptive_routing(setting, asked, k)
        sent = routing.sent.of(routing.cause < 0)
        np.add.at(share[k], (sent.service, sent.origin, sent.region), sent.in_hour(0))
    return share


def _two_states(problem: Problem, state: int, hour: int) -> Problem:
    """Return the problem with the normal state, another, and one hour."""
    states, conditions = [0, state], problem.conditions
    if conditions is not None:
        factor = conditions.demand_factor
        conditions = replace(
            conditions,
            reachable=conditions.reachable[states],
            demand_factor=None if factor is None else factor[states],
            uplink_share=None,
            tunnels=None,
            cut_share=None if conditions.cut_share is None else conditions.cut_share[states],
        )
    two = of_states(problem, np.array(states))
    return replace(
        two,
        axes=replace(two.axes, hours=(problem.axes.hours[hour],)),
        demand_rps=problem.demand_rps[..., [hour]],
        state_region_rtt_ms=None,
        conditions=conditions,
    )


def _grouped(problem: Problem, state: int, ways: _Ways) -> Cohorts:
    """Give each different way a cohort."""
    cells, cell_region, cell_share = _cells(problem, state)
    key, origin, share = _keys(problem, state, ways, cells, cell_region.size)
    unique, cohort = np.unique(key, axis=1, return_inverse=True)
    origins = len(problem.axes.origins)
    place, row = np.unique(cohort.ravel() * origins + origin, return_inverse=True)
    return Cohorts(
        service=unique[0],
        homeward=unique[1] == 1,
        before=unique[[2, 6]],
        after=unique[[3, 7]],
        next_before=unique[[4, 8]],
        next_after=unique[[5, 9]],
        astray_before=unique[[10, 12]] == 1,
        astray_after=unique[[11, 13]] == 1,
        row_cohort=place // origins,
        row_origin=place % origins,
        row_share=np.bincount(row.ravel(), share, place.size).astype(np.float64),
        cell_region=cell_region,
        cell_share=cell_share,
    )


def _keys(
    problem: Problem, state: int, ways: _Ways, cells: Ints, nowhere: int
) -> tuple[Ints, Ints, Floats]:
    """Return what tells cohorts apart, one column a row, with origins and shares."""
    served = np.stack([_reachable(problem, state), _reachable(problem, 0)])
    served = np.concatenate([served, np.zeros((*served.shape[:3], 1), bool)], axis=3)
    cells = np.concatenate([cells, np.full((len(cells), 1), nowhere)], axis=1)
    phase = np.arange(2)[:, None, None]
    reached = served[phase, ways.service, ways.origin, ways.region]
    cell = np.where(reached, cells[ways.origin, ways.region], nowhere)
    astray = _astray(problem, state)[phase, ways.service, ways.region[:, :2]].reshape(4, -1)
    home = problem.home_share[ways.service]
    cut = _cut_share(problem, state, ways)
    keys, origins, shares = [], [], []
    for homeward, off in product((0, 1), (0, 1)):
        part = (home if homeward else 1 - home) * (cut if off else 1 - cut)
        kept = (ways.share > 0) & (part > 0)
        lost = astray & (homeward == 1)
        place = cell.copy()
        if off:
            place[EVENT, :2] = nowhere
        key = np.vstack([ways.service, np.full(kept.size, homeward), place.reshape(8, -1), lost])
        keys.append(key[:, kept])
        origins.append(ways.origin[kept])
        shares.append((ways.share * part)[kept])
    return np.concatenate(keys, axis=1), np.concatenate(origins), np.concatenate(shares)


def _cut_share(problem: Problem, state: int, ways: _Ways) -> Floats:
    """Return the part of each row's users that cannot reach its new region, others can."""
    conditions, new = problem.conditions, ways.region[EVENT, 1]
    if conditions is None or conditions.cut_share is None or problem.steering == "adaptive":
        return np.zeros(ways.share.size)
    cut = np.concatenate([conditions.cut_share[state], np.zeros((len(problem.rtt_ms), 1))], axis=1)
    share: Floats = cut[ways.origin, new]
    return share


def _cells(problem: Problem, state: int) -> tuple[Ints, Ints, Floats]:
    """Return the cell of each origin and region [O, R], its region and its share of the uplink."""
    origins, regions = problem.rtt_ms.shape
    conditions = problem.conditions
    share = np.ones((origins, regions))
    if conditions is not None and conditions.uplink_share is not None:
        share = conditions.uplink_share[state]
    key = np.stack([np.broadcast_to(np.arange(regions), share.shape).ravel(), share.ravel()])
    unique, cell = np.unique(key, axis=1, return_inverse=True)
    return cell.reshape(share.shape), unique[0].astype(np.int64), unique[1]


def _reachable(problem: Problem, state: int) -> Bools:
    """Return which regions can serve which origins in a state, late or not, shape (S, O, R)."""
    path = np.isfinite(problem.state_rtt_ms[state]) & problem.region_up[state]
    if problem.conditions is not None:
        allowed = problem.conditions.reachable[state]
    else:
        allowed = problem.admissible | problem.state_admissible.any(axis=0)
    reachable: Bools = allowed & path
    return reachable


def _astray(problem: Problem, state: int) -> Bools:
    """Return whether no path leads from a region to the home region, shape (2, S, R + 1)."""
    shape = (2, len(problem.axes.services), len(problem.axes.regions) + 1)
    astray = np.zeros(shape, bool)
    for phase, k in ((EVENT, state), (NORMAL, 0)):
        for service, home in enumerate(problem.home_region[k]):
            if home >= 0:
                astray[phase, service, :-1] = ~np.isfinite(problem.region_rtt_ms(k)[:, home])
    return astray

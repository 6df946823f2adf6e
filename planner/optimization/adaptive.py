"""The search of adaptive steering: cuts at the relaxation, then at integers, until none is broken.

The relaxation's replicas rounded up are a first plan, so that a limit finds one; the solver's own
tree looks for better ones.
"""

from __future__ import annotations

import time

import numpy as np

from planner.optimization.columns import lost_usd_per_rps
from planner.optimization.condensed import Condensed, condensed, unrouted_program
from planner.optimization.cuts import SUBSET_LIMIT
from planner.optimization.explain import explain
from planner.optimization.group_routing import routing_by_group
from planner.optimization.highs_answers import solver_version
from planner.optimization.master import fixed_and_replica_usd, integers_of, state_groups
from planner.optimization.milp import MilpResult
from planner.optimization.neighbourhood import NearSearch, Point, better
from planner.optimization.normal_routing import open_pairs, routing_bound
from planner.optimization.repair import repaired
from planner.optimization.rerouting import (
    AdaptiveProgram,
    adaptive_program,
    add_broken_cuts,
    add_prices,
    unpriced,
)
from planner.optimization.service_routing import SeparateRouting
from planner.optimization.side_by_side import side_by_side
from planner.optimization.stopping import Stop, closed, no_plan
from planner.optimization.tree_search import LANES, Price, Priced, TreeSearch
from planner.optimization.uplinks import may_bind
from planner.problem.arrays import Bools, Floats, Problem, Solution
from planner.problem.packing import fits

FLOW_LIMIT = 20_000
"""Up to so many flows the program carries them through the search with integers."""

CROWDED_LIMIT = 8_000
"""So many where most regions are full: there the search has to branch, not only to round."""

_TRACE = 1e-12
"""A share that only rounding leaves: where nothing runs it would be an infinite utilisation."""

_GRACE_S = 10.0
"""Seconds after the end in which a plan at hand may be proven to hold, or a first one made."""


def solve_adaptive(problem: Problem, *, gap: float, stop: Stop, seed: int) -> Solution:
    """Find the cheapest replicas with which every promised state can be re-routed.

    Parameters
    ----------
    problem : Problem
        The problem as arrays; services behind one host are routed each on its own.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Solution
        Replicas and the normal state's routing.

    Raises
    ------
    Infeasible
        If no plan keeps every promise.
    SolverStopped
        If none was found before the search ended.

    Notes
    -----
    Beyond `FLOW_LIMIT` flows (`CROWDED_LIMIT` where most regions are full) the search with integers
    prices the normal state's routing instead of carrying it; where latency costs nothing and no
    uplink can be full, no flow is ever made.
    """
    started = time.perf_counter()
    if _nowhere(problem).any():
        raise explain(problem, None, seed)
    routed = _needs_flows(problem)
    adaptive = adaptive_program(problem, seed) if routed else unrouted_program(problem, seed)
    root = _tighten(adaptive, gap, stop)
    if root.status == "infeasible":
        raise explain(problem, None, seed)
    most = CROWDED_LIMIT if _crowded(adaptive, root) else FLOW_LIMIT
    large = not routed or (adaptive.flow >= 0).sum() > most
    phase = _near if large else _integers
    best, bound = phase(adaptive, root, gap, stop)
    if best is None and bound == np.inf:
        raise explain(problem, None, seed)
    if best is None:
        raise no_plan(bound)
    return _solution(adaptive, best, min(bound, best.objective), gap, seed, started)


def _nowhere(problem: Problem) -> Bools:
    """Return the promised (state, service, origin) with demand and no region to go to."""
    calls = problem.demand_rps.max(axis=2) > 0
    reach = (problem.state_admissible & problem.region_up[:, None, None, :]).any(axis=3)
    nowhere: Bools = problem.must_survive[:, None, None] & calls & ~reach
    return nowhere


def _needs_flows(problem: Problem) -> bool:
    """Return whether the normal state's routing costs something, can be full, or is small."""
    pairs = open_pairs(problem).sum()
    if pairs <= FLOW_LIMIT or problem.usd_per_ms > 0:
        return True
    return _shares_uplinks(problem)


def _shares_uplinks(problem: Problem) -> bool:
    """Return whether an uplink can be full in the normal state."""
    groups = [state_groups(problem, 0, s) for s in range(problem.min_replicas.shape[0])]
    return bool(may_bind(problem, groups).any())


def _crowded(adaptive: AdaptiveProgram, root: MilpResult) -> bool:
    """Return whether more than half of the regions are full at the relaxation."""
    if root.x is None:
        return False
    limits, count = adaptive.master.limits, root.x[adaptive.master.replicas]
    pods = count + adaptive.problem.surge_replicas[:, None] * (count > 0)
    full = limits.used(pods) >= limits.room * (1 - 1e-6)
    full &= np.isfinite(limits.room) & limits.rows(count > 0)
    return bool(full.any(axis=1).mean() > 0.5)


def _near(
    adaptive: AdaptiveProgram, root: MilpResult, gap: float, stop: Stop
) -> tuple[Point | None, float]:
    """Solve with integers without carrying flows; return the best point and the bound."""
    if root.x is None:
        root = adaptive.program.relaxation(Stop(_GRACE_S))
    best, bound = _first(adaptive, root, stop), root.bound
    stop.tell(best.objective if best else None, bound)
    if root.x is None or root.row_dual is None or stop.passed():
        return best, bound
    routed = bool((adaptive.flow >= 0).any())
    none = np.empty(0, np.int64)
    small = condensed(adaptive, root) if routed else Condensed(adaptive, none, none)

    def evaluate(replicas: Floats) -> Point | None:
        point, dual = _routed(adaptive, replicas, stop)
        if dual is not None and routed:
            price = routing_bound(adaptive.problem, adaptive.routing, adaptive.one_rps[0], dual)
            small.add_bound(price, replicas)
        return point

    centre = root.x[adaptive.master.replicas]
    search = NearSearch(small, evaluate, centre, gap, stop, best, bound)
    price = _by_lane(adaptive, stop) if small.level.size else None
    if price is not None:
        search.tighten()
    else:
        search.run()
    if stop.passed() or closed(search.value, search.bound, gap):
        return search.best, search.bound
    known = search.best, search.bound
    tree = TreeSearch(small, evaluate, gap, stop, *known, price=price, look=search.look)
    tree.run()
    return tree.best, tree.bound


def _by_lane(adaptive: AdaptiveProgram, stop: Stop) -> Price | None:
    """Return what prices routing lane by lane; None where services share uplinks."""
    if _shares_uplinks(adaptive.problem):
        return None
    routers = [SeparateRouting.of(adaptive.problem, adaptive.one_rps[0]) for _ in range(LANES)]

    def price(points: list[list[Floats]]) -> list[list[Priced]]:
        def lane(at: int) -> list[Priced]:
            return [routers[at].bound(replicas, stop) for replicas in points[at]]

        return side_by_side(lane, range(LANES))

    return price


def _tighten(adaptive: AdaptiveProgram, gap: float, stop: Stop) -> MilpResult:
    """Add cuts at the relaxation until none is broken; return its last answer."""
    replicas = adaptive.master.replicas
    while True:
        result = adaptive.program.relaxation(stop)
        if result.x is None or stop.passed():
            return result
        slack_usd = gap * abs(result.objective) / 3
        added = add_broken_cuts(adaptive, result.x[replicas], stop)
        if stop.passed():
            return result
        if not added + add_prices(adaptive, result.x, slack_usd):
            return result


def _integers(
    adaptive: AdaptiveProgram, root: MilpResult, gap: float, stop: Stop
) -> tuple[Point | None, float]:
    """Solve with integers until an answer breaks no cut; return the best point and the bound."""
    first = _first if adaptive.one_rps.shape[2] > SUBSET_LIMIT else _rounded_up
    best, bound = first(adaptive, root, stop), root.bound
    stop.tell(best.objective if best else None, bound)
    # Where nothing lost is priced, the solver's gap is the plan's.
    part = gap / 3 if lost_usd_per_rps(adaptive.problem).any() else 0.9 * gap
    while not stop.passed() and not closed(best.objective if best else None, bound, gap):
        result = adaptive.program.integral(stop, part)
        if result.status == "infeasible":
            return None, np.inf
        bound = max(bound, result.bound)
        if result.x is None:
            break
        x = np.array(result.x)
        x[adaptive.master.integer] = np.rint(x[adaptive.master.integer])
        last = Stop(stop.left_s() + _GRACE_S)
        broken = add_broken_cuts(adaptive, x[adaptive.master.replicas], last)
        if not broken and last.passed():
            break
        if not broken:
            best = better(best, Point(x, _objective_usd(adaptive, x)))
            stop.tell(best.objective if best else None, bound)
        if not broken + add_prices(adaptive, x, gap * abs(result.objective) / 3):
            break
    return best, bound


def _first(adaptive: AdaptiveProgram, root: MilpResult, stop: Stop) -> Point | None:
    """Return the better of the relaxation rounded up and the relaxation repaired.

    A search that was ended before it had a plan gets a little time to make this one.
    """
    last = Stop(_GRACE_S) if stop.passed() else stop
    best = _rounded_up(adaptive, root, last)
    if root.x is None:
        return best
    count = repaired(adaptive, root.x[adaptive.master.replicas], last)
    if count is None or add_broken_cuts(adaptive, count.astype(float), last) or last.passed():
        return best
    return better(best, _routed(adaptive, count.astype(float), last)[0])


def _rounded_up(adaptive: AdaptiveProgram, root: MilpResult, stop: Stop) -> Point | None:
    """Round the relaxation's replicas up, if they fit, and route the normal state for them."""
    if root.x is None:
        return None
    problem, master = adaptive.problem, adaptive.master
    count = np.ceil(root.x[master.replicas] - 1e-6).astype(np.int64)
    count = np.where((count > 0) | problem.pinned, np.maximum(count, problem.min_replicas), 0)
    if (count > master.bound).any() or not fits(problem, master.limits, count).all():
        return None
    if add_broken_cuts(adaptive, count.astype(float), stop) or stop.passed():
        return None
    return _routed(adaptive, count.astype(float), stop)[0]


def _routed(
    adaptive: AdaptiveProgram, count: Floats, stop: Stop
) -> tuple[Point | None, Floats | None]:
    """Route the normal state for replicas; return the point, and the duals of the program."""
    program, whole = adaptive.program, adaptive.master.integer
    fixed = integers_of(count)
    with program.bounded(whole, fixed, fixed):
        result = program.relaxation(stop)
    if result.x is None or result.status != "optimal":
        return None, None
    x = np.array(result.x)
    x[whole] = fixed
    return Point(x, _objective_usd(adaptive, x)), result.row_dual


def _objective_usd(adaptive: AdaptiveProgram, x: Floats) -> float:
    """Return what a point costs, lost requests priced exactly."""
    problem = adaptive.problem
    fixed, running = fixed_and_replica_usd(problem, x[adaptive.master.replicas])
    flow = adaptive.flow[adaptive.flow >= 0]
    steering = float(adaptive.program.cost[flow] @ x[flow])
    lost = sum(usd for *_, usd, _ in unpriced(adaptive, x, all_of_it=True))
    return fixed + running + steering + lost


def _solution(
    adaptive: AdaptiveProgram,
    best: Point,
    bound: float,
    gap: float,
    seed: int,
    started: float,
) -> Solution:
    """Read the point back."""
    x, none = best.x, np.empty(0, np.int64)
    replicas = np.rint(x[adaptive.master.replicas]).astype(np.int64)
    if (adaptive.flow >= 0).any():
        routing = np.where(adaptive.flow >= 0, np.clip(x[adaptive.flow], 0.0, 1.0), 0.0)
    else:
        routing = routing_by_group(adaptive.problem, replicas)
    return Solution(
        replicas=replicas,
        host=none,
        origin=none,
        order=none.reshape(0, 1),
        share=np.empty(0),
        routing=without_traces(routing),
        objective=best.objective,
        bound=bound,
        status="optimal" if closed(best.objective, bound, gap) else "limit",
        solver=solver_version(),
        seed=seed,
        seconds=time.perf_counter() - started,
    )


def without_traces(routing: Floats) -> Floats:
    """Return shares without those that are only what rounding leaves of nothing.

    Parameters
    ----------
    routing : ndarray, shape (S, O, R, H)
        Shares; over the regions they add up to about 1, or to 0 where there is no demand.

    Returns
    -------
    ndarray, shape (S, O, R, H)
        They add up to 1, or are all 0.

    Examples
    --------
    >>> without_traces(np.array([0.5, 0.5, 1e-16]).reshape(1, 1, 3, 1)).ravel().tolist()
    [0.5, 0.5, 0.0]
    """
    kept = np.where(routing < _TRACE, 0.0, routing)
    shares: Floats = kept / np.maximum(kept.sum(axis=2, keepdims=True), 1e-300)
    return shares

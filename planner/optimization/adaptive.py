"""The search of adaptive steering: cuts at the relaxation, then at integers, until none is broken.

The relaxation's replicas rounded up are a first plan, so that a limit finds one; the solver's own
tree looks for better ones.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from planner.errors import SolverStopped
from planner.optimization.explain import explain
from planner.optimization.master import fixed_and_replica_usd
from planner.optimization.milp import MilpResult, solver_version
from planner.optimization.rerouting import (
    AdaptiveProgram,
    adaptive_program,
    add_broken_cuts,
    add_prices,
    unpriced,
)
from planner.optimization.stopping import Stop, closed
from planner.problem.arrays import Bools, Floats, Problem, Solution
from planner.problem.packing import fits


@dataclass(frozen=True)
class _Point:
    """A point of the program that keeps every promise, and its true objective."""

    x: Floats
    objective: float


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
        If none was found before the limit.

    Notes
    -----
    The limit is looked at between solves and the solver is told what is left: separating cuts
    for many states and regions can overrun it by one round.
    """
    started = time.perf_counter()
    if _nowhere(problem).any():
        raise explain(problem, None, seed)
    adaptive = adaptive_program(problem, seed)
    root = _tighten(adaptive, gap, stop)
    if root.status == "infeasible":
        raise explain(problem, None, seed)
    best, bound = _integers(adaptive, root, gap, stop)
    if best is None and bound == np.inf:
        raise explain(problem, None, seed)
    if best is None:
        raise SolverStopped(
            f"no plan was found before the limit; the bound is {bound:,.2f} USD a month"
        )
    return _solution(adaptive, best, min(bound, best.objective), gap, seed, started)


def _nowhere(problem: Problem) -> Bools:
    """Return the promised (state, service, origin) with demand and no region to go to."""
    calls = problem.demand_rps.max(axis=2) > 0
    reach = (problem.state_admissible & problem.region_up[:, None, None, :]).any(axis=3)
    nowhere: Bools = problem.must_survive[:, None, None] & calls & ~reach
    return nowhere


def _tighten(adaptive: AdaptiveProgram, gap: float, stop: Stop) -> MilpResult:
    """Add cuts at the relaxation until none is broken; return its last answer."""
    replicas = adaptive.master.replicas
    while True:
        result = adaptive.program.relaxation(stop)
        if result.x is None or stop.passed():
            return result
        slack_usd = gap * abs(result.objective) / 3
        added = add_broken_cuts(adaptive, result.x[replicas])
        if not added + add_prices(adaptive, result.x, slack_usd):
            return result


def _integers(
    adaptive: AdaptiveProgram, root: MilpResult, gap: float, stop: Stop
) -> tuple[_Point | None, float]:
    """Solve with integers until an answer breaks no cut; return the best point and the bound."""
    best, bound = _rounded_up(adaptive, root, stop), root.bound
    stop.tell(best.objective if best else None, bound)
    while not stop.passed() and not closed(best.objective if best else None, bound, gap):
        result = adaptive.program.integral(stop, gap / 3)
        if result.status == "infeasible":
            return None, np.inf
        bound = max(bound, result.bound)
        if result.x is None:
            break
        x = np.array(result.x)
        x[adaptive.master.integer] = np.rint(x[adaptive.master.integer])
        broken = add_broken_cuts(adaptive, x[adaptive.master.replicas])
        if not broken:
            best = _better(best, _Point(x, _objective_usd(adaptive, x)))
            stop.tell(best.objective, bound)
        if not broken + add_prices(adaptive, x, gap * abs(result.objective) / 3):
            break
    return best, bound


def _better(one: _Point | None, other: _Point) -> _Point:
    """Return the cheaper point."""
    return one if one is not None and one.objective <= other.objective else other


def _rounded_up(adaptive: AdaptiveProgram, root: MilpResult, stop: Stop) -> _Point | None:
    """Round the relaxation's replicas up, if they fit, and route the normal state for them."""
    if root.x is None:
        return None
    problem, master, program = adaptive.problem, adaptive.master, adaptive.program
    count = np.ceil(root.x[master.replicas] - 1e-6).astype(np.int64)
    count = np.where((count > 0) | problem.pinned, np.maximum(count, problem.min_replicas), 0)
    if (count > master.bound).any() or not fits(problem, master.limits, count).all():
        return None
    whole = master.integer
    fixed = np.concatenate([(count > 0).any(axis=0), (count > 0).ravel(), count.ravel()])
    low, high = (side.copy() for side in program.bounds(whole))
    program.bound_columns(whole, fixed.astype(float), fixed.astype(float))
    result = program.relaxation(stop)
    program.bound_columns(whole, low, high)
    if result.x is None or add_broken_cuts(adaptive, count.astype(float)):
        return None
    x = np.array(result.x)
    x[whole] = fixed
    return _Point(x, _objective_usd(adaptive, x))


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
    best: _Point,
    bound: float,
    gap: float,
    seed: int,
    started: float,
) -> Solution:
    """Read the point back."""
    x, none = best.x, np.empty(0, np.int64)
    routing = np.where(adaptive.flow >= 0, np.clip(x[adaptive.flow], 0.0, 1.0), 0.0)
    routing /= np.maximum(routing.sum(axis=2, keepdims=True), 1e-300)
    return Solution(
        replicas=np.rint(x[adaptive.master.replicas]).astype(np.int64),
        host=none,
        origin=none,
        order=none.reshape(0, 1),
        share=np.empty(0),
        routing=routing,
        objective=best.objective,
        bound=bound,
        status="optimal" if closed(best.objective, bound, gap) else "limit",
        solver=solver_version(),
        seed=seed,
        seconds=time.perf_counter() - started,
    )

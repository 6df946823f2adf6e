"""Least movement where a balancer steers: the fewest replicas started and stopped at little cost.

How much demand moves is not asked: the balancer routes each moment anew, and an adaptive plan
records one hour of it.  The second step is the program of adaptive steering with its cost as a row
and the changes of replicas as its objective; the routing of what it finds is then made the
cheapest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.errors import SolverStopped
from planner.optimization.master import integers_of
from planner.optimization.milp import MilpResult
from planner.optimization.moves import priced
from planner.optimization.optimize import solve
from planner.optimization.rerouting import (
    AdaptiveProgram,
    adaptive_program,
    add_broken_cuts,
    add_prices,
)
from planner.optimization.rows import rows
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints, Problem, Solution
from planner.problem.packing import fits


@dataclass
class _Changes:
    """The program of adaptive steering, priced by the replicas that change."""

    adaptive: AdaptiveProgram
    before: Ints
    price: Floats
    most_usd_month: float


def fewest_changes(
    problem: Problem, before: Ints, first: Solution, most_usd_month: float, stop: Stop, seed: int
) -> tuple[Solution, float]:
    """Find the plan that starts and stops the fewest replicas.

    Parameters
    ----------
    problem : Problem
        A problem with a balancer.
    before : ndarray of int, shape (S, R)
        Replicas of the earlier plan.
    first : Solution
        The cheapest plan.
    most_usd_month : float
        What a plan may cost, US dollars a month.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Solution
        The plan with its cheapest routing; `first` where nothing nearer was found.
    float
        Proven lower bound on the replicas that change.
    """
    changes = _changes(problem, before, most_usd_month, seed)
    root = _settled(changes, stop)
    bound = root.objective - 1 if root.status == "optimal" else 0.0
    near = _towards(changes, first.replicas, stop)
    same = (near == first.replicas).all()
    found = first if same else _routed(problem, near, stop, seed) or first
    best = int(np.abs(found.replicas - before).sum())
    while not stop.passed() and np.ceil(bound - 1e-6) < best:
        # Counts are whole: less than one in all tells nothing.
        result = changes.adaptive.program.integral(stop, 0.9 / (2 + best))
        if result.x is None:
            break
        bound = max(bound, result.bound - 1)
        if _completed(changes, result.x, 0.0):
            continue
        replicas = np.rint(result.x[changes.adaptive.master.replicas]).astype(np.int64)
        if not fits(problem, changes.adaptive.master.limits, replicas).all():
            # Rows cannot say all that packing at best asks for.
            break
        nearer = _routed(problem, replicas, stop, seed)
        if nearer is not None and int(np.abs(nearer.replicas - before).sum()) < best:
            found = nearer
        break
    return found, max(0.0, float(np.ceil(bound - 1e-6)))


def _changes(problem: Problem, before: Ints, most_usd_month: float, seed: int) -> _Changes:
    """Add the replicas that change to the program of adaptive steering."""
    adaptive = adaptive_program(problem, seed)
    program, n = adaptive.program, adaptive.master.replicas.ravel()
    base = program.add_columns(0.0, 1.0, 1.0)
    more, fewer = (program.add_columns(np.zeros(n.size), 0.0, np.inf) for _ in range(2))
    then, one = before.ravel().astype(float), np.ones(n.size)
    column, value = np.concatenate([n, more, fewer]), np.concatenate([one, -one, one])
    program.add_rows(rows(then, then, np.tile(np.arange(n.size), 3), column, value))
    price = np.zeros(program.columns)
    price[np.concatenate([base, more, fewer])] = 1.0
    price = priced(program, price, most_usd_month)
    return _Changes(adaptive, before, price, most_usd_month)


def _settled(changes: _Changes, stop: Stop) -> MilpResult:
    """Solve the relaxation until it breaks no cut and pays for all that is lost."""
    while True:
        result = changes.adaptive.program.relaxation(stop)
        if result.status != "optimal" or result.x is None or stop.passed():
            return result
        if not _completed(changes, result.x, 1e-7 * changes.most_usd_month):
            return result


def _completed(changes: _Changes, x: Floats, slack_usd: float) -> int:
    """Add the cuts that a point breaks and the prices that it does not pay; return how many."""
    adaptive = changes.adaptive
    replicas = x[adaptive.master.replicas]
    columns = adaptive.program.columns
    added = add_broken_cuts(adaptive, replicas) + add_prices(adaptive, x, slack_usd)
    if adaptive.program.columns > columns:
        changes.price = priced(adaptive.program, changes.price, changes.most_usd_month)
    return added


def _towards(changes: _Changes, replicas: Ints, stop: Stop) -> Ints:
    """Put each count back to what it was before, the farthest first, as long as all is kept."""
    before, now = changes.before, replicas
    away = np.abs(replicas - before).ravel()
    for at in np.argsort(-away, kind="stable")[: np.count_nonzero(away)].tolist():
        trial = now.copy()
        trial.flat[at] = before.flat[at]
        if not stop.passed() and _holds(changes, trial, stop):
            now = trial
    return now


def _holds(changes: _Changes, replicas: Ints, stop: Stop) -> bool:
    """Return whether replicas keep every promise at the capped cost."""
    adaptive, master = changes.adaptive, changes.adaptive.master
    problem = adaptive.problem
    least = np.where((replicas > 0) | problem.pinned, problem.min_replicas, 0)
    if (replicas > master.bound).any() or (replicas < least).any():
        return False
    if not fits(problem, master.limits, replicas).all():
        return False
    fixed = integers_of(replicas)
    with adaptive.program.bounded(master.integer, fixed, fixed):
        result = _settled(changes, stop)
    return result.status == "optimal" and not stop.passed()


def _routed(problem: Problem, replicas: Floats | Ints, stop: Stop, seed: int) -> Solution | None:
    """Return the cheapest plan with these replicas; None where the search ended before it."""
    count = np.rint(replicas).astype(np.int64)
    held = replace(problem, min_replicas=count, max_replicas=count, pinned=count > 0)
    try:
        return solve(held, gap=1e-9, time_limit_s=stop.left_s(), seed=seed, stop=stop)
    except SolverStopped:
        return None

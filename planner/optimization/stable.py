"""Least movement: of all plans that cost little more than the cheapest, the nearest to an old one.

Two steps: the least cost; then, at most a tolerance above its proven bound, the least movement from
the earlier plan.  So a small change of demand does not send half of the world elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from planner.optimization.backups import near_backups
from planner.optimization.candidates import Candidate, clean, exact, judged, rounded_up, tidied
from planner.optimization.columns import OrderColumns, order_columns
from planner.optimization.movement import Kept, Movement, kept, movement
from planner.optimization.moves import (
    MoveProgram,
    aim,
    completed,
    move_program,
    settled,
    start_of,
)
from planner.optimization.optimize import solve
from planner.optimization.rows import rows
from planner.optimization.stable_adaptive import fewest_changes
from planner.optimization.static import StaticProgram, static_program
from planner.optimization.steered import steered
from planner.optimization.stopping import Standing, Stop, interruptible
from planner.problem.arrays import Floats, Problem, Solution
from planner.problem.previous import Previous

_TIDY = 1e-3
"""What rounding shares and bringing backups near may add to the score."""


@dataclass(frozen=True)
class Stable:
    """A plan near an earlier one.

    Attributes
    ----------
    solution : Solution
        The plan; its bound is that on the cost of any plan.
    moved : Movement
        How far it is from the earlier plan.
    bound : float
        Proven lower bound on the score of every plan that costs no more than allowed.
    cheapest : Solution
        The cheapest plan, for comparison.
    cheapest_moved : Movement
        How far that is from the earlier plan.
    """

    solution: Solution
    moved: Movement
    bound: float
    cheapest: Solution
    cheapest_moved: Movement


def solve_stable(
    problem: Problem,
    previous: Previous,
    *,
    tolerance: float = 0.01,
    gap: float = 1e-4,
    time_limit_s: float = 60.0,
    seed: int = 0,
    watch: Callable[[Standing], None] | None = None,
    stop: Stop | None = None,
) -> Stable:
    """Find the plan that moves least from an earlier one at little more than the least cost.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    previous : Previous
        The earlier plan on the problem's axes.
    tolerance : float
        What it may cost more than the proven bound of the cheapest, as a share of that.
    gap : float
        Relative gap at which the first step stops; the second stops where the score is proven to
        within so much of all demand.
    time_limit_s : float
        Seconds for both steps; the first may take half.
    seed : int
        Random seed of the solver.
    watch : callable, optional
        Told how far the first step is.
    stop : Stop, optional
        That of the work which both steps are a part of, as for `solve`.

    Returns
    -------
    Stable
        Plan, movement and bound; the cheapest plan beside it.

    Raises
    ------
    Infeasible
        If no plan keeps every promise.
    SolverStopped
        If no plan was found before the search ended.
    ValueError
        If the tolerance is negative, or ``dns.rules`` asks for other than shares at will.

    Notes
    -----
    The plan costs at most ``(1 + tolerance)`` times the bound, or what the first step found where
    that is more: with a tolerance of 0 it is as cheap as the cheapest.  Backups of what moves are
    brought near and shares rounded while that adds at most 0.001 to the score.  Where a balancer
    steers, replicas are all that counts, and the score is how many change.  Ctrl-C ends both steps:
    in the first one, the plan is the cheapest so far, or the earlier plan where that still holds.
    """
    if tolerance < 0:
        raise ValueError("`tolerance` must not be negative")
    if problem.rules is not None and problem.rules.kind != "any":
        raise ValueError(
            "a plan is kept near an earlier one by shares at will only; set dns.rules.kind to 'any'"
        )
    started, half = time.perf_counter(), time_limit_s / 2
    with interruptible(Stop(float("inf"), inside=stop)) as both:
        first = solve(problem, gap=gap, time_limit_s=half, seed=seed, watch=watch, stop=both)
        second = both.within(max(0.1, time_limit_s - (time.perf_counter() - started)))
        if problem.steering == "adaptive":
            return _adaptive(problem, previous, first, tolerance, second, seed)
        return _static(problem, previous, first, tolerance, gap, second, seed)


def _adaptive(
    problem: Problem,
    previous: Previous,
    first: Solution,
    tolerance: float,
    stop: Stop,
    seed: int,
) -> Stable:
    """Take the second step where a balancer steers: replicas alone."""
    most = max(first.objective, (1 + tolerance) * first.bound)
    before, gone = previous.replicas, previous.gone_replicas
    found, bound = fewest_changes(problem, before, first, most, stop, seed)
    count, cheapest = (int(np.abs(n - before).sum()) for n in (found.replicas, first.replicas))
    proven = first.status == "optimal" and count <= bound
    return Stable(
        replace(
            found,
            bound=min(first.bound, found.objective),
            status="optimal" if proven else "limit",
            seconds=first.seconds + found.seconds,
        ),
        Movement(None, None, count + gone, count + gone),
        bound + gone,
        first,
        Movement(None, None, cheapest + gone, cheapest + gone),
    )


def _static(
    problem: Problem,
    previous: Previous,
    first: Solution,
    tolerance: float,
    gap: float,
    stop: Stop,
    seed: int,
) -> Stable:
    """Take the second step."""
    columns = order_columns(problem)
    static = static_program(problem, columns, seed)
    held = kept(problem, columns, previous)
    cheapest = Candidate(first.replicas, _shares(columns, first), first.objective)
    most = max(first.objective, (1 + tolerance) * first.bound)
    best, bound, proven = _unmoved(static, held, most), 0.0, True
    if best is None:
        moves = move_program(static, held, most)
        best, bound = _least(moves, cheapest, gap, stop)
        proven = _closed(moves, best, bound, gap)
        best = _finished(moves, best, gap, stop)
    moved = movement(held, best.replicas, best.share)
    return Stable(
        _solution(columns, best, first, proven),
        moved,
        min(bound, moved.score),
        first,
        movement(held, cheapest.replicas, cheapest.share),
    )


def _shares(columns: OrderColumns, solution: Solution) -> Floats:
    """Return a solution's shares on the order columns."""
    key = np.column_stack([columns.host, columns.origin, columns.order])
    place = {row: at for at, row in enumerate(map(tuple, key.tolist()))}
    used = np.column_stack([solution.host, solution.origin, solution.order])
    share = np.zeros(columns.host.size)
    share[[place[row] for row in map(tuple, used.tolist())]] = solution.share
    return share


def _unmoved(static: StaticProgram, held: Kept, most_usd_month: float) -> Candidate | None:
    """Return the earlier plan itself, if nothing of it has gone and it still holds at the cost."""
    first = np.full(held.order_share.size, -1, np.int64)
    used = np.flatnonzero(held.order >= 0)[::-1]
    first[held.order[used]] = used
    if (first < 0).any() or held.gone_replicas:
        return None
    share = np.zeros(held.order.size)
    share[first] = held.order_share
    whole = np.bincount(static.columns.group, share)[static.columns.group]
    if (np.abs(whole - 1) > 1e-6).any():
        return None
    plan = judged(static, held.replicas, clean(static, share))
    return plan if plan is not None and plan.objective <= most_usd_month else None


def _least(
    moves: MoveProgram, cheapest: Candidate, gap: float, stop: Stop
) -> tuple[Candidate, float]:
    """Return the plan that moves least and the bound on the score."""
    best = cheapest
    for replicas in (cheapest.replicas, moves.held.replicas):
        best = _nearer(moves, best, _rerouted(moves, replicas.astype(float), stop))
    root = settled(moves, stop)
    bound = root.objective - 1 if root.status == "optimal" else 0.0
    best = _nearer(moves, best, rounded_up(moves.static, root.x))
    while not stop.passed() and not _closed(moves, best, bound, gap):
        result = moves.static.program.integral(stop, gap / 3, start=start_of(moves, best))
        if result.x is None:
            break
        bound = max(bound, result.bound - 1)
        best = _nearer(moves, best, exact(moves.static, result.x))
        if not completed(moves, result.x, 0.0):
            break
    return best, max(0.0, bound)


def _nearer(moves: MoveProgram, one: Candidate, other: Candidate | None) -> Candidate:
    """Return the plan that moves less, the first of which may be paid."""
    if other is None or not moves.keeps(other) or moves.score(other) >= moves.score(one):
        return one
    return other


def _closed(moves: MoveProgram, best: Candidate, bound: float, gap: float) -> bool:
    """Return whether a score is proven to within a share of all demand."""
    return moves.score(best) - bound <= gap + 1e-9


def _rerouted(moves: MoveProgram, replicas: Floats, stop: Stop) -> Candidate | None:
    """Return the least movement with given replicas, None where they do not do."""
    program, n = moves.static.program, moves.static.master.replicas.ravel()
    low, high = program.bounds(n)
    if (replicas.ravel() > high).any() or (replicas.ravel() < low).any():
        return None
    with program.bounded(n, replicas.ravel(), replicas.ravel()):
        result = settled(moves, stop)
    if result.x is None:
        return None
    share = clean(moves.static, result.x[moves.static.share])
    return judged(moves.static, np.rint(replicas).astype(np.int64), share)


def _finished(moves: MoveProgram, found: Candidate, gap: float, stop: Stop) -> Candidate:
    """Bring backups near and round shares, while that moves hardly more."""
    program, most = moves.static.program, moves.score(found) + _TIDY
    used = np.flatnonzero(moves.price)
    ceiling = program.add_rows(
        rows(-np.inf, 1 + most, np.zeros(used.size), used, moves.price[used])
    )
    near = near_backups(moves.static, found, moves.most_usd_month, gap, stop)
    aim(moves)
    tidy = tidied(moves.static, near, moves.most_usd_month, gap, stop)
    program.bound_rows(ceiling, -np.inf, np.inf)
    return next(
        plan
        for plan in (tidy, near, found)
        if plan is found or (moves.keeps(plan) and moves.score(plan) <= most)
    )


def _solution(columns: OrderColumns, best: Candidate, first: Solution, proven: bool) -> Solution:
    """Write the plan down; its bound is that of the first step."""
    return steered(columns, best, first.bound).solution(
        proven=first.status == "optimal" and proven,
        seed=first.seed,
        seconds=first.seconds,
        notes=first.notes,
    )

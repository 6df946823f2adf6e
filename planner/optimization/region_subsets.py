"""Plans of many regions found among few of them at a time: there all orders can be listed.

The relaxation opens many regions by a part.  Those that it opens most make a problem of their own,
which is solved as any other; then the regions that its plan uses are joined by others, until none
makes it cheaper or time is up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import perm

import numpy as np

from planner.errors import Infeasible, SolverStopped
from planner.optimization.order_counts import host_admissible, host_calls, promised_depth
from planner.optimization.steered import Steered
from planner.optimization.stopping import Stop
from planner.problem.arrays import Bools, Floats, Problem
from planner.problem.some_states import of_states

Solve = Callable[[Problem, float, Stop, int], Steered]
"""Returns a plan for a problem, a gap, a stop and a seed; raises where it has none."""

_ORDERS = 8_000
"""So many orders of a host name at most are listed at a time."""

_PART = 0.4
"""Part of the time that is left which one choice of regions may take."""

_GAP = 3e-3
"""Relative gap to which each choice of regions is solved."""


def within_regions(problem: Problem, regions: Bools) -> Problem:
    """Return the problem in which some regions alone serve.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    regions : ndarray of bool, shape (R,)
        Those that may.

    Returns
    -------
    Problem
        Of promised states that are the same for those regions one is left.
    """
    less = replace(problem, state_admissible=problem.state_admissible & regions)
    up = np.packbits(problem.region_up[:, regions], axis=1)
    able = less.state_admissible[..., regions].reshape(up.shape[0], -1)
    usual = np.arange(up.shape[0]) == 0
    same = np.column_stack([usual, up, np.packbits(able, axis=1)])
    promised = np.flatnonzero(problem.must_survive)
    _, first = np.unique(same[promised], axis=0, return_index=True)
    kept = np.union1d(promised[first], np.flatnonzero(~problem.must_survive))
    return of_states(less, kept)


def nearest_regions(problem: Problem) -> tuple[Problem, int]:
    """Return the problem in which origins may use the nearest of their regions alone.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    Problem
        What does there does in the whole problem too; its orders can be listed.
    int
        How many regions an origin may use.
    """
    count = _few(problem)
    allowed = host_admissible(problem)[problem.must_survive].any(axis=0)
    far = np.zeros(allowed.shape)
    np.add.at(far, problem.host_of_service, problem.latency_ms)
    far = np.where(allowed, far, np.inf)
    near = np.argsort(np.argsort(far, axis=2, kind="stable"), axis=2) < count
    near = near[problem.host_of_service]
    return replace(problem, state_admissible=problem.state_admissible & near), count


def best_within_few(
    problem: Problem, leaning: Floats, gap: float, stop: Stop, seed: int, solve: Solve
) -> Steered | None:
    """Find a plan among few regions at a time.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    leaning : ndarray, shape (R,)
        How far the relaxation opens each region.
    gap : float
        Relative gap asked for in the end.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.
    solve : callable
        Solves a problem of few regions.

    Returns
    -------
    Steered or None
        The cheapest plan found; its bound is that of its own few regions.
    """
    best, before = None, np.inf
    while not stop.passed():
        best = _round(problem, leaning, best, gap, stop, seed, solve)
        if best is None or best.objective >= before:
            break
        before = best.objective
    return best


def _round(
    problem: Problem,
    leaning: Floats,
    best: Steered | None,
    gap: float,
    stop: Stop,
    seed: int,
    solve: Solve,
) -> Steered | None:
    """Let every region join those that the best plan uses, a few at a time."""
    # One more than fit: not every origin may use all of them.
    count, untried = _few(problem) + 1, np.argsort(-leaning, kind="stable").tolist()
    while untried and not stop.passed():
        used: Bools = np.any(problem.pinned, axis=0)
        if best is not None:
            used = used | (best.replicas > 0).any(axis=0)
        untried = [region for region in untried if not used[region]]
        more = max(1, count - int(used.sum()))
        used[untried[:more]] = True
        untried = untried[more:]
        part = stop.part(_PART)
        found = _plan(within_regions(problem, used), max(gap, _GAP), part, seed, solve)
        if found is not None and (best is None or found.objective < best.objective):
            best = found
            stop.tell(best.objective, -np.inf)
    return best


def _plan(problem: Problem, gap: float, stop: Stop, seed: int, solve: Solve) -> Steered | None:
    """Return a plan of few regions; None where none was found, and nobody asks why."""
    step = problem
    if problem.packing == "guaranteed" and problem.packing_cuts is None:
        step = replace(problem, packing_cuts=())  # A step of a search is not explained.
    try:
        return solve(step, gap, stop, seed)
    except (Infeasible, SolverStopped):
        return None


def _few(problem: Problem) -> int:
    """Return of how many regions all orders may be listed."""
    origins = int(host_calls(problem).sum(axis=1).max(initial=1))
    length = promised_depth(problem) + 1
    count = length
    while count < problem.region_up.shape[1] and perm(count + 1, length) * origins <= _ORDERS:
        count += 1
    return count

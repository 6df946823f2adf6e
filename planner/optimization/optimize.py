"""The optimiser's face: a problem in, a solution with its proof out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from planner.optimization.adaptive import solve_adaptive
from planner.optimization.packed import solve_packed
from planner.optimization.ruled import solve_ruled
from planner.optimization.static_search import search_static
from planner.optimization.stopping import Standing, Stop, interruptible
from planner.problem.arrays import Problem, Solution


def solve(
    problem: Problem,
    *,
    gap: float = 1e-4,
    time_limit_s: float = 60.0,
    seed: int = 0,
    watch: Callable[[Standing], None] | None = None,
    stop: Stop | None = None,
) -> Solution:
    """Find the cheapest plan that holds in every promised state, with a proof.

    Parameters
    ----------
    problem : Problem
        The problem as arrays; `planner.problem.arrays` states it in full.
    gap : float
        Relative gap at which to stop, (objective − bound) / |objective|.
    time_limit_s : float
        Seconds after which the best plan so far is returned.
    seed : int
        Random seed of the solver.
    watch : callable, optional
        Told how far the search is: best plan so far, proven bound.
    stop : Stop, optional
        That of the work which this search is a part of: it ends the search too, and whoever began
        the work listens for Ctrl-C.

    Returns
    -------
    Solution
        Replicas, shares and orders, objective, proven bound.

    Raises
    ------
    Infeasible
        If no plan keeps every promise; says which clash and the cheapest way out.
    SolverStopped
        If no plan was found before the search ended.

    Notes
    -----
    Ctrl-C ends the search like the time limit does: with the best plan so far and its bound.  Where
    it ends then is a matter of the machine, so such a plan is not the same from run to run.
    Exact for static steering with order columns enumerated: A!/(A−D)! of them for an origin with
    A admissible regions and lists of length D, so depths beyond 2 need few regions.

    References
    ----------
    The mathematics is written out in ``docs/mathematics.md``.
    """

    def step(part: Problem, stop: Stop) -> Solution:
        return _solve_once(part, gap, stop, seed)

    with interruptible(Stop(time_limit_s, watch, inside=stop)) as own:
        if problem.packing == "at_best":
            found = solve_packed(problem, step, gap, own, seed)
        else:
            found = step(problem, own)
    # Nothing costs less than nothing: that is the bound where the search ended before its first.
    return found if np.isfinite(found.bound) else replace(found, bound=0.0)


def _solve_once(problem: Problem, gap: float, stop: Stop, seed: int) -> Solution:
    """Solve with the packing limit as rows."""
    if problem.steering == "adaptive":
        return solve_adaptive(problem, gap=gap, stop=stop, seed=seed)
    if problem.rules is not None and problem.rules.kind != "any":
        return solve_ruled(problem, gap=gap, stop=stop, seed=seed)
    return _solve_static(problem, gap, stop, seed)


def _solve_static(problem: Problem, gap: float, stop: Stop, seed: int) -> Solution:
    """Solve by order columns."""
    started = time.perf_counter()
    best = search_static(problem, gap, stop, seed)
    seconds = time.perf_counter() - started
    return best.solution(proven=best.within(gap), seed=seed, seconds=seconds)

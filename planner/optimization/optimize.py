"""The optimiser's face: a problem in, a solution with its proof out."""

from __future__ import annotations

import time
from collections.abc import Callable

from planner.errors import SolverStopped
from planner.optimization.adaptive import solve_adaptive
from planner.optimization.backups import near_backups
from planner.optimization.candidates import tidied
from planner.optimization.columns import order_columns
from planner.optimization.explain import explain
from planner.optimization.milp import solver_version
from planner.optimization.ruled import solve_ruled
from planner.optimization.search import search
from planner.optimization.static import static_program
from planner.optimization.stopping import Standing, Stop, interruptible
from planner.problem.arrays import Problem, Solution


def solve(
    problem: Problem,
    *,
    gap: float = 1e-4,
    time_limit_s: float = 60.0,
    seed: int = 0,
    watch: Callable[[Standing], None] | None = None,
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

    Returns
    -------
    Solution
        Replicas, shares and orders, objective, proven bound.

    Raises
    ------
    Infeasible
        If no plan keeps every promise; says which clash and the cheapest way out.
    SolverStopped
        If no plan was found before the limit.

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
    started = time.perf_counter()
    with interruptible(Stop(time_limit_s, watch)) as stop:
        if problem.steering == "adaptive":
            return solve_adaptive(problem, gap=gap, stop=stop, seed=seed)
        if problem.rules is not None and problem.rules.kind != "any":
            return solve_ruled(problem, gap=gap, stop=stop, seed=seed)
        return _solve_static(problem, gap, started, stop, seed)


def _solve_static(problem: Problem, gap: float, started: float, stop: Stop, seed: int) -> Solution:
    """Solve by order columns."""
    columns = order_columns(problem)
    if columns.missing.size:
        raise explain(problem, columns, seed)
    static = static_program(problem, columns, seed)
    found = search(static, gap, stop)
    if not found.feasible:
        raise explain(problem, columns, seed)
    if found.best is None:
        raise SolverStopped(
            f"no plan was found before the limit; the bound is {found.bound:,.2f} USD a month"
        )
    limit = found.bound + gap * abs(found.best.objective)
    most = max(limit, found.best.objective)
    best = near_backups(static, found.best, most, gap, stop)
    best = tidied(static, best, most, gap, stop)
    used = best.share > 0
    return Solution(
        replicas=best.replicas,
        host=columns.host[used],
        origin=columns.origin[used],
        order=columns.order[used],
        share=best.share[used],
        routing=None,
        objective=best.objective,
        bound=min(found.bound, best.objective),
        status="optimal" if best.objective <= limit + 1e-9 else "limit",
        solver=solver_version(),
        seed=seed,
        seconds=time.perf_counter() - started,
    )

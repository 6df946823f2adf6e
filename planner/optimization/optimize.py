"""The optimiser's face: a problem in, a solution with its proof out."""

from __future__ import annotations

import time

from planner.errors import SolverStopped
from planner.optimization.candidates import tidied
from planner.optimization.columns import order_columns
from planner.optimization.milp import solver_version
from planner.optimization.search import search
from planner.optimization.static import static_program
from planner.problem.arrays import Problem, Solution


def solve(
    problem: Problem, *, gap: float = 1e-4, time_limit_s: float = 60.0, seed: int = 0
) -> Solution:
    """Find the cheapest plan that holds in every promised state, with a proof."""
    started = time.perf_counter()
    deadline = started + time_limit_s
    columns = order_columns(problem)
    static = static_program(problem, columns, seed)
    found = search(static, gap, deadline)
    if found.best is None:
        raise SolverStopped("no plan was found before the limit")
    limit = found.bound + gap * abs(found.best.objective)
    best = tidied(static, found.best, max(limit, found.best.objective), gap, deadline)
    used = best.share > 0
    closed = best.objective - found.bound <= gap * max(abs(best.objective), 1e-9)
    return Solution(
        replicas=best.replicas,
        host=columns.host[used],
        origin=columns.origin[used],
        order=columns.order[used],
        share=best.share[used],
        routing=None,
        objective=best.objective,
        bound=min(found.bound, best.objective),
        status="optimal" if closed else "limit",
        solver=solver_version(),
        seed=seed,
        seconds=time.perf_counter() - started,
    )

"""Static steering by order columns: host name by host name where that is possible, else at once."""

from __future__ import annotations

from dataclasses import replace

from planner.optimization.blocks import separable
from planner.optimization.columns import order_columns
from planner.optimization.explain import explain
from planner.optimization.merged_program import each_origin, steering_program
from planner.optimization.order_pool import worth_pricing
from planner.optimization.priced_search import search_priced
from planner.optimization.search import search
from planner.optimization.steered import Steered, finished, steered, steered_by_blocks
from planner.optimization.stopping import Stop, closed, no_plan
from planner.problem.arrays import Problem


def search_static(problem: Problem, gap: float, stop: Stop, seed: int) -> Steered:
    """Find the cheapest plan of shares at will, or of one order for every origin.

    Parameters
    ----------
    problem : Problem
        The problem as arrays; its `rules` are not looked at.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Steered
        The best plan with its bound.

    Raises
    ------
    Infeasible
        If no plan keeps every promise.
    SolverStopped
        If none was found before the search ended.
    """
    if worth_pricing(problem):
        return search_priced(problem, gap, stop, seed, _search_listed)
    return _search_listed(problem, gap, stop, seed)


def _search_listed(problem: Problem, gap: float, stop: Stop, seed: int) -> Steered:
    """Find the cheapest plan with all orders listed."""
    best, bound = None, -float("inf")
    if separable(problem):
        best, bound = steered_by_blocks(problem, gap, stop, seed)
    if best is None or not (closed(best.objective, best.bound, gap) or stop.passed()):
        best = _cheaper(best, _solve_whole(problem, gap, stop, seed, best, bound))
    return best


def _solve_whole(
    problem: Problem, gap: float, stop: Stop, seed: int, known: Steered | None, bound: float
) -> Steered:
    """Solve all host names in one program; `known` is returned where that finds nothing."""
    columns = order_columns(problem)
    if columns.missing.size:
        raise explain(problem, columns, seed)
    static = steering_program(problem, columns, seed)
    found = search(static, gap, stop, place=known is None)
    if not found.feasible:
        raise explain(problem, columns, seed)
    bound = max(bound, found.bound)
    if found.best is None:
        if known is not None:
            return replace(known, bound=bound)
        if bound == float("inf"):
            # The host names' prices have proven it already; the one program ran out of time.
            raise explain(problem, columns, seed)
        raise no_plan(bound)
    limit = bound + gap * abs(found.best.objective)
    static, best = each_origin(static, found.best, seed)
    return steered(columns, finished(static, best, limit, gap, stop), bound)


def _cheaper(one: Steered | None, other: Steered) -> Steered:
    """Return the cheaper of two, with the better bound."""
    if one is None:
        return other
    bound = max(one.bound, other.bound)
    best = one if one.objective <= other.objective else other
    return replace(best, bound=min(bound, best.objective))

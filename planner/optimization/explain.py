"""Why no plan keeps every promise, and the cheapest way out."""

from __future__ import annotations

from planner.errors import Infeasible
from planner.optimization.columns import OrderColumns
from planner.problem.arrays import Problem


def explain(problem: Problem, columns: OrderColumns | None, seed: int) -> Infeasible:
    """Return the error that says which promises clash."""
    return Infeasible(["not yet explained"], [])

"""Whether a problem has any plan at all: one MILP with everything in it, by another solver."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.problem.arrays import Problem
from tests.oracles import extensive_form


def least_cost(problem: Problem) -> float:
    """Return the least objective, infinity where there is no plan; hours are counted from 0."""
    hours = tuple(range(problem.demand_rps.shape[2]))
    return float(extensive_form.solve(replace(problem, axes=replace(problem.axes, hours=hours)))[0])


def has_plan(problem: Problem) -> bool:
    """Return whether the extensive form has a solution."""
    return bool(np.isfinite(least_cost(problem)))

"""A plan by rounding replicas one after the other, the relaxation answering each time.

Where nothing is paid for a region or a service as such, the counts are all that must be integers.
The count nearest to a whole number is fixed there, the relaxation solved again from its last basis
with the rows and cuts that the new point breaks, and so on: the others make up for each rounding.
"""

from __future__ import annotations

import numpy as np

from planner.optimization.candidates import Candidate, better, exact, rounded_up
from planner.optimization.milp import MilpResult
from planner.optimization.relaxation import add_cut_round, relax
from planner.optimization.static import StaticProgram
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats

_INTEGRAL = 1e-6
_CUT_ROUNDS = 2


def plunge(
    static: StaticProgram, root: MilpResult, gap: float, stop: Stop, best: Candidate | None = None
) -> Candidate | None:
    """Round the replicas of a relaxed point one by one, each time solving for the others.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows grow, its bounds are put back.
    root : MilpResult
        The relaxation to start from.
    gap : float
        Relative gap asked for.
    stop : Stop
        When to stop.
    best : Candidate, optional
        A plan that the result must beat.

    Returns
    -------
    Candidate or None
        The best plan on the way; `best` where none is better.

    Notes
    -----
    A heuristic: it proves nothing.  A count that cannot be rounded to the nearest is rounded the
    other way, once; where both are infeasible it gives up.
    """
    n = static.master.replicas.ravel()
    bounds = static.program.bounds(n)
    low, high = (np.array(bound) for bound in bounds)
    result = root
    while result.status == "optimal" and result.x is not None:
        best = better(best, rounded_up(static, result.x))
        value = result.x[n]
        if (np.abs(value - np.rint(value)) <= _INTEGRAL).all():
            best = better(best, exact(static, result.x))
            break
        if stop.passed():
            break
        result = _round_one(static, value, low, high, gap, stop)
    static.program.bound_columns(n, *bounds)
    return best


def _round_one(
    static: StaticProgram, value: Floats, low: Floats, high: Floats, gap: float, stop: Stop
) -> MilpResult:
    """Fix the count nearest to a whole number, in `low` and `high` too; return the new point."""
    n = static.master.replicas.ravel()
    away = np.abs(value - np.rint(value))
    at = int(np.where(away > _INTEGRAL, away, np.inf).argmin())
    nearest, before = float(np.rint(value[at])), float(high[at])
    low[at] = high[at] = nearest
    static.program.bound_columns(n, low, high)
    result = _tightened(static, gap, stop)
    if result.status != "infeasible":
        return result
    if nearest < value[at]:
        low[at], high[at] = nearest + 1, before
    else:
        low[at] = high[at] = nearest - 1
    static.program.bound_columns(n, low, high)
    return _tightened(static, gap, stop)


def _tightened(static: StaticProgram, gap: float, stop: Stop) -> MilpResult:
    """Solve the relaxation, with the cuts that its point breaks."""
    result = relax(static, stop, gap / 3)
    for _ in range(_CUT_ROUNDS):
        if result.status != "optimal" or result.x is None:
            break
        if not add_cut_round(static, result.x):
            break
        result = relax(static, stop, gap / 3)
    return result

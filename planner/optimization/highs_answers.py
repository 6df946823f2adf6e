"""What HiGHS answers in our words, and which of its series answers wrongly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Literal

import highspy
import numpy as np
from numpy.typing import ArrayLike

from planner.errors import PlannerError
from planner.optimization.rows import Floats

STATUS: dict[highspy.HighsModelStatus, Literal["optimal", "infeasible", "limit"]] = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kUnboundedOrInfeasible: "infeasible",
    highspy.HighsModelStatus.kTimeLimit: "limit",
    highspy.HighsModelStatus.kIterationLimit: "limit",
    highspy.HighsModelStatus.kSolutionLimit: "limit",
    highspy.HighsModelStatus.kInterrupt: "limit",
}
"""Model status to ours; what is not in it is no answer."""

NO_ANSWER = (
    highspy.HighsModelStatus.kNotset,
    highspy.HighsModelStatus.kUnknown,
    highspy.HighsModelStatus.kSolveError,
)
"""Model status after which another way may still find one."""

_BROKEN = (1, 14)
"""HiGHS 1.14.x returns wrong optima (HiGHS#3094, #3043, #3073); fixed in 1.15.0."""


def refuse_broken_solver() -> None:
    """Raise if HiGHS is of the series that returns wrong optima.

    Raises
    ------
    PlannerError
        If version 1.14 is installed.

    Examples
    --------
    >>> refuse_broken_solver()
    """
    if tuple(int(part) for part in version("highspy").split(".")[:2]) == _BROKEN:
        raise PlannerError("HiGHS 1.14 returns wrong optima; install highspy 1.15.1 or later")


@dataclass(frozen=True)
class MilpResult:
    """What the solver found.

    Attributes
    ----------
    status : {'optimal', 'infeasible', 'limit'}
        'limit' where it stopped before the gap was reached.
    x : ndarray, shape (n,), or None
        Best point found; None where there is none.
    objective, bound : float
        Value at `x` and proven lower bound (-inf where none is known).
    row_dual, reduced_cost : ndarray, shape (m,) and (n,), or None
        Duals of rows and columns, for linear programs.
    points : tuple of ndarray, shape (n,)
        Points with integers on the way to `x`, each better than the one before.
    """

    status: Literal["optimal", "infeasible", "limit"]
    x: Floats | None
    objective: float
    bound: float
    row_dual: Floats | None = None
    reduced_cost: Floats | None = None
    points: tuple[Floats, ...] = ()


def solver_version() -> str:
    """Return the solver and its version, such as ``HiGHS 1.16.0``.

    Returns
    -------
    str
        As a plan's proof records it.

    Examples
    --------
    >>> solver_version().split()[0]
    'HiGHS'
    """
    return f"HiGHS {version('highspy')}"


def has_point(highs: highspy._core._Highs) -> bool:
    """Return whether a solver's last run has a point that keeps the rows.

    Parameters
    ----------
    highs : highspy._core._Highs
        The solver.
    """
    status = highs.getInfo().primal_solution_status
    return bool(status == int(highspy.SolutionStatus.kSolutionStatusFeasible))


def read_answer(
    highs: highspy._core._Highs,
    status: Literal["optimal", "infeasible", "limit"],
    *,
    integers: bool,
) -> MilpResult:
    """Read point, value and bound of a solver's last run.

    Parameters
    ----------
    highs : highspy._core._Highs
        The solver.
    status : {'optimal', 'infeasible', 'limit'}
        How the run ended.
    integers : bool
        Whether some columns are integers.

    Returns
    -------
    MilpResult
        With duals where the program was linear.
    """
    info, solution = highs.getInfo(), highs.getSolution()
    mip = info.mip_node_count >= 0 and integers
    feasible = has_point(highs)
    value = info.objective_function_value if feasible else np.inf
    bound = info.mip_dual_bound if mip else (value if status == "optimal" else -np.inf)
    point = np.asarray(solution.col_value) if feasible else None
    if not solution.dual_valid:
        return MilpResult(status, point, value, float(bound))
    dual, reduced = np.asarray(solution.row_dual), np.asarray(solution.col_dual)
    return MilpResult(status, point, value, float(bound), dual, reduced)


def refuse_lost(done: highspy.HighsStatus, what: str) -> None:
    """Raise where the solver left something out: later rows would stand at other numbers.

    Parameters
    ----------
    done : highspy.HighsStatus
        What it answered.
    what : str
        What it was given: columns, rows or bounds.

    Raises
    ------
    PlannerError
        If it refused.

    Examples
    --------
    >>> refuse_lost(highspy.HighsStatus.kOk, "rows")
    """
    if done == highspy.HighsStatus.kError:
        raise PlannerError(f"the solver refuses {what} with numbers beyond what it can handle")


def is_dearer(found: MilpResult, cost: ArrayLike) -> bool:
    """Return whether the point of an answer costs more than the answer says.

    Parameters
    ----------
    found : MilpResult
        The answer.
    cost : array_like, shape (n,)
        Cost of every column.

    Returns
    -------
    bool
        False without a point.

    Examples
    --------
    >>> point = np.array([2.0, 1.0])
    >>> is_dearer(MilpResult("optimal", point, 5.0, 5.0), [2.0, 1.0])
    False
    >>> is_dearer(MilpResult("optimal", point, 4.0, 4.0), [2.0, 1.0])
    True
    """
    return found.x is not None and _paid(found.x, cost) > found.objective + 1e-6 * max(
        1.0, abs(found.objective)
    )


def latter(first: MilpResult, second: MilpResult, cost: ArrayLike) -> MilpResult:
    """Return the second answer with both bounds, or what the first has where that has no point.

    Parameters
    ----------
    first : MilpResult
        An answer with a point that costs more than it says.
    second : MilpResult
        Another one of the same program.
    cost : array_like, shape (n,)
        Cost of every column.

    Returns
    -------
    MilpResult
        Its objective is what its point costs.

    Examples
    --------
    >>> first = MilpResult("optimal", np.array([2.0, 1.0]), 4.0, 4.0)
    >>> found = latter(first, MilpResult("limit", None, np.inf, 3.0), [2.0, 1.0])
    >>> found.status, found.objective, found.bound
    ('limit', 5.0, 4.0)
    """
    bound = max(first.bound, second.bound)
    if second.x is not None or first.x is None or second.status == "infeasible":
        return replace(second, bound=bound)
    return replace(first, status="limit", objective=_paid(first.x, cost), bound=bound)


def _paid(x: Floats, cost: ArrayLike) -> float:
    """Return what a point costs."""
    return float(x @ np.asarray(cost, float))

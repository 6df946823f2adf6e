"""What HiGHS answers in our words, and which of its series answers wrongly."""

from __future__ import annotations

from dataclasses import dataclass
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
    if found.x is None:
        return False
    paid = float(found.x @ np.asarray(cost, float))
    return paid > found.objective + 1e-6 * max(1.0, abs(found.objective))

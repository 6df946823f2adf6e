r"""A mixed-integer linear program that grows: columns and rows are appended, then solved again.

.. math:: \min c^\top x \quad\text{s.t.}\quad l \le A x \le u,\; x_l \le x \le x_u,\;
          x_j \in \mathbb Z \text{ for some } j

The kernel knows no model.  HiGHS is called directly: building the matrix with numpy is some fifty
times faster than through a modelling language, and rows can be added to a warm basis.

References
----------
Q. Huangfu and J. A. J. Hall, "Parallelizing the dual revised simplex method", Mathematical
Programming Computation 10, 2018, doi 10.1007/s12532-017-0130-5 (HiGHS).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import highspy
import numpy as np
from numpy.typing import ArrayLike

from planner.optimization.highs_answers import (
    MilpResult,
    is_dearer,
    latter,
    refuse_broken_solver,
    refuse_lost,
)
from planner.optimization.highs_run import run
from planner.optimization.rows import NO_ENTRIES, Entries, Floats, Ints, Rows
from planner.optimization.stopping import Stop

__all__ = ["Milp", "MilpResult"]

_PRIMAL = 4

_MANY_COLUMNS = 30_000
"""From so many columns on the first relaxation is quicker by an interior point and a crossover."""


class Milp:
    """A program in HiGHS that grows by blocks of columns and rows.

    Parameters
    ----------
    seed : int
        Random seed of the solver.

    Attributes
    ----------
    columns, row_count : int
        How many there are.

    Raises
    ------
    PlannerError
        If HiGHS is of a series that returns wrong optima, refuses columns, rows or bounds, or gives
        up: numbers that it cannot handle.

    Notes
    -----
    One thread, so that the same input gives the same point.  An unbounded program is refused with
    `PlannerError` when it is solved, or called infeasible where HiGHS cannot tell which it is.

    Examples
    --------
    At most five of two goods worth 3 and 2, at most three of the first:

    >>> from planner.optimization.rows import rows
    >>> from planner.optimization.stopping import Stop
    >>> program = Milp()
    >>> goods = program.add_columns([-3.0, -2.0], 0.0, [3.0, np.inf], integer=True)
    >>> at_most = program.add_rows(rows(-np.inf, 5.5, [0, 0], goods, [1.0, 1.0]))
    >>> stop = Stop(1.0)
    >>> program.relaxation(stop).objective, program.integral(stop, 0.0).objective
    (-14.0, -13.0)
    """

    def __init__(self, *, seed: int = 0) -> None:
        refuse_broken_solver()
        # The public class prints a banner on stdout when it is made; its base does not.
        self._highs = highspy._core._Highs()
        options: dict[str, bool | int | float | str] = {
            "output_flag": False,
            "random_seed": seed,
            "threads": 1,
            "parallel": "off",
            "mip_feasibility_tolerance": 1e-7,
            "primal_feasibility_tolerance": 1e-8,
        }
        for option, value in options.items():
            self._highs.setOptionValue(option, value)
        self.columns = 0
        self.row_count = 0
        self._integer: list[Ints] = []
        self._cost: list[Floats] = []

    def add_columns(
        self,
        cost: ArrayLike,
        lower: ArrayLike,
        upper: ArrayLike,
        *,
        integer: bool = False,
        entries: Entries | None = None,
    ) -> Ints:
        """Append columns; the three array arguments broadcast.

        Parameters
        ----------
        cost, lower, upper : array_like, shape (n,)
            Cost and bounds of each column.
        integer : bool
            Whether they must be integers in `integral`.
        entries : Entries, optional
            Where they stand in rows that exist.

        Returns
        -------
        ndarray of int, shape (n,)
            Their indices.
        """
        c, low, up = np.broadcast_arrays(
            *(np.atleast_1d(np.asarray(a, float)) for a in (cost, lower, upper))
        )
        index = np.arange(self.columns, self.columns + c.size, dtype=np.int64)
        if c.size:
            price, least, most = (np.ascontiguousarray(a) for a in (c, low, up))
            start, row, value = (entries or NO_ENTRIES).by_column(c.size)
            done = self._highs.addCols(c.size, price, least, most, row.size, start, row, value)
            refuse_lost(done, "columns")
            if entries is not None:
                self._keep_point()
        self._cost.append(np.array(c))
        if integer and c.size:
            self._integer.append(index)
        self.columns += c.size
        return index

    def add_rows(self, block: Rows) -> Ints:
        """Append rows.

        Parameters
        ----------
        block : Rows
            Rows over columns that exist.

        Returns
        -------
        ndarray of int, shape (m,)
            Their indices.
        """
        count = block.lower.size
        if count:
            done = self._highs.addRows(
                count,
                block.lower,
                block.upper,
                block.value.size,
                block.start[:-1].astype(np.int32),
                block.column.astype(np.int32),
                block.value,
            )
            refuse_lost(done, "rows")
        self.row_count += count
        return np.arange(self.row_count - count, self.row_count, dtype=np.int64)

    @property
    def cost(self) -> Floats:
        """Cost of every column, shape (n,)."""
        return np.concatenate([np.empty(0), *self._cost])

    def bounds(self, column: Ints) -> tuple[Floats, Floats]:
        """Return the bounds of columns.

        Parameters
        ----------
        column : ndarray of int, shape (n,)
            Columns.

        Returns
        -------
        (ndarray, ndarray), shape (n,) each
            Lower and upper bounds.
        """
        # Of the whole program HiGHS would make lists.
        each, place = np.unique(column, return_inverse=True)
        _, _, _, low, high, _ = self._highs.getCols(each.size, each.astype(np.int32))
        return low[place], high[place]

    def bound_columns(self, column: Ints, lower: ArrayLike, upper: ArrayLike) -> None:
        """Change the bounds of columns.

        Parameters
        ----------
        column : ndarray of int, shape (n,)
            Columns.
        lower, upper : array_like
            Bounds; they broadcast.
        """
        low, up = (np.array(np.broadcast_to(a, column.shape), float) for a in (lower, upper))
        done = self._highs.changeColsBounds(column.size, column.astype(np.int32), low, up)
        refuse_lost(done, "bounds")

    @contextmanager
    def bounded(self, column: Ints, lower: ArrayLike, upper: ArrayLike) -> Iterator[None]:
        """Change the bounds of columns for a while.

        Parameters
        ----------
        column : ndarray of int, shape (n,)
            Columns.
        lower, upper : array_like
            Bounds; they broadcast.
        """
        before = self.bounds(column)
        self.bound_columns(column, lower, upper)
        try:
            yield
        finally:
            self.bound_columns(column, *before)

    def price_columns(self, column: Ints, cost: Floats) -> None:
        """Solve with other costs from now on; `cost` stays what was given at first.

        Parameters
        ----------
        column, cost : ndarray, shape (n,)
            Columns and their costs.

        Raises
        ------
        ValueError
            If they differ in length.
        """
        price = np.ascontiguousarray(cost, float)
        if price.shape != column.shape:  # HiGHS would read on behind the end of the shorter one.
            raise ValueError("`column` and `cost` differ in length")
        self._highs.changeColsCost(column.size, column.astype(np.int32), price)

    def reprice_columns(self, column: Ints, cost: Floats) -> None:
        """Change what columns cost for good: in `cost` too.

        Parameters
        ----------
        column, cost : ndarray, shape (n,)
            Columns and their costs.
        """
        whole = self.cost
        whole[column] = cost
        self._cost = [whole]
        self.price_columns(column, cost)
        self._keep_point()

    def _keep_point(self) -> None:
        """Go on from the last point where there is one: it still holds."""
        if self._highs.getBasis().valid:
            self._highs.setOptionValue("simplex_strategy", _PRIMAL)

    def bound_rows(self, row: Ints, lower: ArrayLike, upper: ArrayLike) -> None:
        """Change the bounds of rows.

        Parameters
        ----------
        row : ndarray of int, shape (m,)
            Rows.
        lower, upper : array_like
            Bounds; they broadcast.
        """
        low = np.broadcast_to(np.asarray(lower, float), row.shape)
        up = np.broadcast_to(np.asarray(upper, float), row.shape)
        for i, lo, hi in zip(row, low, up, strict=True):
            refuse_lost(self._highs.changeRowBounds(int(i), float(lo), float(hi)), "bounds")

    def model(self) -> highspy.HighsLp:
        """Return a copy of the program in the solver's own form, integrality left out."""
        self._mark(highspy.HighsVarType.kContinuous)
        return self._highs.getLp()

    def relaxation(self, stop: Stop, *, anew: bool = False) -> MilpResult:
        """Solve without integrality, from the last basis where there is one.

        Parameters
        ----------
        stop : Stop
            When to stop.
        anew : bool
            Whether to start from nothing, by an interior point.

        Returns
        -------
        MilpResult
            With duals where it is optimal.
        """
        self._mark(highspy.HighsVarType.kContinuous)
        if anew:
            self._highs.clearSolver()
        cold = self.columns >= _MANY_COLUMNS and not self._highs.getBasis().valid
        self._highs.setOptionValue("solver", "ipm" if anew or cold else "choose")
        return self._run(stop, integers=False)

    def integral(
        self, stop: Stop, gap: float, *, start: Floats | None = None, presolve: bool = False
    ) -> MilpResult:
        """Solve with integrality to a relative gap.

        Parameters
        ----------
        stop : Stop
            When to stop.
        gap : float
            Relative gap at which to stop.
        start : ndarray, shape (n,), optional
            A feasible point to start from.
        presolve : bool
            Whether to simplify first: it pays where most columns are binary.

        Returns
        -------
        MilpResult
            Integers hold within 1e-7; round them before use.
        """
        self._mark(highspy.HighsVarType.kInteger)
        # With few integers it gains nothing and costs as much as the root node.
        self._highs.setOptionValue("presolve", "on" if presolve else "off")
        self._highs.setOptionValue("solver", "choose")
        self._highs.setOptionValue("mip_rel_gap", gap)
        self._highs.setOptionValue("mip_abs_gap", 1e-9)
        # HiGHS would take the last relaxation for a start and first try to repair that.
        self._highs.clearSolver()
        if start is not None:
            point = highspy.HighsSolution()
            point.col_value = start.tolist()
            self._highs.setSolution(point)
        found = self._run(stop, integers=bool(self._integer))
        if start is None or not is_dearer(found, self._highs.getLp().col_cost_):
            return found
        # HiGHS 1.16: simplified, the start can be a better point, and yet it comes back itself.
        self._highs.clearSolver()
        again = self._run(stop, integers=bool(self._integer))
        return latter(found, again, self._highs.getLp().col_cost_)

    def _run(self, stop: Stop, *, integers: bool) -> MilpResult:
        """Run HiGHS; where it is left alone the program goes on with a copy."""
        return run(self._highs, stop, integers=integers, go_on_with=self._go_on_with)

    def _go_on_with(self, highs: highspy._core._Highs) -> None:
        """Go on with another solver."""
        self._highs = highs

    def _mark(self, kind: highspy.HighsVarType) -> None:
        """Make the integer columns of the given kind."""
        if self._integer:
            index = np.concatenate(self._integer).astype(np.int32)
            kinds = np.full(index.size, int(kind), np.uint8)
            self._highs.changeColsIntegrality(index.size, index, kinds)

r"""The location problem as a mixed-integer program whose strong rows are added when violated.

.. math:: \min \sum_i f_i y_i + \sum_{ij} c_{ij} x_{ij} \quad\text{s.t.}\quad
          \sum_i x_{ij} = 1,\; \sum_j d_j x_{ij} \le s_i y_i,\; \sum_i s_i y_i \ge \sum_j d_j,\;
          x_{ij} \le y_i,\; y_i \in \{0, 1\}

The rows ``x ≤ y`` follow from the others where y is an integer and capacities are real; they are
there to raise the relaxation.  Uncapacitated facilities have the sum of their strong rows instead
of a capacity row.
"""

from __future__ import annotations

import numpy as np

from planner.optimization.milp import Milp, MilpResult
from planner.optimization.rows import Floats, Ints, rows
from planner.optimization.sites import Flags, Sites
from planner.optimization.stopping import Stop
from planner.optimization.strong_rows import strong_rows, violated

_ROUNDS = 60


class LocationProgram:
    """The program over some assignments of a location problem.

    Parameters
    ----------
    problem : Sites
        m facilities and n customers.
    useful : ndarray of bool, shape (m, n)
        Assignments that have a column.
    likely : ndarray of bool, shape (m, n)
        Assignments whose strong row is there from the start.

    Attributes
    ----------
    strong : int
        Number of strong rows so far.

    Examples
    --------
    >>> from planner.optimization.stopping import NEVER
    >>> from planner.optimization.sites import sites
    >>> two = sites([4, 5], [9, 9], [1, 1], [[1, 3], [3, 1]])
    >>> pairs = np.ones((2, 2), bool)
    >>> program = LocationProgram(two, pairs, ~pairs)
    >>> program.separate(NEVER), round(program.integral(NEVER, 0.0).objective, 6)
    (8.0, 8.0)
    """

    def __init__(self, problem: Sites, useful: Flags, likely: Flags) -> None:
        self._problem = problem
        self._facility, self._customer = (a.astype(np.int64) for a in np.nonzero(useful))
        self._milp = Milp()
        self._open = self._milp.add_columns(
            problem.fixed_cost, problem.required.astype(float), 1.0, integer=True
        )
        self._share = self._milp.add_columns(problem.cost[useful], 0.0, 1.0)
        self._strong = np.zeros(self._share.size, bool)
        self.strong = 0
        self._add_demand()
        self._add_capacity()
        needless = problem.demand == 0
        self._strengthen(np.flatnonzero(likely[useful] | needless[self._customer]))

    def separate(self, stop: Stop) -> float:
        """Add violated strong rows until there are none.

        Parameters
        ----------
        stop : Stop
            When to stop.

        Returns
        -------
        float
            Value of the last relaxation that was solved, a lower bound; -inf without any.
        """
        bound = -np.inf
        for _ in range(_ROUNDS):
            result = self._milp.relaxation(stop)
            if result.x is None or result.status != "optimal":
                return max(bound, result.bound)
            bound = result.objective
            share, opened = result.x[self._share], result.x[self._open][self._facility]
            found = violated(np.where(self._strong, 0.0, share), opened)
            if not found.size or stop.passed():
                break
            self._strengthen(found)
        return bound

    def integral(
        self, stop: Stop, gap: float, start: tuple[Ints, Floats] | None = None
    ) -> MilpResult:
        """Solve with integer openings.

        Parameters
        ----------
        stop : Stop
            When to stop.
        gap : float
            Relative gap at which to stop.
        start : (ndarray of int, ndarray of shape (m, n)), optional
            Open facilities and shares of a known solution.

        Returns
        -------
        MilpResult
            Value and bound; `opened` reads the facilities.
        """
        point = None
        if start is not None:
            opened = np.zeros(self._open.size)
            opened[start[0]] = 1.0
            point = np.concatenate([opened, start[1][self._facility, self._customer]])
        return self._milp.integral(stop, gap, start=point)

    def opened(self, result: MilpResult) -> Ints:
        """Return the facilities that are open in a result.

        Parameters
        ----------
        result : MilpResult
            With a point.

        Returns
        -------
        ndarray of int
            In order; empty without a point.
        """
        return (
            np.flatnonzero(result.x[self._open] > 0.5) if result.x is not None else self._open[:0]
        )

    def _add_demand(self) -> None:
        """Serve every customer whole, and open a permitted number of facilities."""
        customers, problem = self._problem.demand.size, self._problem
        one = np.ones(customers)
        self._milp.add_rows(rows(one, one, self._customer, self._share, np.ones(self._share.size)))
        count = np.zeros(self._open.size, np.int64)
        self._milp.add_rows(
            rows(problem.fewest, problem.most, count, self._open, np.ones(count.size))
        )

    def _add_capacity(self) -> None:
        """Keep every facility within its capacity and open enough of it in all."""
        problem = self._problem
        unlimited = problem.capacity >= problem.demand.sum()
        weight = np.where(unlimited[self._facility], 1.0, problem.demand[self._customer])
        served = np.bincount(self._facility, minlength=unlimited.size)
        room = np.where(unlimited, served, problem.capacity)
        self._milp.add_rows(
            rows(
                np.full(room.size, -np.inf),
                np.zeros(room.size),
                np.concatenate([self._facility, self._open]),
                np.concatenate([self._share, self._open]),
                np.concatenate([weight, -room]),
            )
        )
        if not problem.uncapacitated:
            at, total = np.zeros(room.size, np.int64), float(problem.demand.sum())
            size = problem.capacity / total
            self._milp.add_rows(rows(1.0, np.inf, at, self._open, size))

    def _strengthen(self, which: Ints) -> None:
        """Add the strong rows of some assignments that have none."""
        new = which[~self._strong[which]]
        self._strong[new] = True
        self.strong += new.size
        self._milp.add_rows(strong_rows(self._share[new], self._open[self._facility[new]]))

"""The relaxation at the nodes of a branch and bound: one program whose bounds change all the time.

A general solver spends most of a small node on what it does around the simplex method.  Here a node
costs a change of bounds and some twenty iterations from its parent's basis.
"""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
from scipy.sparse import csc_array, csr_array

from planner.optimization.rows import Floats, Ints
from planner.problem.arrays import Bools

_DEVEX = 1
"""Exact edge weights cost as much as the iterations that they save: a basis changes too often."""

_FAR = 1e100

_ITERATIONS = 20_000
"""So many for one node are a cycle."""

_Status = highspy.HighsModelStatus


@dataclass(frozen=True)
class Node:
    """A part of the search space that is still to be looked at.

    Attributes
    ----------
    bound : float
        What every plan in it costs at least.
    lower, upper : ndarray, shape (n,)
        Bounds of the integer columns.
    x : ndarray, shape (m,), or None
        Best point of its relaxation, all columns; None where that is not known.
    basis : highspy.HighsBasis or None
        Where its relaxation ended.
    """

    bound: float
    lower: Floats
    upper: Floats
    x: Floats | None = None
    basis: highspy.HighsBasis | None = None


@dataclass(frozen=True)
class Matrix:
    """The rows of a program.

    Attributes
    ----------
    value : csr_array, shape (m, n)
        Coefficients.
    lower, upper : ndarray, shape (m,)
        Bounds of each row.
    """

    value: csr_array
    lower: Floats
    upper: Floats

    @classmethod
    def of(cls, model: highspy.HighsLp) -> Matrix:
        """Read the rows of a program.

        Parameters
        ----------
        model : highspy.HighsLp
            The program.

        Returns
        -------
        Matrix
            Its rows in their order.
        """
        a = model.a_matrix_
        entries = (np.array(a.value_), np.array(a.index_), np.array(a.start_))
        shape = (model.num_row_, model.num_col_)
        wise = csc_array if a.format_ == highspy.MatrixFormat.kColwise else csr_array
        value = wise(entries, shape=shape).tocsr()
        return cls(value, np.array(model.row_lower_), np.array(model.row_upper_))

    def slack(self, x: Floats) -> Floats:
        """Return how far points are inside each row, in units of its largest coefficient.

        Parameters
        ----------
        x : ndarray, shape (k, n)
            Points.

        Returns
        -------
        ndarray, shape (m, k)
            Negative where a row is broken.
        """
        sums = self.value @ x.T
        inside = np.minimum(sums - self.lower[:, None], self.upper[:, None] - sums)
        scale = abs(self.value).max(axis=1).toarray().reshape(-1, 1)
        slack: Floats = inside / np.maximum(scale, 1e-300)
        return slack

    def needed(self, lower: Floats, upper: Floats) -> Bools:
        """Return the rows that points within bounds can break, of equal rows the first.

        Parameters
        ----------
        lower, upper : ndarray, shape (n,)
            Bounds of the columns.

        Returns
        -------
        ndarray of bool, shape (m,)
            True where the row may not be left out.
        """
        up, down = self.value.maximum(0), self.value.minimum(0)
        # Infinite bounds times no entry shall count as nothing.
        least, most = np.maximum(lower, -_FAR), np.minimum(upper, _FAR)
        may: Bools = (up @ most + down @ least > self.upper) | (
            up @ least + down @ most < self.lower
        )
        known: set[bytes] = set()
        for row in np.flatnonzero(may):
            at = slice(self.value.indptr[row], self.value.indptr[row + 1])
            entry = np.append(self.value.data[at], [self.lower[row], self.upper[row]])
            scale = np.abs(self.value.data[at]).max(initial=1e-300)
            name = self.value.indices[at].tobytes() + np.round(entry / scale, 12).tobytes()
            may[row] = name not in known
            known.add(name)
        return may


class NodeRelaxation:
    """A program of its own that is solved node after node; rows are appended as they are found.

    Parameters
    ----------
    model : highspy.HighsLp
        The program; of its rows none is taken over.
    column : ndarray of int, shape (n,)
        Its integer columns.

    Examples
    --------
    >>> from planner.optimization.milp import Milp
    >>> from planner.optimization.rows import rows
    >>> program = Milp()
    >>> x = program.add_columns([3.0, 2.0], 0.0, 9.0, integer=True)
    >>> row = program.add_rows(rows(4.5, np.inf, [0, 0], x, [2.0, 1.0]))
    >>> relaxation = NodeRelaxation(program.model(), x)
    >>> relaxation.append(Matrix.of(program.model()), row)
    >>> node = relaxation.solved(Node(-np.inf, np.zeros(2), np.full(2, 9.0)), np.inf)
    >>> node.bound, node.x
    (6.75, array([2.25, 0.  ]))
    """

    def __init__(self, model: highspy.HighsLp, column: Ints) -> None:
        self._highs = highspy._core._Highs()
        options: dict[str, bool | int | float | str] = {
            "output_flag": False,
            "threads": 1,
            "parallel": "off",
            "presolve": "off",
            "solver": "simplex",
            "primal_feasibility_tolerance": 1e-8,
            "simplex_dual_edge_weight_strategy": _DEVEX,
            "simplex_iteration_limit": _ITERATIONS,
        }
        for option, value in options.items():
            self._highs.setOptionValue(option, value)
        self._highs.passModel(model)
        self._highs.deleteRows(model.num_row_, np.arange(model.num_row_, dtype=np.int32))
        self._column = column.astype(np.int32)
        self._size = (0, model.num_col_)

    def append(self, matrix: Matrix, row: Ints) -> None:
        """Append rows.

        Parameters
        ----------
        matrix : Matrix
            All rows of the program.
        row : ndarray of int, shape (k,)
            Which of them.
        """
        if not row.size:
            return
        part = matrix.value[row]
        self._highs.addRows(
            row.size,
            matrix.lower[row],
            matrix.upper[row],
            part.nnz,
            part.indptr[:-1].astype(np.int32),
            part.indices.astype(np.int32),
            part.data,
        )
        self._size = (self._size[0] + row.size, self._size[1])

    def start(self, basis: highspy.HighsBasis | None) -> None:
        """Start the next node from a basis, rows that are younger than it at their slack.

        Parameters
        ----------
        basis : highspy.HighsBasis or None
            Of this program or of another with the same rows; None for a fresh start.
        """
        if basis is None or len(basis.col_status) != self._size[1]:
            self._highs.clearSolver()
            return
        missing = self._size[0] - len(basis.row_status)
        if missing:
            longer = highspy.HighsBasis()
            longer.col_status = basis.col_status
            longer.row_status = basis.row_status + missing * [highspy.HighsBasisStatus.kBasic]
            longer.valid = True
            basis = longer
        self._highs.setBasis(basis)

    def basis(self) -> highspy.HighsBasis:
        """Return where the last node ended."""
        return self._highs.getBasis()

    def solved(self, node: Node, cutoff: float) -> Node:
        """Return a node with its bound and best point, from the basis at hand.

        Parameters
        ----------
        node : Node
            Its bounds of columns count.
        cutoff : float
            From this value on nothing more needs to be known.

        Returns
        -------
        Node
            Without a basis; at infinity where there is no point below the cutoff.
        """
        self._highs.setOptionValue("objective_bound", cutoff)
        self._highs.changeColsBounds(self._column.size, self._column, node.lower, node.upper)
        self._highs.run()
        status = self._highs.getModelStatus()
        if status not in (_Status.kOptimal, _Status.kInfeasible, _Status.kObjectiveBound):
            self._highs.clearSolver()
            self._highs.run()
            status = self._highs.getModelStatus()
        if status == _Status.kOptimal:
            value = float(self._highs.getInfo().objective_function_value)
            x = np.asarray(self._highs.getSolution().col_value)
            return Node(max(node.bound, value), node.lower, node.upper, x)
        if status in (_Status.kInfeasible, _Status.kObjectiveBound):
            return Node(np.inf, node.lower, node.upper)
        return Node(node.bound, node.lower, node.upper)

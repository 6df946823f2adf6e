"""Columns of a program that are sums of others, and the rows that tie them."""

from __future__ import annotations

import numpy as np

from planner.optimization.milp import Milp
from planner.optimization.rows import Floats, Ints, rows


def add_sums(
    program: Milp,
    of: Ints,
    column: Ints,
    value: Floats,
    *,
    most: float = np.inf,
    integer: bool = False,
) -> Ints:
    r"""Append columns that cost nothing and are sums of others.

    .. math:: s_i = \sum_{j:\, \text{of}_j = i} v_j\, x_j

    Parameters
    ----------
    program : Milp
        The program; it grows.
    of : ndarray of int, shape (n,)
        Which sum each entry belongs to, counted from 0.
    column : ndarray of int, shape (n,)
        Columns that are summed.
    value : ndarray, shape (n,)
        What each counts.
    most : float
        Upper bound of every sum.
    integer : bool
        Whether the sums must be integers.

    Returns
    -------
    ndarray of int, shape (m,)
        Columns of the sums.

    Examples
    --------
    >>> from planner.optimization.stopping import NEVER
    >>> program = Milp()
    >>> x = program.add_columns([0.0, 0.0, 0.0], [1.0, 2.0, 4.0], [1.0, 2.0, 4.0])
    >>> sums = add_sums(program, np.array([0, 1, 0]), x, np.ones(3))
    >>> program.relaxation(NEVER).x[sums]
    array([5., 2.])
    """
    count = int(of.max(initial=-1)) + 1
    zero, each = np.zeros(count), np.arange(count)
    total = program.add_columns(zero, 0.0, most, integer=integer)
    row, entry = np.concatenate([of, each]), np.concatenate([column, total])
    program.add_rows(rows(zero, zero, row, entry, np.concatenate([value, zero - 1.0])))
    return total

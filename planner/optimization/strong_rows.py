r"""Rows that say no customer is served by a closed facility, added only when they are violated.

.. math:: \sum_{c \in C_{ij}} x_c \le y_i

In facility location the set ``C_ij`` is one assignment; in a plan it is every order of an origin
that region ``i`` serves in some promised state.  All of them together make the relaxation nearly
tight, but there are as many as pairs of facility and customer; a few per cent of them bind.
"""

from __future__ import annotations

import numpy as np

from planner.optimization.rows import Floats, Ints, Rows, rows


def violated(share: Floats, opened: Floats | float, *, tolerance: float = 1e-6) -> Ints:
    """Return the assignments that exceed how far their facility is open.

    Parameters
    ----------
    share : ndarray, shape (p,)
        Share of each assignment, of a set of columns their sum.
    opened : float or ndarray, shape (p,)
        How far the facility of each assignment is open, y.
    tolerance : float
        Excess that is let pass.

    Returns
    -------
    ndarray of int
        Positions of the violated ones, in order.

    Examples
    --------
    >>> violated(np.array([1.0, 0.2, 0.5]), np.array([0.5, 0.5, 0.5]))
    array([0])
    """
    return np.flatnonzero(share > opened + tolerance).astype(np.int64)


def strong_rows(share_column: Ints, open_column: Ints, row: Ints | None = None) -> Rows:
    """Return the rows ``Σ x - y <= 0``.

    Parameters
    ----------
    share_column : ndarray of int, shape (n,)
        Columns of the assignments.
    open_column : ndarray of int, shape (p,)
        Column of the facility of each row.
    row : ndarray of int, shape (n,), optional
        The row that each assignment stands in; without it each has one of its own.

    Returns
    -------
    Rows
        One row for each facility column given.

    Examples
    --------
    >>> strong_rows(np.array([5, 6]), np.array([0, 0])).value
    array([-1.,  1., -1.,  1.])
    >>> strong_rows(np.array([5, 6]), np.array([0]), np.array([0, 0])).column
    array([0, 5, 6])
    """
    count = open_column.size
    at = np.arange(count)
    return rows(
        np.full(count, -np.inf),
        np.zeros(count),
        np.concatenate([at if row is None else row, at]),
        np.concatenate([share_column, open_column]),
        np.concatenate([np.ones(share_column.size), -np.ones(count)]),
    )

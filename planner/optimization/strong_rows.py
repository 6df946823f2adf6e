r"""Rows that say no customer is served by a closed facility, added only when they are violated.

.. math:: x_{ij} \le y_i

All of them together make the relaxation nearly tight, but there are as many as pairs of facility
and customer; a few per cent of them bind.
"""

from __future__ import annotations

import numpy as np

from planner.optimization.rows import Floats, Ints, Rows, rows


def violated(share: Floats, opened: Floats, *, tolerance: float = 1e-6) -> Ints:
    """Return the assignments that exceed how far their facility is open.

    Parameters
    ----------
    share : ndarray, shape (p,)
        Share x of each assignment.
    opened : ndarray, shape (p,)
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


def strong_rows(share_column: Ints, open_column: Ints) -> Rows:
    """Return the rows ``x - y <= 0``.

    Parameters
    ----------
    share_column, open_column : ndarray of int, shape (p,)
        Columns of the assignment and of its facility, for each row.

    Returns
    -------
    Rows
        One row for each pair.

    Examples
    --------
    >>> strong_rows(np.array([5, 6]), np.array([0, 0])).value
    array([-1.,  1., -1.,  1.])
    """
    count = share_column.size
    at = np.arange(count)
    return rows(
        np.full(count, -np.inf),
        np.zeros(count),
        np.concatenate([at, at]),
        np.concatenate([share_column, open_column]),
        np.concatenate([np.ones(count), -np.ones(count)]),
    )

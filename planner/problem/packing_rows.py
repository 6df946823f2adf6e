r"""Rows that every packing of pods into servers keeps, before anything is searched.

The kernel knows no model.  What one server holds of a resource, ``Σ c_t x_t ≤ C``, it also holds
after division by ``d`` and rounding down, ``Σ ⌊c_t/d⌋ x_t ≤ ⌊C/d⌋``; summed over servers these are
rows on the pods of a region.

References
----------
V. Chvátal, "Edmonds polytopes and a hierarchy of combinatorial problems", Discrete Mathematics 4,
1973, doi 10.1016/0012-365X(73)90167-2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def rounding_rows(size: Ints, servers: Ints) -> tuple[Ints, Ints]:
    r"""Return rows that every packing keeps, by dividing a resource and rounding down.

    .. math:: \sum_t \lfloor c_t / d \rfloor P_t \le \sum_i \lfloor C_i / d \rfloor

    for the divisors ``d`` that matter: 1, the sizes themselves, their halves and thirds, and a hair
    more than a half, a third and a quarter of a server.

    Parameters
    ----------
    size : ndarray of int, shape (S, Q)
        What one pod of each service takes.
    servers : ndarray of int, shape (I, Q)
        What each server has.

    Returns
    -------
    ndarray of int, shape (M, S)
        Weights; none of the rows follows from another.
    ndarray of int, shape (M,)
        Right sides, above 0.

    Notes
    -----
    Sizes that fit no server are left to bounds on the pods of each service.

    Examples
    --------
    Pods of 5 and 10 cores on two servers of 10: sums, and at most two of the large ones, which
    follows from the sums; pods of 6 instead: one a server.

    >>> two = np.array([[10], [10]])
    >>> rounding_rows(np.array([[5], [10]]), two)
    (array([[1, 2]]), array([4]))
    >>> rounding_rows(np.array([[3], [6]]), two)
    (array([[1, 2], [0, 1]]), array([6, 2]))
    """
    kinds, many = np.unique(servers, axis=0, return_counts=True)
    weight, room = [], []
    for q in range(size.shape[1]):
        unit = max(int(np.gcd.reduce(size[:, q])), 1)
        taken, there = size[:, q] // unit, kinds[:, q] // unit
        for divisor in _divisors(taken, there):
            weight.append(taken // divisor)
            room.append(int(there // divisor @ many))
    rows, top = np.array(weight, np.int64).reshape(-1, len(size)), np.array(room, np.int64)
    kept = _undominated(rows, top)
    return rows[kept], top[kept]


def _divisors(taken: Ints, there: Ints) -> Ints:
    """Return divisors of one resource that may round something off."""
    parts = [-(-taken // k) for k in (1, 2, 3)] + [there // k + 1 for k in (2, 3, 4)]
    found: Ints = np.unique(np.concatenate([[1], *parts]))
    return found[found > 0]


def _undominated(rows: Ints, top: Ints) -> Ints:
    """Return the rows that do not follow from another one, in order."""
    use = rows / np.maximum(top, 1)[:, None]
    kept: list[int] = []
    for at in np.argsort(-use.sum(axis=1), kind="stable"):
        if top[at] > 0 and rows[at].any() and not any((use[at] <= use[k]).all() for k in kept):
            kept.append(int(at))
    return np.array(sorted(kept), np.int64)

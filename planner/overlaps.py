"""How much sets have in common, for many sets at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def overlaps(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.float32]:
    r"""Return how many members each set of one family shares with each of another.

    .. math:: |A_i \cap B_j| = \sum_m A_{im} B_{jm}

    Parameters
    ----------
    one, other : ndarray of bool, shape (N, M) and (K, M)
        Which of M members each set has.

    Returns
    -------
    ndarray, shape (N, K)
        Exact up to 2^24 members.

    Notes
    -----
    A product of floats is far quicker than one of flags.

    Examples
    --------
    >>> overlaps(np.array([[True, True, False]]), np.array([[True, True, True], [False] * 3]))
    array([[2., 0.]], dtype=float32)
    """
    # OpenBLAS may flag an invalid value that no product has (numpy#24067).
    with np.errstate(invalid="ignore"):
        shared: NDArray[np.float32] = one.astype(np.float32) @ other.T.astype(np.float32)
    return shared

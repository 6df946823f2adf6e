"""Which weight vectors can return a wanted split at all: few, and all of them can be listed.

Both lists hold every vector of positive integers with a sum of at most the total that makes its
divider return the wanted replicas, and some that do not; the caller asks the divider.
"""

from __future__ import annotations

import numpy as np

from planner.federation.splits import IntArray


def kubefed_candidates(replicas: IntArray) -> IntArray:
    r"""List all weight vectors with which KubeFed could divide their sum into `replicas`.

    Let N be the total, S the sum of the weights, and let every cluster want a replica. All but
    the cluster served last are given their full :math:`\lceil N w_r / S \rceil = n_r`, thus

    .. math:: S (n_r - 1) / N < w_r \le S n_r / N .

    For :math:`S \le N` that interval is no longer than 1 and half open, so it holds at most one
    integer, :math:`\lfloor S n_r / N \rfloor`; the last cluster has the rest of S. So S and the
    last cluster determine the vector: there are at most N times R.

    Parameters
    ----------
    replicas : ndarray, shape (R,)
        Wanted replicas, all at least 1.

    Returns
    -------
    ndarray, shape (C, R)
        Distinct vectors of positive integers with gcd 1, in lexicographic order.

    Examples
    --------
    >>> kubefed_candidates(np.array([3, 2])).tolist()
    [[1, 1], [1, 2], [2, 1], [3, 1], [3, 2]]
    """
    total, clusters = int(replicas.sum()), len(replicas)
    sums = np.arange(1, total + 1)[:, None]
    floors = sums * replicas // total
    rest = sums - floors.sum(axis=1, keepdims=True)
    vectors = floors[:, None, :] + rest[:, None, :] * np.eye(clusters, dtype=np.int64)
    return _distinct(vectors.reshape(-1, clusters))


def karmada_candidates(replicas: IntArray) -> IntArray:
    r"""List all weight vectors with which Webster's method could divide their sum into `replicas`.

    Some :math:`\lambda` lies between all last wins and all next ones,

    .. math:: \lambda (2 n_r - 1) \le w_r \le \lambda (2 n_r + 1) .

    If :math:`\lambda \ge 1/2`, then :math:`w_r \ge n_r`, and a sum of at most the total leaves
    only the replicas themselves. If less, the interval is shorter than 1 and holds at most one
    integer, :math:`\lfloor \lambda (2 n_r + 1) \rfloor`. That vector changes only where
    :math:`\lambda = v / (2 n_r + 1)` for an r and a whole v of at most n_r: there are at most N.

    Parameters
    ----------
    replicas : ndarray, shape (R,)
        Wanted replicas, all at least 1.

    Returns
    -------
    ndarray, shape (C, R)
        Distinct vectors of positive integers with gcd 1, in lexicographic order.

    Examples
    --------
    >>> karmada_candidates(np.array([3, 2])).tolist()
    [[1, 1], [2, 1], [3, 2]]
    """
    odd = 2 * replicas + 1
    steps = np.repeat(odd, replicas)
    values = np.concatenate([np.arange(1, count + 1) for count in replicas])
    vectors = values[:, None] * odd // steps[:, None]
    return _distinct(vectors[vectors.sum(axis=1) <= replicas.sum()])


def _distinct(vectors: IntArray) -> IntArray:
    """Return the distinct vectors that are positive throughout and have gcd 1."""
    positive = vectors[(vectors > 0).all(axis=1)]
    coprime = positive[np.gcd.reduce(positive, axis=1) == 1]
    return np.unique(coprime, axis=0)

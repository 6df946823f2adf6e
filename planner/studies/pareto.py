"""Which points of a curve are dominated, and where its knee is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def dominated(value: ArrayLike, bound: ArrayLike) -> Bools:
    r"""Return which points another one dominates beyond both gaps.

    Point :math:`a` dominates :math:`b` where it is no worse in any objective and, in at least one
    of them, better by more than what either point leaves unproven:

    .. math:: v_{aj} \le v_{bj}\ \forall j \quad\text{and}\quad \exists j:\;
              v_{bj} - v_{aj} > \max(v_{aj} - \underline v_{aj},\; v_{bj} - \underline v_{bj})

    Parameters
    ----------
    value : array_like, shape (n, m)
        Objectives of each point, less being better; each column has its own unit.
    bound : array_like, shape (n, m)
        Proven lower bounds on them.

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether some other point dominates it.

    Notes
    -----
    Of points that differ by less than the gaps all stay: which of them is better is not known.

    Examples
    --------
    The second costs 2 more than the first at the same latency; the third too, but 3 of its dollars
    are unproven.

    >>> value = [[100.0, 50.0], [102.0, 50.0], [102.0, 50.0]]
    >>> dominated(value, [[99.5, 50.0], [101.5, 50.0], [99.0, 50.0]])
    array([False,  True, False])
    """
    v, low = np.asarray(value, float), np.asarray(bound, float)
    open_ = np.maximum(v - low, 0.0)
    better = v[None, :, :] - v[:, None, :]
    unproven = np.maximum(open_[None, :, :], open_[:, None, :])
    beats = (better >= 0).all(axis=2) & (better > unproven).any(axis=2)
    found: Bools = beats.any(axis=0)
    return found


def knee(x: ArrayLike, y: ArrayLike) -> int | None:
    r"""Return the point farthest from the chord between the ends of a curve.

    With both axes scaled to [0, 1], from the point of least ``x`` to that of least ``y``,

    .. math:: \max_i\; \frac{|x_i + y_i - 1|}{\sqrt 2}.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Objectives of each point, none of which is worse than another in both.

    Returns
    -------
    int or None
        Its index, the first of several; None for fewer than three points or a straight line.

    Notes
    -----
    A name for a place, not a recommendation: it moves with the ends of the curve.

    References
    ----------
    I. Das, "On characterizing the 'knee' of the Pareto curve based on normal-boundary
    intersection", Structural Optimization 18, 1999, doi 10.1007/BF01195985.

    Examples
    --------
    >>> knee([0.0, 1.0, 4.0, 10.0], [20.0, 8.0, 5.0, 4.0])
    1
    """
    across, up = np.asarray(x, float), np.asarray(y, float)
    if across.size < 3 or np.ptp(across) <= 0 or np.ptp(up) <= 0:
        return None
    scaled = (across - across.min()) / np.ptp(across) + (up - up.min()) / np.ptp(up)
    distance = np.abs(scaled - 1.0) / np.sqrt(2.0)
    far = int((distance > distance.max() - 1e-12).argmax())
    return far if distance[far] > 1e-9 else None

"""The least total with which a controller's division holds what is needed.

Axes: `C` weight vectors, `H` vectors of needs (hours, say), `R` clusters in order of name.
"""

from __future__ import annotations

import numpy as np

from planner.federation.karmada import names_descend
from planner.federation.splits import UNLIMITED, IntArray
from planner.federation.targets import Karmada, Target

_CELLS = 2_000_000
"""Numbers per array: what a few megabytes hold."""

_BLOCK = 8
"""Totals that are divided at once."""


def least_totals(target: Target, weights: IntArray, needs: IntArray, most: IntArray) -> IntArray:
    r"""Return the least total with whose division every cluster has what it needs.

    .. math:: N_{ch} = \min \{N : \text{divide}(N, w_c)_r \ge \text{need}_{hr}
              \text{ for all } r\}

    Parameters
    ----------
    target : Target
        The controller.
    weights : ndarray, shape (C, R)
        Weights over its listed clusters, all at least 1 where anything is needed.
    needs : ndarray, shape (H, R)
        Replicas that each of them needs.
    most : ndarray, shape (H,)
        Totals that are not exceeded.

    Returns
    -------
    ndarray, shape (C, H)
        Totals; `UNLIMITED` where more than `most` would be asked for. Where ties may fall in
        either order, enough for both.

    Notes
    -----
    Webster's method is monotone, so every larger total does as well. KubeFed's is not: a larger
    total may give a cluster less.

    Examples
    --------
    KubeFed serves the heavy cluster first and rounds up, so the light one waits longer:

    >>> from planner.federation.targets import KubeFed
    >>> weights, needs = np.array([[3, 1]]), np.array([[2, 1]])
    >>> least_totals(KubeFed({"a": 1, "b": 1}), weights, needs, np.array([9])).tolist()
    [[4]]
    >>> least_totals(Karmada({"a": 1, "b": 1}), weights, needs, np.array([9])).tolist()
    [[3]]
    """
    if isinstance(target, Karmada):
        orders = [names_descend(target.uid)] if target.uid else [False, True]
        found = np.max([webster_totals(weights, needs, descending=o) for o in orders], axis=0)
        return np.where(found > most, UNLIMITED, found)
    return _scanned(target, weights, needs, most)


def webster_totals(weights: IntArray, needs: IntArray, *, descending: bool = False) -> IntArray:
    r"""Return the least total with which Webster's method gives every cluster what it needs.

    The m-th replica of cluster r has priority :math:`w_r / (2m - 1)`. Before it come of cluster q
    all with a higher one, and of equals those of a cluster that holds fewer, then those of the
    earlier name; the total is the place of the last need in that line.

    Parameters
    ----------
    weights : ndarray, shape (C, R)
        Weights, 0 or more.
    needs : ndarray, shape (H, R)
        Replicas needed.
    descending : bool, default: False
        Whether the last tie falls to the later name.

    Returns
    -------
    ndarray, shape (C, H)
        Totals; `UNLIMITED` where something is needed of a cluster of weight 0.

    Notes
    -----
    In whole numbers; the controller's quotients are those of doubles, which below 2**26 seats and
    votes are equal only where these are.

    Examples
    --------
    >>> webster_totals(np.array([[40, 30, 20, 10]]), np.array([[2, 1, 1, 1]])).tolist()
    [[5]]
    """
    step = max(1, _CELLS // max(1, needs.size * needs.shape[1]))
    parts = [
        _webster_totals(weights[i : i + step], needs, descending)
        for i in range(0, len(weights), step)
    ]
    return np.concatenate([np.empty((0, len(needs)), np.int64), *parts])


def _webster_totals(weights: IntArray, needs: IntArray, descending: bool) -> IntArray:
    """Return the totals of a few vectors; the axes are (C, H, r, q)."""
    own, other = weights[:, None, :, None], weights[:, None, None, :]
    last = needs[None, :, :, None]
    numerator, denominator = other * (2 * last - 1) + own, 2 * np.maximum(own, 1)
    before = (numerator - 1) // denominator
    rank = np.arange(weights.shape[1]) * (-1 if descending else 1)
    tie = (numerator % denominator == 0) & (other > 0)
    seat = numerator // denominator
    first = (seat < last) | ((seat == last) & (rank[None, :] <= rank[:, None]))
    place = (before + (tie & first)).sum(axis=3)
    place = np.where(needs[None] > 0, np.where(weights[:, None, :] > 0, place, UNLIMITED), 0)
    totals: IntArray = place.max(axis=2)
    return totals


def _scanned(target: Target, weights: IntArray, needs: IntArray, most: IntArray) -> IntArray:
    """Divide one total after the other until the needs are held."""
    found = np.full((len(weights), len(needs)), UNLIMITED)
    step = max(1, _CELLS // (_BLOCK * weights.shape[1]))
    for hour, need in enumerate(needs):
        for begin in range(0, len(weights), step):
            part = weights[begin : begin + step]
            found[begin : begin + step, hour] = _scanned_hour(target, part, need, int(most[hour]))
    return found


def _scanned_hour(target: Target, weights: IntArray, need: IntArray, most: int) -> IntArray:
    """Return the least total of each vector for one vector of needs, shape (C,)."""
    found = np.full(len(weights), UNLIMITED)
    open_ = np.arange(len(weights))
    for first in range(int(need.sum()), most + 1, _BLOCK):
        totals = np.arange(first, min(first + _BLOCK, most + 1))
        splits = target.splits(weights[open_], totals)
        held = np.logical_and.reduce([(split >= need).all(axis=2) for split in splits])
        done = held.any(axis=1)
        found[open_[done]] = totals[held[done].argmax(axis=1)]
        open_ = open_[~done]
        if not open_.size:
            break
    return found

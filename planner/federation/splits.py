"""Both dividers over arrays: many weight vectors at many totals at once.

The same arithmetic as `kubefed.divide` and `karmada.divide_static` (tests hold them equal),
for searches that would call those a million times. Axes: `C` weight vectors, `N` totals,
`R` clusters in order of name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

UNLIMITED = np.iinfo(np.int64).max
"""Stands for no maximum."""


def kubefed_splits(
    weights: IntArray,
    totals: IntArray,
    tie_rank: IntArray,
    min_replicas: IntArray | None = None,
    max_replicas: IntArray | None = None,
) -> IntArray:
    """Divide every total by every weight vector as KubeFed does.

    Parameters
    ----------
    weights : ndarray, shape (C, R)
        Weights, 0 or more.
    totals : ndarray, shape (N,)
        Totals, 0 or more.
    tie_rank : ndarray, shape (R,)
        Place of each cluster among clusters of equal weight.
    min_replicas, max_replicas : ndarray, shape (R,), optional
        Bounds; `UNLIMITED` means no maximum.

    Returns
    -------
    ndarray, shape (C, N, R)
        Replicas.

    Notes
    -----
    For rebalance on, no estimated capacity. `totals` times `weights` must stay below 2**63.

    Examples
    --------
    >>> weights, totals = np.array([[40, 30, 20, 10]]), np.array([5, 7])
    >>> kubefed_splits(weights, totals, np.arange(4)).tolist()
    [[[2, 2, 1, 0], [3, 3, 1, 0]]]
    """
    rows, clusters = weights.shape
    least = np.zeros(clusters, np.int64) if min_replicas is None else min_replicas
    most = np.full(clusters, UNLIMITED) if max_replicas is None else max_replicas
    order = np.lexsort((np.broadcast_to(tie_rank, weights.shape), -weights))
    passes = _Passes(
        weights=np.take_along_axis(weights, order, axis=1),
        most=most[order],
        plan=np.zeros((clusters, rows, len(totals)), np.int64),
        remaining=np.tile(totals.astype(np.int64), (rows, 1)),
        is_open=np.ones((clusters, rows, len(totals)), np.bool_),
    )
    passes.give_minimums(least[order])
    passes.give_by_weight()
    split = np.empty((rows, len(totals), clusters), np.int64)
    np.put_along_axis(split, order[:, None, :], np.moveaxis(passes.plan, 0, -1), axis=2)
    return split


@dataclass
class _Passes:
    """KubeFed's planning round on arrays; clusters stand in the order in which they are served."""

    weights: IntArray  # (C, R)
    most: IntArray  # (C, R)
    plan: IntArray  # (R, C, N)
    remaining: IntArray  # (C, N)
    is_open: BoolArray  # (R, C, N)

    def give_minimums(self, least: IntArray) -> None:
        """Give each cluster its minimum while the pool lasts."""
        for place in range(len(self.plan)):
            given = np.minimum(least[:, place, None], self.remaining)
            self.plan[place] = given
            self.remaining -= given

    def give_by_weight(self) -> None:
        """Repeat passes until no pool that is left changes."""
        changed = np.ones(self.remaining.shape, np.bool_)
        while True:
            weight_sum = np.einsum("rcn,cr->cn", self.is_open, self.weights)
            runs = changed & (self.remaining > 0) & (weight_sum > 0)
            if not runs.any():
                return
            changed = self._one_pass(runs, np.maximum(weight_sum, 1))

    def _one_pass(self, runs: BoolArray, weight_sum: IntArray) -> BoolArray:
        """Serve every open cluster once; return where anything grew."""
        pool, changed = self.remaining.copy(), np.zeros(runs.shape, np.bool_)
        for place in range(len(self.plan)):
            numerator = pool * self.weights[:, place, None] + weight_sum - 1
            share = np.minimum(numerator // weight_sum, self.remaining)
            takes_part = runs & self.is_open[place]
            changed |= self._give(place, share, takes_part)
        return changed

    def _give(self, place: int, share: IntArray, takes_part: BoolArray) -> BoolArray:
        """Add `share` up to the maximum; close what would exceed it; return where it grew."""
        most, before = self.most[:, place, None], self.plan[place]
        wanted = before + np.where(takes_part, share, 0)
        after = np.where(takes_part, np.minimum(wanted, most), before)  # may fall to the maximum
        grew: BoolArray = after > before
        self.is_open[place] &= ~(takes_part & (wanted > most))
        self.remaining -= after - before
        self.plan[place] = after
        return grew


def webster_splits(weights: IntArray, totals: IntArray, *, descending: bool = False) -> IntArray:
    """Divide every total by every weight vector as Karmada does from 1.16 on.

    Parameters
    ----------
    weights : ndarray, shape (C, R)
        Weights, 0 or more; not all of a vector 0.
    totals : ndarray, shape (N,)
        Totals, 0 or more.
    descending : bool, default: False
        Whether the last tie falls to the later name.

    Returns
    -------
    ndarray, shape (C, N, R)
        Replicas.

    Notes
    -----
    Rounding the quotas takes every win of at least a common priority; what this misses or has too
    many, at most half a seat per cluster, is then given or taken back in order of priority. Of two
    equal priorities, that with fewer seats is that with the smaller weight: so clusters are put in
    order of weight, then name, and the first maximum is the winner. Below 2**26 seats and votes,
    quotients are equal in double precision only where they are equal.

    Examples
    --------
    >>> weights, totals = np.array([[40, 30, 20, 10]]), np.array([5, 7])
    >>> webster_splits(weights, totals).tolist()
    [[[2, 1, 1, 1], [3, 2, 1, 1]]]
    """
    clusters = weights.shape[1]
    names = np.arange(clusters)[::-1] if descending else np.arange(clusters)
    order = np.lexsort((np.broadcast_to(names, weights.shape), weights))
    votes = np.take_along_axis(weights, order, axis=1)[:, None, :]
    votes_sum = votes.sum(axis=2, keepdims=True)
    seats = (2 * totals[None, :, None] * votes + votes_sum) // (2 * votes_sum)
    _settle(seats, np.broadcast_to(votes, seats.shape), totals)
    split: IntArray = np.empty_like(seats)
    np.put_along_axis(split, order[:, None, :], seats, axis=2)
    return split


def _settle(seats: IntArray, votes: IntArray, totals: IntArray) -> None:
    """Give and take seats, in place, until every row holds its total."""
    gap = totals[None, :] - seats.sum(axis=2)
    while (short := np.nonzero(gap > 0))[0].size:
        winner = np.argmax(votes[short] / (2 * seats[short] + 1), axis=1)
        seats[(*short, winner)] += 1
        gap[short] -= 1
    while (over := np.nonzero(gap < 0))[0].size:
        held = seats[over]
        priority = np.where(held > 0, votes[over] / np.maximum(2 * held - 1, 1), np.inf)
        loser = held.shape[1] - 1 - np.argmin(priority[:, ::-1], axis=1)
        seats[(*over, loser)] -= 1
        gap[over] += 1

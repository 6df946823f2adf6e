"""Weight vectors that may hold the needs of all hours, by how many replicas they need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from planner.federation.candidates import karmada_candidates, kubefed_candidates
from planner.federation.splits import UNLIMITED
from planner.federation.targets import Karmada, Target
from planner.federation.totals import least_totals
from planner.optimization.stopping import Stop
from planner.problem.arrays import Ints

_FIRST, _CHUNK = 200, 20_000

_MORE_SHARE = 0.1
"""Replicas beyond the best that are looked at next; twice as many each time after."""


def every_vector(needs: Ints, largest: int) -> Ints:
    """List all weight vectors.

    Parameters
    ----------
    needs : ndarray of int, shape (H, R)
        Replicas that each hour needs.
    largest : int
        Largest weight; the smallest is 1.

    Returns
    -------
    ndarray of int, shape (C, R)
        Those with gcd 1, in proportion to the needs first: what comes after is measured against it.

    Examples
    --------
    >>> every_vector(np.array([[4, 2]]), 2).tolist()
    [[2, 1], [1, 1], [1, 2]]
    """
    every = np.array(list(product(range(1, largest + 1), repeat=needs.shape[1])), np.int64)
    every = every[np.gcd.reduce(every, axis=1) == 1]
    peak = needs.max(axis=0)
    skew = np.abs(every / every.sum(axis=1, keepdims=True) - peak / max(1, peak.sum()))
    ordered: Ints = every[np.argsort(skew.max(axis=1), kind="stable")]
    return ordered


def likely_vectors(whole: Target, needs: Ints, room: Ints, largest: int) -> Ints:
    """List weight vectors that are close to what is asked for.

    Parameters
    ----------
    whole : Target
        The controller over all clusters.
    needs : ndarray of int, shape (H, R)
        Replicas that each hour needs.
    room : ndarray of int, shape (R,)
        Most replicas of each cluster.
    largest : int
        Largest weight; the smallest is 1.

    Returns
    -------
    ndarray of int, shape (C, R)
        Those that could return some hour's needs exactly, and those in proportion to the largest
        needs, their mean and the room at every scale; distinct, in lexicographic order.

    Examples
    --------
    >>> target = Karmada({"a": 1, "b": 1})
    >>> likely_vectors(target, np.array([[4, 2]]), np.array([9, 9]), 3).tolist()
    [[1, 1], [2, 1], [3, 1], [3, 2]]
    """
    listed = karmada_candidates if isinstance(whole, Karmada) else kubefed_candidates
    exact = [listed(need) for need in np.unique(np.maximum(needs, 1), axis=0)]
    shapes = np.array([needs.max(axis=0), needs.mean(axis=0), room], float)
    shapes /= np.maximum(shapes.max(axis=1, keepdims=True), 1e-9)
    scaled = np.rint(np.arange(1, largest + 1)[:, None, None] * shapes).astype(np.int64)
    scaled = np.maximum(scaled.reshape(-1, needs.shape[1]), 1)
    scaled //= np.gcd.reduce(scaled, axis=1)[:, None]
    vectors = np.concatenate([*exact, scaled])
    return np.unique(vectors[(vectors <= largest).all(axis=1)], axis=0)


@dataclass(frozen=True)
class Rank:
    """Vectors whose totals add up to no more than a limit, and to more than the one before.

    Attributes
    ----------
    weights : ndarray of int, shape (C, R)
        The least sum of totals first, of equals the smallest weights, then in lexicographic order.
    totals : ndarray of int, shape (C, H)
        Least total of each hour.
    whole : bool
        Whether all vectors were looked at for it.
    """

    weights: Ints
    totals: Ints
    whole: bool


def ranks(whole: Target, needs: Ints, most: int, vectors: Ints, stop: Stop) -> Iterator[Rank]:
    """Rank vectors by the replicas that they need over the hours.

    Parameters
    ----------
    whole : Target
        The controller over all clusters.
    needs : ndarray of int, shape (H, R)
        Replicas that each hour needs.
    most : int
        Largest total.
    vectors : ndarray of int, shape (C, R)
        Vectors.
    stop : Stop
        Once it is interrupted, only the first few vectors are looked at; for what comes after the
        best also once its time is up.

    Yields
    ------
    Rank
        First those that need the fewest, then those that need up to a tenth more, three tenths,
        seven and so on: many hours can be left out early where the limit is low.
    """
    distinct, hour, counts = np.unique(needs, axis=0, return_inverse=True, return_counts=True)
    ranking = _Ranking(whole, distinct, counts, most)
    end = most * len(needs)
    limit, weights, totals, seen = ranking.best(vectors, end, stop)
    yield Rank(weights, totals[:, hour.ravel()], seen)
    if not len(totals):
        return
    more = max(1, int(limit * _MORE_SHARE))
    # That none needs a little more does not say that none needs much more.
    while limit < end:
        above, limit, more = limit, min(end, limit + more), 2 * more
        weights, totals, seen = ranking.between(vectors, above, limit, stop)
        yield Rank(weights, totals[:, hour.ravel()], seen)


@dataclass(frozen=True)
class _Ranking:
    """Distinct needs (U, R), how many hours have them (U,), and the largest total."""

    whole: Target
    needs: Ints
    counts: Ints
    ceiling: int

    def best(self, vectors: Ints, most: int, stop: Stop) -> tuple[int, Ints, Ints, bool]:
        """Return the least sum of totals, who has it, their totals, and whether all were seen."""
        parts = [(vectors[:0], np.zeros((0, len(self.needs)), np.int64))]
        begin, least = 0, most
        while begin < len(vectors) and not (begin and stop.interrupted):
            # Few at first: what comes after is measured against them.
            end = begin + (_CHUNK if begin else _FIRST)
            kept, totals = self.within(vectors[begin:end], least)
            parts.append((kept, totals))
            least, begin = min([least, *(totals @ self.counts).tolist()]), end
        return least, *self._ordered(parts, -1, least), begin >= len(vectors)

    def between(self, vectors: Ints, above: int, most: int, stop: Stop) -> tuple[Ints, Ints, bool]:
        """Return the vectors that need more than `above` and at most `most` replicas."""
        parts, begin = [], 0
        while begin < len(vectors) and not (begin and stop.passed()):
            end = begin + (_CHUNK if begin else _FIRST)
            parts.append(self.within(vectors[begin:end], most))
            begin = end
        return *self._ordered(parts, above, most), begin >= len(vectors)

    def _ordered(self, parts: list[tuple[Ints, Ints]], above: int, most: int) -> tuple[Ints, Ints]:
        """Put parts together, the best first, without what lies outside the limits."""
        weights, totals = (np.concatenate(part) for part in zip(*parts, strict=True))
        each = totals @ self.counts
        order = np.lexsort((*weights.T[::-1], weights.sum(axis=1), each))
        order = order[(each[order] > above) & (each[order] <= most)]
        return weights[order], totals[order]

    def within(self, vectors: Ints, most: int) -> tuple[Ints, Ints]:
        """Return the vectors whose totals add up to at most `most`, and their totals (C, U)."""
        least = self.needs.sum(axis=1)
        spare = np.full(len(vectors), most - int(least @ self.counts))
        kept, totals = vectors, np.zeros((len(vectors), len(least)), np.int64)
        # Night and peak first: they differ most, so most vectors fail one of them.
        middle = (len(least) - 1) / 2
        for at in sorted(range(len(least)), key=lambda u: -abs(u - middle)):
            if not len(kept):
                break
            limit = min(int(least[at]) + max(0, int(spare.max())) // self.counts[at], self.ceiling)
            found = least_totals(self.whole, kept, self.needs[at : at + 1], np.array([limit]))[:, 0]
            left = spare - self.counts[at] * (np.minimum(found, limit + 1) - least[at])
            fits = (found < UNLIMITED) & (left >= 0)
            kept, totals, spare = kept[fits], totals[fits], left[fits]
            totals[:, at] = found[fits]
        return kept, totals

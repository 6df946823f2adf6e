"""Weights with which a federation controller needs the fewest replicas over the hours of a day.

Weights stay, totals follow the hours: each hour has the least total whose division holds what the
hour needs.  A division in a failure state is the controller's too, and must fit what is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from planner.federation.candidates import karmada_candidates, kubefed_candidates
from planner.federation.karmada import names_descend
from planner.federation.splits import UNLIMITED
from planner.federation.targets import Karmada, Target
from planner.federation.totals import least_totals
from planner.optimization.stopping import Stop
from planner.optimization.webster_weights import webster_weights
from planner.problem.arrays import Bools, Ints

LISTED = 300_000
"""Most weight vectors that are all compared."""

_TRIED = 2000
"""Most vectors whose divisions in failure states are looked at."""

_FORBIDDEN = 20
"""Most vectors of the exact program that are passed over."""

_MORE_SHARE = 0.1
"""Replicas over the hours that weights may need beyond the best if their divisions hold."""

_FIRST, _CHUNK = 200, 20_000


@dataclass(frozen=True)
class Demands:
    """What one service asks of its division.

    Attributes
    ----------
    clusters : tuple of str
        Clusters that carry a weight, in order of name.
    needs : ndarray of int, shape (H, R)
        Replicas that each hour needs to survive every promised state.
    room : ndarray of int, shape (R,)
        Most replicas that each cluster can hold.
    up : ndarray of bool, shape (K, R)
        Clusters that are left in each state in which the controller divides anew; all of them is no
        such state.
    state_needs : ndarray of int, shape (K, H, R)
        Replicas that each state needs of those.
    """

    clusters: tuple[str, ...]
    needs: Ints
    room: Ints
    up: Bools
    state_needs: Ints


@dataclass(frozen=True)
class DivisionWeights:
    """Weights, and the totals and replicas of every hour.

    Attributes
    ----------
    weights : ndarray of int, shape (R,)
        By cluster.
    totals : ndarray of int, shape (H,)
        Least total of each hour.
    replicas : ndarray of int, shape (H, R)
        What the controller makes of it with everything up.
    exact : bool
        Whether no weights up to the largest need fewer replicas over the hours.
    clash : tuple of (int, int) or None
        State and hour in which the division does not hold or does not fit; None where all do. With
        a clash the weights are the best with everything up.
    """

    weights: Ints
    totals: Ints
    replicas: Ints
    exact: bool
    clash: tuple[int, int] | None


def division_weights(
    target: Callable[[tuple[str, ...]], Target],
    asked: Demands,
    *,
    largest: int = 20,
    known: Ints | None = None,
    stop: Stop,
    seed: int = 0,
) -> DivisionWeights | None:
    r"""Return the weights with which the totals of all hours add up to the least.

    .. math:: \min_w \sum_h \min \{N : \text{divide}(N, w) \ge \text{need}_h\},
              \qquad 1 \le w_r \le \text{largest}

    Parameters
    ----------
    target : callable
        Returns the controller over some of the clusters.
    asked : Demands
        What is needed, and what there is room for.
    largest : int
        Largest weight.
    known : ndarray of int, shape (C, R), optional
        Vectors that are compared too, whatever their weights: those in use, say.
    stop : Stop
        When to stop the program that is asked where there are too many vectors to list; an
        interruption ends the comparison of those that are listed too.
    seed : int
        Random seed of that program.

    Returns
    -------
    DivisionWeights or None
        Of equals those with the smallest sum, then the first in lexicographic order. None where no
        vector that was compared holds the needs with everything up.

    Notes
    -----
    Up to `LISTED` vectors all are compared.  Beyond, Webster's weights come from an exact program
    (`planner.optimization.webster_weights`), KubeFed's from those that could return some hour's
    needs exactly.  Weights whose divisions in failure states do not hold are passed over for the
    next best, up to a tenth more replicas; if none of those holds, that is said.

    Examples
    --------
    Three and one by night, four and four by day: no weights return both.

    >>> from planner.optimization.stopping import NEVER
    >>> none = np.zeros((0, 2, 2), np.int64)
    >>> needs, room = np.array([[3, 1], [4, 4]]), np.array([20, 20])
    >>> asked = Demands(("a", "b"), needs, room, np.zeros((0, 2), bool), none)
    >>> found = division_weights(lambda names: Karmada(dict.fromkeys(names, 1)), asked, stop=NEVER)
    >>> found.weights.tolist(), found.totals.tolist()
    ([5, 4], [5, 8])
    """
    whole = target(asked.clusters)
    vectors, every = _vectors(whole, asked, largest)
    if known is not None:
        vectors = np.concatenate([known, vectors])
    ranked = _ranked(whole, asked, vectors, stop)
    exact = every and not stop.interrupted
    found = _first_that_holds(target, asked, *ranked, exact)
    if found is None or found.clash is not None:
        wider = _ranked(whole, asked, vectors, stop, more_share=_MORE_SHARE)
        exact = exact and not stop.interrupted
        found = _first_that_holds(target, asked, *wider, exact) or found
    if every or not isinstance(whole, Karmada) or found is None:
        return found
    return _improved(target, asked, whole, found, largest, stop, seed)


def _vectors(whole: Target, asked: Demands, largest: int) -> tuple[Ints, bool]:
    """Return weight vectors to compare, and whether these are all with gcd 1."""
    size = len(asked.clusters)
    if largest**size <= LISTED:
        every = np.array(list(product(range(1, largest + 1), repeat=size)), np.int64)
        every = every[np.gcd.reduce(every, axis=1) == 1]
        # In proportion to the needs first: what comes after is measured against it.
        peak = asked.needs.max(axis=0)
        skew = np.abs(every / every.sum(axis=1, keepdims=True) - peak / max(1, peak.sum()))
        return every[np.argsort(skew.max(axis=1), kind="stable")], True
    listed = karmada_candidates if isinstance(whole, Karmada) else kubefed_candidates
    wanted = np.unique(np.maximum(asked.needs, 1), axis=0)
    parts = [vectors for need in wanted if len(vectors := listed(need))]
    every = np.concatenate(parts)
    return np.unique(every[(every <= largest).all(axis=1)], axis=0), False


def _ranked(
    whole: Target, asked: Demands, vectors: Ints, stop: Stop, *, more_share: float = 0.0
) -> tuple[Ints, Ints]:
    """Return the vectors that hold the needs within the room, the best first, and their totals.

    Vectors are left out that need more than `more_share` more than one before them.
    """
    needs, hour, counts = np.unique(asked.needs, axis=0, return_inverse=True, return_counts=True)
    found = _Ranking(whole, needs, counts, int(asked.room.sum()))
    best = found.ceiling * hour.size
    parts = [(vectors[:0], np.zeros((0, len(needs)), np.int64))]
    begin = 0
    while begin < len(vectors) and not (begin and stop.interrupted):
        # Few at first: what comes after is measured against them.
        end = begin + (_CHUNK if begin else _FIRST)
        kept, totals = found.within(vectors[begin:end], int(best * (1 + more_share)))
        parts.append((kept, totals))
        best, begin = min([best, *(totals @ counts).tolist()]), end
    weights, total = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((*weights.T[::-1], weights.sum(axis=1), total @ counts))
    return weights[order], total[order][:, hour.ravel()]


@dataclass(frozen=True)
class _Ranking:
    """Distinct needs (U, R), how many hours have them (U,), and the largest total."""

    whole: Target
    needs: Ints
    counts: Ints
    ceiling: int

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


def _first_that_holds(
    target: Callable[[tuple[str, ...]], Target],
    asked: Demands,
    ranked: Ints,
    totals: Ints,
    exact: bool,
) -> DivisionWeights | None:
    """Return the best vector whose divisions hold in every state; else the best of all."""
    whole, first = target(asked.clusters), None
    for weights, total in zip(ranked[:_TRIED], totals, strict=False):
        split = _split(whole, weights, total)
        if (split > asked.room).any():
            continue
        clash = _clash(target, asked, weights, total)
        if clash is None:
            return DivisionWeights(weights, total, split[0], exact, None)
        if first is None:
            first = DivisionWeights(weights, total, split[0], False, clash)
    return first


def _split(whole: Target, weights: Ints, totals: Ints) -> Ints:
    """Return the division of every hour with everything up, one for each order of ties."""
    distinct, hour = np.unique(totals, return_inverse=True)
    splits = whole.splits(weights[None], distinct)
    return np.stack([split[0][hour.ravel()] for split in splits])


def _clash(
    target: Callable[[tuple[str, ...]], Target], asked: Demands, weights: Ints, totals: Ints
) -> tuple[int, int] | None:
    """Return the first state and hour in which a division does not hold or does not fit."""
    for state, up in enumerate(asked.up):
        if not up.any():
            continue
        names = tuple(c for c, is_up in zip(asked.clusters, up, strict=True) if is_up)
        split = _split(target(names), weights[up], totals)
        bad = (split < asked.state_needs[state][:, up]) | (split > asked.room[up])
        if bad.any():
            return state, int(np.flatnonzero(bad.any(axis=(0, 2)))[0])
    return None


def _improved(
    target: Callable[[tuple[str, ...]], Target],
    asked: Demands,
    whole: Karmada,
    known: DivisionWeights,
    largest: int,
    stop: Stop,
    seed: int,
) -> DivisionWeights:
    """Ask the exact program, forbidding what does not hold in failure states."""
    orders = [names_descend(whole.uid)] if whole.uid else [False, True]
    forbidden: list[Ints] = []
    for _ in range(_FORBIDDEN):
        found = webster_weights(
            asked.needs,
            largest,
            orders=orders,
            start=known.weights,
            forbidden=forbidden,
            stop=stop,
            seed=seed,
        )
        if found is None or stop.passed():
            return known
        vector = found.weights[None]
        ranked = _ranked(whole, asked, vector, stop)
        held = _first_that_holds(target, asked, *ranked, found.proven)
        if held is not None and held.clash is None:
            return held
        forbidden.append(found.weights)
    return known

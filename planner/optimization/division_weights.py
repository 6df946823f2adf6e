"""Weights with which a federation controller needs the fewest replicas over the hours of a day.

Weights stay, totals follow the hours: each hour has the least total whose division holds what the
hour needs.  A division in a failure state is the controller's too, and must fit what is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from planner.federation.karmada import names_descend
from planner.federation.targets import Karmada, Target
from planner.optimization.stopping import Stop
from planner.optimization.webster_weights import webster_weights
from planner.optimization.weight_ranking import every_vector, likely_vectors, ranks
from planner.problem.arrays import Bools, Ints

LISTED = 300_000
"""Most weight vectors that are all compared."""

_TRIED, _AT_ONCE = 20_000, 256
"""Most vectors of one rank whose divisions in failure states are looked at, and at once."""

_ASKED = 30
"""Most times that the exact program is asked."""

_SPARE_SHARE = 0.25
"""Replicas beyond the needs that it is first asked for where no weights are known."""


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
    ahead : tuple of tuple of int
        Hours of whose totals the largest is in force before the first of them ends, so that its
        division must hold what that one needs.
    """

    clusters: tuple[str, ...]
    needs: Ints
    room: Ints
    up: Bools
    state_needs: Ints
    ahead: tuple[tuple[int, ...], ...] = ()


class Clash(NamedTuple):
    """Where a division does not hold or does not fit.

    Attributes
    ----------
    state : int or None
        The state; None for everything up.
    hour : int
        The hour.
    early : bool
        Whether it is the total of a later hour that is divided.
    """

    state: int | None
    hour: int
    early: bool


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
    clash : Clash or None
        Where the division does not hold or does not fit; None where it does in all. With a clash
        the weights are the best with everything up.
    """

    weights: Ints
    totals: Ints
    replicas: Ints
    exact: bool
    clash: Clash | None


@dataclass(frozen=True)
class Compared:
    """What a comparison of weights came to.

    Attributes
    ----------
    best : DivisionWeights or None
        The best that hold; else the best with everything up, with their clash; else None.
    every : bool
        Where none hold: whether all weights up to the largest were looked at or are ruled out.
    """

    best: DivisionWeights | None
    every: bool


def division_weights(
    target: Callable[[tuple[str, ...]], Target],
    asked: Demands,
    *,
    largest: int = 20,
    known: Ints | None = None,
    stop: Stop,
    seed: int = 0,
) -> Compared:
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
    Compared
        The best weights, of equals those with the smallest sum, then the first in lexicographic
        order; and where none hold whether that is all there is.

    Notes
    -----
    Up to `LISTED` vectors all are compared.  Beyond, Webster's weights come from an exact program
    (`planner.optimization.webster_weights`), KubeFed's from those that could return some hour's
    needs exactly or are in proportion to what is asked for.  Weights whose divisions in failure
    states do not hold are passed over for the next best, with ever more replicas, until some hold,
    none are left, or time is up.

    Examples
    --------
    Three and one by night, four and four by day: no weights return both.

    >>> from planner.optimization.stopping import NEVER
    >>> none = np.zeros((0, 2, 2), np.int64)
    >>> needs, room = np.array([[3, 1], [4, 4]]), np.array([20, 20])
    >>> asked = Demands(("a", "b"), needs, room, np.zeros((0, 2), bool), none)
    >>> found = division_weights(lambda names: Karmada(dict.fromkeys(names, 1)), asked, stop=NEVER)
    >>> found.best.weights.tolist(), found.best.totals.tolist()
    ([5, 4], [5, 8])
    """
    whole, needs, room = target(asked.clusters), asked.needs, asked.room
    every = largest ** len(asked.clusters) <= LISTED
    vectors = every_vector(needs, largest) if every else likely_vectors(whole, needs, room, largest)
    if known is not None:
        vectors = np.concatenate([known, vectors])
    found = _first_that_holds(target, asked, vectors, every, stop)
    if every or not isinstance(whole, Karmada):
        return found
    return _improved(target, asked, whole, found.best, largest, stop, seed)


def _first_that_holds(
    target: Callable[[tuple[str, ...]], Target],
    asked: Demands,
    vectors: Ints,
    every: bool,
    stop: Stop,
) -> Compared:
    """Return the best vector whose divisions hold in every state; else the best of all."""
    first = None
    whole, most = target(asked.clusters), int(asked.room.sum())
    for rank in ranks(whole, asked.needs, most, vectors, stop):
        every = every and rank.whole
        for begin in range(0, len(rank.weights), _AT_ONCE):
            if begin and (begin >= _TRIED or stop.passed()):
                every = False
                break
            part = slice(begin, begin + _AT_ONCE)
            found = _best_of(target, asked, rank.weights[part], rank.totals[part], every)
            if found is not None and found.clash is None:
                return Compared(found, every)
            first = first or found
    return Compared(first, every)


def _best_of(
    target: Callable[[tuple[str, ...]], Target],
    asked: Demands,
    weights: Ints,
    totals: Ints,
    exact: bool,
) -> DivisionWeights | None:
    """Return the first of some vectors that holds in every state; else the first that fits."""
    splits = _splits(target(asked.clusters), weights, totals)
    fits = np.flatnonzero((splits <= asked.room).all(axis=(0, 2, 3)))
    if not fits.size:
        return None
    clashes = _clashes(target, asked, weights[fits], totals[fits])
    at = int(np.argmin(clashes.any(axis=(1, 2))))
    one, clash = fits[at], _first_clash(asked, clashes[at])
    exact = exact and clash is None
    return DivisionWeights(weights[one], totals[one], splits[0, one], exact, clash)


def _splits(whole: Target, weights: Ints, totals: Ints) -> Ints:
    """Divide the totals (C, H) by their own weights (C, R), one for each order of ties."""
    distinct, place = np.unique(totals, return_inverse=True)
    place, row = place.reshape(totals.shape), np.arange(len(weights))[:, None]
    return np.stack([split[row, place] for split in whole.splits(weights, distinct)])


def _clashes(
    target: Callable[[tuple[str, ...]], Target], asked: Demands, weights: Ints, totals: Ints
) -> Bools:
    """Return in which states and hours a division does not hold or does not fit.

    The shape is (C, 1 + K, H + A): everything up comes before the states, and after the hours those
    in which a later total may be in force.
    """
    of_hour = [*range(totals.shape[1]), *(group[0] for group in asked.ahead)]
    standing = _standing(asked, totals)
    states = np.concatenate([np.ones((1, asked.up.shape[1]), bool), asked.up])
    needs = np.concatenate([asked.needs[None], asked.state_needs])[:, of_hour]
    found = np.zeros((len(weights), len(states), len(of_hour)), bool)
    for state, up in enumerate(states):
        if not up.any():
            continue
        names = tuple(c for c, is_up in zip(asked.clusters, up, strict=True) if is_up)
        splits = _splits(target(names), weights[:, up], totals)
        splits = splits[:, np.arange(len(weights))[:, None], standing]
        bad = (splits < needs[state][:, up]) | (splits > asked.room[up])
        found[:, state] = bad.any(axis=(0, 3))
    return found


def _standing(asked: Demands, totals: Ints) -> Ints:
    """Return whose total stands in each hour, and in each where a later one may, (C, H + A)."""
    own = np.broadcast_to(np.arange(totals.shape[1]), totals.shape)
    later = [np.array(g)[totals[:, g].argmax(axis=1)][:, None] for g in asked.ahead]
    return np.concatenate([own, *later], axis=1)


def _first_clash(asked: Demands, clashes: Bools) -> Clash | None:
    """Return the first of one vector's clashes, (1 + K, H + A)."""
    bad = np.argwhere(clashes)
    if not len(bad):
        return None
    state, place = bad[0].tolist()
    early = place >= len(asked.needs)
    hour = asked.ahead[place - len(asked.needs)][0] if early else place
    return Clash(state - 1 if state else None, hour, early)


def _improved(
    target: Callable[[tuple[str, ...]], Target],
    asked: Demands,
    whole: Karmada,
    best: DivisionWeights | None,
    largest: int,
    stop: Stop,
    seed: int,
) -> Compared:
    """Ask the exact program, forbidding what does not hold in failure states.

    Where nothing that holds is known, ever more replicas are allowed: few make a small program.
    """
    holds = best is not None and best.clash is None
    ask = partial(
        webster_weights,
        asked.needs,
        largest,
        orders=[names_descend(whole.uid)] if whole.uid else [False, True],
        start=best.weights if best and holds else None,
        room=asked.room,
        stop=stop,
        seed=seed,
    )
    least, end = int(asked.needs.sum()), len(asked.needs) * int(asked.room.sum())
    limit = int(best.totals.sum()) if best else min(end, int(least * (1 + _SPARE_SHARE)))
    forbidden: list[Ints] = []
    for _ in range(_ASKED):
        found = ask(most=limit, forbidden=forbidden)
        if found is not None:
            vector = found.weights[None]
            one = _first_that_holds(target, asked, vector, found.proven, stop).best
            if one is not None and one.clash is None:
                # Stopped early, the solver may return less than it was given.
                better = not (best and holds) or one.totals.sum() <= limit
                return Compared(one if better else best, True)
            best = best if holds else _cheaper(best, one)
            forbidden += _multiples(found.weights, largest)
        elif holds or limit >= end:
            return Compared(best, True)
        else:
            limit = min(end, limit + max(1, limit - least))
        if stop.passed() or not (found is None or found.proven):
            break
    return Compared(best, False)


def _cheaper(*found: DivisionWeights | None) -> DivisionWeights | None:
    """Return the one with the fewest replicas, of equals that with the smallest weights."""
    known = [one for one in found if one is not None]
    return min(
        known,
        key=lambda one: (one.totals.sum(), one.weights.sum(), tuple(one.weights)),
        default=None,
    )


def _multiples(weights: Ints, largest: int) -> list[Ints]:
    """Return the vectors up to the largest weight that divide as one does."""
    one = weights // np.gcd.reduce(weights)
    return [times * one for times in range(1, largest // int(one.max()) + 1)]

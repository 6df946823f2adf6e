"""Combinations of components that are likely enough, level by level, not one by one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.failures.effects import Bools, Floats, Ints

Indices = NDArray[np.int32]

SLACK = 1 - 1e-9
"""A bound multiplies in another order than the probability: what is so little below it stays."""


class TooMany(ValueError):
    """More combinations than were allowed; `args[0]` is their number as far as it was counted."""


def probable_combinations(
    odds: Floats, block: Ints, base: float, *, most: int, cutoff: float, limit: int
) -> list[Indices]:
    r"""Return the combinations of components whose probability may exceed a cut-off.

    .. math:: P(k) = P_0 \prod_{i \in k} o_i

    with the odds o of a component against nothing in its block. Components are tried by decreasing
    odds, so what may be added to a combination is a prefix of the rest: nothing is made in vain.

    Parameters
    ----------
    odds : ndarray, shape (N,)
        Odds of each component.
    block : ndarray of int, shape (N,)
        Components of one block are never combined.
    base : float
        Probability of the empty combination.
    most : int
        Largest size.
    cutoff : float
        Probabilities must be above it; some within 1e-9 of it are returned, too.
    limit : int
        Most combinations.

    Returns
    -------
    list of ndarray of int, shapes (K_n, n)
        Those of each size n = 0, 1, ...; a row holds indices of components in no order.

    Raises
    ------
    TooMany
        If there are more than `limit`.

    Examples
    --------
    >>> odds, alone = np.array([0.5, 0.1]), np.array([0, 1])
    >>> found = probable_combinations(odds, alone, 0.6, most=2, cutoff=0.05, limit=9)
    >>> [level.tolist() for level in found]
    [[[]], [[0], [1]], []]
    """
    by_odds = np.argsort(-odds, kind="stable").astype(np.int32)
    sorted_odds, sorted_block = odds[by_odds], block[by_odds]
    # A component more often down than up makes a state likelier: such gains are still to come.
    gain = np.append(np.cumprod(np.maximum(sorted_odds, 1)[::-1])[::-1], 1.0)
    reach = -sorted_odds * gain[1:]
    level, probability = np.empty((1, 0), dtype=np.int32), np.array([base])
    found, total = [level], 1
    for _ in range(min(most, len(odds))):
        parent, added = _children(level, probability, reach, cutoff * SLACK, total, limit)
        free = _apart(sorted_block, level, parent, added)
        parent, added = parent[free], added[free]
        total += len(added)
        if total > limit:
            raise TooMany(total)
        probability = probability[parent] * sorted_odds[added]
        level = np.column_stack([level[parent], added])
        found.append(by_odds[level])
    return found


def _children(
    level: Indices, probability: Floats, reach: Floats, floor: float, total: int, limit: int
) -> tuple[Indices, Indices]:
    """Pairs of a row and a component behind its last one that may be added to it."""
    last = level[:, -1] if level.shape[1] else np.full(len(level), -1)
    with np.errstate(divide="ignore"):
        needed = np.where(probability > 0, floor / probability, np.inf)
    children = np.maximum(np.searchsorted(reach, -needed, side="left") - last - 1, 0)
    # Twice the room: some of them are of one block and will be taken out again.
    if (count := int(children.sum())) > 2 * (limit - total):
        raise TooMany(total + count)
    parent = np.repeat(np.arange(len(level), dtype=np.int32), children)
    start = np.repeat(np.cumsum(children) - children, children)
    added = last[parent] + 1 + np.arange(len(parent)) - start
    return parent, added.astype(np.int32)


def _apart(block: Ints, level: Indices, parent: Indices, added: Indices) -> Bools:
    """Whether the component added is of no block that the row has."""
    free = np.ones(len(parent), dtype=np.bool_)
    if len(np.unique(block)) == len(block):
        return free
    for column in range(level.shape[1]):
        free &= block[level[parent, column]] != block[added]
    return free


def count_combinations(block: Ints, most: int) -> int:
    """Return the number of combinations of at most so many components.

    Parameters
    ----------
    block : ndarray of int, shape (N,)
        Components of one block are never combined.
    most : int
        Largest size.

    Returns
    -------
    int
        Exact, by elementary symmetric polynomials of the blocks' sizes.

    Examples
    --------
    >>> count_combinations(np.arange(100), 4), count_combinations(np.array([0, 0, 1]), 2)
    (4087976, 6)
    """
    ways = [1] + [0] * min(most, len(block))
    for size in np.unique(block, return_counts=True)[1].tolist():
        for n in range(len(ways) - 1, 0, -1):
            ways[n] += size * ways[n - 1]
    return sum(ways)


def products(choices: Sequence[tuple[Ints, int]]) -> Indices:
    """Return all combinations of at most so many of each kind.

    Parameters
    ----------
    choices : sequence of (ndarray of int, int)
        The members of each kind and how many of them at most.

    Returns
    -------
    ndarray of int, shape (K, D)
        One combination a row, padded with -1; the empty one first.

    Examples
    --------
    >>> products([(np.array([0, 1]), 1), (np.array([5]), 1)]).tolist()
    [[-1, -1], [-1, 5], [0, -1], [0, 5], [1, -1], [1, 5]]
    """
    rows = np.empty((1, 0), dtype=np.int32)
    for members, most in choices:
        own = np.vstack([_padded(members, size, most) for size in range(most + 1)])
        rows = np.hstack([np.repeat(rows, len(own), axis=0), np.tile(own, (len(rows), 1))])
    return rows


def _padded(members: Ints, size: int, width: int) -> Indices:
    """All combinations of one size, padded with -1 to a width."""
    chosen = list(itertools.combinations(members.tolist(), size))
    rows = np.full((len(chosen), width), -1, dtype=np.int32)
    rows[:, :size] = np.array(chosen, dtype=np.int32).reshape(len(chosen), size)
    return rows

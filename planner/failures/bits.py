"""States as bits: which components are down, packed, ordered, and counted where they repeat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from planner.errors import TooManyStates
from planner.failures.effects import Bools, Floats, Ints

Words = NDArray[np.uint64]

WORD_BITS = 64

CHUNK_DRAWS = 1_000_000
"""Random numbers drawn at once: 8 MB of them."""

PENDING_STATES = 1_000_000
"""States drawn before equal ones are added up; more where more distinct ones are known."""


def word_count(size: int) -> int:
    """Return how many words hold the bits of a state.

    Parameters
    ----------
    size : int
        Number of components.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> word_count(0), word_count(64), word_count(65)
    (1, 1, 2)
    """
    return max(1, -(-size // WORD_BITS))


def packed(combinations: Ints, size: int) -> Words:
    """Return combinations as bits, the first component in the highest bit of the first word.

    Parameters
    ----------
    combinations : ndarray of int, shape (K, D)
        Indices of components, padded with -1.
    size : int
        Number of components.

    Returns
    -------
    ndarray of uint64, shape (K, W)
        A bit for each component that is down.

    Examples
    --------
    >>> packed(np.array([[0, -1], [1, 63]]), 64)[:, 0].tolist() == [2**63, 2**62 + 1]
    True
    """
    words = np.zeros((len(combinations), word_count(size)), dtype=np.uint64)
    for column in combinations.T:
        rows = np.flatnonzero(column >= 0)
        index = column[rows]
        shift = (WORD_BITS - 1 - index % WORD_BITS).astype(np.uint64)
        words[rows, index // WORD_BITS] |= np.left_shift(np.uint64(1), shift)
    return words


def unpacked(words: Words, size: int) -> Bools:
    """Return bits as truth values.

    Parameters
    ----------
    words : ndarray of uint64, shape (K, W)
        See `packed`.
    size : int
        Number of components.

    Returns
    -------
    ndarray of bool, shape (K, N)
        Which components are down, one component after the other in memory.

    Examples
    --------
    >>> unpacked(packed(np.array([[2, 0]]), 3), 3).tolist()
    [[True, False, True]]
    """
    down = np.empty((len(words), size), dtype=np.bool_, order="F")
    for n in range(size):
        mask = np.uint64(1 << (WORD_BITS - 1 - n % WORD_BITS))
        down[:, n] = (words[:, n // WORD_BITS] & mask) != 0
    return down


def ranked(words: Words, probability: Floats) -> Ints:
    """Return the order in which states stand.

    Parameters
    ----------
    words : ndarray of uint64, shape (K, W)
        See `packed`.
    probability : ndarray, shape (K,)
        Of each state.

    Returns
    -------
    ndarray of int, shape (K,)
        All up first, then by decreasing probability, then fewer components first, then earlier
        components first.

    Examples
    --------
    >>> states = packed(np.array([[0, 1], [1, -1], [0, -1], [-1, -1]]), 2)
    >>> ranked(states, np.array([0.1, 0.1, 0.1, 0.05])).tolist()
    [3, 2, 1, 0]
    """
    size = np.bitwise_count(words).sum(axis=1, dtype=np.int32)
    likely = np.where(size == 0, -np.inf, -probability)
    return np.lexsort((*(~words).T[::-1], size, likely))


def draws(
    low: Floats, high: Floats, block: Ints, samples: int, seed: int, limit: int
) -> tuple[Words, Ints]:
    """Draw states, each block on its own, and count the distinct ones.

    Parameters
    ----------
    low, high : ndarray, shape (N,)
        A component is down where its block's uniform number is in [low, high).
    block : ndarray of int, shape (N,)
        Block of each component.
    samples : int
        How many states are drawn.
    seed : int
        Seed of the generator.
    limit : int
        Most distinct states.

    Returns
    -------
    words : ndarray of uint64, shape (K, W)
        The distinct states.
    count : ndarray of int, shape (K,)
        How often each was drawn.

    Raises
    ------
    ValueError
        If there are more than `limit` distinct states.

    Examples
    --------
    >>> words, count = draws(np.zeros(1), np.array([0.25]), np.zeros(1, int), 1000, 1, 9)
    >>> len(words), int(count.sum())
    (2, 1000)
    """
    generator = np.random.default_rng(seed)
    blocks = int(block.max(initial=-1)) + 1
    rows = max(1, CHUNK_DRAWS // max(blocks, 1))
    words, count = np.empty((0, word_count(len(block))), np.uint64), np.empty(0, np.int64)
    pending: list[Words] = []
    for start in range(0, samples, rows):
        uniform = generator.random((min(rows, samples - start), blocks))
        pending.append(_drawn(uniform, low, high, block))
        if len(pending) * rows >= max(PENDING_STATES, len(words)) or start + rows >= samples:
            words, count = _distinct([words, *pending], count)
            pending = []
            if len(words) > limit:
                raise TooManyStates(
                    f"more than {limit:,} distinct states were drawn; lower `samples`"
                )
    return words, count


def _drawn(uniform: Floats, low: Floats, high: Floats, block: Ints) -> Words:
    """One state a row of uniform numbers, as bits."""
    number = uniform[:, block]
    down = (number >= low) & (number < high)
    octets = np.packbits(down, axis=1)
    missing = 8 * word_count(len(block)) - octets.shape[1]
    whole = np.ascontiguousarray(np.pad(octets, ((0, 0), (0, missing))))
    return whole.view(">u8").astype(np.uint64)


def _distinct(parts: list[Words], count: Ints) -> tuple[Words, Ints]:
    """Add up the counts of equal states; those beyond `count` were drawn once."""
    words = np.vstack(parts)
    count = np.append(count, np.ones(len(words) - len(count), dtype=np.int64))
    order = np.lexsort(words.T[::-1])
    words = words[order]
    new = np.append(True, (words[1:] != words[:-1]).any(axis=1))
    first = np.flatnonzero(new)
    return words[first], np.add.reduceat(count[order], first)

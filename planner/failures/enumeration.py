"""Which states are enumerated: those above a cut-off, and all that the policy promises."""

from __future__ import annotations

import math

import numpy as np

from planner.errors import TooManyStates
from planner.failures.combinations import (
    Indices,
    TooMany,
    count_combinations,
    probable_combinations,
    products,
)
from planner.failures.components import Components
from planner.failures.effects import Floats
from planner.model.failure import PROMISED_KINDS
from planner.model.policy import Survive

MAX_STATES = 2_000_000
"""More states than this are refused."""


def promised_limits(parts: Components, survive: Survive) -> tuple[int, ...]:
    """Return how many components of each promised kind may be down in a promised state.

    Parameters
    ----------
    parts : Components
        What may fail.
    survive : Survive
        The policy.

    Returns
    -------
    tuple of int
        One figure for each of `PROMISED_KINDS`, at most as many as there are.
    """
    promised = (survive.regions, survive.risk_groups, survive.links)
    return tuple(
        min(most, parts.kinds.count(kind))
        for most, kind in zip(promised, PROMISED_KINDS, strict=True)
    )


def enumerated(parts: Components, limits: tuple[int, ...], depth: int, cutoff: float) -> Indices:
    """Return every state once: those above the cut-off, and those that are promised.

    Parameters
    ----------
    parts : Components
        What may fail.
    limits : tuple of int
        See `promised_limits`.
    depth : int
        Largest number of components down at once, but for promised states.
    cutoff : float
        States must be more probable than this, but for promised ones.

    Returns
    -------
    ndarray of int, shape (K, D)
        Components that are down, padded with -1; the state with none is first.

    Raises
    ------
    ValueError
        If there are more than `MAX_STATES`.
    """
    promised, found = _promised(parts, limits), _found(parts, depth, cutoff)
    width = max(promised.shape[1], len(found) - 1)
    likely = np.vstack([_padded(level, width) for level in found[1:] or [found[0][:0]]])
    promised = _padded(promised, width)
    likely = likely[probability_of(parts, likely) > cutoff]
    missing = (promised >= 0).sum(axis=1) > depth
    missing |= ~(probability_of(parts, promised) > cutoff)
    missing[0] = True
    return np.vstack([promised[missing], likely])


def probability_of(parts: Components, rows: Indices) -> Floats:
    """Return the probability of states; equal factors give equal bits, whatever their order.

    Parameters
    ----------
    parts : Components
        What may fail.
    rows : ndarray of int, shape (K, D)
        Components that are down, padded with -1.

    Returns
    -------
    ndarray, shape (K,)
        Product over all blocks.
    """
    odds = np.append(parts.odds, 1.0)[rows]
    odds.sort(axis=1)
    probability: Floats = parts.all_up_probability * odds.prod(axis=1)
    return probability


def _promised(parts: Components, limits: tuple[int, ...]) -> Indices:
    """All combinations of at most so many of each promised kind, "all up" first."""
    members = [np.flatnonzero(parts.of_kind(kind)) for kind in PROMISED_KINDS]
    pairs = list(zip(members, limits, strict=True))
    _refuse_many(math.prod(count_combinations(own, most) for own, most in pairs), "promised ")
    return products(pairs)


def _found(parts: Components, depth: int, cutoff: float) -> list[Indices]:
    """Return the combinations of each size that may exceed the cut-off."""
    if cutoff == 0:
        possible = parts.block[parts.unavailability > 0]
        _refuse_many(count_combinations(possible, depth))
    try:
        return probable_combinations(
            parts.odds,
            parts.block,
            parts.all_up_probability,
            most=depth,
            cutoff=cutoff,
            limit=MAX_STATES,
        )
    except TooMany as many:
        raise _too_many(int(many.args[0]), "at least ") from None


def _refuse_many(count: int, how: str = "") -> None:
    """Refuse to enumerate without end."""
    if count > MAX_STATES:
        raise _too_many(count, how)


def _too_many(count: int, how: str) -> TooManyStates:
    """Say how many states there would be, and the cure."""
    return TooManyStates(
        f"{how}{count:,} failure states are more than the {MAX_STATES:,} that are enumerated; "
        "lower `order`, raise `cutoff_probability`, or draw a sample"
    )


def _padded(rows: Indices, width: int) -> Indices:
    """Rows of a width, filled with -1."""
    return np.pad(rows, ((0, 0), (0, width - rows.shape[1])), constant_values=-1)

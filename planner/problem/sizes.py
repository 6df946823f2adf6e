"""Whether the arrays of so many failure states fit."""

from __future__ import annotations

from planner.errors import TooManyStates
from planner.failures.known import FailureStates

MOST_BYTES = 4e9
"""Larger arrays are refused."""

CURE = "lower `order`, raise `cutoff_probability` or draw fewer samples"


def refuse_large(states: FailureStates) -> None:
    """Refuse states whose arrays would not fit.

    Parameters
    ----------
    states : FailureStates
        Failure states of a scenario.

    Raises
    ------
    TooManyStates
        If the arrays along states would take more than 4 GB.

    Notes
    -----
    Counted are two truth values for each state, service, origin and region, three figures for each
    state, origin and region, and four for each state and pair of regions.
    """
    k, r, o, s = len(states), len(states.regions), len(states.origins), len(states.services)
    size = k * r * (o * (2 * s + 3 * 8) + r * 4 * 8)
    if size > MOST_BYTES:
        raise TooManyStates(
            f"{k:,} failure states of {s} services, {o} origins and {r} regions would take "
            f"{size / 1e9:.1f} GB, more than {MOST_BYTES / 1e9:.0f}; {CURE}"
        )


def refuse_paths(situations: int, points: int, regions: int) -> None:
    """Refuse situations whose paths would not fit.

    Parameters
    ----------
    situations : int
        In how many ways the states leave the paths.
    points : int
        Number of points of all origins.
    regions : int
        Number of regions.

    Raises
    ------
    TooManyStates
        If four figures for each situation, point and region would take more than 4 GB.

    Examples
    --------
    >>> refuse_paths(1000, 141, 4)
    """
    size = situations * points * regions * 4 * 8
    if size > MOST_BYTES:
        raise TooManyStates(
            f"{situations:,} failure states with different paths from {points:,} points to "
            f"{regions} regions would take {size / 1e9:.1f} GB, more than {MOST_BYTES / 1e9:.0f}; "
            f"{CURE}"
        )

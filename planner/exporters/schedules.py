"""Totals by the hour as a clock can set them: in force before they are needed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from planner.model.hourly import standing

HOURS = 24
MINUTES_PER_HOUR = 60
DAY_MINUTES = HOURS * MINUTES_PER_HOUR


def schedule_rules(totals: Sequence[int], startup_s: float) -> Iterator[tuple[int, int]]:
    """Yield the minute of the day and the total at every change, UTC.

    Parameters
    ----------
    totals : sequence of int
        Replicas in each of 24 hours.
    startup_s : float
        Seconds until a new replica is ready: a total that rises is in force that much earlier,
        and a minute for the controllers.

    Yields
    ------
    (int, int)
        Minute 0 to 1439, and the total from then on.

    Examples
    --------
    >>> list(schedule_rules([2] * 8 + [6] * 16, startup_s=90.0))
    [(0, 2), (477, 6)]
    """
    lead = _lead_min(startup_s)
    starts = {hour * MINUTES_PER_HOUR for hour in range(HOURS)}
    early = {(start - lead) % DAY_MINUTES for start in starts}
    before = _level(totals, DAY_MINUTES - 1, lead)
    for minute in sorted(starts | early):
        level = _level(totals, minute, lead)
        if level != before:
            yield minute, level
        before = level


def settings(totals: Sequence[int], startup_s: float) -> dict[tuple[int, int], list[int]]:
    """Return when which total is set, each hour anew, so that a missed one is made good.

    Parameters
    ----------
    totals, startup_s
        As for `schedule_rules`.

    Returns
    -------
    dict of (int, int) to list of int
        Minute of the hour and total, to the hours in which it is set: at every full hour, and
        where a total rises earlier.

    Examples
    --------
    >>> found = settings([2] * 8 + [6] * 16, startup_s=90.0)
    >>> sorted(found), found[57, 6], found[0, 2]
    ([(0, 2), (0, 6), (57, 6)], [7], [0, 1, 2, 3, 4, 5, 6, 7])
    """
    lead = _lead_min(startup_s)
    hourly = {hour * MINUTES_PER_HOUR: 0 for hour in range(HOURS)}
    times = sorted(hourly | dict(schedule_rules(totals, startup_s)))
    found: dict[tuple[int, int], list[int]] = {}
    for time in times:
        key = (time % MINUTES_PER_HOUR, _level(totals, time, lead))
        found.setdefault(key, []).append(time // MINUTES_PER_HOUR)
    return dict(sorted(found.items()))


def ahead(hours_utc: Sequence[int], startup_s: float) -> tuple[tuple[int, ...], ...]:
    """Return planned hours that share some minutes: the largest of their totals is in force.

    Parameters
    ----------
    hours_utc : sequence of int
        Planned hours, ascending.
    startup_s : float
        As for `schedule_rules`.

    Returns
    -------
    tuple of tuple of int
        Places of hours. The first is the one whose minutes they are: what it needs must be held by
        what a larger total is divided into.

    Examples
    --------
    >>> ahead((8, 20, 21), startup_s=90.0)
    ((0, 1), (1, 2), (2, 0))
    """
    # The nearest is in force at the hour itself already, the last only a minute before its end.
    lead = _lead_min(startup_s)
    nearest = max(1, lead // MINUTES_PER_HOUR)
    reach = (MINUTES_PER_HOUR - 1 + lead) // MINUTES_PER_HOUR
    found = {
        tuple(dict.fromkeys(standing(hours_utc, h % HOURS) for h in range(hour, last + 1)))
        for hour in range(HOURS)
        for last in range(hour + nearest, hour + min(reach, HOURS) + 1)
    }
    return tuple(sorted(group for group in found if len(group) > 1))


def _lead_min(startup_s: float) -> int:
    """Return the minutes by which a rise comes early."""
    return math.ceil(startup_s / 60) + 1


def _level(totals: Sequence[int], minute: int, lead: int) -> int:
    """Return the largest total from a minute on until a start-up later."""
    hours = range(minute // MINUTES_PER_HOUR, (minute + lead) // MINUTES_PER_HOUR + 1)
    return max(totals[hour % HOURS] for hour in hours)

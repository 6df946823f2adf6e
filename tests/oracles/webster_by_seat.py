"""Webster's method one seat at a time, straight from its definition."""

from __future__ import annotations

from collections.abc import Mapping


def webster_by_seat(
    seats: int, votes: Mapping[str, int], *, descending: bool = False
) -> dict[str, int]:
    names = sorted(votes, reverse=descending)
    won = dict.fromkeys(names, 0)
    for _ in range(seats if any(votes.values()) else 0):
        best = names[0]
        for name in names[1:]:
            claim, lead = votes[name] / (2 * won[name] + 1), votes[best] / (2 * won[best] + 1)
            if claim > lead or (claim == lead and won[name] < won[best]):
                best = name
        won[best] += 1
    return won

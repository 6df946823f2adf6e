"""CoreDNS views: one block per distinct answer, and which queries it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.exporters import naming
from planner.exporters.steering import HostSteering, Order, State, first_up

QUERY_IDS = 65536
"""Query ids are 16 bits wide and random: a range of them is a share of the lookups.

The range is taken on the id itself. Its remainder by 10,000 would not be uniform, because 65,536 is
no multiple of 10,000: half of the remainders hold 53 % of the ids.
"""

_LONGEST = 50
"""Characters of a region in the name of a view, so that its number fits behind."""

_COUNTRY = "metadata('geoip/country/code')"


@dataclass(frozen=True)
class View:
    """One server block of a host: who is answered, and with which region in which state.

    Attributes
    ----------
    name : str
        Region of the normal state and a number, a DNS label.
    regions : tuple of str
        Region that answers, by state.
    countries : tuple of str
        Countries all of whose queries it takes.
    slices : tuple of (str, int, int)
        Country, first query id, and the id after the last.
    catches_all : bool
        Whether it is the last block and takes what is left.
    """

    name: str
    regions: tuple[str, ...]
    countries: tuple[str, ...]
    slices: tuple[tuple[str, int, int], ...]
    catches_all: bool

    @property
    def expression(self) -> str:
        """The condition of the block, as CoreDNS's ``view`` reads it."""
        codes = ", ".join(f"'{code}'" for code in self.countries)
        terms = [f"{_COUNTRY} in [{codes}]"] if self.countries else []
        for country, start, stop in self.slices:
            bounds = [f"id() >= {start}"] if start > 0 else []
            bounds += [f"id() < {stop}"] if stop < QUERY_IDS else []
            terms.append("(" + " && ".join([f"{_COUNTRY} == '{country}'", *bounds]) + ")")
        return " || ".join(terms)


def views(steering: HostSteering, states: Sequence[State]) -> tuple[View, ...]:
    """Group a host's countries by what they are answered in all states.

    Parameters
    ----------
    steering : HostSteering
        Countries and their orders.
    states : sequence of State
        Promised states.

    Returns
    -------
    tuple of View
        Those with most users first, so that few conditions are tried; the one that catches all
        last: it is the answer of most users, and takes the unknown countries too.
    """
    reactions = _reactions(steering, states)
    main = reactions[steering.main_order]
    users: dict[tuple[str, ...], float] = {}
    for order, count in steering.users.items():
        users[reactions[order]] = users.get(reactions[order], 0.0) + count
    ranked = sorted(users, key=lambda reaction: (reaction == main, -users[reaction], reaction))
    ranges = {country: _ranges(parts, reactions) for country, parts in steering.countries.items()}
    seen: dict[str, int] = {}
    result = []
    for regions in ranked:
        seen[regions[0]] = seen.get(regions[0], 0) + 1
        name = f"{naming.shortened(regions[0], _LONGEST)}-{seen[regions[0]]}"
        view = _view(name, regions, ranges, catches_all=regions == main)
        if view.catches_all or view.countries or view.slices:
            result.append(view)
    return tuple(result)


def _reactions(steering: HostSteering, states: Sequence[State]) -> dict[Order, tuple[str, ...]]:
    """Order to the regions that answer, by state."""
    orders = {order for parts in steering.countries.values() for order in parts}
    orders.add(steering.main_order)
    return {order: tuple(first_up(order, state) for state in states) for order in sorted(orders)}


def _ranges(
    parts: dict[Order, float], reactions: dict[Order, tuple[str, ...]]
) -> dict[tuple[str, ...], tuple[int, int]]:
    """Cut the query ids of a country into one range per reaction; ranges may be empty."""
    shares: dict[tuple[str, ...], float] = {}
    for order, share in parts.items():
        shares[reactions[order]] = shares.get(reactions[order], 0.0) + share
    ranges, start, sum_share = {}, 0, 0.0
    for reaction in sorted(shares):
        sum_share += shares[reaction]
        stop = round(QUERY_IDS * sum_share)
        ranges[reaction] = (start, stop)
        start = stop
    return ranges


def _view(
    name: str,
    regions: tuple[str, ...],
    ranges: dict[str, dict[tuple[str, ...], tuple[int, int]]],
    *,
    catches_all: bool,
) -> View:
    """Collect what one block takes; what catches all needs no conditions."""
    taken = {country: own[regions] for country, own in ranges.items() if regions in own}
    return View(
        name=name,
        regions=regions,
        countries=tuple(c for c, bounds in taken.items() if bounds == (0, QUERY_IDS)),
        slices=tuple(
            (country, start, stop)
            for country, (start, stop) in taken.items()
            if start < stop and (start, stop) != (0, QUERY_IDS)
        ),
        catches_all=catches_all,
    )

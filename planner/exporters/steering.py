"""What the plan answers to whom, in every promised state: the common ground of the DNS targets.

A DNS target knows countries, a plan knows origins; a plan has ordered lists, a DNS target without
health checks has one answer per state.  Here both are brought together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import fsum
from typing import TypeVar

from planner.errors import UnfaithfulExport
from planner.model.plan import OrderedShare, Plan

Order = tuple[str, ...]
_Key = TypeVar("_Key")

_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True)
class State:
    """A promised state: which regions are lost.

    Attributes
    ----------
    name : str
        ``up``, or ``lost`` and the regions, joined by dots (which no region id has).
    lost : tuple of str
        Region ids, in the scenario's order.
    """

    name: str
    lost: tuple[str, ...]

    def is_up(self, region: str) -> bool:
        """Return whether a region is up."""
        return region not in self.lost


def promised_states(plan: Plan) -> tuple[State, ...]:
    """Return every set of lost regions that the policy promises to survive.

    Parameters
    ----------
    plan : Plan
        Its `active_regions` and its policy's `survive.regions`.

    Returns
    -------
    tuple of State
        Everything up first, then one region lost, then two; always with a survivor.

    Notes
    -----
    Lost links and risk groups change no answer: a region without its links is lost to DNS only
    when it is lost.
    """
    regions = [name for name in plan.scenario.regions if name in plan.active_regions]
    deepest = min(plan.scenario.policy.survive.regions, len(regions) - 1)
    return tuple(
        State(".".join(("lost", *lost)) if lost else "up", lost)
        for size in range(deepest + 1)
        for lost in combinations(regions, size)
    )


def first_up(order: Order, state: State) -> str:
    """Return the first region of `order` that is up in `state`.

    Raises
    ------
    UnfaithfulExport
        If none is.
    """
    for region in order:
        if state.is_up(region):
            return region
    raise UnfaithfulExport(f"no region of the order {' > '.join(order)} is up in '{state.name}'")


@dataclass(frozen=True)
class HostSteering:
    """How one host name steers.

    Attributes
    ----------
    host : str
        The host name.
    countries : dict of str to dict of Order to float
        Country code to the share of its users that follow each order; shares sum to 1, orders
        name every active region.
    main_order : tuple of str
        What most users follow; it also serves everybody whose country the plan does not know.
    users : dict of Order to float
        Users that follow each order; orders that nobody follows are left out, as in `countries`.
    """

    host: str
    countries: dict[str, dict[Order, float]]
    main_order: Order
    users: dict[Order, float]

    def shares(self, country: str, state: State) -> dict[str, float]:
        """Return region to the share of a country's users that it serves in a state."""
        return _sums((first_up(o, state), part) for o, part in self.countries[country].items())


def host_steering(plan: Plan, host: str) -> HostSteering:
    """Gather the origins of each country, and complete the orders.

    Parameters
    ----------
    plan : Plan
        What was decided.
    host : str
        One of `plan.hosts`.

    Returns
    -------
    HostSteering
        Orders are completed by the other active regions, those with most users first, so that
        there is an answer in every state, and lose those in which nothing runs. Origins of
        one country are mixed by their users.

    Raises
    ------
    UnfaithfulExport
        If the shares of an origin do not sum to 1, or an origin or region is unknown.
    """
    origins = plan.hosts[host]
    _check(plan, host)
    users = _users(plan, origins)
    rest = _by_users(plan, origins, users)
    countries: dict[str, dict[Order, float]] = {}
    for origin, parts in origins.items():
        country = plan.scenario.origins[origin].country
        mixed = countries.setdefault(country, {})
        for part in parts:
            order = _completed(part.order, rest)
            mixed[order] = mixed.get(order, 0.0) + part.share * users[origin]
    followers = _sums(pair for mixed in countries.values() for pair in mixed.items())
    return HostSteering(
        host=host,
        countries={country: _normalised(mixed) for country, mixed in sorted(countries.items())},
        main_order=min(followers, key=lambda order: (-followers[order], order)),
        users={order: count for order, count in followers.items() if count > 0},
    )


def _check(plan: Plan, host: str) -> None:
    """Refuse what the scenario does not know, and shares that leave users over."""
    for origin, parts in plan.hosts[host].items():
        if origin not in plan.scenario.origins:
            raise UnfaithfulExport(f"'{host}' has the origin '{origin}', which the scenario lacks")
        if abs(fsum(part.share for part in parts) - 1) > _SUM_TOLERANCE:
            raise UnfaithfulExport(f"the shares of origin '{origin}' at '{host}' do not sum to 1")
        unknown = {r for part in parts for r in part.order} - set(plan.scenario.regions)
        if unknown:
            raise UnfaithfulExport(
                f"'{host}' sends '{origin}' to an unknown region '{min(unknown)}'"
            )


def _users(plan: Plan, origins: Iterable[str]) -> dict[str, float]:
    """Users of the platform by origin; where a country has none at all, its origins count alike."""
    origin = plan.scenario.origins
    users = {name: origin[name].internet_users * origin[name].propensity_share for name in origins}
    inhabited = {origin[name].country for name, count in users.items() if count > 0}
    return {
        name: count if origin[name].country in inhabited else 1e-9 for name, count in users.items()
    }


def _by_users(
    plan: Plan, origins: Mapping[str, tuple[OrderedShare, ...]], users: Mapping[str, float]
) -> Order:
    """Active regions, those that serve most users of the host in the normal state first."""
    served = _sums(
        (part.order[0], part.share * users[name])
        for name, parts in origins.items()
        for part in parts
    )
    active = [region for region in plan.scenario.regions if region in plan.active_regions]
    return tuple(sorted(active, key=lambda region: -served.get(region, 0.0)))


def _completed(order: Order, rest: Order) -> Order:
    """Take the active regions of an order, and append those that it does not name."""
    active = tuple(region for region in order if region in rest)
    return (*active, *(region for region in rest if region not in order))


def _sums(pairs: Iterable[tuple[_Key, float]]) -> dict[_Key, float]:
    """Add up values by key."""
    sums: dict[_Key, float] = {}
    for key, value in pairs:
        sums[key] = sums.get(key, 0.0) + value
    return sums


def _normalised(parts: Mapping[Order, float]) -> dict[Order, float]:
    """Scale shares to sum to 1, without those that nobody follows."""
    total = fsum(parts.values())
    return {order: part / total for order, part in parts.items() if part > 0}

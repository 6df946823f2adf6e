"""What a DNS target really does on loss, beside what the plan asks: one arithmetic for all targets.

A target states for each country a rule.  A rule says who serves in a state; nothing more is needed
to compare a target with its plan.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Protocol, TypeVar

from planner.exporters.steering import HostSteering, Order, State, first_up
from planner.model.plan import Plan

_Key = TypeVar("_Key", bound=Hashable)

COLUMNS = ("state", "host", "origin", "country", "cluster", "planned_share", "realised_share")


class Rule(Protocol):
    """What a target does with one country."""

    def shares(self, state: State) -> dict[str, float]:
        """Return region to the share of lookups that it answers in a state."""


@dataclass(frozen=True)
class Drawn:
    """An order is drawn by weight, then the first of its regions that is up answers.

    Attributes
    ----------
    parts : tuple of (int, Order)
        Weights and orders; a single one is an ordered list.

    Examples
    --------
    >>> rule = Drawn(((3, ("tokyo", "taipei")), (1, ("taipei", "tokyo"))))
    >>> rule.shares(State("lost.tokyo", ("tokyo",)))
    {'taipei': 1.0}
    """

    parts: tuple[tuple[int, Order], ...]

    def shares(self, state: State) -> dict[str, float]:
        """Return region to share: each weight goes whole to the next region of its own order."""
        total = sum(weight for weight, _ in self.parts)
        shares: dict[str, float] = {}
        for weight, order in self.parts:
            region = first_up(order, state)
            shares[region] = shares.get(region, 0.0) + weight / total
        return shares


@dataclass(frozen=True)
class Renormalised:
    """Survivors of a weighted set share in proportion; a list follows where all of it is lost.

    Attributes
    ----------
    weights : tuple of (str, int)
        Region and weight.
    rest : Order
        Who answers, first survivor first, once every weighted region is lost.

    Examples
    --------
    >>> rule = Renormalised((("tokyo", 50), ("taipei", 30), ("singapore", 20)), ("losangeles",))
    >>> rule.shares(State("lost.tokyo", ("tokyo",)))
    {'taipei': 0.6, 'singapore': 0.4}
    """

    weights: tuple[tuple[str, int], ...]
    rest: Order

    def shares(self, state: State) -> dict[str, float]:
        """Return region to share: the weights of those that are up, scaled to sum to 1."""
        left = [(region, weight) for region, weight in self.weights if region not in state.lost]
        total = sum(weight for _, weight in left)
        if not total:
            return {first_up(self.rest, state): 1.0}
        return {region: weight / total for region, weight in left}


@dataclass(frozen=True)
class Tiers:
    """Weighted sets, of which the first that is up as a whole answers; a list follows.

    Attributes
    ----------
    sets : tuple of tuple of (str, int)
        Regions and weights, set after set.
    rest : Order
        Who answers, first survivor first, where no set is whole.

    Examples
    --------
    >>> rule = Tiers(((("singapore", 70), ("taipei", 30)), (("taipei", 100),)), ("tokyo",))
    >>> rule.shares(State("lost.singapore", ("singapore",)))
    {'taipei': 1.0}
    """

    sets: tuple[tuple[tuple[str, int], ...], ...]
    rest: Order

    def shares(self, state: State) -> dict[str, float]:
        """Return region to share: the weights of the first set that has lost no region."""
        for weights in self.sets:
            if not any(region in state.lost for region, _ in weights):
                return Renormalised(weights, ()).shares(state)
        return {first_up(self.rest, state): 1.0}


def tiers(steering: HostSteering, country: str, states: Sequence[State], total: int) -> Tiers:
    r"""Return weighted sets that do what the plan asks in every one of its promised states.

    Parameters
    ----------
    steering : HostSteering
        Countries and their orders.
    country : str
        One of them.
    states : sequence of State
        Promised states, those with fewer losses first, as `promised_states` has them.
    total : int
        Sum of the weights of each set.

    Returns
    -------
    Tiers
        The shares of each state, each set once, in order of the states.

    Notes
    -----
    Let :math:`A_J` be the regions that answer when the set :math:`J` is lost. Where
    :math:`A_J \cap K = \emptyset`, the set of :math:`J` is whole in state :math:`K`; then that of
    :math:`J \cap K` is whole too and stands no later. So the first whole set belongs to some
    :math:`J \subseteq K`, no answer of which is lost in :math:`K`: both states have the same
    answers. Only the rounding of weights is left.
    """
    shares = (whole_weights(steering.shares(country, state), total) for state in states)
    return Tiers(tuple(dict.fromkeys(shares)), main_order(steering, country))


@dataclass(frozen=True)
class HostRules:
    """What a target does with one host name.

    Attributes
    ----------
    steering : HostSteering
        What the plan asks.
    countries : dict of str to Rule
        Country to its rule.
    others : Order
        Who answers all other countries.
    """

    steering: HostSteering
    countries: Mapping[str, Rule]
    others: Order

    @property
    def host(self) -> str:
        """The host name."""
        return self.steering.host


@dataclass(frozen=True)
class Row:
    """Planned and realised share of one cluster.

    Attributes
    ----------
    state, host : str
        Promised state and host name.
    origin, country : str
        Who asks; both empty where all users are meant.
    cluster : str
        Who answers.
    planned_share, realised_share : float
        Shares in [0, 1]; the realised one is that of the origin's whole country.
    """

    state: str
    host: str
    origin: str
    country: str
    cluster: str
    planned_share: float
    realised_share: float


def whole_weights(shares: Mapping[_Key, float], total: int) -> tuple[tuple[_Key, int], ...]:
    """Round shares to whole numbers that sum to `total`, by largest remainder.

    Parameters
    ----------
    shares : mapping to float
        Shares that sum to 1; keys can be sorted.
    total : int
        Sum of the result.

    Returns
    -------
    tuple of (key, int)
        In order of key; zeros are left out.

    Examples
    --------
    >>> whole_weights({("a", "b"): 2 / 3, ("b", "a"): 1 / 3}, 100)
    ((('a', 'b'), 67), (('b', 'a'), 33))
    """
    floors = {key: int(share * total) for key, share in shares.items()}
    keys = sorted(shares, key=repr)
    keys.sort(key=lambda key: floors[key] - shares[key] * total)
    for key in keys[: total - sum(floors.values())]:
        floors[key] += 1
    return tuple((key, floors[key]) for key in sorted(floors, key=repr) if floors[key] > 0)


def main_order(steering: HostSteering, country: str) -> Order:
    """Return the order that the largest part of a country follows; of equals the first by name."""
    parts = steering.countries[country]
    return min(parts, key=lambda order: (-parts[order], order))


def realised_rows(
    plan: Plan, hosts: Sequence[HostRules], states: Sequence[State]
) -> tuple[Row, ...]:
    """Compare plan and target for every state, host name, origin and cluster.

    Parameters
    ----------
    plan : Plan
        What was decided.
    hosts : sequence of HostRules
        What the target does.
    states : sequence of State
        Promised states.

    Returns
    -------
    tuple of Row
        Only clusters that serve, or should serve, the origin.
    """
    return tuple(
        row
        for state in states
        for host in hosts
        for origin in plan.hosts[host.host]
        for row in _origin_rows(plan, host, origin, state)
    )


def cluster_rows(plan: Plan, rows: Iterable[Row]) -> tuple[Row, ...]:
    """Add up the users of all origins: what each cluster is sent in each state.

    Parameters
    ----------
    plan : Plan
        Knows users by origin.
    rows : iterable of Row
        From `realised_rows`.

    Returns
    -------
    tuple of Row
        Shares of all users of the host name.
    """
    sums: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    users = _users(plan)
    for row in rows:
        part = users[row.host][row.origin]
        pair = (row.planned_share * part, row.realised_share * part)
        sums.setdefault((row.state, row.host, row.cluster), []).append(pair)
    return tuple(
        Row(state, host, "", "", cluster, fsum(p for p, _ in pairs), fsum(r for _, r in pairs))
        for (state, host, cluster), pairs in sums.items()
    )


def realised_csv(rows: Iterable[Row]) -> str:
    """Write rows as CSV, shares with six digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(
            (
                *(row.state, row.host, row.origin, row.country, row.cluster),
                *(f"{row.planned_share:.6f}", f"{row.realised_share:.6f}"),
            )
        )
    return text.getvalue()


def _origin_rows(plan: Plan, host: HostRules, origin: str, state: State) -> list[Row]:
    """Compare one origin in one state."""
    country = plan.scenario.origins[origin].country
    planned = _planned(plan, host.steering, origin, state)
    realised = host.countries[country].shares(state)
    return [
        Row(
            *(state.name, host.host, origin, country, plan.scenario.regions[region].cluster),
            *(planned.get(region, 0.0), realised.get(region, 0.0)),
        )
        for region in plan.scenario.regions
        if region in planned or region in realised
    ]


def _planned(plan: Plan, steering: HostSteering, origin: str, state: State) -> dict[str, float]:
    """Return what the plan asks for one origin; its orders are completed as its country's are."""
    known = steering.countries[plan.scenario.origins[origin].country]
    shares: dict[str, float] = {}
    for part in plan.hosts[steering.host][origin]:
        if part.share > 0:
            whole = (o for o in known if o[: len(part.order)] == part.order)
            region = first_up(next(whole, part.order), state)
            shares[region] = shares.get(region, 0.0) + part.share
    return shares


def _users(plan: Plan) -> dict[str, dict[str, float]]:
    """Host name and origin to the origin's part of the host's users; alike where nobody is."""
    shares = {}
    for host, origins in plan.hosts.items():
        known = {name: plan.scenario.origins[name] for name in origins}
        users = {name: o.internet_users * o.propensity_share for name, o in known.items()}
        total = fsum(users.values())
        shares[host] = {
            name: count / total if total else 1 / len(users) for name, count in users.items()
        }
    return shares

"""The record tree of one host name in Route 53: geolocation, weights, failover, addresses.

Each step is an alias that inherits its target's health, so a name never mixes policies::

    host (geolocation) -> split-1.host (weighted) -> order-1.host (failover) -> <region>.at.host
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from planner.errors import UnfaithfulExport
from planner.exporters.realised import Drawn, HostRules
from planner.exporters.steering import Order
from planner.model.manifest import Document

LARGEST_WEIGHT = 255
LONGEST_NAME = 255
LONGEST_IDENTIFIER = 128

_ANYWHERE = "*"


@dataclass
class RecordTree:
    """Builds the record sets of one host name and record type, targets before aliases.

    Attributes
    ----------
    zone_id : str
        Hosted zone; all alias targets lie in it.
    host, family : str
        Host name and record type.
    ttl_s : int
        Time to live of the addresses; an alias has its target's.
    addresses : callable
        Region to its addresses of this type.
    check : callable
        Address to the reference of its health check.
    """

    zone_id: str
    host: str
    family: str
    ttl_s: int
    addresses: Callable[[str], Sequence[str]]
    check: Callable[[str], str]
    _sets: list[Document] = field(default_factory=list)
    _orders: dict[Order, str] = field(default_factory=dict)
    _splits: dict[Drawn, str] = field(default_factory=dict)

    def build(self, rules: HostRules, countries: Mapping[str, Drawn], others: Order) -> None:
        """Add all records of the host name."""
        for region in rules.others:
            self._add_addresses(region)
        targets = {country: self._drawn(rule) for country, rule in countries.items()}
        targets[_ANYWHERE] = self._order(others)
        for country, target in targets.items():
            identifier = "geo-default" if country == _ANYWHERE else f"geo-{country}"
            self._add_alias(self.host, identifier, target, GeoLocation={"CountryCode": country})

    @property
    def record_sets(self) -> tuple[Document, ...]:
        """The record sets, each after those that it refers to."""
        return tuple(self._sets)

    def _add_addresses(self, region: str) -> None:
        """Add a region's addresses with their health checks; one of those that are up answers."""
        for address in self.addresses(region):
            self._add(
                self._at(region),
                f"address-{address}",
                Weight=1,
                TTL=self.ttl_s,
                ResourceRecords=[{"Value": address}],
                HealthCheckId=self.check(address),
            )

    def _at(self, region: str) -> str:
        """Name the addresses of a region."""
        return f"{region}.at.{self.host}"

    def _drawn(self, rule: Drawn) -> str:
        """Return what a country is sent to, and add it if it is new."""
        if len(rule.parts) == 1:
            return self._order(rule.parts[0][1])
        if rule not in self._splits:
            targets = [(weight, self._order(order)) for weight, order in rule.parts]
            name = self._splits[rule] = f"split-{len(self._splits) + 1}.{self.host}"
            for i, (weight, target) in enumerate(targets):
                self._add_alias(name, f"part-{i + 1}", target, Weight=weight)
        return self._splits[rule]

    def _order(self, order: Order) -> str:
        """Return the name of an order: a pair whose second is the order of what is left."""
        if len(order) == 1:
            return self._at(order[0])
        if order not in self._orders:
            then = self._order(order[1:])
            name = self._orders[order] = f"order-{len(self._orders) + 1}.{self.host}"
            self._add_alias(name, "primary", self._at(order[0]), Failover="PRIMARY")
            self._add_alias(name, "secondary", then, Failover="SECONDARY")
        return self._orders[order]

    def _add_alias(self, name: str, identifier: str, target: str, **policy: object) -> None:
        """Add an alias that is as healthy as its target."""
        alias = {
            "HostedZoneId": self.zone_id,
            "DNSName": f"{target}.",
            "EvaluateTargetHealth": True,
        }
        self._add(name, identifier, **policy, AliasTarget=alias)

    def _add(self, name: str, identifier: str, **parts: object) -> None:
        """Add a record set with a policy."""
        if len(name) + 1 > LONGEST_NAME or max(map(len, name.split("."))) > 63:
            raise UnfaithfulExport(f"'{name}' is too long for a DNS name; shorten the host name")
        if len(identifier) > LONGEST_IDENTIFIER:
            raise UnfaithfulExport(f"'{identifier}' is too long for a set identifier")
        base = {"Name": f"{name}.", "Type": self.family, "SetIdentifier": identifier}
        self._sets.append({**base, **parts})

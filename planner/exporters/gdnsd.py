"""gdnsd: ordered clusters by country, weighted sets where a country is divided, health checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm
from pathlib import PurePosixPath

from planner.errors import UnfaithfulExport
from planner.exporters import naming
from planner.exporters.geodns import (
    active_regions,
    addresses,
    check_delegation,
    check_inputs,
    check_names,
    check_of,
    facts,
    families,
    seconds,
)
from planner.exporters.realised import (
    HostRules,
    Renormalised,
    Tiers,
    main_order,
    realised_csv,
    realised_rows,
    tiers,
    whole_weights,
)
from planner.exporters.rendering import text
from planner.exporters.requirements import require
from planner.exporters.steering import HostSteering, State, host_steering, promised_states
from planner.exporters.versions import COMPONENTS
from planner.exporters.vscf import Value, vscf
from planner.model.manifest import Manifest
from planner.model.plan import Plan

Weights = tuple[tuple[str, int], ...]

FOLDER = PurePosixPath("dns/gdnsd")
WEIGHTS_SUM = 10_000
MOST_DATACENTERS = 254
LEAST_TTL_S = 5
"""What gdnsd clamps to, unless it is told that less is wanted."""
LONGEST_DENIAL_S = 10_800
"""Longest that gdnsd lets resolvers remember that a name has no such record."""

LONGEST_RESOURCE = 200
"""Characters of a resource, so that it fits behind its plugin in a zone and before a set."""
MOST_ADDRESSES = 64
LARGEST_WEIGHT = 2**20 - 1

CONTINENTS = ("AF", "AN", "AS", "EU", "NA", "OC", "SA")

_ANY_UP, _ALL_UP = 0.000001, 1.0
"""Share of a set that must be up: one address is enough, or all are needed."""


@dataclass(frozen=True)
class _Host:
    """A host name: its rules, and the names of its weighted sets."""

    rules: HostRules
    countries: dict[str, Tiers | Renormalised]
    sets: dict[Weights, str]

    @property
    def resource(self) -> str:
        """Name of its resource, and of its map; host names have no underscores."""
        return naming.shortened(self.rules.host.replace(".", "_"), LONGEST_RESOURCE)

    def datacenters(self, country: str) -> list[str]:
        """Return the data centres of a country, first choice first."""
        rule = self.countries[country]
        sets = rule.sets if isinstance(rule, Tiers) else (rule.weights,)
        named = [self.sets[s] if len(s) > 1 else _place(s[0][0]) for s in sets]
        return list(dict.fromkeys([*named, *map(_place, rule.rest)]))


def export_gdnsd(plan: Plan) -> tuple[Manifest, ...]:
    """Return the configuration and zone files of gdnsd.

    Each host name is a zone of its own, or stands in the zone of the host name above it: gdnsd
    takes no zone inside another.  A country that follows one order is mapped to its clusters
    in that order; a divided one to weighted sets, one after the other, each of which fails as a
    whole when one of its regions is lost: so each promised state has the plan's shares.

    Parameters
    ----------
    plan : Plan
        What was decided; its platform knows where services are ready.

    Returns
    -------
    tuple of Manifest
        ``dns/gdnsd/...``: config, ``zones/<host>``, ``realised.csv``, README.

    Raises
    ------
    MissingInputs
        If readiness or ingress paths are not known.
    UnfaithfulExport
        If a name or address is none, a host name cannot be delegated, or there are more data
        centres or addresses than gdnsd has room for.

    Notes
    -----
    By itself gdnsd lets the survivors of a weighted set share in proportion, whatever the plan's
    orders say.  That is what is left where sets for every state exceed its room for data centres;
    the README and ``realised.csv`` show by how much it differs.
    """
    check_names(plan)
    check_delegation(plan)
    require(plan, "gdnsd", check_inputs(plan))
    _refuse_many_addresses(plan)
    states = promised_states(plan)
    hosts = [_host(plan, name, states) for name in plan.hosts]
    rows = realised_rows(plan, [host.rules for host in hosts], states)
    zones = [
        Manifest(FOLDER / "zones" / zone, _zone(plan, zone, inside, i + 1))
        for i, (zone, inside) in enumerate(_by_zone(hosts).items())
    ]
    known = facts(plan, [host.rules for host in hosts], states, rows)
    return (
        Manifest(FOLDER / "config", _config(plan, hosts)),
        *zones,
        Manifest(FOLDER / "realised.csv", realised_csv(rows)),
        Manifest(FOLDER / "README.md", _readme(plan, hosts, known)),
    )


def _readme(plan: Plan, hosts: Sequence[_Host], known: Mapping[str, object]) -> str:
    """Write what to do and what gdnsd does not do."""
    return text(
        "gdnsd.md.j2",
        **known,
        **_timing(plan),
        version=COMPONENTS["gdnsd"].version,
        check=check_of(plan, hosts[0].rules.host),
        zones=list(_by_zone(hosts)),
        by_state=all(_by_state(host) for host in hosts),
        several=[r for r in active_regions(plan) if len(addresses(plan, r, families(plan)[0])) > 1],
    )


def _by_zone(hosts: Sequence[_Host]) -> dict[str, list[_Host]]:
    """Group host names by their zone: the shortest of them that each is, or lies below."""
    names = sorted((host.rules.host for host in hosts), key=len)
    zones: dict[str, list[_Host]] = {}
    for host in hosts:
        zone = next(n for n in names if f".{host.rules.host}".endswith(f".{n}"))
        zones.setdefault(zone, []).append(host)
    return zones


def _refuse_many_addresses(plan: Plan) -> None:
    """Refuse regions with more addresses of one type than gdnsd takes."""
    for region in active_regions(plan):
        for family in families(plan):
            count = len(addresses(plan, region, family))
            if count > MOST_ADDRESSES:
                raise UnfaithfulExport(
                    f"region '{region}' has {count} ingress addresses of one type; gdnsd takes "
                    f"{MOST_ADDRESSES}"
                )


def _place(region: str) -> str:
    """Name the data centre of a region; the prefix keeps regions and weighted sets apart."""
    return f"at-{region}"


def _host(plan: Plan, name: str, states: Sequence[State]) -> _Host:
    """Find the rules of one host name; where sets for every state are too many, one a country."""
    steering = host_steering(plan, name)
    rules: dict[str, Tiers | Renormalised] = {
        country: tiers(steering, country, states, WEIGHTS_SUM) for country in steering.countries
    }
    room = MOST_DATACENTERS - len(active_regions(plan))
    if len(_sets(rules)) > room:
        rules = {country: _proportional(steering, country, states[0]) for country in rules}
    found = _sets(rules)
    if len(found) > room:
        raise UnfaithfulExport(
            f"'{name}' divides countries in {len(found)} ways; a map of gdnsd has room for {room}, "
            "so let fewer countries be divided (dns.rules)"
        )
    names = {weights: f"split-{i + 1}" for i, weights in enumerate(found)}
    return _Host(HostRules(steering, rules, steering.main_order), rules, names)


def _sets(rules: Mapping[str, Tiers | Renormalised]) -> list[Weights]:
    """List the weighted sets of more than one region, each once, in order."""
    sets = (s for r in rules.values() for s in (r.sets if isinstance(r, Tiers) else (r.weights,)))
    return sorted({weights for weights in sets if len(weights) > 1})


def _proportional(steering: HostSteering, country: str, up: State) -> Renormalised:
    """Divide a country in the normal state only: survivors share in proportion."""
    weights = whole_weights(steering.shares(country, up), WEIGHTS_SUM)
    return Renormalised(weights, main_order(steering, country))


def _config(plan: Plan, hosts: Sequence[_Host]) -> str:
    """Write the whole configuration."""
    values: dict[str, Value] = {
        "options": {"listen": "any", "min_ttl": min(LEAST_TTL_S, plan.scenario.dns.ttl_s)},
        "service_types": {host.resource: _service(plan, host) for host in hosts},
        "plugins": {
            **({"weighted": _weighted(plan, hosts)} if any(h.sets for h in hosts) else {}),
            "geoip": {
                "maps": {host.resource: _map(plan, host) for host in hosts},
                "resources": {host.resource: _resource(plan, host) for host in hosts},
            },
        },
    }
    return vscf(values)


def _timing(plan: Plan) -> dict[str, int]:
    """Return the check's whole seconds; gdnsd wants the timeout below the interval."""
    dns = plan.scenario.dns
    interval = seconds(dns.check_interval_s, 2, 255)
    return {
        "interval": interval,
        "timeout": seconds(dns.check_timeout_s, 1, interval - 1),
        "least_ttl": min(dns.ttl_s, max(LEAST_TTL_S, interval)),
    }


def _service(plan: Plan, host: _Host) -> dict[str, Value]:
    """Describe the check; one success resets the failures, so that they are counted in a row."""
    check, timing, dns = check_of(plan, host.rules.host), _timing(plan), plan.scenario.dns
    return {
        "plugin": "http_status",
        "port": 80,
        "url_path": check.path,
        "vhost": check.host,
        "interval": timing["interval"],
        "timeout": timing["timeout"],
        "down_thresh": min(dns.check_failures, 65535),
        "ok_thresh": 1,
        "up_thresh": min(dns.check_successes, 65535),
    }


def _weighted(plan: Plan, hosts: Sequence[_Host]) -> dict[str, Value]:
    """Write the weighted sets: a group a region, of which all addresses that are up are given."""
    return {
        f"{host.resource}_{name}": {
            "service_types": host.resource,
            "multi": False,
            "up_thresh": _ALL_UP if _by_state(host) else _ANY_UP,
            **{
                "addrs_v4" if family == "A" else "addrs_v6": _groups(plan, weights, family)
                for family in families(plan)
            },
        }
        for host in hosts
        for weights, name in host.sets.items()
    }


def _by_state(host: _Host) -> bool:
    """Whether sets follow each other state by state."""
    return any(isinstance(rule, Tiers) for rule in host.countries.values())


def _groups(plan: Plan, weights: Weights, family: str) -> dict[str, Value]:
    """Divide each region's weight over its addresses: a group weighs what its members sum to."""
    own = {region: addresses(plan, region, family) for region, _ in weights}
    whole = lcm(*(len(found) for found in own.values()))
    if max(w * whole // len(own[region]) for region, w in weights) > LARGEST_WEIGHT:
        raise UnfaithfulExport(
            "the numbers of the regions' ingress addresses have no small common multiple, so gdnsd "
            "cannot weigh them; give regions like numbers of addresses"
        )
    return {
        _place(region): {
            f"address-{i + 1}": [address, weight * whole // len(own[region])]
            for i, address in enumerate(own[region])
        }
        for region, weight in weights
    }


def _map(plan: Plan, host: _Host) -> dict[str, Value]:
    """Map countries to data centres.

    gdnsd finds a country below the continent that the database names.  Databases differ there, so
    each country stands below all of them.
    """
    places = [_place(region) for region in host.rules.others]
    countries = {country: host.datacenters(country) for country in host.countries}
    return {
        "geoip2_db": plan.scenario.dns.geoip_database,
        "datacenters": [*places, *host.sets.values()],
        "map": {
            "default": places,
            **{continent: {"default": places, **countries} for continent in CONTINENTS},
        },
    }


def _resource(plan: Plan, host: _Host) -> dict[str, Value]:
    """Give each data centre its addresses, or its weighted set."""
    regions: dict[str, Value] = {
        _place(region): {
            "addrs_v4" if family == "A" else "addrs_v6": list(addresses(plan, region, family))
            for family in families(plan)
        }
        for region in host.rules.others
    }
    sets = {name: f"%weighted!{host.resource}_{name}" for name in host.sets.values()}
    return {
        "map": host.resource,
        "service_types": host.resource,
        "up_thresh": _ANY_UP,
        "dcmap": {**regions, **sets},
    }


def _zone(plan: Plan, zone: str, hosts: Sequence[_Host], serial: int) -> str:
    """Write a zone with its host names."""
    dns = plan.scenario.dns
    return text(
        "gdnsd.zone.j2",
        host=zone,
        ttl=dns.ttl_s,
        denial=min(dns.ttl_s, LONGEST_DENIAL_S),
        least_ttl=_timing(plan)["least_ttl"],
        serial=serial,
        hostmaster=dns.hostmaster,
        name_servers=dns.name_servers,
        resources=[(h.rules.host.removesuffix(zone).rstrip(".") or "@", h.resource) for h in hosts],
    )

"""Route 53 records through ExternalDNS: geolocation, and weights below it."""

from __future__ import annotations

from collections.abc import Mapping

from planner.exporters.addresses import cluster_name
from planner.exporters.steering import HostSteering, State, first_up
from planner.model.manifest import Document
from planner.model.scenario import Scenario

LARGEST_WEIGHT = 255
"""Largest weight of a Route 53 record."""

_ANYWHERE = "*"


def geolocation_endpoints(scenario: Scenario, host: HostSteering, state: State) -> list[Document]:
    """Return the records of one host name in one state.

    The host name has one geolocation record a country and one for everybody else. Each is a
    CNAME: to the cluster's own name, or, where a country is divided, to a name whose weighted
    records are CNAMEs to clusters. So no name mixes kinds of policy or types.

    Parameters
    ----------
    scenario : Scenario
        Knows zone, TTL and clusters.
    host : HostSteering
        Shares by country.
    state : State
        Which regions are lost.

    Returns
    -------
    list of dict
        Endpoints of a DNSEndpoint; weights sum to 255.
    """
    divided: dict[tuple[tuple[str, int], ...], str] = {}
    endpoints = []
    for country in host.countries:
        weights = rounded(host.shares(country, state), LARGEST_WEIGHT)
        target = _target(scenario, host.host, weights, divided)
        endpoints.append(_located(scenario, host.host, country, target))
    main = scenario.regions[first_up(host.main_order, state)].cluster
    endpoints.append(_located(scenario, host.host, _ANYWHERE, cluster_name(scenario, main)))
    for weights, name in divided.items():
        endpoints += [_weighted(scenario, name, region, weight) for region, weight in weights]
    return endpoints


def rounded(shares: Mapping[str, float], total: int) -> tuple[tuple[str, int], ...]:
    """Round shares to whole numbers that sum to `total`, by largest remainder.

    Parameters
    ----------
    shares : mapping of str to float
        Shares that sum to 1.
    total : int
        Sum of the result.

    Returns
    -------
    tuple of (str, int)
        Name and number, in order of name; zeros are left out.

    Examples
    --------
    >>> rounded({"a": 0.5, "b": 0.3, "c": 0.2}, 255)
    (('a', 128), ('b', 76), ('c', 51))
    """
    floors = {name: int(share * total) for name, share in shares.items()}
    missing = total - sum(floors.values())
    by_remainder = sorted(shares, key=lambda name: (floors[name] - shares[name] * total, name))
    for name in by_remainder[:missing]:
        floors[name] += 1
    return tuple((name, floors[name]) for name in sorted(floors) if floors[name] > 0)


def _target(
    scenario: Scenario,
    host: str,
    weights: tuple[tuple[str, int], ...],
    divided: dict[tuple[tuple[str, int], ...], str],
) -> str:
    """Name what a country is sent to; the same division has the same name."""
    if len(weights) == 1:
        return cluster_name(scenario, scenario.regions[weights[0][0]].cluster)
    return divided.setdefault(weights, f"split-{len(divided) + 1}.{host}")


def _located(scenario: Scenario, host: str, country: str, target: str) -> Document:
    """Build the geolocation record of one country, or of everybody else."""
    identifier = "geo-default" if country == _ANYWHERE else f"geo-{country}"
    policy = ("aws/geolocation-country-code", country)
    return _record(scenario, host, target, identifier, policy)


def _weighted(scenario: Scenario, name: str, region: str, weight: int) -> Document:
    """Build one weighted record."""
    cluster = scenario.regions[region].cluster
    return _record(
        scenario, name, cluster_name(scenario, cluster), cluster, ("aws/weight", str(weight))
    )


def _record(
    scenario: Scenario, name: str, target: str, identifier: str, policy: tuple[str, str]
) -> Document:
    """Build a CNAME with its policy; without a set identifier it would be a plain record."""
    return {
        "dnsName": name,
        "recordType": "CNAME",
        "recordTTL": scenario.dns.ttl_s,
        "targets": [target],
        "setIdentifier": identifier,
        "providerSpecific": [{"name": policy[0], "value": policy[1]}],
    }

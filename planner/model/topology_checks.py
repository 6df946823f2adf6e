"""Cross-checks of regions, links, server types and risk groups."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

from planner.geo import fibre_floor_ms, great_circle_km
from planner.model.finding import Finding, Path, no_such, quoted
from planner.model.scenario import Scenario
from planner.model.text_checks import one_line
from planner.model.topology import Link, Region
from planner.model.workload import Origin

_SPHERE_SLACK = 0.995
"""The sphere is up to 0.5 % longer than the ellipsoid."""

_URL = re.compile(
    r"https://([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*"
    r"|\[[0-9a-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?"
)


def repeated(names: Iterable[str], path: Path) -> Iterator[Finding]:
    """Find names that stand in a list twice."""
    seen: set[str] = set()
    for position, name in enumerate(names):
        if name in seen:
            yield Finding((*path, position), f"{quoted(name)} is there already", "take it out")
        seen.add(name)


def unknown_regions(scenario: Scenario, names: Iterable[str], path: Path) -> Iterator[Finding]:
    """Find names in a list that are no regions."""
    for position, name in enumerate(names):
        if name not in scenario.regions:
            yield no_such("region", name, scenario.regions, (*path, position))


def too_fast(
    rtt_ms: float, a: Region | Origin, b: Region | Origin, path: Path
) -> Iterator[Finding]:
    """Find a round trip that light in fibre could not make."""
    distance = great_circle_km(a.latitude_deg, a.longitude_deg, b.latitude_deg, b.longitude_deg)
    floor = float(fibre_floor_ms(distance))
    if rtt_ms < floor * _SPHERE_SLACK:
        message = (
            f"{rtt_ms:g} ms is faster than light in fibre: "
            f"{float(distance):.0f} km take at least {floor:.1f} ms"
        )
        yield Finding(path, message, "check the coordinates, and that it is a round trip in ms")


def nowhere(place: Region | Origin, path: Path) -> Iterator[Finding]:
    """Find coordinates that were left at zero."""
    if place.latitude_deg == 0 and place.longitude_deg == 0:
        message = "(0, 0) is in the Gulf of Guinea"
        yield Finding((*path, "latitude_deg"), message, "give the coordinates of the place")


def _duplicate_clusters(scenario: Scenario) -> Iterator[Finding]:
    """Find two regions with the same cluster."""
    first: dict[str, str] = {}
    for name, region in scenario.regions.items():
        other = first.setdefault(region.cluster, name)
        if other != name:
            message = f"the cluster '{region.cluster}' is that of '{other}' already"
            yield Finding(("regions", name, "cluster"), message, "give each region its own")


def _duplicate_names(scenario: Scenario) -> Iterator[Finding]:
    """Find two regions with the same name for people."""
    first: dict[str, str] = {}
    for name, region in scenario.regions.items():
        other = first.setdefault(region.name, name) if region.name is not None else name
        if other != name:
            message = f"{quoted(region.name)} is the name of '{other}' already"
            yield Finding(("regions", name, "name"), message, "give each region its own")


def _duplicate_addresses(scenario: Scenario) -> Iterator[Finding]:
    """Find an address that is handed out twice."""
    first: dict[object, str] = {}
    for name, region in scenario.regions.items():
        for position, text in enumerate(region.ingress_addresses):
            address = _address(text)
            path = ("regions", name, "ingress_addresses", position)
            if address in first:
                message = f"the address {text} is that of '{first[address]}' already"
                yield Finding(path, message, "give each region its own addresses")
            elif address is not None:
                first[address] = name


def _server_types_without_price(scenario: Scenario) -> Iterator[Finding]:
    """Find server types that cost neither something of their own nor what a cloud type costs."""
    for name, kind in scenario.server_types.items():
        if kind.cost_usd_month is None and kind.comparable_cloud_type is None:
            message = "has no price"
            cure = "give cost_usd_month, or comparable_cloud_type from prices.csv"
            yield Finding(("server_types", name), message, cure)


def _coordinates(scenario: Scenario, name: str, region: Region) -> Iterator[Finding]:
    """Check a region's place."""
    yield from nowhere(region, ("regions", name))


def _addresses(scenario: Scenario, name: str, region: Region) -> Iterator[Finding]:
    """Check that DNS can hand a region's addresses out."""
    for position, text in enumerate(region.ingress_addresses):
        address, path = _address(text), ("regions", name, "ingress_addresses", position)
        if address is None and one_line(text):
            yield Finding(path, f"{quoted(text)} is not an IP address", "write it as 203.0.113.10")
        elif address is not None and unreachable(address):
            yield Finding(path, f"no user can reach {text}", "give the public address")


def _endpoint(scenario: Scenario, name: str, region: Region) -> Iterator[Finding]:
    """Check the URL of a cluster's API server."""
    url = region.api_endpoint
    if url is not None and one_line(url) and not _URL.fullmatch(url):
        message = f"{quoted(region.api_endpoint)} is not an https URL"
        cure = "write it as https://cluster.example.com:6443"
        yield Finding(("regions", name, "api_endpoint"), message, cure)


def _pools(scenario: Scenario, name: str, region: Region) -> Iterator[Finding]:
    """Check that a region's servers are known."""
    for pool, servers in region.pools.items():
        path: Path = ("regions", name, "pools", pool, "server_type")
        if servers.server_type not in scenario.server_types:
            yield no_such("server type", servers.server_type, scenario.server_types, path)


def _price_region(scenario: Scenario, name: str, region: Region) -> Iterator[Finding]:
    """Check that a comparable price can be looked up where one is needed."""
    used = {pool.server_type for pool in region.pools.values()} & set(scenario.server_types)
    free = [kind for kind in sorted(used) if scenario.server_types[kind].cost_usd_month is None]
    if free and region.price_region is None:
        message = f"no price_region, but '{free[0]}' takes the price of a cloud type"
        yield Finding(("regions", name), message, "give price_region, or the server type a price")


def _link_ends(scenario: Scenario, name: str, link: Link) -> Iterator[Finding]:
    """Check that a link joins two regions."""
    for key, end in (("from", link.from_region), ("to", link.to_region)):
        if end not in scenario.regions:
            yield no_such("region", end, scenario.regions, ("links", name, key))
    if link.from_region == link.to_region:
        message = f"'{link.to_region}' is linked to itself"
        yield Finding(("links", name, "to"), message, "name the other end")


def _one_link_a_pair(scenario: Scenario, name: str, link: Link) -> Iterator[Finding]:
    """Find a second link between the same two regions."""
    ends = {link.from_region, link.to_region}
    for other, before in scenario.links.items():
        if other == name:
            return
        if {before.from_region, before.to_region} == ends and len(ends) == 2:
            message = f"joins the same two regions as '{other}'"
            yield Finding(("links", name), message, "keep one, with the capacity of both")
            return


def _link_groups(scenario: Scenario, name: str, link: Link) -> Iterator[Finding]:
    """Check a link's risk groups."""
    path: Path = ("links", name, "risk_groups")
    for position, group in enumerate(link.risk_groups):
        if group not in scenario.risk_groups:
            yield no_such("risk group", group, scenario.risk_groups, (*path, position))
    yield from repeated(link.risk_groups, path)


def _link_speed(scenario: Scenario, name: str, link: Link) -> Iterator[Finding]:
    """Check that a link is not faster than light."""
    ends = (scenario.regions.get(link.from_region), scenario.regions.get(link.to_region))
    if link.rtt_ms is not None and ends[0] is not None and ends[1] is not None:
        yield from too_fast(link.rtt_ms, ends[0], ends[1], ("links", name, "rtt_ms"))


def _link_loss(scenario: Scenario, name: str, link: Link) -> Iterator[Finding]:
    """Check that something gets through."""
    if link.loss_share >= 1:
        message = "a link that loses every packet is none"
        yield Finding(("links", name, "loss_share"), message, "take the link out")


def unreachable(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address can never be that of a public service."""
    return (
        address.is_unspecified
        or address.is_loopback
        or address.is_multicast
        or address.is_link_local
    )


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address without a scope; None where it is none."""
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


TOPOLOGY_RULES = (
    _duplicate_clusters,
    _duplicate_names,
    _duplicate_addresses,
    _server_types_without_price,
)
REGION_RULES = (_coordinates, _addresses, _endpoint, _pools, _price_region)
LINK_RULES = (_link_ends, _one_link_a_pair, _link_groups, _link_speed, _link_loss)

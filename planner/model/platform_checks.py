"""Cross-checks of the platform: networks that overlap, names that stand for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from planner.model.finding import Finding, Path, no_such
from planner.model.platform import Platform, RegionPlatform
from planner.model.scenario import Scenario

Network = IPv4Network | IPv6Network

_PRIVATE_AS = ((64512, 65534), (4_200_000_000, 4_294_967_294))
"""RFC 6996."""

_LAST_PORT = 65535

_CIDR_FIELDS = ("node_cidr", "pod_cidr", "service_cidr")


def _cidrs(platform: Platform) -> Iterator[tuple[Path, str]]:
    """Walk over every network."""
    path: Path = ("platform",)
    if platform.mesh.cidr is not None:
        yield (*path, "mesh", "cidr"), platform.mesh.cidr
    for name, region in platform.regions.items():
        for field in _CIDR_FIELDS:
            text = getattr(region, field)
            if text is not None:
                yield (*path, "regions", name, field), text
        for position, text in enumerate(region.load_balancer_cidrs):
            yield (*path, "regions", name, "load_balancer_cidrs", position), text


def _network(text: str) -> Network | None:
    """Read a network; None where it is none."""
    try:
        return ip_network(text)
    except ValueError:
        return None


def _networks(scenario: Scenario) -> Iterator[Finding]:
    """Check that every network is one and that no two overlap, over all regions."""
    if scenario.platform is None:
        return
    seen: list[tuple[Path, Network]] = []
    for path, text in _cidrs(scenario.platform):
        network = _network(text)
        if network is None:
            yield Finding(
                path, f"'{text}' is no network", "write its first address, as 10.8.0.0/24"
            )
            continue
        for other_path, other in seen:
            if network.version == other.version and network.overlaps(other):
                where = ".".join(map(str, other_path[1:]))
                message = f"{network} overlaps {other} of {where}"
                yield Finding(path, message, "the mesh routes between all of them: give another")
        seen.append((path, network))


def _regions(scenario: Scenario) -> Iterator[Finding]:
    """Check each region's machines, gateway and AS number."""
    if scenario.platform is None:
        return
    numbers: dict[int, str] = {}
    for name, region in scenario.platform.regions.items():
        path: Path = ("platform", "regions", name)
        if name not in scenario.regions:
            yield no_such("region", name, scenario.regions, path)
            continue
        yield from _endpoint(region.gateway_endpoint, path)
        yield from _servers(scenario, name, region, path)
        if region.as_number is not None:
            yield from _as_number(region.as_number, numbers, name, path)


def _endpoint(endpoint: str | None, path: Path) -> Iterator[Finding]:
    """Check the port of a gateway's endpoint; the form of the whole is the schema's."""
    port = "1" if endpoint is None else endpoint.rpartition(":")[2]
    if not 0 < int(port) <= _LAST_PORT:
        yield Finding((*path, "gateway_endpoint"), f"{port} is no port", "give one from 1 to 65535")


def _as_number(number: int, seen: dict[int, str], name: str, path: Path) -> Iterator[Finding]:
    """Check that an AS number is private and nobody else's."""
    if not any(low <= number <= high for low, high in _PRIVATE_AS):
        message = f"{number} is no private AS number"
        yield Finding((*path, "as_number"), message, "give one from 64512 to 65534 (RFC 6996)")
    other = seen.setdefault(number, name)
    if other != name:
        message = f"{number} is the AS number of '{other}' already"
        yield Finding((*path, "as_number"), message, "give each region its own")


def _servers(
    scenario: Scenario, name: str, region: RegionPlatform, path: Path
) -> Iterator[Finding]:
    """Check machines: their pool, their address, and that the gateway is one of them."""
    pools, addresses = scenario.regions[name].pools, dict[str, str]()
    network = _network(region.node_cidr) if region.node_cidr is not None else None
    for server, machine in region.servers.items():
        own = (*path, "servers", server)
        if machine.pool not in pools:
            yield no_such("pool", machine.pool, pools, (*own, "pool"))
        other = addresses.setdefault(machine.address, server)
        if other != server:
            message = f"{machine.address} is the address of '{other}' already"
            yield Finding((*own, "address"), message, "give each machine its own")
        if network is not None and not _inside(machine.address, network):
            message = f"{machine.address} is not in node_cidr {network}"
            yield Finding((*own, "address"), message, "give an address of that network")
    gateway = region.gateway_server
    if gateway is not None and gateway not in region.servers:
        yield no_such("server", gateway, region.servers, (*path, "gateway_server"))


def _inside(text: str, network: Network) -> bool:
    """Return whether an address stands in a network."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return address.version == network.version and address in network


def _services(scenario: Scenario) -> Iterator[Finding]:
    """Check that services exist, their ingress paths differ, and scalers can be had."""
    if scenario.platform is None:
        return
    taken: dict[tuple[str, str], str] = {}
    for name, service in scenario.platform.services.items():
        path: Path = ("platform", "services", name)
        if name not in scenario.services:
            yield no_such("service", name, scenario.services, path)
            continue
        for position, called in enumerate(service.calls):
            if called not in scenario.services:
                yield no_such("service", called, scenario.services, (*path, "calls", position))
        if service.ingress_path is not None:
            key = (scenario.services[name].host, service.ingress_path)
            other = taken.setdefault(key, name)
            if other != name:
                message = f"{key[0]}{key[1]} leads to '{other}' already"
                yield Finding((*path, "ingress_path"), message, "give each service its own path")
        if service.scaler == "member" and scenario.services[name].autoscaler is None:
            message = f"services.{name} has no autoscaler"
            yield Finding((*path, "scaler"), message, "describe it there, or write 'pinned'")


def _places(scenario: Scenario) -> Iterator[Finding]:
    """Check the regions that storage, monitoring and keys name."""
    platform = scenario.platform
    if platform is None:
        return
    storage, home = platform.storage, platform.monitoring.home
    if storage is not None:
        for key in ("region", "mirror_region"):
            name = getattr(storage, key)
            if name is not None and name not in scenario.regions:
                yield no_such("region", name, scenario.regions, ("platform", "storage", key))
        if storage.region == storage.mirror_region:
            message = f"'{storage.region}' holds the storage itself"
            yield Finding(("platform", "storage", "mirror_region"), message, "name another region")
    if home is not None and home not in scenario.regions:
        yield no_such("region", home, scenario.regions, ("platform", "monitoring", "home"))
    for name in platform.mesh.public_keys:
        if name not in scenario.regions:
            yield no_such("region", name, scenario.regions, ("platform", "mesh", "public_keys"))


PLATFORM_RULES = (_networks, _regions, _services, _places)

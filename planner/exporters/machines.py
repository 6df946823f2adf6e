"""The machines of a region as their installers see them: names, addresses, labels, API server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters import naming
from planner.exporters.address_plan import Ip
from planner.exporters.requirements import absent, platform_of, region_platform
from planner.model.plan import Plan

API_PORT = 6443
"""Port on which kubeadm and K3s serve the API."""

CLUSTER_DOMAIN = "cluster.local"

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_ENDPOINT = re.compile(r"https://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?/?")
_FIRST_PORT_TOO_LARGE = 65536


@dataclass(frozen=True)
class Machine:
    """One machine of a region.

    Attributes
    ----------
    name : str
        Its key in the scenario.
    node : str
        Its name in Kubernetes.
    region, cluster, pool : str
        Where it stands.
    address : IPv4Address or IPv6Address
        Its address inside the region.
    control_plane : bool
        Whether it runs the control plane.
    pods : int
        How many pods the plan lets it hold.
    """

    name: str
    node: str
    region: str
    cluster: str
    pool: str
    address: Ip
    control_plane: bool
    pods: int

    @property
    def labels(self) -> dict[str, str]:
        """Labels that the node has from the start."""
        return {naming.REGION_LABEL: self.region, naming.POOL_LABEL: self.pool}


def machines(plan: Plan, region: str) -> tuple[Machine, ...]:
    """Return the machines of a region, in the scenario's order.

    Parameters
    ----------
    plan : Plan
        Its platform lists them.
    region : str
        The region.

    Returns
    -------
    tuple of Machine
        At least one of them runs the control plane.

    Raises
    ------
    UnfaithfulExport
        If a name cannot stand in a path, an address is none, or nothing runs the control plane.
    """
    cluster = plan.scenario.regions[region].cluster
    servers = region_platform(plan, region).servers
    path = f"platform.regions.{region}.servers"
    naming.refuse_bad_names(
        {f"regions.{region}": region, f"regions.{region}.cluster": cluster}
        | {f"{path}.{name}": name for name in servers}
        | {f"{path}.{name}.pool": server.pool for name, server in servers.items()}
        | {f"{path}.{name}, as a node": naming.node_name(cluster, name) for name in servers}
    )
    if not any(server.control_plane for server in servers.values()):
        raise UnfaithfulExport(f"{path}: no machine runs the control plane; mark one of them so")
    return tuple(_machine(plan, region, name) for name in servers)


def _machine(plan: Plan, region: str, name: str) -> Machine:
    """Return one machine."""
    place, server = plan.scenario.regions[region], region_platform(plan, region).servers[name]
    path = f"platform.regions.{region}.servers.{name}"
    if server.pool not in place.pools:
        raise UnfaithfulExport(f"{path}.pool '{server.pool}' is none of the region's pools")
    kind = plan.scenario.server_types[place.pools[server.pool].server_type]
    return Machine(
        name=name,
        node=naming.node_name(place.cluster, name),
        region=region,
        cluster=place.cluster,
        pool=server.pool,
        address=address(server.address, f"{path}.address"),
        control_plane=server.control_plane,
        pods=kind.pods,
    )


def control_planes(members: Sequence[Machine]) -> tuple[Machine, ...]:
    """Return the machines that run the control plane, the first one first."""
    return tuple(machine for machine in members if machine.control_plane)


def address(text: str, path: str) -> Ip:
    """Read an address.

    Raises
    ------
    UnfaithfulExport
        If it is none.

    Examples
    --------
    >>> address("10.10.0.11", "servers.main-1.address")
    IPv4Address('10.10.0.11')
    """
    try:
        return ip_address(text)
    except ValueError:
        raise UnfaithfulExport(f"{path}: {text!r} is no address") from None


def api_endpoint(plan: Plan, region: str) -> tuple[str, int]:
    """Return host and port of a region's API server, as its ``api_endpoint`` says.

    Raises
    ------
    UnfaithfulExport
        If it is no https URL of a host alone.
    """
    text = str(plan.scenario.regions[region].api_endpoint)
    split = urlsplit(text) if _ENDPOINT.fullmatch(text) else None
    port = _port(text)
    if split is None or not split.hostname or not 0 < port < _FIRST_PORT_TOO_LARGE:
        raise UnfaithfulExport(
            f"regions.{region}.api_endpoint {text!r} is no https URL of a host and port"
        )
    return split.hostname, port


def _port(url: str) -> int:
    """Return the port of a URL, 443 where it names none."""
    digits = url.rstrip("/").rpartition(":")[2]
    return int(digits) if digits.isdigit() else 443


def authority(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 address in brackets.

    Examples
    --------
    >>> authority("2001:db8::1", 51820), authority("gw.company.com", 51820)
    ('[2001:db8::1]:51820', 'gw.company.com:51820')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def certificate_names(plan: Plan, region: str, mesh_address: Ip) -> list[str]:
    """Return the names and addresses under which clients call a region's API server.

    Parameters
    ----------
    plan : Plan
        Its scenario holds ``api_endpoint`` and ``api_sans``.
    region : str
        The region.
    mesh_address : IPv4Address or IPv6Address
        Address of its gateway in the mesh: other regions may call it there.

    Returns
    -------
    list of str
        Each once: endpoint, mesh, control plane's machines, further names.

    Raises
    ------
    UnfaithfulExport
        If one can be no name or address.
    """
    planes = control_planes(machines(plan, region))
    names = [api_endpoint(plan, region)[0], str(mesh_address)]
    names += [str(machine.address) for machine in planes]
    names += region_platform(plan, region).api_sans
    for name in names:
        if not _is_host(name):
            raise UnfaithfulExport(
                f"platform.regions.{region}.api_sans: {name!r} is neither a name nor an address"
            )
    return list(dict.fromkeys(names))


def is_address(text: str) -> bool:
    """Return whether a text is an address, not a name.

    Examples
    --------
    >>> is_address("203.0.113.2"), is_address("gw.company.com")
    (True, False)
    """
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_host(text: str) -> bool:
    """Return whether a text is an address or a name of a host."""
    return is_address(text) or _HOST.fullmatch(text) is not None


def require_networks(
    plan: Plan, target: str, paths: Iterable[str], api_of: Sequence[str] = ()
) -> None:
    """Refuse to export where something is missing, all of it at once, or is no network.

    Parameters
    ----------
    plan : Plan
        Its scenario holds the platform.
    target : str
        What is exported.
    paths : iterable of str
        What it needs, below ``platform``.
    api_of : sequence of str, optional
        Regions of which it needs the address of the API server, too.

    Raises
    ------
    MissingInputs
        With every path that is missing.
    UnfaithfulExport
        With every network, and every gateway's endpoint, that is none.
    """
    regions = plan.scenario.regions
    naming.refuse_bad_names({f"regions.{name}": name for name in regions})
    missing = [
        *dict.fromkeys(absent(plan, paths)),
        *(f"regions.{name}.api_endpoint" for name in api_of if not regions[name].api_endpoint),
    ]
    if missing:
        raise MissingInputs({target: missing})
    bad = [f"  {path}: {text!r} is no network" for path, text in _cidrs(plan) if _no_network(text)]
    bad += [
        f"  platform.regions.{name}.gateway_endpoint: {own.gateway_endpoint!r} is no host and port"
        for name, own in platform_of(plan).regions.items()
        if own.gateway_endpoint is not None and not _is_endpoint(own.gateway_endpoint)
    ]
    if bad:
        raise UnfaithfulExport("\n".join(["the platform's networks:", *bad]))


def _is_endpoint(text: str) -> bool:
    """Return whether a text is a host and a port."""
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]") and is_address(host[1:-1])
    return (
        (bracketed or (_is_host(host) and ":" not in host))
        and port.isdigit()
        and 0 < int(port) < _FIRST_PORT_TOO_LARGE
    )


def _cidrs(plan: Plan) -> list[tuple[str, str]]:
    """Return every network of the platform with its path."""
    platform = platform_of(plan)
    found = [("platform.mesh.cidr", platform.mesh.cidr)]
    for name, region in platform.regions.items():
        own = f"platform.regions.{name}"
        found += [
            (f"{own}.node_cidr", region.node_cidr),
            (f"{own}.pod_cidr", region.pod_cidr),
            (f"{own}.service_cidr", region.service_cidr),
        ]
        found += [(f"{own}.load_balancer_cidrs", cidr) for cidr in region.load_balancer_cidrs]
    return [(path, text) for path, text in found if text is not None]


def _no_network(text: str) -> bool:
    """Return whether a text is no network."""
    try:
        ip_network(text)
    except ValueError:
        return True
    return False

"""WireGuard: the mesh of the regions' gateways, and how the other machines reach it."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import PurePosixPath

from planner.errors import UnfaithfulExport
from planner.exporters.address_plan import (
    NETWORK_FIELDS,
    AddressPlan,
    RegionAddresses,
    address_plan,
)
from planner.exporters.machines import (
    Machine,
    authority,
    is_address,
    machines,
    require_networks,
)
from planner.exporters.rendering import text
from planner.exporters.requirements import each_region, platform_of
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from planner.model.platform import Mesh

FOLDER = PurePosixPath("network/wireguard")
DIRECTORY = "/etc/wireguard"
PRIVATE_KEY = f"{DIRECTORY}/private.key"
ROUTES_SCRIPT = "/usr/local/sbin/mesh-routes.sh"
KEY_BYTES = 32

_INTERFACE = re.compile(r"[a-z][a-z0-9_-]{0,14}")
_RELAY = re.compile(r"calls between [a-z0-9-]+ and [a-z0-9-]+ go through [^\n`]*")
"""The plan's sentence on a pair whose calls take a third region."""


def export_wireguard(plan: Plan) -> tuple[Manifest, ...]:
    """Return the mesh: one file of ``wg-quick`` for each gateway, keys made on the hosts.

    Parameters
    ----------
    plan : Plan
        What was decided; its platform knows the networks, the gateways and perhaps their keys.

    Returns
    -------
    tuple of Manifest
        ``hosts/<cluster>/wireguard/...`` for each region of the scenario, and a README.

    Raises
    ------
    MissingInputs
        With everything that the scenario does not say.
    UnfaithfulExport
        If a key is none or two gateways share one, or there is nothing to join.

    Notes
    -----
    Public keys that the scenario knows stand in the file. While one is missing, the folder holds
    a template and a script that fills it from the keys that the hosts made. WireGuard sends a
    packet to the one peer whose ``AllowedIPs`` hold its destination: so they are disjoint, and
    traffic never takes a detour through a third region. With ``routes: bgp`` they stay the fence,
    while the routes themselves are Calico's.
    """
    regions = list(plan.scenario.regions)
    fields = (*NETWORK_FIELDS, "servers")
    require_networks(plan, "wireguard", ["mesh.cidr", *each_region(regions, *fields)])
    if len(regions) < 2:
        raise UnfaithfulExport("a mesh joins at least two regions; the scenario has one")
    addresses = address_plan(plan, "wireguard")
    mesh = platform_of(plan).mesh
    _check(mesh, regions)
    _check_endpoints(addresses)
    folders = [
        manifest for region in regions for manifest in _gateway(plan, addresses, mesh, region)
    ]
    return (*folders, Manifest(FOLDER / "README.md", _readme(plan, addresses, mesh)))


def _check(mesh: Mesh, regions: Sequence[str]) -> None:
    """Refuse an interface or keys that WireGuard would refuse, and keys of two gateways."""
    bad = []
    if not _INTERFACE.fullmatch(mesh.interface):
        bad.append(f"  platform.mesh.interface: {mesh.interface!r} is no name of an interface")
    seen: dict[str, str] = {}
    for region, key in mesh.public_keys.items():
        path = f"  platform.mesh.public_keys.{region}"
        if region not in regions:
            bad.append(f"{path}: the scenario has no such region")
        elif not _is_key(key):
            bad.append(f"{path}: {key!r} is no key of {KEY_BYTES} bytes in base64")
        elif seen.setdefault(key, region) != region:
            bad.append(f"{path}: '{seen[key]}' has the same key; each gateway makes its own")
    if bad:
        raise UnfaithfulExport("\n".join(["the mesh:", *bad]))


def _check_endpoints(addresses: AddressPlan) -> None:
    """Refuse an endpoint inside what its tunnel carries: the packets would chase themselves."""
    for own in addresses.regions.values():
        if not is_address(own.endpoint_host):
            continue
        endpoint = ip_address(own.endpoint_host)
        for cidr in own.routed_cidrs:
            if endpoint in ip_network(cidr):
                raise UnfaithfulExport(
                    f"platform.regions.{own.region}.gateway_endpoint {endpoint} lies in {cidr}, "
                    "which the tunnel to it carries; give the gateway's outside address"
                )


def _is_key(text: str) -> bool:
    """Return whether a text is the one base64 form of a key."""
    try:
        data = b64decode(text, validate=True)
    except (Error, ValueError):
        return False
    return len(data) == KEY_BYTES and b64encode(data).decode("ascii") == text


def _gateway(plan: Plan, addresses: AddressPlan, mesh: Mesh, region: str) -> list[Manifest]:
    """Return the folder of one region's gateway."""
    own, members = addresses.regions[region], machines(plan, region)
    folder = PurePosixPath("hosts", own.cluster, "wireguard")
    known = all(other.region in mesh.public_keys for other in addresses.others(region))
    conf = f"{mesh.interface}.conf"
    files = [
        Manifest(folder / (conf if known else f"{conf}.in"), _conf(plan, addresses, mesh, region)),
        _script(folder, "make-keys.sh", region=region, directory=DIRECTORY),
        Manifest(folder / "90-mesh.conf", text("mesh_sysctl.conf.j2", versions=_families(plan))),
    ]
    if not known:
        files.append(
            _script(
                folder,
                "render.sh",
                region=region,
                regions=list(addresses.regions),
                peers=[other.region for other in addresses.others(region)],
                directory=DIRECTORY,
                conf=conf,
            )
        )
    others = [machine for machine in members if machine.name != own.gateway_server]
    return files + (_routes(folder, addresses, mesh, own) if others else [])


def _script(folder: PurePosixPath, name: str, **values: object) -> Manifest:
    """Return a script of a gateway's folder."""
    template = f"wireguard_{name.removesuffix('.sh').replace('-', '_')}.sh.j2"
    return Manifest(folder / name, text(template, **values), executable=True)


def _families(plan: Plan) -> list[int]:
    """Return the versions of IP that any network of the mesh has."""
    own = platform_of(plan)
    cidrs = [cidr for region in own.regions.values() for cidr in (region.pod_cidr,) if cidr]
    return sorted({ip_network(cidr).version for cidr in [str(own.mesh.cidr), *cidrs]})


def _conf(plan: Plan, addresses: AddressPlan, mesh: Mesh, region: str) -> str:
    """Write the file of a gateway; a key that is not known stands as ``@PUBLIC_KEY_<region>@``."""
    own, others = addresses.regions[region], addresses.others(region)
    peers = [
        (
            other,
            mesh.public_keys.get(other.region, f"@PUBLIC_KEY_{other.region}@"),
            authority(other.endpoint_host, other.endpoint_port),
        )
        for other in others
    ]
    return text(
        "wireguard.conf.j2",
        own=own,
        prefix=ip_network(addresses.mesh_cidr).prefixlen,
        mesh=mesh,
        private_key=PRIVATE_KEY,
        peers=peers,
        node_cidrs=[other.node_cidr for other in others] if mesh.routes == "bgp" else [],
    )


def static_routes(addresses: AddressPlan, mesh: Mesh, region: str) -> tuple[str, ...]:
    """Return the networks that a region's machines reach through its gateway by static routes.

    Parameters
    ----------
    addresses : AddressPlan
        The address plan.
    mesh : Mesh
        Says who owns the routes.
    region : str
        The region.

    Returns
    -------
    tuple of str
        The mesh and the other regions' machines; their pods and services too, unless BGP owns
        those routes.
    """
    routes = [addresses.mesh_cidr]
    for other in addresses.others(region):
        routes.append(other.node_cidr)
        if mesh.routes == "wireguard":
            routes += [other.pod_cidr, other.service_cidr]
    return tuple(routes)


def _routes(
    folder: PurePosixPath, addresses: AddressPlan, mesh: Mesh, own: RegionAddresses
) -> list[Manifest]:
    """Return the script and the unit with which the other machines reach the gateway."""
    routes = static_routes(addresses, mesh, own.region)
    for route in routes:
        if ip_network(route).version != own.gateway_address.version:
            raise UnfaithfulExport(
                f"{route} cannot be routed through the gateway {own.gateway_address} of "
                f"'{own.region}': they are of different versions of IP"
            )
    script = text(
        "wireguard_mesh_routes.sh.j2", routes=routes, gateway=own.gateway_address, mtu=mesh.mtu
    )
    unit = text("mesh_routes.service.j2", region=own.region, script=ROUTES_SCRIPT)
    return [
        Manifest(folder / "mesh-routes.sh", script, executable=True),
        Manifest(folder / "mesh-routes.service", unit),
    ]


def _readme(plan: Plan, addresses: AddressPlan, mesh: Mesh) -> str:
    """Write the order, who owns which route, and what is not expressed."""
    members: dict[str, tuple[Machine, ...]] = {
        region: machines(plan, region) for region in addresses.regions
    }
    return text(
        "wireguard.md.j2",
        mesh=mesh,
        addresses=list(addresses.regions.values()),
        cidr=addresses.mesh_cidr,
        unknown=[region for region in addresses.regions if region not in mesh.public_keys],
        tunnels=len(addresses.regions) * (len(addresses.regions) - 1) // 2,
        others={
            region: [m.name for m in own if m.name != addresses.regions[region].gateway_server]
            for region, own in members.items()
        },
        script=ROUTES_SCRIPT,
        private_key=PRIVATE_KEY,
        margin=plan.scenario.policy.relay_margin_ms,
        relayed=[warning for warning in plan.warnings if _RELAY.fullmatch(warning)],
    )

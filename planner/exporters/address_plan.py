"""The one address plan: mesh, machines, pods, services, AS numbers of every region.

Everything that speaks of an address asks here, so that WireGuard, Calico, kubeadm, K3s, MetalLB and
the network policies agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from planner.errors import UnfaithfulExport
from planner.exporters.requirements import each_region, platform_of, region_platform, require
from planner.model.plan import Plan

NETWORK_FIELDS = ("node_cidr", "pod_cidr", "service_cidr", "gateway_endpoint", "gateway_server")
"""Fields of a region without which there is no address plan."""

DNS_PLACE = 10
"""The cluster's DNS is the tenth address of its services, as kubeadm and K3s have it."""

Ip = IPv4Address | IPv6Address


@dataclass(frozen=True)
class RegionAddresses:
    """The addresses of one region.

    Attributes
    ----------
    region, cluster : str
        Its id and the name of its cluster.
    mesh_address : IPv4Address or IPv6Address
        Address of its gateway in the mesh.
    node_cidr, pod_cidr, service_cidr : str
        Networks of machines, pods and cluster services.
    dns_address : IPv4Address or IPv6Address
        Address of the cluster's own DNS.
    gateway_server : str
        The machine that is the gateway.
    gateway_address : IPv4Address or IPv6Address
        Its address inside the region.
    endpoint_host : str
        Public name or address of the gateway.
    endpoint_port : int
        Its UDP port.
    as_number : int or None
        Private AS number.
    load_balancer_cidrs : tuple of str
        Addresses that MetalLB may hand out.
    """

    region: str
    cluster: str
    mesh_address: Ip
    node_cidr: str
    pod_cidr: str
    service_cidr: str
    dns_address: Ip
    gateway_server: str
    gateway_address: Ip
    endpoint_host: str
    endpoint_port: int
    as_number: int | None
    load_balancer_cidrs: tuple[str, ...]

    @property
    def routed_cidrs(self) -> tuple[str, ...]:
        """What the mesh carries to this region: its gateway, machines, pods and services."""
        prefix = 32 if self.mesh_address.version == 4 else 128
        return (
            f"{self.mesh_address}/{prefix}",
            self.node_cidr,
            self.pod_cidr,
            self.service_cidr,
        )


@dataclass(frozen=True)
class AddressPlan:
    """The addresses of all active regions.

    Attributes
    ----------
    mesh_cidr : str
        Network of the gateways.
    regions : dict
        Region id to its addresses, in the scenario's order.
    """

    mesh_cidr: str
    regions: dict[str, RegionAddresses]

    def others(self, region: str) -> tuple[RegionAddresses, ...]:
        """Return the addresses of all regions but one."""
        return tuple(a for name, a in self.regions.items() if name != region)


def address_plan(plan: Plan, target: str, regions: Sequence[str] | None = None) -> AddressPlan:
    """Return the address plan.

    Parameters
    ----------
    plan : Plan
        Its scenario holds the platform.
    target : str
        What is exported, for the sentence if something is missing.
    regions : sequence of str, optional
        Regions; all of the scenario without it, because a spare region has a place in the mesh.

    Returns
    -------
    AddressPlan
        The n-th region of the scenario has the n-th address of the mesh.

    Raises
    ------
    MissingInputs
        With everything that is missing.
    UnfaithfulExport
        If the mesh is too small, or a gateway is no machine of its region.
    """
    names = list(plan.scenario.regions) if regions is None else list(regions)
    require(plan, target, ["mesh.cidr", *each_region(names, *NETWORK_FIELDS)])
    cidr = str(platform_of(plan).mesh.cidr)
    place = {name: number for number, name in enumerate(plan.scenario.regions, start=1)}
    mesh = ip_network(cidr)
    if mesh.num_addresses < len(place) + 2:
        raise UnfaithfulExport(
            f"platform.mesh.cidr {cidr} has no room for {len(place)} gateways; give a larger one"
        )
    return AddressPlan(cidr, {name: _addresses(plan, name, mesh[place[name]]) for name in names})


def _addresses(plan: Plan, region: str, mesh_address: Ip) -> RegionAddresses:
    """Return the addresses of one region, nothing of which is missing."""
    own = region_platform(plan, region)
    gateway = str(own.gateway_server)
    if gateway not in own.servers:
        raise UnfaithfulExport(
            f"platform.regions.{region}.gateway_server '{gateway}' is none of its servers"
        )
    split = urlsplit(f"//{own.gateway_endpoint}")
    return RegionAddresses(
        region=region,
        cluster=plan.scenario.regions[region].cluster,
        mesh_address=mesh_address,
        node_cidr=str(own.node_cidr),
        pod_cidr=str(own.pod_cidr),
        service_cidr=str(own.service_cidr),
        dns_address=ip_network(str(own.service_cidr))[DNS_PLACE],
        gateway_server=gateway,
        gateway_address=ip_address(own.servers[gateway].address),
        endpoint_host=str(split.hostname),
        endpoint_port=int(split.port or 0),
        as_number=own.as_number,
        load_balancer_cidrs=own.load_balancer_cidrs,
    )

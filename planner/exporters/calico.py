"""Calico: the network of every cluster, and what it must leave alone between them."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import PurePosixPath

from planner.exporters import naming
from planner.exporters.address_plan import (
    NETWORK_FIELDS,
    AddressPlan,
    RegionAddresses,
    address_plan,
)
from planner.exporters.kustomize import kustomization
from planner.exporters.machines import api_endpoint, machines, require_networks
from planner.exporters.rendering import text
from planner.exporters.requirements import each_region, platform_of
from planner.exporters.versions import versions
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan
from planner.model.platform import Mesh

FOLDER = PurePosixPath("network/calico")
API_VERSION = "projectcalico.org/v3"

BLOCK_PREFIXES = {4: 26, 6: 122}
"""Calico's default block of addresses; a smaller pool has smaller blocks."""


def export_calico(plan: Plan) -> tuple[Manifest, ...]:
    """Return chart values, address pools and BGP of every cluster.

    Parameters
    ----------
    plan : Plan
        What was decided; its platform knows the networks and AS numbers.

    Returns
    -------
    tuple of Manifest
        ``clusters/<cluster>/calico/...`` and a README.

    Raises
    ------
    MissingInputs
        With everything that the scenario does not say.
    UnfaithfulExport
        If versions do not go together, or a network is none.

    Notes
    -----
    The operator owns the cluster's own pool, which stands in the chart's values; the pools of
    other regions are objects.  They are disabled: nothing gets an address of them, but Calico
    knows them, so that it does not masquerade what goes there and a gateway hands their routes on
    to the machines behind it.

    A BGPFilter that accepts would also let routes out that Calico holds back; so what leaves is
    filtered by refusing the other regions' networks, and only what comes in is accepted by name.
    """
    regions = list(plan.scenario.regions)
    fields = (*NETWORK_FIELDS, "as_number", "servers")
    require_networks(plan, "calico", ["mesh.cidr", *each_region(regions, *fields)], regions)
    table = versions(plan, ("calico",))
    addresses = address_plan(plan, "calico")
    mesh = platform_of(plan).mesh
    trees = [manifest for region in regions for manifest in _cluster(plan, addresses, mesh, region)]
    readme = text(
        "calico.md.j2",
        version=table["calico"].version,
        chart=table["calico"].chart,
        repository=table["calico"].repository,
        namespace=naming.CALICO_NAMESPACE,
        mesh=mesh,
        addresses=list(addresses.regions.values()),
    )
    return (*trees, Manifest(FOLDER / "README.md", readme))


def _cluster(plan: Plan, addresses: AddressPlan, mesh: Mesh, region: str) -> list[Manifest]:
    """Return the folder of one cluster."""
    own = addresses.regions[region]
    machines(plan, region)  # refuses names that cannot stand in a path
    folder = PurePosixPath("clusters", own.cluster, "calico")
    bgp = [_configuration(own, mesh)]
    if mesh.routes == "bgp":
        for other in addresses.others(region):
            bgp += [_filter(addresses, own, other), _peer(own, other)]
    pools = [
        _foreign_pool(other, kind, cidr)
        for other in addresses.others(region)
        for kind, cidr in (("pods", other.pod_cidr), ("services", other.service_cidr))
    ]
    files = [Manifest(folder / "bgp.yaml", tuple(bgp))]
    if pools:
        files.append(Manifest(folder / "ippools.yaml", tuple(pools)))
    return [
        kustomization(folder, [manifest.path.name for manifest in files]),
        *files,
        Manifest(folder / "values.yaml", (_values(plan, own, mesh),)),
    ]


def _values(plan: Plan, own: RegionAddresses, mesh: Mesh) -> Document:
    """Build the values of the chart: the Installation is made of them."""
    host, port = api_endpoint(plan, own.region)
    family = ip_network(own.node_cidr).version
    return {
        "installation": {
            "enabled": True,
            "cni": {"type": "Calico"},
            "calicoNetwork": {
                "bgp": "Enabled",
                "mtu": pod_mtu(mesh),
                "containerIPForwarding": "Enabled",
                f"nodeAddressAutodetectionV{family}": {"cidrs": [own.node_cidr]},
                "ipPools": [
                    {
                        "name": f"{own.region}-pods",
                        "cidr": own.pod_cidr,
                        "blockSize": _block(own.pod_cidr),
                        "encapsulation": "None",
                        "natOutgoing": "Enabled",
                        "nodeSelector": "all()",
                    }
                ],
            },
        },
        "apiServer": {"enabled": True},
        "kubernetesServiceEndpoint": {"host": host, "port": str(port)},
    }


def pod_mtu(mesh: Mesh) -> int:
    """Return the largest packet of a pod: that of the mesh, since nothing wraps it once more.

    Examples
    --------
    >>> pod_mtu(Mesh(mtu=1420))
    1420
    """
    return mesh.mtu


def _block(cidr: str) -> int:
    """Return the prefix of a pool's blocks; a block is no larger than its pool."""
    network = ip_network(cidr)
    return max(BLOCK_PREFIXES[network.version], network.prefixlen)


def _foreign_pool(other: RegionAddresses, kind: str, cidr: str) -> Document:
    """Build the pool of another region: known, so not masqueraded, and never assigned from."""
    return {
        "apiVersion": API_VERSION,
        "kind": "IPPool",
        "metadata": {"name": f"{other.region}-{kind}"},
        "spec": {
            "cidr": cidr,
            "blockSize": _block(cidr),
            "disabled": True,
            "natOutgoing": False,
            "ipipMode": "Never",
            "vxlanMode": "Never",
            "nodeSelector": "all()",
        },
    }


def _configuration(own: RegionAddresses, mesh: Mesh) -> Document:
    """Build the cluster's BGP: its AS, and where BGP crosses the mesh its services' addresses."""
    spec: Document = {"asNumber": own.as_number, "nodeToNodeMeshEnabled": True}
    if mesh.routes == "bgp":
        spec["serviceClusterIPs"] = [{"cidr": own.service_cidr}]
    return {
        "apiVersion": API_VERSION,
        "kind": "BGPConfiguration",
        "metadata": {"name": "default"},
        "spec": spec,
    }


def _filter(addresses: AddressPlan, own: RegionAddresses, other: RegionAddresses) -> Document:
    """Build the filter of one peering: a region tells of itself alone, and is believed of that."""
    foreign = [
        cidr
        for region in addresses.others(own.region)
        for cidr in (region.pod_cidr, region.service_cidr)
    ]
    rules: dict[str, list[Document]] = {}
    for cidr in foreign:
        rule = {"action": "Reject", "matchOperator": "In", "cidr": cidr}
        rules.setdefault(f"exportV{ip_network(cidr).version}", []).append(rule)
    for cidr in (other.pod_cidr, other.service_cidr):
        rule = {"action": "Accept", "matchOperator": "In", "cidr": cidr}
        rules.setdefault(f"importV{ip_network(cidr).version}", []).append(rule)
    for version in (4, 6):
        rules.setdefault(f"importV{version}", []).append({"action": "Reject"})
    return {
        "apiVersion": API_VERSION,
        "kind": "BGPFilter",
        "metadata": {"name": f"mesh-{other.region}"},
        "spec": dict(sorted(rules.items())),
    }


def _peer(own: RegionAddresses, other: RegionAddresses) -> Document:
    """Build the peering of the gateway with another region's, inside the tunnel."""
    return {
        "apiVersion": API_VERSION,
        "kind": "BGPPeer",
        "metadata": {"name": f"mesh-{other.region}"},
        "spec": {
            "node": naming.node_name(own.cluster, own.gateway_server),
            "peerIP": str(other.mesh_address),
            "asNumber": other.as_number,
            # The session starts from the tunnel's address, not the machine's: the peer expects it.
            "sourceAddress": "None",
            "nextHopMode": "Self",
            "filters": [f"mesh-{other.region}"],
        },
    }

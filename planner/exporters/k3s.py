"""K3s: the configuration file of every machine of the clusters that it installs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from planner.exporters.address_plan import NETWORK_FIELDS, RegionAddresses, address_plan
from planner.exporters.machines import (
    API_PORT,
    CLUSTER_DOMAIN,
    Machine,
    api_endpoint,
    authority,
    certificate_names,
    control_planes,
    is_address,
    machines,
    require_networks,
)
from planner.exporters.rendering import text
from planner.exporters.requirements import each_region, region_platform
from planner.exporters.versions import Component, end_of_life, versions
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

TOKEN_FILE = "/etc/rancher/k3s/token"
AGENT_TOKEN_FILE = "/etc/rancher/k3s/agent-token"
BUNDLED_INGRESS = "traefik"
"""Class of the ingress controller that K3s brings."""


def export_k3s(plan: Plan) -> tuple[Manifest, ...]:
    """Return K3s' configuration for every machine of the clusters that it installs.

    Parameters
    ----------
    plan : Plan
        What was decided; its platform knows the machines and networks.

    Returns
    -------
    tuple of Manifest
        ``hosts/<cluster>/k3s/<machine>/config.yaml`` and a README for each cluster.

    Raises
    ------
    MissingInputs
        With everything that the scenario does not say.
    UnfaithfulExport
        If a name or an address cannot be one.

    Notes
    -----
    K3s skips a key that it does not know with nothing but a warning, and an agent skips the keys
    of servers: so each file has the keys of its role alone.  Tokens are files on the machines.
    """
    regions = [
        name for name, region in plan.scenario.regions.items() if region.distribution == "k3s"
    ]
    if not regions:
        return ()
    fields = (*NETWORK_FIELDS, "servers", "ingress_class")
    require_networks(plan, "k3s", ["mesh.cidr", *each_region(regions, *fields)], regions)
    table = versions(plan, ("k3s",))
    addresses = address_plan(plan, "k3s", regions).regions
    return tuple(
        manifest
        for region in regions
        for manifest in _cluster(plan, addresses[region], table["k3s"])
    )


def _cluster(plan: Plan, own: RegionAddresses, k3s: Component) -> list[Manifest]:
    """Return the files of one cluster."""
    members = machines(plan, own.region)
    planes = control_planes(members)
    common = _of_all_servers(plan, own)
    folder = PurePosixPath("hosts", own.cluster, "k3s")
    files = [
        Manifest(
            folder / machine.name / "config.yaml",
            (
                _server(machine, planes, common, own)
                if machine.control_plane
                else _agent(machine, planes[0], own),
            ),
        )
        for machine in members
    ]
    return [*files, Manifest(folder / "README.md", _readme(plan, own, members, k3s))]


def _of_all_servers(plan: Plan, own: RegionAddresses) -> Document:
    """Return the keys that must have one value on all servers of a cluster."""
    disabled = ["servicelb"]
    if region_platform(plan, own.region).ingress_class != BUNDLED_INGRESS:
        disabled.append("traefik")
    return {
        "cluster-cidr": [own.pod_cidr],
        "service-cidr": [own.service_cidr],
        "cluster-dns": [str(own.dns_address)],
        "cluster-domain": CLUSTER_DOMAIN,
        "flannel-backend": "none",
        "disable-network-policy": True,
        "disable": disabled,
        "secrets-encryption": True,
        "agent-token-file": AGENT_TOKEN_FILE,
        "tls-san": certificate_names(plan, own.region, own.mesh_address),
        "write-kubeconfig-mode": "0600",
    }


def _server(
    machine: Machine, planes: Sequence[Machine], common: Mapping[str, object], own: RegionAddresses
) -> Document:
    """Build the file of a server; several servers keep their state in an etcd of their own."""
    document = _of_machine(machine, own)
    document |= {"token-file": TOKEN_FILE, "advertise-address": str(machine.address)}
    if machine is not planes[0]:
        document["server"] = _join_url(planes[0])
    elif len(planes) > 1:
        document["cluster-init"] = True
    return document | dict(common)


def _agent(machine: Machine, first: Machine, own: RegionAddresses) -> Document:
    """Build the file of an agent: none of the servers' keys."""
    return {
        **_of_machine(machine, own),
        "server": _join_url(first),
        "token-file": AGENT_TOKEN_FILE,
    }


def _of_machine(machine: Machine, own: RegionAddresses) -> Document:
    """Return the keys that every machine has."""
    document: Document = {
        "node-name": machine.node,
        "node-ip": [str(machine.address)],
        "node-label": [f"{key}={value}" for key, value in machine.labels.items()],
        "kubelet-arg": [f"max-pods={machine.pods}"],
    }
    if machine.name == own.gateway_server and is_address(own.endpoint_host):
        document["node-external-ip"] = [own.endpoint_host]
    return document


def _join_url(first: Machine) -> str:
    """Return where further machines join: the first server's address inside the region."""
    return f"https://{authority(str(first.address), API_PORT)}"


def _readme(plan: Plan, own: RegionAddresses, members: Sequence[Machine], k3s: Component) -> str:
    """Write the order, the checks, and what is not in these files."""
    planes = control_planes(members)
    region = plan.scenario.regions[own.region]
    kinds = plan.scenario.server_types
    return text(
        "k3s.md.j2",
        cluster=own.cluster,
        version=k3s.version,
        old=end_of_life(k3s.version),
        planes=planes,
        spare=(len(planes) - 1) // 2,
        agents=[machine for machine in members if not machine.control_plane],
        members=[(machine, kinds[region.pools[machine.pool].server_type]) for machine in members],
        bundled=region_platform(plan, own.region).ingress_class == BUNDLED_INGRESS,
        ingress_class=region_platform(plan, own.region).ingress_class,
        endpoint=authority(*api_endpoint(plan, own.region)),
        gateway=own.gateway_server,
        external=own.endpoint_host if is_address(own.endpoint_host) else None,
        token=TOKEN_FILE,
        agent_token=AGENT_TOKEN_FILE,
        pod_cidr=own.pod_cidr,
        service_cidr=own.service_cidr,
        dns=own.dns_address,
    )

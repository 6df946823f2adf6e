"""kubeadm: the configuration with which each machine of a cluster starts or joins it."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import PurePosixPath

from planner.errors import UnfaithfulExport
from planner.exporters.address_plan import NETWORK_FIELDS, RegionAddresses, address_plan
from planner.exporters.machines import (
    API_PORT,
    CLUSTER_DOMAIN,
    Machine,
    api_endpoint,
    authority,
    certificate_names,
    control_planes,
    machines,
    require_networks,
)
from planner.exporters.rendering import text
from planner.exporters.requirements import each_region
from planner.exporters.versions import Component, end_of_life, kubeadm_api, versions
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

CONTAINERD_SOCKET = "unix:///run/containerd/containerd.sock"
DISCOVERY_FILE = "/etc/kubernetes/discovery.conf"
"""Where a joining machine finds address, authority and token; it is made, never exported."""

NODE_MASKS = {4: 24, 6: 64}
"""Prefix of one node's part of the pod network, as the controller manager cuts it by default."""

_SERVICE_BITS = 20
"""A service network has at most 2^20 addresses: the API server allocates them by bitmap."""


def export_kubeadm(plan: Plan) -> tuple[Manifest, ...]:
    """Return kubeadm's configuration for every machine of the clusters that it installs.

    Parameters
    ----------
    plan : Plan
        What was decided; its platform knows the machines and networks.

    Returns
    -------
    tuple of Manifest
        ``hosts/<cluster>/kubeadm/<machine>/init.yaml`` for the first control plane and
        ``join.yaml`` for all others, a script that hands on what joining needs, and a README.

    Raises
    ------
    MissingInputs
        With everything that the scenario does not say.
    UnfaithfulExport
        If a network is too small for its machines, or a name cannot be one.

    Notes
    -----
    No token and no key is in these files: a machine that joins reads a discovery file that the
    first control plane makes, and control planes get the certificates over SSH.
    """
    regions = [
        name for name, region in plan.scenario.regions.items() if region.distribution == "kubeadm"
    ]
    if not regions:
        return ()
    fields = (*NETWORK_FIELDS, "servers")
    require_networks(plan, "kubeadm", ["mesh.cidr", *each_region(regions, *fields)], regions)
    table = versions(plan, ("kubernetes",))
    addresses = address_plan(plan, "kubeadm", regions).regions
    return tuple(
        manifest
        for region in regions
        for manifest in _cluster(plan, addresses[region], table["kubernetes"])
    )


def _cluster(plan: Plan, own: RegionAddresses, kubernetes: Component) -> list[Manifest]:
    """Return the files of one cluster."""
    members = machines(plan, own.region)
    _check_networks(own, members)
    folder = PurePosixPath("hosts", own.cluster, "kubeadm")
    first = control_planes(members)[0]
    api = kubeadm_api(kubernetes.version)
    files = [
        Manifest(folder / first.name / "init.yaml", _init(plan, own, members, kubernetes)),
        *(
            Manifest(folder / other.name / "join.yaml", (_join(other, members, api),))
            for other in members
            if other is not first
        ),
    ]
    others = [machine for machine in members if machine is not first]
    if others:
        files.append(_hand_on(plan, own, others, folder))
    return [*files, Manifest(folder / "README.md", _readme(plan, own, members, kubernetes))]


def _hand_on(
    plan: Plan, own: RegionAddresses, others: Sequence[Machine], folder: PurePosixPath
) -> Manifest:
    """Return the script that hands on what joining needs."""
    script = text(
        "kubeadm_hand_on.sh.j2",
        cluster=own.cluster,
        server=f"https://{authority(*api_endpoint(plan, own.region))}",
        discovery=DISCOVERY_FILE,
        planes=[str(machine.address) for machine in control_planes(others)],
        others=[str(machine.address) for machine in others],
    )
    return Manifest(folder / "hand-on.sh", script, executable=True)


def _check_networks(own: RegionAddresses, members: Sequence[Machine]) -> None:
    """Refuse networks that kubeadm, or the controllers that it starts, would refuse."""
    pods, services = ip_network(own.pod_cidr), ip_network(own.service_cidr)
    mask = NODE_MASKS[pods.version]
    if pods.prefixlen > mask or 2 ** (mask - pods.prefixlen) < len(members):
        raise UnfaithfulExport(
            f"platform.regions.{own.region}.pod_cidr {pods} has no /{mask} for each of "
            f"{len(members)} machines; give a larger one"
        )
    if services.max_prefixlen - services.prefixlen > _SERVICE_BITS:
        raise UnfaithfulExport(
            f"platform.regions.{own.region}.service_cidr {services} is larger than "
            f"/{services.max_prefixlen - _SERVICE_BITS}, which the API server refuses"
        )


def _init(
    plan: Plan, own: RegionAddresses, members: Sequence[Machine], kubernetes: Component
) -> tuple[Document, ...]:
    """Build what the first control plane starts from."""
    api, first = kubeadm_api(kubernetes.version), control_planes(members)[0]
    return (
        {
            "apiVersion": api,
            "kind": "InitConfiguration",
            "localAPIEndpoint": _local_endpoint(first),
            "nodeRegistration": _registration(first, members, api),
        },
        {
            "apiVersion": api,
            "kind": "ClusterConfiguration",
            "clusterName": own.cluster,
            "kubernetesVersion": f"v{kubernetes.version.removeprefix('v')}",
            "controlPlaneEndpoint": authority(*api_endpoint(plan, own.region)),
            "networking": {
                "podSubnet": own.pod_cidr,
                "serviceSubnet": own.service_cidr,
                "dnsDomain": CLUSTER_DOMAIN,
            },
            "apiServer": {"certSANs": certificate_names(plan, own.region, own.mesh_address)},
        },
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "cgroupDriver": "systemd",
            "clusterDNS": [str(own.dns_address)],
            "clusterDomain": CLUSTER_DOMAIN,
            "containerRuntimeEndpoint": CONTAINERD_SOCKET,
            "maxPods": _common_pods(members),
        },
    )


def _join(machine: Machine, members: Sequence[Machine], api: str) -> Document:
    """Build what another machine joins with."""
    document: Document = {
        "apiVersion": api,
        "kind": "JoinConfiguration",
        "discovery": {"file": {"kubeConfigPath": DISCOVERY_FILE}},
        "nodeRegistration": _registration(machine, members, api),
    }
    if machine.control_plane:
        document["controlPlane"] = {"localAPIEndpoint": _local_endpoint(machine)}
    return document


def _local_endpoint(machine: Machine) -> Document:
    """Say where a control plane serves its API."""
    return {"advertiseAddress": str(machine.address), "bindPort": API_PORT}


def _registration(machine: Machine, members: Sequence[Machine], api: str) -> Document:
    """Say as what a machine registers; control planes run services too, as the plan counts them."""
    arguments = {
        "node-ip": str(machine.address),
        "node-labels": ",".join(f"{key}={value}" for key, value in machine.labels.items()),
    }
    if machine.pods != _common_pods(members):
        arguments["max-pods"] = str(machine.pods)
    listed = [{"name": name, "value": value} for name, value in arguments.items()]
    return {
        "name": machine.node,
        "criSocket": CONTAINERD_SOCKET,
        "taints": [],
        "kubeletExtraArgs": arguments if api.endswith("v1beta3") else listed,
    }


def _common_pods(members: Sequence[Machine]) -> int:
    """Return the limit of pods that the whole cluster is configured with."""
    return min(machine.pods for machine in members)


def _readme(
    plan: Plan, own: RegionAddresses, members: Sequence[Machine], kubernetes: Component
) -> str:
    """Write the order, the checks, and what is not in these files."""
    planes = control_planes(members)
    pools = plan.scenario.regions[own.region].pools
    kinds = plan.scenario.server_types
    return text(
        "kubeadm.md.j2",
        cluster=own.cluster,
        version=kubernetes.version,
        old=end_of_life(kubernetes.version),
        api=kubeadm_api(kubernetes.version),
        first=planes[0],
        others=[machine for machine in members if machine is not planes[0]],
        planes=len(planes),
        spare=(len(planes) - 1) // 2,
        members=[(machine, kinds[pools[machine.pool].server_type]) for machine in members],
        host=api_endpoint(plan, own.region)[0],
        discovery=DISCOVERY_FILE,
        dns=own.dns_address,
        pod_cidr=own.pod_cidr,
        service_cidr=own.service_cidr,
    )

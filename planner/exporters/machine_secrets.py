"""Secrets of machines, mesh and storage: files that stay where they are made, and Rook's own."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from planner.exporters import naming, workload
from planner.exporters.k3s import AGENT_TOKEN_FILE, TOKEN_FILE
from planner.exporters.kubeadm import DISCOVERY_FILE
from planner.exporters.requirements import platform_of, region_platform
from planner.exporters.rook import CSI_SECRETS, peer_secret
from planner.exporters.secret_notes import ON_MACHINES, SecretNote
from planner.exporters.wireguard import PRIVATE_KEY
from planner.model.plan import Plan


def k3s_tokens(plan: Plan) -> Iterator[SecretNote]:
    """Note the two tokens of each K3s cluster; they are files, one content on several machines."""
    for region, place in plan.scenario.regions.items():
        servers = region_platform(plan, region).servers.values()
        if place.distribution != "k3s" or not servers:
            continue
        planes = [server.address for server in servers if server.control_plane]
        everywhere = [server.address for server in servers]
        yield SecretNote(
            name=TOKEN_FILE,
            namespace=ON_MACHINES,
            clusters=(place.cluster,),
            keys=(),
            reader="K3s on the servers, by token-file",
            rotation="`k3s token rotate` on one server, then the new file on all and a restart",
            command=_one_content(TOKEN_FILE, planes),
        )
        yield SecretNote(
            name=AGENT_TOKEN_FILE,
            namespace=ON_MACHINES,
            clusters=(place.cluster,),
            keys=(),
            reader="K3s on servers (agent-token-file) and agents (token-file)",
            rotation="the new file on all machines, then a restart: first servers, then agents",
            command=_one_content(AGENT_TOKEN_FILE, everywhere),
        )


def _one_content(path: str, addresses: Iterable[str]) -> str:
    """Write a command that puts one random content into a file of several machines."""
    there = f"umask 077; mkdir -p {PurePosixPath(path).parent}; cat >{path}"
    machines = " ".join(shlex.quote(address) for address in addresses)
    return (
        f"token=$(head -c 32 /dev/urandom | base64); for machine in {machines}; do "
        f'printf "%s\\n" "$token" | ssh "root@$machine" {shlex.quote(there)}; done'
    )


def mesh_keys(plan: Plan) -> Iterator[SecretNote]:
    """Note the private keys of the gateways: each is made where it stays."""
    if platform_of(plan).mesh.cidr is None:
        return
    yield SecretNote(
        name=PRIVATE_KEY,
        namespace=ON_MACHINES,
        clusters=tuple(workload.region_of_cluster(plan.scenario)),
        keys=(),
        reader="wg-quick on the region's gateway, by PostUp",
        rotation=(
            "one gateway at a time: remove the file, run make-keys.sh --apply, give the new public "
            "key to all others (platform.mesh.public_keys, export, install); its tunnels are down "
            "until they have it"
        ),
        command="./make-keys.sh --apply  # in hosts/CLUSTER/wireguard, on its gateway",
    )


def kubeadm_files(plan: Plan) -> Iterator[SecretNote]:
    """Note what kubeadm makes on the machines."""
    clusters = tuple(
        place.cluster
        for region, place in plan.scenario.regions.items()
        if place.distribution == "kubeadm" and region_platform(plan, region).servers
    )
    if not clusters:
        return
    yield SecretNote(
        name=DISCOVERY_FILE,
        namespace=ON_MACHINES,
        clusters=clusters,
        keys=(),
        reader="kubeadm join",
        rotation="none: its token lives two hours; remove the file after joining",
        command="./hand-on.sh --apply  # in hosts/CLUSTER/kubeadm, on the first control plane",
    )
    yield SecretNote(
        name="/etc/kubernetes/pki",
        namespace=ON_MACHINES,
        clusters=clusters,
        keys=(),
        reader="the control plane; kubeadm init makes it, hand-on.sh shares its authorities",
        rotation="`kubeadm certs renew all` on each control plane within a year, or an upgrade",
        command=(
            "kubeadm init --config MACHINE/init.yaml"
            "  # in hosts/CLUSTER/kubeadm, on the first control plane, MACHINE"
        ),
    )


def storage_keys(plan: Plan) -> Iterator[SecretNote]:
    """Note the Secrets that the class of volumes names; Rook makes them."""
    storage = platform_of(plan).storage
    if storage is None:
        return
    sites = [storage.region, *([storage.mirror_region] if storage.mirror_region else [])]
    for name in sorted(set(CSI_SECRETS.values())):
        yield SecretNote(
            name=name,
            namespace=naming.STORAGE_NAMESPACE,
            clusters=tuple(workload.cluster_of(plan.scenario, site) for site in sites),
            keys=("userID", "userKey"),
            reader="the drivers, by name in the StorageClass",
            rotation="by Rook, with the keys of Ceph",
            command=": Rook makes it when the cluster is ready",
            made="by software",
        )


def storage_peers(plan: Plan) -> Iterator[SecretNote]:
    """Note what each site of mirrored storage needs to reach the other."""
    storage = platform_of(plan).storage
    if storage is None or storage.mirror_region is None:
        return
    sites = (storage.region, storage.mirror_region)
    for own, other in (sites, sites[::-1]):
        source = shlex.quote(workload.cluster_of(plan.scenario, other))
        namespace, pool = naming.STORAGE_NAMESPACE, naming.STORAGE_CLASS
        there = f"kubectl --context {source} --namespace {namespace}"
        here = f'kubectl --context "$CLUSTER" --namespace {namespace}'
        made = "{.status.info.rbdMirrorBootstrapPeerSecretName}"
        yield SecretNote(
            name=peer_secret(other),
            namespace=namespace,
            clusters=(workload.cluster_of(plan.scenario, own),),
            keys=("token", "pool"),
            reader="Rook, by name in the CephBlockPool",
            rotation="when the other site's Ceph keys are renewed",
            command=(
                f'{there} get secret "$({there} get cephblockpools.ceph.rook.io {pool} '
                f"-o jsonpath='{made}')\" -o jsonpath='{{.data.token}}' | base64 -d | "
                f"{here} create secret generic {peer_secret(other)} --from-file=token=/dev/stdin "
                f"--from-literal=pool={pool} --dry-run=client -o yaml "
                f"| {here} apply --server-side -f -"
            ),
            made="meanwhile",
        )

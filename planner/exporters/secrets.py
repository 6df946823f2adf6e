"""Every Secret that exported files refer to: they hold names only, people create the Secrets."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from planner.exporters import monitoring, naming, workload
from planner.exporters.external_dns import SECRET_KEYS
from planner.exporters.k3s import AGENT_TOKEN_FILE, TOKEN_FILE
from planner.exporters.kubeadm import DISCOVERY_FILE
from planner.exporters.kubefed import SYSTEM_NAMESPACE
from planner.exporters.requirements import platform_of, region_platform
from planner.exporters.rook import CSI_SECRETS, peer_secret
from planner.exporters.wireguard import PRIVATE_KEY
from planner.model.plan import Plan

ON_MACHINES = "files on machines"
"""In the place of a namespace where a secret is a file, not an object."""


@dataclass(frozen=True)
class SecretNote:
    """One Secret, and how it comes to be.

    Attributes
    ----------
    name, namespace : str
        Where it stands; a path and `ON_MACHINES` for a file.
    clusters : tuple of str
        Clusters that need it.
    keys : tuple of str
        Keys of its data; none for a file.
    reader : str
        What reads it.
    rotation : str
        When and how it is renewed.
    command : str
        A shell command that creates it, the secret part from its standard input; ``$CLUSTER`` is
        the context of one of `clusters`.
    made : {'before', 'meanwhile', 'by software'}
        By hand before the wave whose objects read it, by hand in the course of it, or by the
        software itself.
    """

    name: str
    namespace: str
    clusters: tuple[str, ...]
    keys: tuple[str, ...]
    reader: str
    rotation: str
    command: str
    made: Literal["before", "meanwhile", "by software"] = "before"


def secrets_of(plan: Plan) -> tuple[SecretNote, ...]:
    """Return every Secret that the files of a plan refer to, by namespace and name.

    Parameters
    ----------
    plan : Plan
        Its platform names them.
    """
    notes = (note for source in SOURCES for note in source(plan))
    return tuple(sorted(notes, key=lambda note: (note.namespace, note.name)))


def _certificate(plan: Plan) -> Iterator[SecretNote]:
    """Note the certificate of the host names."""
    name, namespace = platform_of(plan).tls_secret, plan.scenario.namespace
    if name is None:
        return
    create = f"--namespace {shlex.quote(namespace)} create secret tls {shlex.quote(name)}"
    yield SecretNote(
        name=name,
        namespace=namespace,
        clusters=workload.active_clusters(plan),
        keys=("tls.crt", "tls.key"),
        reader="the ingress controller, by name in the Ingress of each host name",
        rotation="before the certificate expires; the controller reads the new one by itself",
        command=(
            f'kubectl --context "$CLUSTER" {create} '
            "--cert=tls.crt --key=/dev/stdin --dry-run=client -o yaml < tls.key "
            '| kubectl --context "$CLUSTER" apply --server-side -f -'
        ),
    )


def _k3s_tokens(plan: Plan) -> Iterator[SecretNote]:
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


def _mesh_keys(plan: Plan) -> Iterator[SecretNote]:
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
        command="./make-keys.sh --apply",
    )


def _kubeadm_files(plan: Plan) -> Iterator[SecretNote]:
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
        command="./hand-on.sh --apply",
    )
    yield SecretNote(
        name="/etc/kubernetes/pki",
        namespace=ON_MACHINES,
        clusters=clusters,
        keys=(),
        reader="the control plane; kubeadm init makes it, hand-on.sh shares its authorities",
        rotation="`kubeadm certs renew all` on each control plane within a year, or an upgrade",
        command="kubeadm init --config init.yaml",
    )


def _storage_keys(plan: Plan) -> Iterator[SecretNote]:
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


def _storage_peers(plan: Plan) -> Iterator[SecretNote]:
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


def _dns_credentials(plan: Plan) -> Iterator[SecretNote]:
    """Note with what ExternalDNS writes to the provider."""
    provider = plan.scenario.dns.external_dns_provider
    for name in dict.fromkeys(secret for secret, _ in SECRET_KEYS[provider].values()):
        keys = tuple(key for secret, key in SECRET_KEYS[provider].values() if secret == name)
        yield SecretNote(
            name=name,
            namespace=naming.EXTERNAL_DNS_NAMESPACE,
            clusters=workload.active_clusters(plan),
            keys=keys,
            reader=f"ExternalDNS, from its environment, for the provider {provider}",
            rotation="make the new one at the provider, write it here, restart ExternalDNS, then "
            "withdraw the old one",
            command=_from_stdin(naming.EXTERNAL_DNS_NAMESPACE, name, keys),
        )


def _from_stdin(namespace: str, name: str, keys: tuple[str, ...]) -> str:
    """Write the command that makes a Secret: one value, or lines ``key=value``, from stdin."""
    source = f"--from-file={keys[0]}=/dev/stdin" if len(keys) == 1 else "--from-env-file=/dev/stdin"
    return (
        f'kubectl --context "$CLUSTER" --namespace {shlex.quote(namespace)} create secret generic '
        f"{shlex.quote(name)} {source} --dry-run=client -o yaml "
        '| kubectl --context "$CLUSTER" apply --server-side -f -'
    )


def _member_credentials(plan: Plan) -> Iterator[SecretNote]:
    """Note with what KubeFed calls its clusters; Karmada keeps its own, and no file names them."""
    scenario = plan.scenario
    if scenario.federation.controller != "kubefed":
        return
    for region in scenario.regions.values():
        yield SecretNote(
            name=region.cluster,
            namespace=SYSTEM_NAMESPACE,
            clusters=(workload.cluster_of(scenario, scenario.federation.host_region),),
            keys=("ca.crt", "token"),
            reader=f"KubeFed, by name in the KubeFedCluster {region.cluster}",
            rotation=f"`kubefedctl unjoin {region.cluster}`, then join.sh again",
            command="federation/kubefed/join.sh",
            made="by software",
        )


def _receiver(plan: Plan) -> Iterator[SecretNote]:
    """Note the address of Alertmanager's webhook."""
    known = platform_of(plan).monitoring
    secret, home = known.webhook_secret, known.home
    if secret is not None and home in plan.scenario.regions:
        yield SecretNote(
            name=secret,
            namespace=platform_of(plan).monitoring_namespace,
            clusters=_clusters(plan, monitoring.alerting_regions(plan, home)),
            keys=("url",),
            reader="Alertmanager, from a file that the chart mounts",
            rotation="when the receiver's address changes; the next notification reads the new one",
            command=_generic(plan, secret, "--from-file=url=/dev/stdin"),
        )


def _grafana(plan: Plan) -> Iterator[SecretNote]:
    """Note the administrator of Grafana."""
    home = platform_of(plan).monitoring.home
    if home in plan.scenario.regions:
        yield SecretNote(
            name=naming.GRAFANA_SECRET,
            namespace=platform_of(plan).monitoring_namespace,
            clusters=_clusters(plan, (home,)),
            keys=("admin-user", "admin-password"),
            reader="Grafana, when it starts with an empty database",
            rotation="change the password in Grafana first, then here",
            command=_generic(
                plan,
                naming.GRAFANA_SECRET,
                "--from-literal=admin-user=admin --from-file=admin-password=/dev/stdin",
            ),
        )


def _remote_write(plan: Plan) -> Iterator[SecretNote]:
    """Note the password with which clusters write their metrics to the home."""
    known = platform_of(plan).monitoring
    home = known.home
    if home in plan.scenario.regions and known.collection == "remote_write":
        yield SecretNote(
            name=naming.REMOTE_WRITE_SECRET,
            namespace=platform_of(plan).monitoring_namespace,
            clusters=_clusters(plan, monitoring.watched_regions(plan, home)),
            keys=("username", "password"),
            reader="Prometheus of every cluster that writes, and the ingress of the home",
            rotation="at the home and at the writers at once: until both agree samples wait in the "
            "writers' logs, for two hours at most",
            command=_generic(
                plan,
                naming.REMOTE_WRITE_SECRET,
                "--type=kubernetes.io/basic-auth --from-literal=username=writer "
                "--from-file=password=/dev/stdin",
            ),
        )


def _clusters(plan: Plan, regions: Iterable[str]) -> tuple[str, ...]:
    """Return the clusters of some regions."""
    return tuple(workload.cluster_of(plan.scenario, region) for region in regions)


def _generic(plan: Plan, name: str, parts: str) -> str:
    """Write the command that creates a Secret of the monitoring from standard input."""
    namespace = shlex.quote(platform_of(plan).monitoring_namespace)
    return (
        f'kubectl --context "$CLUSTER" --namespace {namespace} create secret generic '
        f"{shlex.quote(name)} {parts} --dry-run=client -o yaml "
        '| kubectl --context "$CLUSTER" apply --server-side -f -'
    )


SOURCES: tuple[Callable[[Plan], Iterator[SecretNote]], ...] = (
    _certificate,
    _k3s_tokens,
    _mesh_keys,
    _kubeadm_files,
    _storage_keys,
    _storage_peers,
    _dns_credentials,
    _member_credentials,
    _receiver,
    _grafana,
    _remote_write,
)
"""What knows of Secrets; a target that refers to one adds its function here."""

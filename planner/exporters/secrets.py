"""Every Secret that exported files refer to: they hold names only, people create the Secrets."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator

from planner.exporters import monitoring, naming, workload
from planner.exporters.external_dns import SECRET_KEYS
from planner.exporters.kubefed import SYSTEM_NAMESPACE
from planner.exporters.machine_secrets import (
    k3s_tokens,
    kubeadm_files,
    mesh_keys,
    storage_keys,
    storage_peers,
)
from planner.exporters.prometheus_values import publishes
from planner.exporters.requirements import platform_of
from planner.exporters.secret_notes import (
    BACKUP_KEYS,
    BACKUP_NAMESPACE,
    SecretNote,
    from_stdin,
)
from planner.model.plan import Plan


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
    name = platform_of(plan).tls_secret
    if name is None:
        return
    yield _certificate_in(name, plan.scenario.namespace, workload.active_clusters(plan))
    home = platform_of(plan).monitoring.home
    if home in plan.scenario.regions and publishes(plan, home, home):
        namespace = platform_of(plan).monitoring_namespace
        yield _certificate_in(name, namespace, _clusters(plan, (home,)))


def _certificate_in(name: str, namespace: str, clusters: tuple[str, ...]) -> SecretNote:
    """Note the certificate in one namespace: an Ingress reads that of its own."""
    create = f"--namespace {shlex.quote(namespace)} create secret tls {shlex.quote(name)}"
    return SecretNote(
        name=name,
        namespace=namespace,
        clusters=clusters,
        keys=("tls.crt", "tls.key"),
        reader="the ingress controller, by name in the Ingress of each host name",
        rotation="before the certificate expires; the controller reads the new one by itself",
        command=(
            f'kubectl --context "$CLUSTER" {create} '
            "--cert=tls.crt --key=/dev/stdin --dry-run=client -o yaml < tls.key "
            '| kubectl --context "$CLUSTER" apply --server-side -f -'
        ),
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
            command=from_stdin(
                naming.EXTERNAL_DNS_NAMESPACE,
                name,
                # Several values are lines ``key=value``.
                f"--from-file={keys[0]}=/dev/stdin"
                if len(keys) == 1
                else "--from-env-file=/dev/stdin",
            ),
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
            command=from_stdin(
                platform_of(plan).monitoring_namespace, secret, "--from-file=url=/dev/stdin"
            ),
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
            command=from_stdin(
                platform_of(plan).monitoring_namespace,
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
            command=from_stdin(
                platform_of(plan).monitoring_namespace,
                naming.REMOTE_WRITE_SECRET,
                "--type=kubernetes.io/basic-auth --from-literal=username=writer "
                "--from-file=password=/dev/stdin",
            ),
        )


def _clusters(plan: Plan, regions: Iterable[str]) -> tuple[str, ...]:
    """Return the clusters of some regions."""
    return tuple(workload.cluster_of(plan.scenario, region) for region in regions)


def _backups(plan: Plan) -> Iterator[SecretNote]:
    """Note with what control planes are saved, and read again where the standby is."""
    backups, federation = platform_of(plan).backups, plan.scenario.federation
    if backups is None or federation.standby_region is None:
        return
    yield SecretNote(
        name=backups.secret,
        namespace=BACKUP_NAMESPACE,
        clusters=_clusters(plan, (federation.host_region, federation.standby_region)),
        keys=BACKUP_KEYS,
        reader="docs/failover/backup.sh, and whoever fetches a backup",
        rotation="make the new one at the store, write it on both clusters, then withdraw the old",
        command=from_stdin(BACKUP_NAMESPACE, backups.secret, "--from-env-file=/dev/stdin"),
    )


SOURCES: tuple[Callable[[Plan], Iterator[SecretNote]], ...] = (
    _certificate,
    k3s_tokens,
    mesh_keys,
    kubeadm_files,
    storage_keys,
    storage_peers,
    _dns_credentials,
    _member_credentials,
    _receiver,
    _grafana,
    _remote_write,
    _backups,
)
"""What knows of Secrets; a target that refers to one adds its function here."""

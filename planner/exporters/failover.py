"""Failover of the control plane: runbooks and scripts that move it from its host to the standby."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters import kubefed, kubefed_hours, naming, workload
from planner.exporters.hours import fewest_replicas
from planner.exporters.karmada_failover import moves
from planner.exporters.monitoring import refuse_hostile_names
from planner.exporters.rendering import text
from planner.exporters.requirements import (
    absent,
    each_region,
    platform_of,
    region_platform,
    service_platform,
)
from planner.exporters.secret_notes import BACKUP_KEYS, BACKUP_NAMESPACE
from planner.exporters.versions import Component, versions
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan
from planner.model.platform import Backups, Server

TARGET = "failover"
FOLDER = PurePosixPath("docs/failover")
STANDBY_PATH = "federation.standby_region"
TAKEOVER_MANAGER = "takeover"
SNAPSHOT_MIN = 5.0

HOST_SECRETS = ("karmada-cert", "karmada-webhook-cert", "karmada-kubeconfig")
"""Karmada's keys on its host; without them no member, agent or token is trusted."""

START_ORDER = (
    "karmada-apiserver",
    "karmada-aggregated-apiserver",
    "karmada-webhook",
    "karmada-kube-controller-manager",
    "karmada-controller-manager",
    "karmada-scheduler",
)
MANAGERS = START_ORDER[3:]
"""What writes to members; started last, fenced first."""
_REPLICAS = 2

FEDERATED_KINDS = (
    "federatednamespaces.types.kubefed.io",
    "federatedserviceaccounts.types.kubefed.io",
    "federateddeployments.types.kubefed.io",
    "federatedservices.types.kubefed.io",
)
LATE_KINDS = ("replicaschedulingpreferences.scheduling.kubefed.io",)
_KUBEFED_RECORDS = (
    "kubefedconfigs.core.kubefed.io",
    "federatedtypeconfigs.core.kubefed.io",
    "kubefedclusters.core.kubefed.io",
)
_KARMADA_KINDS = (
    "clusters.cluster.karmada.io",
    "propagationpolicies.policy.karmada.io",
    "clusterpropagationpolicies.policy.karmada.io",
    "overridepolicies.policy.karmada.io",
    "clusteroverridepolicies.policy.karmada.io",
    "clustertaintpolicies.policy.karmada.io",
    "federatedhpas.autoscaling.karmada.io",
    "cronfederatedhpas.autoscaling.karmada.io",
    "resourceinterpretercustomizations.config.karmada.io",
    "deployments.apps",
    "services",
    "serviceaccounts",
)

_URL = re.compile(r"(https|oci)://[A-Za-z0-9._~:/-]+")
_KEY = re.compile(r"[A-Za-z0-9+/]{43}=")
_INTERFACE = re.compile(r"[a-z][a-z0-9_-]{0,14}")

_TEXTS = {
    "README.md": "failover.md.j2",
    "runbook-kubefed.md": "failover_runbook_kubefed.md.j2",
    "runbook-karmada.md": "failover_runbook_karmada.md.j2",
}
_SCRIPTS = {
    "backup.sh": "failover_backup.sh.j2",
    "checks.sh": "failover_checks.sh.j2",
    "fence.sh": "failover_fence.sh.j2",
    "take-over-kubefed.sh": "failover_take_over_kubefed.sh.j2",
    "take-over-karmada.sh": "failover_take_over_karmada.sh.j2",
}


def export_failover(plan: Plan) -> tuple[Manifest, ...]:
    """Return runbooks and scripts that move the federation's control plane to the standby region.

    Parameters
    ----------
    plan : Plan
        What was decided, with its platform; the scenario names a standby region.

    Returns
    -------
    tuple of Manifest
        ``docs/failover/...``: for KubeFed and for Karmada, whichever the scenario has. Scripts
        change nothing without ``--execute``.

    Raises
    ------
    MissingInputs
        With everything that the scenario does not say.
    UnfaithfulExport
        If a name is none, or host and standby are one region.

    Notes
    -----
    Neither project documents such a move. The order follows their sources and measured traps; the
    whole of it was not tried on real clusters.
    """
    refuse_hostile_names(plan)
    standby, backups = _inputs(plan)
    _refuse_hostile(plan, standby, backups)
    values = _values(plan, standby, backups)
    return (
        *(Manifest(FOLDER / name, text(source, **values)) for name, source in _TEXTS.items()),
        *(
            Manifest(FOLDER / name, text(source, **values), executable=True)
            for name, source in _SCRIPTS.items()
        ),
    )


def _inputs(plan: Plan) -> tuple[str, Backups]:
    """Return the standby region and where backups go, or refuse with all that is missing."""
    federation, backups = plan.scenario.federation, platform_of(plan).backups
    standby = federation.standby_region
    paths = ["backups"]
    if standby is not None:
        paths += each_region([standby], "servers")
    missing = [*([] if standby else [STANDBY_PATH]), *absent(plan, paths)]
    if missing or standby is None or backups is None:
        raise MissingInputs({TARGET: sorted(missing)})
    if standby == federation.host_region:
        raise UnfaithfulExport(f"{STANDBY_PATH} is the host region itself; name another")
    return standby, backups


def _refuse_hostile(plan: Plan, standby: str, backups: Backups) -> None:
    """Refuse what commands and comments cannot bear; a checked scenario has none of it."""
    names = {"platform.backups.bucket": backups.bucket, "platform.backups.secret": backups.secret}
    names |= {f"servers.{name}": name for name in region_platform(plan, standby).servers}
    naming.refuse_bad_names(names)
    mesh = platform_of(plan).mesh
    texts = [(backups.endpoint, _URL), (mesh.interface, _INTERFACE)]
    texts += [(key, _KEY) for key in mesh.public_keys.values()]
    bad = [text for text, pattern in texts if not pattern.fullmatch(text)]
    bad += [s.address for s in region_platform(plan, standby).servers.values() if not _is_ip(s)]
    if bad:
        raise UnfaithfulExport(
            f"{bad[0]!r} is no address, key or interface that a command can bear"
        )


def _is_ip(server: Server) -> bool:
    """Return whether a machine's address is one."""
    try:
        ipaddress.ip_address(server.address)
    except ValueError:
        return False
    return True


def _values(plan: Plan, standby: str, backups: Backups) -> Document:
    """Collect what the texts name, once for all of them."""
    scenario = plan.scenario
    host = scenario.federation.host_region
    table = versions(plan, ("kubefed", "karmada", "external-dns"))
    controller = scenario.federation.controller
    return {
        **_places(plan, host, standby),
        **_karmada(plan, standby),
        **_storage(backups),
        **_surroundings(plan, host),
        "controller": controller,
        "namespace": scenario.namespace,
        "planned": list(_planned(plan)),
        "kubefed_namespace": kubefed.SYSTEM_NAMESPACE,
        "kubefed_kinds": [*_KUBEFED_RECORDS, *FEDERATED_KINDS, *LATE_KINDS],
        "federated_kinds": list(FEDERATED_KINDS),
        "late_kinds": list(LATE_KINDS),
        "by_hour": controller == "kubefed" and bool(kubefed_hours.hour_objects(plan)),
        "takeover_manager": TAKEOVER_MANAGER,
        "charts": {name: _chart(table[name]) for name in ("kubefed", "karmada")},
        "versions": {name: table[name].version for name in ("kubefed", "karmada")},
        "external_dns": table["external-dns"],
        "external_dns_namespace": naming.EXTERNAL_DNS_NAMESPACE,
        "moves": moves(plan),
        "takeover_min": scenario.federation.takeover_s / 60,
        "rejoin_min": scenario.federation.rejoin_s / 60,
        "interval_min": SNAPSHOT_MIN,
    }


def _places(plan: Plan, host: str, standby: str) -> Document:
    """Return contexts of the host, the standby and all members."""
    regions = plan.scenario.regions
    contexts = {name: naming.cluster_context(region.cluster) for name, region in regions.items()}
    return {
        "host": contexts[host],
        "standby": contexts[standby],
        "host_region": host,
        "standby_region": standby,
        "members": list(contexts.values()),
        "places": [(context, region) for region, context in contexts.items()],
        "region_label": workload.REGION_LABEL,
        "push": [
            contexts[n] for n, r in regions.items() if r.distribution == "kubeadm" and n != host
        ],
        "pull": [contexts[n] for n, r in regions.items() if r.distribution != "kubeadm"],
    }


def _karmada(plan: Plan, standby: str) -> Document:
    """Return what the scripts for Karmada name, the machine of its etcd among it."""
    servers = region_platform(plan, standby).servers
    name = min(servers, key=lambda name: (not servers[name].control_plane, name))
    cluster = workload.cluster_of(plan.scenario, standby)
    mesh, home = platform_of(plan).mesh, plan.scenario.federation.host_region
    return {
        "karmada": naming.KARMADA_CONTEXT,
        "karmada_standby": naming.KARMADA_STANDBY_CONTEXT,
        "karmada_namespace": naming.KARMADA_NAMESPACE,
        "karmada_kinds": list(_KARMADA_KINDS),
        "host_secrets": list(HOST_SECRETS),
        "order": [(name, _REPLICAS) for name in START_ORDER],
        "managers": list(MANAGERS),
        "machine": servers[name].address,
        "node": naming.node_name(cluster, name),
        "interface": mesh.interface,
        "public_key": mesh.public_keys.get(home, f"PUBLIC-KEY-OF-{home}"),
    }


def _storage(backups: Backups) -> Document:
    """Return where backups go and with what."""
    return {
        "bucket": backups.bucket,
        "endpoint": backups.endpoint,
        "secret": backups.secret,
        "secret_namespace": BACKUP_NAMESPACE,
        "keys": list(BACKUP_KEYS),
    }


def _surroundings(plan: Plan, host: str) -> Document:
    """Return what else is lost with the host, and the state that DNS then serves."""
    platform = platform_of(plan)
    return {
        "mirror": None if platform.storage is None else platform.storage.mirror_region,
        "home_lost": platform.monitoring.home == host,
        "lost_state": f"lost.{host}",
        "dns_file": "`../../dns`, the target that owns your names",
    }


def _planned(plan: Plan) -> Iterator[tuple[str, str, int, str]]:
    """Yield cluster, service, the fewest replicas that are planned and the kind that holds them."""
    for name in workload.placed_services(plan):
        kind = "rollouts.argoproj.io" if service_platform(plan, name).rollout else "deployments"
        for region, place in plan.scenario.regions.items():
            count = fewest_replicas(plan, name, region)
            if count > 0:
                cluster = place.cluster
                yield naming.cluster_context(cluster), name, count, kind


def _chart(component: Component) -> str:
    """Return a chart as helm names it."""
    return f"{component.repository}/{component.chart}"

"""Kubernetes: what each cluster's own tree holds on a known platform."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Literal

from planner.errors import UnfaithfulExport
from planner.exporters import naming, policies, workload
from planner.exporters.external_dns import cluster_folder
from planner.exporters.hours import without_spare
from planner.exporters.ingress import gateways, ingresses
from planner.exporters.kubefed_hours import refuse_without_hours
from planner.exporters.kustomize import kustomization
from planner.exporters.pods import pod_inputs
from planner.exporters.rendering import text
from planner.exporters.requirements import (
    each_region,
    each_service,
    platform_of,
    region_platform,
    require,
    service_platform,
)
from planner.exporters.scalers import member_autoscaler, scaler_of
from planner.exporters.secrets import secrets_of
from planner.exporters.versions import end_of_life, versions
from planner.exporters.writer_rows import Federation
from planner.exporters.writers import writes
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

TARGET = "kubernetes"
ROOT = PurePosixPath("clusters")
BASE = "base"
WORKLOADS = "workloads"
DNS = "external-dns"
FOLDERS = (BASE, WORKLOADS, DNS)
"""Folders of a cluster that its kustomization lists, in the order in which they are applied."""

Routes = Literal["ingress", "gateway"]


def export_kubernetes(
    plan: Plan,
    *,
    federation: Federation | None = None,
    routes: Routes | None = None,
) -> tuple[Manifest, ...]:
    """Return a Kustomize tree for each cluster: everything that the federation does not write.

    Parameters
    ----------
    plan : Plan
        What was decided, with its platform.
    federation : {'none', 'kubefed', 'karmada'}, optional
        Who propagates; the scenario's controller without it. With 'none' the clusters' trees hold
        namespace, Deployments, Services and accounts, too.
    routes : {'ingress', 'gateway'}, optional
        Ingress objects, or a Gateway with HTTPRoutes; what the platform says without it.

    Returns
    -------
    tuple of Manifest
        ``clusters/README.md`` and ``clusters/<cluster>/...``. ``base`` comes before the federation
        (its pods name a priority class), ``workloads`` after it (it writes the namespace).

    Raises
    ------
    MissingInputs
        With everything that the platform does not say.
    UnfaithfulExport
        If a name is none, or a scaler cannot be had.
    """
    mode = plan.scenario.federation.controller if federation is None else federation
    naming.refuse_bad_names(_names(plan))
    require(plan, TARGET, _inputs(plan))
    _check(plan, mode)
    edge = routes or platform_of(plan).routes or "ingress"
    manifests: list[Manifest] = [
        Manifest(ROOT / "README.md", _readme(plan, mode, edge)),
    ]
    for cluster, region in workload.region_of_cluster(plan.scenario).items():
        if cluster in workload.active_clusters(plan):
            manifests.append(kustomization(ROOT / cluster, FOLDERS))
            manifests += _folder(ROOT / cluster / BASE, _base(plan, mode))
            files = _workloads(plan, region, mode, edge)
            manifests += _folder(ROOT / cluster / WORKLOADS, files)
            manifests += cluster_folder(plan, cluster)
    return tuple(manifests)


def _inputs(plan: Plan) -> list[str]:
    """Name what the trees need, below ``platform``."""
    return [
        *each_region(plan.active_regions, "ingress_class"),
        *each_service(workload.placed_services(plan), "ingress_path"),
        *pod_inputs(plan),
        *policies.network_inputs(plan),
        "tls_secret",
    ]


def _names(plan: Plan) -> dict[str, str]:
    """Collect every name that becomes the name of an object or a file, by its path."""
    scenario, platform = plan.scenario, platform_of(plan)
    names: dict[str, str | None] = {
        "scenario": scenario.scenario,
        "namespace": scenario.namespace,
        "platform.tls_secret": platform.tls_secret,
        "platform.ingress_controller_namespace": platform.ingress_controller_namespace,
        "platform.monitoring_namespace": platform.monitoring_namespace,
    }
    for region in plan.active_regions:
        names[f"regions.{region}.cluster"] = workload.cluster_of(scenario, region)
        path = f"platform.regions.{region}.ingress_class"
        names[path] = region_platform(plan, region).ingress_class
    for name in workload.placed_services(plan):
        names[f"services.{name}"] = name
        names[f"services.{name}.host"] = scenario.services[name].host
    return {path: name for path, name in names.items() if name is not None}


def _check(plan: Plan, mode: Federation) -> None:
    """Refuse versions that clash, hosts that would share an object, and scalers out of reach."""
    versions(plan, ("kubernetes", "k3s"))
    objects: dict[str, str] = {}
    for host in naming.hosts(plan):
        other = objects.setdefault(naming.ingress_name(host), host)
        if other != host:
            raise UnfaithfulExport(
                f"the hosts '{other}' and '{host}' would share the object "
                f"'{naming.ingress_name(host)}'; rename one"
            )
    for name in workload.placed_services(plan):
        if scaler_of(plan, name) != "federated" or mode == "karmada":
            continue
        if mode == "none":
            raise UnfaithfulExport(
                f"platform.services.{name}.scaler is 'federated', but nothing is federated; write "
                "'member' or 'pinned'"
            )
        refuse_without_hours(plan, name)


def _folder(folder: PurePosixPath, files: Mapping[str, tuple[Document, ...]]) -> list[Manifest]:
    """Build a folder of a cluster; a file without objects is left out."""
    full = {name: documents for name, documents in files.items() if documents}
    return [
        kustomization(folder, list(full)),
        *(Manifest(folder / name, documents) for name, documents in full.items()),
    ]


def _base(plan: Plan, mode: Federation) -> dict[str, tuple[Document, ...]]:
    """Build what is there before any pod: priorities, and the namespace if nobody else has it."""
    namespace = (workload.namespace(plan.scenario),) if mode == "none" else ()
    return {"namespace.yaml": namespace, "priority-classes.yaml": policies.priority_classes()}


def _workloads(
    plan: Plan, region: str, mode: Federation, routes: Routes
) -> dict[str, tuple[Document, ...]]:
    """Build what surrounds the services of one cluster."""
    services = policies.services_in(plan, region)
    own = {f"service-{name}.yaml": _service(plan, region, name, mode) for name in services}
    edge = ingresses if routes == "ingress" else gateways
    return {
        "rights.yaml": tuple(d for name in services for d in policies.rights(plan, name)),
        "network-policies.yaml": policies.network_policies(plan, region, TARGET),
        "resource-quota.yaml": (policies.resource_quota(plan, region),),
        **own,
        "autoscalers.yaml": tuple(
            member_autoscaler(plan, region, name)
            for name in services
            if writes(plan, "cluster", "HorizontalPodAutoscaler", name, mode)
        ),
        "pod-disruption-budgets.yaml": policies.budgets(plan, region),
        f"{routes}.yaml": edge(plan, region),
    }


def _service(plan: Plan, region: str, name: str, mode: Federation) -> tuple[Document, ...]:
    """Build account, Deployment and Service where the cluster's own tree writes them."""
    scenario, replicas = plan.scenario, plan.services[name].replicas[region]
    deployment = workload.deployment(scenario, name, replicas)
    if scaler_of(plan, name) == "member":
        # The autoscaler owns the field: the next apply would conflict over it.
        del deployment["spec"]["replicas"]
    documents = (
        workload.service_account(scenario, name),
        deployment,
        workload.core_service(scenario, name),
    )
    return tuple(
        document for document in documents if writes(plan, "cluster", document["kind"], name, mode)
    )


def _readme(plan: Plan, mode: Federation, routes: Routes) -> str:
    """Write what the trees hold, in which order they are applied, and what is not in them."""
    scenario = plan.scenario
    regions = {c: workload.region_of_cluster(scenario)[c] for c in workload.active_clusters(plan)}
    table = versions(plan, ("kubernetes", "k3s"))
    return text(
        "kubernetes.md.j2",
        federation=mode,
        namespace=scenario.namespace,
        clusters=regions,
        routes=routes,
        classes={c: region_platform(plan, r).ingress_class for c, r in regions.items()},
        secrets=[note for note in secrets_of(plan) if note.namespace == scenario.namespace],
        reserve=naming.RESERVE_PRIORITY,
        batch=naming.BATCH_PRIORITY,
        kubernetes=table["kubernetes"].version,
        k3s=table["k3s"].version,
        ended=[n for n in ("kubernetes", "k3s") if end_of_life(table[n].version)],
        hourly=scenario.policy.replicas == "hourly",
        budgets_known=plan.needs is not None,
        tight=[(workload.cluster_of(scenario, r), name) for name, r in without_spare(plan)],
        unreachable=[
            (cluster, *pair)
            for cluster, region in regions.items()
            for pair in policies.unreachable_calls(plan, region)
        ],
        scaled=[n for n in workload.placed_services(plan) if scaler_of(plan, n) == "member"],
        rollouts=[n for n in workload.placed_services(plan) if service_platform(plan, n).rollout],
    )

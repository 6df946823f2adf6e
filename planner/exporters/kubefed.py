"""KubeFed: federated kinds, and the preferences that make its controller place the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import PurePosixPath

from planner.exporters import naming, workload
from planner.exporters.agreement import must_agree
from planner.exporters.hours import as_scheduled, schedule_of
from planner.exporters.kubefed_hours import (
    hour_inputs,
    hour_objects,
    refuse_unfit_hours,
    refuse_without_hours,
)
from planner.exporters.kustomize import kustomization
from planner.exporters.pods import pod_inputs
from planner.exporters.preferences import preference, wanted_clusters
from planner.exporters.rendering import text
from planner.exporters.requirements import require, service_platform
from planner.exporters.scalers import scaler_of
from planner.exporters.writer_rows import SCALERS
from planner.exporters.writers import writes
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

FOLDER = PurePosixPath("federation/kubefed")
SYSTEM_NAMESPACE = naming.KUBEFED_NAMESPACE
VERSION = "v0.10.0"

# KubeFed's own defaults, written out because a fail-over's duration rests on them.
_VALUES: Document = {
    "global": {"scope": "Cluster"},
    "controllermanager": {
        "clusterAvailableDelay": "20s",
        "clusterUnavailableDelay": "60s",
        "clusterHealthCheckPeriod": "10s",
        "clusterHealthCheckFailureThreshold": 3,
        "clusterHealthCheckSuccessThreshold": 1,
        "clusterHealthCheckTimeout": "3s",
        "syncController": {"adoptResources": "Enabled"},
        "featureGates": {"PushReconciler": "Enabled", "SchedulerPreferences": "Enabled"},
        "controller": {"replicaCount": 2, "tag": VERSION},
        "webhook": {"replicaCount": 2, "tag": VERSION},
    },
}


def export_kubefed(plan: Plan, *, pin: bool = False) -> tuple[Manifest, ...]:
    """Return what the cluster that hosts KubeFed applies.

    Each service has a FederatedDeployment, a FederatedService and, unless pinned, a
    ReplicaSchedulingPreference. The preference decides: the controller writes placement and
    overrides, so the FederatedDeployment carries neither (a second apply would conflict).

    Parameters
    ----------
    plan : Plan
        What was decided.
    pin : bool, default: False
        Write placement and one override of ``/spec/replicas`` per cluster instead of a
        preference. Then nothing is divided again when a cluster is lost.

    Returns
    -------
    tuple of Manifest
        ``federation/kubefed/...``.

    Raises
    ------
    UnfaithfulExport
        If the controller would divide other replicas from the documents than the plan has, or a
        scaler over all clusters is asked of it that has no totals by the hour, or one of those
        does not fit the pools.
    MissingInputs
        With everything that the pods of a known platform, and the schedule of totals, lack.

    Notes
    -----
    On a known platform the accounts are federated, too. Where an autoscaler in each cluster sets
    replicas, they are retained and no preference stands beside them; where a Rollout does, there is
    no Deployment. Totals that follow the day are set by jobs (`planner.exporters.kubefed_hours`).

    `minReplicas` is the service's minimum where the controller still returns the plan with it:
    it hands minimums out before it divides by weight. Otherwise the largest that does, or none.
    """
    if plan.scenario.platform is not None:
        require(plan, "kubefed", [*pod_inputs(plan), *hour_inputs(plan)])
    services = workload.placed_services(plan)
    plan = _scheduled(plan)
    objects = [_service_manifest(plan, name, pin) for name in services]
    first = Manifest(FOLDER / "namespace.yaml", _namespace(plan, pin))
    members = _members(plan)
    clusters = [Manifest(FOLDER / "clusters.yaml", members)] if members else []
    hours = hour_objects(plan) if not pin else ()
    schedule = [Manifest(FOLDER / "hours.yaml", hours)] if hours else []
    files = [first, *clusters, *objects, *schedule]
    resources = [str(file.path.relative_to(FOLDER)) for file in files]
    return (
        kustomization(FOLDER, resources),
        *files,
        Manifest(FOLDER / "values.yaml", (deepcopy(_VALUES),)),
        Manifest(FOLDER / "join.sh", _join_script(plan), executable=True),
        Manifest(FOLDER / "README.md", _readme(plan, pin)),
    )


def _scheduled(plan: Plan) -> Plan:
    """Return the plan as its schedule begins, refusing schedules that cannot be had."""
    stands = as_scheduled(plan, "kubefed")
    for name in workload.placed_services(plan):
        if scaler_of(plan, name) == "federated":
            refuse_without_hours(plan, name)
            refuse_unfit_hours(stands, name)
    return stands


def _service_manifest(plan: Plan, name: str, pin: bool) -> Manifest:
    """Build the objects of one service, checked with the controller's arithmetic."""
    preferred = writes(plan, "federation", "ReplicaSchedulingPreference", name, "kubefed")
    clusters = wanted_clusters(plan, name, pin or not preferred)
    documents = []
    if writes(plan, "federation", "ServiceAccount", name, "kubefed"):
        account = workload.service_account(plan.scenario, name)
        documents.append(_federated("ServiceAccount", account, clusters))
    if writes(plan, "federation", "Deployment", name, "kubefed"):
        documents.append(_deployment(plan, name, pin, preferred))
    documents.append(_federated("Service", workload.core_service(plan.scenario, name), clusters))
    if preferred and not pin:
        documents.append(preference(plan, name))
    return Manifest(FOLDER / "services" / f"{name}.yaml", tuple(documents))


def _deployment(plan: Plan, name: str, pin: bool, preferred: bool) -> Document:
    """Build the Deployment: with replicas by preference, pinned, or retained in each cluster."""
    # Overridden in every cluster; but a `replace` needs the path to exist.
    spare = plan.scenario.services[name].min_replicas
    if preferred and not pin:
        return _federated("Deployment", workload.deployment(plan.scenario, name, spare))
    clusters = wanted_clusters(plan, name, pin=True)
    if preferred:
        federated = _federated("Deployment", workload.deployment(plan.scenario, name, spare))
        federated["spec"] |= _pinned(clusters)
        _check_pinned(federated, plan, name)
        return federated
    # What a cluster starts with, until its autoscaler raises it; an override would win over that.
    core = workload.deployment(plan.scenario, name, min(clusters.values()))
    federated = _federated("Deployment", core, clusters)
    federated["spec"]["retainReplicas"] = True
    return federated


def _federated(kind: str, core: Document, clusters: Iterable[str] | None = None) -> Document:
    """Wrap a core object in its federated kind, with a placement if clusters are given."""
    spec: Document = {"template": workload.template_of(core)}
    if clusters is not None:
        spec["placement"] = _placement(clusters)
    return {
        "apiVersion": "types.kubefed.io/v1beta1",
        "kind": f"Federated{kind}",
        "metadata": core["metadata"],
        "spec": spec,
    }


def _placement(clusters: Iterable[str]) -> Document:
    """List clusters by name."""
    return {"clusters": [{"name": cluster} for cluster in clusters]}


def _pinned(clusters: Mapping[str, int]) -> Document:
    """Build placement and overrides that fix the replicas of each cluster."""
    overrides = [
        {
            "clusterName": cluster,
            "clusterOverrides": [{"path": "/spec/replicas", "value": replicas}],
        }
        for cluster, replicas in clusters.items()
    ]
    return {"placement": _placement(clusters), "overrides": overrides}


def _check_pinned(document: Document, plan: Plan, name: str) -> None:
    """Read the replicas back out of the overrides and compare."""
    placed = [entry["name"] for entry in document["spec"]["placement"]["clusters"]]
    read = {
        entry["clusterName"]: change["value"]
        for entry in document["spec"]["overrides"]
        for change in entry["clusterOverrides"]
        if change["path"] == "/spec/replicas"
    }
    must_agree("KubeFed", {cluster: read[cluster] for cluster in placed}, plan, name)


def _namespace(plan: Plan, pin: bool) -> tuple[Document, Document]:
    """Build the namespace on the host and its federated form, which stands inside it."""
    core = workload.namespace(plan.scenario)
    used = {c for name in workload.placed_services(plan) for c in wanted_clusters(plan, name, pin)}
    clusters = [cluster for cluster in workload.region_of_cluster(plan.scenario) if cluster in used]
    # Members take the labels of the template, not those of the host's namespace.
    labels = {"template": workload.template_of(core)} if plan.scenario.platform else {}
    federated = {
        "apiVersion": "types.kubefed.io/v1beta1",
        "kind": "FederatedNamespace",
        "metadata": {"name": plan.scenario.namespace, "namespace": plan.scenario.namespace},
        "spec": {**labels, "placement": _placement(clusters)},
    }
    return core, federated


def _members(plan: Plan) -> tuple[Document, ...]:
    """Build a KubeFedCluster for each cluster whose API endpoint the scenario states."""
    return tuple(
        {
            "apiVersion": "core.kubefed.io/v1beta1",
            "kind": "KubeFedCluster",
            "metadata": {
                "name": region.cluster,
                "namespace": SYSTEM_NAMESPACE,
                "labels": {workload.REGION_LABEL: name},
            },
            "spec": {
                "apiEndpoint": region.api_endpoint,
                "secretRef": {"name": region.cluster},
            },
        }
        for name, region in plan.scenario.regions.items()
        if region.api_endpoint is not None
    )


def _join_script(plan: Plan) -> str:
    """Write the script that joins every cluster."""
    return text("kubefed_join.sh.j2", **_places(plan))


def _readme(plan: Plan, pin: bool) -> str:
    """Write what to do and what KubeFed does not do."""
    services = workload.placed_services(plan)
    scaled = {kind: [n for n in services if scaler_of(plan, n) == kind] for kind in SCALERS}
    rollouts = [n for n in services if service_platform(plan, n).rollout]
    return text(
        "kubefed.md.j2",
        pin=pin,
        version=VERSION,
        scaled=scaled,
        rollouts=rollouts,
        by_hour=[n for n in services if schedule_of(plan, n, "kubefed") is not None],
        hourly=plan.scenario.policy.replicas == "hourly",
        schedule_namespace=naming.KUBEFED_NAMESPACE,
        platform=plan.scenario.platform is not None,
        **_places(plan),
    )


def _places(plan: Plan) -> Document:
    """Return what both texts name: the host, the members, those without a stated endpoint."""
    regions = plan.scenario.regions
    return {
        "system_namespace": SYSTEM_NAMESPACE,
        "namespace": plan.scenario.namespace,
        "host": workload.cluster_of(plan.scenario, plan.scenario.federation.host_region),
        "members": list(workload.region_of_cluster(plan.scenario).items()),
        "rebalance": plan.scenario.federation.rebalance,
        "unstated": [
            (region.cluster, name)
            for name, region in regions.items()
            if region.api_endpoint is None
        ],
        "region_label": workload.REGION_LABEL,
    }

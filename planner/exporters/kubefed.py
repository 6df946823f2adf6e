"""KubeFed: federated kinds, and the preferences that make its controller place the plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import PurePosixPath

from planner.exporters import workload
from planner.exporters.agreement import agrees, must_agree
from planner.exporters.kustomize import kustomization
from planner.exporters.rendering import text
from planner.federation.kubefed import Preference, divide
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

FOLDER = PurePosixPath("federation/kubefed")
SYSTEM_NAMESPACE = "kube-federation-system"
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
        If the controller would divide other replicas from the documents than the plan has.

    Notes
    -----
    `minReplicas` is the service's minimum where the controller still returns the plan with it:
    it hands minimums out before it divides by weight. Otherwise the largest that does, or none.
    """
    services = workload.placed_services(plan)
    objects = [_service_manifest(plan, name, pin) for name in services]
    first = Manifest(FOLDER / "namespace.yaml", _namespace(plan, pin))
    members = _members(plan)
    clusters = [Manifest(FOLDER / "clusters.yaml", members)] if members else []
    files = [first, *clusters, *objects]
    resources = [str(file.path.relative_to(FOLDER)) for file in files]
    return (
        kustomization(FOLDER, resources),
        *files,
        Manifest(FOLDER / "values.yaml", (deepcopy(_VALUES),)),
        Manifest(FOLDER / "join.sh", _join_script(plan), executable=True),
        Manifest(FOLDER / "README.md", _readme(plan, pin)),
    )


def wanted_clusters(plan: Plan, name: str, pin: bool) -> dict[str, int]:
    """Return cluster to replicas for every cluster that may run the service `name`."""
    service = plan.services[name]
    replicas = workload.by_cluster(plan.scenario, service.replicas)
    weights = workload.by_cluster(plan.scenario, service.weights.get("kubefed", {}))
    names = workload.region_of_cluster(plan.scenario)
    return {
        cluster: replicas.get(cluster, 0)
        for cluster in names
        if replicas.get(cluster, 0) > 0 or (not pin and weights.get(cluster, 0) > 0)
    }


def preferences(plan: Plan, name: str) -> dict[str, Preference]:
    """Return what the exported ReplicaSchedulingPreference says about each cluster.

    Parameters
    ----------
    plan : Plan
        What was decided.
    name : str
        The service.

    Returns
    -------
    dict of str to Preference
        By cluster, in the scenario's order. The minimum is the largest, up to the service's own,
        with which the controller still returns the plan from nothing; 0 if none does.

    Notes
    -----
    A plan that the controller would not follow at all gets preferences too; the export refuses it.
    """
    for least in range(plan.scenario.services[name].min_replicas, 0, -1):
        preferred = _preferences_with(plan, name, least)
        if agrees(_placed(plan, name, preferred), plan, name):
            return preferred
    return _preferences_with(plan, name, 0)


def preference_key(plan: Plan, name: str) -> str:
    """Return ``<namespace>/<name>`` of a service's preference, which decides between equals."""
    return f"{plan.scenario.namespace}/{name}"


def _service_manifest(plan: Plan, name: str, pin: bool) -> Manifest:
    """Build the objects of one service, checked with the controller's arithmetic."""
    clusters = wanted_clusters(plan, name, pin)
    # Overridden in every cluster; but a `replace` needs the path to exist.
    spare = plan.scenario.services[name].min_replicas
    federated = _federated("Deployment", workload.deployment(plan.scenario, name, spare))
    service = _federated("Service", workload.core_service(plan.scenario, name), clusters)
    if pin:
        federated["spec"] |= _pinned(clusters)
        _check_pinned(federated, plan, name)
        documents = [federated, service]
    else:
        documents = [federated, service, _preference(plan, name)]
    return Manifest(FOLDER / "services" / f"{name}.yaml", tuple(documents))


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


def _preference(plan: Plan, name: str) -> Document:
    """Build the preference, checked with the controller's arithmetic."""
    document: Document = {
        "apiVersion": "scheduling.kubefed.io/v1alpha1",
        "kind": "ReplicaSchedulingPreference",
        "metadata": workload.metadata(plan.scenario, name),
        "spec": {
            "targetKind": "FederatedDeployment",
            "totalReplicas": plan.services[name].total,
            "rebalance": plan.scenario.federation.rebalance,
            "clusters": {c: _entry(p) for c, p in preferences(plan, name).items()},
        },
    }
    must_agree("KubeFed", _divided(document, plan), plan, name)
    return document


def _entry(preference: Preference) -> Document:
    """Write what is said about one cluster; bounds only where there are any."""
    entry: Document = {"weight": preference.weight}
    if preference.min_replicas:
        entry["minReplicas"] = preference.min_replicas
    if preference.max_replicas is not None:
        entry["maxReplicas"] = preference.max_replicas
    return entry


def _preferences_with(plan: Plan, name: str, least: int) -> dict[str, Preference]:
    """Return the preferences with the minimum `least` in every cluster that has replicas."""
    service = plan.services[name]
    weights = workload.by_cluster(plan.scenario, service.weights.get("kubefed", {}))
    most = workload.by_cluster(plan.scenario, service.max_replicas)
    return {
        cluster: Preference(weights.get(cluster, 0), least if replicas else 0, most.get(cluster))
        for cluster, replicas in wanted_clusters(plan, name, pin=False).items()
    }


def _placed(plan: Plan, name: str, preferred: Mapping[str, Preference]) -> dict[str, int]:
    """Divide the plan's total over all clusters by `preferred`, nothing running yet."""
    replicas, _ = divide(
        plan.services[name].total,
        preferred,
        workload.region_of_cluster(plan.scenario),
        key=preference_key(plan, name),
        rebalance=plan.scenario.federation.rebalance,
    )
    return replicas


def _divided(document: Document, plan: Plan) -> dict[str, int]:
    """Divide as the controller would, from nothing but the document and the clusters joined."""
    spec, metadata = document["spec"], document["metadata"]
    preferences = {
        cluster: Preference(
            weight=entry["weight"],
            min_replicas=entry.get("minReplicas", 0),
            max_replicas=entry.get("maxReplicas"),
        )
        for cluster, entry in spec["clusters"].items()
    }
    replicas, _ = divide(
        spec["totalReplicas"],
        preferences,
        workload.region_of_cluster(plan.scenario),
        key=f"{metadata['namespace']}/{metadata['name']}",
        rebalance=spec["rebalance"],
    )
    return replicas


def _namespace(plan: Plan, pin: bool) -> tuple[Document, Document]:
    """Build the namespace on the host and its federated form, which stands inside it."""
    core = workload.namespace(plan.scenario)
    used = {c for name in workload.placed_services(plan) for c in wanted_clusters(plan, name, pin)}
    clusters = [cluster for cluster in workload.region_of_cluster(plan.scenario) if cluster in used]
    federated = {
        "apiVersion": "types.kubefed.io/v1beta1",
        "kind": "FederatedNamespace",
        "metadata": {"name": plan.scenario.namespace, "namespace": plan.scenario.namespace},
        "spec": {"placement": _placement(clusters)},
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
    return text("kubefed.md.j2", pin=pin, version=VERSION, **_places(plan))


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

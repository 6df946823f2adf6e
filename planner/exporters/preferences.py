"""KubeFed's preferences: what makes its controller divide a total as planned."""

from __future__ import annotations

from collections.abc import Mapping

from planner.exporters import workload
from planner.exporters.agreement import agrees, must_agree
from planner.federation.kubefed import Preference, divide
from planner.model.manifest import Document
from planner.model.plan import Plan


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


def preference(plan: Plan, name: str) -> Document:
    """Return the preference of a service, checked with the controller's arithmetic.

    Raises
    ------
    UnfaithfulExport
        If the controller would divide other replicas from the document than the plan has.
    """
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

"""Who writes what, read back from exported files: every object of every cluster, with its file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from planner.exporters.workload import cluster_of, region_of_cluster
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from planner.model.workload import Autoscaler
from tests.exporters.platforms import taiwan_plan, with_platform

KARMADA_SERVER = "the API server of Karmada"
Key = tuple[str, str, str, str | None, str]
"""Cluster, API group, kind, namespace, name."""

_CORE_GROUPS = {"Deployment": "apps", "Service": "", "ServiceAccount": "", "Namespace": ""}


def variant(
    controller: str = "kubefed", scaler: str = "pinned", rollout: bool = False, **policy: Any
) -> Plan:
    """The Taiwan plan under a controller, all services scaled and rolled out in one way."""
    plan = taiwan_plan()
    scenario = plan.scenario
    federation = scenario.federation.model_copy(update={"controller": controller, **policy})
    services = {
        name: service.model_copy(update={"autoscaler": Autoscaler()})
        for name, service in scenario.services.items()
    }
    changed = scenario.model_copy(update={"federation": federation, "services": services})
    platform = scenario.platform.model_copy(
        update={
            "services": {
                name: known.model_copy(update={"scaler": scaler, "rollout": rollout})
                for name, known in scenario.platform.services.items()
            }
        }
    )
    return with_platform(plan.model_copy(update={"scenario": changed}), platform)


def objects(manifests: Iterable[Manifest]) -> Iterator[tuple[Manifest, dict[str, Any]]]:
    """Every object with its file; chart values, kustomizations, files of machines are none."""
    for manifest in manifests:
        if not isinstance(manifest.content, str) and manifest.path.parts[0] != "hosts":
            for document in manifest.content:
                if "kind" in document and document["kind"] != "Kustomization":
                    yield manifest, document


def writers(plan: Plan, manifests: Iterable[Manifest]) -> dict[Key, list[str]]:
    """Object of a cluster to the files that write it, directly or by way of a federation."""
    found: dict[Key, list[str]] = defaultdict(list)
    every = list(objects(manifests))
    preferences = {
        d["metadata"]["name"]: list(d["spec"]["clusters"])
        for _, d in every
        if d["kind"] == "ReplicaSchedulingPreference"
    }
    for manifest, document in every:
        path = manifest.path
        if path.parent.name.startswith("lost."):  # the states of the DNS are one object in turn
            continue
        for cluster, group, kind in _places(plan, path, document, preferences):
            metadata = document["metadata"]
            namespace = None if kind == "Namespace" else metadata.get("namespace")
            found[cluster, group, kind, namespace, metadata["name"]].append(str(path))
        if document["kind"] == "PropagationPolicy":
            for key in _propagated(document):
                found[key].append(str(path))
    return dict(found)


def _places(
    plan: Plan, path: Any, document: dict[str, Any], preferences: dict[str, list[str]]
) -> Iterator[tuple[str, str, str]]:
    clusters = list(region_of_cluster(plan.scenario))
    host = cluster_of(plan.scenario, plan.scenario.federation.host_region)
    kind, group = document["kind"], document["apiVersion"].rpartition("/")[0]
    in_karmada = path.parts[:2] == ("federation", "karmada")
    where = next((part for part in path.parts if part in clusters), host)
    if in_karmada and kind == "Namespace":  # it goes to every member by itself
        yield from ((cluster, group, kind) for cluster in clusters)
    yield KARMADA_SERVER if in_karmada else where, group, kind
    if group == "types.kubefed.io":
        core = kind.removeprefix("Federated")
        placement = document["spec"].get("placement")
        placed = (
            [entry["name"] for entry in placement["clusters"]]
            if placement is not None
            else preferences[document["metadata"]["name"]]
        )
        # The host's own namespace is that of the file beside it.
        yield from (
            (cluster, _CORE_GROUPS[core], core)
            for cluster in placed
            if (core, cluster) != ("Namespace", host)
        )


def _propagated(policy: dict[str, Any]) -> Iterator[Key]:
    namespace = policy["metadata"]["namespace"]
    for selector in policy["spec"]["resourceSelectors"]:
        group = selector["apiVersion"].rpartition("/")[0]
        for cluster in policy["spec"]["placement"]["clusterAffinity"]["clusterNames"]:
            yield cluster, group, selector["kind"], namespace, selector["name"]

"""Karmada: templates, propagation by static weights, and what differs between clusters."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import PurePosixPath

from planner.errors import UnfaithfulExport
from planner.exporters import workload
from planner.exporters.agreement import must_agree
from planner.exporters.kustomize import kustomization
from planner.exporters.rendering import text
from planner.federation.karmada import divide_static, names_descend
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan
from planner.model.scenario import Scenario

FOLDER = PurePosixPath("federation/karmada")
VERSION = "v1.18.2"
REGION_VARIABLE = "REGION"

# The template's UID exists only once it is created, and ties fall by it: both orders are checked.
_UIDS = tuple(next(u for u in "abcdefgh" if names_descend(u) is order) for order in (False, True))

_VALUES: Document = {
    "installMode": "host",
    "systemNamespace": "karmada-system",
    "karmadaImageVersion": VERSION,
    "apiServer": {"replicaCount": 2},
    "aggregatedApiServer": {"replicaCount": 2},
    "controllerManager": {"replicaCount": 2},
    "kubeControllerManager": {"replicaCount": 2},
    "scheduler": {"replicaCount": 2},
    "webhook": {"replicaCount": 2},
}


def export_karmada(plan: Plan) -> tuple[Manifest, ...]:
    """Return what is applied to the Karmada API server.

    Each service has a Deployment whose replicas are the plan's total, a Service, a
    PropagationPolicy that divides by static weights, and an OverridePolicy that tells each
    cluster's pods and objects their region. Replicas are never overridden: an override would win
    over the division in silence.

    Parameters
    ----------
    plan : Plan
        What was decided.

    Returns
    -------
    tuple of Manifest
        ``federation/karmada/...``.

    Raises
    ------
    UnfaithfulExport
        If the scheduler would divide other replicas from the documents than the plan has, in
        either order of ties, or a cluster with replicas has no weight (0 is refused).

    Notes
    -----
    Karmada has no minimum or maximum of replicas per cluster, and static weights look at no
    capacity.
    """
    files = [
        Manifest(FOLDER / "namespace.yaml", (workload.namespace(plan.scenario),)),
        *(_service_manifest(plan, name) for name in workload.placed_services(plan)),
    ]
    resources = [str(file.path.relative_to(FOLDER)) for file in files]
    return (
        kustomization(FOLDER, resources),
        *files,
        Manifest(FOLDER / "values.yaml", (deepcopy(_VALUES),)),
        Manifest(FOLDER / "register.sh", _register_script(plan), executable=True),
        Manifest(FOLDER / "README.md", _readme(plan)),
    )


def static_weights(plan: Plan, name: str) -> dict[str, int]:
    """Return the static weight list of a service as the export writes it.

    Parameters
    ----------
    plan : Plan
        What was decided.
    name : str
        The service.

    Returns
    -------
    dict of str to int
        Cluster to weight, in the scenario's order; clusters without replicas are left out, for a
        weight of 0 is refused.

    Raises
    ------
    UnfaithfulExport
        If a cluster with replicas has no weight.
    """
    service = plan.services[name]
    weights = workload.by_cluster(plan.scenario, service.weights.get("karmada", {}))
    replicas = workload.by_cluster(plan.scenario, service.replicas)
    kept = {cluster: weights.get(cluster, 0) for cluster, count in replicas.items() if count > 0}
    for cluster, weight in kept.items():
        if weight < 1:
            raise UnfaithfulExport(
                f"Karmada places nothing in '{cluster}' without a weight of at least 1, "
                f"but the plan has replicas of the service '{name}' there"
            )
    return kept


def _service_manifest(plan: Plan, name: str) -> Manifest:
    """Build the objects of one service, checked with the scheduler's arithmetic."""
    scenario = plan.scenario
    weights = static_weights(plan, name)
    deployment = workload.deployment(scenario, name, plan.services[name].total)
    policy = _propagation(scenario, name, weights)
    _check(deployment, policy, plan, name)
    documents = (
        deployment,
        workload.core_service(scenario, name),
        policy,
        _override(scenario, name, weights),
    )
    return Manifest(FOLDER / "services" / f"{name}.yaml", documents)


def _propagation(scenario: Scenario, name: str, weights: Mapping[str, int]) -> Document:
    """Build the policy: exactly these clusters, divided by static weight."""
    weight_list = [
        {"targetCluster": {"clusterNames": [cluster]}, "weight": weight}
        for cluster, weight in weights.items()
    ]
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": workload.metadata(scenario, name),
        "spec": {
            "resourceSelectors": [
                _selector("apps/v1", "Deployment", name),
                _selector("v1", "Service", name),
            ],
            "propagateDeps": True,
            "placement": {
                "clusterAffinity": {"clusterNames": list(weights)},
                "replicaScheduling": {
                    "replicaSchedulingType": "Divided",
                    "replicaDivisionPreference": "Weighted",
                    "weightPreference": {"staticWeightList": weight_list},
                },
            },
        },
    }


def _override(scenario: Scenario, name: str, weights: Mapping[str, int]) -> Document:
    """Build the policy that tells each cluster's Deployment, and its pods, their region."""
    regions = workload.region_of_cluster(scenario)
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "OverridePolicy",
        "metadata": workload.metadata(scenario, name),
        "spec": {
            "resourceSelectors": [_selector("apps/v1", "Deployment", name)],
            "overrideRules": [_rule(cluster, regions[cluster]) for cluster in weights],
        },
    }


def _rule(cluster: str, region: str) -> Document:
    """Build the override of one cluster: a label and a variable; the template has no `env`."""
    variable = {
        "path": "/spec/template/spec/containers/0/env",
        "operator": "add",
        "value": [{"name": REGION_VARIABLE, "value": region}],
    }
    return {
        "targetCluster": {"clusterNames": [cluster]},
        "overriders": {
            "labelsOverrider": [{"operator": "add", "value": {workload.REGION_LABEL: region}}],
            "plaintext": [variable],
        },
    }


def _selector(version: str, kind: str, name: str) -> Document:
    """Name one template."""
    return {"apiVersion": version, "kind": kind, "name": name}


def _check(deployment: Document, policy: Document, plan: Plan, name: str) -> None:
    """Divide as the scheduler would, from nothing but the documents, in both orders of ties."""
    scheduling = policy["spec"]["placement"]["replicaScheduling"]
    weights = {
        entry["targetCluster"]["clusterNames"][0]: entry["weight"]
        for entry in scheduling["weightPreference"]["staticWeightList"]
    }
    for uid in _UIDS:
        replicas = divide_static(deployment["spec"]["replicas"], weights, uid=uid)
        must_agree("Karmada", replicas, plan, name)


def _register_script(plan: Plan) -> str:
    """Write the script that registers every cluster."""
    return text("karmada_register.sh.j2", **_places(plan))


def _readme(plan: Plan) -> str:
    """Write what to do and what Karmada does not do."""
    return text("karmada.md.j2", version=VERSION, variable=REGION_VARIABLE, **_places(plan))


def _places(plan: Plan) -> Document:
    """Return what both texts name: the host, and the clusters by way of registration."""
    regions = plan.scenario.regions
    return {
        "host": workload.cluster_of(plan.scenario, plan.scenario.federation.host_region),
        "push": [(r.cluster, n) for n, r in regions.items() if r.distribution == "kubeadm"],
        "pull": [(r.cluster, n) for n, r in regions.items() if r.distribution != "kubeadm"],
    }

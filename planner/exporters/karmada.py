"""Karmada: templates, propagation by static weights, and what differs between clusters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import PurePosixPath

from planner.errors import UnfaithfulExport
from planner.exporters import workload
from planner.exporters.agreement import must_agree
from planner.exporters.hours import as_scheduled, schedule_of
from planner.exporters.karmada_failover import failover_files, failover_values, moves, with_failover
from planner.exporters.kustomize import kustomization
from planner.exporters.pods import require_pods
from planner.exporters.remote_calls import PREFIX, export_call, export_kinds, remote_calls
from planner.exporters.rendering import text
from planner.exporters.requirements import service_platform
from planner.exporters.scalers import (
    ROOM_CURE,
    UIDS,
    federated_autoscalers,
    overfull,
    scaler_of,
)
from planner.exporters.writer_rows import SCALERS
from planner.exporters.writers import writes
from planner.federation.karmada import divide_static
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan
from planner.model.scenario import Scenario

FOLDER = PurePosixPath("federation/karmada")
VERSION = "v1.18.2"
REGION_VARIABLE = "REGION"
METRICS_ADAPTER = "metricsAdapter"
"""Component of the chart that a FederatedHPA reads from; it is off unless named."""

RETAIN_LABEL = "resourcetemplate.karmada.io/retain-replicas"
"""On a template: what an autoscaler in a cluster has set is left alone."""

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
        What was decided. Where one scaler over all clusters sets replicas and they follow the day,
        the weights are those of the day, and a schedule sets each hour's total.

    Returns
    -------
    tuple of Manifest
        ``federation/karmada/...``.

    Raises
    ------
    UnfaithfulExport
        If the scheduler would divide other replicas from the documents than the plan has, in
        either order of ties, or a cluster with replicas has no weight (0 is refused), or on a known
        platform a division in a promised state, of any hour's total, does not fit the pools.
    MissingInputs
        With everything that the pods of a known platform lack.

    Notes
    -----
    Karmada has no minimum or maximum of replicas per cluster, and static weights look at no
    capacity. On a known platform the accounts are propagated, too. Where an autoscaler in each
    cluster sets replicas, the policy divides nothing and they are retained; where a Rollout does,
    there is no Deployment. With `federation.karmada_failover` on or tuned, a known platform also
    has the means by which Karmada moves a lost share, and the way back.
    """
    require_pods(plan, "karmada")
    plan = as_scheduled(plan, "karmada")
    files = [
        Manifest(FOLDER / "namespace.yaml", _namespace(plan)),
        *(_service_manifest(plan, name) for name in workload.placed_services(plan)),
    ]
    resources = [str(file.path.relative_to(FOLDER)) for file in files]
    return (
        kustomization(FOLDER, resources),
        *files,
        Manifest(FOLDER / "values.yaml", (_values(plan),)),
        Manifest(FOLDER / "register.sh", _register_script(plan), executable=True),
        Manifest(FOLDER / "README.md", _readme(plan)),
        *failover_files(plan, _weights(plan)),
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


def _namespace(plan: Plan) -> tuple[Document, ...]:
    """Build the namespace, and bring the kinds to it that calls between clusters need."""
    calls = remote_calls(plan).values()
    kinds = (export_kinds(plan, calls),) if calls else ()
    return (workload.namespace(plan.scenario), *kinds)


def _values(plan: Plan) -> Document:
    """Return the values of the chart: the plain ones, failover's switches, what scalers read."""
    values = deepcopy(_VALUES)
    values["controllerManager"] |= failover_values(plan)
    if any(scaler_of(plan, name) == "federated" for name in workload.placed_services(plan)):
        values["components"] = [METRICS_ADAPTER]
    return values


def _weights(plan: Plan) -> dict[str, dict[str, int]]:
    """Return the static weights of every placed service."""
    return {name: static_weights(plan, name) for name in workload.placed_services(plan)}


def _service_manifest(plan: Plan, name: str) -> Manifest:
    """Build the objects of one service, checked with the scheduler's arithmetic."""
    scenario = plan.scenario
    weights = static_weights(plan, name)
    documents = []
    if writes(plan, "federation", "ServiceAccount", name, "karmada"):
        documents.append(workload.service_account(scenario, name))
    scalers: tuple[Document, ...] = ()
    if writes(plan, "federation", "FederatedHPA", name, "karmada"):
        scalers = federated_autoscalers(plan, name, weights)
    if writes(plan, "federation", "Deployment", name, "karmada"):
        documents.append(_deployment(plan, name, scalers))
    documents.append(workload.core_service(scenario, name))
    policy = with_failover(_propagation(plan, name, weights, documents), plan)
    _check(policy, _total((*documents, *scalers)), plan, name)
    documents.append(policy)
    if writes(plan, "federation", "OverridePolicy", name, "karmada"):
        documents.append(_override(scenario, name, weights))
    call = remote_calls(plan).get(name)
    reached = export_call(plan, call, "karmada") if call else ()
    return Manifest(FOLDER / "services" / f"{name}.yaml", (*documents, *scalers, *reached))


def _deployment(plan: Plan, name: str, scalers: Sequence[Document]) -> Document:
    """Build the template: with the plan's total, or as an autoscaler needs it."""
    planned = plan.services[name]
    if scaler_of(plan, name) == "member":
        # What a cluster starts with, until its autoscaler raises it.
        least = min(count for count in planned.replicas.values() if count > 0)
        document = workload.deployment(plan.scenario, name, least)
        metadata = document["metadata"]
        return document | {
            "metadata": metadata | {"labels": metadata["labels"] | {RETAIN_LABEL: "true"}}
        }
    document = workload.deployment(plan.scenario, name, planned.total)
    if any(scaler["kind"] == "FederatedHPA" for scaler in scalers):
        # The autoscaler owns the field: the next apply would conflict over it.
        del document["spec"]["replicas"]
    return document


def _propagation(
    plan: Plan, name: str, weights: Mapping[str, int], templates: Sequence[Document]
) -> Document:
    """Build the policy: exactly these clusters; replicas divided by static weight, if at all."""
    kinds = {template["kind"] for template in templates}
    order = ("Deployment", "Service", "ServiceAccount")
    placement: Document = {"clusterAffinity": {"clusterNames": list(weights)}}
    if "Deployment" in kinds and scaler_of(plan, name) != "member":
        placement["replicaScheduling"] = _division(weights)
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": workload.metadata(plan.scenario, name),
        "spec": {
            "resourceSelectors": [
                _selector("apps/v1" if kind == "Deployment" else "v1", kind, name)
                for kind in order
                if kind in kinds
            ],
            "propagateDeps": True,
            "placement": placement,
        },
    }


def _division(weights: Mapping[str, int]) -> Document:
    """Divide by static weight."""
    weight_list = [
        {"targetCluster": {"clusterNames": [cluster]}, "weight": weight}
        for cluster, weight in weights.items()
    ]
    return {
        "replicaSchedulingType": "Divided",
        "replicaDivisionPreference": "Weighted",
        "weightPreference": {"staticWeightList": weight_list},
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


def _check(policy: Document, total: int, plan: Plan, name: str) -> None:
    """Divide as the scheduler would, from nothing but the documents, in both orders of ties."""
    scheduling = policy["spec"]["placement"].get("replicaScheduling")
    if scheduling is None:
        return
    weights = {
        entry["targetCluster"]["clusterNames"][0]: entry["weight"]
        for entry in scheduling["weightPreference"]["staticWeightList"]
    }
    for uid in UIDS:
        must_agree("Karmada", divide_static(total, weights, uid=uid), plan, name)
    sentence = overfull(plan, name, weights, total) if plan.scenario.platform else None
    if sentence is not None:
        raise UnfaithfulExport(f"{sentence}; {ROOM_CURE}")


def _total(documents: Sequence[Document]) -> int:
    """Return the total that the documents ask for: the Deployment's, or its autoscaler's least."""
    asked = {document["kind"]: document["spec"] for document in documents if "spec" in document}
    least = asked.get("FederatedHPA", {}).get("minReplicas", 0)
    return int(asked.get("Deployment", {}).get("replicas", least))


def _register_script(plan: Plan) -> str:
    """Write the script that registers every cluster."""
    return text("karmada_register.sh.j2", **_places(plan))


def _readme(plan: Plan) -> str:
    """Write what to do and what Karmada does not do."""
    services = workload.placed_services(plan)
    return text(
        "karmada.md.j2",
        version=VERSION,
        variable=REGION_VARIABLE,
        scaled={kind: [n for n in services if scaler_of(plan, n) == kind] for kind in SCALERS},
        rollouts=[n for n in services if service_platform(plan, n).rollout],
        by_hour=[n for n in services if schedule_of(plan, n, "karmada") is not None],
        hourly=plan.scenario.policy.replicas == "hourly",
        platform=plan.scenario.platform is not None,
        moves=moves(plan),
        calls=list(remote_calls(plan).values()),
        derived=PREFIX,
        namespace=plan.scenario.namespace,
        **_places(plan),
    )


def _places(plan: Plan) -> Document:
    """Return what both texts name: the host, and the clusters by way of registration."""
    regions = plan.scenario.regions
    return {
        "host": workload.cluster_of(plan.scenario, plan.scenario.federation.host_region),
        "push": [(r.cluster, n) for n, r in regions.items() if r.distribution == "kubeadm"],
        "pull": [(r.cluster, n) for n, r in regions.items() if r.distribution != "kubeadm"],
    }

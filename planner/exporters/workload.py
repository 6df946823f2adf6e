"""The core Kubernetes kinds of a service, and where a plan places them, in names of clusters."""

from __future__ import annotations

from collections.abc import Mapping

from planner.errors import UnfaithfulExport
from planner.exporters import naming, pods
from planner.model.manifest import Document
from planner.model.plan import Plan
from planner.model.scenario import Scenario
from planner.model.workload import Service

REGION_LABEL = "topology.kubernetes.io/region"
PORT_NAME = "http"


def by_cluster(scenario: Scenario, values: Mapping[str, int]) -> dict[str, int]:
    """Return `values` with the name of each region's cluster as key, in the scenario's order.

    Parameters
    ----------
    scenario : Scenario
        Knows the cluster of each region.
    values : mapping of str to int
        By region id; absent regions are left out.

    Returns
    -------
    dict of str to int
        By cluster name.

    Raises
    ------
    UnfaithfulExport
        If `values` has a region that the scenario lacks.
    """
    unknown = sorted(set(values) - set(scenario.regions))
    if unknown:
        raise UnfaithfulExport(
            f"the plan names the region '{unknown[0]}', which its scenario lacks"
        )
    return {
        region.cluster: values[name] for name, region in scenario.regions.items() if name in values
    }


def region_of_cluster(scenario: Scenario) -> dict[str, str]:
    """Return cluster name to region id, in the scenario's order.

    Raises
    ------
    UnfaithfulExport
        If two regions share a cluster name: their objects would overwrite each other.
    """
    clusters = {region.cluster: name for name, region in scenario.regions.items()}
    if len(clusters) < len(scenario.regions):
        raise UnfaithfulExport("two regions have the same cluster name; a cluster has one region")
    return clusters


def cluster_of(scenario: Scenario, region: str) -> str:
    """Return the cluster of a region.

    Raises
    ------
    UnfaithfulExport
        If the scenario has no such region.
    """
    if region not in scenario.regions:
        raise UnfaithfulExport(f"'{region}' is named as a region, but the scenario has none of it")
    return scenario.regions[region].cluster


def active_clusters(plan: Plan) -> tuple[str, ...]:
    """Return the clusters in which the plan runs anything, in the scenario's order."""
    return tuple(
        cluster
        for cluster, region in region_of_cluster(plan.scenario).items()
        if region in plan.active_regions
    )


def placed_services(plan: Plan) -> tuple[str, ...]:
    """Return the services that have replicas, in the scenario's order."""
    return tuple(
        name
        for name in plan.scenario.services
        if name in plan.services and plan.services[name].total > 0
    )


def labels(scenario: Scenario, name: str) -> dict[str, str]:
    """Return the labels of the service `name`: its own and that of the scenario."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": scenario.scenario}


def metadata(scenario: Scenario, name: str) -> Document:
    """Return name, namespace and labels of a service's objects."""
    return {"name": name, "namespace": scenario.namespace, "labels": labels(scenario, name)}


def namespace(scenario: Scenario) -> Document:
    """Return the Namespace of all services; on a known platform it admits restricted pods only."""
    security = {} if scenario.platform is None else pods.pod_security_labels(scenario)
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": scenario.namespace,
            "labels": {"app.kubernetes.io/part-of": scenario.scenario, **security},
        },
    }


def service_account(scenario: Scenario, name: str) -> Document:
    """Return the ServiceAccount of one service; its token is mounted nowhere."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(scenario, name) | {"name": naming.service_account(name)},
        "automountServiceAccountToken": False,
    }


def deployment(scenario: Scenario, name: str, replicas: int) -> Document:
    """Return the Deployment of one service.

    Only requests are written: limits are no part of a plan. The rolling update adds the surge
    that the plan packed, and takes nothing away unless there is no surge. On a known platform the
    pod is that of `pods.pod_spec`.
    """
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(scenario, name),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels(scenario, name)},
            "strategy": _strategy(scenario.services[name]),
            "template": {
                "metadata": {"labels": labels(scenario, name)},
                "spec": _pod(scenario, name),
            },
        },
    }


def core_service(scenario: Scenario, name: str) -> Document:
    """Return the Service of one service: port 80 inside the cluster, and its metrics if apart."""
    ports = [{"name": PORT_NAME, "port": naming.SERVICE_PORT, "targetPort": PORT_NAME}]
    ports += [
        {"name": naming.METRICS_PORT_NAME, "port": port, "targetPort": naming.METRICS_PORT_NAME}
        for port in pods.metrics_ports(scenario, name)
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(scenario, name),
        "spec": {
            "type": "ClusterIP",
            "selector": labels(scenario, name),
            "ports": ports,
        },
    }


def disruption_budget(scenario: Scenario, name: str, spare: int = 1) -> Document:
    """Return the PodDisruptionBudget of one service: at most `spare` pods at a time."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(scenario, name),
        "spec": {"maxUnavailable": spare, "selector": {"matchLabels": labels(scenario, name)}},
    }


def template_of(document: Document) -> Document:
    """Return what of a core object stands in the `template` of its federated kind."""
    body = {k: v for k, v in document.items() if k not in ("apiVersion", "kind", "metadata")}
    return {"metadata": {"labels": dict(document["metadata"]["labels"])}, **body}


def _strategy(service: Service) -> Document:
    """Roll with the planned surge; without one, a pod at a time goes first."""
    surge = service.surge_replicas
    return {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge, "maxUnavailable": 0 if surge else 1},
    }


def _pod(scenario: Scenario, name: str) -> Document:
    """Build the pod: as much of it as is known."""
    if scenario.platform is None:
        return {"containers": [_container(name, scenario.services[name])]}
    return pods.pod_spec(scenario, name)


def _container(name: str, service: Service) -> Document:
    """Build the one container of a replica of which no platform is known."""
    return {
        "name": name,
        "image": service.image,
        "ports": [{"name": PORT_NAME, "containerPort": service.port}],
        "resources": {"requests": {"cpu": str(service.cpu), "memory": str(service.memory)}},
        "readinessProbe": {"tcpSocket": {"port": PORT_NAME}, "periodSeconds": 5},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }

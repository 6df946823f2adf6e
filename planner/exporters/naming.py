"""The one place where names, labels, ports and thresholds of exported objects are made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256

from planner.errors import UnfaithfulExport
from planner.model.plan import Plan
from planner.model.scenario import Scenario

NAME_LABEL = "app.kubernetes.io/name"
PART_OF_LABEL = "app.kubernetes.io/part-of"
MANAGED_LABEL = "app.kubernetes.io/managed-by"
REGION_LABEL = "topology.kubernetes.io/region"
ZONE_LABEL = "topology.kubernetes.io/zone"
POOL_LABEL = "planner/pool"
HOST_LABEL = "kubernetes.io/hostname"

MANAGER = "planner"
"""Field manager of server-side apply, and value of the managed-by label."""

PORT_NAME = "http"
METRICS_PORT_NAME = "metrics"
SERVICE_PORT = 80

RESERVE_PRIORITY = "service-reserve"
"""Priority class of the services: it outranks batch work, so that a reserve is never lent out."""
BATCH_PRIORITY = "batch"
RESERVE_PRIORITY_VALUE = 1_000_000
BATCH_PRIORITY_VALUE = -1000

STORAGE_CLASS = "ceph-block"
"""Class of volumes on the replicated storage, and the name of its pool."""
STORAGE_NAMESPACE = "rook-ceph"
ADDRESS_POOL = "ingress"
"""MetalLB's pool: the ingress controller's addresses."""
METALLB_NAMESPACE = "metallb-system"
CALICO_NAMESPACE = "tigera-operator"
EXTERNAL_DNS_NAMESPACE = "external-dns"
COREDNS_NAMESPACE = "geo-dns"
ARGO_ROLLOUTS_NAMESPACE = "argo-rollouts"
KUBEFED_NAMESPACE = "kube-federation-system"
KARMADA_NAMESPACE = "karmada-system"
KARMADA_CONTEXT = "karmada-apiserver"
"""Context of Karmada's own API server, as in the kubeconfig that its chart makes."""
KARMADA_STANDBY_CONTEXT = "karmada-apiserver-standby"
"""Context of the API server that the standby region starts when it takes over."""

CLUSTER_METRIC_LABEL = "cluster"
REGION_METRIC_LABEL = "region"

MONITORING_RELEASE = "kube-prometheus-stack"
"""Helm release of the monitoring: its Prometheus takes only objects that bear its name."""
RELEASE_LABEL = "release"
GRAFANA_SECRET = "grafana-admin"
REMOTE_WRITE_SECRET = "remote-write"
"""Secret of type basic-auth: writers present it, the ingress in front of the home asks for it."""
PROMETHEUS_NODE_PORT = 30090
"""The chart's port of Prometheus on every machine, where it is federated over the mesh."""
PROBER = "blackbox-exporter"
PROBER_PORT = 9115


LONGEST_LABEL = 63
_DIGEST = 8
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def refuse_bad_names(names: Mapping[str, str]) -> None:
    """Refuse names that are no DNS-1123 names: they stand in paths of files and names of objects.

    Parameters
    ----------
    names : mapping of str to str
        Path in the scenario to name; a name may be several labels, joined by dots.

    Raises
    ------
    UnfaithfulExport
        With all that are none.

    Examples
    --------
    >>> refuse_bad_names({"namespace": "prod-api", "host": "api.company.com"})
    """
    bad = [
        f"  {path}: {name!r} is no DNS-1123 name; take lower case letters, digits and hyphens"
        for path, name in names.items()
        if len(name) > 253 or not all(_LABEL.fullmatch(part) for part in name.split("."))
    ]
    if bad:
        raise UnfaithfulExport("\n".join(["names that no object can bear:", *bad]))


def names_of(plan: Plan) -> dict[str, str]:
    """Return every name of a plan that stands in paths, commands and names of objects, by its path.

    Parameters
    ----------
    plan : Plan
        What was decided, with its scenario.
    """
    scenario = plan.scenario
    names = {"scenario": scenario.scenario, "namespace": scenario.namespace}
    names |= {f"regions.{name}": name for name in scenario.regions}
    names |= {f"regions.{n}.cluster": region.cluster for n, region in scenario.regions.items()}
    names |= {f"services.{name}": name for name in scenario.services}
    names |= {f"services.{n}.host": service.host for n, service in scenario.services.items()}
    return names | {f"hosts.{name}": name for name in plan.hosts}


def shortened(name: str, longest: int = LONGEST_LABEL) -> str:
    """Return a name that is short enough: itself, or its start and a digest of it.

    Parameters
    ----------
    name : str
        Lower case letters, digits and hyphens.
    longest : int, default: 63
        Characters that it may have.

    Notes
    -----
    Cut alone, two names might become one, and end in a hyphen.

    Examples
    --------
    >>> shortened("to-tokyo"), shortened("link-losangeles-tokyo", 14)
    ('to-tokyo', 'link-2cbb78a8')
    """
    if len(name) <= longest:
        return name
    start = name[: longest - _DIGEST - 1].rstrip("-")
    return f"{start}-{sha256(name.encode()).hexdigest()[:_DIGEST]}"


def labels(scenario: Scenario, service: str) -> dict[str, str]:
    """Return the labels of a service's objects.

    Parameters
    ----------
    scenario : Scenario
        Its name is a label.
    service : str
        The service.
    """
    return {NAME_LABEL: service, PART_OF_LABEL: scenario.scenario}


def service_account(service: str) -> str:
    """Return the name of a service's account: its own name."""
    return service


def ingress_name(host: str) -> str:
    """Return the name of the Ingress of a host name.

    Examples
    --------
    >>> ingress_name("api.company.com")
    'api-company-com'
    """
    return host.replace(".", "-")[:63].strip("-")


def node_name(cluster: str, server: str) -> str:
    """Return the Kubernetes name of a machine, unique in its cluster.

    Notes
    -----
    Over all clusters it is not: the machine ``b-c`` of ``a`` has the name of ``c`` in ``a-b``.

    Examples
    --------
    >>> node_name("tokyo-edge", "edge-1")
    'tokyo-edge-edge-1'
    """
    return f"{cluster}-{server}"


def cluster_context(cluster: str) -> str:
    """Return the kubectl context that commands use for a cluster: its name."""
    return cluster


def hosts(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return host name to the placed services behind it, in the scenario's order.

    Parameters
    ----------
    plan : Plan
        What was decided.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, service in plan.scenario.services.items():
        if name in plan.services and plan.services[name].total > 0:
            found[service.host] = (*found.get(service.host, ()), name)
    return found

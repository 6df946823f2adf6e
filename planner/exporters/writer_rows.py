"""The rows of the table of writers: every kind of object of every tree, and when it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Federation = Literal["none", "kubefed", "karmada"]
Scaler = Literal["pinned", "member", "federated"]
Writer = Literal["cluster", "federation", "monitoring", "steering"]

FEDERATIONS: tuple[Federation, ...] = ("none", "kubefed", "karmada")
SCALERS: tuple[Scaler, ...] = ("pinned", "member", "federated")
CONTROLLERS: tuple[Federation, ...] = ("kubefed", "karmada")
_KARMADA: tuple[Federation, ...] = ("karmada",)
_KUBEFED: tuple[Federation, ...] = ("kubefed",)

SERVICES = "services"
"""Subject of what a plan is about; all other subjects surround it."""


@dataclass(frozen=True)
class Row:
    """One kind of object for one purpose, who writes it, and when it exists at all.

    Attributes
    ----------
    kind, group : str
        The kind and its API group; the core group is empty.
    writer : {'cluster', 'federation', 'monitoring', 'steering'}
        ``clusters/<cluster>/``, ``federation/<controller>/``, ``monitoring/<cluster>/`` or
        ``dns/external-dns/``. Where nothing is federated, the cluster's own tree writes the
        federation's objects too.
    folder : str
        Where it stands below that; empty for the tree's own files.
    subject : str
        What it is for. A kind that serves several ends has a row, and a writer, for each.
    federations : tuple of str
        Modes in which the kind exists.
    scalers : tuple of str
        Scalers of a service with which it exists.
    rollout : bool or None
        Whether it exists only with, or only without, a Rollout in the Deployment's place; None
        where that makes no difference.
    platform : bool
        Whether it needs a platform section; a plan without one exports less.
    when : str
        What else it takes, in words; empty where it is always there.
    """

    kind: str
    group: str
    writer: Writer
    folder: str
    subject: str = SERVICES
    federations: tuple[Federation, ...] = FEDERATIONS
    scalers: tuple[Scaler, ...] = SCALERS
    rollout: bool | None = None
    platform: bool = True
    when: str = ""


def _cluster(kind: str, group: str, folder: str, subject: str, when: str = "") -> Row:
    """Return a row of a cluster's tree that no scaler and no federation touches."""
    return Row(kind, group, "cluster", folder, subject, when=when)


def _service(kind: str, group: str, folder: str = "services", **fields: object) -> Row:
    """Return a row of what the federation writes for each service."""
    return Row(kind, group, "federation", folder, **fields)  # type: ignore[arg-type]


def _call(kind: str, group: str, folder: str = "services") -> Row:
    """Return a row of what Karmada needs for calls abroad, beside PropagationPolicies."""
    when = "a service is called where it does not run"
    return Row(kind, group, "federation", folder, "calls", federations=_KARMADA, when=when)


_SERVICES: tuple[Row, ...] = (
    Row("Namespace", "", "federation", "", platform=False),
    _service("ServiceAccount", ""),
    _service("Service", "", platform=False),
    _service("Deployment", "apps", rollout=False, platform=False),
    # Karmada would not divide it without an interpreter of its own, and KubeFed has no kind for it.
    Row("Rollout", "argoproj.io", "cluster", "rollouts", rollout=True),
    Row("AnalysisTemplate", "argoproj.io", "cluster", "rollouts", rollout=True),
    Row("HorizontalPodAutoscaler", "autoscaling", "cluster", "workloads", scalers=("member",)),
    _service(
        "FederatedHPA",
        "autoscaling.karmada.io",
        federations=_KARMADA,
        scalers=("federated",),
        rollout=False,
        when="the service has an autoscaler",
    ),
    _service(
        "CronFederatedHPA",
        "autoscaling.karmada.io",
        federations=_KARMADA,
        scalers=("federated",),
        rollout=False,
        when="totals follow the day",
    ),
    # KubeFed has no autoscaler over clusters: jobs set its preference's total by the hour.
    _service(
        "ReplicaSchedulingPreference",
        "scheduling.kubefed.io",
        federations=_KUBEFED,
        scalers=("pinned", "federated"),
        rollout=False,
        platform=False,
        when="replicas are not pinned by overrides",
    ),
    _service("PropagationPolicy", "policy.karmada.io", federations=_KARMADA, platform=False),
    _service(
        "OverridePolicy", "policy.karmada.io", federations=_KARMADA, rollout=False, platform=False
    ),
    Row(
        "FederatedNamespace",
        "types.kubefed.io",
        "federation",
        "",
        federations=_KUBEFED,
        platform=False,
    ),
    _service("FederatedServiceAccount", "types.kubefed.io", federations=_KUBEFED),
    _service("FederatedService", "types.kubefed.io", federations=_KUBEFED, platform=False),
    _service(
        "FederatedDeployment",
        "types.kubefed.io",
        federations=_KUBEFED,
        rollout=False,
        platform=False,
    ),
    Row("PodDisruptionBudget", "policy", "cluster", "workloads", platform=False),
)

_AROUND: tuple[Row, ...] = (
    _cluster("NetworkPolicy", "networking.k8s.io", "workloads", SERVICES),
    _cluster("Role", "rbac.authorization.k8s.io", "workloads", SERVICES),
    _cluster("RoleBinding", "rbac.authorization.k8s.io", "workloads", SERVICES),
    _cluster("ResourceQuota", "", "workloads", "cluster"),
    _cluster("PriorityClass", "scheduling.k8s.io", "base", "cluster"),
    _cluster("Ingress", "networking.k8s.io", "workloads", "edge", "routes are Ingress objects"),
    _cluster(
        "Gateway", "gateway.networking.k8s.io", "workloads", "edge", "routes are the Gateway API's"
    ),
    _cluster(
        "HTTPRoute",
        "gateway.networking.k8s.io",
        "workloads",
        "edge",
        "routes are the Gateway API's",
    ),
)


def _hours(kind: str, group: str) -> Row:
    """Return a row of what sets KubeFed's totals by the hour."""
    when = "totals follow the day"
    return Row(
        kind,
        group,
        "federation",
        "",
        "hours",
        federations=_KUBEFED,
        scalers=("federated",),
        rollout=False,
        when=when,
    )


_HOURS: tuple[Row, ...] = (
    _hours("ServiceAccount", ""),
    _hours("Role", "rbac.authorization.k8s.io"),
    _hours("RoleBinding", "rbac.authorization.k8s.io"),
    _hours("CronJob", "batch"),
)

_FEDERATION: tuple[Row, ...] = (
    Row(
        "KubeFedCluster",
        "core.kubefed.io",
        "federation",
        "",
        "members",
        federations=_KUBEFED,
        platform=False,
        when="the region states its API endpoint",
    ),
    Row(
        "ClusterTaintPolicy",
        "policy.karmada.io",
        "federation",
        "failover",
        "failover",
        federations=_KARMADA,
        when="federation.karmada_failover is not off",
    ),
    Row(
        "WorkloadRebalancer",
        "apps.karmada.io",
        "federation",
        "failover",
        "failover",
        federations=_KARMADA,
        when="federation.karmada_failover is not off and Karmada divides any replicas",
    ),
    Row(
        "ResourceInterpreterCustomization",
        "config.karmada.io",
        "federation",
        "rollouts",
        "rollouts",
        federations=_KARMADA,
        rollout=True,
    ),
    _call("ServiceExport", "multicluster.x-k8s.io"),
    _call("ServiceImport", "multicluster.x-k8s.io"),
    _call("NetworkPolicy", "networking.k8s.io"),
    _call("ClusterPropagationPolicy", "policy.karmada.io", ""),
)

_CALICO, _METALLB = "projectcalico.org", "metallb.io"
_BGP = "platform.mesh.routes is bgp"
_ROUTER = "the region names its router"

_NETWORK: tuple[Row, ...] = (
    _cluster("BGPConfiguration", _CALICO, "calico", "pod network"),
    _cluster("IPPool", _CALICO, "calico", "pod network", "there is another region"),
    _cluster("BGPPeer", _CALICO, "calico", "pod network", _BGP),
    _cluster("BGPFilter", _CALICO, "calico", "pod network", _BGP),
    _cluster("IPAddressPool", _METALLB, "metallb", "addresses"),
    _cluster("L2Advertisement", _METALLB, "metallb", "addresses", "the region names no router"),
    _cluster("BGPPeer", _METALLB, "metallb", "addresses", _ROUTER),
    _cluster("BGPAdvertisement", _METALLB, "metallb", "addresses", _ROUTER),
    _cluster("Service", "", "metallb", "addresses", "the ingress controller is Traefik"),
    _cluster("CephRBDMirror", "ceph.rook.io", "rook", "storage", "the storage has a mirror"),
)

_OPERATOR = "monitoring.coreos.com"

_MONITORING: tuple[Row, ...] = tuple(
    Row(kind, group, "monitoring", folder, "monitoring", when=when)
    for kind, group, folder, when in (
        ("Namespace", "", "prometheus", ""),
        ("PodMonitor", _OPERATOR, "prometheus", "a service shows metrics"),
        ("Probe", _OPERATOR, "prometheus", "there is another region"),
        ("PrometheusRule", _OPERATOR, "prometheus", ""),
        ("Middleware", "traefik.io", "prometheus", "Traefik publishes the home's receiver"),
        ("ConfigMap", "", "grafana", ""),
    )
)

_NAMES: tuple[Row, ...] = (
    Row("DNSEndpoint", "externaldns.k8s.io", "cluster", "external-dns", "names", platform=False),
    # One state at a time: each state's folder holds the same object.
    Row("DNSEndpoint", "externaldns.k8s.io", "steering", "*", "steering", platform=False),
)

TABLE: tuple[Row, ...] = (
    *_SERVICES,
    *_AROUND,
    *_HOURS,
    *_FEDERATION,
    *_NETWORK,
    *_MONITORING,
    *_NAMES,
)
"""Kind and subject to writer, by federation mode and scaler."""

"""Who writes which object: the one table that all trees of objects follow.

An object in a cluster has one writer.  What the federation propagates counts as written by the
federation; everything else stands in the cluster's own tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from planner.exporters.requirements import service_platform
from planner.model.plan import Plan

Federation = Literal["none", "kubefed", "karmada"]
Scaler = Literal["pinned", "member", "federated"]
Writer = Literal["cluster", "federation"]

FEDERATIONS: tuple[Federation, ...] = ("none", "kubefed", "karmada")
SCALERS: tuple[Scaler, ...] = ("pinned", "member", "federated")
_CONTROLLERS: tuple[Federation, ...] = ("kubefed", "karmada")


@dataclass(frozen=True)
class Row:
    """One kind of object, who writes it, and when it exists at all.

    Attributes
    ----------
    kind, group : str
        The kind and its API group; the core group is empty.
    writer : {'cluster', 'federation'}
        ``clusters/<cluster>/`` or ``federation/<controller>/``. Where nothing is federated, the
        cluster's own tree writes the federation's objects too.
    federations : tuple of str
        Modes in which the kind exists.
    scalers : tuple of str
        Scalers of a service with which it exists.
    rollout : bool or None
        Whether it exists only with, or only without, a Rollout in the Deployment's place; None
        where that makes no difference.
    platform : bool
        Whether it needs a platform section; a plan without one exports less.
    of_service : bool
        Whether each service has one of its own.
    """

    kind: str
    group: str
    writer: Writer
    federations: tuple[Federation, ...] = FEDERATIONS
    scalers: tuple[Scaler, ...] = SCALERS
    rollout: bool | None = None
    platform: bool = True
    of_service: bool = True


TABLE: tuple[Row, ...] = (
    Row("Namespace", "", "federation", platform=False, of_service=False),
    Row("ServiceAccount", "", "federation"),
    Row("Service", "", "federation", platform=False),
    Row("Deployment", "apps", "federation", rollout=False, platform=False),
    # Karmada would not divide it without an interpreter of its own, and KubeFed has no kind for it.
    Row("Rollout", "argoproj.io", "cluster", rollout=True),
    Row("HorizontalPodAutoscaler", "autoscaling", "cluster", scalers=("member",)),
    Row(
        "FederatedHPA",
        "autoscaling.karmada.io",
        "federation",
        federations=("karmada",),
        scalers=("federated",),
        rollout=False,
    ),
    Row(
        "CronFederatedHPA",
        "autoscaling.karmada.io",
        "federation",
        federations=("karmada",),
        scalers=("federated",),
        rollout=False,
    ),
    # KubeFed has no autoscaler over clusters: its preference keeps the plan's total.
    Row(
        "ReplicaSchedulingPreference",
        "scheduling.kubefed.io",
        "federation",
        federations=("kubefed",),
        scalers=("pinned", "federated"),
        rollout=False,
        platform=False,
    ),
    Row(
        "PropagationPolicy",
        "policy.karmada.io",
        "federation",
        federations=("karmada",),
        platform=False,
    ),
    Row(
        "OverridePolicy",
        "policy.karmada.io",
        "federation",
        federations=("karmada",),
        rollout=False,
        platform=False,
    ),
    Row("PodDisruptionBudget", "policy", "cluster", platform=False),
    Row("NetworkPolicy", "networking.k8s.io", "cluster"),
    Row("Ingress", "networking.k8s.io", "cluster", of_service=False),
    Row("Role", "rbac.authorization.k8s.io", "cluster"),
    Row("RoleBinding", "rbac.authorization.k8s.io", "cluster"),
    Row("ResourceQuota", "", "cluster", of_service=False),
    Row("PriorityClass", "scheduling.k8s.io", "cluster", of_service=False),
    Row(
        "DNSEndpoint",
        "externaldns.k8s.io",
        "cluster",
        platform=False,
        of_service=False,
    ),
)
"""Kind to writer, by federation mode and scaler."""

_BY_KIND = {row.kind: row for row in TABLE}


def writer_of(
    kind: str, federation: Federation, scaler: Scaler = "pinned", *, rollout: bool = False
) -> Writer | None:
    """Return who writes a kind of object, None where it is not written at all.

    Parameters
    ----------
    kind : str
        A kind of `TABLE`.
    federation : {'none', 'kubefed', 'karmada'}
        Which controller propagates.
    scaler : {'pinned', 'member', 'federated'}
        Who sets the service's replicas.
    rollout : bool
        Whether a Rollout stands in the Deployment's place.

    Raises
    ------
    KeyError
        If the table has no such kind.

    Examples
    --------
    >>> writer_of("Deployment", "karmada"), writer_of("Deployment", "none")
    ('federation', 'cluster')
    >>> writer_of("Deployment", "karmada", rollout=True) is None
    True
    """
    row = _BY_KIND[kind]
    if federation not in row.federations or scaler not in row.scalers:
        return None
    if row.rollout is not None and row.rollout is not rollout:
        return None
    return "cluster" if federation == "none" else row.writer


def writes(plan: Plan, writer: Writer, kind: str, service: str, federation: Federation) -> bool:
    """Return whether a tree writes a kind of object for one service of a plan.

    Parameters
    ----------
    plan : Plan
        Its platform says how the service is scaled and rolled out.
    writer : {'cluster', 'federation'}
        The tree that asks.
    kind : str
        A kind of `TABLE`.
    service : str
        Name of the service.
    federation : {'none', 'kubefed', 'karmada'}
        Which controller propagates.
    """
    if _BY_KIND[kind].platform and plan.scenario.platform is None:
        return False
    known = service_platform(plan, service)
    return writer == writer_of(kind, federation, known.scaler, rollout=known.rollout)


def federated_kinds() -> frozenset[tuple[str, str]]:
    """Return group and kind of what no cluster's tree holds while a federation writes it."""
    return frozenset(
        (row.group, row.kind)
        for row in TABLE
        if row.writer == "federation" and set(_CONTROLLERS) <= set(row.federations)
    )

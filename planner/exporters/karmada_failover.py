"""Karmada's failover: the switches that make it move a lost cluster's share, and the way back.

Karmada moves nothing by itself.  Four switches together do; with fewer a dead cluster keeps its
share.  What is written here is what was measured to work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from planner.exporters import naming, workload
from planner.exporters.kustomize import kustomization
from planner.exporters.rendering import text
from planner.exporters.scalers import UIDS, scaler_of
from planner.exporters.writers import writes
from planner.federation.karmada import divide_static
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

Weights = Mapping[str, Mapping[str, int]]

FOLDER = PurePosixPath("federation/karmada/failover")
TAINT = "site-down"
ALLOW_TAINTS = "--allow-no-execute-taint-policy=true"
"""The webhook's switch; the chart has no value for it."""
WEBHOOK = "karmada-webhook"
MANAGER = "karmada-controller-manager"
REBALANCER = "return-to-plan"
REBALANCER_TTL_S = 3600
PURGE = "Gracefully"

MEASURED_S = {"on": 37.0, "tuned": 12.0}
"""Seconds from the loss of a push member until its share is moved, single runs."""

_SWITCHES = {"enable-no-execute-taint-eviction": "true"}
_TIMERS = {
    "cluster-status-update-frequency": "5s",
    "cluster-failure-threshold": "10s",
    "cluster-success-threshold": "10s",
    "cluster-monitor-grace-period": "20s",
}


def moves(plan: Plan) -> bool:
    """Return whether Karmada is to move a lost cluster's share; only on a known platform."""
    return plan.scenario.platform is not None and _mode(plan) != "off"


def failover_values(plan: Plan) -> Document:
    """Return what the chart's values say beside the plain ones; nothing where nothing moves.

    Parameters
    ----------
    plan : Plan
        Its `federation.karmada_failover` is 'off', 'on' or 'tuned'.

    Notes
    -----
    The chart itself passes the status frequency; of two equal flags the last counts, and these
    come last.
    """
    if not moves(plan):
        return {}
    timers = _TIMERS if _mode(plan) == "tuned" else {}
    return {"featureGates": {"Failover": True}, "extraCommandArgs": {**_SWITCHES, **timers}}


def with_failover(policy: Document, plan: Plan) -> Document:
    """Return a PropagationPolicy with what it does when a cluster is lost.

    Parameters
    ----------
    policy : dict
        Its placement divides replicas, or not.
    plan : Plan
        Its `federation.redivision_s` may ask for a later move than the earliest.

    Returns
    -------
    dict
        Divided replicas move when the taint is no longer tolerated. What is not divided tolerates
        it for ever: moving would gain nothing, and delete it when the cluster is back.
    """
    if not moves(plan):
        return policy
    spec = policy["spec"]
    divided = "replicaScheduling" in spec["placement"]
    tolerated = _toleration(patience_s(plan) if divided else None)
    placement = spec["placement"] | ({"clusterTolerations": tolerated} if tolerated else {})
    failover = {"failover": {"cluster": {"purgeMode": PURGE}}} if divided else {}
    return policy | {"spec": spec | {"placement": placement} | failover}


def patience_s(plan: Plan) -> int:
    """Return the seconds for which the taint is tolerated: what the plan waits beyond the earliest.

    Notes
    -----
    A plan that moves earlier than was measured cannot be had; then it is 0.
    """
    wanted = plan.scenario.federation.redivision_s
    return 0 if wanted is None else max(0, round(wanted - MEASURED_S[_mode(plan)]))


def failover_files(plan: Plan, weights: Weights) -> tuple[Manifest, ...]:
    """Return the taint policy, the webhook's switch and the way back.

    Parameters
    ----------
    plan : Plan
        What was decided.
    weights : mapping
        Service, cluster to static weight.

    Returns
    -------
    tuple of Manifest
        ``federation/karmada/failover/...``; nothing where nothing moves.
    """
    if not moves(plan):
        return ()
    divided = list(_divided(plan))
    taint = "taint-policy.yaml"
    files = [
        Manifest(FOLDER / "README.md", _readme(plan, divided, weights)),
        kustomization(FOLDER, [taint]),
        Manifest(FOLDER / taint, (taint_policy(plan),)),
        Manifest(FOLDER / "allow-taints.sh", _allow_script(plan), executable=True),
    ]
    if divided:
        files += [
            Manifest(FOLDER / "rebalance.yaml", (rebalancer(plan, divided),)),
            Manifest(FOLDER / "failback.sh", _failback_script(plan), executable=True),
        ]
    return tuple(files)


def taint_policy(plan: Plan) -> Document:
    """Return what taints a cluster that is not ready, and untaints it when it is."""
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "ClusterTaintPolicy",
        "metadata": {"name": TAINT},
        "spec": {
            "targetClusters": {"clusterNames": list(workload.active_clusters(plan))},
            "addOnConditions": [_ready("NotIn")],
            "removeOnConditions": [_ready("In")],
            "taints": [{"key": TAINT, "effect": "NoExecute"}],
        },
    }


def rebalancer(plan: Plan, services: list[str]) -> Document:
    """Return what divides the services anew over all their clusters, once.

    Parameters
    ----------
    plan : Plan
        Knows the namespace.
    services : list of str
        Services whose replicas Karmada divides.
    """
    return {
        "apiVersion": "apps.karmada.io/v1alpha1",
        "kind": "WorkloadRebalancer",
        "metadata": {"name": REBALANCER},
        "spec": {
            "ttlSecondsAfterFinished": REBALANCER_TTL_S,
            "workloads": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "namespace": plan.scenario.namespace,
                    "name": name,
                }
                for name in services
            ],
        },
    }


def after_loss(plan: Plan, name: str, weights: Mapping[str, int]) -> Iterator[tuple[str, str, str]]:
    """Yield for each lost cluster what it had, and what the others then have.

    Parameters
    ----------
    plan : Plan
        What was decided.
    name : str
        The service.
    weights : mapping of str to int
        Its static weights by cluster.

    Yields
    ------
    (str, str, str)
        The lost cluster, its replicas, the others' replicas; two divisions where ties decide.
    """
    total = plan.services[name].total
    replicas = workload.by_cluster(plan.scenario, plan.services[name].replicas)
    for lost in weights:
        left = {cluster: weight for cluster, weight in weights.items() if cluster != lost}
        found = [_words(divide_static(total, left, uid=uid)) for uid in UIDS] if left else ["none"]
        yield lost, str(replicas[lost]), " or ".join(dict.fromkeys(found))


def _mode(plan: Plan) -> str:
    """Return 'off', 'on' or 'tuned'."""
    return plan.scenario.federation.karmada_failover


def _toleration(seconds: int | None) -> list[Document]:
    """Tolerate the taint for some seconds, for ever with None, not at all with 0."""
    if seconds == 0:
        return []
    known: Document = {"key": TAINT, "operator": "Exists", "effect": "NoExecute"}
    return [known if seconds is None else known | {"tolerationSeconds": seconds}]


def _ready(operator: str) -> Document:
    """Build a condition on readiness."""
    return {"conditionType": "Ready", "operator": operator, "statusValues": ["True"]}


def _divided(plan: Plan) -> Iterator[str]:
    """Yield the services whose replicas Karmada divides."""
    for name in workload.placed_services(plan):
        deployed = writes(plan, "federation", "Deployment", name, "karmada")
        if deployed and scaler_of(plan, name) != "member":
            yield name


def _words(replicas: Mapping[str, int]) -> str:
    """Write a division."""
    return ", ".join(f"{cluster} {count}" for cluster, count in replicas.items())


def _host(plan: Plan) -> str:
    """Return the context of the cluster that hosts Karmada."""
    host = plan.scenario.federation.host_region
    return naming.cluster_context(workload.cluster_of(plan.scenario, host))


def _allow_script(plan: Plan) -> str:
    """Write the script that turns the webhook's switch."""
    return text(
        "karmada_allow_taints.sh.j2",
        host=_host(plan),
        namespace=naming.KARMADA_NAMESPACE,
        webhook=WEBHOOK,
        switch=ALLOW_TAINTS,
    )


def _failback_script(plan: Plan) -> str:
    """Write the script that moves replicas back when the returned cluster is clean."""
    return text(
        "karmada_failback.sh.j2",
        context=naming.KARMADA_CONTEXT,
        clusters=workload.active_clusters(plan),
        taint=TAINT,
        rebalancer=REBALANCER,
    )


def _readme(plan: Plan, divided: list[str], weights: Weights) -> str:
    """Write what a dead cluster's share does, with and without the switches, and the way back."""
    regions = plan.scenario.regions.values()
    mode, wanted = _mode(plan), plan.scenario.federation.redivision_s
    return text(
        "karmada_failover.md.j2",
        mode=mode,
        host=_host(plan),
        namespace=naming.KARMADA_NAMESPACE,
        context=naming.KARMADA_CONTEXT,
        manager=MANAGER,
        webhook=WEBHOOK,
        switch=ALLOW_TAINTS,
        taint=TAINT,
        timers=_TIMERS if mode == "tuned" else {},
        measured_s=MEASURED_S[mode],
        patience_s=patience_s(plan),
        too_early=wanted is not None and wanted < MEASURED_S[mode],
        wanted_s=wanted,
        pull=[region.cluster for region in regions if region.distribution != "kubeadm"],
        undivided=[n for n in workload.placed_services(plan) if n not in divided],
        rows=[(name, *row) for name in divided for row in after_loss(plan, name, weights[name])],
    )

"""Sets of clusters for which files of an export are: all, those that run anything, the host."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from planner.exporters import monitoring, naming, workload
from planner.exporters.requirements import platform_of, service_platform
from planner.model.plan import Plan

Sites = Callable[[Plan], tuple[str, ...]]
"""From a plan to names of clusters, or of API servers."""


def active(plan: Plan) -> tuple[str, ...]:
    """Return the clusters in which the plan runs anything."""
    return workload.active_clusters(plan)


def every(plan: Plan) -> tuple[str, ...]:
    """Return all clusters: a spare region has its place in the mesh, too."""
    return tuple(workload.region_of_cluster(plan.scenario))


def kubeadm(plan: Plan) -> tuple[str, ...]:
    """Return the clusters that kubeadm installs."""
    return _of_distribution(plan, "kubeadm")


def k3s(plan: Plan) -> tuple[str, ...]:
    """Return the clusters that K3s installs."""
    return _of_distribution(plan, "k3s")


def host(plan: Plan) -> tuple[str, ...]:
    """Return the cluster that hosts the federation."""
    scenario = plan.scenario
    return (workload.cluster_of(scenario, scenario.federation.host_region),)


def kubefed(plan: Plan) -> tuple[str, ...]:
    """Return where KubeFed's objects are applied: its host; nowhere if it is not the controller."""
    return host(plan) if plan.scenario.federation.controller == "kubefed" else ()


def karmada_host(plan: Plan) -> tuple[str, ...]:
    """Return where Karmada is installed; nowhere if it is not the controller."""
    return host(plan) if plan.scenario.federation.controller == "karmada" else ()


def karmada(plan: Plan) -> tuple[str, ...]:
    """Return where Karmada's objects are applied: its own API server; nowhere if not chosen."""
    return (naming.KARMADA_CONTEXT,) if karmada_host(plan) else ()


def storage(plan: Plan) -> tuple[str, ...]:
    """Return the clusters that hold replicated storage."""
    known = platform_of(plan).storage
    regions = () if known is None else (known.region, known.mirror_region)
    return tuple(workload.cluster_of(plan.scenario, r) for r in regions if r is not None)


def mirrored(plan: Plan) -> tuple[str, ...]:
    """Return the clusters whose storage is mirrored: only there it has objects of its own."""
    clusters = storage(plan)
    return clusters if len(clusters) > 1 else ()


def watched(plan: Plan) -> tuple[str, ...]:
    """Return the clusters with a Prometheus."""
    home = platform_of(plan).monitoring.home
    return () if home is None else _clusters(plan, monitoring.watched_regions(plan, home))


def alerting(plan: Plan) -> tuple[str, ...]:
    """Return the clusters with an Alertmanager."""
    home = platform_of(plan).monitoring.home
    return () if home is None else _clusters(plan, monitoring.alerting_regions(plan, home))


def monitoring_home(plan: Plan) -> tuple[str, ...]:
    """Return the cluster that collects from all others."""
    home = platform_of(plan).monitoring.home
    return () if home is None else _clusters(plan, (home,))


def rolled_out(plan: Plan) -> tuple[str, ...]:
    """Return the clusters in which Rollouts stand in Deployments' place."""
    services = [n for n in workload.placed_services(plan) if service_platform(plan, n).rollout]
    return _clusters(
        plan,
        [
            region
            for region in plan.scenario.regions
            if any(plan.services[name].replicas.get(region, 0) > 0 for name in services)
        ],
    )


def karmada_of_rollouts(plan: Plan) -> tuple[str, ...]:
    """Return Karmada's API server where it must learn what a Rollout is."""
    return karmada(plan) if rolled_out(plan) else ()


def karmada_of_failover(plan: Plan) -> tuple[str, ...]:
    """Return Karmada's API server where it is to move a lost cluster's share."""
    return karmada(plan) if plan.scenario.federation.karmada_failover != "off" else ()


def _clusters(plan: Plan, regions: Iterable[str]) -> tuple[str, ...]:
    """Return the clusters of some regions."""
    return tuple(workload.cluster_of(plan.scenario, region) for region in regions)


def _of_distribution(plan: Plan, distribution: str) -> tuple[str, ...]:
    """Return the clusters of a distribution."""
    regions = plan.scenario.regions.values()
    return tuple(region.cluster for region in regions if region.distribution == distribution)

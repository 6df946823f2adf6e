"""The tree of each cluster: what the federation does not write."""

from __future__ import annotations

from pathlib import PurePosixPath

from planner.exporters import workload
from planner.exporters.external_dns import cluster_folder
from planner.exporters.hours import disruptable
from planner.exporters.kubernetes import export_kubernetes
from planner.exporters.kustomize import kustomization
from planner.exporters.packing_order import start_order
from planner.exporters.rendering import text
from planner.exporters.wave_parts import TABLE
from planner.exporters.wave_table import WAVES
from planner.exporters.waves import Part, Wave
from planner.model.manifest import Manifest
from planner.model.plan import Plan


def export_clusters(plan: Plan) -> tuple[Manifest, ...]:
    """Return a Kustomize tree for each cluster, and the README of the whole export.

    A federation writes namespaces, Deployments and Services; every object has one writer, so a
    cluster's own tree holds only the rest: disruption budgets and the cluster's own DNS name. On a
    known platform these are the trees of the target ``kubernetes``.

    Parameters
    ----------
    plan : Plan
        What was decided.

    Returns
    -------
    tuple of Manifest
        ``README.md`` and ``clusters/<cluster>/...``.

    Raises
    ------
    MissingInputs
        If there is a platform that lacks something.
    """
    manifests: list[Manifest] = [Manifest(PurePosixPath("README.md"), _readme(plan))]
    if plan.scenario.platform is not None:
        return (*manifests, *export_kubernetes(plan))
    for cluster in workload.active_clusters(plan):
        manifests += _tree(plan, cluster)
        manifests += cluster_folder(plan, cluster)
    return tuple(manifests)


def _tree(plan: Plan, cluster: str) -> list[Manifest]:
    """Build the disruption budgets of one cluster and its kustomization."""
    folder = PurePosixPath("clusters", cluster)
    region = workload.region_of_cluster(plan.scenario)[cluster]
    budgets = tuple(
        workload.disruption_budget(plan.scenario, name, disruptable(plan, name, region))
        for name in workload.placed_services(plan)
        if plan.services[name].replicas.get(region, 0) > 0
    )
    files = [Manifest(folder / "pod-disruption-budgets.yaml", budgets)] if budgets else []
    resources = ["external-dns", *(file.path.name for file in files)]
    return [kustomization(folder, resources), *files]


def _readme(plan: Plan) -> str:
    """Write the README of the whole export."""
    federation = plan.scenario.federation
    return text(
        "README.md.j2",
        scenario=plan.scenario.scenario,
        namespace=plan.scenario.namespace,
        controller=federation.controller,
        host=workload.cluster_of(plan.scenario, federation.host_region),
        clusters=workload.active_clusters(plan),
        platform=plan.scenario.platform is not None,
        packing=plan.scenario.policy.packing,
        start_order=start_order(plan),
        waves=_waves(plan),
        missing=[s for s in plan.scenario.services if s not in workload.placed_services(plan)],
    )


def _waves(plan: Plan) -> list[tuple[int, Wave, list[tuple[Part, str]]]]:
    """List waves with their parts and where each goes, each folder of a target once."""
    found = []
    for number, wave in enumerate(WAVES, start=1):
        parts: dict[tuple[str, str], tuple[Part, str]] = {}
        for part in (part for part in TABLE if part.wave == wave.name):
            if where := _where(plan, part):
                parts.setdefault((part.target, part.folder), (part, where))
        found.append((number, wave, list(parts.values())))
    return found


def _where(plan: Plan, part: Part) -> str:
    """Say where files go, or why nowhere; nothing of a part that this plan has not."""
    controller = plan.scenario.federation.controller
    other = part.folder == f"federation/{part.target}" and part.target != controller
    nowhere = f"**do not apply**: the scenario's controller is {controller}" if other else ""
    return ", ".join(part.sites(plan)) or nowhere

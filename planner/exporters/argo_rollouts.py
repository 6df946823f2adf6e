"""Argo Rollouts: canaries in the Deployments' place, judged by the plan, region after region."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from planner.errors import MissingInputs
from planner.exporters import analysis, naming, workload
from planner.exporters.alerts import start_s
from planner.exporters.analysis import Thresholds, analysis_template, thresholds
from planner.exporters.canary import Step, canary_steps
from planner.exporters.karmada import REGION_VARIABLE
from planner.exporters.kustomize import kustomization
from planner.exporters.monitoring import availability_objective, refuse_hostile_names
from planner.exporters.pods import pod_inputs
from planner.exporters.rendering import text
from planner.exporters.requirements import absent, each_service, service_platform
from planner.exporters.rollout_interpreter import interpreter
from planner.exporters.scalers import scaler_of
from planner.exporters.steering import State, first_up, host_steering
from planner.exporters.versions import versions
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

TARGET = "argo_rollouts"
ROLLOUTS = "rollouts"
CHART = "argo-rollouts"
ROOT = PurePosixPath("clusters")
DOCS = PurePosixPath("docs/rollouts")
INTERPRETER = PurePosixPath("federation/karmada/rollouts")
API_VERSION = "argoproj.io/v1alpha1"

_UP = State("up", ())


def export_argo_rollouts(plan: Plan) -> tuple[Manifest, ...]:
    """Return a Rollout and an AnalysisTemplate for each service that is rolled out, by cluster.

    Parameters
    ----------
    plan : Plan
        What was decided, with its platform: ``platform.services.<name>.rollout`` says which
        services.

    Returns
    -------
    tuple of Manifest
        ``clusters/<cluster>/rollouts/...``, chart values in ``clusters/<cluster>/argo-rollouts``,
        ``docs/rollouts/README.md`` and the script that goes from region to region; for Karmada its
        interpreter of Rollouts in ``federation/karmada/rollouts``. If no service is rolled out,
        only the README, which says so.

    Raises
    ------
    MissingInputs
        With everything that pods, analyses and thresholds lack.
    UnfaithfulExport
        If a name is none, or the availability is too low to judge errors by.
    """
    refuse_hostile_names(plan)
    services = rolled_services(plan)
    if not services:
        return (Manifest(DOCS / "README.md", _readme(plan, {}, {}, "")),)
    objective, source = _objective(plan)
    orders = {name: region_order(plan, name) for name in services}
    limits = {
        (name, region): thresholds(plan, name, region, objective)
        for name, order in orders.items()
        for region in order
    }
    karmada = plan.scenario.federation.controller == "karmada"
    return (
        Manifest(DOCS / "README.md", _readme(plan, orders, limits, source)),
        Manifest(DOCS / "rollout.sh", _script(plan, orders), executable=True),
        *(m for region in plan.scenario.regions for m in _cluster(plan, region, orders, objective)),
        *(interpreter(INTERPRETER) if karmada else ()),
    )


def rolled_services(plan: Plan) -> tuple[str, ...]:
    """Return the placed services with a Rollout, in the scenario's order."""
    placed = workload.placed_services(plan)
    return tuple(name for name in placed if service_platform(plan, name).rollout)


def region_order(plan: Plan, name: str) -> tuple[str, ...]:
    """Return the regions of a service in the order in which a new version reaches them.

    Parameters
    ----------
    plan : Plan
        What was decided.
    name : str
        The service.

    Returns
    -------
    tuple of str
        Regions with replicas; those that serve fewest users first, the federation's host last.
    """
    users = dict.fromkeys(plan.scenario.regions, 0.0)
    host = plan.scenario.services[name].host
    if host in plan.hosts:
        for order, count in host_steering(plan, host).users.items():
            users[first_up(order, _UP)] += count
    home = plan.scenario.federation.host_region
    placed = [region for region, count in plan.services[name].replicas.items() if count > 0]
    return tuple(sorted(placed, key=lambda region: (region == home, users[region], region)))


def rollout(plan: Plan, name: str, region: str) -> Document:
    """Return the Rollout of a service in one cluster: its Deployment with a canary.

    Parameters
    ----------
    plan : Plan
        What was decided.
    name, region : str
        The service and the region of the cluster.
    """
    document = workload.deployment(plan.scenario, name, plan.services[name].replicas[region])
    spec = document["spec"]
    rolling = spec.pop("strategy")["rollingUpdate"]
    if scaler_of(plan, name) == "member":
        # The autoscaler owns the field: the next apply would conflict over it.
        del spec["replicas"]
    if plan.scenario.federation.controller == "karmada":
        _tell_region(spec["template"], region)
    steps = [part for step in _steps(plan, name, region) for part in _judged(name, step)]
    canary = {**rolling, **({"steps": steps} if steps else {})}
    return document | {
        "apiVersion": API_VERSION,
        "kind": "Rollout",
        "spec": spec | {"progressDeadlineAbort": True, "strategy": {"canary": canary}},
    }


def _tell_region(template: Document, region: str) -> None:
    """Tell the pods their region, as Karmada's overrides tell those of a Deployment."""
    container = template["spec"]["containers"][0]
    container["env"] = [{"name": REGION_VARIABLE, "value": region}]


def _steps(plan: Plan, name: str, region: str) -> tuple[Step, ...]:
    """Return the steps that fit the replicas of a region."""
    surge = plan.scenario.services[name].surge_replicas
    return canary_steps(plan.services[name].replicas[region], surge)


def _judged(name: str, step: Step) -> tuple[Document, Document]:
    """Set a weight, and judge it before the next."""
    latest = {"name": analysis.HASH, "valueFrom": {"podTemplateHashValue": "Latest"}}
    judge = {"templates": [{"templateName": name}], "args": [latest]}
    return {"setWeight": step.weight}, {"analysis": judge}


def _objective(plan: Plan) -> tuple[float, str]:
    """Return the availability promised and its source, or refuse with all that is missing."""
    services = rolled_services(plan)
    pods = [path for path in pod_inputs(plan) if path.split(".")[1] in services]
    missing = list(
        absent(plan, [*pods, "monitoring.home", *each_service(services, "metrics_port")])
    )
    try:
        found = availability_objective(plan, TARGET)
    except MissingInputs as error:
        missing += error.missing[TARGET]
    if missing:
        raise MissingInputs({TARGET: sorted(missing)})
    return found


def _cluster(
    plan: Plan, region: str, orders: Mapping[str, tuple[str, ...]], objective: float
) -> list[Manifest]:
    """Build the files of one cluster; none where nothing is rolled out."""
    names = [name for name, order in orders.items() if region in order]
    if not names:
        return []
    folder = ROOT / workload.cluster_of(plan.scenario, region)
    files = [
        Manifest(
            folder / ROLLOUTS / f"{name}.yaml",
            (analysis_template(plan, name, region, objective), rollout(plan, name, region)),
        )
        for name in names
    ]
    return [
        Manifest(folder / CHART / "values.yaml", (_values(),)),
        kustomization(folder / ROLLOUTS, [file.path.name for file in files]),
        *files,
    ]


def _values() -> Document:
    """Build the values of the chart: two controllers, one at work, seen by Prometheus."""
    seen = {"enabled": True, "additionalLabels": {naming.RELEASE_LABEL: naming.MONITORING_RELEASE}}
    return {
        "installCRDs": True,
        "keepCRDs": True,
        "controller": {
            "replicas": 2,
            "metrics": {"enabled": True, "serviceMonitor": seen},
            "pdb": {"enabled": True, "maxUnavailable": 1},
        },
        "dashboard": {"enabled": False},
    }


def _script(plan: Plan, orders: Mapping[str, tuple[str, ...]]) -> str:
    """Write the script that goes from region to region."""
    longest = max(len(_steps(plan, n, region)) for n, order in orders.items() for region in order)
    judged = analysis.WINDOW_S + analysis.MEASUREMENTS * analysis.INTERVAL_S
    wait_s = round((longest + 1) * (judged + 2 * start_s(plan)))
    return text(
        "argo_rollout.sh.j2",
        namespace=plan.scenario.namespace,
        manager=naming.MANAGER,
        folder=ROLLOUTS,
        wait_s=wait_s,
        orders={name: _contexts(plan, order) for name, order in orders.items()},
    )


def _contexts(plan: Plan, regions: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return folder and context of each region's cluster."""
    clusters = [workload.cluster_of(plan.scenario, region) for region in regions]
    return [(cluster, naming.cluster_context(cluster)) for cluster in clusters]


def _readme(
    plan: Plan,
    orders: Mapping[str, tuple[str, ...]],
    limits: Mapping[tuple[str, str], Thresholds],
    source: str,
) -> str:
    """Write what is rolled out, in which order, and what stops it."""
    rows = [
        (name, region, plan.services[name].replicas[region], _steps(plan, name, region), limit)
        for (name, region), limit in limits.items()
    ]
    part = versions(plan, ("argo-rollouts",) if orders else ())["argo-rollouts"]
    return text(
        "argo_rollouts.md.j2",
        chart=part,
        rows=rows,
        orders=orders,
        home=plan.scenario.federation.host_region,
        controller=plan.scenario.federation.controller,
        source=source,
        address=analysis.prometheus_address(plan),
        measurements=analysis.MEASUREMENTS,
        interval_s=analysis.INTERVAL_S,
        noise=analysis.NOISE,
        member=[name for name in orders if scaler_of(plan, name) == "member"],
    )

"""OPERATIONS.md: how the files of a plan are rolled out, when to stop, and how to go back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from planner.exporters import naming, workload
from planner.exporters.helmfile import RELEASES, namespace_of, releases
from planner.exporters.hours import fewest_replicas, without_spare
from planner.exporters.packing_order import start_order
from planner.exporters.prerequisites import (
    Prerequisite,
    named_endpoints,
    names_in_checks,
    prerequisites,
    tools,
)
from planner.exporters.rendering import text
from planner.exporters.requirements import each_region, require, service_platform
from planner.exporters.secret_notes import SecretNote
from planner.exporters.secrets import secrets_of
from planner.exporters.versions import Component, end_of_life, versions
from planner.exporters.wave_parts import TABLE
from planner.exporters.wave_table import WAVES
from planner.exporters.waves import Step, Wave, apply_command, steps
from planner.model.manifest import Manifest
from planner.model.plan import Plan

TARGET = "operations"
CLUSTER_VERSIONS = ("kubernetes", "k3s")


@dataclass(frozen=True)
class Stage:
    """A wave of one plan.

    Attributes
    ----------
    number : int
        Place in the order, from 1.
    wave : Wave
        What it is.
    steps : tuple of Step
        Everything that is done in it.
    charts : tuple of str
        Commands that install its charts.
    tries : tuple of str
        Commands that try its objects on the servers and change nothing.
    applies : tuple of str
        Commands that apply its objects.
    ready : tuple of str
        Commands that return once its charts and machines are ready for its objects.
    waits : tuple of str
        Commands that return once the next wave may begin.
    secrets : tuple of SecretNote
        Secrets that must exist before it.
    checks : tuple of str
        Commands that look for what no chart here brings.
    """

    number: int
    wave: Wave
    steps: tuple[Step, ...]
    charts: tuple[str, ...]
    tries: tuple[str, ...]
    applies: tuple[str, ...]
    ready: tuple[str, ...]
    waits: tuple[str, ...]
    secrets: tuple[SecretNote, ...]
    checks: tuple[str, ...]


@dataclass(frozen=True)
class Bound:
    """What a service is measured by during a roll-out, in one cluster.

    Attributes
    ----------
    service, cluster : str
        Whom it concerns.
    replicas : int
        Fewest replicas that the plan has.
    p95_ms : float or None
        The plan's 95th percentile of the users served there; None where it serves nobody.
    promised_ms : float
        What is promised to users.
    waits : str
        Command that returns once the replicas are there; empty where a Rollout stands for them.
    """

    service: str
    cluster: str
    replicas: int
    p95_ms: float | None
    promised_ms: float
    waits: str


def export_operations(plan: Plan) -> tuple[Manifest, ...]:
    """Return ``OPERATIONS.md``, written from the table of waves.

    Parameters
    ----------
    plan : Plan
        What was decided, with its platform.

    Returns
    -------
    tuple of Manifest
        One file.

    Raises
    ------
    MissingInputs
        If there is no platform to speak of.
    UnfaithfulExport
        If a name is none or versions clash: they stand in commands.
    """
    classes = each_region(plan.active_regions, "ingress_class")
    require(plan, TARGET, ["services", "regions", *classes])
    naming.refuse_bad_names(naming.names_of(plan) | names_in_checks(plan))
    used = tuple(dict.fromkeys(release.component for release, _ in releases(plan)))
    table = versions(plan, (*CLUSTER_VERSIONS, *used))
    federation = plan.scenario.federation
    numbers = {wave.name: place for place, wave in enumerate(WAVES, start=1)}
    content = text(
        "operations.md.j2",
        scenario=plan.scenario.scenario,
        namespace=plan.scenario.namespace,
        digest=plan.scenario_digest,
        manager=naming.MANAGER,
        controller=federation.controller,
        federation_context=_federation_context(plan),
        karmada=naming.KARMADA_CONTEXT,
        contexts=[naming.cluster_context(c) for c in workload.region_of_cluster(plan.scenario)],
        versions=[table[name] for name in (*CLUSTER_VERSIONS, *used)],
        prerequisites=sorted(prerequisites(plan), key=lambda one: numbers[one.wave]),
        numbers=numbers,
        tools=tools(plan),
        endpoints=named_endpoints(plan),
        ended=[name for name in CLUSTER_VERSIONS if end_of_life(table[name].version)],
        series=_series,
        stages=list(stages(plan)),
        bounds=list(bounds(plan)),
        tight=_tight(plan),
        headroom=plan.headroom,
        worst=plan.worst_state,
        live=live_contexts(plan),
        start_order=start_order(plan),
    )
    return (Manifest(PurePosixPath("OPERATIONS.md"), content),)


def stages(plan: Plan) -> Iterator[Stage]:
    """Yield the waves in which something is done.

    Parameters
    ----------
    plan : Plan
        Knows the clusters and the controller.
    """
    done = list(steps(plan, TABLE))
    charts = {release.wave for release, _ in releases(plan) if not release.chosen}
    beside = prerequisites(plan)
    known: set[SecretNote] = set()
    for wave in WAVES:
        own = tuple(step for step in done if step.part.wave == wave.name)
        needed = tuple(n for n in secrets_of(plan) if _needs(plan, wave, n) and n not in known)
        known |= set(needed)
        applied = [step for step in own if step.part.action == "apply"]
        yield Stage(
            number=1 + WAVES.index(wave),
            wave=wave,
            steps=own,
            charts=_charts(wave, charts),
            tries=tuple(apply_command(step, dry_run=True) for step in applied),
            applies=tuple(apply_command(step) for step in applied),
            ready=_waits(step for step in own if step.part.action != "apply"),
            waits=_waits(applied),
            secrets=needed,
            checks=_checks(beside, wave),
        )


def bounds(plan: Plan) -> Iterator[Bound]:
    """Yield what each service is measured by in each cluster that runs it.

    Parameters
    ----------
    plan : Plan
        What was decided.
    """
    for name in workload.placed_services(plan):
        decided, promised = plan.services[name], plan.scenario.services[name].objective.p95_ms
        for region, place in plan.scenario.regions.items():
            count = fewest_replicas(plan, name, region)
            if count > 0:
                wait = _replicas_wait(plan, name, place.cluster, count)
                yield Bound(name, place.cluster, count, decided.p95_ms.get(region), promised, wait)


def _replicas_wait(plan: Plan, name: str, cluster: str, count: int) -> str:
    """Return the command that waits for a service's replicas; an autoscaler may hold more."""
    known = service_platform(plan, name)
    if known.rollout:
        return ""
    condition = f"jsonpath='{{.status.availableReplicas}}'={count}"
    condition = condition if known.scaler == "pinned" else "condition=Available"
    return (
        f"kubectl --context {naming.cluster_context(cluster)} --namespace "
        f"{plan.scenario.namespace} wait --for={condition} deployment/{name} --timeout=10m"
    )


def _tight(plan: Plan) -> dict[str, list[str]]:
    """Return the services of which the normal peak hour can spare no pod, and in which clusters."""
    found: dict[str, list[str]] = {}
    for name, region in without_spare(plan):
        found.setdefault(name, []).append(workload.cluster_of(plan.scenario, region))
    return found


def live_contexts(plan: Plan) -> tuple[str, ...]:
    """Return the contexts whose live objects can be compared with the plan.

    Parameters
    ----------
    plan : Plan
        Knows the clusters and the controller.
    """
    applied = (step.context for step in steps(plan, TABLE) if step.part.action == "apply")
    return tuple(dict.fromkeys(applied))


def _waits(done: Iterable[Step]) -> tuple[str, ...]:
    """Return what is waited for after some steps, each command once."""
    return tuple(dict.fromkeys(wait for step in done for wait in step.waits))


def _checks(beside: Iterable[Prerequisite], wave: Wave) -> tuple[str, ...]:
    """Return the commands that look for what a wave needs beside the export."""
    return tuple(check for one in beside if one.wave == wave.name for check in one.checks)


def _charts(wave: Wave, charts: set[str]) -> tuple[str, ...]:
    """Return the command that installs the charts of a wave; steering is chosen by hand."""
    chosen = [r for r in RELEASES if r.chosen and r.wave == wave.name]
    if chosen:
        return tuple(
            f"helmfile --state-values-set {r.name}.enabled=true --selector name={r.name} apply"
            for r in chosen
        )
    return (f"helmfile --selector wave={wave.name} apply",) if wave.name in charts else ()


def _needs(plan: Plan, wave: Wave, note: SecretNote) -> bool:
    """Return whether a Secret must exist before a wave; its namespace is made by an earlier one."""
    if note.made != "before":
        return False
    if note.namespace == plan.scenario.namespace:
        return wave.name == "workloads"
    return any(
        namespace_of(plan, release) == note.namespace and release.wave == wave.name
        for release, _ in releases(plan)
    )


def _federation_context(plan: Plan) -> str:
    """Return the context to which the federation's objects are applied."""
    if plan.scenario.federation.controller == "karmada":
        return naming.KARMADA_CONTEXT
    host = workload.cluster_of(plan.scenario, plan.scenario.federation.host_region)
    return naming.cluster_context(host)


def _series(component: Component) -> str:
    """Write the series of Kubernetes that a component runs on."""
    low, high = component.kubernetes
    top = "any later" if high[1] == 99 else f"{high[0]}.{high[1]}"
    return f"{low[0]}.{low[1]} to {top}"

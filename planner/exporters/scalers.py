"""Who sets replicas: fixed as planned, an autoscaler in each cluster, or one over all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planner.errors import UnfaithfulExport
from planner.exporters import workload
from planner.exporters.agreement import must_agree
from planner.exporters.divided_states import divided_states
from planner.exporters.hours import day_totals, fewest_replicas, hour_by_hour, schedule_of
from planner.exporters.requirements import service_platform
from planner.exporters.schedules import MINUTES_PER_HOUR, schedule_rules
from planner.exporters.writer_rows import Scaler
from planner.federation.karmada import divide_static, names_descend
from planner.model.manifest import Document
from planner.model.plan import Plan

# The template's UID exists only once it is created, and ties fall by it: both orders are checked.
UIDS = tuple(next(u for u in "abcdefgh" if names_descend(u) is order) for order in (False, True))


def scaler_of(plan: Plan, name: str) -> Scaler:
    """Return who sets the replicas of a service: 'pinned', 'member' or 'federated'.

    Raises
    ------
    UnfaithfulExport
        If an autoscaler over all clusters is asked for beside a Rollout, which no federation
        divides.
    """
    known = service_platform(plan, name)
    if known.rollout and known.scaler == "federated":
        raise UnfaithfulExport(
            f"platform.services.{name}: a Rollout stands in each cluster and no federation divides "
            "it; write scaler 'member' or 'pinned', or rollout false"
        )
    return known.scaler


def member_autoscaler(plan: Plan, region: str, name: str) -> Document:
    """Return the HorizontalPodAutoscaler of a service in one cluster.

    Parameters
    ----------
    plan : Plan
        What was decided.
    region : str
        Region of the cluster.
    name : str
        The service; it has an ``autoscaler``.

    Returns
    -------
    dict
        From what the hour that needs most needs to survive every promised state (it knows no
        hours) to what the pools hold.

    Raises
    ------
    UnfaithfulExport
        If the scenario describes no autoscaler.
    """
    service, least = plan.services[name], fewest_replicas(plan, name, region)
    rollout = service_platform(plan, name).rollout
    target = ("argoproj.io/v1alpha1", "Rollout") if rollout else ("apps/v1", "Deployment")
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": workload.metadata(plan.scenario, name),
        "spec": {
            "scaleTargetRef": {"apiVersion": target[0], "kind": target[1], "name": name},
            "minReplicas": least,
            "maxReplicas": max(least, service.max_replicas.get(region, 0)),
            "metrics": _metrics(plan, name),
        },
    }


def federated_autoscalers(
    plan: Plan, name: str, weights: Mapping[str, int]
) -> tuple[Document, ...]:
    """Return Karmada's autoscaler over all clusters, and its schedule where totals follow the day.

    Parameters
    ----------
    plan : Plan
        What was decided, as `planner.exporters.hours.as_scheduled` has it.
    name : str
        The service.
    weights : mapping of str to int
        Static weights by cluster, with which Karmada divides every total.

    Returns
    -------
    tuple of dict
        A FederatedHPA from the plan's total to the largest that fits the pools after division, and
        a CronFederatedHPA that sets its minimum by hour. Without an autoscaler in the scenario the
        schedule sets the Deployment's replicas. Nothing where neither is to be had and another
        controller is the one that is applied.

    Raises
    ------
    UnfaithfulExport
        If there is neither an autoscaler nor a schedule, or a total does not fit or does not hold.
    """
    hours = schedule_of(plan, name, "karmada")
    has_autoscaler = plan.scenario.services[name].autoscaler is not None
    if not has_autoscaler and hours is None:
        if plan.scenario.federation.controller != "karmada":
            return ()
        raise UnfaithfulExport(
            f"platform.services.{name}.scaler is 'federated', but services.{name} has no "
            "autoscaler and the plan no totals by the hour; describe the one there, or plan with "
            "policy.replicas hourly"
        )
    _refuse_hours(plan, name, weights)
    most = largest_total(plan, name, weights)
    scalers = [_federated(plan, name, most)] if has_autoscaler else []
    if hours is not None and plan.hourly is not None:
        scalers.append(_cron(plan, name, day_totals(plan.hourly, name), has_autoscaler))
    return tuple(scalers)


def _refuse_hours(plan: Plan, name: str, weights: Mapping[str, int]) -> None:
    """Refuse totals that Karmada divides otherwise than planned, or that do not fit the pools."""
    for hour, stands in hour_by_hour(plan, name, "karmada"):
        total = stands.services[name].total
        for uid in UIDS:
            must_agree("Karmada", divide_static(total, weights, uid=uid), stands, name)
        sentence = overfull(stands, name, weights, total)
        if sentence is not None:
            raise UnfaithfulExport(f"{sentence}, with the total {total} of {hour:02d}:00 UTC")


def largest_total(plan: Plan, name: str, weights: Mapping[str, int]) -> int:
    """Return the largest total that Karmada divides into what the pools of every cluster hold.

    Parameters
    ----------
    plan : Plan
        What was decided.
    name : str
        The service.
    weights : mapping of str to int
        Static weights by cluster.

    Returns
    -------
    int
        At least the plan's total.

    Raises
    ------
    UnfaithfulExport
        If already the plan's total does not fit, everything up or, where Karmada moves replicas,
        in a promised state in which a control plane is left.

    Notes
    -----
    Webster's method is monotone in the total, so the first total that does not fit ends the search.
    """
    total = plan.services[name].total
    sentence = overfull(plan, name, weights, total)
    if sentence is not None:
        raise UnfaithfulExport(f"{sentence}; {ROOM_CURE}")
    most = sum(workload.by_cluster(plan.scenario, plan.services[name].max_replicas).values())
    while total < most and overfull(plan, name, weights, total + 1) is None:
        total += 1
    return total


ROOM_CURE = (
    "larger pools hold more, and with 'federation.karmada_failover: off' a lost cluster's share "
    "does not move"
)
"""What may be done where Karmada's division does not fit."""


def overfull(plan: Plan, name: str, weights: Mapping[str, int], total: int) -> str | None:
    """Say in which promised state Karmada's division of a total does not fit, None if in none.

    Parameters
    ----------
    plan : Plan
        Its `federation.karmada_failover` says whether a lost cluster's share moves.
    name : str
        The service.
    weights : mapping of str to int
        Static weights by cluster.
    total : int
        Replicas over all clusters.
    """
    scenario, service = plan.scenario, plan.services[name]
    regions = workload.region_of_cluster(scenario)
    moves = scenario.federation.karmada_failover != "off"
    for state in divided_states(plan) if moves else divided_states(plan)[:1]:
        left = {c: weight for c, weight in weights.items() if regions[c] not in state.lost}
        for uid in UIDS:
            for cluster, count in divide_static(total, left, uid=uid).items():
                held = service.max_replicas.get(regions[cluster], 0)
                if count > held:
                    return (
                        f"Karmada would place {count} replicas of the service '{name}' in "
                        f"'{cluster}' in the state '{state.name}'; its pools hold {held}"
                    )
    return None


def _metrics(plan: Plan, name: str) -> list[Document]:
    """Aim at the planned utilisation; the share is one of the CPU request."""
    autoscaler = plan.scenario.services[name].autoscaler
    if autoscaler is None:
        raise UnfaithfulExport(
            f"platform.services.{name}.scaler needs services.{name}.autoscaler; describe it there, "
            "or write 'pinned'"
        )
    target = {
        "type": "Utilization",
        "averageUtilization": max(1, round(100 * autoscaler.target_share)),
    }
    return [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _federated(plan: Plan, name: str, most: int) -> Document:
    """Build the autoscaler over all clusters."""
    return {
        "apiVersion": "autoscaling.karmada.io/v1alpha1",
        "kind": "FederatedHPA",
        "metadata": workload.metadata(plan.scenario, name),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": plan.services[name].total,
            "maxReplicas": most,
            "metrics": _metrics(plan, name),
        },
    }


def _cron(plan: Plan, name: str, totals: Sequence[int], has_autoscaler: bool) -> Document:
    """Build the schedule of totals, or of the autoscaler's minimums."""
    version, kind, field = (
        ("autoscaling.karmada.io/v1alpha1", "FederatedHPA", "targetMinReplicas")
        if has_autoscaler
        else ("apps/v1", "Deployment", "targetReplicas")
    )
    rules = [
        {
            "name": f"at-{minute // MINUTES_PER_HOUR:02d}{minute % MINUTES_PER_HOUR:02d}",
            "schedule": f"{minute % MINUTES_PER_HOUR} {minute // MINUTES_PER_HOUR} * * *",
            "timeZone": "UTC",
            field: total,
        }
        for minute, total in schedule_rules(totals, plan.scenario.services[name].startup_s)
    ]
    return {
        "apiVersion": "autoscaling.karmada.io/v1alpha1",
        "kind": "CronFederatedHPA",
        "metadata": workload.metadata(plan.scenario, name),
        "spec": {
            "scaleTargetRef": {"apiVersion": version, "kind": kind, "name": name},
            "rules": rules
            or [
                {
                    "name": "at-0000",
                    "schedule": "0 0 * * *",
                    "timeZone": "UTC",
                    field: totals[0],
                }
            ],
        },
    }

"""Who sets replicas: fixed as planned, an autoscaler in each cluster, or one over all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from planner.errors import UnfaithfulExport
from planner.exporters import workload
from planner.exporters.requirements import service_platform
from planner.exporters.steering import promised_states
from planner.exporters.writer_rows import Scaler
from planner.federation.karmada import divide_static, names_descend
from planner.model.manifest import Document
from planner.model.plan import Plan

HOURS = 24
MINUTES_PER_HOUR = 60
DAY_MINUTES = HOURS * MINUTES_PER_HOUR

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
        From the plan's replicas, with which every promised state is survived, to what the pools
        hold.

    Raises
    ------
    UnfaithfulExport
        If the scenario describes no autoscaler.
    """
    service = plan.services[name]
    least = service.replicas[region]
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
    plan: Plan,
    name: str,
    weights: Mapping[str, int],
    hourly: Mapping[str, Sequence[int]] | None = None,
) -> tuple[Document, ...]:
    """Return Karmada's autoscaler over all clusters, and its schedule if totals by hour are given.

    Parameters
    ----------
    plan : Plan
        What was decided.
    name : str
        The service.
    weights : mapping of str to int
        Static weights by cluster, with which Karmada divides every total.
    hourly : mapping of str to sequence of int, optional
        Service to its total in each of 24 hours, UTC.

    Returns
    -------
    tuple of dict
        A FederatedHPA from the plan's total to the largest that fits the pools after division, and
        a CronFederatedHPA that sets its minimum by hour. Without an autoscaler in the scenario the
        schedule sets the Deployment's replicas.

    Raises
    ------
    UnfaithfulExport
        If there is neither an autoscaler nor a schedule, or a total does not fit.
    """
    schedule = () if hourly is None else tuple(hourly.get(name, ()))
    has_autoscaler = plan.scenario.services[name].autoscaler is not None
    if not has_autoscaler and not schedule:
        raise UnfaithfulExport(
            f"platform.services.{name}.scaler is 'federated', but services.{name} has no "
            "autoscaler and no totals by hour are given; describe one of the two"
        )
    most = largest_total(plan, name, weights)
    scalers = [_federated(plan, name, most)] if has_autoscaler else []
    if schedule:
        scalers.append(_cron(plan, name, schedule, most, has_autoscaler))
    return tuple(scalers)


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
        in a promised state.

    Notes
    -----
    Webster's method is monotone in the total, so the first total that does not fit ends the search.
    """
    total = plan.services[name].total
    sentence = overfull(plan, name, weights, total)
    if sentence is not None:
        raise UnfaithfulExport(sentence)
    most = sum(workload.by_cluster(plan.scenario, plan.services[name].max_replicas).values())
    while total < most and overfull(plan, name, weights, total + 1) is None:
        total += 1
    return total


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
    for state in promised_states(plan) if moves else promised_states(plan)[:1]:
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


def schedule_rules(totals: Sequence[int], startup_s: float) -> Iterator[tuple[int, int]]:
    """Yield the minute of the day and the total at every change, UTC.

    Parameters
    ----------
    totals : sequence of int
        Replicas in each of 24 hours.
    startup_s : float
        Seconds until a new replica is ready: a total that rises is in force that much earlier,
        and a minute for the controllers.

    Yields
    ------
    (int, int)
        Minute 0 to 1439, and the total from then on.

    Examples
    --------
    >>> list(schedule_rules([2] * 8 + [6] * 16, startup_s=90.0))
    [(0, 2), (477, 6)]
    """
    lead = math.ceil(startup_s / MINUTES_PER_HOUR) + 1
    starts = {hour * MINUTES_PER_HOUR for hour in range(HOURS)}
    early = {(start - lead) % DAY_MINUTES for start in starts}
    before = _level(totals, DAY_MINUTES - 1, lead)
    for minute in sorted(starts | early):
        level = _level(totals, minute, lead)
        if level != before:
            yield minute, level
        before = level


def _level(totals: Sequence[int], minute: int, lead: int) -> int:
    """Return the largest total from a minute on until a start-up later."""
    hours = range(minute // MINUTES_PER_HOUR, (minute + lead) // MINUTES_PER_HOUR + 1)
    return max(totals[hour % HOURS] for hour in hours)


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


def _cron(
    plan: Plan, name: str, totals: Sequence[int], most: int, has_autoscaler: bool
) -> Document:
    """Build the schedule of totals, or of the autoscaler's minimums."""
    if len(totals) != HOURS or max(totals) > most or min(totals) < 1:
        raise UnfaithfulExport(
            f"the totals by hour of the service '{name}' must be {HOURS}, each from 1 to {most}, "
            "which the pools hold after Karmada's division"
        )
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

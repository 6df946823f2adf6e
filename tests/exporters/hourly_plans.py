"""The Taiwan plan with totals that follow the day, made without a search."""

from __future__ import annotations

from collections.abc import Mapping

from planner.exporters.preferences import preference_key, preferences
from planner.exporters.scalers import UIDS
from planner.federation.karmada import divide_static
from planner.federation.kubefed import divide
from planner.model.hourly import HourlyNeeds, HourlyReplicas, ServiceHours, ServiceNeeds
from planner.model.plan import Plan
from planner.model.platform import Images
from tests.exporters.ownership import variant
from tests.exporters.platforms import with_platform

IMAGE = "registry.company.com/tools/kubectl:1.36.3@sha256:" + "4c" * 32
HOURS = tuple(range(24))
DAY = frozenset(range(8, 24))
"""Hours that have the plan's total; the others have the night's."""


def divided(plan: Plan, name: str, total: int) -> dict[str, int] | None:
    """The controller's division by region from scratch; None where ties decide."""
    scenario = plan.scenario
    region_of = {region.cluster: key for key, region in scenario.regions.items()}
    weights = plan.services[name].weights[scenario.federation.controller]
    if scenario.federation.controller == "karmada":
        by_cluster = {c: weights[r] for c, r in region_of.items() if weights.get(r)}
        found = [divide_static(total, by_cluster, uid=uid) for uid in UIDS]
    else:
        key = preference_key(plan, name)
        found = [divide(total, preferences(plan, name), region_of, key=key)[0]]
    if any(split != found[0] for split in found):
        return None
    return {region: found[0].get(cluster, 0) for cluster, region in region_of.items()}


def night_total(plan: Plan, name: str) -> int:
    """The largest total below the plan's that no tie decides."""
    total = plan.services[name].total - 1
    while divided(plan, name, total) is None:
        total -= 1
    return total


def hourly_plan(controller: str = "kubefed", **policy: str | bool) -> Plan:
    """The Taiwan plan with the plan's total by day and fewer by night, every service federated."""
    plan = variant(controller, "federated", **policy)
    scenario = plan.scenario
    hourly = scenario.policy.model_copy(update={"replicas": "hourly"})
    plan = plan.model_copy(
        update={"scenario": scenario.model_copy(update={"policy": hourly}), "needs": None}
    )
    nights = {name: night_total(plan, name) for name in plan.services}
    services = {name: _hours(plan, name, nights[name]) for name in plan.services}
    schedule = HourlyReplicas(controller=controller, hours_utc=HOURS, services=services)
    plan = plan.model_copy(update={"hourly": schedule, "needs": _needs(services)})
    platform = scenario.platform
    assert platform is not None
    return with_platform(plan, platform.model_copy(update={"images": Images(kubectl=IMAGE)}))


def _hours(plan: Plan, name: str, night: int) -> ServiceHours:
    """Weights of the plan, two totals, and what the controller makes of them."""
    service = plan.services[name]
    totals = tuple(service.total if hour in DAY else night for hour in HOURS)
    splits = {total: divided(plan, name, total) for total in set(totals)}
    return ServiceHours(
        weights=service.weights[plan.scenario.federation.controller],
        totals=totals,
        replicas={
            region: tuple((splits[total] or {})[region] for total in totals)
            for region in plan.scenario.regions
        },
        exact=False,
    )


def _needs(services: Mapping[str, ServiceHours]) -> HourlyNeeds:
    """Everything is needed to survive, and one less everywhere with everything up."""
    return HourlyNeeds(
        hours_utc=HOURS,
        services={
            name: ServiceNeeds(
                normal={r: tuple(n - 1 for n in row) for r, row in hours.replicas.items()},
                survive=hours.replicas,
            )
            for name, hours in services.items()
        },
    )

"""Warnings: demand that cannot be served whatever is decided, and parts without effect."""

from __future__ import annotations

from collections.abc import Iterator

from planner.model.finding import Finding
from planner.model.quantity import gib
from planner.model.scenario import Scenario
from planner.model.topology import Region
from planner.model.workload import Service

SECONDS_PER_DAY = 86_400.0


def peak_demand_rps(scenario: Scenario, name: str) -> float:
    """Return the least that a service's largest hour can be, requests per second.

    Given demand counts by hour; the rest at the mean of the day planned for, because the daily
    curve is not known here, and the largest hour is not below the mean.
    """
    given = scenario.demand_rps.get(name, {})
    service = scenario.services[name]
    users = sum(
        origin.internet_users * origin.propensity_share
        for code, origin in scenario.origins.items()
        if code not in given
    )
    mean = users * service.requests_per_user_day / SECONDS_PER_DAY
    hours = [sum(values) for values in zip(*given.values(), strict=False)]
    return mean * scenario.calendar.peak_factor + max(hours, default=0.0)


def most_replicas(scenario: Scenario, service: Service, region: Region) -> int:
    """Return how many replicas a region's servers take at most, with nothing else on them."""
    slots = 0
    for pool in region.pools.values():
        kind = scenario.server_types[pool.server_type]
        by_cpu = int(kind.cpu_cores / float(service.cpu.value))
        by_memory = int(kind.memory_gib / gib(service.memory))
        slots += pool.servers * min(by_cpu, by_memory, kind.pods)
    return min(service.max_replicas, slots)


def _too_little_capacity(scenario: Scenario) -> Iterator[Finding]:
    """Find services whose demand is above all that may run."""
    if not _measurable(scenario):
        return
    for name, service in scenario.services.items():
        allowed = service.allowed_regions
        replicas = sum(
            most_replicas(scenario, service, region)
            for code, region in scenario.regions.items()
            if allowed is None or code in allowed
        )
        rate = service.workers_per_replica * 1000 / service.service_time_ms
        capacity = replicas * rate * scenario.policy.ceiling_normal_share
        demand = peak_demand_rps(scenario, name)
        if capacity < demand:
            message = (
                f"at most {replicas} replicas serve {capacity:.0f} requests per second at the "
                f"normal ceiling, but demand is at least {demand:.0f}"
            )
            cure = "raise max_replicas or add servers; 'planner optimize' says how many"
            yield Finding(("services", name), message, cure)


def _too_few_cores(scenario: Scenario) -> Iterator[Finding]:
    """Find that all services together need more cores than there are."""
    if not _measurable(scenario):
        return
    cores = sum(
        pool.servers * scenario.server_types[pool.server_type].cpu_cores
        for region in scenario.regions.values()
        for pool in region.pools.values()
    )
    needed = 0.0
    for name, service in scenario.services.items():
        rate = service.workers_per_replica * 1000 / service.service_time_ms
        ceiling = rate * scenario.policy.ceiling_normal_share
        needed += peak_demand_rps(scenario, name) / ceiling * float(service.cpu.value)
    if needed > cores:
        message = f"all services need at least {needed:.0f} cores, but the pools have {cores:.0f}"
        yield Finding(("regions",), message, "add servers; 'planner optimize' says where")


def _idle_groups(scenario: Scenario) -> Iterator[Finding]:
    """Find risk groups with which nothing fails."""
    used = {group for link in scenario.links.values() for group in link.risk_groups}
    for name, group in scenario.risk_groups.items():
        if name not in used and not (group.corridor or group.regions or group.services):
            message = "nothing fails with this risk group"
            cure = "name it at a link, or give regions, services or a corridor"
            yield Finding(("risk_groups", name), message, cure)


def _measurable(scenario: Scenario) -> bool:
    """Whether server types are known and pods ask for something."""
    kinds = {p.server_type for r in scenario.regions.values() for p in r.pools.values()}
    asks = all(s.cpu.value > 0 and s.memory.value > 0 for s in scenario.services.values())
    return asks and kinds <= set(scenario.server_types)


CAPACITY_WARNINGS = (_too_little_capacity, _too_few_cores, _idle_groups)

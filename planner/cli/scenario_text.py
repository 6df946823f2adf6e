"""A scenario as it is printed: what stands where, what is promised."""

from __future__ import annotations

from planner.cli.console import counted, say, say_table
from planner.model.scenario import Scenario


def print_scenario(scenario: Scenario) -> None:
    """Print what a scenario holds: regions and services."""
    say_table(
        "Regions",
        ["region", "cluster", "country", "servers", "Kubernetes CPUs", "GiB", "uplink Gbit/s"],
        (_region_row(scenario, region) for region in scenario.regions),
        left=3,
    )
    say_table(
        "Services",
        ["service", "host", "home regions", "CPU", "memory", "p95 ms", "emergency p95 ms"],
        (
            (
                *(name, service.host, ", ".join(service.home_regions) or "none"),
                *(service.cpu, service.memory),
                f"{service.objective.p95_ms:g}",
                f"{service.objective.emergency_p95_ms:g}",
            )
            for name, service in scenario.services.items()
        ),
        left=3,
    )
    holdings = {
        "origin": len(scenario.origins),
        "link": len(scenario.links),
        "risk group": len(scenario.risk_groups),
    }
    say(", ".join(counted(count, noun) for noun, count in holdings.items()))
    say(f"the plan must hold with {promised(scenario) or 'everything up only'}")


def promised(scenario: Scenario) -> str:
    """Say what may be lost; empty text where nothing may."""
    survive = scenario.policy.survive
    kinds = {"region": survive.regions, "risk group": survive.risk_groups, "link": survive.links}
    lost = [counted(count, noun) for noun, count in kinds.items() if count]
    return f"{' or '.join(lost)} lost" if lost else ""


def _region_row(scenario: Scenario, name: str) -> tuple[object, ...]:
    """Return one line of the table of regions."""
    region = scenario.regions[name]
    pools = [(scenario.server_types[p.server_type], p.servers) for p in region.pools.values()]
    return (
        *(name, region.cluster, region.country, sum(count for _, count in pools)),
        f"{sum(kind.cpu_cores * count for kind, count in pools):g}",
        f"{sum(kind.memory_gib * count for kind, count in pools):g}",
        f"{region.uplink_gbps:g}",
    )

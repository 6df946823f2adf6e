"""Which services start first in each cluster where the plan counts on somebody to pack its pods."""

from __future__ import annotations

from planner.exporters import workload
from planner.model.plan import Plan
from planner.model.quantity import gib
from planner.model.scenario import Scenario


def start_order(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the services of each cluster, the largest pod first.

    Parameters
    ----------
    plan : Plan
        What was decided.

    Returns
    -------
    dict
        Cluster to services that run there; empty where the plan fits in any order of arrival.

    Notes
    -----
    A pod is as large as the larger of its shares of the region's largest CPU and memory.  Largest
    first leaves the fewest pods over, but is no proof: the scheduler spreads pods over servers.
    """
    if plan.scenario.policy.packing != "at_best":
        return {}
    found = {}
    for cluster, region in workload.region_of_cluster(plan.scenario).items():
        placed = [
            s for s in workload.placed_services(plan) if plan.services[s].replicas.get(region)
        ]
        size = {name: _size(plan.scenario, region, name) for name in placed}
        if placed:
            found[cluster] = tuple(sorted(placed, key=lambda name: (-size[name], name)))
    return found


def _size(scenario: Scenario, region: str, name: str) -> float:
    """Return what share of a region's largest server a pod takes."""
    pools = scenario.regions[region].pools.values()
    kinds = [scenario.server_types[pool.server_type] for pool in pools]
    service = scenario.services[name]
    cpu = float(service.cpu.value) / max(kind.cpu_cores for kind in kinds)
    return max(cpu, gib(service.memory) / max(kind.memory_gib for kind in kinds))

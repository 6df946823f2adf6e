"""Exports of a plan that is packed at best say so, and what starts first."""

from __future__ import annotations

from planner.exporters.clusters import export_clusters
from planner.exporters.operations import export_operations
from planner.exporters.packing_order import start_order
from planner.model.plan import Plan
from tests.exporters.platforms import taiwan_plan


def packed(plan: Plan) -> Plan:
    policy = plan.scenario.policy.model_copy(update={"packing": "at_best"})
    scenario = plan.scenario.model_copy(update={"policy": policy})
    return plan.model_copy(update={"scenario": scenario})


def pages(plan: Plan) -> list[str]:
    readme = next(file for file in export_clusters(plan) if file.path.name == "README.md")
    (operations,) = export_operations(plan)
    return [str(readme.content), str(operations.content)]


def test_a_plan_that_fits_in_any_order_needs_no_order() -> None:
    assert start_order(taiwan_plan()) == {}
    assert not any("packing limit at best" in page for page in pages(taiwan_plan()))


def test_the_largest_pods_start_first_in_each_cluster_that_runs_them() -> None:
    plan = packed(taiwan_plan())
    order = start_order(plan)
    for cluster, services in order.items():
        region = next(r for r, row in plan.scenario.regions.items() if row.cluster == cluster)
        runs = {name for name, row in plan.services.items() if row.replicas.get(region)}
        assert set(services) == runs
        kinds = [
            plan.scenario.server_types[pool.server_type]
            for pool in plan.scenario.regions[region].pools.values()
        ]
        size = [
            max(
                float(plan.scenario.services[name].cpu.value) / max(k.cpu_cores for k in kinds),
                float(plan.scenario.services[name].memory.value)
                / (max(k.memory_gib for k in kinds) * 2**30),
            )
            for name in services
        ]
        assert size == sorted(size, reverse=True)
    for page in pages(plan):
        assert "packing limit at best" in page
        for cluster, services in order.items():
            assert ", ".join(services) in page
            assert cluster in page

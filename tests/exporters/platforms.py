"""The Taiwan plan with everything that exports need to know of its platform."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from planner.io.plans import read_plan
from planner.io.scenarios import read_scenario
from planner.model.plan import Plan
from planner.model.platform import Platform

ROOT = Path(__file__).resolve().parents[2]


@cache
def taiwan_platform() -> Platform:
    """Return the platform of the example."""
    platform = read_scenario(ROOT / "datasets" / "taiwan" / "scenario.yaml").platform
    assert platform is not None
    return platform


@cache
def bare_taiwan_plan() -> Plan:
    """Return the committed plan, its scenario without a platform."""
    plan = read_plan(ROOT / "exports" / "taiwan" / "plan.yaml")
    scenario = plan.scenario.model_copy(update={"platform": None})
    return plan.model_copy(update={"scenario": scenario})


@cache
def taiwan_plan() -> Plan:
    """Return the committed plan with the platform of the example."""
    return with_platform(bare_taiwan_plan(), taiwan_platform())


def with_platform(plan: Plan, platform: Platform) -> Plan:
    """Return a plan whose scenario says what exports need."""
    scenario = plan.scenario.model_copy(update={"platform": platform})
    return plan.model_copy(update={"scenario": scenario})

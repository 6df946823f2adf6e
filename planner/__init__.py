"""Capacity and latency planning for an API on Kubernetes clusters in several regions.

::

    import planner as pl

    scenario = pl.read_scenario("taiwan")
    states = pl.failure_states(scenario)
    problem = pl.build_problem(scenario, states)
    plan = pl.optimize(problem)
    pl.write_manifests(pl.export(plan, ["kubefed", "coredns"]), "exports/taiwan")

Each name is loaded when it is first used, so the import costs next to nothing and matplotlib is
not loaded before something is drawn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from planner import errors as errors

if TYPE_CHECKING:
    from planner.exporters import export as export
    from planner.failures.states import failure_states as failure_states
    from planner.io.manifests import write_manifests as write_manifests
    from planner.io.plans import read_plan as read_plan
    from planner.io.plans import write_plan as write_plan
    from planner.io.scenarios import read_scenario as read_scenario
    from planner.io.variations import read_variation as read_variation
    from planner.model.plan import Plan as Plan
    from planner.model.scenario import Scenario as Scenario
    from planner.problem.build import build_problem as build_problem
    from planner.report import charts as charts
    from planner.studies.explanation import explain_plan as explain_plan
    from planner.studies.failures import study_failures as study_failures
    from planner.studies.frontier import trace_frontier as trace_frontier
    from planner.studies.hardware import choose_hardware as choose_hardware
    from planner.studies.hourly import plan_hours as plan_hours
    from planner.studies.main_job import optimize as optimize
    from planner.studies.main_job import simulate as simulate
    from planner.studies.regret import minimise_regret as minimise_regret
    from planner.studies.replays import replay_events as replay_events
    from planner.studies.sweep import sweep_variants as sweep_variants
    from planner.studies.tail_risk import minimise_tail_risk as minimise_tail_risk

__version__ = "0.1.0"

_HOMES = {
    "Plan": "planner.model.plan",
    "Scenario": "planner.model.scenario",
    "build_problem": "planner.problem.build",
    "charts": "planner.report.charts",
    "choose_hardware": "planner.studies.hardware",
    "explain_plan": "planner.studies.explanation",
    "export": "planner.exporters",
    "failure_states": "planner.failures.states",
    "minimise_regret": "planner.studies.regret",
    "minimise_tail_risk": "planner.studies.tail_risk",
    "optimize": "planner.studies.main_job",
    "plan_hours": "planner.studies.hourly",
    "read_plan": "planner.io.plans",
    "read_scenario": "planner.io.scenarios",
    "read_variation": "planner.io.variations",
    "replay_events": "planner.studies.replays",
    "simulate": "planner.studies.main_job",
    "study_failures": "planner.studies.failures",
    "sweep_variants": "planner.studies.sweep",
    "trace_frontier": "planner.studies.frontier",
    "write_manifests": "planner.io.manifests",
    "write_plan": "planner.io.plans",
}

__all__ = [
    "Plan",
    "Scenario",
    "build_problem",
    "charts",
    "choose_hardware",
    "errors",
    "explain_plan",
    "export",
    "failure_states",
    "minimise_regret",
    "minimise_tail_risk",
    "optimize",
    "plan_hours",
    "read_plan",
    "read_scenario",
    "read_variation",
    "replay_events",
    "simulate",
    "study_failures",
    "sweep_variants",
    "trace_frontier",
    "write_manifests",
    "write_plan",
]


def __getattr__(name: str) -> Any:
    """Load a public name from the module it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module 'planner' has no attribute {name!r}")
    module = import_module(_HOMES[name])
    value = module if _HOMES[name].endswith(f".{name}") else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *__all__})

"""A plan on another version of its scenario: the same decisions under other assumptions."""

from __future__ import annotations

from planner.errors import Fault, InvalidPlan
from planner.model.plan import Plan
from planner.model.scenario import Scenario, digest

OTHER_VERSION = "the plan was made for another version of the scenario"
"""Warning of a plan that was."""


def transplanted(plan: Plan, scenario: Scenario) -> Plan:
    """Return a plan's decisions on a scenario, which may differ from the one it was made for.

    Parameters
    ----------
    plan : Plan
        The plan.
    scenario : Scenario
        The scenario to judge it in: other rates, demand or times, but the same names.

    Returns
    -------
    Plan
        The plan itself where the scenario is its own; else with the scenario and a warning.

    Raises
    ------
    InvalidPlan
        If services, hosts, origins or regions are not those of the scenario.

    Examples
    --------
    >>> import planner as pl
    >>> scenario = pl.read_scenario("taiwan")
    >>> plan = pl.optimize(pl.build_problem(scenario, pl.failure_states(scenario)))
    >>> transplanted(plan, scenario) is plan
    True
    """
    if plan.scenario_digest == digest(scenario):
        return plan
    faults = [
        Fault("plan", None, kind, f"{', '.join(sorted(odd))}: not in both plan and scenario", cure)
        for kind, odd, cure in (
            ("services", set(plan.services) ^ set(scenario.services), _OPTIMISE),
            ("regions", set(plan.scenario.regions) ^ set(scenario.regions), _OPTIMISE),
            ("origins", set(plan.scenario.origins) ^ set(scenario.origins), _OPTIMISE),
            ("hosts", _hosts(plan.scenario) ^ _hosts(scenario), _OPTIMISE),
        )
        if odd
    ]
    if faults:
        raise InvalidPlan(faults)
    changes = {
        "scenario": scenario,
        "scenario_digest": digest(scenario),
        "warnings": (*plan.warnings, OTHER_VERSION),
    }
    return plan.model_copy(update=changes)


_OPTIMISE = "optimise this scenario, or name the one that was planned for"


def _hosts(scenario: Scenario) -> set[str]:
    """Return the host names."""
    return {service.host for service in scenario.services.values()}

"""A plan on another version of its scenario: the same decisions under other assumptions."""

from __future__ import annotations

from planner.errors import Fault, InvalidPlan
from planner.model.plan import Plan
from planner.model.scenario import Scenario, digest

OTHER_VERSION = "the plan was made for another version of the scenario"
"""Warning of a plan that was."""


def transplanted(plan: Plan, scenario: Scenario, file: str = "plan") -> Plan:
    """Return a plan's decisions on a scenario, which may differ from the one it was made for.

    Parameters
    ----------
    plan : Plan
        The plan.
    scenario : Scenario
        The scenario to judge it in: other rates, demand or times, but the same names.
    file : str
        Where the plan was read, for faults.

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
        Fault(file, None, kind, f"{_few(odd)}: not in both plan and scenario", _OPTIMISE)
        for kind, odd in (
            ("services", set(plan.services) ^ set(scenario.services)),
            ("regions", set(plan.scenario.regions) ^ set(scenario.regions)),
            ("origins", set(plan.scenario.origins) ^ set(scenario.origins)),
            ("hosts", _hosts(plan.scenario) ^ _hosts(scenario)),
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


MOST_NAMES = 5
_OPTIMISE = "optimise this scenario, or name the one that was planned for"


def _few(names: set[str]) -> str:
    """Name the first few."""
    first = sorted(names)
    more = f" and {len(first) - MOST_NAMES} more" if len(first) > MOST_NAMES else ""
    return ", ".join(first[:MOST_NAMES]) + more


def _hosts(scenario: Scenario) -> set[str]:
    """Return the host names."""
    return {service.host for service in scenario.services.values()}

"""Cross-checks of a scenario whose fields are each right by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from planner.model.capacity_warnings import CAPACITY_WARNINGS
from planner.model.failure_checks import EVENT_RULES, FAILURE_RULES, REGION_FAILURE_RULES
from planner.model.finding import Finding
from planner.model.hardware_checks import HARDWARE_RULES
from planner.model.platform_checks import PLATFORM_RULES
from planner.model.policy_checks import POLICY_RULES
from planner.model.scenario import Scenario
from planner.model.text_checks import text_findings
from planner.model.topology_checks import LINK_RULES, REGION_RULES, TOPOLOGY_RULES
from planner.model.workload_checks import ORIGIN_RULES, SERVICE_RULES, WORKLOAD_RULES

Check = Callable[[], Iterator[Finding]]

_SCENARIO_RULES = (
    *TOPOLOGY_RULES,
    *WORKLOAD_RULES,
    *POLICY_RULES,
    *FAILURE_RULES,
    *HARDWARE_RULES,
    *PLATFORM_RULES,
    text_findings,
)


def cross_checks(
    scenario: Scenario, *, incomplete: bool = False
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Find what does not fit together in a scenario.

    Parameters
    ----------
    scenario : Scenario
        Each field is right by itself.
    incomplete : bool
        Whether fields may be absent because they are wrong by themselves (attribute access
        raises); then checks that need an absent field are left out, and so are warnings.

    Returns
    -------
    faults, warnings : tuple of Finding
        In a stable order.

    Notes
    -----
    Names that stand in the shipped tables (corridors, metros, prices) are checked where the tables
    are read.
    """
    faults = tuple(run_checks(_checks(scenario), incomplete=incomplete))
    if incomplete:
        return faults, ()
    return faults, tuple(run_checks([partial(rule, scenario) for rule in CAPACITY_WARNINGS]))


def run_checks(checks: Iterable[Check], *, incomplete: bool = False) -> Iterator[Finding]:
    """Run checks one by one; those that miss an absent field are left out where it may be."""
    for check in checks:
        try:
            yield from check()
        except AttributeError:
            if not incomplete:
                raise


def _checks(scenario: Scenario) -> Iterator[Check]:
    """Bind every rule to what it is about."""
    for rule in _SCENARIO_RULES:
        yield partial(rule, scenario)
    yield from _each(scenario, "regions", (*REGION_RULES, *REGION_FAILURE_RULES))
    yield from _each(scenario, "links", LINK_RULES)
    yield from _each(scenario, "events", EVENT_RULES)
    yield from _each(scenario, "services", SERVICE_RULES)
    yield from _each(scenario, "origins", ORIGIN_RULES)


def _each(
    scenario: Scenario, field: str, rules: tuple[Callable[..., Iterator[Finding]], ...]
) -> Iterator[Check]:
    """Bind the rules about one member to each member."""
    members: dict[str, Any] = getattr(scenario, field, {})
    for name, member in members.items():
        for rule in rules:
            yield partial(rule, scenario, name, member)

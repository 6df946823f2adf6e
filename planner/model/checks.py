"""Cross-checks of a scenario whose fields are each right by themselves."""

from __future__ import annotations

from planner.model.finding import Finding
from planner.model.scenario import Scenario


def cross_checks(scenario: Scenario) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Find what does not fit together."""
    return (), ()

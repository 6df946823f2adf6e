"""Names that must stand in the tables that travel with the toolkit."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache

from planner.io.datasets import dataset_folder
from planner.model.finding import Finding, no_such
from planner.model.scenario import Scenario


def reference_findings(scenario: Scenario) -> Iterator[Finding]:
    """Find names of corridors, metros, curves and priced machines that no table has.

    Parameters
    ----------
    scenario : Scenario
        A validated scenario.

    Yields
    ------
    Finding
        Its path, sentence and cure.
    """
    for name, group in scenario.risk_groups.items():
        known = tuple(name.replace("_", "-") for name in _names("corridors", "corridor"))
        if group.corridor is not None and group.corridor not in known:
            yield no_such("corridor", group.corridor, known, ("risk_groups", name, "corridor"))
    for name, region in scenario.regions.items():
        known = _names("sites", "metro")
        if region.metro is not None and region.metro not in known:
            yield no_such("metro", region.metro, known, ("regions", name, "metro"))
    curve, curves = scenario.calendar.diurnal_profile, _names("diurnal", "curve")
    if curve not in curves:
        yield no_such("daily curve", curve, curves, ("calendar", "diurnal_profile"))


@cache
def _names(table: str, column: str) -> tuple[str, ...]:
    """Return the different entries of a column, in order."""
    path = dataset_folder() / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(dict.fromkeys(row[column] for row in csv.DictReader(file) if row[column]))

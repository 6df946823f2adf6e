"""The cables that a scenario stands on: those in service, and how long the counted ones are."""

from __future__ import annotations

from functools import cache

from planner.io.datasets import read_table
from planner.latency.cables import CableGraph, cable_graph
from planner.model.scenario import Scenario


@cache
def cables_in_service() -> CableGraph:
    """Return the graph of cables, planned systems left out.

    Returns
    -------
    CableGraph
        From ``cable_segments.csv`` and ``sites.csv``, read once in the life of the process.

    Examples
    --------
    >>> "luzon-strait" in cables_in_service().corridors
    True
    """
    segments = read_table("cable_segments")
    return cable_graph(segments[segments["status"] != "planned"], read_table("sites"))


def cable_lengths_km(scenario: Scenario) -> dict[str, float]:
    """Return the lengths of the cable segments whose failures may be counted.

    Parameters
    ----------
    scenario : Scenario
        The input.

    Returns
    -------
    dict of str to float
        Every segment in service, and those that the scenario names; km, in the table's order.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> cable_lengths_km(read_scenario("taiwan"))["faster-tpe-tyo"]
    2410.0
    """
    table = read_table("cable_segments")
    named = scenario.failures.cables.segments
    counted = table["status"] != "planned"
    if not isinstance(named, str):
        counted |= table["segment"].isin(named)
    rows = table[counted]
    return dict(zip(rows["segment"].astype(str), rows["length_km"].astype(float), strict=True))

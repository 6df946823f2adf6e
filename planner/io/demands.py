"""Lists of demands in: one YAML file, validated as a whole against its scenario."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from planner.errors import Fault, InvalidInput
from planner.io.datasets import read_table
from planner.io.documents import read_document
from planner.io.nodes import Tree
from planner.io.sentences import findings, only_outside, wrong_paths
from planner.model.demands import DemandList
from planner.model.finding import Finding, dotted, no_such
from planner.model.finding import Path as DocumentPath
from planner.model.scenario import Scenario


def read_demands(path: str | os.PathLike[str], scenario: Scenario) -> DemandList:
    """Read a list of demands.

    Parameters
    ----------
    path : path-like or str
        The YAML file.
    scenario : Scenario
        The scenario whose services and origins it names.

    Returns
    -------
    DemandList
        Demands by name.

    Raises
    ------
    InvalidInput
        With every fault: file, line, path, sentence and cure.
    """
    tree = read_document(Path(path))
    found: list[Finding] = []
    wrong: list[DocumentPath] = list(tree.spoilt)
    listed = None
    try:
        listed = DemandList.model_validate(tree.root.data)
    except ValidationError as error:
        found = only_outside(findings(error, DemandList), tree.spoilt)
        wrong += wrong_paths(error, DemandList)
    found += only_outside(_unknown_names(tree.root.data, scenario), wrong)
    faults = [*tree.faults, *_placed(found, tree)]
    if listed is None or faults:
        raise InvalidInput(faults)
    return listed


def _unknown_names(data: object, scenario: Scenario) -> Iterable[Finding]:
    """Find what the scenario does not have, and "mid" defined anew."""
    there = sorted(set(continents(scenario).values()))
    demands = data.get("demands") if isinstance(data, dict) else None
    for name, demand in demands.items() if isinstance(demands, dict) else ():
        if name == "mid":
            message = "'mid' is the demand of the scenario itself"
            yield Finding(("demands", "mid"), message, "choose another name")
        for kind, key, known in (
            ("service", "services", scenario.services),
            ("continent", "continents", there),
            ("origin", "origins", scenario.origins),
        ):
            named = demand.get(key) if isinstance(demand, dict) else None
            for each in named if isinstance(named, dict) else ():
                if each not in known:
                    yield no_such(kind, str(each), known, ("demands", str(name), key, str(each)))


def _placed(found: Iterable[Finding], tree: Tree) -> list[Fault]:
    """Add file and line."""
    return [
        Fault(tree.file, tree.line(each.path), dotted(each.path), each.message, each.cure)
        for each in found
    ]


def continents(scenario: Scenario) -> dict[str, str]:
    """Return the continent of each origin, by its country.

    Parameters
    ----------
    scenario : Scenario
        The scenario.

    Returns
    -------
    dict of str to str
        Without origins whose country is not in ``datasets/origins.csv``.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> continents(read_scenario("taiwan"))["TW"]
    'Asia'
    """
    table = read_table("origins")
    known = dict(zip(table["country"], table["continent"], strict=True))
    return {
        name: str(known[origin.country])
        for name, origin in scenario.origins.items()
        if origin.country in known
    }

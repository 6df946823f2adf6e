"""Scenario files in: read, filled with their tables, validated as a whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from planner.errors import Fault, InvalidInput, InvalidScenario
from planner.io.datasets import dataset_folder
from planner.io.documents import read_document
from planner.io.incomplete import with_holes
from planner.io.nodes import Tree
from planner.io.references import reference_checks
from planner.io.scenario_tables import Filled, fill_tables
from planner.io.sentences import findings, only_outside, wrong_paths
from planner.model.checks import cross_checks, run_checks
from planner.model.finding import Finding, dotted, near_miss
from planner.model.finding import Path as DocumentPath
from planner.model.scenario import Scenario


@dataclass(frozen=True)
class Checked:
    """What a check of a scenario file found.

    Attributes
    ----------
    scenario : Scenario or None
        The scenario, or None where there are faults.
    faults : tuple of Fault
        Everything that is wrong, sorted by file and line.
    warnings : tuple of Fault
        What the reader should know although the scenario stands; none where there are faults.
    """

    scenario: Scenario | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def read_scenario(path: str | os.PathLike[str]) -> Scenario:
    """Read a scenario file and the tables it names.

    Parameters
    ----------
    path : path-like or str
        The YAML file, or the name of a shipped scenario such as ``taiwan``.

    Returns
    -------
    Scenario
        Whole, validated and frozen.

    Raises
    ------
    InvalidScenario
        With every fault: file, line, path, sentence and cure.
    """
    checked = check_scenario(path)
    if checked.scenario is None:
        raise InvalidScenario(checked.faults)
    return checked.scenario


def check_scenario(path: str | os.PathLike[str]) -> Checked:
    """Find everything that is wrong with a scenario file; never raises for what it holds.

    Parameters
    ----------
    path : path-like or str
        The YAML file, or the name of a shipped scenario such as ``taiwan``.

    Returns
    -------
    Checked
        The scenario if there is no fault, all faults, all warnings.
    """
    file, shown, problem = _resolved(path)
    if problem is not None:
        return Checked(None, (problem,), ())
    try:
        tree = read_document(file, shown)
    except InvalidInput as error:
        return Checked(None, error.faults, ())
    filled = fill_tables(tree, file.parent)
    spoilt = filled.spoilt | tree.spoilt
    scenario, found, warned = _validated(filled.data, spoilt, filled.partial)
    faults = [*tree.faults, *filled.faults, *_placed(only_outside(found, spoilt), tree, filled)]
    if faults:
        return Checked(None, InvalidInput(faults).faults, ())
    return Checked(scenario, (), InvalidInput(_placed(warned, tree, filled)).faults)


def _validated(
    data: dict[str, Any], spoilt: set[DocumentPath], partial: set[DocumentPath]
) -> tuple[Scenario, list[Finding], list[Finding]]:
    """Validate plain data: the scenario, maybe with holes; what is wrong; what to know."""
    wrong, found = [*spoilt, *partial], []
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        found = findings(error, Scenario)
        wrong += wrong_paths(error, Scenario)
    if wrong:
        scenario = with_holes(Scenario, data, wrong)
    incomplete = bool(wrong)
    crossed, warned = cross_checks(scenario, incomplete=incomplete)
    named = run_checks(reference_checks(scenario), incomplete=incomplete)
    return scenario, [*found, *only_outside((*crossed, *named), wrong)], list(warned)


def _placed(found: Iterable[Finding], tree: Tree, filled: Filled) -> list[Fault]:
    """Add file and line."""
    faults = []
    for finding in found:
        file, line = _place(finding.path, tree, filled)
        path = dotted(finding.path)
        faults.append(Fault(file, line, path, finding.message, finding.cure))
    return faults


def _place(path: DocumentPath, tree: Tree, filled: Filled) -> tuple[str, int]:
    """Return file and line of a path: that of its table's row, or of its key."""
    for length in range(len(path), 0, -1):
        if path[:length] in filled.places:
            return filled.places[path[:length]]
    return tree.file, tree.line(path)


def lines_of(path: str | os.PathLike[str], places: Iterable[str]) -> dict[str, int]:
    """Return the lines of places in a scenario file.

    Parameters
    ----------
    path : path-like or str
        The YAML file, or the name of a shipped scenario.
    places : iterable of str
        Dotted paths such as ``regions.taipei.pools``.

    Returns
    -------
    dict
        Place to the line of the deepest part of it that the file has; empty where the file cannot
        be read.

    Examples
    --------
    >>> lines_of("taiwan", ["scenario", "policy.survive.links"]).keys()
    dict_keys(['scenario', 'policy.survive.links'])
    """
    file, shown, problem = _resolved(path)
    if problem is not None:
        return {}
    try:
        tree = read_document(file, shown)
    except InvalidInput:
        return {}
    return {place: tree.line(place.split(".")) for place in places}


def beside(path: str | os.PathLike[str], name: str) -> Path:
    """Return a file that a scenario names, relative to its own folder.

    Parameters
    ----------
    path : path-like or str
        The scenario's YAML file, or the name of a shipped scenario.
    name : str
        The other file.

    Returns
    -------
    Path
        Whether it is there is not asked.

    Examples
    --------
    >>> beside("taiwan", "single-region.yaml").is_file()
    True
    """
    file, _, _ = _resolved(path)
    return file.parent / name


def _resolved(path: str | os.PathLike[str]) -> tuple[Path, str, Fault | None]:
    """Return the file, its name in faults, and what is wrong where a bare name is unknown."""
    text = os.fspath(path)
    file = Path(text)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}(/[a-z0-9][a-z0-9-]{0,62})?", text):
        return file, text, None
    if file.is_file():
        return file, text, None
    folder, _, variant = text.partition("/")
    shipped = dataset_folder() / folder / f"{variant or 'scenario'}.yaml"
    if shipped.is_file():
        return shipped, str(shipped), None
    if file.exists():
        return file, text, None
    known = sorted(found.parent.name for found in dataset_folder().glob("*/scenario.yaml"))
    message = "is neither a file nor a shipped scenario"
    cure = near_miss(text, known) or "check the path"
    return file, text, Fault(text, None, "", message, cure)

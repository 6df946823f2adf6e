"""Variation files in: what a sweep varies, checked against the scenario it is for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from planner.errors import Fault, InvalidInput, InvalidScenario, InvalidVariation
from planner.io.documents import read_document
from planner.io.nodes import Tree
from planner.io.references import reference_checks
from planner.io.sentences import findings, only_outside
from planner.model.checks import cross_checks, run_checks
from planner.model.finding import Finding, dotted
from planner.model.scenario import Scenario
from planner.model.variation import Variation
from planner.model.varied import resolved_variation
from planner.model.varied_fields import (
    Fields,
    NoSuchField,
    fields_of,
    resolved_paths,
    scenario_data,
)


def read_variation(path: str | os.PathLike[str], scenario: Scenario) -> Variation:
    """Read a variation file.

    Parameters
    ----------
    path : path-like or str
        The YAML file.
    scenario : Scenario
        The scenario whose fields it varies.

    Returns
    -------
    Variation
        Every path in it addresses a field.

    Raises
    ------
    InvalidVariation
        With every fault: file, line, path, sentence and cure.
    """
    shown = os.fspath(path)
    try:
        tree = read_document(Path(shown), shown)
    except InvalidInput as error:
        raise InvalidVariation(error.faults) from None
    variation, found = _validated(tree.root.data, scenario)
    faults = [*tree.faults, *_placed(only_outside(found, tree.spoilt), tree)]
    if faults or variation is None:
        raise InvalidVariation(faults)
    return variation


def _validated(data: dict[str, Any], scenario: Scenario) -> tuple[Variation | None, list[Finding]]:
    """Validate plain data: the variation, and what is wrong."""
    fields = fields_of(scenario)
    try:
        variation = Variation.model_validate(data)
    except ValidationError as error:
        return None, [*findings(error, Variation), *_unknown_paths(data, fields)]
    return variation, resolved_variation(variation, fields)[1]


def _unknown_paths(data: dict[str, Any], fields: Fields) -> Iterator[Finding]:
    """Find paths that lead nowhere in a document of which something else is wrong."""
    sample = data.get("sample")
    drawn = sample.get("fields") if isinstance(sample, dict) else None
    for place, rows in ((("grid",), data.get("grid")), (("sample", "fields"), drawn)):
        for text in rows if isinstance(rows, dict) else ():
            try:
                resolved_paths(fields, text)
            except NoSuchField as error:
                yield Finding((*place, text), error.message, error.cure)


def _placed(found: list[Finding], tree: Tree) -> list[Fault]:
    """Add file and line."""
    return [Fault(tree.file, tree.line(f.path), dotted(f.path), f.message, f.cure) for f in found]


def checked_variant(fields: Fields, name: str) -> Scenario:
    """Turn the fields of a variant into a scenario, checked as one that is read from a file.

    Parameters
    ----------
    fields : dict
        As `planner.model.varied_fields.fields_of` gives them, with values changed.
    name : str
        What to call it in faults.

    Returns
    -------
    Scenario
        Whole, validated and frozen.

    Raises
    ------
    InvalidScenario
        With every fault; they have no lines.
    """
    data, found = scenario_data(fields)
    if not found:
        try:
            scenario = Scenario.model_validate(data)
        except ValidationError as error:
            found = findings(error, Scenario)
        else:
            named = run_checks(reference_checks(scenario))
            found = [*cross_checks(scenario)[0], *named]
            if not found:
                return scenario
    raise InvalidScenario(Fault(name, None, dotted(f.path), f.message, f.cure) for f in found)

"""Plan files: in, with every fault; out, with the same bytes for the same plan."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from planner.errors import Fault, InvalidInput, InvalidPlan
from planner.io.documents import OneLine, dump_documents, read_document
from planner.io.files import write_bytes_atomically
from planner.io.nodes import Tree
from planner.io.sentences import findings, only_outside
from planner.model.checks import cross_checks
from planner.model.finding import Finding, dotted
from planner.model.plan import Plan
from planner.model.plan_checks import plan_checks
from planner.model.scenario import digest, normalised

_BY_THE_HOUR = ("needs", "hourly")
_ONLY_IF_KNOWN = ("stability", *_BY_THE_HOUR)
"""Fields that a plan file leaves out where there is nothing to say."""


def read_plan(path: str | os.PathLike[str]) -> Plan:
    """Read a plan file.

    Parameters
    ----------
    path : path-like or str
        A ``plan.yaml`` as `write_plan` wrote it.

    Returns
    -------
    Plan
        With the normalised scenario inside.

    Raises
    ------
    InvalidPlan
        With every fault; among them that the scenario inside is not the one that was planned for
        (its digest differs), so that an edited scenario never passes for a planned one.
    """
    shown = os.fspath(path)
    try:
        tree = read_document(Path(shown), shown)
    except InvalidInput as error:
        raise InvalidPlan(error.faults) from None
    _refuse_scenario(tree)
    plan, found = _validated(tree.root.data)
    faults = [*tree.faults, *_placed(only_outside(found, tree.spoilt), tree)]
    if faults or plan is None:
        raise InvalidPlan(faults)
    return plan


def _refuse_scenario(tree: Tree) -> None:
    """Say so where the file is what a plan is made from: each of its keys would be a fault."""
    if not isinstance(tree.root.data.get("scenario"), str):
        return
    message, cure = "this is a scenario, not a plan", "run 'planner optimize' on it"
    raise InvalidPlan([Fault(tree.file, tree.line(("scenario",)), "scenario", message, cure)])


def write_plan(plan: Plan, path: str | os.PathLike[str]) -> None:
    """Write a plan file, whole or not at all; the same plan gives the same bytes.

    Parameters
    ----------
    plan : Plan
        The plan.
    path : path-like or str
        The file; its folder is made where it is missing.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    write_bytes_atomically(path, plan_text(plan).encode())


def plan_text(plan: Plan) -> str:
    """Return the text of a plan file: YAML, in the order of the model's fields, without times."""
    parts = plan.model_dump(mode="json", by_alias=True, exclude={"scenario"})
    data = {
        key: normalised(plan.scenario) if key == "scenario" else parts[key]
        for key in type(plan).model_fields
        if key not in _ONLY_IF_KNOWN or parts[key] is not None
    }
    data |= {key: _by_lines(data[key]) for key in _BY_THE_HOUR if key in data}
    return dump_documents(data)


def _by_lines(data: Any) -> Any:
    """Put each day's numbers on a line of its own."""
    if isinstance(data, dict):
        return {key: _by_lines(value) for key, value in data.items()}
    return OneLine(data) if isinstance(data, list) else data


def _validated(data: dict[str, Any]) -> tuple[Plan | None, list[Finding]]:
    """Validate plain data: the plan, and what is wrong."""
    try:
        plan = Plan.model_validate(data)
    except ValidationError as error:
        return None, findings(error, Plan)
    found, _ = cross_checks(plan.scenario)
    inside = [Finding(("scenario", *f.path), f.message, f.cure) for f in found]
    return plan, [*_digest_findings(plan), *inside, *plan_checks(plan)]


def _digest_findings(plan: Plan) -> list[Finding]:
    """Say that the scenario inside is not the one that was planned for."""
    if plan.scenario_digest == digest(plan.scenario):
        return []
    message = "the scenario inside is not the one that this plan was made for"
    cure = "undo the edit, or run 'planner optimize' on the scenario again"
    return [Finding(("scenario_digest",), message, cure)]


def _placed(found: Iterable[Finding], tree: Tree) -> list[Fault]:
    """Add file and line."""
    return [
        Fault(
            tree.file,
            tree.line(finding.path),
            dotted(finding.path),
            finding.message,
            finding.cure,
        )
        for finding in found
    ]

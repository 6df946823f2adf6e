"""``planner check``: every fault of a scenario, with its line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

import typer

from planner.cli.console import say, say_json
from planner.cli.exits import ExitCode
from planner.cli.scenario_text import print_scenario
from planner.cli.subject import ScenarioName
from planner.errors import Fault, InvalidScenario
from planner.io.scenarios import check_scenario


def check(
    scenario: ScenarioName,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say every fault of a scenario with its line; nothing is computed."""
    checked = check_scenario(scenario)
    if as_json:
        say_json({"faults": _plain(checked.faults), "warnings": _plain(checked.warnings)})
    else:
        _print_findings(scenario, checked.faults, checked.warnings)
        if checked.scenario is not None:
            print_scenario(checked.scenario)
    if checked.faults:
        raise typer.Exit(ExitCode.BAD_INPUT)


def _plain(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    """Return faults as plain objects: file, line, path, message, cure."""
    return [asdict(fault) for fault in faults]


def _print_findings(name: str, faults: tuple[Fault, ...], warnings: tuple[Fault, ...]) -> None:
    """Print faults and warnings, grouped by file."""
    if faults:
        say(str(InvalidScenario(faults)))
    else:
        say(f"{name}: no faults")
    for warning in warnings:
        say(f"  warning, {warning}")

"""What most commands are about: a scenario, as a file or by its shipped name."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.model.scenario import Scenario
from planner.studies.suited import Study, unsuited

ScenarioName = Annotated[
    str, typer.Argument(help="Scenario file, or a shipped name: taiwan, thirty-regions.")
]
"""First argument of every command that reads a scenario."""


def refuse_unsuited(scenario: Scenario, study: Study, *, hint: str = "SCENARIO") -> None:
    """Refuse as wrong usage what a study does not look at, with the cure."""
    if (reason := unsuited(scenario, study)) is not None:
        raise typer.BadParameter(reason, param_hint=hint)

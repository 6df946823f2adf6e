"""What most commands are about: a scenario, as a file or by its shipped name."""

from __future__ import annotations

from typing import Annotated

import typer

ScenarioName = Annotated[
    str, typer.Argument(help="Scenario file, or a shipped name: taiwan, thirty-regions.")
]
"""First argument of every command that reads a scenario."""

"""``planner schema``: the JSON Schema of the scenario."""

from __future__ import annotations

from planner.cli.console import say_json
from planner.io.schema import scenario_json_schema


def schema() -> None:
    """Print the JSON Schema of the scenario, for editors."""
    say_json(scenario_json_schema())

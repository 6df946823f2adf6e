"""The JSON Schema of a scenario file, by which editors complete and check it."""

from __future__ import annotations

from typing import Any

from planner.model.scenario import Scenario

TABLE_KEYS = ("origins", "demand_rps", "rtt_ms")


def scenario_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a scenario *file*.

    Returns
    -------
    dict
        The scenario's schema, in which `origins`, `demand_rps` and `rtt_ms` may also be
        ``{table: FILE.csv}``.

    Notes
    -----
    It knows the fields, their types and bounds; what fits together (that a link names two regions
    of the scenario, say) is checked by `planner.io.scenarios.check_scenario` only.

    Examples
    --------
    >>> scenario_json_schema()["properties"]["origins"]["anyOf"][0]["required"]
    ['table']
    """
    schema = Scenario.model_json_schema(by_alias=True, mode="validation")
    for key in TABLE_KEYS:
        inline = schema["properties"][key]
        about = {name: inline.pop(name) for name in ("title", "description") if name in inline}
        schema["properties"][key] = {**about, "anyOf": [_table(), inline]}
    _close(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _close(part: Any) -> None:
    """Refuse keys that do not have the form of a name."""
    if isinstance(part, dict):
        if "patternProperties" in part:
            part["additionalProperties"] = False
        for inner in part.values():
            _close(inner)
    elif isinstance(part, list):
        for inner in part:
            _close(inner)


def _table() -> dict[str, Any]:
    """Return the schema of a table's name."""
    return {
        "type": "object",
        "properties": {
            "table": {
                "type": "string",
                "minLength": 1,
                "description": "CSV file, relative to the scenario's folder",
            }
        },
        "required": ["table"],
        "additionalProperties": False,
    }

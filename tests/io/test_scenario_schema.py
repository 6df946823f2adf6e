"""The JSON Schema agrees with what the reader takes and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from planner.io.documents import parse_document
from planner.io.schema import scenario_json_schema

DATA = Path(__file__).parent.parent / "data"
VALIDATOR = Draft202012Validator(scenario_json_schema())
# What JSON Schema can say: types, bounds, forms, words, keys.
BY_SCHEMA = [
    "missing-key",
    "missing-section",
    "missing-in-objective",
    "unknown-key-near",
    "unknown-key-far",
    "unknown-section-near",
    "text-for-number",
    "quoted-number",
    "sexagesimal",
    "octal",
    "underscored-number",
    "decimal-comma",
    "truth-for-number",
    "null-for-number",
    "fraction-for-count",
    "absurdly-large",
    "absurdly-large-count",
    "latitude-out-of-range",
    "share-out-of-range",
    "ceiling-out-of-range",
    "survive-out-of-range",
    "survive-risk-groups-out-of-range",
    "growth-out-of-range",
    "negative",
    "zero-where-positive",
    "number-for-text",
    "list-for-text",
    "norway-as-false",
    "text-for-truth",
    "text-for-list",
    "list-for-mapping",
    "null-for-mapping",
    "null-section",
    "empty-mapping",
    "empty-list",
    "unknown-word-near",
    "packing-unknown-word",
    "unknown-word-far",
    "not-a-label",
    "label-too-long",
    "key-not-a-label",
    "key-not-an-origin",
    "not-a-host-name",
    "not-a-country",
    "not-a-metro",
    "not-a-month",
    "not-an-absolute-path",
    "not-a-quantity",
    "negative-quantity",
    "list-for-quantity",
    "text-too-long",
    "basis-a-number",
    "hour-negative",
    "demand-negative",
    "table-beside-entries",
    "table-not-named",
]


def document(file: Path) -> object:
    return parse_document(file.read_text(encoding="utf-8"), file.name).root.data


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("name", ["small", "tables"])
def test_good_scenarios_are_valid(name: str) -> None:
    assert list(VALIDATOR.iter_errors(document(DATA / "good" / f"{name}.yaml"))) == []


@pytest.mark.parametrize("name", BY_SCHEMA)
def test_an_editor_sees_what_a_schema_can_say(name: str) -> None:
    assert list(VALIDATOR.iter_errors(document(DATA / "bad" / f"{name}.yaml")))


def test_every_field_has_a_sentence() -> None:
    schema = VALIDATOR.schema
    for model in (schema, *schema["$defs"].values()):
        for name, field in model.get("properties", {}).items():
            assert len(field.get("description", "")) > 5, name

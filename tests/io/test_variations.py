"""Variation files: every file in tests/data/bad/variations says in its first line what is wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.errors import InvalidScenario, InvalidVariation
from planner.io.scenarios import read_scenario
from planner.io.variations import checked_variant, read_variation
from planner.model.scenario import Scenario, digest
from planner.model.variation import WAYS, Variation
from planner.model.varied_fields import fields_of
from planner.studies.variation import variants

DATA = Path(__file__).resolve().parents[1] / "data"
BAD = sorted((DATA / "bad" / "variations").glob("*.yaml"))


@pytest.fixture(scope="module")
def small() -> Scenario:
    return read_scenario(DATA / "good" / "small.yaml")


@pytest.mark.parametrize("file", BAD, ids=lambda file: file.stem)
def test_each_bad_file_has_exactly_the_fault_it_announces(file: Path, small: Scenario) -> None:
    expected = file.read_text(encoding="utf-8").split("\n")[0].removeprefix("# expect: ")
    with pytest.raises(InvalidVariation) as caught:
        read_variation(file, small)
    assert [" ".join(str(fault).split()) for fault in caught.value.faults] == [
        " ".join(expected.split())
    ]
    assert caught.value.faults[0].file == str(file)


def test_there_is_a_bad_file_for_every_rule() -> None:
    assert len(BAD) >= 29


def test_all_faults_come_in_one_message(small: Scenario, tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(
        "variation: all of it\n"
        "grid:\n"
        "  groth.share_year: [0.1]\n"
        "sample:\n"
        "  count: many\n"
        "  fields:\n"
        "    regions.taipeh.uplink_gbps: {scale: {uniform: {low: 1, high: 2}}}\n",
        encoding="utf-8",
    )
    with pytest.raises(InvalidVariation) as caught:
        read_variation(file, small)
    assert [(fault.line, fault.path) for fault in caught.value.faults] == [
        (1, "variation"),
        (3, "grid.groth.share_year"),
        (5, "sample.count"),
        (7, "sample.fields.regions.taipeh.uplink_gbps"),
    ]
    assert "did you mean 'taipei'?" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "- 1\n", "grid: [\n", "grid: &a {x: *a}\n", "a: 1\n---\nb: 2\n"]
)
def test_what_is_no_document_gets_a_sentence(small: Scenario, tmp_path: Path, text: str) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidVariation):
        read_variation(file, small)
    with pytest.raises(InvalidVariation, match="does not exist"):
        read_variation(tmp_path / "none.yaml", small)


@pytest.mark.parametrize("name", ["taiwan", "good/small.yaml", "good/tables.yaml"])
def test_a_variant_without_changes_is_the_scenario(name: str) -> None:
    scenario = read_scenario(name if name == "taiwan" else DATA / name)
    variant = checked_variant(fields_of(scenario), "variant 1")
    assert variant == scenario
    assert digest(variant) == digest(scenario)


def test_a_variant_is_checked_as_a_file_is(small: Scenario) -> None:
    fields = fields_of(small)
    fields["regions"]["taipei"]["metro"] = "XXX"
    fields["links"]["tpe-sin"]["to"] = "singapor"
    fields["demand_factor"]["TW"] = -1.0
    with pytest.raises(InvalidScenario, match="is not a factor"):
        checked_variant(fields, "variant 7")
    fields["demand_factor"]["TW"] = 1.0
    with pytest.raises(InvalidScenario) as caught:
        checked_variant(fields, "variant 7")
    said = str(caught.value)
    assert said.startswith("variant 7: 2 faults")
    assert "no metro 'XXX'" in said
    assert "no region 'singapor'; did you mean 'singapore'?" in said


@pytest.mark.parametrize("value", [None, 3, 2.5, True, "x", [{}]])
@pytest.mark.parametrize(
    "path", ["regions", "services", "demand_factor", "price_factor", "failure_rate_factor.links"]
)
def test_what_is_no_mapping_is_no_valid_variant(small: Scenario, path: str, value: object) -> None:
    every = variants(small, Variation.model_validate({"grid": {path: [value]}}))
    with pytest.raises(InvalidScenario, match=f"{path}.*: .* is not a mapping"):
        checked_variant(every.fields_of(1), "variant 1")


@pytest.mark.parametrize("value", [{"TW": {}}, {"TW": None}, {"TW": [1]}])
def test_a_mapping_of_factors_holds_numbers(small: Scenario, value: object) -> None:
    every = variants(small, Variation.model_validate({"grid": {"demand_factor": [value]}}))
    with pytest.raises(InvalidScenario, match=r"demand_factor\.TW: .* is not a factor"):
        checked_variant(every.fields_of(1), "variant 1")


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["taipei", "2Gi", "all"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
SCENARIO = read_scenario(DATA / "good" / "small.yaml")
FIELDS = fields_of(SCENARIO)


def paths() -> st.SearchStrategy[str]:
    """Draw paths that lead somewhere, and now and then nowhere."""
    every: list[str] = []

    def walk(value: object, before: tuple[str, ...]) -> None:
        every.append(".".join(before))
        members = value.items() if isinstance(value, dict) else ()
        members = enumerate(value) if isinstance(value, list) else members
        for key, inner in members:
            walk(inner, (*before, str(key)))
            if len(before) == 1:
                every.append(".".join((*before, "*")))

    walk(FIELDS, ())
    return st.sampled_from(every) | st.text(max_size=8)


@settings(max_examples=100)
@given(path=paths(), values=st.lists(PLAIN, min_size=1, max_size=2), way=st.sampled_from(WAYS))
def test_whatever_is_varied_ends_in_a_scenario_or_a_sentence(
    path: str, values: list[object], way: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    rows = values if way == "set" else {way: values}
    file.write_text(json.dumps({"grid": {path: rows}}), encoding="utf-8")
    try:
        every = variants(SCENARIO, read_variation(file, SCENARIO))
    except InvalidVariation:
        return
    for number in range(1, len(every) + 1):
        with suppress(InvalidScenario):
            assert checked_variant(every.fields_of(number), "variant").scenario

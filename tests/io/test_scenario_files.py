"""Good scenario files: what is read, how fast, and that no change to one ends in a traceback."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner.io.datasets import dataset_folder
from planner.io.documents import dump_documents
from planner.io.scenarios import check_scenario, read_scenario
from planner.model.scenario import normalised

GOOD = Path(__file__).parent.parent / "data" / "good"
SMALL = GOOD / "small.yaml"
LINES = SMALL.read_text(encoding="utf-8").splitlines(keepends=True)


def test_the_small_scenario_is_read_as_written() -> None:
    scenario = read_scenario(SMALL)
    assert list(scenario.regions) == ["taipei", "singapore", "tokyo"]
    assert scenario.services["api"].cpu.text == "2"
    assert scenario.services["orders"].memory.value == 1536 * 1024**2
    assert scenario.links["tpe-sin"].to_region == "singapore"
    assert scenario.growth.from_month == "2027-01"
    assert scenario.origins["SG"].residency == {"orders": ("singapore", "taipei")}
    assert check_scenario(SMALL).warnings == ()


@pytest.mark.parametrize("name", ["taiwan"])
def test_shipped_scenarios_are_found_by_name_from_anywhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (dataset_folder() / name / "scenario.yaml").is_file():
        pytest.skip(f"no shipped scenario {name}")
    monkeypatch.chdir(tmp_path)
    assert read_scenario(name).scenario == name
    # A folder of that name (an export, say) does not hide it; a file does.
    (tmp_path / name).mkdir()
    assert read_scenario(name).scenario == name
    (tmp_path / name).rmdir()
    (tmp_path / name).write_bytes(SMALL.read_bytes())
    assert read_scenario(name).scenario == "small"


def test_every_shipped_scenario_is_without_fault() -> None:
    for file in sorted(dataset_folder().glob("*/*.yaml")):
        if file.name == "sweep.yaml":  # What a sweep varies; it is read with its scenario.
            continue
        checked = check_scenario(file)
        assert checked.faults == (), file


def test_an_unknown_name_is_neither() -> None:
    (fault,) = check_scenario("no-such-scenario").faults
    assert fault.message == "is neither a file nor a shipped scenario"


def test_forty_five_origins_are_read_in_less_than_three_tenths_of_a_second(tmp_path: Path) -> None:
    data = normalised(read_scenario(SMALL))
    codes = [f"{a}{b}" for a in "ABCDE" for b in "ABCDEFGHI"]
    one = data["origins"]["TW"]
    data["origins"] = {code: {**one, "name": f"Country {code}"} for code in codes}
    data["demand_rps"] = {"api": {code: [1.5] * 4 for code in codes}}
    file = tmp_path / "scenario.yaml"
    file.write_text(dump_documents(data), encoding="utf-8")
    read_scenario(file)
    start = time.perf_counter()
    assert len(read_scenario(file).origins) == 45
    assert time.perf_counter() - start < 0.3


def test_what_is_written_is_read_back_the_same(tmp_path: Path) -> None:
    scenario = read_scenario(SMALL)
    file = tmp_path / "scenario.yaml"
    file.write_text(dump_documents(normalised(scenario)), encoding="utf-8")
    assert read_scenario(file) == scenario


def test_anchors_and_merged_keys(tmp_path: Path) -> None:
    text = SMALL.read_text(encoding="utf-8")
    text = text.replace("  SG:\n    name: Singapore\n", "  SG:\n    <<: *tw\n    name: Singapore\n")
    text = text.replace("  TW:\n", "  TW: &tw\n")
    text = text.replace("    internet_users: 5600000\n", "")
    file = tmp_path / "scenario.yaml"
    file.write_text(text, encoding="utf-8")
    assert read_scenario(file).origins["SG"].internet_users == 21_700_000


def check_or_refuse(file: Path, data: bytes) -> None:
    """Read what may be anything: a scenario, or faults with a sentence each."""
    file.write_bytes(data)
    checked = check_scenario(file)
    assert (checked.scenario is None) == bool(checked.faults)
    for fault in checked.faults:
        assert fault.message
        assert "\n" not in str(fault)
        assert str(fault) == "".join(c for c in str(fault) if c.isprintable())


FUZZ = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MARKS = [
    *"[]{}'\"#|>\\%@0\t\0\n\u202e\u3000é",
    "",
    ": ",
    "- ",
    "? ",
    "&a ",
    "*a",
    "<<: *a",
    "---\n",
]
WORDS = ["!!set ", "null", "true", "NaN", ".inf", "1e400", "-1", "table: x", "{table: origins.csv}"]
SCRAPS = st.sampled_from([*MARKS, *WORDS]).map(str.encode)


@FUZZ
@given(data=st.data())
def test_changed_bytes_end_in_a_sentence(data: st.DataObject, tmp_path: Path) -> None:
    text = bytearray(SMALL.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        text[start : start + length] = data.draw(SCRAPS | st.binary(max_size=4))
    check_or_refuse(tmp_path / "fuzzed.yaml", bytes(text))


@FUZZ
@given(data=st.data())
def test_moved_and_lost_lines_end_in_a_sentence(data: st.DataObject, tmp_path: Path) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 5))):
        at, to = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        kind = data.draw(st.sampled_from(["drop", "move", "copy", "indent", "value"]))
        if kind == "drop":
            del lines[at]
        elif kind == "move":
            lines.insert(to, lines.pop(at))
        elif kind == "copy":
            lines.insert(to, lines[at])
        elif kind == "indent":
            lines[at] = "  " + lines[at]
        else:
            key = lines[at].split(":")[0]
            lines[at] = f"{key}: {data.draw(SCRAPS).decode()}\n"
    check_or_refuse(tmp_path / "fuzzed.yaml", "".join(lines).encode())


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


@FUZZ
@given(data=st.data())
def test_any_value_at_any_place_ends_in_a_sentence(data: st.DataObject, tmp_path: Path) -> None:
    document = normalised(read_scenario(SMALL))
    here = document
    while True:
        key = data.draw(st.sampled_from(sorted(here)))
        if not isinstance(here[key], dict) or not here[key] or data.draw(st.integers(0, 3)) == 0:
            break
        here = here[key]
    here[key] = data.draw(PLAIN)
    check_or_refuse(tmp_path / "fuzzed.yaml", dump_documents(document).encode("utf-8", "replace"))


CELLS = st.sampled_from(
    ["", "NA", "0", "-1", "1e400", "nan", '"', '"a', "a,b", "\n", "\x00", "é", "TW"]
)


@FUZZ
@given(data=st.data())
def test_changed_tables_end_in_a_sentence(data: st.DataObject, tmp_path: Path) -> None:
    for name in ("origins.csv", "demand.csv", "rtt.csv"):
        text = (GOOD / name).read_text(encoding="utf-8")
        for _ in range(data.draw(st.integers(0, 2))):
            start = data.draw(st.integers(0, len(text)))
            text = text[:start] + data.draw(CELLS) + text[start + data.draw(st.integers(0, 6)) :]
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    check_or_refuse(tmp_path / "fuzzed.yaml", (GOOD / "tables.yaml").read_bytes())


@pytest.mark.parametrize("field", ["regions: [taipei]", "services: [api]"])
def test_a_risk_group_of_regions_or_services_is_not_called_idle(field: str, tmp_path: Path) -> None:
    file, head = tmp_path / "scenario.yaml", "\nrisk_groups:\n"
    group = f"  power: {{{field}, failure: {{mtbf_h: 8760.0, mttr_h: 4.0}}}}\n"
    file.write_text(SMALL.read_text(encoding="utf-8").replace(head, head + group))
    assert not check_scenario(file).warnings

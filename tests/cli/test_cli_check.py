"""``planner check`` and ``planner schema``: exit codes, the JSON object, hostile files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.cli.runs import DATA, GOLDEN, Run

BAD = sorted(p for p in (DATA / "bad").rglob("*") if p.suffix in {".yaml", ".yml"})


def test_a_good_scenario_is_fine(run: Run, small: Path) -> None:
    result = run("check", small)
    assert result.exit_code == 0
    assert result.stderr == ""
    golden = (GOLDEN / "check-small.txt").read_text(encoding="utf-8")
    assert result.stdout.replace(str(small), "small.yaml") == golden


def test_a_shipped_name_is_a_scenario(run: Run) -> None:
    result = run("check", "taiwan")
    assert result.exit_code == 0
    assert "losangeles-edge" in result.stdout


def test_faults_are_results_with_exit_3(run: Run, small: Path, tmp_path: Path) -> None:
    text = small.read_text(encoding="utf-8")
    bad = tmp_path / "bad.yaml"
    bad.write_text(text.replace("latitude_deg: 25.05", "latitude_deg: 91.2"), encoding="utf-8")
    line = text[: text.index("latitude_deg: 25.05")].count("\n") + 1
    result = run("check", bad)
    assert result.exit_code == 3
    assert result.stdout.startswith(f"{bad}: 1 fault\n  line {line}  regions.taipei.latitude_deg:")
    assert result.stderr == ""
    (fault,) = json.loads(run("check", bad, "--json").stdout)["faults"]
    assert list(fault) == ["file", "line", "path", "message", "cure"]
    assert (fault["file"], fault["line"]) == (str(bad), line)
    assert fault["path"] == "regions.taipei.latitude_deg"


def test_json_of_a_good_scenario_has_exactly_faults_and_warnings(run: Run, small: Path) -> None:
    result = run("check", small, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"faults": [], "warnings": []}


@pytest.mark.parametrize("path", BAD, ids=lambda p: p.stem)
def test_no_bad_file_ends_in_a_traceback(run: Run, path: Path) -> None:
    answer = json.loads(run("check", path, "--json").stdout)
    assert set(answer) == {"faults", "warnings"}
    assert answer["faults"] or answer["warnings"]
    assert run("check", path).exit_code == (3 if answer["faults"] else 0)


@pytest.mark.parametrize("verb", ["check", "optimize", "export"])
@pytest.mark.parametrize(
    "name",
    ["", ".", "/", "no/such/file.yaml", "x" * 5000, "-", "tab\there", "\x1b[31mred", "é\udcff"],
)
def test_hostile_paths_get_a_sentence(run: Run, verb: str, name: str) -> None:
    result = run(verb, "--", name)
    assert result.exit_code in ((2, 3) if len(name) > 255 else (3,))
    assert result.output.strip()
    assert "\x1b" not in result.output


@pytest.mark.parametrize("device", ["/dev/null", "/dev/zero"])
def test_a_device_is_no_scenario(run: Run, device: str) -> None:
    assert run("check", device).exit_code == 3


def test_control_characters_of_a_file_do_not_reach_the_terminal(
    run: Run, small: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.yaml"
    text = small.read_text(encoding="utf-8")
    bad.write_text(text.replace("name: Taipei", 'name: "\\e[2JTaipei"\n    x: "\\e[2J"'), "utf-8")
    result = run("check", bad)
    assert result.exit_code == 3
    assert "\x1b" not in result.output


def test_the_schema_is_a_schema_and_accepts_the_small_scenario(run: Run, small: Path) -> None:
    result = run("schema")
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    document = yaml.safe_load(small.read_text(encoding="utf-8"))
    assert list(validator.iter_errors(document)) == []
    document["regions"]["taipei"]["latitude_deg"] = 91.2
    assert [list(error.path) for error in validator.iter_errors(document)] == [
        ["regions", "taipei", "latitude_deg"]
    ]

"""``planner sweep``: what it prints and writes, and how it ends."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from planner.cli import sweep as verb
from planner.io.documents import dump_documents
from planner.studies.sweep import Pace, Sweep, sweep_variants
from planner.studies.sweep_rows import SweepRow
from tests.cli.runs import Made, Run

GRID = {
    "policy.survive.regions": [0, 1, 9],
    "demand_factor.*": {"scale": [0.5, 40.0]},
    "cost.preset": ["cost"],
}


@pytest.fixture(scope="module")
def vary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("vary") / "sweep.yaml"
    file.write_text(dump_documents({"variation": "much", "grid": GRID}), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def made(run: Run, small: Path, vary: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("swept")
    return Made(run("sweep", small, "--vary", vary, "-o", folder, "--workers", 0), folder)


def test_it_prints_outcomes_range_and_what_moves_it(made: Made) -> None:
    assert made.result.exit_code == 0
    out = made.result.stdout
    assert out.startswith("small, much: 6 variants, 3 varied fields\n")
    for words in (
        "a plan, proven to the gap",
        "no plan keeps every promise",
        "no valid scenario",
        "objective, USD a month: ",
        "demand_factor.*:scale",
        f"written to {made.folder}",
    ):
        assert words in out
    assert "Rank correlation with the objective, strongest first, and with having no plan" in out
    assert "0.5 to 40" in out


def test_one_variant_is_one_variant(run: Run, small: Path, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("variation: one\ngrid: {cost.preset: [cost]}\n")
    found = run(
        "sweep", small, "--vary", tmp_path / "one.yaml", "-o", tmp_path / "o", "--workers", 0
    )
    assert found.stdout.startswith("small, one: 1 variant, 1 varied field\n")


def test_the_pace_is_on_stderr_with_the_time_for_ten_thousand(made: Made) -> None:
    assert made.result.stderr.startswith("6 variants in ")
    assert " a second and core; 10,000 would take " in made.result.stderr


def test_the_files_hold_a_row_a_variant(made: Made) -> None:
    names = {path.name for path in made.folder.iterdir()}
    assert names == {"rows.jsonl", "timings.csv", "variants.csv", "variants.parquet"}
    with (made.folder / "variants.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["variant"] for row in rows] == list("123456")
    assert [row["status"] for row in rows] == [*("optimal", "infeasible") * 2, *("invalid",) * 2]
    assert rows[1]["objective_usd_month"] == rows[1]["replicas.api.taipei"] == ""
    assert rows[4]["message"] == "policy.survive.regions: 9 is outside [0, 3]"
    parquet = pd.read_parquet(made.folder / "variants.parquet")
    assert parquet["status"].tolist() == [row["status"] for row in rows]
    assert parquet["objective_usd_month"].dropna().tolist() == [
        float(row["objective_usd_month"]) for row in rows if row["objective_usd_month"]
    ]


def test_the_same_input_gives_the_same_bytes(
    run: Run, small: Path, vary: Path, made: Made, tmp_path: Path
) -> None:
    again = run("sweep", small, "--vary", vary, "-o", tmp_path, "--workers", 0)
    for name in ("variants.csv", "variants.parquet"):
        assert (tmp_path / name).read_bytes() == (made.folder / name).read_bytes()
    assert again.stdout.replace(str(tmp_path), "") == made.result.stdout.replace(
        str(made.folder), ""
    )


def test_a_second_run_makes_nothing_and_says_the_same(
    run: Run, small: Path, vary: Path, made: Made
) -> None:
    files = ("variants.csv", "timings.csv", "rows.jsonl")
    before = [(made.folder / name).read_bytes() for name in files]
    again = run("sweep", small, "--vary", vary, "-o", made.folder, "--workers", 0)
    assert again.stdout == made.result.stdout
    assert again.stderr == ""
    assert [(made.folder / name).read_bytes() for name in files] == before


def test_json_has_the_summary(run: Run, small: Path, vary: Path, made: Made) -> None:
    result = run("sweep", small, "--vary", vary, "-o", made.folder, "--workers", 0, "--json")
    answer = json.loads(result.stdout)
    assert list(answer) == [
        *("scenario", "variation", "variants", "rows", "interrupted", "counts"),
        *("objective_usd_month", "drivers", "folder"),
    ]
    assert answer["counts"] == {"optimal": 2, "infeasible": 2, "invalid": 2}
    assert answer["objective_usd_month"]["low"] <= answer["objective_usd_month"]["high"]
    assert {row["field"] for row in answer["drivers"]} == {
        *("policy.survive.regions", "demand_factor.*:scale", "cost.preset")
    }


def test_a_part_now_and_the_rest_later(
    run: Run, small: Path, vary: Path, made: Made, tmp_path: Path
) -> None:
    arguments = ("sweep", small, "--vary", vary, "-o", tmp_path, "--workers", 0)
    part = run(*arguments, "--first", 2)
    assert part.stdout.startswith("small, much: 2 of 6 variants")
    rest = run(*arguments)
    assert rest.stderr.startswith("4 variants in ")
    assert (tmp_path / "variants.csv").read_bytes() == (made.folder / "variants.csv").read_bytes()


def test_a_variant_is_shown_as_a_scenario_that_can_be_planned(
    run: Run, small: Path, vary: Path, made: Made, tmp_path: Path
) -> None:
    shown = run("sweep", small, "--vary", vary, "--show", 3)
    assert shown.exit_code == 0
    (tmp_path / "variant.yaml").write_text(shown.stdout, encoding="utf-8")
    plan = run(
        *("optimize", tmp_path / "variant.yaml", "-o", tmp_path, "--no-pictures", "--json"),
        *("--gap", 1e-3, "--target", "kubefed"),
    )
    objective = pd.read_csv(made.folder / "variants.csv")["objective_usd_month"][2]
    assert json.loads(plan.stdout)["objective"] == pytest.approx(objective)
    assert run("sweep", small, "--vary", vary, "--show", 7).exit_code == 2
    invalid = run("sweep", small, "--vary", vary, "--show", 5)
    assert invalid.exit_code == 3
    assert "9 is outside [0, 3]" in invalid.stderr


def test_the_file_is_also_looked_for_beside_the_scenario(run: Run) -> None:
    result = run("sweep", "taiwan", "--vary", "sweep.yaml", "--show", 1)
    assert result.exit_code == 0
    assert result.stdout.startswith("scenario: taiwan\n")


def test_a_folder_of_another_sweep_is_bad_input(
    run: Run, small: Path, vary: Path, made: Made
) -> None:
    other = run("sweep", small, "--vary", vary, "-o", made.folder, "--workers", 0, "--seed", 5)
    assert other.exit_code == 3
    assert "belongs to a run with another seed; name another folder" in other.stderr


def test_an_interruption_is_exit_5_and_a_failure_exit_1(
    run: Run, small: Path, vary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*arguments: object, **settings: object) -> Sweep:
        found = sweep_variants(*arguments, **{**settings, "first": 1})  # type: ignore[arg-type]
        return replace(found, interrupted=True, pace=Pace())

    def broken(*arguments: object, **settings: object) -> Sweep:
        found = sweep_variants(*arguments, **{**settings, "first": 1})  # type: ignore[arg-type]
        return replace(found, rows=(SweepRow(1, "", found.rows[0].settings, "failed", "a bug"),))

    arguments = ("sweep", small, "--vary", vary, "-o", tmp_path, "--workers", 0)
    monkeypatch.setattr(verb, "sweep_variants", stopped)
    result = run(*arguments)
    assert result.exit_code == 5
    assert result.stderr == f"interrupted; the same command goes on from {tmp_path}\n"
    monkeypatch.setattr(verb, "sweep_variants", broken)
    assert run(*arguments).exit_code == 1


def test_wrong_usage_and_bad_files(run: Run, small: Path, vary: Path, tmp_path: Path) -> None:
    whole = ("sweep", small, "--vary", vary, "-o", tmp_path)
    assert run("sweep", small, "--vary", vary).exit_code == 2
    assert run("sweep", small, "-o", tmp_path).exit_code == 2
    both = run(*whole, "--workers", 1, "--scheduler", "tcp://127.0.0.1:1")
    assert both.exit_code == 2
    assert run(*whole, "--first", 0).exit_code == 2
    nobody = run(*whole, "--scheduler", "nonsense://here")
    assert nobody.exit_code == 2
    assert "no Dask scheduler answers at 'nonsense://here'" in nobody.stderr
    (tmp_path / "rows.jsonl").unlink()
    assert run("sweep", tmp_path / "no.yaml", "--vary", vary, "-o", tmp_path).exit_code == 3
    missing = run("sweep", small, "--vary", tmp_path / "no.yaml", "-o", tmp_path)
    assert missing.exit_code == 3
    assert "does not exist" in missing.stderr
    assert not list(tmp_path.iterdir())

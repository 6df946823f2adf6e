"""``planner frontier``: what it prints and writes, and how it ends."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from planner.cli import frontier as verb
from planner.cli.console import ELSEWHERE
from planner.cli.frontier_text import _marks
from planner.errors import SolverStopped
from planner.io.plans import read_plan
from planner.studies.frontier import Frontier
from tests.cli.runs import Made, Run

KEYS = {"survive", "cost_usd_month", "mean_latency_ms", "bound", "gap", "knee"}


@pytest.fixture(scope="module")
def traced(run: Run, small: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("frontier")
    return Made(run("frontier", small, "-o", folder), folder)


def test_it_ends_well_and_says_every_level(traced: Made) -> None:
    assert traced.result.exit_code == 0
    for words in ("nothing lost", "any one region lost", "any one risk group cut", "knee"):
        assert words in traced.result.stdout
    assert "N-2 (any two regions lost): no plan keeps every promise" in traced.result.stdout
    assert traced.result.stderr.startswith("traced in ")


def test_json_has_the_promised_keys(run: Run, small: Path, tmp_path: Path) -> None:
    result = run("frontier", small, "-o", tmp_path, "--json", "--no-pictures")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert list(answer) == ["scenario", "latency", "method", "points", "levels"]
    for point in answer["points"]:
        assert set(point) >= KEYS
        assert point["bound"] <= point["cost_usd_month"] + 1e-6
        assert 0 <= point["gap"] <= 1e-3
        assert isinstance(point["knee"], bool)
    assert {p["survive"] for p in answer["points"]} == {"none", "N-1", "risk-groups"}
    by_name = {level["survive"]: level for level in answer["levels"]}
    assert by_name["N-2"]["points"] == 0
    assert "home_regions" in by_name["N-2"]["missing"]
    assert by_name["none"]["missing"] is None
    assert not any(level["stopped"] for level in answer["levels"])
    assert json.loads((tmp_path / "points.json").read_text(encoding="utf-8")) == answer
    assert not (tmp_path / "pictures").exists()


def test_every_point_has_its_plan(traced: Made) -> None:
    with (traced.folder / "points.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 8
    for row in rows:
        plan = read_plan(traced.folder / row["plan"])
        assert plan.proof.objective == pytest.approx(float(row["cost_usd_month"]))
        assert plan.cost.mean_latency_ms == pytest.approx(float(row["mean_latency_ms"]))
        assert plan.worst_state is not None
        assert plan.worst_state.unserved_share <= 1e-9
    for ending in ("png", "svg"):
        assert (traced.folder / "pictures" / f"frontier.{ending}").stat().st_size > 1000


def test_a_plan_of_the_frontier_can_be_exported(run: Run, traced: Made, tmp_path: Path) -> None:
    plan = traced.folder / "plans" / "n-1" / "01" / "plan.yaml"
    assert run("export", plan, "kubefed", "coredns", "-o", tmp_path).exit_code == 0


def test_the_same_input_gives_the_same_bytes(
    run: Run, small: Path, traced: Made, tmp_path: Path
) -> None:
    again = run("frontier", small, "-o", tmp_path)
    assert again.stdout.replace(str(tmp_path), "") == traced.result.stdout.replace(
        str(traced.folder), ""
    )
    first, second = (
        {str(f.relative_to(root)): f.read_bytes() for root in (folder,) for f in root.rglob("*.*")}
        for folder in (traced.folder, tmp_path)
    )
    assert first == second


def test_a_second_run_with_fewer_levels_takes_the_old_plans_away(
    run: Run, small: Path, tmp_path: Path
) -> None:
    assert run("frontier", small, "-o", tmp_path, "--no-pictures").exit_code == 0
    assert (tmp_path / "plans" / "none").is_dir()
    few = run("frontier", small, "-o", tmp_path, "--no-pictures", "--survive", "n-1")
    assert few.exit_code == 0
    assert not (tmp_path / "plans" / "none").exists()
    assert (tmp_path / "plans" / "n-1" / "01" / "plan.yaml").is_file()


def test_nothing_is_written_without_a_folder(
    run: Run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("frontier", small.resolve(), "--survive", "N-1").exit_code == 0
    assert list(tmp_path.iterdir()) == []


def test_no_level_with_a_plan_is_exit_4(run: Run, small: Path) -> None:
    result = run("frontier", small, "--survive", "N-2")
    assert result.exit_code == 4
    assert "name more home_regions" in result.stderr


def test_what_was_not_closed_is_marked_whatever_ended_it() -> None:
    assert _marks(True, "limit") == "knee, stopped early"
    assert _marks(False, "optimal") == ""


def test_a_limit_is_exit_5(run: Run, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = verb.trace_frontier

    def stopped(*arguments: object, **settings: object) -> Frontier:
        found = whole(*arguments, **settings)  # type: ignore[arg-type]
        return replace(found, levels=tuple(replace(v, stopped=True) for v in found.levels))

    monkeypatch.setattr(verb, "trace_frontier", stopped)
    result = run("frontier", small, "--survive", "N-1")
    assert result.exit_code == 5
    assert "stopped early: points may be missing" in result.stdout
    assert ELSEWHERE in result.stdout
    answer = json.loads(run("frontier", small, "--survive", "N-1", "--json").stdout)
    assert [level["stopped"] for level in answer["levels"]] == [True]

    def nothing(*_: object, **__: object) -> Frontier:
        raise SolverStopped("no plan was found before the search for the point ended")

    monkeypatch.setattr(verb, "trace_frontier", nothing)
    assert run("frontier", small).exit_code == 5


@pytest.mark.parametrize(
    "arguments", [("--points", "2"), ("--survive", "N-9"), ("--gap", "0.9"), ("--time-limit", "0")]
)
def test_wrong_usage_is_exit_2(run: Run, small: Path, arguments: tuple[str, ...]) -> None:
    assert run("frontier", small, *arguments).exit_code == 2


def test_bad_input_is_exit_3(run: Run, tmp_path: Path) -> None:
    assert run("frontier", tmp_path / "none.yaml").exit_code == 3

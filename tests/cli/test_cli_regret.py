"""``planner regret``: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from planner.cli import regret as verb
from planner.cli.console import ELSEWHERE
from planner.io.plans import read_plan
from planner.studies.regret import RegretStudy
from tests.cli.runs import Made, Run


@pytest.fixture(scope="module")
def chosen(run: Run, small: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("regret")
    return Made(run("regret", small, "-o", folder, "--json"), folder)


def test_the_table_and_the_intervals_agree(chosen: Made) -> None:
    assert chosen.result.exit_code == 0
    answer = json.loads(chosen.result.stdout)
    assert list(answer["demands"])[:3] == ["mid", "low", "high"]
    low, high = answer["regret"]
    assert 0 <= low <= high
    row = answer["regrets"]["least regret"]
    assert max(v for k, v in row.items() if k != "largest") == pytest.approx(row["largest"])
    assert row["largest"] == pytest.approx(high, abs=1e-6)
    keeping = answer["regrets"]["best for mid"]
    assert high <= keeping["largest"] + 1e-6
    for demand in answer["demands"].values():
        assert demand["least_cost"][0] <= demand["least_cost"][1] + 1e-9


def test_the_plan_written_keeps_every_promise_with_these_replicas(chosen: Made) -> None:
    plan = read_plan(chosen.folder / "plan.yaml")
    assert plan.worst_state is not None
    assert plan.worst_state.unserved_share <= 1e-9
    replicas = json.loads(chosen.result.stdout)["replicas"]
    assert {s: dict(row) for s, row in plan.replicas.iterrows()} == replicas


def test_a_list_of_ones_own_is_used_and_printed(run: Run, small: Path, tmp_path: Path) -> None:
    listed = tmp_path / "demands.yaml"
    listed.write_text("demands:\n  launch:\n    origins: {TW: 1.3}\n", encoding="utf-8")
    result = run("regret", small, "--demands", listed)
    assert result.exit_code == 0
    for words in ("launch", "best for mid", "least regret: at most", "replicas of least regret"):
        assert words in result.stdout
    assert "chosen in" in result.stderr


def test_a_bad_list_ends_with_its_faults(run: Run, small: Path, tmp_path: Path) -> None:
    listed = tmp_path / "demands.yaml"
    listed.write_text("demands:\n  launch:\n    origins: {TWN: 1.3}\n", encoding="utf-8")
    result = run("regret", small, "--demands", listed)
    assert result.exit_code == 3
    assert "line 3  demands.launch.origins.TWN: no origin 'TWN'" in result.stderr


def test_a_search_that_was_stopped_says_that_another_may_end_elsewhere(
    run: Run, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = verb.minimise_regret

    def stopped(*arguments: object, **settings: object) -> RegretStudy:
        return replace(whole(*arguments, **settings), proven=False)  # type: ignore[arg-type]

    monkeypatch.setattr(verb, "minimise_regret", stopped)
    result = run("regret", small)
    assert result.exit_code == 5
    assert ELSEWHERE in result.stdout

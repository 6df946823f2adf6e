"""``planner risk``: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from planner.cli import risk as verb
from planner.cli.console import ELSEWHERE
from planner.io.plans import read_plan
from planner.studies.tail_risk import TailStudy
from tests.cli.runs import Made, Run


@pytest.fixture(scope="module")
def asked(run: Run, small: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("risk")
    return Made(run("risk", small, "-o", folder, "--beta", "0.99"), folder)


def test_it_compares_two_plans_and_names_the_tail(asked: Made) -> None:
    assert asked.result.exit_code == 0
    for words in ("cheapest", "least tail", "budget", "8", "percentage points of CVaR", "of tail"):
        assert words in asked.result.stdout
    assert "compared in" in asked.result.stderr


def test_the_plan_written_keeps_every_promise(asked: Made) -> None:
    plan = read_plan(asked.folder / "plan.yaml")
    assert plan.worst_state is not None
    assert plan.worst_state.unserved_share <= 1e-9


def test_json_says_the_same_figures(run: Run, small: Path) -> None:
    result = run("risk", small, "--beta", "0.99", "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    first, second = answer["plans"]["cheapest"], answer["plans"]["least_tail"]
    for plan in (first, second):
        low, high = plan["cvar"]
        assert 0 <= low <= high <= 1
        assert plan["cvar_all_losses"][1] >= high - 1e-9
    assert second["cvar"][1] <= first["cvar"][1] + 1e-9
    assert second["cost_usd_month"] <= answer["budget_usd_month"] * (1 + 1e-6)
    assert answer["bound"] <= second["cvar"][1] + 1e-9
    assert answer["proven"] is True


def test_of_plans_with_the_same_tail_a_larger_budget_takes_none_that_is_dearer(
    run: Run, small: Path
) -> None:
    larger, smaller = (
        json.loads(run("risk", small, *budget, "--json").stdout)["plans"]["least_tail"]
        for budget in ((), ("--budget", "830"))
    )
    assert larger["cvar"][1] == pytest.approx(smaller["cvar"][1], rel=1e-9)
    assert larger["cost_usd_month"] <= smaller["cost_usd_month"] * 1.005


def test_a_tail_smaller_than_the_unknown_is_refused_with_the_cure(run: Run, small: Path) -> None:
    result = run("risk", small, "--beta", "0.999999", "--order", "1")
    assert result.exit_code == 3
    assert "small: 1 fault" in result.stderr
    assert "beta: the worst 1e-06 of the time cannot be judged" in result.stderr
    assert "raise the order of the states, or lower beta to at most 0.99" in result.stderr


def test_a_budget_that_no_plan_keeps_is_infeasible(run: Run, small: Path) -> None:
    result = run("risk", small, "--budget", "10")
    assert result.exit_code == 4
    assert "budget: no plan of small costs 10.00 USD a month or less" in result.stderr
    assert "raise the budget; the plan of 'planner optimize' costs" in result.stderr


def test_budget_and_tolerance_together_are_a_matter_of_usage(run: Run, small: Path) -> None:
    result = run("risk", small, "--budget", "10", "--tolerance", "0.1")
    assert result.exit_code == 2
    assert "give one of the two" in result.stderr


def test_the_same_input_gives_the_same_bytes(
    run: Run, small: Path, asked: Made, tmp_path: Path
) -> None:
    run("risk", small, "-o", tmp_path, "--beta", "0.99")
    assert (tmp_path / "plan.yaml").read_bytes() == (asked.folder / "plan.yaml").read_bytes()


def test_a_search_that_was_stopped_says_that_another_may_end_elsewhere(
    run: Run, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = verb.minimise_tail_risk

    def stopped(*arguments: object, **settings: object) -> TailStudy:
        return replace(whole(*arguments, **settings), proven=False)  # type: ignore[arg-type]

    monkeypatch.setattr(verb, "minimise_tail_risk", stopped)
    result = run("risk", small)
    assert result.exit_code == 5
    assert ELSEWHERE in result.stdout

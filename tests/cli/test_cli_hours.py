"""``planner hours``: what it prints and what a program reads."""

from __future__ import annotations

import json

from tests.cli.runs import Made, Run


def test_hours_prints_totals_weights_and_saving(run: Run, made: Made) -> None:
    result = run("hours", made.folder / "plan.yaml", "--largest-weight", 6)
    assert result.exit_code == 0, result.output
    for words in ("Totals", "Weights, all day", "are owned", "every promise holds"):
        assert words in result.stdout
    assert "policy.replicas is fixed" in result.stdout


def test_hours_answers_programs(run: Run, made: Made) -> None:
    result = run(
        "hours", made.folder / "plan.yaml", "--controller", "karmada", "--json",
        "--largest-weight", 6,
    )  # fmt: skip
    answer = json.loads(result.stdout)
    assert answer["controller"] == "karmada"
    assert answer["missed"] == []
    for service in answer["services"].values():
        assert len(service["totals"]) == len(answer["hours_utc"])
        assert sum(service["totals"]) <= service["fixed_total"] * len(service["totals"])
    assert {row["usd_month"] for row in answer["saving"]} == {0.0}


def test_hours_of_no_plan_are_bad_input(run: Run, small: object) -> None:
    result = run("hours", small)
    assert result.exit_code == 3

"""``planner hours``: what it prints and what a program reads."""

from __future__ import annotations

import json

from planner.io.plans import read_plan
from tests.cli.runs import Made, Run


def test_hours_prints_totals_weights_and_saving(run: Run, made: Made) -> None:
    result = run("hours", made.folder / "plan.yaml", "--largest-weight", 6)
    assert result.exit_code == 0, result.output
    for words in ("Totals", "Weights, all day", "are owned", "every promise holds"):
        assert words in result.stdout
    assert "policy.replicas is fixed" in result.stdout


def test_weights_stand_beside_the_bounds_that_kubefed_divides_within(run: Run, made: Made) -> None:
    plan = read_plan(made.folder / "plan.yaml")
    arguments = ("hours", made.folder / "plan.yaml", "--largest-weight", 6)
    assert "Fewest and most replicas, as exported" in run(*arguments).stdout
    assert "Fewest and most" not in run(*arguments, "--controller", "karmada").stdout
    services = json.loads(run(*arguments, "--json").stdout)["services"]
    for name, hours in services.items():
        assert hours["max_replicas"] == plan.services[name].max_replicas
        bounds = {
            region: (hours["min_replicas"], hours["max_replicas"][region])
            for region, weight in hours["weights"].items()
            if weight
        }
        weights = {region: weight for region, weight in hours["weights"].items() if weight}
        for place, total in enumerate(hours["totals"]):
            given = {region: counts[place] for region, counts in hours["replicas"].items()}
            assert sum(given.values()) == total
            assert all(bounds[r][0] <= given[r] <= bounds[r][1] for r in weights)


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

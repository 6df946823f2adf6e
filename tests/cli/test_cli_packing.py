"""``planner packing``: what it prints and what a program reads."""

from __future__ import annotations

import json

import yaml

from tests.cli.runs import Made, Run


def test_packing_prints_both_limits_of_every_place(run: Run, made: Made) -> None:
    result = run("packing", made.folder / "plan.yaml")
    assert result.exit_code == 0, result.output
    for words in ("any order", "at best", "planned", "one server of each pool lost"):
        assert words in result.stdout


def test_packing_answers_programs(run: Run, made: Made) -> None:
    result = run("packing", made.folder / "plan.yaml", "--json")
    answer = json.loads(result.stdout)
    plan = yaml.safe_load((made.folder / "plan.yaml").read_text())
    planned = {
        (region, name): count
        for name, service in plan["services"].items()
        for region, count in service["replicas"].items()
        if count
    }
    assert {(row["region"], row["service"]): row["planned"] for row in answer["limits"]} == planned
    assert answer["findings"] == []
    for row in answer["limits"]:
        assert row["planned"] <= row["whole"]["guaranteed"] <= row["whole"]["at_best"]
        assert row["server_lost"]["at_best"] <= row["whole"]["at_best"]


def test_more_replicas_than_are_sure_to_find_room_are_a_finding(run: Run, made: Made) -> None:
    plan = yaml.safe_load((made.folder / "plan.yaml").read_text())
    name, service = next(iter(plan["services"].items()))
    region = next(region for region, count in service["replicas"].items() if count)
    service["total"] += 5000 - service["replicas"][region]
    service["replicas"][region] = 5000
    service["max_replicas"][region] = 5000
    path = made.folder / "crowded.yaml"
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    result = run("packing", path)
    assert result.exit_code == 1, result.output
    assert f"5000 replicas of {name} are planned" in result.stderr


def test_packing_of_no_plan_is_bad_input(run: Run, small: object) -> None:
    assert run("packing", small).exit_code == 3

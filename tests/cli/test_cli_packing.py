"""``planner packing``: what it prints and what a program reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

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


def test_more_replicas_than_are_sure_to_find_room_are_a_finding(
    run: Run, made: Made, tmp_path: Path
) -> None:
    plan = yaml.safe_load((made.folder / "plan.yaml").read_text())
    name, service = next(iter(plan["services"].items()))
    region = next(region for region, count in service["replicas"].items() if count)
    service["total"] += 5000 - service["replicas"][region]
    service["replicas"][region] = 5000
    service["max_replicas"][region] = 5000
    path = tmp_path / "crowded.yaml"
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    result = run("packing", path)
    assert result.exit_code == 1, result.output
    assert f"5000 replicas of {name} are planned" in result.stderr


def test_a_plan_packed_at_best_is_judged_by_that_limit(
    run: Run, small: Path, tmp_path: Path
) -> None:
    scenario = yaml.safe_load(small.read_text())
    scenario["policy"]["packing"] = "at_best"
    for service in scenario["services"].values():
        service["pinned_regions"] = list(scenario["regions"])
    path = shutil.copytree(small.parent, tmp_path / "scenario") / "packed.yaml"
    path.write_text(yaml.safe_dump(scenario, sort_keys=False))
    assert run("optimize", path, "-o", tmp_path).exit_code == 0
    first = json.loads(run("packing", tmp_path / "plan.yaml", "--json").stdout)
    assert first["made_with"] == "at_best"
    assert first["findings"] == []
    row = next(r for r in first["limits"] if r["whole"]["guaranteed"] < r["whole"]["at_best"])
    lost = scenario["policy"].get("survive_server_loss", False)
    most = row["server_lost" if lost else "whole"]["at_best"]
    for count, code in ((most, 0), (most + 1, 1)):
        plan = yaml.safe_load((tmp_path / "plan.yaml").read_text())
        service = plan["services"][row["service"]]
        service["total"] += count - service["replicas"][row["region"]]
        service["replicas"][row["region"]] = count
        service["max_replicas"][row["region"]] = count
        crowded = tmp_path / f"crowded-{count}.yaml"
        crowded.write_text(yaml.safe_dump(plan, sort_keys=False))
        assert run("packing", crowded).exit_code == code


def test_packing_of_no_plan_is_bad_input(run: Run, small: object) -> None:
    assert run("packing", small).exit_code == 3

"""``planner explain``: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planner.cli import explain as verb
from planner.cli.console import ELSEWHERE
from planner.cli.explain_text import _plain
from planner.studies.explanation import Explanation
from tests.busy import busy_text
from tests.cli.runs import Made, Run


def test_it_says_every_count_and_what_needs_it(run: Run, made: Made) -> None:
    result = run("explain", made.folder / "plan.yaml")
    assert result.exit_code == 0
    assert "small: 2,952.40 USD a month" in result.stdout
    assert {"api", "orders"} <= set(result.stdout.splitlines())
    words = " ".join(result.stdout.split())
    counts = words.split(" in Taipei: ")[1:]
    assert len(counts) == 2
    assert all(text.startswith("needed by '") and ". Without that " in text for text in counts)
    assert max(map(len, result.stdout.splitlines())) <= 110
    assert "What if" not in result.stdout
    *before, last = result.stderr.splitlines()
    assert all(line.startswith("warning: ") for line in before)
    assert last.startswith("explained in ")


def test_a_target_that_can_say_anything_is_not_mentioned(
    run: Run, small: Path, made: Made, tmp_path: Path
) -> None:
    text = small.read_text(encoding="utf-8")
    anything = tmp_path / "scenario.yaml"
    anything.write_text(
        text.replace("\ndns:\n", "\ndns:\n  rules: {kind: any}\n"), encoding="utf-8"
    )
    assert run("optimize", anything, "-o", tmp_path, "--no-pictures").exit_code == 0
    result = run("explain", tmp_path / "plan.yaml")
    assert result.stdout == run("explain", made.folder / "plan.yaml").stdout


def test_where_rules_bind_it_says_that_shares_are_taken_as_free(
    run: Run, small: Path, tmp_path: Path
) -> None:
    ruled = tmp_path / "scenario.yaml"
    ruled.write_text(busy_text(small.read_text(encoding="utf-8"), "list"), encoding="utf-8")
    assert run("optimize", ruled, "-o", tmp_path, "--no-pictures").exit_code == 0
    first, second, *_ = run("explain", tmp_path / "plan.yaml").stdout.splitlines()
    assert first == "small: 3,389.90 USD a month by its rules of DNS (dns.rules)"
    assert second.startswith(
        "shares are taken as free here: the best plan then costs 3,383.46 USD a month, no plan "
    )
    answer = json.loads(run("explain", tmp_path / "plan.yaml", "--json").stdout)
    assert answer["ruled"] is True
    assert answer["remeasured"] is False


def test_savings_are_a_table(run: Run, made: Made) -> None:
    result = run("explain", made.folder / "plan.yaml", "--savings")
    assert result.exit_code == 0
    assert "What if: each change alone, everything else free" in result.stdout
    assert "one server more in taipei/main" in result.stdout
    assert "emergency limit of api 605 ms instead of 600" in result.stdout


def test_json_says_the_same(run: Run, made: Made) -> None:
    result = run("explain", made.folder / "plan.yaml", "--savings", "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert set(answer) >= {"scenario", "counts", "excuses", "unused_regions", "savings"}
    assert set(answer["uplink_usd_month_per_gbps"]) == {"taipei", "singapore", "tokyo"}
    assert answer["bound"] <= answer["objective"]
    for count in answer["counts"]:
        assert count["without"] < count["replicas"]
        if "load" in count["kinds"]:
            assert set(count["witness"][0][0]) == {"state", "hour_utc"}
    assert len(answer["savings"]) == 13
    assert all(s["dearer_usd_month"] == [0.0, 0.0] for s in answer["savings"])


def test_the_same_plan_gives_the_same_bytes(run: Run, made: Made) -> None:
    first, second = (run("explain", made.folder / "plan.yaml").stdout for _ in range(2))
    assert first == second


def test_a_limit_is_exit_5(run: Run, made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Explanation, "proven", False)
    result = run("explain", made.folder / "plan.yaml")
    assert result.exit_code == 5
    assert verb.ExitCode.STOPPED == 5
    assert ELSEWHERE in result.stdout
    assert not json.loads(run("explain", made.folder / "plan.yaml", "--json").stdout)["proven"]


def test_what_cannot_be_read_is_exit_3(run: Run, tmp_path: Path) -> None:
    result = run("explain", tmp_path / "none.yaml")
    assert result.exit_code == 3
    assert "none.yaml" in result.stderr


def test_a_plan_edited_down_is_exit_3_with_a_cure(run: Run, made: Made, tmp_path: Path) -> None:
    text = (made.folder / "plan.yaml").read_text(encoding="utf-8")
    before = "    total: 5\n    replicas:\n      taipei: 2\n"
    assert before in text
    edited = tmp_path / "plan.yaml"
    edited.write_text(
        text.replace(before, "    total: 4\n    replicas:\n      taipei: 1\n"), encoding="utf-8"
    )
    result = run("explain", edited)
    assert result.exit_code == 3
    assert "do not carry every promised state" in result.stderr
    assert "planner optimize" in result.stderr


@pytest.mark.parametrize("arguments", [("--gap", "0.9"), ("--time-limit", "0"), ("--seed", "-1")])
def test_wrong_usage_is_exit_2(run: Run, made: Made, arguments: tuple[str, ...]) -> None:
    assert run("explain", made.folder / "plan.yaml", *arguments).exit_code == 2


def test_a_difference_that_is_nothing_has_no_sign() -> None:
    assert str(_plain(-1e-9)) == "0.0"

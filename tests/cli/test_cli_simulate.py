"""``planner simulate``: failures, events, what it prints and writes, and how it ends."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

from planner.cli import simulate as verb
from planner.failures.states import failure_states
from planner.io.plans import read_plan, write_plan
from planner.io.scenarios import read_scenario
from planner.model.plan import Plan
from planner.problem.build import build_problem
from planner.studies.main_job import optimize
from planner.studies.replanned import OTHER_VERSION
from planner.studies.replays import Replay, replay_events
from tests.cli.runs import GOLDEN, Made, Run

Process = Callable[..., CompletedProcess[str]]

TOP = ("availability", "probability_covered", "states", "worst", "timeline", "reported")
TIMELINE = ("seconds", "served", "slow", "failed", "recovery_s", "lost_requests")
BESIDES = {"samples", "missed", "findings", "sensitivity"}
"""What the object has beside the figures that it must have."""

EVENTS = """
events:
  taipei-down:
    name: Taipei down
    starts_utc: "08:00"
    duration_min: 30.0
    regions_down: [taipei]
  crowd:
    duration_min: 5.0
    crowds: [{factor: 3.0}]

reported:
  incident: crowd
  figures:
    failed_share.api: {value: 0.5, why: made up}
    rtt_ms.taipei.tokyo: {value: 12.0, why: as made up}
    serving_region.TW: {text: tokyo, why: nobody says so}
    geoip_hit_share: {value: 0.9, why: not modelled}
"""

ALL_CABLES = """
failures:
  cables: {segments: all}
  cutoff_probability: 0.0
"""


@pytest.fixture(scope="session")
def eventful(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small scenario with events and with figures that somebody reported."""
    file = tmp_path_factory.mktemp("eventful") / "small.yaml"
    file.write_text(small.read_text(encoding="utf-8") + EVENTS, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def plan(made: Made) -> Path:
    return made.folder / "plan.yaml"


@pytest.fixture(scope="session")
def replayed(run: Run, eventful: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """An event replayed, with pictures; the plan is optimised on the way."""
    folder = tmp_path_factory.mktemp("replayed") / "new"
    return Made(run("simulate", eventful, "--event", "taipei-down", "-o", folder), folder)


@pytest.fixture(scope="session")
def answer(run: Run, eventful: Path) -> dict[str, Any]:
    result = run("simulate", eventful, "--event", "taipei-down", "--json")
    assert result.exit_code == 0
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_small_plan_is_simulated_and_printed(run: Run, small: Path, plan: Path) -> None:
    result = run("simulate", small, "--plan", plan)
    assert result.exit_code == 0
    assert result.stdout == (GOLDEN / "simulate-small.txt").read_text(encoding="utf-8")


def test_only_warnings_go_to_stderr(run: Run, small: Path, plan: Path, replayed: Made) -> None:
    for result in (run("simulate", small, "--plan", plan, "--order", 1), replayed.result):
        assert all(line.startswith("warning: ") for line in result.stderr.splitlines())
    assert run("simulate", small, "--plan", plan, "--order", 1).stderr == ""


def test_the_same_input_gives_the_same_bytes(
    process: Process, eventful: Path, replayed: Made, tmp_path: Path
) -> None:
    options = ("--event", "taipei-down", "-o", tmp_path / "again")
    second = process("simulate", eventful, *options)
    assert second.stdout == replayed.result.stdout
    assert second.stderr == replayed.result.stderr
    for file in sorted(replayed.folder.iterdir()):
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_pictures_are_written_where_a_folder_is_named(replayed: Made) -> None:
    assert replayed.result.exit_code == 0
    names = {file.name for file in replayed.folder.iterdir()}
    assert names == {f"{n}.{e}" for n in ("failure-matrix", "timeline") for e in ("png", "svg")}
    assert (replayed.folder / "timeline.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_printed_of_an_event_adds_up(replayed: Made) -> None:
    printed = replayed.result.stdout
    assert "Taipei down, from 08:00 UTC for 30 min" in printed
    rows = {
        row.split()[0]: [float(cell.replace(",", "")) for cell in row.split()[1:]]
        for row in printed.split("Requests from the loss")[1].splitlines()[3:6]
    }
    assert list(rows) == ["api", "orders", "all"]
    for column in range(3):
        parts = rows["api"][column] + rows["orders"][column]
        assert parts == pytest.approx(rows["all"][column], abs=1.5)
    assert rows["all"][3] == pytest.approx(100 * rows["all"][2] / rows["all"][0], abs=1e-3)
    assert "serving_region.TW" in printed
    assert not any(line.endswith(" ") for line in printed.splitlines())


def test_a_loss_that_stays_is_not_called_recovered(
    run: Run, eventful: Path, replayed: Made
) -> None:
    assert "recovered (within 0.1 % of the state's own loss) after " in replayed.result.stdout
    printed = run("simulate", eventful, "--event", "crowd", "--order", 0).stdout
    found = re.search(r"steady from the start: ([\d.]+) % of the requests fail", printed)
    assert found
    failed = json.loads(run("simulate", eventful, "--order", 0, "--json").stdout)["reported"]
    assert float(found[1]) > 10
    assert float(found[1]) == pytest.approx(
        100 * failed["failed_share.api"]["predicted"], rel=0.2
    )  # of all services; api is ten in eleven of them
    assert "recovered (within" not in printed


def test_json_is_one_object_with_what_is_promised(answer: dict[str, Any]) -> None:
    assert set(TOP) <= set(answer) <= {*TOP, *BESIDES}
    for ends in answer["availability"].values():
        assert 0 <= ends["low"] <= ends["high"] <= 1
        assert ends["kind"] == "bound"
    services, regions = {"api", "orders"}, {"taipei", "singapore", "tokyo"}
    assert set(answer["availability"]) == services
    for state in answer["states"]:
        assert {"name", "probability", "unserved_share", "p95_ms"} <= set(state)
        assert set(state["unserved_share"]) == set(state["p95_ms"]) == services
        assert all(set(by_region) <= regions for by_region in state["p95_ms"].values())
    total = sum(state["probability"] for state in answer["states"])
    assert total == pytest.approx(answer["probability_covered"], abs=1e-12)
    assert {"service", "value", "state", "cause"} <= set(answer["worst"])
    assert answer["worst"]["state"] in {state["name"] for state in answer["states"]}


def test_json_has_no_percentile_of_a_region_that_is_down(answer: dict[str, Any]) -> None:
    down = next(state for state in answer["states"] if state["name"] == "taipei down")
    up = next(state for state in answer["states"] if state["name"] == "all up")
    assert "taipei" in up["p95_ms"]["api"]
    assert "taipei" not in down["p95_ms"]["api"]
    assert down["p95_ms"]["api"]


def test_json_tells_the_timeline_second_by_second(answer: dict[str, Any]) -> None:
    found = answer["timeline"]
    assert set(TIMELINE) <= set(found)
    lengths = {len(found[name]) for name in ("seconds", "served", "slow", "failed")}
    assert len(lengths) == 1
    assert found["seconds"][0] == 0.0
    assert 0 < found["recovery_s"] <= 1800
    # Half an hour at one-second steps and nothing skipped: the sum is the total.
    assert sum(found["failed"]) == pytest.approx(found["lost_requests"], rel=1e-3)
    assert max(found["failed"]) == pytest.approx(max(found["failed"][:60]))


def test_json_sets_figures_beside_the_reported_ones(answer: dict[str, Any]) -> None:
    found = answer["reported"]
    assert list(found) == [
        *("failed_share.api", "rtt_ms.taipei.tokyo", "serving_region.TW", "geoip_hit_share")
    ]
    for row in found.values():
        assert {"predicted", "reported", "why"} <= set(row)
    assert (found["rtt_ms.taipei.tokyo"]["predicted"], found["geoip_hit_share"]["predicted"]) == (
        33.0,
        None,
    )
    assert found["rtt_ms.taipei.tokyo"]["reported"] == 12.0
    # Three times the demand on replicas for little more than one: most of it fails.
    assert 0.2 < found["failed_share.api"]["predicted"] < 0.7
    assert re.fullmatch(r"\w+ \(\d+ %\)", found["serving_region.TW"]["predicted"])


def test_without_an_event_there_is_no_timeline(run: Run, small: Path, plan: Path) -> None:
    result = run("simulate", small, "--plan", plan, "--order", 1, "--json")
    found = json.loads(result.stdout)
    assert found.get("timeline") is None
    assert found["reported"] == {}
    assert result.exit_code == 0


def test_samples_are_labelled_confidence_and_follow_their_seed(
    run: Run, small: Path, plan: Path
) -> None:
    def drawn(seed: int, *more: str) -> str:
        options = ("--plan", plan, "--samples", 2000, "--seed", seed)
        result = run("simulate", small, *options, *more)
        assert result.exit_code == 0
        text: str = result.stdout
        return text

    assert drawn(1) == drawn(1) != drawn(2)
    assert "95 % confidence" in drawn(1)
    assert "2,000 drawn" in drawn(1)
    found = json.loads(drawn(1, "--json"))
    assert {ends["kind"] for ends in found["availability"].values()} == {"confidence"}
    enumerated = json.loads(run("simulate", small, "--plan", plan, "--json").stdout)
    for service, ends in found["availability"].items():
        assert ends["low"] <= enumerated["availability"][service]["low"] <= ends["high"]


def test_a_higher_order_leaves_less_out(run: Run, small: Path, plan: Path) -> None:
    covered, width = [], []
    for order in (0, 1, 2):
        options = ("--plan", plan, "--order", order, "--json")
        found = json.loads(run("simulate", small, *options).stdout)
        covered.append(found["probability_covered"])
        ends = found["availability"]["api"]
        width.append(ends["high"] - ends["low"])
    assert covered == sorted(covered)
    assert width == sorted(width, reverse=True)
    assert width == pytest.approx([1 - share for share in covered], rel=1e-6)


def test_a_missed_promise_is_exit_1_and_said(
    run: Run, small: Path, plan: Path, tmp_path: Path
) -> None:
    grown = tmp_path / "grown.yaml"
    text = small.read_text(encoding="utf-8").replace("user_day: 40.0", "user_day: 80.0")
    grown.write_text(text, encoding="utf-8")
    result = run("simulate", grown, "--plan", plan, "--order", 1)
    assert result.exit_code == 1
    assert result.stderr == f"warning: {OTHER_VERSION}\n"
    assert "not kept:" in result.stdout
    assert "of the requests are not served at worst" in result.stdout
    assert "unserved\n" in result.stdout.split("worst promised state: ")[1]
    options = ("--plan", plan, "--order", 1, "--json")
    again = run("simulate", grown, *options)
    assert again.exit_code == 1
    found = json.loads(again.stdout)
    promised = next(s for s in found["states"] if s["name"] == found["worst"]["state"])
    service = found["worst"]["service"]
    assert found["worst"]["value"] == pytest.approx(promised["unserved_share"][service])
    assert found["worst"]["value"] > 0


def test_a_plan_that_was_stopped_early_is_said_to_be_one(
    run: Run, small: Path, tmp_path: Path
) -> None:
    plan = optimize(build_problem(read_scenario(small), failure_states(read_scenario(small))))
    proof = plan.proof.model_copy(update={"status": "limit", "gap": 0.0123})
    write_plan(plan.model_copy(update={"proof": proof}), tmp_path / "plan.yaml")
    result = run("simulate", small, "--plan", tmp_path / "plan.yaml", "--order", 1)
    assert (
        "warning: the search for the plan was stopped early, at a gap of 1.2e-02" in result.stderr
    )
    write_plan(plan, tmp_path / "plan.yaml")
    assert run("simulate", small, "--plan", tmp_path / "plan.yaml", "--order", 1).stderr == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--event", "taipei-dow"), "did you mean 'taipei-down'?"),
        (("--event", ""), "no event ''"),
        (("--event", "crowd", "--event", "\x1b[31m"), "no event"),
        (("--samples", "10", "--order", "1"), "give one of the two"),
        (("--order", "-1"), "--order"),
        (("--order", "21"), "--order"),
        (("--order", "x"), "--order"),
        (("--samples", "-5"), "--samples"),
        (("--samples", "1e3"), "--samples"),
        (("--samples", "9" * 20), "--samples"),
        (("--seed", "-1"), "--seed"),
        (("--nope",), "--nope"),
    ],
)
def test_wrong_usage_is_exit_2(
    run: Run,
    eventful: Path,
    options: tuple[str, ...],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(verb, "study_failures", lambda *_, **__: pytest.fail("computed"))
    result = run("simulate", eventful, *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert "\x1b" not in result.stderr


def test_an_event_of_a_scenario_without_events_says_so(run: Run, small: Path) -> None:
    result = run("simulate", small, "--event", "taipei-down")
    assert result.exit_code == 2
    assert "the scenario has no events" in " ".join(result.stderr.replace("│", " ").split())


def test_a_bad_scenario_is_exit_3(run: Run, small: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(small.read_text(encoding="utf-8") + "\nunheard: of\n", encoding="utf-8")
    result = run("simulate", bad, "-o", tmp_path / "out")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "unheard" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.yaml", None),
        ("empty.yaml", ""),
        ("list.yaml", "[1, 2]"),
        ("open.yaml", "{"),
        ("scenario.yaml", "scenario: small"),
        ("deep.yaml", "[" * 5000),
        ("nul.yaml", "a: \0"),
    ],
)
def test_what_is_no_plan_is_exit_3_with_a_sentence(
    run: Run, small: Path, tmp_path: Path, name: str, content: str | None
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_text(content, encoding="utf-8")
    result = run("simulate", small, "--plan", file)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert name in result.stderr


def test_a_plan_of_another_scenario_is_exit_3_and_names_what_differs(run: Run, plan: Path) -> None:
    result = run("simulate", "taiwan", "--plan", plan)
    assert result.exit_code == 3
    assert result.stdout == ""
    for what in ("services", "regions", "origins", "losangeles", "static"):
        assert what in result.stderr
    assert "optimise this scenario" in result.stderr


def test_an_order_whose_states_would_not_fit_is_exit_3_with_number_and_cure(
    run: Run, small: Path, plan: Path, tmp_path: Path
) -> None:
    cables = tmp_path / "cables.yaml"
    cables.write_text(small.read_text(encoding="utf-8") + ALL_CABLES, encoding="utf-8")
    result = run("simulate", cables, "--plan", plan, "--order", 20)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert re.search(r"\d[\d,]{5,}", result.stderr)
    assert "order" in result.stderr


@pytest.mark.parametrize(
    "name", ["", ".", "/", "no/such/file.yaml", "x" * 5000, "-", "tab\there", "\x1b[31mred"]
)
def test_hostile_paths_get_a_sentence(run: Run, small: Path, name: str) -> None:
    for arguments in (("--", name), (small, "--plan", name)):
        result = run("simulate", *arguments)
        assert result.exit_code in (2, 3)
        assert result.stderr.strip()
        assert "\x1b" not in result.output


def test_a_folder_that_cannot_be_is_exit_2_before_anything_is_computed(
    run: Run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "study_failures", lambda *_, **__: pytest.fail("computed"))
    file = tmp_path / "file"
    file.write_text("mine", encoding="utf-8")
    result = run("simulate", small, "-o", file / "below")
    assert result.exit_code == 2
    assert file.read_text(encoding="utf-8") == "mine"


@pytest.fixture(scope="module")
def taiwan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan of the shipped scenario."""
    scenario = read_scenario("taiwan")
    file = tmp_path_factory.mktemp("taiwan") / "plan.yaml"
    write_plan(optimize(build_problem(scenario, failure_states(scenario))), file)
    return file


@pytest.fixture(scope="module")
def taiwan_plan(taiwan: Path) -> Plan:
    return read_plan(taiwan)


def test_the_shipped_scenario_keeps_its_promises_and_stands_beside_the_report(
    run: Run, taiwan: Path
) -> None:
    incident = "southeast-asia-interruption"
    result = run("simulate", "taiwan", "--plan", taiwan, "--event", incident)
    assert result.exit_code == 0
    printed = result.stdout
    assert "Predicted and reported; nothing is fitted" in printed
    reported = read_scenario("taiwan").reported
    assert reported is not None
    for figure in reported.figures:
        assert f"\n {figure} " in printed
        assert f"\n  {figure}: " in printed
    assert "taiwan-single-region-taipei: " in printed
    assert "replicas of" in printed.split("worst promised state")[1].splitlines()[1]


EVERY_EVENT = (
    *("taipei-down", "losangeles-down-evening", "new-release-breaks-api", "crowd-in-japan"),
    *("tokyo-maintenance-and-taipei-down", "tokyo-loses-a-server", "luzon-strait-2006"),
    "southeast-asia-interruption",
)


def test_no_shipped_event_is_forgotten_here(taiwan_plan: Plan) -> None:
    assert set(EVERY_EVENT) == set(taiwan_plan.scenario.events)


@pytest.mark.parametrize("name", EVERY_EVENT)
def test_every_shipped_event_replays_and_adds_up(taiwan_plan: Plan, name: str) -> None:
    replay = replay_events(taiwan_plan, [name])
    found = replay.timeline
    served = found.served_rps + found.slow_rps + found.failed_rps
    assert np.allclose(served, found.offered_rps, rtol=1e-9, atol=1e-6)
    for part in (found.served_rps, found.slow_rps, found.failed_rps):
        assert (part >= -1e-9).all()
    by_service = found.service_offered_rps.sum(axis=1)
    assert np.allclose(by_service, found.offered_rps.sum(axis=1), rtol=1e-9)
    assert np.allclose(found.service_failed_rps.sum(axis=1), found.failed_rps.sum(axis=1))
    _stretches_are_the_sums_of_their_seconds(replay)
    times = [second for second, _ in found.events]
    assert times == sorted(times)
    assert found.duration_s == 60 * taiwan_plan.scenario.events[name].duration_min
    assert np.isfinite(found.recovery_s)


def _stretches_are_the_sums_of_their_seconds(replay: Replay) -> None:
    found = replay.timeline
    during = found.seconds < found.duration_s
    for part, steps in ((found.event, during), (found.after, ~during)):
        for name in ("offered", "slow", "failed"):
            rate = getattr(found, f"{name}_rps")[steps]
            total = (rate * found.step_s[steps, None]).sum(axis=0)
            assert np.allclose(getattr(part, name).sum(axis=0), total, rtol=1e-6, atol=1e-3)
    until = float(found.seconds[during][-1] + found.step_s[during][-1])
    assert (found.gap.offered.sum() > 0) == (until < found.duration_s - 1)

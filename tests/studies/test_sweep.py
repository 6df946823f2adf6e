"""Sweeps: every variant becomes a row, rows survive what kills a run, and none comes twice."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from planner.errors import InvalidInput, TooManyRules
from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.io.variations import checked_variant
from planner.model.scenario import Scenario
from planner.model.variation import Variation
from planner.problem.build import build_problem
from planner.studies import sweep as study
from planner.studies.main_job import optimize
from planner.studies.sweep import JOURNAL, Pace, Sweep, sweep_variants
from planner.studies.sweep_rows import SweepJob, SweepRow, sweep_row

SMALL = Path(__file__).resolve().parents[1] / "data" / "good" / "small.yaml"
GRID = {
    "policy.survive.regions": [0, 1, 9],
    "demand_factor.*": {"scale": [0.5, 1.0, 40.0]},
}


@pytest.fixture(scope="module")
def small() -> Scenario:
    return read_scenario(SMALL)


@pytest.fixture(scope="module")
def variation() -> Variation:
    return Variation.model_validate({"grid": GRID})


@pytest.fixture(scope="module")
def whole(small: Scenario, variation: Variation) -> Sweep:
    return sweep_variants(small, variation, workers=0)


def lines(folder: Path) -> list[int]:
    """Return the variants in the journal, in order."""
    text = (folder / JOURNAL).read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["variant"] for line in text[1:]]


def test_every_variant_is_a_row_whatever_comes_of_it(whole: Sweep) -> None:
    assert [row.variant for row in whole.rows] == list(range(1, 10))
    assert [row.status for row in whole.rows] == [
        *("optimal", "optimal", "infeasible") * 2,
        *("invalid",) * 3,
    ]
    assert whole.counts == {"optimal": 4, "infeasible": 2, "invalid": 3}
    by_number = {row.variant: row for row in whole.rows}
    assert by_number[9].message == "policy.survive.regions: 9 is outside [0, 3]"
    assert "does not fit its pools and limits" in by_number[6].message
    assert by_number[6].figures == {}


def test_a_row_is_what_the_main_job_says_of_its_variant(whole: Sweep) -> None:
    for row in whole.rows:
        if row.status != "optimal":
            continue
        scenario = checked_variant(whole.variants.fields_of(row.variant), "variant")
        plan = optimize(build_problem(scenario, failure_states(scenario)), gap=1e-3)
        assert plan.proof.objective == row.figures["objective_usd_month"]
        assert plan.proof.bound == row.figures["bound_usd_month"]
        assert plan.cost.mean_latency_ms == row.figures["mean_latency_ms"]
        assert plan.headroom.factor == row.figures["headroom_factor"]
        assert plan.worst_state is not None
        assert plan.worst_state.state == row.figures["worst_state"]
        assert plan.worst_state.cause == row.message
        for service, regions in row.replicas.items():
            assert plan.services[service].replicas == regions


def test_the_table_has_a_line_a_variant(whole: Sweep) -> None:
    table = whole.table
    assert table["variant"].tolist() == list(range(1, 10))
    assert table["policy.survive.regions"].tolist() == [0, 0, 0, 1, 1, 1, 9, 9, 9]
    assert table["demand_factor.*:scale"].tolist() == [0.5, 1.0, 40.0] * 3
    assert table["objective_usd_month"].notna().tolist() == [True, True, False] * 2 + [False] * 3
    each = [name for name in table.columns if name.startswith("replicas.")]
    assert len(each) == 2 * 3
    planned = table[table["status"] == "optimal"]
    assert (planned[each].sum(axis=1) == planned["replicas"]).all()
    assert "seconds" not in table.columns
    assert list(whole.timings.columns) == ["variant", "seconds"]


def test_processes_write_the_same_table(
    small: Scenario, variation: Variation, whole: Sweep, tmp_path: Path
) -> None:
    found = sweep_variants(small, variation, workers=2, folder=tmp_path)
    assert found.table.to_csv() == whole.table.to_csv()
    assert sorted(lines(tmp_path)) == list(range(1, 10))
    assert found.pace.rows == 9
    assert found.pace.wall_s > 0


def test_another_run_makes_only_what_is_missing(
    small: Scenario, variation: Variation, whole: Sweep, tmp_path: Path
) -> None:
    few = sweep_variants(small, variation, workers=0, folder=tmp_path, first=4)
    assert [row.variant for row in few.rows] == [1, 2, 3, 4]
    made: list[int] = []
    rest = sweep_variants(
        *(small, variation), workers=0, folder=tmp_path, start=made.append, step=lambda _: None
    )
    assert made == [5]
    assert lines(tmp_path) == list(range(1, 10))
    assert rest.table.to_csv() == whole.table.to_csv()
    again = sweep_variants(small, variation, workers=0, folder=tmp_path)
    assert again.pace == Pace()
    assert again.table.to_csv() == whole.table.to_csv()


def test_a_folder_of_another_sweep_is_refused(
    small: Scenario, variation: Variation, tmp_path: Path
) -> None:
    sweep_variants(small, variation, workers=0, folder=tmp_path, first=1)
    other = Variation.model_validate({"grid": {"years_ahead": [1]}})
    bigger = small.model_copy(update={"scenario": "bigger"})
    with pytest.raises(InvalidInput, match="another variation; name another folder"):
        sweep_variants(small, other, workers=0, folder=tmp_path)
    with pytest.raises(InvalidInput, match="another scenario;"):
        sweep_variants(bigger, variation, workers=0, folder=tmp_path)
    with pytest.raises(InvalidInput, match="another gap and another time limit and another seed;"):
        sweep_variants(
            *(small, variation), workers=0, folder=tmp_path, gap=0.1, time_limit_s=5.0, seed=1
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"figures": None},
        {"replicas": [1]},
        {"replicas": {"api": 3}},
        {"status": "fine"},
        {"more": 1},
    ],
)
def test_an_entry_that_is_no_row_is_made_again(
    small: Scenario, variation: Variation, tmp_path: Path, wrong: dict[str, object]
) -> None:
    before = sweep_variants(small, variation, workers=0, folder=tmp_path, first=1)
    about, entry = (tmp_path / JOURNAL).read_text(encoding="utf-8").splitlines()
    edited = json.dumps(json.loads(entry) | wrong)
    (tmp_path / JOURNAL).write_text(f"{about}\n{edited}\n", encoding="utf-8")
    after = sweep_variants(small, variation, workers=0, folder=tmp_path, first=1)
    assert after.pace.rows == 1
    assert after.table.to_csv() == before.table.to_csv()


def test_an_interruption_keeps_what_is_finished(
    small: Scenario, variation: Variation, tmp_path: Path
) -> None:
    def third(pace: Pace) -> None:
        if pace.rows == 3:
            raise KeyboardInterrupt

    found = sweep_variants(small, variation, workers=0, folder=tmp_path, step=third)
    assert found.interrupted
    assert [row.variant for row in found.rows] == [1, 2, 3]
    assert lines(tmp_path) == [1, 2, 3]


def test_what_failed_is_made_again(
    small: Scenario, variation: Variation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(job: SweepJob, number: int) -> SweepRow:
        row = sweep_row(job, number)
        return SweepRow(number, row.key, row.settings, "failed", "a bug") if number == 2 else row

    with monkeypatch.context() as patch:
        patch.setattr(study, "sweep_row", broken)
        first = sweep_variants(small, variation, workers=0, folder=tmp_path, first=3)
        assert first.counts["failed"] == 1
    second = sweep_variants(small, variation, workers=0, folder=tmp_path, first=3)
    assert "failed" not in second.counts
    assert second.pace.rows == 1
    assert lines(tmp_path) == [1, 2, 3, 2]


def test_what_nobody_foresaw_is_a_row(
    small: Scenario, variation: Variation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("nobody foresaw this")

    monkeypatch.setattr("planner.studies.sweep_rows.solve", broken)
    found = sweep_variants(small, variation, workers=0, first=1)
    assert found.rows[0].status == "failed"
    assert found.rows[0].message == "ZeroDivisionError: nobody foresaw this"


def test_more_rules_than_can_be_listed_are_no_valid_scenario(
    small: Scenario, variation: Variation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise TooManyRules("give a larger dns.rules.grid_percent")

    monkeypatch.setattr("planner.studies.sweep_rows.solve", refused)
    found = sweep_variants(small, variation, workers=0, first=1)
    assert (found.rows[0].status, found.rows[0].message) == (
        "invalid",
        "give a larger dns.rules.grid_percent",
    )


def test_a_limit_is_a_row(small: Scenario, variation: Variation) -> None:
    found = sweep_variants(small, variation, workers=0, first=2, gap=0.0, time_limit_s=1e-6)
    assert {row.status for row in found.rows} <= {"limit", "optimal"}
    assert all(row.figures or row.message for row in found.rows)


def test_what_moves_the_objective_is_found(small: Scenario) -> None:
    document = {
        "sample": {
            "count": 8,
            "fields": {
                "regions.*.fixed_cost_usd_month": {"scale": {"uniform": {"low": 0.5, "high": 3.0}}},
                "dns.ttl_s": {"set": {"choice": [30, 60]}},
                "cost.preset": {"set": {"choice": ["balanced"]}},
            },
        }
    }
    found = sweep_variants(small, Variation.model_validate(document), workers=0)
    assert found.counts == {"optimal": 8}
    drivers = found.drivers
    assert drivers["field"].iloc[0] == "regions.*.fixed_cost_usd_month:scale"
    assert drivers["fields"].tolist()[0] == len(small.regions)
    assert drivers["objective_rank_correlation"].iloc[0] > 0.95
    assert abs(drivers["objective_rank_correlation"].iloc[1]) < 0.9
    assert math.isnan(drivers["objective_rank_correlation"].iloc[2])
    assert drivers["no_plan_rank_correlation"].isna().all()


def test_wrong_numbers_are_refused(small: Scenario, variation: Variation) -> None:
    for wrong in ({"workers": -1}, {"first": 0}):
        with pytest.raises(ValueError, match="must be at least 0"):
            sweep_variants(small, variation, **wrong)  # type: ignore[arg-type]


def children(pid: int) -> list[int]:
    return [int(x) for x in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks at processes in /proc")
def test_a_killed_run_loses_no_row_and_doubles_none(
    small: Scenario, variation: Variation, whole: Sweep, tmp_path: Path
) -> None:
    """Killed without a chance to say anything; its processes end with it."""
    file = tmp_path / "sweep.yaml"
    file.write_text(json.dumps({"grid": GRID}), encoding="utf-8")
    command = [sys.executable, "-m", "planner", "sweep", str(SMALL), "--vary", str(file)]
    command += ["-o", str(tmp_path / "out"), "--workers", "2"]
    journal = tmp_path / "out" / JOURNAL
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 3):
        assert running.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.01)
    workers = children(running.pid)
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = journal.read_bytes()
    assert 2 <= before.count(b"\n") - 1 < 9
    assert len(workers) >= 2
    while any(Path(f"/proc/{pid}").exists() and is_running(pid) for pid in workers):
        assert time.monotonic() < limit
        time.sleep(0.02)
    with journal.open("ab") as torn:
        torn.write(b'{"variant":8,"key":"torn')
    found = sweep_variants(small, variation, folder=tmp_path / "out", workers=0)
    assert journal.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    assert sorted(lines(tmp_path / "out")) == list(range(1, 10))
    pd.testing.assert_frame_equal(found.table, whole.table)
    assert found.table.to_csv() == whole.table.to_csv()


def is_running(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
def test_ctrl_c_ends_a_run_with_code_5_and_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("grid: {demand_factor.*: {scale: [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7]}}\n")
    command = [sys.executable, "-m", "planner", "sweep", str(SMALL), "--vary", str(file)]
    command += ["-o", str(tmp_path / "out"), "--workers", "1"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    journal = tmp_path / "out" / JOURNAL
    limit = time.monotonic() + 60
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 2):
        assert running.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 5
    assert "of 8 variants, 1 varied field" in out
    assert err.endswith(f"interrupted; the same command goes on from {tmp_path / 'out'}\n")
    assert "Traceback" not in err
    rows = pd.read_csv(tmp_path / "out" / "variants.csv")
    assert set(lines(tmp_path / "out")) <= set(rows["variant"])

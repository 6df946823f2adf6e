"""Processes on this machine: none that dies loses or doubles a row, and none is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from planner.errors import NoWorkers
from planner.studies import local_crew
from planner.studies.local_crew import DEATHS, rows_here, rows_of_processes

sys.path.append(str(Path(__file__).parent))

import crew_work


def rows(*numbers: int) -> list[str]:
    return [f"row {number}" for number in numbers]


def none_left() -> bool:
    limit = time.monotonic() + 10
    while multiprocessing.active_children() and time.monotonic() < limit:
        time.sleep(0.02)
    return not multiprocessing.active_children()


@pytest.fixture(autouse=True)
def _nobody_is_left_behind() -> Iterator[None]:
    yield
    assert none_left()


def test_every_number_comes_once() -> None:
    assert list(rows_here(crew_work.quick, range(1, 8))) == rows(*range(1, 8))
    found = list(rows_of_processes(crew_work.quick, range(1, 21), 2, crew_work.failed))
    assert sorted(found) == sorted(rows(*range(1, 21)))
    assert list(rows_of_processes(crew_work.quick, [], 2, crew_work.failed)) == []


def test_a_process_that_dies_once_costs_nothing(tmp_path: Path) -> None:
    work = partial(crew_work.deadly_once, tmp_path / "mark")
    found = list(rows_of_processes(work, range(1, 8), 2, crew_work.failed))
    assert sorted(found) == rows(*range(1, 8))


def test_what_kills_again_and_again_fails_alone() -> None:
    found = list(rows_of_processes(crew_work.deadly, range(1, 8), 2, crew_work.failed))
    assert sorted(found) == [
        f"failed {crew_work.DEADLY}: its process died {DEATHS} times",
        *rows(1, 2, 4, 5, 6, 7),
    ]


def test_a_process_that_is_killed_from_outside_costs_nothing() -> None:
    found = []
    for row in rows_of_processes(crew_work.slow, range(1, 9), 2, crew_work.failed):
        if not found:
            os.kill(int(multiprocessing.active_children()[0].pid or 0), signal.SIGKILL)
        found.append(row)
    assert sorted(found) == rows(*range(1, 9))


def test_whoever_leaves_early_does_not_wait() -> None:
    coming = rows_of_processes(crew_work.slow, range(1, 1000), 2, crew_work.failed)
    next(coming)
    assert multiprocessing.active_children()
    coming.close()
    assert none_left()


def test_what_work_raises_is_raised_here() -> None:
    with pytest.raises(ArithmeticError, match="number 1"):
        list(rows_of_processes(crew_work.wrong, [1, 2], 1, crew_work.failed))


def test_processes_that_never_start_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_crew, "_begin", crew_work.wrong)
    with pytest.raises(NoWorkers, match="do not start"):
        list(rows_of_processes(crew_work.quick, range(1, 4), 1, crew_work.failed))


def test_processes_compute_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert list(rows_of_processes(crew_work.threads, [1], 1, crew_work.failed)) == ["1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "OPENBLAS_NUM_THREADS" not in os.environ

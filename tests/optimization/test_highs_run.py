"""Runs of HiGHS that do not end are left alone, and the program lives on."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator

import highspy
import numpy as np
import pytest

from planner.optimization import highs_run
from planner.optimization.milp import Milp
from planner.optimization.rows import rows
from planner.optimization.stopping import NEVER, Stop, interruptible


class Deaf:
    """A solver that finds its answer, and then does not end before it is let go."""

    def __init__(self, highs: highspy._core._Highs, *, finds: bool = True) -> None:
        self.highs, self.finds, self.free = highs, finds, threading.Event()

    def run(self) -> None:
        if self.finds:
            self.highs.run()
        self.free.wait()

    def __getattr__(self, name: str) -> object:
        return getattr(self.highs, name)


def goods() -> Milp:
    """At most five of two goods worth 3 and 2, at most three of the first."""
    program = Milp()
    x = program.add_columns([-3.0, -2.0], 0.0, [3.0, np.inf], integer=True)
    program.add_rows(rows(-np.inf, 5.5, [0, 0], x, [1.0, 1.0]))
    return program


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Deaf]]:
    monkeypatch.setattr(highs_run, "_GRACE_S", 0.2)
    made: list[Deaf] = []
    yield made
    for solver in made:
        solver.free.set()


def made_deaf(program: Milp, made: list[Deaf], *, finds: bool = True) -> None:
    made.append(Deaf(program._highs, finds=finds))
    program._highs = made[-1]  # type: ignore[assignment]


def test_a_solver_that_does_not_end_is_left_alone_with_what_it_told(
    deaf: list[Deaf], caplog: pytest.LogCaptureFixture
) -> None:
    program = goods()
    made_deaf(program, deaf)
    began = time.perf_counter()
    with caplog.at_level(logging.WARNING):
        found = program.integral(Stop(0.3), 0.0)
    assert 0.3 < time.perf_counter() - began < 5.0
    assert "left alone" in caplog.text
    assert found.status == "limit"
    assert found.objective == pytest.approx(-13.0)
    assert found.x is not None
    assert found.x.tolist() == pytest.approx([3.0, 2.0])
    assert found.bound <= -13.0 + 1e-9


def test_the_program_goes_on_with_the_same_rows_and_options(deaf: list[Deaf]) -> None:
    program = goods()
    program._highs.setOptionValue("random_seed", 7)
    made_deaf(program, deaf, finds=False)
    found = program.integral(Stop(0.1), 0.0)
    assert (found.status, found.x, found.objective) == ("limit", None, np.inf)
    assert program._highs is not deaf[0]
    assert program._highs.getOptionValue("random_seed")[1] == 7
    assert program.relaxation(Stop(5.0)).objective == pytest.approx(-14.0)
    program.add_rows(rows(-np.inf, 2.0, [0], [0], [1.0]))
    assert program.integral(Stop(5.0), 0.0).objective == pytest.approx(-12.0)


def test_ctrl_c_ends_the_wait_for_a_solver_without_a_limit(deaf: list[Deaf]) -> None:
    program = goods()
    made_deaf(program, deaf)
    with interruptible(Stop(np.inf)) as stop:
        threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
        found = program.integral(stop, 0.0)
    assert found.objective == pytest.approx(-13.0)


def test_ctrl_c_where_nobody_listens_is_raised_after_the_wait(deaf: list[Deaf]) -> None:
    program = goods()
    made_deaf(program, deaf)
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        program.integral(NEVER, 0.0)

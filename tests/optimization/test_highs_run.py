"""Runs of HiGHS that do not end are left alone, and the program lives on."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
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
        self.highs, self.finds = highs, finds
        self.found, self.free = threading.Event(), threading.Event()

    def run(self) -> None:
        if self.finds:
            self.highs.run()
        self.found.set()
        self.free.wait()

    def interrupted_when_it_has_found(self) -> None:
        """Raise Ctrl-C as soon as it has its answer."""

        def wait() -> None:
            self.found.wait()
            signal.raise_signal(signal.SIGINT)

        threading.Thread(target=wait, daemon=True).start()

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


def made_deaf(program: Milp, made: list[Deaf], *, finds: bool = True) -> Deaf:
    solver = Deaf(program._highs, finds=finds)
    made.append(solver)
    program._highs = solver  # type: ignore[assignment]
    return solver


def test_a_solver_that_does_not_end_is_left_alone_with_what_it_told(
    deaf: list[Deaf], caplog: pytest.LogCaptureFixture
) -> None:
    program = goods()
    solver = made_deaf(program, deaf)
    with interruptible(Stop(np.inf)) as stop, caplog.at_level(logging.WARNING):
        solver.interrupted_when_it_has_found()
        found = program.integral(stop, 0.0)
    assert "left alone" in caplog.text
    assert found.status == "limit"
    assert found.objective == pytest.approx(-13.0)
    assert found.x is not None
    assert found.x.tolist() == pytest.approx([3.0, 2.0])
    assert found.bound <= -13.0 + 1e-9


def test_the_program_goes_on_with_the_same_rows_and_options(deaf: list[Deaf]) -> None:
    program = goods()
    program._highs.setOptionValue("random_seed", 7)
    solver = made_deaf(program, deaf, finds=False)
    found = program.integral(Stop(0.1), 0.0)
    assert (found.status, found.x, found.objective) == ("limit", None, np.inf)
    assert program._highs is not solver
    assert program._highs.getOptionValue("random_seed")[1] == 7
    assert program.relaxation(Stop(5.0)).objective == pytest.approx(-14.0)
    program.add_rows(rows(-np.inf, 2.0, [0], [0], [1.0]))
    assert program.integral(Stop(5.0), 0.0).objective == pytest.approx(-12.0)


def test_ctrl_c_where_nobody_listens_is_raised_after_the_wait(deaf: list[Deaf]) -> None:
    program = goods()
    solver = made_deaf(program, deaf)
    solver.interrupted_when_it_has_found()
    with pytest.raises(KeyboardInterrupt):
        program.integral(NEVER, 0.0)
    assert program._highs is not solver
    assert program.relaxation(Stop(5.0)).status == "optimal"


def test_what_the_solver_raises_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    program = goods()
    solver = Deaf(program._highs)
    program._highs = solver  # type: ignore[assignment]

    def fails() -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(solver, "run", fails)
    with pytest.raises(MemoryError, match="no room"):
        program.integral(Stop(5.0), 0.0)


HARD = """
import numpy as np
from planner.optimization import highs_run
from planner.optimization.milp import Milp
from planner.optimization.rows import rows
from planner.optimization.stopping import Stop

highs_run._GRACE_S = 0.0
weight = np.random.default_rng(0).integers(0, 100, (4, 40)).astype(float)
program = Milp()
program.add_columns(np.zeros(40), 0.0, 1.0, integer=True)
lack = program.add_columns(np.ones(8), 0.0, np.inf)
row, column = np.nonzero(weight)
each = np.arange(4)
half = np.floor(weight.sum(axis=1) / 2)
program.add_rows(
    rows(
        half,
        half,
        np.concatenate([row, each, each]),
        np.concatenate([column, lack[:4], lack[4:]]),
        np.concatenate([weight[row, column], np.ones(4), -np.ones(4)]),
    )
)
stop = Stop(1e6)
stop.passed = lambda: True
print(program.integral(stop, 0.0).status)
print(len(highs_run._left_alone))
"""


def test_a_solver_left_alone_ends_when_it_hears_and_lets_python_end() -> None:
    # One that calls back while Python ends would abort it.
    ran = subprocess.run(
        [sys.executable, "-c", HARD], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.stdout.split() == ["limit", "1"]
    assert ran.returncode == 0, ran.stderr

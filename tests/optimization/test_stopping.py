"""Ctrl-C ends a search with its best plan and bound, also in the middle of a solve."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.errors import SolverStopped
from planner.optimization import optimize
from planner.optimization.milp import Milp
from planner.optimization.optimize import solve
from planner.optimization.stopping import NEVER, Standing, Stop, interruptible
from planner.problem.arrays import Problem, Solution
from tests.oracles.instances import random_problem

ROOT = Path(__file__).resolve().parents[2]

LONG = """
import numpy as np
from planner.optimization.milp import Milp
from planner.optimization.rows import rows
from planner.optimization.stopping import Stop, interruptible

def told(standing):
    print("bound", flush=True)

# Market split (Cornuejols and Dawande 1998): a few binaries keep branch and bound busy for hours.
rng = np.random.default_rng(1)
weight = rng.integers(0, 100, (6, 50))
program = Milp()
chosen = program.add_columns(np.zeros(50), 0.0, 1.0, integer=True)
over = program.add_columns(np.ones(6), 0.0, np.inf)
under = program.add_columns(np.ones(6), 0.0, np.inf)
half = weight.sum(axis=1) // 2
for row in range(6):
    columns = np.concatenate([chosen, over[[row]], under[[row]]])
    values = np.concatenate([weight[row], [1.0, -1.0]]).astype(float)
    program.add_rows(rows(half[row], half[row], np.zeros(52), columns, values))
with interruptible(Stop(600.0, told)) as stop:
    found = program.integral(stop, 0.0)
print(found.status, found.x is not None, found.objective > found.bound, flush=True)
"""


def interrupted(process: subprocess.Popen[str], timeout_s: float) -> tuple[str, str]:
    """Send Ctrl-C a little after the first bound; return what is then printed."""
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "bound\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        return process.communicate(timeout=timeout_s)
    finally:
        process.kill()


def test_ctrl_c_ends_a_solve_that_would_go_on_for_hours() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LONG], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        out, _ = interrupted(process, 120)
    assert process.returncode == 0
    assert out.splitlines()[-1] == "limit True True"


def test_ctrl_c_breaks_off_a_solve_that_does_not_hear_it() -> None:
    deaf = LONG.replace(
        "with interruptible(Stop(600.0, told)) as stop:", "for stop in (Stop(600.0, told),):"
    )
    assert deaf != LONG
    with subprocess.Popen(
        [sys.executable, "-c", "import signal\n" + deaf],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _, told = interrupted(process, 30)
    assert told.splitlines()[-1] == "KeyboardInterrupt"


def test_a_solve_puts_back_the_handler_that_it_found() -> None:
    with interruptible(Stop(60.0)) as stop:
        ours = signal.getsignal(signal.SIGINT)
        _one_column().relaxation(stop)
        assert signal.getsignal(signal.SIGINT) is ours
    _one_column().relaxation(Stop(60.0))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _one_column() -> Milp:
    program = Milp()
    program.add_columns(np.ones(1), 1.0, 2.0)
    return program


def test_a_part_hears_what_the_whole_hears_and_never_listens_itself() -> None:
    with interruptible(Stop(60.0)) as whole:
        early = Stop(60.0, inside=whole)
        ours = signal.getsignal(signal.SIGINT)
        with interruptible(early):
            assert signal.getsignal(signal.SIGINT) is ours
            signal.raise_signal(signal.SIGINT)
        assert early.interrupted
        assert whole.interrupted
        with interruptible(Stop(60.0, inside=whole)) as late:
            assert late.passed()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    assert Stop(60.0, inside=Stop(1.0)).left_s() <= 1.0


def test_a_solve_ends_with_the_work_that_it_is_a_part_of(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Stop] = []

    def kept(_: Problem, __: float, stop: Stop, ___: int) -> Solution:
        given.append(stop)
        whole.interrupt()
        raise SolverStopped("no plan was found before the search ended")

    monkeypatch.setattr(optimize, "_solve_once", kept)
    whole = Stop(20.0)
    with pytest.raises(SolverStopped):
        solve(random_problem(1), time_limit_s=60.0, stop=whole)
    assert given[0].interrupted
    assert given[0].left_s() < 20.0


def test_a_plan_without_a_bound_is_told_with_one_of_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = random_problem(1)
    known = solve(problem)
    unproven = replace(known, bound=-np.inf, status="limit")
    monkeypatch.setattr(optimize, "_solve_once", lambda *_: unproven)
    assert solve(problem).bound == 0.0
    assert solve(problem).gap == pytest.approx(1.0)


def test_the_handler_is_put_back_and_a_second_ctrl_c_breaks_off() -> None:
    usual = signal.getsignal(signal.SIGINT)
    with interruptible(Stop(60.0)) as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.passed()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is usual


def test_another_thread_leaves_the_handler_alone() -> None:
    seen: list[object] = []

    def elsewhere() -> None:
        with interruptible(Stop(60.0)):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_parts_end_no_later_than_the_whole() -> None:
    assert NEVER.left_s() == float("inf")
    stop = Stop(10.0)
    assert stop.part(0.5).left_s() <= 5.0
    assert stop.within(100.0).left_s() <= 10.0
    assert Stop(0.0).passed()
    assert Stop(0.0).left_s() > 0


def test_a_watcher_hears_only_what_is_better() -> None:
    seen: list[Standing] = []
    stop = Stop(60.0, seen.append)
    for objective, bound in ((None, 5.0), (None, 5.0), (9.0, 4.0), (10.0, 6.0), (8.0, 6.0)):
        stop.tell(objective, bound)
    assert [(s.objective, s.bound) for s in seen] == [
        (None, 5.0),
        (9.0, 5.0),
        (9.0, 6.0),
        (8.0, 6.0),
    ]
    assert seen[0].gap == float("inf")
    assert seen[-1].gap == pytest.approx(0.25)

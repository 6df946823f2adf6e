"""A run of HiGHS: again from no basis where it finds no answer, left alone where it does not end.

HiGHS looks at the clock and calls back between its steps.  In rare programs a step never ends: 1.16
may strengthen a row for ever while it simplifies a part of the tree.  It then hears neither its
limit nor Ctrl-C, so trees run in a thread of their own, and nobody waits for one that is long over.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import highspy
import numpy as np

from planner.errors import PlannerError
from planner.optimization.highs_answers import (
    NO_ANSWER,
    STATUS,
    MilpResult,
    has_point,
    read_answer,
    refuse_lost,
)
from planner.optimization.listening import Heard, listening
from planner.optimization.stopping import Stop

_DUAL = 1

_WITHOUT_BASIS = ("choose", "ipm")
"""What is tried from no basis where the solver found no answer from the last one."""

_GRACE_S, _LOOK_S = 10.0, 0.2
"""Seconds that a step may last beyond the end of a search, and between two looks at that."""

_FAREWELL_S = 2.0
"""Seconds that Python waits at its end for solvers that were left alone and can hear again."""

_left_alone: list[threading.Thread] = []


def run(
    highs: highspy._core._Highs,
    stop: Stop,
    *,
    integers: bool,
    go_on_with: Callable[[highspy._core._Highs], None],
) -> MilpResult:
    """Run a solver to the end or to the stop, and read its answer.

    Parameters
    ----------
    highs : highspy._core._Highs
        The solver with its program.
    stop : Stop
        When to stop.  It is told from the solver's thread.
    integers : bool
        Whether some columns are integers.
    go_on_with : callable
        Given a copy of the solver where `highs` is left alone and must not be touched again.

    Returns
    -------
    MilpResult
        Of one left alone, what it told until then.

    Raises
    ------
    PlannerError
        If the solver gives up, for example on numbers that it cannot handle.

    Notes
    -----
    A solver left alone ends as soon as it can hear; until then it takes a core.  That is logged.
    """
    with listening(highs, stop) as heard:
        ended = _ended(highs, stop, heard, apart=integers)
        for solver in _WITHOUT_BASIS:
            if not ended or _answered(highs) or stop.passed():
                break
            # The basis left by an earlier program can be beyond repair: start from none.
            highs.clearSolver()
            highs.setOptionValue("solver", solver)
            ended = _ended(highs, stop, heard, apart=integers)
        if not ended:
            heard.left_alone = True
            go_on_with(_copy(highs))
    if not ended:
        return _until_then(highs, heard)
    return replace(_answer(highs, stop, integers=integers), points=tuple(heard.points))


def _answered(highs: highspy._core._Highs) -> bool:
    """Return whether a run has an answer: none that is called optimal and breaks the rows."""
    model = highs.getModelStatus()
    optimal = model == highspy.HighsModelStatus.kOptimal
    return model not in NO_ANSWER and (has_point(highs) or not optimal)


def _ended(highs: highspy._core._Highs, stop: Stop, heard: Heard, *, apart: bool) -> bool:
    """Run a solver; return whether it ended in time, which in this thread it must."""
    # The clock of a HiGHS object runs on over its relaxations, but anew in each tree.
    highs.setOptionValue("time_limit", stop.left_s() + (0.0 if apart else highs.getRunTime()))
    if not apart:
        highs.run()
    elif not _ran_apart(highs, stop, heard):
        return False
    highs.setOptionValue("simplex_strategy", _DUAL)
    return True


def _ran_apart(highs: highspy._core._Highs, stop: Stop, heard: Heard) -> bool:
    """Run a solver in a thread of its own; return whether it ended in time."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            highs.run()
        except BaseException as error:
            failed.append(error)

    runner = threading.Thread(target=work, daemon=True)
    runner.start()
    last = np.inf
    while runner.is_alive() and time.perf_counter() < last:
        runner.join(_LOOK_S)
        if stop.passed() or heard.broken_off.is_set():
            last = min(last, time.perf_counter() + _GRACE_S)
    if failed:
        raise failed[0]
    if runner.is_alive():
        _left_alone.append(runner)
    return not runner.is_alive()


@atexit.register
def _farewell() -> None:
    """Wait a little for solvers left alone: one that calls back while Python ends aborts it."""
    until = time.perf_counter() + _FAREWELL_S
    for runner in _left_alone:
        runner.join(max(0.0, until - time.perf_counter()))


def _copy(highs: highspy._core._Highs) -> highspy._core._Highs:
    """Return a solver with the same options and program."""
    logging.getLogger(__name__).warning(
        "the solver hears neither its limit nor an interruption; it is left alone with what it "
        "found, and takes a core until it hears or Python ends"
    )
    other = highspy._core._Highs()
    other.passOptions(highs.getOptions())
    other.setOptionValue("simplex_strategy", _DUAL)
    refuse_lost(other.passModel(highs.getLp()), "a program")
    return other


def _until_then(highs: highspy._core._Highs, heard: Heard) -> MilpResult:
    """Return what a solver told while it ran."""
    points = tuple(heard.points)
    if not points:
        return MilpResult("limit", None, np.inf, heard.bound)
    value = float(points[-1] @ np.asarray(highs.getLp().col_cost_))
    return MilpResult("limit", points[-1], value, heard.bound, points=points)


def _answer(highs: highspy._core._Highs, stop: Stop, *, integers: bool) -> MilpResult:
    """Return the answer of a solver that ended."""
    model = highs.getModelStatus()
    if model in NO_ANSWER and stop.passed():
        return MilpResult("limit", None, np.inf, -np.inf)
    if model not in STATUS:
        text = highs.modelStatusToString(model)
        raise PlannerError(f"the solver gave up: {text}")
    status = STATUS[model]
    if status == "infeasible":
        return MilpResult(status, None, np.inf, np.inf)
    return read_answer(highs, status, integers=integers)

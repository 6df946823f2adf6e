"""A run of HiGHS: again from no basis where it finds no answer, left alone where it does not end.

HiGHS looks at the clock and calls back between its steps.  In rare programs a step never ends: 1.16
may strengthen a row for ever while it simplifies a part of the tree.  It then hears neither its
limit nor Ctrl-C, so trees run in a thread of their own, and nobody waits for one that is long over.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace

import highspy
import numpy as np

from planner.errors import PlannerError
from planner.optimization.highs_answers import NO_ANSWER, STATUS, MilpResult, read_answer
from planner.optimization.listening import Heard, hear_no_more, listening
from planner.optimization.stopping import Stop

_DUAL = 1

_WITHOUT_BASIS = ("choose", "ipm")
"""What is tried from no basis where the solver found no answer from the last one."""

_GRACE_S, _LOOK_S = 10.0, 0.2
"""Seconds that a step may last beyond the end of a search, and between two looks at that."""


def run(
    highs: highspy._core._Highs, stop: Stop, clock_s: float, *, integers: bool
) -> tuple[highspy._core._Highs, MilpResult]:
    """Run a solver to the end or to the stop, and read its answer.

    Parameters
    ----------
    highs : highspy._core._Highs
        The solver with its program.
    stop : Stop
        When to stop.
    clock_s : float
        What the solver's own clock counts from, seconds.
    integers : bool
        Whether some columns are integers.

    Returns
    -------
    highspy._core._Highs
        The solver to go on with: a copy where `highs` was left alone.
    MilpResult
        Of one left alone, what it told until then.

    Raises
    ------
    PlannerError
        If the solver gives up, for example on numbers that it cannot handle.

    Notes
    -----
    A solver left alone takes a core until Python ends; that is logged.
    """
    highs.setOptionValue("time_limit", clock_s + stop.left_s())
    with listening(highs, stop) as heard:
        ended = _ended(highs, stop, heard, apart=integers)
        for solver in _WITHOUT_BASIS:
            if not ended or highs.getModelStatus() not in NO_ANSWER or stop.passed():
                break
            # The basis left by an earlier program can be beyond repair: start from none.
            highs.clearSolver()
            highs.setOptionValue("solver", solver)
            ended = _ended(highs, stop, heard, apart=integers)
    if not ended:
        hear_no_more(highs)
        return _copy(highs), _told(highs, heard)
    highs.setOptionValue("simplex_strategy", _DUAL)
    return highs, replace(_answer(highs, stop, integers=integers), points=tuple(heard.points))


def _ended(highs: highspy._core._Highs, stop: Stop, heard: Heard, *, apart: bool) -> bool:
    """Run a solver; return whether it ended in time, which in this thread it must."""
    if not apart:
        highs.run()
        return True
    runner = threading.Thread(target=highs.run, daemon=True)
    runner.start()
    last = np.inf
    while runner.is_alive() and time.perf_counter() < last:
        runner.join(_LOOK_S)
        if stop.passed() or heard.broken_off.is_set():
            last = min(last, time.perf_counter() + _GRACE_S)
    return not runner.is_alive()


def _copy(highs: highspy._core._Highs) -> highspy._core._Highs:
    """Return a solver with the same options and program."""
    logging.getLogger(__name__).warning(
        "the solver hears neither its limit nor an interruption; it is left alone with what it "
        "found, and takes a core until Python ends"
    )
    other = highspy._core._Highs()
    other.passOptions(highs.getOptions())
    other.passModel(highs.getLp())
    return other


def _told(highs: highspy._core._Highs, heard: Heard) -> MilpResult:
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

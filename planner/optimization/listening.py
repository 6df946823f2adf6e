"""What HiGHS is asked while it runs: whether to go on, and how far its proof has come."""

from __future__ import annotations

import highspy
import numpy as np

from planner.optimization.rows import Floats
from planner.optimization.stopping import Stop

_Kind = highspy.cb.HighsCallbackType

_ASKED = (
    _Kind.kCallbackSimplexInterrupt,
    _Kind.kCallbackMipInterrupt,
    _Kind.kCallbackMipImprovingSolution,
)


def listen(highs: highspy._core._Highs, stop: Stop) -> list[Floats]:
    """Let a solver hear an interruption, and tell how far its bound is.

    Parameters
    ----------
    highs : highspy._core._Highs
        The solver; it listens from its next run on.
    stop : Stop
        The search's stop.  Only bounds are told: a point of a program that lacks rows is no plan.

    Returns
    -------
    list of ndarray, shape (n,)
        Grows by each point with integers that is better than those before.

    Notes
    -----
    HiGHS calls back between simplex iterations and at nodes, so Python's own handler of Ctrl-C
    runs in the middle of a long solve.  Its callback for log lines is of no use here: without a log
    it is never called.
    """
    points: list[Floats] = []

    def hear(
        kind: highspy.cb.HighsCallbackType,
        _message: str,
        told: highspy.cb.HighsCallbackOutput,
        answer: highspy.cb.HighsCallbackInput,
        _data: object,
    ) -> None:
        if kind == _Kind.kCallbackMipImprovingSolution:
            points.append(np.array(told.mip_solution))
        if kind == _Kind.kCallbackMipInterrupt:
            stop.tell(None, told.mip_dual_bound)
            if told.mip_dual_bound >= stop.bound or told.mip_node_count >= stop.nodes:
                answer.user_interrupt = True
        if stop.interrupted:
            answer.user_interrupt = True

    highs.setCallback(hear, None)
    for kind in _ASKED:
        highs.startCallback(kind)
    return points

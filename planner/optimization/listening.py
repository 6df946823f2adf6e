"""What HiGHS is asked while it runs: whether to go on, and how far its proof has come."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import highspy
import numpy as np

from planner.optimization.rows import Floats
from planner.optimization.stopping import Stop

_Kind = highspy.cb.HighsCallbackType

_Callback = Callable[
    [
        _Kind,
        str,
        highspy.cb.HighsCallbackOutput,
        highspy.cb.HighsCallbackInput,
        object,
    ],
    None,
]

_ASKED = (
    _Kind.kCallbackSimplexInterrupt,
    _Kind.kCallbackMipInterrupt,
    _Kind.kCallbackMipImprovingSolution,
)


@dataclass
class Heard:
    """What a solver told while it ran.

    Attributes
    ----------
    points : list of ndarray, shape (n,)
        Points with integers, each better than those before.
    bound : float
        Proven lower bound; -inf before the first.
    broken_off : threading.Event
        Set where Ctrl-C broke off what was going on.
    left_alone : bool
        Whether nobody waits for it any longer: it is to end, and tells nothing more.
    """

    points: list[Floats] = field(default_factory=list)
    bound: float = -np.inf
    broken_off: threading.Event = field(default_factory=threading.Event)
    left_alone: bool = False


@contextmanager
def listening(highs: highspy._core._Highs, stop: Stop) -> Iterator[Heard]:
    """Let a solver hear an interruption, and tell how far its bound is.

    Parameters
    ----------
    highs : highspy._core._Highs
        The solver; it listens in every run until the end.
    stop : Stop
        The search's stop.  Only bounds are told: a point of a program that lacks rows is no plan.

    Yields
    ------
    Heard
        Grows while the solver runs.

    Raises
    ------
    KeyboardInterrupt
        At the end, if Ctrl-C broke off what was going on: raised where HiGHS calls back it would go
        through the solver, which then may run on, or crash.

    Notes
    -----
    HiGHS calls back between simplex iterations and at nodes, so Python's own handler of Ctrl-C
    runs in the middle of a long solve.  Its callback for log lines is of no use here: without a log
    it is never called.
    """
    with _held_back() as broken_off:
        heard = Heard(broken_off=broken_off)
        highs.setCallback(_told(stop, heard), None)
        for kind in _ASKED:
            highs.startCallback(kind)
        yield heard


def _told(stop: Stop, heard: Heard) -> _Callback:
    """Return what HiGHS calls back."""

    def hear(
        kind: highspy.cb.HighsCallbackType,
        _message: str,
        told: highspy.cb.HighsCallbackOutput,
        answer: highspy.cb.HighsCallbackInput,
        _data: object,
    ) -> None:
        if heard.left_alone:
            answer.user_interrupt = True
            return
        if kind == _Kind.kCallbackMipImprovingSolution:
            heard.points.append(np.array(told.mip_solution))
        if kind == _Kind.kCallbackMipInterrupt:
            heard.bound = max(heard.bound, told.mip_dual_bound)
            stop.tell(None, told.mip_dual_bound)
            if told.mip_dual_bound >= stop.bound or told.mip_node_count >= stop.nodes:
                answer.user_interrupt = True
        if stop.interrupted or heard.broken_off.is_set():
            answer.user_interrupt = True

    return hear


@contextmanager
def _held_back() -> Iterator[threading.Event]:
    """Hold back what the handler of Ctrl-C raises; set where it did."""
    raised, main = threading.Event(), threading.current_thread() is threading.main_thread()
    usual = signal.getsignal(signal.SIGINT)
    if not (main and callable(usual)):
        yield raised
        return
    own = usual

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal own
        try:
            own(number, frame)
        except KeyboardInterrupt:
            raised.set()
        # It may have put another one in its place, for the next time.
        now = signal.getsignal(number)
        own = now if callable(now) and now is not hear else own
        signal.signal(number, hear)

    signal.signal(signal.SIGINT, hear)
    try:
        yield raised
    finally:
        signal.signal(signal.SIGINT, own)
    if raised.is_set():
        raise KeyboardInterrupt

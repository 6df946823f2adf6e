"""When a search may stop: its time is up, somebody interrupts it, or the gap is closed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from planner.errors import SolverStopped

_LEAST_S = 0.05
"""Seconds that a solver is given even where none are left: it shall return something."""


@dataclass(frozen=True)
class Standing:
    """How far a search has come.

    Attributes
    ----------
    objective : float or None
        What the best plan so far costs, US dollars a month; None where there is none.
    bound : float
        Proven lower bound, US dollars a month; -inf where nothing is known.
    """

    objective: float | None = None
    bound: float = -float("inf")

    @property
    def gap(self) -> float:
        """(objective − bound) / |objective|, not below 0; inf without a plan."""
        if self.objective is None:
            return float("inf")
        return max(0.0, self.objective - self.bound) / max(abs(self.objective), 1e-9)


class Stop:
    """The end of a search: a time limit, an interruption, and who is told how far it is.

    Parameters
    ----------
    time_limit_s : float
        Seconds from now on; inf for no limit.
    watch : callable, optional
        Told each `Standing` that is better than the one before.
    inside : Stop, optional
        The stop of the work that this search is a part of: it ends with that at the latest, and
        hears the same interruption, also one that came before.

    Attributes
    ----------
    bound, nodes : float
        A bound that is enough, and nodes of a solver's tree that are; inf unless `sooner` says so.

    Notes
    -----
    Every search looks at it between solves, and the solver itself during one.  What is told counts
    from then on: a bound never falls again, an objective never rises.

    Examples
    --------
    >>> seen = []
    >>> stop = Stop(60.0, seen.append)
    >>> stop.tell(120.0, 90.0)
    >>> stop.tell(110.0, 80.0)
    >>> [(s.objective, s.bound) for s in seen], stop.passed()
    ([(120.0, 90.0), (110.0, 90.0)], False)
    >>> stop.interrupt()
    >>> stop.passed(), stop.part(0.5).passed(), Stop(60.0, inside=stop).passed()
    (True, True, True)
    """

    def __init__(
        self,
        time_limit_s: float,
        watch: Callable[[Standing], None] | None = None,
        *,
        inside: Stop | None = None,
    ) -> None:
        self._deadline = time.perf_counter() + time_limit_s
        self._watch = watch
        self._interrupted = threading.Event()
        self._whole = inside is None
        self._standing = Standing()
        if inside is not None:
            self._deadline = min(self._deadline, inside._deadline)
            self._interrupted = inside._interrupted
        self.bound = float("inf")
        self.nodes = float("inf")

    @property
    def interrupted(self) -> bool:
        """Whether somebody wants it to end before its time."""
        return self._interrupted.is_set()

    def interrupt(self) -> None:
        """End the search as soon as it has something to return."""
        self._interrupted.set()

    def passed(self) -> bool:
        """Return whether the search shall end now."""
        return self.interrupted or time.perf_counter() >= self._deadline

    def left_s(self) -> float:
        """Return the seconds that are left, a little where there are none.

        Returns
        -------
        float
            At least 0.05: the solver shall return something.
        """
        if self.interrupted:
            return _LEAST_S
        return max(_LEAST_S, self._deadline - time.perf_counter())

    def part(self, share: float) -> Stop:
        """Return a stop for part of the time that is left; it hears the same interruption.

        Parameters
        ----------
        share : float
            Part of the time, 0 to 1.

        Returns
        -------
        Stop
            Nobody watches it: what is best in a part may be nothing in the whole.
        """
        return self.within(share * max(0.0, self._deadline - time.perf_counter()))

    def within(self, time_limit_s: float) -> Stop:
        """Return a stop that comes after some seconds, or with this one if that is sooner.

        Parameters
        ----------
        time_limit_s : float
            Seconds from now on.

        Returns
        -------
        Stop
            It hears the same interruption; nobody watches it.
        """
        return Stop(time_limit_s, inside=self)

    def sooner(self, *, bound: float = float("inf"), nodes: float = float("inf")) -> Stop:
        """Return a stop that also ends a solver's tree early, the same wherever it runs.

        Parameters
        ----------
        bound : float
            A proven lower bound that is enough, in the solver's units.
        nodes : float
            Nodes that are enough.

        Returns
        -------
        Stop
            It hears the same interruption; nobody watches it.
        """
        shorter = self.within(float("inf"))
        shorter.bound, shorter.nodes = bound, nodes
        return shorter

    def tell(self, objective: float | None, bound: float) -> None:
        """Tell the watcher how far the search is, if that is farther than before.

        Parameters
        ----------
        objective : float or None
            What the best plan costs, US dollars a month.
        bound : float
            Proven lower bound, US dollars a month.
        """
        if self._watch is None:
            return
        known = self._standing
        if objective is None or (known.objective is not None and known.objective < objective):
            objective = known.objective
        now = Standing(objective, max(bound, known.bound))
        if now != known:
            self._standing = now
            self._watch(now)


@contextmanager
def interruptible(stop: Stop) -> Iterator[Stop]:
    """Let Ctrl-C end a search early instead of breaking it off; a second one breaks it off.

    Parameters
    ----------
    stop : Stop
        The search's stop.

    Yields
    ------
    Stop
        The same.

    Notes
    -----
    A part of other work hears what that hears: who began the work listens, and one Ctrl-C ends all
    of it.  Only the main thread can hear Ctrl-C; elsewhere, and where somebody else already listens
    in a way of their own, nothing changes.
    """
    usual = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not (stop._whole and main and usual is signal.default_int_handler):
        yield stop
        return

    def hear(number: int, frame: FrameType | None) -> None:
        stop.interrupt()
        signal.signal(number, usual)

    signal.signal(signal.SIGINT, hear)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, usual)


NEVER = Stop(float("inf"))
"""For a search that nothing ends but its own answer."""


def no_plan(bound: float) -> SolverStopped:
    """Return the error of a search that ended before any plan.

    Parameters
    ----------
    bound : float
        What was proven, US dollars a month.

    Returns
    -------
    SolverStopped
        To be raised.
    """
    return SolverStopped(
        f"no plan was found before the search ended; the bound is {bound:,.2f} USD a month"
    )


def closed(objective: float | None, bound: float, gap: float) -> bool:
    """Return whether a plan is proven to within a relative gap.

    Parameters
    ----------
    objective : float or None
        What the plan costs, US dollars a month; None where there is none.
    bound : float
        Proven lower bound, US dollars a month.
    gap : float
        Relative gap asked for.

    Returns
    -------
    bool
        False without a plan.

    Examples
    --------
    >>> closed(100.0, 99.5, 0.01), closed(100.0, 98.0, 0.01), closed(None, 98.0, 0.01)
    (True, False, False)
    """
    return objective is not None and objective - bound <= gap * max(abs(objective), 1e-9)

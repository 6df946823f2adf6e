"""The search with integers where flows are not carried: near the relaxation first, then everywhere.

The bounds on what routing costs are tight near the points where they were taken, and say little far
from them.  So replicas stay within one of the relaxation's at first: there few bounds suffice, and
the plan found is as a rule within the gap of the relaxation's own bound.  If it is not, the same
program without that limit proves the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.optimization.condensed import Condensed
from planner.optimization.rerouting import add_broken_cuts, add_known_cuts, add_prices
from planner.optimization.stopping import Stop, closed
from planner.problem.arrays import Floats

_ROUNDS = 40
"""At most so many bounds on the cost of routing before each search with integers."""

_NEAR = 1.0
"""Replicas that a plan may differ from the relaxation's at first."""


@dataclass(frozen=True)
class Point:
    """A point of a program that keeps every promise, and its true objective."""

    x: Floats
    objective: float


Evaluate = Callable[[Floats], Point | None]
"""Takes replicas (S, R), adds a bound on their routing, and returns what they really cost."""


def better(one: Point | None, other: Point | None) -> Point | None:
    """Return the cheaper of two points.

    Parameters
    ----------
    one, other : Point or None
        Points; None where there is none.

    Returns
    -------
    Point or None
        The first of equals.
    """
    if one is None or other is None:
        return one or other
    return one if one.objective <= other.objective else other


@dataclass
class NearSearch:
    """The state of the search.

    Attributes
    ----------
    small : Condensed
        The program without flows.
    evaluate : callable
        What replicas really cost; only asked about replicas that keep every promise.
    centre : ndarray, shape (S, R)
        Replicas of the relaxation.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    best : Point or None
        Best plan so far.
    bound : float
        Proven lower bound, US dollars a month.
    """

    small: Condensed
    evaluate: Evaluate
    centre: Floats
    gap: float
    stop: Stop
    best: Point | None
    bound: float

    def run(self) -> None:
        """Search near the relaxation, then everywhere, until the gap is closed or time is up."""
        program, column = self.small.adaptive.program, self.small.adaptive.master.replicas.ravel()
        low, high = (side.copy() for side in program.bounds(column))
        near = self.centre.ravel()
        program.bound_columns(
            column,
            np.clip(np.floor(near - _NEAR + 1e-6), low, high),
            np.clip(np.ceil(near + _NEAR - 1e-6), low, high),
        )
        self._rounds(everywhere=False)
        program.bound_columns(column, low, high)
        self._rounds(everywhere=True)

    def _done(self) -> bool:
        """Return whether nothing is left to do."""
        value = None if self.best is None else self.best.objective
        self.stop.tell(value, self.bound)
        return self.stop.passed() or closed(value, self.bound, self.gap)

    def _rounds(self, *, everywhere: bool) -> None:
        """Solve with integers, add what the answer breaks, and again."""
        adaptive = self.small.adaptive
        while not self._done():
            self._tighten()
            result = adaptive.program.integral(self.stop, self.gap / 3)
            if everywhere:
                self.bound = max(self.bound, result.bound)
            if result.x is None:
                return
            x = np.array(result.x)
            x[adaptive.master.integer] = np.rint(x[adaptive.master.integer])
            replicas = x[adaptive.master.replicas]
            added = add_broken_cuts(adaptive, replicas, self.stop)
            if self.stop.passed():
                return
            if not added:
                self.best = better(self.best, self.evaluate(replicas))
            self._price_between(replicas)
            added += add_prices(adaptive, x, self.gap * abs(result.objective) / 3)
            value = np.inf if self.best is None else self.best.objective
            if not added and value - result.bound <= self.gap * abs(value):
                # Nothing within these limits is better by more than the gap.
                return

    def _price_between(self, replicas: Floats) -> None:
        """Add bounds on routing on the way from the relaxation to replicas."""
        if self.small.price.size:
            for share in (0.5, 0.1):
                self.evaluate(self.centre + share * (replicas - self.centre))

    def _tighten(self) -> None:
        """Add cuts of known sets and bounds on routing at the relaxation of the present limits."""
        adaptive = self.small.adaptive
        for _ in range(_ROUNDS):
            result = adaptive.program.relaxation(self.stop)
            if result.x is None or self.stop.passed():
                return
            replicas = result.x[adaptive.master.replicas]
            if add_known_cuts(adaptive, replicas):
                continue
            if not self.small.price.size:
                return
            point = self.evaluate(replicas)
            if point is None or point.objective - result.objective <= self.gap / 10 * abs(
                result.objective
            ):
                return

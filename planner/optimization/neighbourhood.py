"""Plans near the relaxation, where flows are not carried.

The bounds on what routing costs are tight near the points where they were taken, and say little far
from them.  So replicas stay within four of the relaxation's at first: there few bounds suffice, and
the plan found is often within the gap of the relaxation's own bound.  First any plan is looked for,
then better ones, as long as one that is good enough may be near; the rest is for the proof
(`planner.optimization.tree_search`).  Only where there is no plan near, farther ones are tried.
Where the tree knows the levels of services, it asks for plans close to its own points instead.

References
----------
W. Ben-Ameur and J. Neto, "Acceleration of cutting-plane and column generation algorithms",
Networks 49, 2007, doi 10.1002/net.20137 (the smoothing).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from planner.optimization.condensed import Condensed
from planner.optimization.milp import MilpResult
from planner.optimization.rerouting import add_broken_cuts, add_known_cuts, add_prices
from planner.optimization.stopping import Stop, closed
from planner.problem.arrays import Floats, Ints
from planner.problem.packing import keeps_rows

_ROUNDS = 40
"""At most so many bounds on the cost of routing before each search with integers."""

_NEAR = (4.0, np.inf)
"""Replicas that a plan may differ from the relaxation's, until there is one."""

_CLOSE = 3.0
"""Replicas that a plan may differ from a point whose levels are whole."""

_LOOKED = 60
"""Nodes of a search close to it."""

_LOOKED_BETWEEN = 40
"""Nodes of a search between a point and the best plan."""

_AROUND = 3
"""Replicas beyond the best plan and a point of the relaxation that a look between them takes in."""

_COARSE = 8e-4
"""Relative gap of the first searches: it takes some to learn what only whole points break."""

_NODES = 40
"""Nodes of each search until there is a plan; it need not be a good one."""

_MORE = 10.0
"""By so much their number grows where they were not enough for a point."""

_POLISHED = 3
"""Searches for a better plan after it is known that none near is good enough."""

_FINER = 4.0
"""By so much the gap falls with each plan."""


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
    smoothing : float
        Part of the way back, from the relaxation to the cheapest point known, at which routing is
        priced (Ben-Ameur and Neto): bounds from far outside say little.
    core : ndarray, shape (S, R), or None
        Replicas to take for that point until one is known.
    """

    small: Condensed
    evaluate: Evaluate
    centre: Floats
    gap: float
    stop: Stop
    best: Point | None
    bound: float
    smoothing: float = 0.0
    core: Floats | None = None

    @property
    def value(self) -> float | None:
        """What the best plan costs, US dollars a month; None where there is none."""
        return None if self.best is None else self.best.objective

    def run(self) -> None:
        """Search ever farther from the relaxation until there is a plan or time is up."""
        column = self.small.adaptive.master.replicas.ravel()
        for near in _NEAR:
            with self._within(column, near, self.centre.ravel()):
                found = self._rounds(everywhere=bool(near == np.inf))
            if found or self._done():
                return

    def look(self, best: Point | None, x: Floats) -> Point | None:
        """Look for a plan close to a point of the relaxation.

        Parameters
        ----------
        best : Point or None
            Best plan so far.
        x : ndarray, shape (n,)
            The point; levels that are whole stay as they are.

        Returns
        -------
        Point or None
            Best plan now.
        """
        self.best = better(self.best, best)
        n = self.small.adaptive.master.replicas.ravel()
        with (
            self._within(self.small.level, 0.0, x[self.small.level]),
            self._within(n, _CLOSE, x[n]),
        ):
            self._solve(_LOOKED)
        return self.best

    def look_between(self, best: Point | None, x: Floats) -> Point | None:
        """Look for plans between the best one and a point of the relaxation, and around them.

        Parameters
        ----------
        best : Point or None
            Best plan so far.
        x : ndarray, shape (n,)
            The point.

        Returns
        -------
        Point or None
            Best plan now.
        """
        self.best = better(self.best, best)
        n = self.small.adaptive.master.replicas.ravel()
        near = 1
        while near <= _AROUND and not self._done():
            before = self.value
            ends = [x[n]] if self.best is None else [x[n], self.best.x[n]]
            with self._within(n, float(near), *ends):
                self._look_inside()
            near = near + 1 if self.value == before else 1
        return self.best

    def _look_inside(self) -> None:
        """Look for a better plan within the present limits."""
        self.tighten()
        self._solve(_LOOKED_BETWEEN, None if self.best is None else self.best.x)

    def _solve(self, nodes: float, start: Floats | None = None) -> None:
        """Learn from what so many nodes within the present limits find."""
        stop = self.stop.sooner(nodes=nodes)
        result = self.small.adaptive.program.integral(stop, self.gap / 3, start=start)
        if result.x is not None:
            self._learn(result)

    @contextmanager
    def _within(self, column: Ints, near: float, *points: Floats) -> Iterator[None]:
        """Keep columns near and between their values at some points for a while."""
        program = self.small.adaptive.program
        low, high = program.bounds(column)
        least = np.clip(np.floor(np.min(points, axis=0) - near + 1e-6), low, high)
        most = np.clip(np.ceil(np.max(points, axis=0) + near - 1e-6), low, high)
        with program.bounded(column, least, most):
            yield

    def _inside(self, replicas: Floats) -> bool:
        """Return whether replicas, in fractions, keep the rows of the packing limit."""
        small = self.small.adaptive
        return bool(keeps_rows(small.problem, small.master.limits, replicas).all())

    def _done(self) -> bool:
        """Return whether nothing is left to do."""
        self.stop.tell(self.value, self.bound)
        return self.stop.passed() or closed(self.value, self.bound, self.gap)

    def _rounds(self, *, everywhere: bool) -> bool:
        """Solve with integers, add what answers break, and again; return whether a plan came."""
        adaptive, gap, found = self.small.adaptive, max(_COARSE, self.gap / 3), False
        nodes, polished = float(_NODES), 0
        while not self._done() and polished <= _POLISHED:
            self.tighten()
            stop = self.stop.sooner(nodes=nodes)
            if found and not polished:
                stop = self.stop.sooner(bound=self._enough())
            # Nobody is told: what is true near the relaxation may be false elsewhere.
            result = adaptive.program.integral(stop, gap)
            if everywhere:
                self.bound = max(self.bound, result.bound)
            if result.x is None and (result.status != "limit" or found):
                return found
            if result.x is None:
                nodes *= _MORE
                continue
            added = self._learn(result)
            if not added and not self.stop.passed():
                found, gap = True, max(self.gap / 3, gap / _FINER)
                if self._best_by_gap(result):
                    return True
            polished += found and (polished > 0 or result.bound >= self._enough())
        return found

    def _enough(self) -> float:
        """Return the bound from which on no plan near is good enough."""
        return self.bound + self.gap * abs(self.bound)

    def _learn(self, result: MilpResult) -> int:
        """Add what an answer and the points on the way to it break; what breaks none is a plan."""
        adaptive = self.small.adaptive
        assert result.x is not None
        x = np.array(result.x)
        x[adaptive.master.integer] = np.rint(x[adaptive.master.integer])
        replicas = x[adaptive.master.replicas]
        added = add_broken_cuts(adaptive, replicas, self.stop)
        if self.stop.passed():
            return added
        if not added:
            self.best = better(self.best, self.evaluate(replicas))
        for point in result.points:
            add_broken_cuts(adaptive, np.rint(point[adaptive.master.replicas]), self.stop)
        self._price_between(replicas)
        return added + add_prices(adaptive, x, self.gap * abs(result.objective) / 3)

    def _best_by_gap(self, result: MilpResult) -> bool:
        """Return whether nothing near is better than the best plan by the gap."""
        return self.best is None or closed(self.best.objective, result.bound, self.gap)

    def _price_between(self, replicas: Floats) -> None:
        """Add bounds on routing on the way from the relaxation to replicas."""
        if self.small.price.size:
            for share in (0.5, 0.1):
                self.evaluate(self.centre + share * (replicas - self.centre))

    def tighten(self, rounds: int = _ROUNDS) -> None:
        """Add cuts of known sets and bounds on routing at the relaxation of the present limits.

        Parameters
        ----------
        rounds : int
            Points that are priced at most.
        """
        adaptive = self.small.adaptive
        n, core = adaptive.master.replicas, self.core
        inside = self.best if self.smoothing else None
        while rounds > 0:
            result = adaptive.program.relaxation(self.stop)
            if result.x is None or self.stop.passed():
                return
            if add_known_cuts(adaptive, result.x[n]):
                continue
            rounds -= 1
            if not self.small.price.size:
                return
            known = adaptive.program.row_count
            core = core if inside is None else inside.x[n]
            back = 0.0 if core is None else self.smoothing * (core - result.x[n])
            point = self.evaluate(result.x[n] + back)
            if self.smoothing and point is not None:
                core = point.x[n]
                point = inside = better(inside, point if self._inside(core) else None)
            elif adaptive.program.row_count == known:
                return
            enough = self.gap / 10 * abs(result.objective)
            if point is not None and point.objective - result.objective <= enough:
                return

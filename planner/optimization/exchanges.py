"""Better plans from the best one, by walks through what a program without flows knows.

Where pools are full a better plan differs from a good one in many places at once, and a solver's
tree finds it late.  Such a program tells at once what any replicas cost at least
(`planner.optimization.exchange_model`).  So plans are walked through
(`planner.optimization.exchange_walk`), the most promising ones on the way are judged, the program
learns what they really cost, and the next walks start from the best plan and from another of the
best ones: the best alone may be one that no walk leads away from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import comb

import numpy as np

from planner.optimization.condensed import Condensed
from planner.optimization.exchange_model import ExchangeModel
from planner.optimization.exchange_walk import Steps, Walk
from planner.optimization.neighbourhood import Evaluate, Point, better
from planner.optimization.repair import repaired
from planner.optimization.rerouting import add_broken_cuts
from planner.optimization.side_by_side import side_by_side
from planner.optimization.stopping import Stop, closed
from planner.problem.arrays import Floats, Ints

_HOT, _COLD = (0.4, 0.1), 0.0125
"""Heat at the beginning of the walk from the best plan and of that from another one, and at the end
of both, in prices of a replica."""

_STEPS = 80
"""Steps of a walk: about as many as lead a few replicas away from the plan in every region."""

_JUDGED = 4
"""Plans of each turn that are judged at most."""

_STARTS = 12
"""Best plans that a walk may start from."""

_IDLE = 15
"""Turns without a better plan after which the proof goes on: it closes many a gap sooner."""

_MOST_STEPS = 5_000_000
"""With more steps to choose from, about, no walks are made: listing them takes too long."""


@dataclass
class Exchanges:
    """The search by walks.

    Attributes
    ----------
    small : Condensed
        The program without flows; it learns.
    evaluate : callable
        What replicas really cost; only asked about replicas that keep every promise.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    rng : Generator
        Where all draws come from.
    """

    small: Condensed
    evaluate: Evaluate
    gap: float
    stop: Stop
    rng: np.random.Generator
    _steps: Steps | None = None
    _judged: set[bytes] = field(default_factory=set)
    _starts: list[tuple[float, Ints]] = field(default_factory=list)

    @property
    def possible(self) -> bool:
        """Whether the steps are few enough to be listed."""
        return _steps_of(self.small) <= _MOST_STEPS

    def run(self, best: Point, bound: float) -> Point:
        """Walk from the best plan, again and again, as long as that finds better ones.

        Parameters
        ----------
        best : Point
            A plan.
        bound : float
            What is proven, US dollars a month.

        Returns
        -------
        Point
            The best plan now.
        """
        count = self._count(best)
        self._judged.add(count.tobytes())
        self._keep(best.objective, count)
        idle = 0 if self.possible else _IDLE
        while idle < _IDLE and not self._done(best, bound):
            before = best.objective
            for replicas in self._promising(best):
                if not self._done(best, bound):
                    best = better(best, self._judge(replicas)) or best
            idle = idle + 1 if best.objective == before else 0
        return best

    def first(self, replicas: Floats) -> Point | None:
        """Return a plan near replicas, for walks to begin with; it need not be a good one.

        Parameters
        ----------
        replicas : ndarray, shape (S, R)
            Replicas of the relaxation.

        Returns
        -------
        Point or None
            None where rounding leads to none, or time is up.
        """
        whole = repaired(self.small.adaptive, replicas, self.stop)
        return None if whole is None else self._judge(whole)

    def _count(self, point: Point) -> Ints:
        """Return the replicas of a plan, shape (S, R)."""
        count: Ints = np.rint(point.x[self.small.adaptive.master.replicas]).astype(np.int64)
        return count

    def _keep(self, usd: float, count: Ints) -> None:
        """Keep a plan that walks may start from, if it is one of the best."""
        if not any(np.array_equal(count, other) for _, other in self._starts):
            self._starts.append((usd, count))
            self._starts = sorted(self._starts, key=lambda start: start[0])[:_STARTS]

    def _done(self, best: Point, bound: float) -> bool:
        """Return whether nothing is left to do."""
        self.stop.tell(best.objective, bound)
        return self.stop.passed() or closed(best.objective, bound, self.gap)

    def _promising(self, best: Point) -> list[Ints]:
        """Return the plans on some walks that may be better than the best one, the best first."""
        found: dict[bytes, Ints] = {}
        for usd, replicas in sorted(self._walked(best), key=lambda seen: seen[0]):
            if usd >= best.objective or len(found) == _JUDGED:
                break
            if replicas.tobytes() not in self._judged:
                found[replicas.tobytes()] = replicas
        self._judged |= found.keys()
        return list(found.values())

    def _walked(self, best: Point) -> list[tuple[float, Ints]]:
        """Return the plans on some walks, and what they cost at least."""
        count = self._count(best)
        usd = self._price(best, count)
        if usd <= 0:
            return []
        model = ExchangeModel.of(self.small, best.x)
        self._steps = steps = self._steps or Steps.of(model)
        other = self._another(count)

        def one(turn: tuple[Ints, float, np.random.Generator]) -> list[tuple[float, Ints]]:
            begin, hot, rng = turn
            start = [begin[part.services].ravel() for part in model.parts]
            walk, seen = Walk(model, steps, start, rng), []
            for heat in np.geomspace(hot * usd, _COLD * usd, _STEPS).tolist():
                if self.stop.passed() or not walk.step(heat):
                    break
                seen.append((walk.usd, model.joined(walk.replicas)))
            return seen

        turns = list(zip((count, other), _HOT, self.rng.spawn(len(_HOT)), strict=True))
        return [seen for walk in side_by_side(one, turns) for seen in walk]

    def _another(self, best: Ints) -> Ints:
        """Draw another of the best plans with the same places; the best one where there is none."""
        others = [
            count
            for _, count in self._starts
            if np.array_equal(count > 0, best > 0) and not np.array_equal(count, best)
        ]
        return others[int(self.rng.integers(len(others)))] if others else best

    def _price(self, best: Point, count: Ints) -> float:
        """Return what a replica costs by itself, on the average; its steering if that is free."""
        own = self.small.adaptive.problem.cost_usd_month[count > 0]
        return float(own.sum() / max(1, own.size) or best.objective / max(1, int(count.sum())))

    def _judge(self, replicas: Ints) -> Point | None:
        """Return a plan as a point with its true cost; None where it is none, or time is up."""
        count: Floats = replicas.astype(float)
        broken = add_broken_cuts(self.small.adaptive, count, self.stop)
        point = None if broken or self.stop.passed() else self.evaluate(count)
        if point is not None:
            self._keep(point.objective, replicas)
        return point


def _steps_of(small: Condensed) -> float:
    """Return about how many steps there are to choose from."""
    regions, parts = small.adaptive.master.replicas.shape[1], small.price.size
    services = small.part.size / max(1, parts)
    changes = services * regions * (regions + 1)
    return float(comb(parts, 2) * changes**2 * 4.0 / regions)

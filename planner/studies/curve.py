"""One curve of efficient plans: its ends, then whatever box between neighbours is largest.

Between two neighbours the unknown is a box, its sides what a plan in it could save and how much
farther it could be.  A cap at the middle of a box either finds a plan in it or proves the nearer
half empty; so effort goes where the curve is known least, and none is lost where it is flat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from planner.optimization.efficient import Efficient
from planner.optimization.stopping import Stop
from planner.studies.axes import Axis
from planner.studies.pareto import dominated

_BOXES = 3
"""Boxes that are looked into for each point wanted: many hold nothing new."""

_SAME = 1e-9
"""Relative difference below which two plans are the same point."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve of efficient plans.

    Attributes
    ----------
    plans : tuple of Efficient
        By increasing cost and decreasing latency; empty where nothing keeps every promise.
    stopped : bool
        Whether a limit or Ctrl-C came before some gap was closed, also of a plan that was left out.
    """

    plans: tuple[Efficient, ...]
    stopped: bool = False


@dataclass(frozen=True, eq=False)
class _Box:
    """What is not known between two neighbours.

    `near_ms` and `cheap_ms` are their latencies; `floor_ms` is the largest cap on latency under
    which nothing is known to be cheaper than `near`.
    """

    near: Efficient
    cheap: Efficient
    near_ms: float
    cheap_ms: float
    floor_ms: float

    @property
    def saving_usd(self) -> float:
        """What a plan in it could save."""
        return self.near.cost_usd_month - self.cheap.cost_usd_month

    @property
    def width_ms(self) -> float:
        """How much farther it could be."""
        return self.cheap_ms - self.floor_ms

    def matters(self, gap: float) -> bool:
        """Return whether a plan in it could be better beyond the gap."""
        return (
            self.saving_usd > gap * self.near.cost_usd_month and self.width_ms > gap * self.cheap_ms
        )

    def divided(self, cap_ms: float, found: Efficient, found_ms: float) -> list[_Box]:
        """Return what is left to know once the cheapest plan under a cap is known."""
        cheaper = found.cost_usd_month < self.near.cost_usd_month * (1 - _SAME)
        nearer = found_ms < self.cheap_ms * (1 - _SAME)
        if not (cheaper and nearer):
            return [replace(self, floor_ms=cap_ms)]
        return [
            _Box(self.near, found, self.near_ms, found_ms, self.floor_ms),
            _Box(found, self.cheap, found_ms, self.cheap_ms, cap_ms),
        ]


def trace_curve(
    axis: Axis,
    *,
    points: int,
    gap: float,
    stop: Stop,
    step: Callable[[str], None] = lambda _: None,
) -> Curve:
    """Trace cost against latency, from one end to the other.

    Parameters
    ----------
    axis : Axis
        The latency, and how to cap it.
    points : int
        Most points.
    gap : float
        Relative gap at which each step of each point stops.
    stop : Stop
        When to stop; what is known by then is returned.
    step : callable
        Told what comes next.

    Returns
    -------
    Curve
        Its plans, and whether a limit stopped any of them.

    Raises
    ------
    SolverStopped
        If no plan was found before the search ended.

    Notes
    -----
    Each point starts from its nearer neighbour, which keeps every wider cap, and from the rows and
    cuts of all points before it.  Fewer points than asked for come back where no box holds more
    than the gap.

    References
    ----------
    H. W. Hamacher, C. R. Pedersen and S. Ruzika, "Finding representative systems for discrete
    bicriterion optimization problems", Operations Research Letters 35, 2007,
    doi 10.1016/j.orl.2006.03.019 (boxes).
    """
    step("least latency")
    first = axis.nearest()
    if first is None:
        return Curve(())
    near = axis.at(first[1], first[0])
    step("least cost")
    cheap = axis.at(np.inf, first[0] if near is None else near.plan)
    if near is None or cheap is None:
        return Curve(())
    boxes = [_Box(near, cheap, axis.value(near), axis.value(cheap), axis.value(near))]
    seen, count = [near, cheap], 2
    scale = max(boxes[0].saving_usd * boxes[0].width_ms, 1e-300)
    for _ in range(_BOXES * points):
        boxes = [box for box in boxes if box.matters(gap)]
        if not boxes or count >= points or stop.passed():
            break
        box = max(boxes, key=lambda box: box.saving_usd * box.width_ms / scale)
        cap_ms = (box.floor_ms + box.cheap_ms) / 2
        step(f"point {count + 1}")
        between = axis.at(cap_ms, box.near.plan)
        if between is None:
            break
        boxes.remove(box)
        parts = box.divided(cap_ms, between, axis.value(between))
        seen.append(between)
        count += len(parts) > 1
        boxes += parts
    unproven = any(not p.within(gap) for p in seen)
    # Of a point without a bound nothing is known but that it is a plan.
    proven = [p for p in seen if np.isfinite(p.cost_bound_usd_month)]
    return Curve(_sorted(proven, axis), unproven or stop.interrupted)


def _sorted(found: list[Efficient], axis: Axis) -> tuple[Efficient, ...]:
    """Sort by cost and leave out what another plan is better than beyond both gaps, or equals.

    Of equals that with the widest cap stays: it says most.
    """
    value = [[p.cost_usd_month, axis.value(p)] for p in found]
    bound = [[p.cost_bound_usd_month, axis.bound(p)] for p in found]
    worse = dominated(value, bound)
    kept = sorted(
        (p for p, out in zip(found, worse, strict=True) if not out),
        key=lambda p: (p.cost_usd_month, axis.value(p), -p.cap_ms),
    )
    curve: list[Efficient] = []
    for plan in kept:
        if not curve or axis.value(plan) < axis.value(curve[-1]) * (1 - _SAME):
            curve.append(plan)
    return tuple(curve)

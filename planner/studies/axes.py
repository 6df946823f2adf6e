"""What is traded for cost on a curve: mean latency, or the 95th percentile of all requests.

Both are caps of one program (`planner.optimization.epsilon`).  The mean may be capped anywhere; the
percentile only at the limits of a grid, each of which has a row of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from planner.optimization.candidates import Candidate
from planner.optimization.caps import Caps
from planner.optimization.efficient import Efficient, any_plan, efficient, nearest, refuse_unknown
from planner.optimization.epsilon import EpsilonProgram
from planner.optimization.stopping import Stop
from planner.optimization.tail_cap import limit_grid_ms

Latency = Literal["mean", "p95"]

_CHEAP_END = 3.0
"""Times as long as another point: without the least cost nothing is known of the rest."""


@dataclass(frozen=True)
class Axis:
    """The latency axis of a curve.

    Attributes
    ----------
    name : {'mean', 'p95'}
        Which latency.
    value : callable
        An efficient plan's latency, ms.
    bound : callable
        What it is proven not to be below, ms.
    nearest : callable
        Returns a plan of least latency to start from and the cap it keeps; None without a plan.
    at : callable
        Returns the cheapest plan under a cap, from a plan to start with; None without a plan.
    """

    name: Latency
    value: Callable[[Efficient], float]
    bound: Callable[[Efficient], float]
    nearest: Callable[[], tuple[Candidate, float] | None]
    at: Callable[[float, Candidate], Efficient | None]


def mean_axis(program: EpsilonProgram, *, gap: float, time_limit_s: float, stop: Stop) -> Axis:
    """Return the axis of mean latency.

    Parameters
    ----------
    program : EpsilonProgram
        The program; its rows grow.
    gap : float
        Relative gap at which each step of each point stops.
    time_limit_s : float
        Seconds that a point may take; the cheapest of all, without a cap, three times as long.
    stop : Stop
        When all of it must stop.

    Returns
    -------
    Axis
        Caps are any number of milliseconds.
    """

    def at(cap_ms: float, start: Candidate) -> Efficient | None:
        own = _own(stop, time_limit_s, cap_ms)
        return efficient(program, cap_ms, start=start, gap=gap, stop=own)

    return Axis(
        "mean",
        lambda found: found.latency_ms,
        lambda found: found.latency_bound_ms,
        lambda: nearest(program, gap=gap, stop=stop.within(time_limit_s)),
        at,
    )


def tail_axis(program: EpsilonProgram, *, gap: float, time_limit_s: float, stop: Stop) -> Axis:
    """Return the axis of the 95th percentile of all requests.

    Parameters
    ----------
    program : EpsilonProgram
        The program; its rows grow.
    gap : float
        Relative gap at which each step of each point stops.
    time_limit_s : float
        Seconds that a point may take; the cheapest of all, without a cap, three times as long.
    stop : Stop
        When all of it must stop.

    Returns
    -------
    Axis
        Caps are lowered to the next limit of the grid.

    Notes
    -----
    Under a cap the cheapest plan is taken and, of plans that cost no more, that of least mean
    latency; its own percentile may then be below the cap and is what the axis shows.
    """

    def at(cap_ms: float, start: Candidate) -> Efficient | None:
        return efficient(
            program,
            p95_ms=_on_grid(cap_ms),
            start=start,
            gap=gap,
            stop=_own(stop, time_limit_s, cap_ms),
        )

    def value(found: Efficient) -> float:
        return program.p95_ms(found.plan)

    return Axis("p95", value, value, lambda: _least_tail(program, time_limit_s, stop), at)


def _own(stop: Stop, time_limit_s: float, cap_ms: float) -> Stop:
    """Return the stop of a point that begins now."""
    return stop.within(time_limit_s * (1.0 if np.isfinite(cap_ms) else _CHEAP_END))


def _on_grid(cap_ms: float) -> float:
    """Return the next limit of the grid that is not above a cap, the first where all are."""
    grid = limit_grid_ms()
    if cap_ms > grid[-1]:
        return np.inf
    return float(grid[max(0, int(np.searchsorted(grid, cap_ms * (1 + 1e-9), "right")) - 1)])


def _least_tail(
    program: EpsilonProgram, time_limit_s: float, stop: Stop
) -> tuple[Candidate, float] | None:
    """Halve the grid down to the least limit that some plan is found to keep."""
    first = any_plan(program, Caps(), stop.within(time_limit_s))
    found = first.best
    if found is None:
        refuse_unknown(first)
        return None
    grid = np.append(limit_grid_ms(), np.inf)
    low, high = -1, int(np.searchsorted(grid, program.p95_ms(found) * (1 - 1e-9)))
    while high - low > 1:
        middle = (low + high) // 2
        caps = Caps(p95_ms=float(grid[middle]))
        nearer = any_plan(program, caps, stop.within(time_limit_s)).best
        if nearer is None:
            low = middle
        else:
            found, high = nearer, int(np.searchsorted(grid, program.p95_ms(nearer) * (1 - 1e-9)))
    return found, float(grid[high])

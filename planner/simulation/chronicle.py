"""The chronicle of a failure: requests per second and in all, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from planner.problem.arrays import Axes, Bools, Floats
from planner.simulation.hour.cohorts import EVENT, NORMAL
from planner.simulation.hour.course import Clock
from planner.simulation.hour.happenings import Happening


@dataclass(frozen=True, eq=False)
class Totals:
    """Requests of a stretch of time, shape (S, O) each.

    Attributes
    ----------
    offered, slow, failed : ndarray, shape (S, O)
        Requests; of these, those served late and those not served.
    steady_failed : ndarray, shape (S, O)
        Those not served if the state had been in its own steady state from the start.
    """

    offered: Floats
    slow: Floats
    failed: Floats
    steady_failed: Floats


@dataclass(frozen=True, eq=False)
class Timeline:
    """What happens after a failure, second by second.

    Attributes
    ----------
    axes : Axes
        Names along the axes.
    start_s : float
        Second of the day at which it begins, UTC.
    duration_s : float
        Seconds until the event is over.
    seconds, step_s : ndarray, shape (T,)
        Beginning and length of each step, seconds since the loss: first a horizon from the loss on,
        then one from the return on.
    offered_rps, served_rps, slow_rps, failed_rps : ndarray, shape (T, O)
        First attempts by origin: served within the objective, served later, not served.
    service_offered_rps, service_slow_rps, service_failed_rps : ndarray, shape (T, S)
        The same by service.
    steady_failed_rps : ndarray, shape (T,)
        What fails in the states' own steady states: during the event, and with everything up.
    replicas : ndarray, shape (T, S, R)
        Replicas that are ready; fractions are expected values.
    utilisation_share : ndarray, shape (T, S, R)
        What replicas take over what they complete at full utilisation.
    event, gap, after : Totals
        Requests while the event is looked at, from then until its end (at the state's steady loss,
        and the overload that had stayed), and after the return.
    recovery_s : float
        First second from which on the failed share stays within 0.1 % of the demand of the state's
        own; NaN if it never does.
    metastable : bool
        Whether overload stays although first attempts alone would fit.
    events : tuple of (float, str)
        Seconds since the loss, and a sentence.
    """

    axes: Axes
    start_s: float
    duration_s: float
    seconds: Floats
    step_s: Floats
    offered_rps: Floats
    served_rps: Floats
    slow_rps: Floats
    failed_rps: Floats
    service_offered_rps: Floats
    service_slow_rps: Floats
    service_failed_rps: Floats
    steady_failed_rps: Floats
    replicas: Floats
    utilisation_share: Floats
    event: Totals
    gap: Totals
    after: Totals
    recovery_s: float
    metastable: bool
    events: tuple[Happening, ...]

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @property
    def lost_requests(self) -> float:
        """All requests that are not served, from the loss to a horizon after the return."""
        return float(sum(part.failed.sum() for part in (self.event, self.gap, self.after)))

    @property
    def slow_requests(self) -> float:
        """All requests that are served later than the objective."""
        return float(sum(part.slow.sum() for part in (self.event, self.gap, self.after)))

    @property
    def staying_share(self) -> float:
        """Part of the requests of the event that its own steady state loses, to its end."""
        parts = (self.event, self.gap)
        lost, asked = (
            sum(float(getattr(part, name).sum()) for part in parts)
            for name in ("steady_failed", "offered")
        )
        return lost / max(asked, 1e-300)

    @property
    def excess_requests(self) -> Floats:
        """Requests lost beyond the states' own steady loss, not below 0, shape (S, O)."""
        parts = (self.event, self.gap, self.after)
        return np.maximum(sum(part.failed - part.steady_failed for part in parts), 0.0)

    @property
    def table(self) -> pd.DataFrame:
        """Requests per second over all origins, one row a step."""
        columns = {
            "offered_rps": self.offered_rps.sum(axis=1),
            "served_rps": self.served_rps.sum(axis=1),
            "slow_rps": self.slow_rps.sum(axis=1),
            "failed_rps": self.failed_rps.sum(axis=1),
            "steady_failed_rps": self.steady_failed_rps,
        }
        return pd.DataFrame(columns, index=pd.Index(self.seconds, name="second"))


def recovery_second(time: Clock, within: Bools) -> float:
    """Return the first second from which on everything is within its bound.

    Parameters
    ----------
    time : Clock
        Steps.
    within : ndarray of bool, shape (T,)
        Whether it is.

    Returns
    -------
    float
        Within the event, if it lasts until the end of what is looked at of it; else after the
        return; NaN if never.

    Examples
    --------
    >>> from planner.simulation.hour.course import clock
    >>> time = clock(duration_s=100.0, horizon_s=3.0, step_s=1.0)
    >>> recovery_second(time, np.array([False, True, True, True, True, True]))
    1.0
    >>> recovery_second(time, np.array([True, True, False, False, True, True]))
    101.0
    """
    for phase in (EVENT, NORMAL):
        steps = np.flatnonzero(time.phase == phase)
        bad = steps[~within[steps]]
        if not bad.size:
            return float(time.seconds[steps[0]])
        if bad[-1] < steps[-1]:
            return float(time.seconds[bad[-1] + 1])
    return float("nan")

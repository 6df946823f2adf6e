"""Demand at any second of the day, on lines between the planned hours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Floats, Ints, Problem
from planner.units import HOURS_PER_DAY, SECONDS_PER_HOUR

SECONDS_PER_DAY = HOURS_PER_DAY * SECONDS_PER_HOUR


@dataclass(frozen=True, eq=False)
class Daytime:
    """Between which two planned hours each time lies.

    Attributes
    ----------
    low, high : ndarray of int
        Index of the hour before, and of the one after; the day goes round.
    part : ndarray
        Weight of the one after.
    hours : int
        Number of planned hours.
    """

    low: Ints
    high: Ints
    part: Floats
    hours: int

    def of(self, hourly: Floats) -> Floats:
        """Return hourly values at these times.

        Parameters
        ----------
        hourly : ndarray, shape (N, H)
            Values at the hours.

        Returns
        -------
        ndarray, shape (..., N)
            Values at the times.
        """
        rows, part = hourly.T, self.part[..., None]
        at: Floats = (1 - part) * rows[self.low] + part * rows[self.high]
        return at

    def weights(self, scale: Floats) -> Floats:
        """Return by how much each hour's value counts at each time, shape (..., H)."""
        eye = np.eye(self.hours)
        part = self.part[..., None]
        both: Floats = scale[..., None] * ((1 - part) * eye[self.low] + part * eye[self.high])
        return both


def daytime(problem: Problem, second: Floats) -> Daytime:
    """Return between which planned hours seconds of the day lie.

    Parameters
    ----------
    problem : Problem
        Its hours.
    second : ndarray
        Seconds since midnight UTC; days go round.

    Returns
    -------
    Daytime
        Indices and weights, of the shape of `second`.

    Notes
    -----
    An hour's demand holds at its beginning.  Where only some hours are planned, the line runs over
    those that are not.
    """
    hours = np.array(problem.axes.hours, dtype=float)
    order = np.argsort(hours)
    clock = np.mod(second / SECONDS_PER_HOUR, HOURS_PER_DAY)
    after = np.searchsorted(hours[order], clock, side="right")
    low, high = order[after - 1], order[after % order.size]
    width = np.mod(hours[high] - hours[low], HOURS_PER_DAY)
    gone = np.mod(clock - hours[low], HOURS_PER_DAY)
    part = np.divide(gone, width, out=np.zeros_like(gone), where=width > 0)
    return Daytime(low, high, part, hours.size)


def demand_of_state(problem: Problem, state: int) -> Floats:
    """Return the demand of a state, crowds and all.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    state : int
        The failure state.

    Returns
    -------
    ndarray, shape (S, O, H)
        Requests per second.
    """
    conditions = problem.conditions
    if conditions is None or conditions.demand_factor is None:
        return problem.demand_rps
    demand: Floats = problem.demand_rps * conditions.demand_factor[state][..., None]
    return demand


def busiest_second(problem: Problem) -> float:
    """Return the second of the day at which the hour of most requests begins.

    Parameters
    ----------
    problem : Problem
        Its demand.

    Returns
    -------
    float
        Seconds since midnight UTC.
    """
    hour = int(problem.demand_rps.sum(axis=(0, 1)).argmax())
    return float(problem.axes.hours[hour] * SECONDS_PER_HOUR)

"""Tails of waits as curves: exponential between knots, and exponential for ever after the last.

A curve is P(W > w | W > 0) over `x` = θ w, θ being the rate of the scaled exponential wait of
`planner.latency.station`; so a curve that is a straight line of slope −1 is that formula.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

INTERVALS = 64
REACH = 16.0
KNOTS = REACH * (np.arange(INTERVALS + 1) / INTERVALS) ** 2
"""Times x of the knots, dense near 0."""

GAPS = np.diff(KNOTS)
FLATTEST = 1e-9


@dataclass(frozen=True)
class Curves:
    """Tails of the wait of those who wait.

    Attributes
    ----------
    log_tail : ndarray, shape (m, INTERVALS + 1)
        Log of P(W > w | W > 0) at `KNOTS`; 0 at the first, and it never rises.
    last_rate : ndarray, shape (m,)
        Rate of the exponential tail after the last knot, per unit of x.
    """

    log_tail: NDArray[np.float64]
    last_rate: NDArray[np.float64]

    def at(self, row: NDArray[np.intp], x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the tails of rows at times.

        Parameters
        ----------
        row : ndarray of int
            Which curves; broadcasts against `x`.
        x : ndarray
            Scaled times, at least 0.

        Returns
        -------
        ndarray
            P(W > w | W > 0).

        Examples
        --------
        >>> NO_CURVES.at(np.zeros(0, np.intp), np.zeros(0)).size
        0
        """
        left = np.sqrt(np.minimum(x, REACH) * (INTERVALS**2 / REACH)).astype(np.intp)
        left = np.minimum(left, INTERVALS - 1)
        flat, start = self.log_tail.ravel(), row * (INTERVALS + 1) + left
        low = flat.take(start)
        inside = (np.minimum(x, REACH) - KNOTS.take(left)) / GAPS.take(left)
        logarithm = low + (flat.take(start + 1) - low) * inside
        logarithm -= self.last_rate.take(row) * np.maximum(x - REACH, 0.0)
        return np.exp(logarithm)

    def quantile(self, row: NDArray[np.intp], exceeded: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scaled time that is exceeded with probability `exceeded` by those who wait.

        Parameters
        ----------
        row : ndarray of int, shape (n,)
            Which curves.
        exceeded : ndarray, shape (n,)
            Probability above the quantile, over 0.

        Returns
        -------
        ndarray, shape (n,)
            Scaled times; 0 where `exceeded` is at least 1.
        """
        target = np.log(np.minimum(exceeded, 1.0))
        line = self.log_tail[row]
        right = np.clip(np.sum(line >= target[:, None], axis=1), 1, INTERVALS)[:, None]
        low = np.take_along_axis(line, right - 1, axis=1)[:, 0]
        high = np.take_along_axis(line, right, axis=1)[:, 0]
        inside = np.clip((low - target) / np.maximum(low - high, FLATTEST), 0.0, 1.0)
        beyond = np.maximum(line[:, -1] - target, 0.0) / self.last_rate[row]
        left = right[:, 0] - 1
        return np.asarray(KNOTS[left] + GAPS[left] * inside + beyond)

    def mean(self) -> NDArray[np.float64]:
        """Return the mean scaled wait of those who wait, the area under each curve.

        Returns
        -------
        ndarray, shape (m,)
            Mean of x; 1 for the formula.
        """
        tail = np.exp(self.log_tail)
        fall = np.maximum(-np.diff(self.log_tail, axis=1), FLATTEST)
        areas = GAPS * tail[:, :-1] * -np.expm1(-fall) / fall
        return np.asarray(areas.sum(axis=1) + tail[:, -1] / self.last_rate)


NO_CURVES = Curves(np.zeros((0, INTERVALS + 1)), np.zeros(0))

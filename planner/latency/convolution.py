"""Sums of an independent wait and a lognormal service, by quadrature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.latency.curve import Curves

NORMAL_REACH = 8.5
"""Standard deviations beyond which a normal variable carries less than 1e-17."""

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(96)


def still_waiting(
    time: NDArray[np.float64],
    normal: NDArray[np.float64],
    sigma: NDArray[np.float64],
    rate: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return E[exp(−θ (t − S)); S ≤ t] by 96 Gauss-Legendre nodes, dense near S = t.

    Parameters
    ----------
    time : ndarray, shape (n,)
        Times t, above 0, in mean service times.
    normal : ndarray, shape (n,)
        The same as normal scores of the logarithm of the service.
    sigma : ndarray, shape (n,)
        Standard deviation of that logarithm, above 0.
    rate : ndarray, shape (n,)
        Rate θ of the exponential wait.

    Returns
    -------
    ndarray, shape (n,)
        Probability that a request which had to wait is served, but not before `time`.

    Notes
    -----
    With z the normal score of S and y its distance below the end, y = log(1 + h (e^v − 1)) is
    geometric up to the layer of width h in which the wait decays, and linear beyond it.

    Examples
    --------
    >>> one = np.ones(1)
    >>> still_waiting(one, one / 2, one, 0 * one).round(6).tolist()
    [0.691462]
    """
    grid = _grid(time, normal, sigma, rate)
    density = np.exp(-grid.left - grid.score**2 / 2)
    return grid.sum(density)


def still_waiting_on_curve(
    time: NDArray[np.float64],
    normal: NDArray[np.float64],
    sigma: NDArray[np.float64],
    rate: NDArray[np.float64],
    curves: Curves,
    curve: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return E[P(W > t − S | W > 0); S ≤ t] with the wait on a curve, by the same nodes.

    Parameters
    ----------
    time, normal, sigma, rate : ndarray, shape (n,)
        As for `still_waiting`.
    curves : Curves
        Tails of the wait over θ times the wait.
    curve : ndarray of int, shape (n,)
        Rows of `curves`.

    Returns
    -------
    ndarray, shape (n,)
        Probability that a request which had to wait is served, but not before `time`.

    Notes
    -----
    The knots of a curve cost digits: what is left are 4.

    Examples
    --------
    >>> from planner.latency.curve import KNOTS
    >>> one, line = np.ones(1), Curves(-KNOTS[None], np.ones(1))
    >>> still_waiting_on_curve(one, one / 2, one, 0 * one, line, np.zeros(1, np.intp)).round(6)
    array([0.691462])
    """
    grid = _grid(time, normal, sigma, rate)
    density = curves.at(curve[:, None], grid.left) * np.exp(-(grid.score**2) / 2)
    return grid.sum(density)


@dataclass(frozen=True)
class _Grid:
    """Nodes (columns) of stations (rows): normal scores of S, and θ (t − S)."""

    score: NDArray[np.float64]
    left: NDArray[np.float64]
    slope: NDArray[np.float64]
    top: NDArray[np.float64]

    def sum(self, density: NDArray[np.float64]) -> NDArray[np.float64]:
        """Integrate over the service; `density` lacks the factor 1 / sqrt(2 π)."""
        late: NDArray[np.float64] = np.sum(density * self.slope * NODE_WEIGHTS, axis=1) * self.top
        late /= np.sqrt(8 * np.pi)
        return late


def _grid(
    time: NDArray[np.float64],
    normal: NDArray[np.float64],
    sigma: NDArray[np.float64],
    rate: NDArray[np.float64],
) -> _Grid:
    """Place the nodes, dense near S = t."""
    end = np.clip(normal, -NORMAL_REACH, NORMAL_REACH)
    service = np.where(normal > NORMAL_REACH, np.exp(sigma * end - sigma**2 / 2), time)
    layer = 1 / np.maximum(rate * sigma * service, 1.0)
    top = np.log1p(np.expm1(end + NORMAL_REACH) / layer)
    grown = layer[:, None] * np.expm1(top[:, None] * (NODES + 1) / 2)
    below = np.log1p(grown)
    slope = (grown + layer[:, None]) / (grown + 1)
    decay = (rate * service)[:, None] * np.expm1(-sigma[:, None] * below)
    left = (rate * (time - service))[:, None] - decay
    return _Grid(end[:, None] - below, left, slope, top)

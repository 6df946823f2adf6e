"""The sojourn tail of a station solved for time and for load."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from planner.latency.bracketing import Excess, feasible_edge
from planner.latency.station import (
    LONGEST,
    MS_PER_S,
    Station,
    relative_time,
    service_quantile_of,
    sojourn_tail_of,
    station,
    wait_quantile_of,
)

SMALLEST_EXCESS = float(np.finfo(np.float64).eps) / 2


def sojourn_quantile_of(queue: Station, exceeded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sojourn that is exceeded with probability `exceeded`, in mean service times.

    Parameters
    ----------
    queue : Station
        Stations, shape (n,).
    exceeded : ndarray, shape (n,)
        Probability above the quantile, strictly between 0 and 1.

    Returns
    -------
    ndarray, shape (n,)
        Quantile of wait and service; infinite where there is no steady state.

    Examples
    --------
    >>> lone = station([1], [12.5], [40.0], [1.0], [1.0])
    >>> sojourn_quantile_of(lone, np.array([0.05])).round(6).tolist()
    [5.991465]
    """
    quantile = np.full(exceeded.shape, np.inf)
    stable = queue.slack > 0
    quantile[stable] = _stable_quantile(queue.take(stable), exceeded[stable])
    return quantile


def largest_load_rps(
    exceeded: NDArray[np.float64],
    limit_ms: NDArray[np.float64],
    servers: NDArray[np.float64],
    service_time_ms: NDArray[np.float64],
    arrival_cv2: NDArray[np.float64],
    service_cv2: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the largest arrival rates at which P(T > limit) is at most `exceeded`.

    Parameters
    ----------
    exceeded : ndarray, shape (n,)
        Probability above the limit, strictly between 0 and 1.
    limit_ms : ndarray, shape (n,)
        Limits on the sojourn, ms.
    servers, service_time_ms, arrival_cv2, service_cv2 : ndarray, shape (n,)
        As for `station`.

    Returns
    -------
    ndarray, shape (n,)
        Arrival rate, requests per second; 0 where even an idle station misses the limit.

    Examples
    --------
    >>> one = np.ones(1)
    >>> largest_load_rps(0.05 * one, 239.65858 * one, one, 40 * one, one, one).round(4).tolist()
    [12.5]
    """

    def excess(rate: NDArray[np.float64], index: NDArray[np.intp]) -> NDArray[np.float64]:
        queue = station(
            servers[index], rate, service_time_ms[index], arrival_cv2[index], service_cv2[index]
        )
        tail = sojourn_tail_of(queue, relative_time(limit_ms[index], queue))
        return _log_excess(tail, exceeded[index])

    # Just past c μ, where rounding cannot leave the station stable.
    with np.errstate(over="ignore"):
        full = np.minimum(servers * MS_PER_S / service_time_ms * (1 + 1e-12), LONGEST**3)
    capacity = np.zeros(exceeded.size)
    able = excess(capacity, np.arange(exceeded.size)) <= 0
    capacity[able] = feasible_edge(_only(excess, able), capacity[able], full[able])
    return capacity


def _stable_quantile(queue: Station, exceeded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sojourn quantiles of stable stations, in mean service times."""

    def excess(time: NDArray[np.float64], index: NDArray[np.intp]) -> NDArray[np.float64]:
        return _log_excess(sojourn_tail_of(queue.take(index), time), exceeded[index])

    # T > w + s needs W > w or S > s: two halves of the probability bound the quantile.
    high = service_quantile_of(queue, exceeded / 2) + wait_quantile_of(queue, exceeded / 2)
    quantile = service_quantile_of(queue, exceeded)
    late = excess(quantile, np.arange(exceeded.size)) > 0
    quantile[late] = feasible_edge(_only(excess, late), 1.001 * high[late], quantile[late])
    return quantile


def _only(excess: Excess, mask: NDArray[np.bool_]) -> Excess:
    """Return `excess` with positions counted among those that `mask` marks."""
    chosen = np.flatnonzero(mask)
    return lambda points, index: excess(points, chosen[index])


def _log_excess(tail: NDArray[np.float64], exceeded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log(tail / exceeded), positive exactly where the tail is larger."""
    ratio = np.log(np.maximum(tail, np.finfo(np.float64).tiny) / exceeded)
    return np.where(tail > exceeded, np.maximum(ratio, SMALLEST_EXCESS), np.minimum(ratio, 0.0))

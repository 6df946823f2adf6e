"""A service station (c servers, one line) in units of its mean service time, and its tails."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import exprel, ndtr, ndtri

from planner.latency.convolution import still_waiting, still_waiting_on_curve
from planner.latency.curve import NO_CURVES, Curves
from planner.latency.erlang import erlang_c, whole_servers
from planner.latency.recursion import simulated_waits
from planner.latency.validity import is_simulated

MS_PER_S = 1000.0
LONGEST = 1e100
"""Longer times, in service times, are not told apart: no float distribution reaches there."""

BLOCK = 1024


@dataclass(frozen=True)
class Station:
    """Queues as flat, aligned arrays; rates and times are in mean service times.

    Attributes
    ----------
    slack : ndarray, shape (n,)
        Idle servers on average, c − a; not above 0 where the queue has no steady state.
    wait_probability : ndarray, shape (n,)
        Probability C that an arrival waits.
    wait_rate : ndarray, shape (n,)
        Rate θ of the exponential wait of those who wait, per mean service time.
    sigma : ndarray, shape (n,)
        Standard deviation of the log of the service time; 0 is constant, NaN is exponential.
    service_time_ms : ndarray, shape (n,)
        Mean service time, ms.
    curve : ndarray of int, shape (n,)
        Row of `curves` that is the wait of those who wait; -1 where that is exponential.
    curves : Curves
        Simulated tails of waits, over θ times the wait; shared, not aligned.
    """

    slack: NDArray[np.float64]
    wait_probability: NDArray[np.float64]
    wait_rate: NDArray[np.float64]
    sigma: NDArray[np.float64]
    service_time_ms: NDArray[np.float64]
    curve: NDArray[np.intp]
    curves: Curves

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Station:
        """Return the stations at `index`, a mask or positions."""
        aligned = {f.name: getattr(self, f.name)[index] for f in fields(self)[:-1]}
        return Station(**aligned, curves=self.curves)


def station(
    servers: ArrayLike,
    arrival_rps: ArrayLike,
    service_time_ms: ArrayLike,
    arrival_cv2: ArrayLike,
    service_cv2: ArrayLike,
) -> Station:
    """Return flat stations from arguments of one shape, checking each.

    Parameters
    ----------
    servers : array_like of whole numbers, shape (n,)
        Number of servers.
    arrival_rps : array_like, shape (n,)
        Arrival rate, requests per second.
    service_time_ms : array_like, shape (n,)
        Mean service time, ms.
    arrival_cv2, service_cv2 : array_like, shape (n,)
        Squared coefficients of variation of the times between arrivals and of the service.

    Returns
    -------
    Station
        Exact where both coefficients are 1 (M/M/c); simulated where one is above 1 and none above
        4; else the Allen-Cunneen approximation.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> station([4], [80.0], [40.0], [1.0], [1.0]).slack.round(6).tolist()
    [0.8]
    """
    count, rate = whole_servers(servers), np.asarray(arrival_rps, dtype=np.float64)
    service = np.asarray(service_time_ms, dtype=np.float64)
    arrival, spread = (np.asarray(x, dtype=np.float64) for x in (arrival_cv2, service_cv2))
    _check(rate, service, arrival, spread)
    with np.errstate(over="ignore"):
        load = rate * service / MS_PER_S
    variability = (arrival + spread) / 2
    slack = count - load
    waits = np.where((variability == 0) & (slack > 0), 0.0, erlang_c(count, load))
    theta = np.where(slack > 0, slack, 1.0) / np.maximum(variability, 1 / LONGEST)
    sigma = np.where((arrival == 1) & (spread == 1), np.nan, np.sqrt(np.log1p(spread)))
    curve, curves = np.full(count.size, -1, dtype=np.intp), NO_CURVES
    chosen = np.flatnonzero(is_simulated(arrival, spread) & (slack > 0) & (waits > 0))
    if chosen.size:
        asked = np.stack([count, load, arrival, spread])[:, chosen]
        kinds, curve[chosen] = np.unique(asked, axis=1, return_inverse=True)
        found, curves = simulated_waits(*kinds)
        waits[chosen] = found[curve[chosen]]
    return Station(slack, waits, theta, sigma, service, curve, curves)


def mean_wait_of(queue: Station) -> NDArray[np.float64]:
    """Return the mean wait in mean service times; infinite where there is no steady state.

    Parameters
    ----------
    queue : Station
        Stations, shape (n,).

    Returns
    -------
    ndarray, shape (n,)
        Mean wait of all requests, those included that do not wait.

    Examples
    --------
    >>> mean_wait_of(station([1], [12.5], [40.0], [1.0], [1.0])).round(9).tolist()
    [1.0]
    """
    mean = np.where(queue.slack > 0, queue.wait_probability / queue.wait_rate, np.inf)
    simulated = queue.curve >= 0
    mean[simulated] *= queue.curves.mean()[queue.curve[simulated]]
    return mean


def relative_time(t_ms: NDArray[np.float64], queue: Station) -> NDArray[np.float64]:
    """Return times in mean service times, clipped to what `sojourn_tail_of` tells apart.

    Parameters
    ----------
    t_ms : ndarray, shape (n,)
        Times, ms.
    queue : Station
        Stations, shape (n,).

    Returns
    -------
    ndarray, shape (n,)
        Times in mean service times, between -1 and `LONGEST`.

    Examples
    --------
    >>> lone = station([1], [0.0], [40.0], [1.0], [1.0])
    >>> relative_time(np.array([60.0]), lone).tolist()
    [1.5]
    """
    with np.errstate(over="ignore"):
        return np.clip(t_ms / queue.service_time_ms, -1.0, LONGEST)


def absolute_ms(time: NDArray[np.float64], queue: Station) -> NDArray[np.float64]:
    """Return times in mean service times as ms.

    Parameters
    ----------
    time : ndarray, shape (n,)
        Times in mean service times.
    queue : Station
        Stations, shape (n,).

    Returns
    -------
    ndarray, shape (n,)
        Times, ms; infinite beyond the range of floats.

    Examples
    --------
    >>> lone = station([1], [0.0], [40.0], [1.0], [1.0])
    >>> absolute_ms(np.array([1.5]), lone).tolist()
    [60.0]
    """
    with np.errstate(over="ignore"):
        return time * queue.service_time_ms


def sojourn_tail_of(queue: Station, time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P(T > `time`), time in mean service times; 1 where there is no steady state.

    Parameters
    ----------
    queue : Station
        Stations, shape (n,).
    time : ndarray, shape (n,)
        Times in mean service times; below 0 the tail is 1.

    Returns
    -------
    ndarray, shape (n,)
        Probability.

    Examples
    --------
    >>> lone = station([1], [0.0], [40.0], [1.0], [1.0])
    >>> sojourn_tail_of(lone, np.array([1.0])).round(6).tolist()
    [0.367879]
    """
    tail = np.ones_like(time)
    usable = (queue.slack > 0) & (time >= 0)
    clipped = np.clip(time, 0.0, LONGEST)
    for mask, law in (
        (np.isnan(queue.sigma), _exponential_tail),
        (queue.sigma == 0, _constant_tail),
        (queue.sigma > 0, _lognormal_tail),
    ):
        chosen = mask & usable
        if np.any(chosen):
            tail[chosen] = law(queue.take(chosen), clipped[chosen])
    return np.minimum(tail, 1.0)


def service_quantile_of(queue: Station, exceeded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the service time that is exceeded with probability `exceeded`, in mean service times.

    Parameters
    ----------
    queue : Station
        Stations, shape (n,).
    exceeded : ndarray, shape (n,)
        Probability above the quantile, over 0 and at most 1.

    Returns
    -------
    ndarray, shape (n,)
        Quantile of the service time.

    Examples
    --------
    >>> lone = station([1], [0.0], [40.0], [1.0], [1.0])
    >>> service_quantile_of(lone, np.array([0.05])).round(6).tolist()
    [2.995732]
    """
    sigma = np.where(np.isnan(queue.sigma), 0.0, queue.sigma)
    lognormal = np.exp(-sigma * ndtri(exceeded) - sigma**2 / 2)
    return np.where(np.isnan(queue.sigma), -np.log(exceeded), lognormal)


def wait_quantile_of(queue: Station, exceeded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the wait that is exceeded with probability `exceeded`, in mean service times.

    Parameters
    ----------
    queue : Station
        Stations, shape (n,).
    exceeded : ndarray, shape (n,)
        Probability above the quantile, over 0 and at most 1.

    Returns
    -------
    ndarray, shape (n,)
        Quantile of the wait; infinite where there is no steady state.

    Examples
    --------
    >>> lone = station([1], [20.0], [40.0], [1.0], [1.0])
    >>> wait_quantile_of(lone, np.array([0.1])).round(6).tolist()
    [10.397208]
    """
    # log1p keeps the digits where C is just above the probability that may be exceeded.
    surplus = np.maximum(queue.wait_probability - exceeded, 0.0) / exceeded
    quantile = np.where(queue.slack > 0, np.log1p(surplus) / queue.wait_rate, np.inf)
    late = np.flatnonzero((queue.curve >= 0) & (surplus > 0))
    share = exceeded[late] / queue.wait_probability[late]
    quantile[late] = queue.curves.quantile(queue.curve[late], share) / queue.wait_rate[late]
    return quantile


def _check(
    rate: NDArray[np.float64],
    service: NDArray[np.float64],
    arrival: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> None:
    """Raise where an argument leaves its range."""
    if not np.all(rate >= 0):
        raise ValueError("`arrival_rps` must be at least 0 and not NaN.")
    if not (np.all(service > 0) and np.all(np.isfinite(service))):
        raise ValueError("`service_time_ms` must be finite and above 0.")
    for name, value in (("arrival_cv2", arrival), ("service_cv2", spread)):
        if not (np.all(value >= 0) and np.all(np.isfinite(value))):
            raise ValueError(f"`{name}` must be finite and at least 0.")


def _exponential_tail(queue: Station, time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the exact M/M/c tail, as a sum of positive terms (regular at c − 1 = a)."""
    # e^-x (1 - e^-xd) / d with d = c - 1 - a, written so that neither sign of d overflows.
    gap = np.abs(queue.slack - 1)
    both = time * exprel(-time * gap) * np.exp(-time * np.minimum(queue.slack, 1.0))
    tail: NDArray[np.float64] = np.exp(-time) + queue.wait_probability * both
    return tail


def _constant_tail(queue: Station, time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the tail with a constant service time."""
    over = queue.wait_rate * np.maximum(time - 1, 0.0)
    waited = queue.wait_probability * np.exp(-over)
    simulated = queue.curve >= 0
    curved = queue.curves.at(queue.curve[simulated], over[simulated])
    waited[simulated] = queue.wait_probability[simulated] * curved
    return np.where(time < 1, 1.0, waited)


def _lognormal_tail(queue: Station, time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P(S > t) + E[P(W > t − S); S ≤ t] with lognormal S."""
    positive = np.maximum(time, 1 / LONGEST)
    normal = (np.log(positive) + queue.sigma**2 / 2) / queue.sigma
    tail: NDArray[np.float64] = ndtr(-normal)
    for chosen in (np.flatnonzero(queue.curve < 0), np.flatnonzero(queue.curve >= 0)):
        for start in range(0, chosen.size, BLOCK):
            part = chosen[start : start + BLOCK]
            some, when = queue.take(part), (positive[part], normal[part])
            late = _late(some, *when)
            tail[part] += some.wait_probability * late
    return tail


def _late(
    queue: Station, time: NDArray[np.float64], normal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return P(W > t − S, S ≤ t | W > 0) of stations that are all simulated or none."""
    if queue.curve[0] < 0:
        return still_waiting(time, normal, queue.sigma, queue.wait_rate)
    return still_waiting_on_curve(
        time, normal, queue.sigma, queue.wait_rate, queue.curves, queue.curve
    )

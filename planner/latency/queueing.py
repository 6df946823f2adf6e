"""Waits and response times of a pool of servers: M/M/c exactly, G/G/c approximately.

Where a squared coefficient of variation is above 1 and none is above 4, the law of the wait comes
from `planner.latency.recursion`; the formulas below hold elsewhere. Every function takes arrays or
scalars, broadcasts them and returns an array. Where the load is not below the number of servers
there is no steady state: times are infinite and tails 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planner.latency.erlang import erlang_b, erlang_c
from planner.latency.inversion import largest_load_rps, sojourn_quantile_of
from planner.latency.station import (
    absolute_ms,
    mean_wait_of,
    relative_time,
    sojourn_tail_of,
    station,
    wait_quantile_of,
)

__all__ = [
    "capacity_rps",
    "erlang_b",
    "erlang_c",
    "mean_wait_ms",
    "sojourn_quantile_ms",
    "sojourn_tail",
    "wait_quantile_ms",
]


def mean_wait_ms(
    servers: ArrayLike,
    arrival_rps: ArrayLike,
    service_time_ms: ArrayLike,
    *,
    arrival_cv2: ArrayLike = 1.0,
    service_cv2: ArrayLike = 1.0,
) -> NDArray[np.float64]:
    r"""Return the mean wait before service.

    .. math:: E[W] = \frac{C(c, a)}{c\mu - \lambda} \cdot \frac{C_a^2 + C_s^2}{2}

    Parameters
    ----------
    servers : array_like of whole numbers, shape (...)
        Number of servers c, at least 0; all arguments broadcast.
    arrival_rps : array_like, shape (...)
        Arrival rate λ, requests per second, at least 0.
    service_time_ms : array_like, shape (...)
        Mean service time 1/μ, ms, above 0.
    arrival_cv2, service_cv2 : array_like, shape (...)
        Squared coefficients of variation of the times between arrivals and of the service.

    Returns
    -------
    ndarray, shape (...)
        Mean wait, ms; infinite where the load is not below the number of servers.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Notes
    -----
    Exact for M/M/c; otherwise Allen-Cunneen where no coefficient is above 1, and the sojourn's mean
    is then within 1 %. From above 1 to 4 it is simulated, within 5 % with the service. Above 4 the
    formula stands again, exact for one server and Poisson arrivals; where waits are rare it is far
    off, as at 4 it would be: 70 % high for 20 servers at ρ = 0.7 and C_s² = 4, five times too low
    for 16 servers at ρ = 0.6 and C_a² = 4 (gamma arrivals).

    References
    ----------
    A. O. Allen, "Probability, Statistics, and Queueing Theory", 2nd edition, Academic Press, 1990.

    Examples
    --------
    >>> mean_wait_ms(4, 80.0, 40.0).round(3).item()
    29.822
    """
    flat, shape = _flat(servers, arrival_rps, service_time_ms, arrival_cv2, service_cv2)
    queue = station(*flat)
    return absolute_ms(mean_wait_of(queue), queue).reshape(shape)


def wait_quantile_ms(
    probability: ArrayLike,
    servers: ArrayLike,
    arrival_rps: ArrayLike,
    service_time_ms: ArrayLike,
    *,
    arrival_cv2: ArrayLike = 1.0,
    service_cv2: ArrayLike = 1.0,
) -> NDArray[np.float64]:
    r"""Return the wait before service that a share `probability` of the requests does not exceed.

    .. math:: t_p = \max\left(0, \frac{\ln(C / (1 - p))}{\theta}\right), \quad
              \theta = \frac{2 (c\mu - \lambda)}{C_a^2 + C_s^2}

    Parameters
    ----------
    probability : array_like, shape (...)
        p, strictly between 0 and 1; all arguments broadcast.
    servers : array_like of whole numbers, shape (...)
        Number of servers c, at least 0.
    arrival_rps : array_like, shape (...)
        Arrival rate λ, requests per second, at least 0.
    service_time_ms : array_like, shape (...)
        Mean service time 1/μ, ms, above 0.
    arrival_cv2, service_cv2 : array_like, shape (...)
        Squared coefficients of variation of the times between arrivals and of the service.

    Returns
    -------
    ndarray, shape (...)
        Quantile of the wait, ms; infinite where the load is not below the number of servers.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Notes
    -----
    Exact where both coefficients are 1 (M/M/c, first come first served). Otherwise approximate:
    the heavy-traffic exponential with the Allen-Cunneen mean, 6 to 7 % off at ρ = 0.8 and p = 0.99;
    simulated where a coefficient is above 1 and none above 4.

    References
    ----------
    D. Gross et al., "Fundamentals of Queueing Theory", 4th edition, Wiley, 2008, section 2.3;
    W. Whitt, "Approximations for the GI/G/m Queue", Production and Operations Management 2(2),
    1993, doi:10.1111/j.1937-5956.1993.tb00094.x.

    Examples
    --------
    >>> wait_quantile_ms(0.95, 10, 225.0, 40.0).round(3).item()
    103.734
    """
    flat, shape = _flat(
        probability, servers, arrival_rps, service_time_ms, arrival_cv2, service_cv2
    )
    queue = station(*flat[1:])
    return absolute_ms(wait_quantile_of(queue, _exceeded(flat[0])), queue).reshape(shape)


def sojourn_tail(
    t_ms: ArrayLike,
    servers: ArrayLike,
    arrival_rps: ArrayLike,
    service_time_ms: ArrayLike,
    *,
    arrival_cv2: ArrayLike = 1.0,
    service_cv2: ArrayLike = 1.0,
) -> NDArray[np.float64]:
    r"""Return the probability that wait and service together take longer than `t_ms`.

    .. math:: P(T > t) = e^{-\mu t} \left[1 + C \frac{1 - e^{-\mu t (c - 1 - a)}}{c - 1 - a}\right]

    Parameters
    ----------
    t_ms : array_like, shape (...)
        Times, ms; all arguments broadcast. Below 0 the tail is 1.
    servers : array_like of whole numbers, shape (...)
        Number of servers c, at least 0.
    arrival_rps : array_like, shape (...)
        Arrival rate λ, requests per second, at least 0.
    service_time_ms : array_like, shape (...)
        Mean service time 1/μ, ms, above 0.
    arrival_cv2, service_cv2 : array_like, shape (...)
        Squared coefficients of variation of the times between arrivals and of the service.

    Returns
    -------
    ndarray, shape (...)
        Probability; 1 where the load is not below the number of servers.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Notes
    -----
    The formula is that of M/M/c and holds where both coefficients are 1. Otherwise approximate:
    the wait of `wait_quantile_ms` plus an independent lognormal service (constant where
    `service_cv2` is 0), convolved to a relative error below 1e-10 (1e-3 where the wait is
    simulated). So `service_cv2` = 1 means exponential service only with `arrival_cv2` = 1.

    References
    ----------
    D. Gross et al., "Fundamentals of Queueing Theory", 4th edition, Wiley, 2008, section 2.3.

    Examples
    --------
    >>> sojourn_tail(200.0, 4, 80.0, 40.0).round(4).item()
    0.0413
    """
    flat, shape = _flat(t_ms, servers, arrival_rps, service_time_ms, arrival_cv2, service_cv2)
    if np.any(np.isnan(flat[0])):
        raise ValueError("`t_ms` must not be NaN.")
    queue = station(*flat[1:])
    return sojourn_tail_of(queue, relative_time(flat[0], queue)).reshape(shape)


def sojourn_quantile_ms(
    probability: ArrayLike,
    servers: ArrayLike,
    arrival_rps: ArrayLike,
    service_time_ms: ArrayLike,
    *,
    arrival_cv2: ArrayLike = 1.0,
    service_cv2: ArrayLike = 1.0,
) -> NDArray[np.float64]:
    r"""Return the time for wait and service that a share `probability` does not exceed.

    .. math:: \min \{t : P(T > t) \le 1 - p\}

    Parameters
    ----------
    probability : array_like, shape (...)
        p, strictly between 0 and 1; all arguments broadcast.
    servers : array_like of whole numbers, shape (...)
        Number of servers c, at least 0.
    arrival_rps : array_like, shape (...)
        Arrival rate λ, requests per second, at least 0.
    service_time_ms : array_like, shape (...)
        Mean service time 1/μ, ms, above 0.
    arrival_cv2, service_cv2 : array_like, shape (...)
        Squared coefficients of variation of the times between arrivals and of the service.

    Returns
    -------
    ndarray, shape (...)
        Quantile, ms; infinite where the load is not below the number of servers.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Notes
    -----
    Solves `sojourn_tail` to a relative width of 1e-13. Quantiles of wait and service do not add.
    As 1 − p is what is solved for, digits are lost where p is below 1e-4. Off M/M/c, p50, p95 and
    p99 are within 10 % of simulations for ρ from 0.3 to 0.9 and 1 to 60 servers, C_a² and C_s² up
    to 4; the worst case is one server (p99 9 % low at ρ = 0.5 and C_s² = 0.99). Two exceptions, on
    the safe side: one lightly loaded server with C_s² below 0.25 (p99 up to 19 % high), and
    arrivals smoother than Poisson (p50 12 % high at ρ = 0.5). Above 4 a heavy service tail makes a
    wait that is not exponential: tails may be 40 % off.

    References
    ----------
    D. Gross et al., "Fundamentals of Queueing Theory", 4th edition, Wiley, 2008, section 2.3.

    Examples
    --------
    One server is exact by hand, ln(20) / (μ − λ):

    >>> sojourn_quantile_ms(0.95, 1, 12.5, 40.0).round(3).item()
    239.659
    """
    flat, shape = _flat(
        probability, servers, arrival_rps, service_time_ms, arrival_cv2, service_cv2
    )
    exceeded, queue = _exceeded(flat[0]), station(*flat[1:])
    return absolute_ms(sojourn_quantile_of(queue, exceeded), queue).reshape(shape)


def capacity_rps(
    probability: ArrayLike,
    limit_ms: ArrayLike,
    servers: ArrayLike,
    service_time_ms: ArrayLike,
    *,
    arrival_cv2: ArrayLike = 1.0,
    service_cv2: ArrayLike = 1.0,
) -> NDArray[np.float64]:
    r"""Return the largest load whose sojourn quantile keeps the limit.

    .. math:: \max \{\lambda : P_\lambda(T > t) \le 1 - p\}

    Parameters
    ----------
    probability : array_like, shape (...)
        p, strictly between 0 and 1; all arguments broadcast.
    limit_ms : array_like, shape (...)
        Limit t on the sojourn, ms; may be negative (nothing is left of it) or infinite.
    servers : array_like of whole numbers, shape (...)
        Number of servers c, at least 0.
    service_time_ms : array_like, shape (...)
        Mean service time 1/μ, ms, above 0.
    arrival_cv2, service_cv2 : array_like, shape (...)
        Squared coefficients of variation of the times between arrivals and of the service.

    Returns
    -------
    ndarray, shape (...)
        Load, requests per second; 0 where even an idle station misses the limit.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Notes
    -----
    The tail grows with the load, so the edge is bracketed and searched; the result is the kept
    side of a bracket no wider than 1e-13 of it. Approximate where `sojourn_tail` is.

    References
    ----------
    D. Gross et al., "Fundamentals of Queueing Theory", 4th edition, Wiley, 2008, section 2.3.

    Examples
    --------
    >>> capacity_rps(0.95, 239.65858, 1, 40.0).round(4).item()
    12.5
    """
    flat, shape = _flat(probability, limit_ms, servers, service_time_ms, arrival_cv2, service_cv2)
    if np.any(np.isnan(flat[1])):
        raise ValueError("`limit_ms` must not be NaN.")
    return largest_load_rps(_exceeded(flat[0]), *flat[1:]).reshape(shape)


def _flat(*arguments: ArrayLike) -> tuple[list[NDArray[np.float64]], tuple[int, ...]]:
    """Return the broadcast arguments, flat, and their common shape."""
    arrays = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in arguments))
    return [array.ravel() for array in arrays], arrays[0].shape


def _exceeded(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 − p after checking p."""
    if not np.all((probability > 0) & (probability < 1)):
        raise ValueError("`probability` must lie strictly between 0 and 1.")
    return 1 - probability

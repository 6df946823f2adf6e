"""Erlang's loss and delay formulas, for arrays and for many thousands of servers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincc, gammaln

HEAVY_EXPONENT = 300.0
LARGEST_LOAD = 1e300
SMALLEST = 5e-324
STIRLING_FROM = 16.0


def erlang_b(servers: ArrayLike, offered_erlangs: ArrayLike) -> NDArray[np.float64]:
    r"""Return the probability that an arrival finds every server of an M/M/c/c busy.

    .. math:: B(c, a) = \frac{a^c / c!}{\sum_{k=0}^{c} a^k / k!} = \frac{p(c; a)}{Q(c + 1, a)}

    with p the Poisson probability (Loader's saddle-point form) and Q the regularised upper
    incomplete gamma function; far above c = a, where both underflow, 1/B is summed directly.

    Parameters
    ----------
    servers : array_like of whole numbers, shape (...)
        Number of servers c, at least 0; broadcasts against the load.
    offered_erlangs : array_like, shape (...)
        Offered load a = arrival rate × mean service time, erlangs, at least 0; may be infinite.

    Returns
    -------
    ndarray, shape (...)
        Blocking probability; 1 without servers.

    Raises
    ------
    ValueError
        If `servers` is not a whole number of at least 0, or `offered_erlangs` is negative or NaN.

    Notes
    -----
    Against exact values the relative error stays below 1e-11 up to 30,000 servers. Probabilities
    below 1e-308 lose digits and then become 0.

    References
    ----------
    C. Loader, "Fast and Accurate Computation of Binomial Probabilities", 2000, p. 3;
    D. L. Jagerman, "Some Properties of the Erlang Loss Function", Bell System Technical Journal
    53(3), 1974, doi:10.1002/j.1538-7305.1974.tb02756.x.

    Examples
    --------
    Fifteen lines lose 1 % of 8.108 erlangs:

    >>> erlang_b(15, 8.108).round(4).item()
    0.01
    """
    count, load = _checked(servers, offered_erlangs)
    return _blocking(count.ravel(), load.ravel()).reshape(count.shape)


def erlang_c(servers: ArrayLike, offered_erlangs: ArrayLike) -> NDArray[np.float64]:
    r"""Return the probability that an arrival at an M/M/c queue must wait.

    .. math:: C(c, a) = \frac{c\,B(c, a)}{(c - a) + a\,B(c, a)}

    Parameters
    ----------
    servers : array_like of whole numbers, shape (...)
        Number of servers c, at least 0; broadcasts against the load.
    offered_erlangs : array_like, shape (...)
        Offered load a = arrival rate × mean service time, erlangs, at least 0; may be infinite.

    Returns
    -------
    ndarray, shape (...)
        Waiting probability; 1 where the load is not below the number of servers.

    Raises
    ------
    ValueError
        If `servers` is not a whole number of at least 0, or `offered_erlangs` is negative or NaN.

    Notes
    -----
    Every term is positive, so nothing cancels; the error is that of `erlang_b`. Callers do not
    lose patience in this model: with abandonment it is an upper bound.

    References
    ----------
    L. Kleinrock, "Queueing Systems, Volume 1: Theory", Wiley, 1975, p. 103.

    Examples
    --------
    >>> erlang_c(3, 2.5).round(3).item()
    0.702
    """
    count, load = _checked(servers, offered_erlangs)
    return _delay(count.ravel(), load.ravel()).reshape(count.shape)


def whole_servers(servers: ArrayLike) -> NDArray[np.float64]:
    """Return `servers` as floats after checking that they are whole and not negative.

    Parameters
    ----------
    servers : array_like, shape (...)
        Number of servers.

    Returns
    -------
    ndarray, shape (...)
        The same numbers.

    Raises
    ------
    ValueError
        If one of them is negative, infinite, NaN or not whole.

    Examples
    --------
    >>> whole_servers([1, 2]).tolist()
    [1.0, 2.0]
    """
    count = np.asarray(servers, dtype=np.float64)
    if not (np.all(np.isfinite(count)) and np.all(count >= 0) and np.all(count == np.floor(count))):
        raise ValueError("`servers` must be whole numbers of at least 0.")
    return count


def _checked(
    servers: ArrayLike, offered_erlangs: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check both arguments and broadcast them."""
    load = np.asarray(offered_erlangs, dtype=np.float64)
    if not np.all(load >= 0):
        raise ValueError("`offered_erlangs` must be at least 0 and not NaN.")
    count, load = np.broadcast_arrays(whole_servers(servers), load)
    return count, load


def _delay(count: NDArray[np.float64], load: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Erlang C of flat arrays."""
    waiting = np.ones_like(load)
    stable = load < count
    servers, offered = count[stable], load[stable]
    blocked = _blocking(servers, offered)
    waiting[stable] = servers * blocked / ((servers - offered) + offered * blocked)
    return waiting


def _blocking(count: NDArray[np.float64], load: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Erlang B of flat arrays, by the form that suits each pair."""
    blocked = np.ones_like(load)
    heavy, moderate = _regimes(count, load)
    blocked[(load == 0) & (count > 0)] = 0.0
    blocked[moderate] = np.exp(_log_poisson(count[moderate], load[moderate])) / gammaincc(
        count[moderate] + 1, load[moderate]
    )
    blocked[heavy] = 1 / _inverse_blocking(count[heavy], load[heavy])
    return blocked


def _regimes(
    count: NDArray[np.float64], load: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where 1/B must be summed and where the ratio of Poisson terms is safe."""
    offered = np.clip(load, SMALLEST, LARGEST_LOAD)
    excess = np.maximum(offered - count, 0.0)
    # c (e - log(1 + e)) >= (a - c)^2 / 2a with e = (a - c) / c: a bound on the lost exponent.
    heavy = (excess / offered * excess > 2 * HEAVY_EXPONENT) & (count > 0)
    return heavy, ~heavy & (load > 0) & (count > 0)


def _log_poisson(count: NDArray[np.float64], load: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log of the Poisson probability of `count` at mean `load`."""
    excess = (load - count) / count
    ratio = np.maximum(load / count, SMALLEST)
    logarithm = np.where(ratio < 0.5, np.log(ratio), np.log1p(np.maximum(excess, -0.5)))
    deviance = count * (excess - logarithm)
    return -deviance - _stirling_error(count) - 0.5 * np.log(2 * np.pi * count)


def _stirling_error(count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log n! less its Stirling approximation, for n >= 1."""
    square = count * count
    error = 1 / 1188 - 691 / 360360 / square
    for coefficient in (1 / 1680, 1 / 1260, 1 / 360, 1 / 12):
        error = coefficient - error / square
    error /= count
    small = count < STIRLING_FROM
    n = count[small]
    error[small] = gammaln(n + 1) - (n + 0.5) * np.log(n) + n - 0.5 * np.log(2 * np.pi)
    return error


def _inverse_blocking(count: NDArray[np.float64], load: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1/B = Σ c (c - 1) … (c - j + 1) / a^j; every term is positive."""
    term, total, step = np.ones_like(load), np.ones_like(load), 0
    while np.any(term > 1e-17 * total):
        term = term * np.maximum(count - step, 0.0) / load
        total += term
        step += 1
    return total

"""Sojourn tails and quantiles against many digits, adaptive quadrature and hand formulas."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.latency.queueing import (
    erlang_c,
    mean_wait_ms,
    sojourn_quantile_ms,
    sojourn_tail,
    wait_quantile_ms,
)

EXACT = 1e-9
SECOND = 1000.0  # a mean service time of one second makes rates loads and seconds service times


def _exact_blocking(servers: int, offered: mpmath.mpf) -> mpmath.mpf:
    """The textbook recursion 1/B(k) = 1 + (k/a) / B(k - 1) without rounding, or with 50 digits."""
    inverse = offered / offered
    for k in range(1, servers + 1):
        inverse = 1 + k * inverse / offered
    return 1 / inverse


def _exact_delay(servers: int, offered: mpmath.mpf) -> mpmath.mpf:
    blocked = _exact_blocking(servers, offered)
    return servers * blocked / (servers - offered * (1 - blocked))


def _exact_tail(servers: int, offered: float, time: float) -> mpmath.mpf:
    """P(T > time) with 60 digits, from the closed form."""
    with mpmath.workdps(60):
        a, t = mpmath.mpf(offered), mpmath.mpf(time)
        waits = _exact_delay(servers, a) if offered > 0 else mpmath.mpf(0)
        gap = servers - 1 - a
        extra = t if gap == 0 else (1 - mpmath.exp(-t * gap)) / gap
        return mpmath.exp(-t) * (1 + waits * extra)


@pytest.mark.parametrize("servers", [1, 2, 4, 50, 1000])
@pytest.mark.parametrize("offset", [-0.6, -1e-3, -1e-9, 0.0, 1e-12, 1e-6, 0.5, 0.999])
def test_the_tail_agrees_with_sixty_digits_around_the_double_root(
    servers: int, offset: float
) -> None:
    load = servers - 1 + offset
    if load < 0:
        return
    for time in (1e-6, 0.1, 1.0, 3.0, 30.0, 300.0):
        exact = float(_exact_tail(servers, load, time))
        got = sojourn_tail(time * SECOND, servers, load, SECOND)
        assert got == pytest.approx(exact, rel=EXACT)


@pytest.mark.parametrize("servers", [1, 2, 9, 100, 3000])
@pytest.mark.parametrize("rho", [0.05, 0.6, 0.9, 0.999])
def test_the_quantile_agrees_with_sixty_digits(servers: int, rho: float) -> None:
    load = servers * rho
    for p in (0.5, 0.95, 0.999):
        got = float(sojourn_quantile_ms(p, servers, load, SECOND)) / SECOND
        with mpmath.workdps(30):
            exact = mpmath.findroot(
                lambda t, p=p: mpmath.log(_exact_tail(servers, load, t) / (1 - p)),
                (0.9 * got, 1.1 * got + 0.01),
                solver="anderson",
            )
        assert got == pytest.approx(float(exact), rel=EXACT)


@settings(deadline=None)
@given(st.floats(0.01, 0.999999), st.floats(0.001, 0.9999), st.floats(1e-3, 1e5))
def test_one_server_is_exact_by_hand(p: float, rho: float, service_ms: float) -> None:
    rate = rho * 1000 / service_ms
    exact = -np.log1p(-p) * service_ms / (1 - rate * service_ms / 1000)
    assert sojourn_quantile_ms(p, 1, rate, service_ms) == pytest.approx(exact, rel=1e-10)


def test_the_mean_of_the_tail_is_service_plus_mean_wait() -> None:
    times = np.linspace(0, 400, 20_001) * SECOND
    for arrival, service in ((1.0, 1.0), (1.0, 0.5), (2.0, 3.0), (0.5, 0.1)):
        spread = {"arrival_cv2": arrival, "service_cv2": service}
        mean = np.trapezoid(sojourn_tail(times, 5, 4.0, SECOND, **spread), times)
        assert mean == pytest.approx(SECOND + mean_wait_ms(5, 4.0, SECOND, **spread), rel=1e-4)


@pytest.mark.parametrize("probability", [0.5, 0.95, 0.999])
@pytest.mark.parametrize(
    ("servers", "rho", "arrival_cv2", "service_cv2"),
    [
        (1, 0.7, 1.0, 5.0),
        (4, 0.8, 1.0, 1e-4),
        (4, 0.999, 0.0, 0.5),
        (40, 0.9, 5.0, 1.0),
        (300, 0.97, 1.0, 20.0),
        (10_000, 0.5, 1.0, 0.3),
        (10_000, 0.9999, 1.0, 4.5),
    ],
)
def test_the_lognormal_convolution_agrees_with_adaptive_quadrature(
    probability: float, servers: int, rho: float, arrival_cv2: float, service_cv2: float
) -> None:
    spread = {"arrival_cv2": arrival_cv2, "service_cv2": service_cv2}
    load = servers * rho
    time = float(sojourn_quantile_ms(probability, servers, load, SECOND, **spread)) / SECOND
    got = float(sojourn_tail(time * SECOND, servers, load, SECOND, **spread))
    waits, rate = float(erlang_c(servers, load)), 2 * (servers - load) / (arrival_cv2 + service_cv2)
    assert got == pytest.approx(_integrated_tail(time, waits, rate, service_cv2), rel=1e-10)
    assert got == pytest.approx(1 - probability, rel=1e-9)


def _integrated_tail(time: float, waits: float, rate: float, service_cv2: float) -> float:
    """P(S > t) + C E[exp(-rate (t - S)); S <= t], over panels that shrink towards S = t."""
    with mpmath.workdps(25):
        sigma = mpmath.sqrt(mpmath.log1p(mpmath.mpf(service_cv2)))
        end = (mpmath.log(time) + sigma**2 / 2) / sigma
        panels = [mpmath.mpf(0)] + [mpmath.mpf(2) ** (-k) for k in range(22, -1, -1)]
        panels += list(mpmath.arange(2, end + 14))

        def density(below: mpmath.mpf) -> mpmath.mpf:
            still = mpmath.exp(rate * time * mpmath.expm1(-sigma * below))
            return still * mpmath.npdf(end - below)

        reached = mpmath.quad(density, panels)
        return float(mpmath.ncdf(-end) + waits * reached)


def test_constant_service_adds_to_the_wait() -> None:
    spread = {"arrival_cv2": 1.0, "service_cv2": 0.0}
    wait = wait_quantile_ms(0.95, 4, 80.0, 40.0, **spread)
    assert wait > 0
    sojourn = sojourn_quantile_ms(0.95, 4, 80.0, 40.0, **spread)
    assert sojourn == pytest.approx(40 + wait, rel=EXACT)
    almost = sojourn_quantile_ms(0.95, 4, 80.0, 40.0, arrival_cv2=1.0, service_cv2=1e-10)
    assert almost == pytest.approx(sojourn, rel=1e-4)
    assert sojourn_quantile_ms(0.95, 4, 80.0, 40.0, arrival_cv2=0, service_cv2=0) == 40.0


def test_mean_wait_of_one_server_is_pollaczek_khinchine() -> None:
    for rho, spread, error in ((0.3, 0.0, EXACT), (0.7, 2.0, 0.01), (0.95, 9.0, EXACT)):
        exact = rho * (1 + spread) / 2 / (1 - rho) * SECOND
        assert mean_wait_ms(1, rho, SECOND, service_cv2=spread) == pytest.approx(exact, rel=error)

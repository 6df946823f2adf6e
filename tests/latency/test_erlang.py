"""Erlang's formulas against exact arithmetic, published figures and their own recursion."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from planner.latency.queueing import (
    erlang_b,
    erlang_c,
    mean_wait_ms,
)

EXACT = 1e-9


def _exact_blocking(servers: int, offered: Fraction | mpmath.mpf) -> Fraction | mpmath.mpf:
    """The textbook recursion 1/B(k) = 1 + (k/a) / B(k - 1) without rounding, or with 50 digits."""
    inverse = offered / offered
    for k in range(1, servers + 1):
        inverse = 1 + k * inverse / offered
    return 1 / inverse


def _exact_delay(servers: int, offered: Fraction | mpmath.mpf) -> Fraction | mpmath.mpf:
    blocked = _exact_blocking(servers, offered)
    return servers * blocked / (servers - offered * (1 - blocked))


@pytest.mark.parametrize("servers", [1, 2, 3, 7, 15, 16, 17, 40, 150, 600])
def test_rational_arithmetic_agrees(servers: int) -> None:
    loads = [Fraction(k, 64) for k in (1, 5, 32, 48, 60, 63, 64, 66, 96, 320, 6400)]
    for load in (servers * share for share in loads):
        exact = _exact_blocking(servers, load)
        if exact < Fraction(1, 10**300):
            continue
        assert erlang_b(servers, float(load)) == pytest.approx(float(exact), rel=EXACT)
        if load < servers:
            delay = float(_exact_delay(servers, load))
            assert erlang_c(servers, float(load)) == pytest.approx(delay, rel=EXACT)


def test_ten_thousand_servers_agree_with_fifty_digits() -> None:
    loads = np.array([7300.0, 9000.0, 9700.0, 9900.0, 9999.5, 10_000.0, 10_100.0, 12_600.0, 1e6])
    with mpmath.workdps(50):
        blocked = [float(_exact_blocking(10_000, mpmath.mpf(a))) for a in loads]
        delayed = [float(_exact_delay(10_000, mpmath.mpf(a))) for a in loads[loads < 1e4]]
    assert blocked[0] < 1e-180
    np.testing.assert_allclose(erlang_b(10_000, loads), blocked, rtol=EXACT)
    np.testing.assert_allclose(erlang_c(10_000, loads[loads < 1e4]), delayed, rtol=EXACT)


def test_a_million_servers_agree_with_the_sum_of_falling_factorials() -> None:
    servers = 1_000_000
    for load in (servers + 3_000.0, servers + 20_000.0, servers + 24_000.0, 1.05 * servers):
        with mpmath.workdps(30):
            total = term = mpmath.mpf(1)
            for k in range(servers):
                term *= mpmath.mpf(servers - k) / load
                total += term
                if term < total * mpmath.mpf("1e-20"):
                    break
            exact = float(1 / total)
        assert erlang_b(servers, load) == pytest.approx(exact, rel=EXACT)


def test_probabilities_near_the_end_of_floats_keep_their_digits() -> None:
    # B(1, a) = a / (1 + a); B(2, a) = a² / (2 + 2 a + a²).
    tiny = np.array([1e-300, 1e-200, 1e-20, 1e-8])
    np.testing.assert_allclose(erlang_b(1, tiny), tiny / (1 + tiny), rtol=EXACT)
    small = np.array([1e-150, 1e-100, 1e-8])
    np.testing.assert_allclose(erlang_b(2, small), small**2 / 2, rtol=1e-7)
    assert erlang_b(2, 1e-150) == pytest.approx(5e-301, rel=EXACT)


def test_published_loads_at_one_percent_blocking() -> None:
    """The Erlang B table that every teletraffic handbook prints."""
    servers = np.array([1, 2, 5, 10, 15, 20, 50, 100])
    load = np.array([0.0101, 0.153, 1.361, 4.461, 8.108, 12.03, 37.90, 84.06])
    np.testing.assert_allclose(erlang_b(servers, load), 0.01, atol=6e-5)


def test_published_eye_clinic() -> None:
    """Gross and Harris, example 2.2: three doctors, 20 minutes each, 6 patients an hour."""
    minutes = mean_wait_ms(3, 6 / 3600, 20 * 60e3) / 60e3
    assert minutes == pytest.approx(80 / 9, rel=EXACT)
    assert erlang_c(3, 2.0) == pytest.approx(4 / 9, rel=EXACT)


def test_three_servers_at_two_and_a_half_erlangs_wait_seven_times_in_ten() -> None:
    assert erlang_c(3, 2.5) == pytest.approx(0.702, abs=5e-4)


@pytest.mark.parametrize("beta", [0.25, 0.5, 1.0, 2.0])
def test_halfin_whitt_is_the_limit_of_many_servers(beta: float) -> None:
    limit = 1 / (1 + beta * norm.cdf(beta) / norm.pdf(beta))
    errors = [abs(erlang_c(n, n - beta * n**0.5) - limit) / limit for n in (100, 10_000, 1_000_000)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 3e-3


@settings(deadline=None)
@given(st.integers(1, 3000), st.floats(1e-3, 5000))
def test_the_recursion_over_servers_holds(servers: int, load: float) -> None:
    before, after = erlang_b([servers - 1, servers], load)
    assert after == pytest.approx(load * before / (servers + load * before), rel=1e-10, abs=1e-290)


@settings(deadline=None)
@given(st.integers(1, 20_000), st.floats(0, 30_000), st.floats(1.0001, 2))
def test_erlang_grows_with_load_and_falls_with_servers(
    servers: int, load: float, factor: float
) -> None:
    for formula in (erlang_b, erlang_c):
        here = formula(servers, load)
        assert 0 <= here <= 1
        assert formula(servers, load * factor) >= here * (1 - 1e-10)
        assert formula(servers + 1, load) <= here * (1 + 1e-10)
    assert erlang_c(servers, load) >= erlang_b(servers, load)

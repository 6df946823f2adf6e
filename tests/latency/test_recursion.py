"""The recursion behind waits: its curves, its seams, its repeatability, and the warnings beyond."""

from __future__ import annotations

import numpy as np
import pytest

from planner.latency import recursion
from planner.latency.convolution import still_waiting, still_waiting_on_curve
from planner.latency.curve import KNOTS, Curves
from planner.latency.queueing import (
    mean_wait_ms,
    sojourn_quantile_ms,
    sojourn_tail,
    wait_quantile_ms,
)
from planner.latency.recursion import CHANCES, SERVERS, wait_table
from planner.latency.validity import is_simulated, queueing_warnings

SECOND = 1000.0


def two_phases() -> Curves:
    """A curve made of two exponentials, 0.4 exp(−x / 2) + 0.6 exp(−3 x), beside the formula."""
    mixed = np.log(0.4 * np.exp(-KNOTS / 2) + 0.6 * np.exp(-3 * KNOTS))
    return Curves(np.stack([-KNOTS, mixed]), np.array([1.0, 0.5]))


def test_a_curve_is_read_between_and_beyond_its_knots() -> None:
    x = np.array([0.0, 0.013, 0.7, 3.0, 15.9, 40.0])
    line, mixed = (two_phases().at(np.full(6, row), x) for row in (0, 1))
    np.testing.assert_allclose(line, np.exp(-x), rtol=1e-12)
    np.testing.assert_allclose(mixed, 0.4 * np.exp(-x / 2) + 0.6 * np.exp(-3 * x), rtol=5e-3)
    np.testing.assert_allclose(two_phases().mean(), [1.0, 0.4 * 2 + 0.6 / 3], rtol=2e-3)


def test_quantiles_of_a_curve_turn_its_tail_round() -> None:
    exceeded = np.array([1.0, 0.9, 0.5, 0.05, 1e-3, 1e-9])
    for row in (0, 1):
        which = np.full(exceeded.size, row)
        back = two_phases().at(which, two_phases().quantile(which, exceeded))
        np.testing.assert_allclose(back, exceeded, rtol=1e-9)


@pytest.mark.parametrize("sigma", [0.1, 0.8, 1.3])
@pytest.mark.parametrize("rate", [0.05, 1.0, 30.0])
def test_a_curve_is_convolved_like_the_exponentials_that_it_is_made_of(
    sigma: float, rate: float
) -> None:
    time = np.array([0.05, 0.5, 1.0, 2.0, 7.0, 40.0])
    normal, flat = (np.log(time) + sigma**2 / 2) / sigma, np.full(6, sigma)
    curves = two_phases()

    def formula(factor: float) -> np.ndarray:
        return still_waiting(time, normal, flat, np.full(6, factor * rate))

    for row, exact in ((0, formula(1.0)), (1, 0.4 * formula(0.5) + 0.6 * formula(3.0))):
        which = np.full(6, row)
        got = still_waiting_on_curve(time, normal, flat, np.full(6, rate), curves, which)
        np.testing.assert_allclose(got, exact, rtol=5e-3, atol=1e-6)


def test_the_same_question_has_the_same_bytes() -> None:
    kept, again = wait_table(2, 1.0, 2.0), wait_table.__wrapped__(2, 1.0, 2.0)
    assert again is not kept
    assert again.log_ratio.tobytes() == kept.log_ratio.tobytes()
    assert again.curves.log_tail.tobytes() == kept.curves.log_tail.tobytes()


def test_elements_do_not_mind_their_neighbours() -> None:
    servers, spread = np.array([1, 3, 8, 40, 700, 5]), np.array([0.5, 2.0, 0.5, 2.0, 2.0, 1.0])
    load = servers * np.array([0.4, 0.7, 0.9, 0.95, 0.99, 0.8])
    arrival = np.array([2.0, 1.0, 2.0, 1.0, 1.0, 1.0])
    cv2 = {"arrival_cv2": arrival, "service_cv2": spread}
    together = sojourn_quantile_ms(0.95, servers, load, SECOND, **cv2)
    for i in range(6):
        alone = {"arrival_cv2": arrival[i], "service_cv2": spread[i]}
        assert together[i] == sojourn_quantile_ms(0.95, servers[i], load[i], SECOND, **alone)


@pytest.mark.parametrize("servers", [1, 3, 8, 20, 64, 500])
def test_more_load_waits_longer_over_all_seams(servers: int) -> None:
    load = servers * (1 - np.geomspace(0.9, 1e-5, 300))[:, None]
    time = np.array([0.0, 0.3, 1.0, 3.0, 10.0, 60.0]) * SECOND
    tail = sojourn_tail(time, servers, load, SECOND, service_cv2=2.0)
    assert (np.diff(tail, axis=0) >= -1e-12).all()
    assert (np.diff(tail, axis=1) <= 1e-12).all()
    mean = mean_wait_ms(servers, load, SECOND, service_cv2=2.0)
    assert (np.diff(mean, axis=0) >= -1e-9 * mean[1:]).all()


def test_pooling_helps_over_the_numbers_of_servers() -> None:
    servers = np.arange(1, 80)
    for rho in (0.5, 0.8, 0.95):
        p95 = sojourn_quantile_ms(0.95, servers, rho * servers, SECOND, service_cv2=2.0)
        assert (np.diff(p95) <= 1e-3 * p95[1:]).all()


def test_heavy_traffic_is_the_formula() -> None:
    for servers in (1, 8, 100):
        load = servers * (1 - 1e-6 / servers)
        heavy = mean_wait_ms(servers, load, SECOND, service_cv2=2.0)
        assert heavy == pytest.approx(1.5 * mean_wait_ms(servers, load, SECOND), rel=1e-4)


@pytest.mark.parametrize(
    "cv2", [2.125, *(pytest.param(x, marks=pytest.mark.slow) for x in (1.125, 1.375, 3.875))]
)
def test_rounded_coefficients_move_quantiles_by_less_than_two_percent(
    cv2: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = SERVERS * np.array([[0.5], [0.7], [0.9]])
    p = np.array([0.5, 0.95, 0.99])[:, None, None]
    rounded = sojourn_quantile_ms(p, SERVERS, load, SECOND, service_cv2=cv2)
    monkeypatch.setattr(recursion, "CV2_STEP", 0.125)
    exact = sojourn_quantile_ms(p, SERVERS, load, SECOND, service_cv2=cv2)
    assert (rounded != exact).any()
    np.testing.assert_allclose(rounded, exact, rtol=0.02)


def test_the_mean_of_the_tail_is_service_plus_mean_wait() -> None:
    times = np.linspace(0, 400, 20_001) * SECOND
    for arrival, service in ((1.0, 2.0), (2.0, 0.4), (2.0, 0.5)):
        spread = {"arrival_cv2": arrival, "service_cv2": service}
        mean = np.trapezoid(sojourn_tail(times, 5, 4.0, SECOND, **spread), times)
        assert mean == pytest.approx(SECOND + mean_wait_ms(5, 4.0, SECOND, **spread), rel=1e-3)


def test_quantiles_of_the_wait_are_where_the_tail_with_constant_service_says() -> None:
    spread = {"arrival_cv2": 2.0, "service_cv2": 0.0}
    p = np.array([0.5, 0.9, 0.999])
    wait = wait_quantile_ms(p, 3, 2.4, SECOND, **spread)
    tail = sojourn_tail(SECOND + wait, 3, 2.4, SECOND, **spread)
    np.testing.assert_allclose(tail, 1 - p, rtol=1e-9)


def test_tables_have_a_row_for_every_load_and_never_rise() -> None:
    for servers in SERVERS.tolist():
        table = wait_table(servers, 1.0, 2.0)
        assert table.log_ratio.shape == CHANCES.shape
        assert table.curves.log_tail.shape == (CHANCES.size, KNOTS.size)
        assert (np.diff(table.curves.log_tail, axis=1) <= 0).all()
        assert (table.curves.last_rate > 0).all()


def test_the_recursion_is_used_from_above_one_to_four() -> None:
    arrival, service = np.meshgrid([0.0, 1.0, 1.01, 4.0, 4.01], [0.0, 1.0, 1.01, 4.0, 4.01])
    expected = np.array(
        [
            [0, 0, 1, 1, 0],
            [0, 0, 1, 1, 0],
            [1, 1, 1, 1, 0],
            [1, 1, 1, 1, 0],
            [0, 0, 0, 0, 0],
        ],
        dtype=bool,
    )
    np.testing.assert_array_equal(is_simulated(arrival, service), expected)


def test_warnings_name_the_service_and_the_error() -> None:
    assert queueing_warnings([1.0, 4.0], [4.0, 0.0], ["a", "b"]) == ()
    both = queueing_warnings([1.0, 5.5], [4.1, 7.0], ["a", "b"])
    assert [text.split(":")[0] for text in both] == ["service 'a'", "service 'b'", "service 'b'"]
    assert "4.1 of the service time is above 4, tails may be 40 % off" in both[0]
    with pytest.raises(ValueError, match="`names` must have one length"):
        queueing_warnings([1.0], [1.0], [])

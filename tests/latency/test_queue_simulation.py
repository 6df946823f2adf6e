"""Sojourns and waits against two event simulations."""

from __future__ import annotations

import heapq

import ciw
import numpy as np
import pytest

from planner.latency.queueing import (
    erlang_c,
    sojourn_quantile_ms,
    sojourn_tail,
    wait_quantile_ms,
)

SECOND = 1000.0  # a mean service time of one second makes rates loads and seconds service times


def _simulated(
    servers: int, gaps: np.ndarray, services: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Waits and sojourns of a first-come-first-served queue, the first tenth cut off."""
    free, waits = [0.0] * servers, np.empty(gaps.size)
    arrivals = np.cumsum(gaps).tolist()
    for i, (arrival, service) in enumerate(zip(arrivals, services.tolist(), strict=True)):
        start = max(arrival, free[0])
        heapq.heapreplace(free, start + service)
        waits[i] = start - arrival
    warm = gaps.size // 10
    return waits[warm:], (waits + services)[warm:]


def _lognormal(generator: np.random.Generator, cv2: float, size: int) -> np.ndarray:
    sigma = np.sqrt(np.log1p(cv2))
    return generator.lognormal(-(sigma**2) / 2, sigma, size)


@pytest.mark.parametrize(("servers", "rho"), [(1, 0.6), (4, 0.8), (10, 0.8), (100, 0.95)])
def test_simulated_markov_queues(servers: int, rho: float) -> None:
    generator = np.random.default_rng(20_240_611)
    gaps = generator.exponential(1 / (servers * rho), 300_000)
    waits, sojourns = _simulated(servers, gaps, generator.exponential(1.0, gaps.size))
    load = servers * rho
    assert np.mean(waits > 0) == pytest.approx(float(erlang_c(servers, load)), rel=0.06)
    for p in (0.5, 0.95, 0.99):
        exact = float(sojourn_quantile_ms(p, servers, load, SECOND)) / SECOND
        assert np.quantile(sojourns, p) == pytest.approx(exact, rel=0.04)
    wait_ms = float(wait_quantile_ms(0.95, servers, load, SECOND))
    assert np.quantile(waits, 0.95) * SECOND == pytest.approx(wait_ms, rel=0.1)


@pytest.mark.parametrize(
    ("servers", "rho", "arrival_cv2", "service_cv2", "error_p95", "error_p99"),
    [
        (4, 0.8, 1.0, 0.5, 0.05, 0.05),
        (4, 0.8, 1.0, 4.0, 0.08, 0.25),
        (8, 0.8, 0.5, 0.5, 0.04, 0.04),
        (8, 0.8, 2.0, 1.0, 0.04, 0.05),
        (20, 0.7, 1.0, 4.0, 0.03, 0.03),
        (1, 0.7, 1.0, 2.0, 0.12, 0.25),
    ],
)
def test_simulated_lognormal_queues_stay_within_the_known_error(
    servers: int,
    rho: float,
    arrival_cv2: float,
    service_cv2: float,
    error_p95: float,
    error_p99: float,
) -> None:
    generator = np.random.default_rng(20_240_612)
    mean_gap = 1 / (servers * rho)
    gaps = generator.gamma(1 / arrival_cv2, arrival_cv2 * mean_gap, 300_000)
    _, sojourns = _simulated(servers, gaps, _lognormal(generator, service_cv2, gaps.size))
    spread = {"arrival_cv2": arrival_cv2, "service_cv2": service_cv2}
    p95, p99 = sojourn_quantile_ms([0.95, 0.99], servers, servers * rho, SECOND, **spread) / SECOND
    assert p95 == pytest.approx(np.quantile(sojourns, 0.95), rel=error_p95)
    assert p99 == pytest.approx(np.quantile(sojourns, 0.99), rel=error_p99)


def test_another_simulator_agrees() -> None:
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(2.4)],
        service_distributions=[ciw.dists.Exponential(1.0)],
        number_of_servers=[4],
    )
    ciw.seed(5)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(10_000)
    records = [r for r in simulation.get_all_records() if r.arrival_date > 300]
    sojourns = np.array([r.waiting_time + r.service_time for r in records])
    exact = float(sojourn_quantile_ms(0.95, 4, 2.4, SECOND)) / SECOND
    assert np.quantile(sojourns, 0.95) == pytest.approx(exact, rel=0.05)
    assert np.mean(sojourns > 4) == pytest.approx(
        float(sojourn_tail(4 * SECOND, 4, 2.4, SECOND)), rel=0.15
    )

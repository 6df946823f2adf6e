"""Mean, p50, p95 and p99 of the sojourn against queues run event by event.

3 % for M/M/c, 10 % for all else; wider only by the oracle's own 95 % interval, which must be less
than half of that.
"""

from __future__ import annotations

import numpy as np
import pytest

from planner.latency.queueing import mean_wait_ms, sojourn_quantile_ms
from tests.oracles.queue_events import (
    Estimate,
    Queue,
    assert_within,
    by_events,
    by_workload,
    single_server,
)

SECOND = 1000.0
MARKOV, OTHER = 0.03, 0.10
PLACES = [(c, rho) for c in (1, 2, 4, 8, 20, 60) for rho in (0.3, 0.5, 0.7, 0.9)]
EVEN, ODD = PLACES[::2], PLACES[1::2]
FEW = [(1, 0.9), (2, 0.5), (4, 0.7), (8, 0.5), (20, 0.7), (60, 0.5)]
"""All 24 places took ten minutes, with the same verdict: each coefficient has its own dozen."""


def requests(rho: float) -> int:
    """Requests of one replication: calm queues tell as much with fewer."""
    return 4000 if rho < 0.6 else 10_000


def predicted(queue: Queue) -> np.ndarray:
    """The planner's figures, in mean service times."""
    where = (queue.servers, queue.servers * queue.rho, SECOND)
    spread = {"arrival_cv2": queue.arrival_cv2, "service_cv2": queue.service_cv2}
    mean = SECOND + mean_wait_ms(*where, **spread)
    quantiles = sojourn_quantile_ms(np.array([0.5, 0.95, 0.99]), *where, **spread)
    return np.array([mean, *quantiles]) / SECOND


@pytest.mark.parametrize(
    ("queue", "error"),
    [
        (Queue(4, 0.7, markov=True), MARKOV),
        (Queue(60, 0.9, markov=True), MARKOV),
        (Queue(2, 0.7, 1.0, 0.9), OTHER),
        (Queue(8, 0.8, 1.0, 0.25), OTHER),
        (Queue(3, 0.7, 1.0, 2.0), OTHER),
        (Queue(16, 0.8, 1.0, 4.0), OTHER),
        (Queue(6, 0.6, 4.0, 0.5), OTHER),
        (Queue(2, 0.6, 0.5, 1.5), OTHER),
    ],
)
def test_some_queues_within_seconds(queue: Queue, error: float) -> None:
    assert_within(predicted(queue), by_workload(queue, 2000, 1000, seed=41), error)


@pytest.mark.parametrize("rho", [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98])
@pytest.mark.parametrize("service_cv2", [0.25, 0.9, 1.25, 2.0, 3.1, 4.0])
def test_one_server_is_that_of_pollaczek_and_khinchine(rho: float, service_cv2: float) -> None:
    queue = Queue(1, rho, 1.0, service_cv2)
    exact = single_server(queue, step=0.005 / (1 - rho))
    assert_within(predicted(queue), Estimate(exact, np.zeros(4)), OTHER)


@pytest.mark.parametrize(
    "queue", [Queue(4, 0.6, markov=True), Queue(2, 0.5, 1.0, 2.0), Queue(5, 0.6, 2.0, 0.5)]
)
def test_the_oracles_agree(queue: Queue) -> None:
    events = by_events(queue, 1000, seed=5)
    workload = by_workload(queue, 2000, 1000, seed=6)
    apart = np.abs(events.value - workload.value)
    assert (apart <= 1.5 * (events.half_width + workload.half_width)).all()
    assert (events.half_width < 0.2 * events.value).all()


def test_the_exact_oracle_agrees_with_events() -> None:
    queue = Queue(1, 0.6, 1.0, 3.0)
    workload = by_workload(queue, 4000, 1000, seed=7)
    apart = np.abs(single_server(queue) - workload.value)
    assert (apart <= 1.5 * workload.half_width + 0.01).all()


@pytest.mark.slow
@pytest.mark.parametrize(("servers", "rho"), PLACES)
def test_markov_queues(servers: int, rho: float) -> None:
    queue = Queue(servers, rho, markov=True)
    truth = by_workload(queue, 2000, requests(rho), seed=77, rounds=2 if rho > 0.8 else 1)
    assert_within(predicted(queue), truth, MARKOV)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("servers", "rho", "service_cv2"), [(*at, 0.25) for at in EVEN] + [(*at, 0.9) for at in ODD]
)
def test_calm_services(servers: int, rho: float, service_cv2: float) -> None:
    queue = Queue(servers, rho, 1.0, service_cv2)
    assert_within(predicted(queue), by_workload(queue, 2000, requests(rho), seed=77), OTHER)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("servers", "rho", "service_cv2"), [(*at, 1.5) for at in EVEN] + [(*at, 4.0) for at in ODD]
)
def test_restless_services(servers: int, rho: float, service_cv2: float) -> None:
    queue = Queue(servers, rho, 1.0, service_cv2)
    truth = by_workload(queue, 2000, requests(rho), seed=77, rounds=4 if rho > 0.8 else 1)
    assert_within(predicted(queue), truth, OTHER)


@pytest.mark.slow
@pytest.mark.parametrize(("arrival_cv2", "service_cv2"), [(2.0, 2.0), (4.0, 0.5), (4.0, 4.0)])
@pytest.mark.parametrize(("servers", "rho"), FEW)
def test_restless_arrivals(
    servers: int, rho: float, arrival_cv2: float, service_cv2: float
) -> None:
    queue = Queue(servers, rho, arrival_cv2, service_cv2)
    truth = by_workload(queue, 2000, requests(rho), seed=77, rounds=4 if rho > 0.8 else 1)
    assert_within(predicted(queue), truth, OTHER)


@pytest.mark.slow
@pytest.mark.parametrize("service_cv2", [1.5, 4.0])
@pytest.mark.parametrize(
    ("servers", "rho", "replications"), [(300, 0.95, 400), (3, 0.85, 4000), (12, 0.9, 4000)]
)
def test_between_and_beyond_the_numbers_of_servers_that_are_simulated(
    servers: int, rho: float, replications: int, service_cv2: float
) -> None:
    queue = Queue(servers, rho, 1.0, service_cv2)
    assert_within(predicted(queue), by_workload(queue, replications, 10_000, seed=78), OTHER)

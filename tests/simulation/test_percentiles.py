"""95th percentiles against exact tails, against an event simulation, and against closed forms."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from planner.latency.queueing import sojourn_tail
from planner.latency.station import station
from planner.problem.arrays import Floats, Problem, Solution
from planner.simulation.mixture import tail_table
from planner.simulation.replay import simulate
from tests.oracles.carried import carried_rps
from tests.oracles.instances import random_problem
from tests.oracles.p95_loop import origin_tail, region_tail
from tests.oracles.solutions import random_solution


def assert_crosses(
    tail: Callable[[float], float], t_ms: float, near_ms: float, error: float
) -> None:
    """Check that the tail passes 5 % at `t_ms`, and that there is one only if there are users."""
    late, early = tail(t_ms + near_ms), tail(t_ms - near_ms)
    assert np.isnan(late) == np.isnan(t_ms)
    assert np.isnan(t_ms) or early > 0.05 - error
    assert np.isnan(t_ms) or late < 0.05 + error


@pytest.mark.parametrize(("seed", "cv2"), [(0, 1.0), (1, 1.0), (2, 1.0), (3, 2.0), (4, 0.0)])
def test_percentiles_are_those_of_exact_tails(seed: int, cv2: float) -> None:
    problem = random_problem(seed, services=2, origins=3, regions=3, hours=2, order=1)
    spread = np.full(2, cv2)
    problem = replace(problem, queue=replace(problem.queue, service_cv2=spread))
    solution = random_solution(problem, seed, plenty=2)
    found = simulate(problem, solution)
    judged, error = (problem, solution, carried_rps(found)), 1e-3 if cv2 == 2 else 1e-4
    # The table smears the step of a constant service over a hundredth of its length.
    near_ms = problem.queue.service_time_ms / 50 if cv2 == 0 else np.full(2, 2e-4)
    for k, s, o in np.ndindex(*found.state_p95_ms.shape):
        if problem.must_survive[k]:
            tail = partial(origin_tail, *judged, (k, s, o))
            assert_crosses(tail, float(found.state_p95_ms[k, s, o]), float(near_ms[s]), error)
    for s, r in np.ndindex(*found.region_p95_ms.shape):
        tail = partial(region_tail, *judged, (s, r))
        assert_crosses(tail, float(found.region_p95_ms[s, r]), float(near_ms[s]), error)
    assert np.isnan(found.state_p95_ms[~problem.must_survive]).all()


@pytest.mark.parametrize(
    ("arrival_cv2", "service_cv2", "error"),
    [(1.0, 1.0, 1e-4), (1.0, 2.0, 1e-3), (2.0, 0.5, 1e-3), (1.0, 0.1, 1e-3)],
)
def test_tables_keep_their_error(arrival_cv2: float, service_cv2: float, error: float) -> None:
    servers, rate = np.array([1, 4, 64, 16]), np.array([5.0, 95.0, 1500.0, 12.0])
    ones, which = np.ones(4), np.arange(4)[:, None]
    queues = station(servers, rate, 40.0 * ones, arrival_cv2 * ones, service_cv2 * ones)
    t_ms = np.linspace(0.0, 600.0, 701)[None]
    table = tail_table(queues).at(which, np.broadcast_to(t_ms, (4, 701)))
    exact = sojourn_tail(
        t_ms,
        servers[:, None],
        rate[:, None],
        40.0,
        arrival_cv2=arrival_cv2,
        service_cv2=service_cv2,
    )
    assert np.abs(table - exact).max() < error


def test_alone_without_network_it_is_the_exponential() -> None:
    problem, solution = lone_origin()
    network = replace(
        problem.network,
        point_rtt_ms=np.zeros((1, 1, 2)),
        new_connection_share=np.zeros(1),
        region_rtt_ms=np.zeros((2, 2)),
    )
    calm = replace(problem, network=network, demand_rps=np.full((1, 1, 1), 1e-6))
    found = simulate(calm, solution)
    assert found.origin_p95_ms[0, 0] == pytest.approx(np.log(20) * 30.0, rel=1e-4)


def lone_origin() -> tuple[Problem, Solution]:
    """One origin, 70 % to region 0 and 30 % to region 1; home calls go to region 0."""
    base = random_problem(0, services=1, origins=1, regions=2, hours=1, order=1)
    states = len(base.axes.states)
    problem = replace(
        base,
        demand_rps=np.full((1, 1, 1), 200.0),
        rtt_ms=np.array([[20.0, 90.0]]),
        state_rtt_ms=np.broadcast_to([[20.0, 90.0]], (states, 1, 2)).copy(),
        state_admissible=np.ones((states, 1, 1, 2), dtype=bool),
        home_share=np.array([0.3]),
        home_region=np.zeros((states, 1), dtype=np.int64),
        rps_per_replica=np.full((1, 2), 4 * 1000 / 30.0),
        uplink_gbps=np.full(2, 100.0),
        ceiling_emergency_share=0.95,
        queue=replace(
            base.queue, workers_per_replica=np.array([4]), service_time_ms=np.array([30.0])
        ),
        network=replace(
            base.network,
            point_rtt_ms=np.array([[[15.0, 80.0], [40.0, 130.0]]])[:, :1],
            point_share=np.array([[1.0]]),
            region_rtt_ms=np.array([[0.0, 70.0], [70.0, 0.0]]),
            new_connection_share=np.array([0.2]),
            setup_round_trips=np.array([2.0]),
        ),
    )
    solution = replace(
        random_solution(problem, 0),
        replicas=np.array([[2, 1]]),
        host=np.zeros(2, dtype=np.int64),
        origin=np.zeros(2, dtype=np.int64),
        order=np.array([[0, 1], [1, 0]]),
        share=np.array([0.7, 0.3]),
    )
    return problem, solution


def sojourns_ms(
    rng: np.random.Generator, servers: int, rps: float, service_ms: float, count: int
) -> Floats:
    """Simulate a first-come first-served queue event by event."""
    arrivals = np.cumsum(rng.exponential(1000 / rps, count))
    services = rng.exponential(service_ms, count)
    free, left = [0.0] * servers, np.empty(count)
    for i, (arrival, service) in enumerate(zip(arrivals.tolist(), services.tolist(), strict=True)):
        left[i] = max(arrival, free[0]) + service
        heapq.heapreplace(free, left[i])
    return (left - arrivals)[count // 20 :]


def test_a_mixture_is_what_events_say() -> None:
    problem, solution = lone_origin()
    points = replace(
        problem.network,
        point_rtt_ms=np.array([[[15.0, 80.0], [40.0, 130.0]]]),
        point_share=np.array([[0.6, 0.4]]),
    )
    problem = replace(problem, network=points)
    found = simulate(problem, solution)
    assert found.utilisation_share[0, 0, :, 0] == pytest.approx([0.525, 0.45])
    rng, network = np.random.default_rng(11), problem.network
    parts = []
    for region, (share, servers) in enumerate([(0.7, 8), (0.3, 4)]):
        queue = sojourns_ms(rng, servers, 200 * share, 30.0, int(500_000 * share))
        size = queue.size
        point = rng.random(size) < 0.4
        leg = network.point_rtt_ms[0, point.astype(int), region]
        trips = 1 + 2 * (rng.random(size) < 0.2)
        jitter = rng.choice(network.jitter_factor, size, p=network.jitter_share)
        called = rng.random(size) < 0.3
        round_trips_ms = leg * trips + called * network.region_rtt_ms[region, 0]
        parts.append(queue + round_trips_ms * jitter)
        by_region = float(np.quantile(parts[-1], 0.95))
        assert found.region_p95_ms[0, region] == pytest.approx(by_region, rel=0.01)
    everyone = float(np.quantile(np.concatenate(parts), 0.95))
    assert found.origin_p95_ms[0, 0] == pytest.approx(everyone, rel=0.01)


def test_more_load_is_never_faster() -> None:
    problem, solution = lone_origin()
    found = [
        simulate(replace(problem, demand_rps=np.full((1, 1, 1), rps)), solution).origin_p95_ms[0, 0]
        for rps in (50.0, 150.0, 250.0, 350.0)
    ]
    assert found == sorted(found)
    assert found[-1] > found[0] + 1

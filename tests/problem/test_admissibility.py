"""Late requests against requests that are drawn one by one and queue for workers."""

from __future__ import annotations

import heapq
from dataclasses import replace

import numpy as np
import pytest

from planner.problem.admissibility import (
    PROMISED_PROBABILITY,
    Requests,
    admissible_states,
    late_probability,
)
from planner.problem.arrays import Floats, Ints, Network, Problem, Queue
from planner.problem.reach import reachable_p95_ms
from tests.oracles.instances import random_problem

DRAWN = 200_000
ORIGINS, POINTS, REGIONS = 2, 3, 2


def network(rng: np.random.Generator) -> Network:
    share = rng.dirichlet(np.ones(POINTS), ORIGINS)
    share[1] = [0.6, 0.4, 0.0]
    return Network(
        point_rtt_ms=rng.uniform(5, 120, (ORIGINS, POINTS, REGIONS)),
        point_share=share,
        region_rtt_ms=np.array([[0.0, 60.0], [60.0, 0.0]]),
        new_connection_share=np.array([0.15]),
        setup_round_trips=np.array([2.0]),
        jitter_factor=np.array([0.95, 1.0, 1.4]),
        jitter_share=np.array([0.3, 0.6, 0.1]),
    )


def requests(workers: int, service_ms: float, least: list[int], home_share: float) -> Requests:
    one = np.ones(1)
    return Requests(
        queue=Queue(np.array([workers]), service_ms * one, one, one),
        home_share=home_share * one,
        rps_per_replica=np.full((1, REGIONS), workers * 1000 / service_ms),
        min_replicas=np.array([least]),
    )


def queued(rng: np.random.Generator, servers: int, arrival_rps: float, service_ms: float) -> Floats:
    """Return sojourns of Poisson arrivals at `servers` workers, first come first served."""
    arrivals = np.cumsum(rng.exponential(1000 / arrival_rps, DRAWN)).tolist()
    work = rng.exponential(service_ms, DRAWN).tolist()
    free = [0.0] * servers
    took = []
    for at, need in zip(arrivals, work, strict=True):
        done = max(at, heapq.heappop(free)) + need
        heapq.heappush(free, done)
        took.append(done - at)
    return np.array(took)


@pytest.mark.parametrize(
    ("seed", "workers", "least", "ceiling", "home"),
    [(1, 4, [1, 2], 0.6, 0), (2, 8, [2, 1], 0.8, 1), (3, 1, [1, 3], 0.7, -1)],
)
def test_late_requests_are_as_many_as_simulated(
    seed: int, workers: int, least: list[int], ceiling: float, home: int
) -> None:
    rng = np.random.default_rng(seed)
    net, asked = network(rng), requests(workers, 40.0, least, 0.3)
    for region in range(REGIONS):
        servers = workers * least[region]
        sojourn = queued(rng, servers, ceiling * servers / 0.040, 40.0)
        for origin in range(ORIGINS):
            point = rng.choice(POINTS, DRAWN, p=net.point_share[origin])
            jitter = rng.choice(net.jitter_factor, DRAWN, p=net.jitter_share)
            trips = np.where(rng.random(DRAWN) < 0.15, 3.0, 1.0)
            away = (rng.random(DRAWN) < 0.3) & (home >= 0)
            to_home = net.region_rtt_ms[region, home] * away
            network_ms = jitter * (net.point_rtt_ms[origin, point, region] * trips + to_home)
            total = network_ms + sojourn
            for limit in (60.0, 150.0, 300.0):
                late = late_probability(
                    net, asked, 0, limit, ceiling, home, net.point_rtt_ms, net.region_rtt_ms
                )
                drawn = float((total > limit).mean())
                assert late[origin, region] == pytest.approx(drawn, abs=6e-3)


def test_a_cut_path_is_late_for_certain_unless_nobody_lives_there() -> None:
    net, asked = network(np.random.default_rng(4)), requests(4, 40.0, [1, 1], 0.0)
    point = net.point_rtt_ms.copy()
    point[1, 2, 0] = np.inf
    late = late_probability(net, asked, 0, 1e6, 0.6, -1, point, net.region_rtt_ms)
    assert late == pytest.approx(np.zeros((2, 2)), abs=1e-9)
    point[1, 1, 0] = np.inf
    late = late_probability(net, asked, 0, 1e6, 0.6, -1, point, net.region_rtt_ms)
    assert late[1, 0] == pytest.approx(0.4)
    home = net.region_rtt_ms.copy()
    home[0, 1] = home[1, 0] = np.inf
    called = requests(4, 40.0, [1, 1], 0.3)
    late = late_probability(net, called, 0, 1e6, 0.6, 1, net.point_rtt_ms, home)
    assert late[0] == pytest.approx([0.3, 0.0])


def test_more_replicas_are_never_later() -> None:
    # What makes capacity linear in replicas: the same utilisation on more servers waits less.
    net = network(np.random.default_rng(5))
    for ceiling in (0.5, 0.8, 0.95):
        before = np.ones((2, 2))
        for least in (1, 2, 4, 8):
            asked = requests(2, 40.0, [least, least], 0.2)
            late = late_probability(
                net, asked, 0, 200.0, ceiling, 0, net.point_rtt_ms, net.region_rtt_ms
            )
            assert (late <= before + 1e-12).all()
            before = late


def states_of(
    net: Network, asked: Requests, limits: tuple[float, float], home: Ints, up: list[list[bool]]
) -> np.ndarray:
    point = np.repeat(net.point_rtt_ms[None], len(up), axis=0)
    between = np.repeat(net.region_rtt_ms[None], len(up), axis=0)
    return admissible_states(
        net,
        asked,
        allowed=np.array([[[True, True], [True, False]]]),
        region_up=np.array(up),
        home_region=home,
        situation=np.arange(len(up)),
        point_rtt_ms=point,
        region_rtt_ms=between,
        limit_ms=np.array([limits[0]]),
        emergency_limit_ms=np.array([limits[1]]),
        ceilings=(0.6, 0.8),
    )


def test_states_take_their_own_limit_ceiling_and_home() -> None:
    net, asked = network(np.random.default_rng(6)), requests(4, 40.0, [1, 1], 0.3)
    home = np.array([[0], [1], [0]])
    up = [[True, True], [False, True], [True, True]]
    found = states_of(net, asked, (280.0, 330.0), home, up)
    for state, (limit, ceiling) in enumerate([(280.0, 0.6), (330.0, 0.8), (330.0, 0.8)]):
        late = late_probability(
            net,
            asked,
            0,
            limit,
            ceiling,
            int(home[state, 0]),
            net.point_rtt_ms,
            net.region_rtt_ms,
        )
        expected = (late <= 1 - PROMISED_PROBABILITY) & np.array(up[state])
        expected[1, 1] = False
        assert (found[state, 0] == expected).all()
    assert found.any()
    assert not found.all()


def test_a_limit_just_reached_is_kept_and_one_just_missed_is_not() -> None:
    problem = random_problem(9, services=2, hours=1)
    problem = replace(problem, min_replicas=np.maximum(problem.min_replicas, 1))
    for state, service in ((0, 0), (1, 1)):
        reach = reachable_p95_ms(problem, state, service)
        for shift, kept in ((1e-3, True), (-1e-3, False)):
            found = late(problem, state, service, reach + shift)
            assert ((found <= 0.05) == kept).all()


def late(problem: Problem, state: int, service: int, limit_ms: Floats) -> Floats:
    asked = Requests(
        problem.queue, problem.home_share, problem.rps_per_replica, problem.min_replicas
    )
    detour = problem.state_rtt_ms[state] - problem.rtt_ms
    return late_probability(
        problem.network,
        asked,
        service,
        limit_ms,
        float(problem.ceiling_share[state]),
        int(problem.home_region[state, service]),
        problem.network.point_rtt_ms + detour[:, None, :],
        problem.region_rtt_ms(state),
    )

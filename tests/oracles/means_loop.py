"""Mean response times in plain loops: M/M/c by the textbook recursion, one stream at a time."""

from __future__ import annotations

from collections import defaultdict
from math import inf, isinf

from planner.problem.arrays import Problem
from tests.oracles.replay_loop import Replay, home_rtt

Sums = dict[tuple[int, int, int], list[float]]
"""(state, service, origin or region) to time times requests, and requests."""


def mean_wait_ms(servers: int, rps: float, service_ms: float) -> float:
    """Return the mean wait of M/M/c."""
    offered = rps * service_ms / 1000
    if offered >= servers:
        return inf
    blocked = 1.0
    for c in range(1, servers + 1):
        blocked = offered * blocked / (c + offered * blocked)
    waits = servers * blocked / (servers - offered * (1 - blocked))
    return waits * service_ms / (servers - offered)


def means(problem: Problem, found: Replay) -> tuple[Sums, Sums]:
    """Return sums by origin and by region; queues are M/M/c and nothing is lost on the way."""
    load: dict[tuple[int, int, int, int], float] = defaultdict(float)
    for (k, s, _, r, h), rps in found.taken.items():
        load[k, s, r, h] += rps
    queue = {
        (k, s, r, h): mean_wait_ms(
            found.replicas[k, s, r] * int(problem.queue.workers_per_replica[s]),
            rps,
            float(problem.queue.service_time_ms[s]),
        )
        + float(problem.queue.service_time_ms[s])
        for (k, s, r, h), rps in load.items()
        if rps > 0
    }
    by_origin: Sums = defaultdict(lambda: [0.0, 0.0])
    by_region: Sums = defaultdict(lambda: [0.0, 0.0])
    for (k, s, o, r, h), rps in found.taken.items():
        if rps > 0:
            took = network_ms(problem, k, s, o, r) + queue[k, s, r, h]
            for sums, at in ((by_origin, o), (by_region, r)):
                sums[k, s, at][0] += rps * took
                sums[k, s, at][1] += rps
    return by_origin, by_region


def network_ms(problem: Problem, k: int, s: int, o: int, r: int) -> float:
    """Return the mean of round trips and home calls."""
    network = problem.network
    detour = max(float(problem.state_rtt_ms[k, o, r]) - float(problem.rtt_ms[o, r]), 0.0)
    rtt = 0.0
    for p in range(network.point_share.shape[1]):
        rtt += float(network.point_share[o, p]) * (float(network.point_rtt_ms[o, p, r]) + detour)
    trips = 1 + float(network.new_connection_share[s]) * float(network.setup_round_trips[s])
    jitter = 0.0
    for factor, share in zip(network.jitter_factor, network.jitter_share, strict=True):
        jitter += float(factor) * float(share)
    home = home_rtt(problem, k, s, r)
    calls = 0.0 if isinf(home) else float(problem.home_share[s]) * home
    return jitter * (rtt * trips + calls)

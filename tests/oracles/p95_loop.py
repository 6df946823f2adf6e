"""How many wait longer than t, in plain loops: the exact tail of every hour."""

from __future__ import annotations

from itertools import product

import numpy as np

from planner.latency.queueing import sojourn_tail
from planner.problem.arrays import Floats, Problem, Solution

Part = tuple[float, float, float, int, float, float]
"""Weight, round trip, round trip to home, servers, load, service time."""


def origin_tail(
    problem: Problem, solution: Solution, carried: Floats, where: tuple[int, int, int], t_ms: float
) -> float:
    """Return P(T > t) in the worst hour of a (state, service, origin); NaN without users."""
    k, s, o = where
    hours = [
        [
            part
            for r in range(len(problem.axes.regions))
            for part in _parts(problem, solution, carried, k, s, o, r, h)
        ]
        for h in range(len(problem.axes.hours))
    ]
    return max((_tail(parts, problem, s, t_ms) for parts in hours if parts), default=np.nan)


def region_tail(
    problem: Problem, solution: Solution, carried: Floats, where: tuple[int, int], t_ms: float
) -> float:
    """Return P(T > t) in the worst hour over a region's users of a (service, region)."""
    s, r = where
    hours = [
        [
            part
            for o in range(len(problem.axes.origins))
            for part in _parts(problem, solution, carried, 0, s, o, r, h)
        ]
        for h in range(len(problem.axes.hours))
    ]
    return max((_tail(parts, problem, s, t_ms) for parts in hours if parts), default=np.nan)


def _parts(
    problem: Problem,
    solution: Solution,
    carried: Floats,
    k: int,
    s: int,
    o: int,
    r: int,
    h: int,
) -> list[Part]:
    """Return the points of an origin at a region; weights are requests per second."""
    rps = float(carried[k, s, o, r, h])
    if rps <= 0:
        return []
    home = int(problem.home_region[k, s])
    to_home = float(problem.network.region_rtt_ms[r, home]) if home >= 0 else 0.0
    detour = max(float(problem.state_rtt_ms[k, o, r] - problem.rtt_ms[o, r]), 0.0)
    servers = int(solution.replicas[s, r] * problem.queue.workers_per_replica[s])
    load = float(sum(carried[k, s, :, r, h]))
    service_ms = float(problem.queue.service_time_ms[s])
    return [
        (
            rps * float(problem.network.point_share[o, p]),
            float(problem.network.point_rtt_ms[o, p, r]) + detour,
            to_home,
            servers,
            load,
            service_ms,
        )
        for p in range(problem.network.point_share.shape[1])
    ]


def _tail(parts: list[Part], problem: Problem, s: int, t_ms: float) -> float:
    """Return the mixture's tail."""
    network, total = problem.network, sum(part[0] for part in parts)
    jitter = list(zip(network.jitter_factor.tolist(), network.jitter_share.tolist(), strict=True))
    new, called = float(network.new_connection_share[s]), float(problem.home_share[s])
    trips = [(1.0, 1 - new), (1.0 + float(network.setup_round_trips[s]), new)]
    home = [(0.0, 1 - called), (1.0, called)]
    tail = 0.0
    for weight, rtt, to_home, servers, load, service_ms in parts:
        for (f, p), (n, q), (g, c) in product(jitter, trips, home):
            rest = t_ms - f * (rtt * n + to_home * g)
            later = _sojourn(rest, servers, load, service_ms, problem, s)
            tail += weight / total * p * q * c * later
    return tail


def _sojourn(
    t_ms: float, servers: int, load: float, service_ms: float, problem: Problem, s: int
) -> float:
    """Return the exact tail of the queue."""
    tail = sojourn_tail(
        t_ms,
        servers,
        load,
        service_ms,
        arrival_cv2=problem.queue.arrival_cv2[s],
        service_cv2=problem.queue.service_cv2[s],
    )
    return float(tail)

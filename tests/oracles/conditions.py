"""Random conditions of failure states, for small random problems."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.problem.arrays import Problem
from planner.problem.conditions import Conditions, Tunnels


def troubled(problem: Problem, seed: int) -> Problem:
    """Add what else may go wrong: flash crowds, lost servers, degraded paths, tunnels, cuts."""
    rng = np.random.default_rng(seed)
    states, services = problem.home_region.shape
    _, origins, regions = problem.latency_ms.shape
    rtt = problem.state_rtt_ms.copy()
    rtt[1:][rng.random(rtt[1:].shape) < 0.05] = np.inf
    reachable = problem.state_admissible | (rng.random(problem.state_admissible.shape) < 0.5)
    reachable &= problem.region_up[:, None, None, :] & np.isfinite(rtt)[:, None]
    down = rng.random((states, services)) < 0.1
    down[0] = False
    reachable[down] = False
    factor = np.where(rng.random((states, services, origins)) < 0.3, 3.0, 1.0)
    left = rng.choice([0.0, 0.5, 2 / 3, 1.0, 1.0, 1.0], (states, problem.pools.region.size))
    factor[0], left[0] = 1.0, 1.0
    narrow = rng.choice([0.01, 0.05, 1.0, 1.0], (states, origins, regions))
    narrow[0] = 1.0
    cut = rng.choice([0.0, 0.0, 0.0, 0.3], (states, origins, regions))
    cut[0] = 0.0
    cut[~np.isfinite(rtt)] = 0.0
    tunnels = _tunnels(problem, rng)
    return replace(
        problem,
        state_rtt_ms=rtt,
        state_admissible=problem.state_admissible & reachable,
        state_region_rtt_ms=tunnels.rtt_ms,
        home_share=np.where(rng.random(services) < 0.7, 0.4, 0.0),
        conditions=Conditions(
            reachable=reachable,
            demand_factor=factor if rng.random() < 0.7 else None,
            server_share=left if rng.random() < 0.7 else None,
            control_up=np.ones(states, dtype=bool),
            loss_share=None,
            uplink_share=narrow if rng.random() < 0.7 else None,
            tunnels=tunnels,
            cut_share=cut if rng.random() < 0.7 else None,
        ),
    )


def _tunnels(problem: Problem, rng: np.random.Generator) -> Tunnels:
    """Route a random overlay by Floyd and Warshall."""
    states, regions = problem.region_up.shape
    pairs = [(a, b) for a in range(regions) for b in range(a)]
    ends = np.array([pair for pair in pairs if rng.random() < 0.7] or pairs)
    up = rng.random((states, len(ends))) < 0.85
    up &= problem.region_up[:, ends].all(axis=2)
    capacity = rng.choice([1e-4, 1e-3, np.inf], (states, len(ends)))
    distance = np.full((states, regions, regions), np.inf)
    following = np.full(distance.shape, -1)
    for k in range(states):
        np.fill_diagonal(distance[k], 0.0)
        for link, (a, b) in enumerate(ends):
            if up[k, link]:
                distance[k, a, b] = distance[k, b, a] = 10.0 + link
                following[k, a, b] = following[k, b, a] = link
        for m in range(regions):
            for a in range(regions):
                for b in range(regions):
                    way = distance[k, a, m] + distance[k, m, b]
                    if way < distance[k, a, b]:
                        distance[k, a, b], following[k, a, b] = way, following[k, a, m]
    return Tunnels(
        links=tuple(f"l{i}" for i in range(len(ends))),
        ends=ends,
        capacity_gbps=np.where(up, capacity, 0.0),
        loss_share=np.zeros((states, len(ends))),
        rtt_ms=distance,
        next_link=following,
        way_link=following,
    )

"""A seeded problem with many failure states and a plan for it, as bare arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from generators import survivable_capacity

from planner.problem.arrays import Axes, Bools, Floats, Ints, Problem, Solution

DEPTH = 4
"""Regions in each order."""


def failing(
    seed: int, states: int, regions: int, origins: int, services: int
) -> tuple[Problem, Solution]:
    """Draw a problem in which one to three regions are down in every state, and a plan.

    Origins have three points; a tenth of the requests opens a connection; the first service calls
    its home region with 30 % of its requests.  In each state a twentieth of the paths has a detour
    of 60 ms, and one in a thousand is cut.  Orders are the four nearest regions; a fifth of the
    origins is split 60 : 40 over the two nearest.  Replicas hold the normal load at 55 %, so that
    regions are overloaded in some states.
    """
    base = survivable_capacity(seed, regions, origins, services, 0, steering="static")
    rng = np.random.default_rng(seed)
    up = np.ones((states, regions), dtype=bool)
    for k in range(1, states):
        up[k, rng.choice(regions, rng.integers(1, 4), replace=False)] = False
    rtt = np.broadcast_to(base.rtt_ms, (states, origins, regions)).copy()
    where = rng.random(rtt.shape, dtype=np.float32)
    where[0] = 1
    rtt[where < 0.05] += 60
    rtt[where < 0.001] = np.inf
    homes = np.argsort(rng.random(regions))[:DEPTH]
    home = np.full((states, services), -1)
    home[:, 0] = homes[up[:, homes].argmax(axis=1)]
    allowed = np.ones((services, origins, regions), dtype=bool)
    problem = replace(
        base,
        axes=_axes(base.axes, states),
        state_rtt_ms=rtt,
        region_up=up,
        must_survive=np.arange(states) == 0,
        state_probability=np.full(states, 1 / states),
        home_share=np.where(np.arange(services) == 0, 0.3, 0.0),
        home_region=home,
        admissible=allowed,
        state_admissible=allowed[None] & up[:, None, None, :],
        ceiling_normal_share=0.7,
        ceiling_emergency_share=0.85,
        limit_ms=np.full(services, 300.0),
        emergency_limit_ms=np.full(services, 400.0),
        network=replace(
            base.network,
            point_rtt_ms=base.rtt_ms[:, None, :] * np.array([0.8, 1.0, 1.2])[None, :, None],
            point_share=np.tile([0.3, 0.4, 0.3], (origins, 1)),
            new_connection_share=np.full(services, 0.1),
            setup_round_trips=np.full(services, 2.0),
            jitter_factor=np.array([0.988, 1.0, 1.025, 1.051]),
            jitter_share=np.array([0.2, 0.6, 0.18, 0.02]),
        ),
    )
    return problem, _plan(problem, rng)


def _axes(axes: Axes, states: int) -> Axes:
    """Number the states."""
    return replace(axes, states=tuple(f"state {k}" for k in range(states)))


def _plan(problem: Problem, rng: np.random.Generator) -> Solution:
    """Send each origin to its nearest regions."""
    services, origins = problem.latency_ms.shape[:2]
    order = np.argsort(problem.rtt_ms, axis=1, kind="stable")[:, :DEPTH]
    other = order[:, [1, 0, *range(2, DEPTH)]]
    split: Bools = np.less(rng.random(origins), 0.2)
    first = np.where(split, 0.6, 1.0)
    host = np.repeat(np.arange(services), origins + split.sum())
    columns = np.concatenate([order, other[split]])
    share = np.concatenate([first, np.full(split.sum(), 0.4)])
    origin = np.concatenate([np.arange(origins), np.flatnonzero(split)])
    return Solution(
        replicas=_replicas(problem, columns[:, 0], origin, share),
        host=host,
        origin=np.tile(origin, services),
        order=np.tile(columns, (services, 1)),
        share=np.tile(share, services),
        routing=None,
        objective=0.0,
        bound=0.0,
        status="limit",
        solver="none",
        seed=0,
        seconds=0.0,
    )


def _replicas(problem: Problem, region: Ints, origin: Ints, share: Floats) -> Ints:
    """Return replicas that hold the normal load at 55 %."""
    services, _, regions = problem.latency_ms.shape
    load = np.zeros((services, regions))
    for service in range(services):
        rps = problem.demand_rps[service, origin, 0] * share
        load[service] = np.bincount(region, rps, regions)
    return np.ceil(load / problem.rps_per_replica / 0.55).astype(np.int64) + 1

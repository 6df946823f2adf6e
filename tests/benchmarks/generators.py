"""Seeded instances of known size, for benchmarks; the same draws everywhere."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np

from planner.problem.arrays import (
    Axes,
    Bools,
    Floats,
    Network,
    NodePools,
    Problem,
    Queue,
)

NEAREST = 6
"""Regions that an origin may use."""


def survivable_capacity(
    seed: int,
    regions: int,
    origins: int,
    services: int,
    order: int,
    hours: int = 1,
    *,
    steering: Literal["static", "adaptive"] = "adaptive",
    latency: bool = True,
    load: float = 1 / 1.6,
    risk_groups: int = 0,
) -> Problem:
    """Draw replicas that survive any `order` regions, services sharing each region's CPU.

    Draws, in this order: regions and origins in the unit square; demand, log-normal (3, 1); rates,
    uniform 20 to 60; cost of a replica by region, uniform 20 to 60; cores of a replica, uniform
    0.25 to 2.  Round trips are 200 × distance + 5 ms; an origin may use its 6 nearest regions;
    hour h multiplies origin o by ``1 + 0.6·sin(2π(h/24 + x_o))`` (one hour means the mean rate).
    Each region holds (cores needed at the mean rate) / load / (regions − order) cores, one server:
    `load` is the part of the survivors' cores that the mean rate needs, 1/1.6 by default.

    Ours, after all other draws: `risk_groups` groups of 3 regions, each drawn without replacement,
    each of them a further state in which its regions are down.
    """
    rng = np.random.default_rng(seed)
    region, origin = rng.random((regions, 2)), rng.random((origins, 2))
    rtt = 200 * np.linalg.norm(origin[:, None] - region[None], axis=2) + 5
    mean_rps = rng.lognormal(3, 1, (services, origins))
    rate = rng.uniform(20, 60, services)
    cost = rng.uniform(20, 60, regions)
    cores = rng.uniform(0.25, 2, services)
    needed = float((mean_rps.sum(axis=1) / rate * cores).sum())
    held = (1.6 * needed if load == 1 / 1.6 else needed / load) / (regions - order)
    up = _all_losses(regions, order)
    for _ in range(risk_groups):
        gone = np.isin(np.arange(regions), rng.choice(regions, 3, replace=False))
        up = np.vstack([up, ~gone])
    allowed = np.zeros((origins, regions), dtype=bool)
    np.put_along_axis(allowed, np.argsort(rtt, axis=1, kind="stable")[:, :NEAREST], True, axis=1)
    admissible = np.broadcast_to(allowed, (services, origins, regions)).copy()
    demand = _by_hour(mean_rps, origin[:, 0], hours)
    shape = (services, regions)
    most = np.floor(held / cores).astype(np.int64)
    return Problem(
        axes=_axes(services, origins, regions, hours, up),
        host_of_service=np.arange(services),
        demand_rps=demand,
        rtt_ms=rtt,
        state_rtt_ms=np.broadcast_to(rtt, (len(up), *rtt.shape)).copy(),
        latency_ms=np.broadcast_to(rtt, (services, *rtt.shape)).copy(),
        region_up=up,
        must_survive=np.ones(len(up), dtype=bool),
        state_probability=np.where((~up).sum(axis=1) == 0, 0.9, 0.1 / max(len(up) - 1, 1)),
        home_share=np.zeros(services),
        home_region=np.full((len(up), services), -1),
        admissible=admissible,
        state_admissible=admissible[None] & up[:, None, None, :],
        limit_ms=np.full(services, 1000.0),
        emergency_limit_ms=np.full(services, 1000.0),
        rps_per_replica=np.repeat(rate[:, None], regions, axis=1),
        ceiling_normal_share=1.0,
        ceiling_emergency_share=1.0,
        cpu_cores=cores,
        memory_gib=np.full(services, 1e-6),
        surge_replicas=np.zeros(services, dtype=np.int64),
        pools=_one_server_each(regions, held),
        survive_server_loss=False,
        uplink_gbps=np.full(regions, 1e6),
        payload_kib=np.full(services, 1.0),
        min_replicas=np.ones(shape, dtype=np.int64),
        max_replicas=np.repeat(most[:, None], regions, axis=1),
        pinned=np.zeros(shape, dtype=bool),
        cost_usd_month=np.repeat(cost[None], services, axis=0),
        fixed_cost_usd_month=np.zeros(regions),
        usd_per_ms=0.02 * float(demand.mean(axis=2).sum()) if latency else 0.0,
        usd_per_lost_request=0.0,
        steering=steering,
        split_origins=True,
        queue=Queue(
            workers_per_replica=np.ones(services, dtype=np.int64),
            service_time_ms=1000 / rate,
            arrival_cv2=np.ones(services),
            service_cv2=np.ones(services),
        ),
        network=_plain_network(rtt, region, services),
    )


def _all_losses(regions: int, order: int) -> Bools:
    """Return all subsets of at most `order` regions down, all up first, shape (K, R)."""
    lost = [c for down in range(order + 1) for c in combinations(range(regions), down)]
    up = np.ones((len(lost), regions), dtype=bool)
    for state, gone in enumerate(lost):
        up[state, list(gone)] = False
    return up


def _by_hour(mean_rps: Floats, x: Floats, hours: int) -> Floats:
    """Multiply demand by the daily curve of each origin, shape (S, O, H)."""
    if hours == 1:
        return mean_rps[:, :, None].copy()
    clock = np.arange(hours)[None] / 24 + x[:, None]
    demand: Floats = mean_rps[:, :, None] * (1 + 0.6 * np.sin(2 * np.pi * clock))[None]
    return demand


def _axes(services: int, origins: int, regions: int, hours: int, up: Bools) -> Axes:
    """Name everything by letter and number."""
    return Axes(
        services=tuple(f"s{i}" for i in range(services)),
        origins=tuple(f"o{i}" for i in range(origins)),
        regions=tuple(f"r{i}" for i in range(regions)),
        hours=tuple(range(hours)),
        states=tuple("+".join(f"r{i}" for i in np.flatnonzero(~row)) or "all up" for row in up),
        hosts=tuple(f"s{i}.example" for i in range(services)),
    )


def _one_server_each(regions: int, cores: float) -> NodePools:
    """Return one large server a region, so that the packing limit is one on cores."""
    return NodePools(
        region=np.arange(regions),
        cpu_cores=np.full(regions, cores),
        memory_gib=np.full(regions, 1e9),
        pods=np.full(regions, 1e9),
        servers=np.ones(regions, dtype=np.int64),
        server_cost_usd_month=np.zeros(regions),
        names=tuple(f"r{i}/pool" for i in range(regions)),
    )


def _plain_network(rtt: Floats, region: Floats, services: int) -> Network:
    """Return a network of single points without jitter or new connections."""
    return Network(
        point_rtt_ms=rtt[:, None, :].copy(),
        point_share=np.ones((len(rtt), 1)),
        region_rtt_ms=200 * np.linalg.norm(region[:, None] - region[None], axis=2),
        new_connection_share=np.zeros(services),
        setup_round_trips=np.zeros(services),
        jitter_factor=np.ones(1),
        jitter_share=np.ones(1),
    )

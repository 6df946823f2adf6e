"""Small random problems as bare arrays, made to touch every rule of `planner.problem.arrays`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from planner.problem.arrays import (
    Axes,
    Bools,
    Floats,
    Ints,
    Network,
    NodePools,
    Problem,
    Queue,
)
from planner.units import KIB_BITS


@dataclass(frozen=True)
class _Size:
    """Lengths of the axes."""

    services: int
    origins: int
    regions: int
    hours: int


def random_problem(
    seed: int,
    *,
    services: int | None = None,
    origins: int | None = None,
    regions: int | None = None,
    hours: int | None = None,
    order: int | None = None,
    steering: Literal["static", "adaptive"] = "static",
    split_origins: bool | None = None,
    max_replicas: int = 3,
) -> Problem:
    """Draw a small problem; what is None is drawn too.

    Each origin keeps at least `order` + 1 regions for each host name, so that most problems are
    feasible; packing and uplinks bind in some of them.
    """
    rng = np.random.default_rng(seed)
    size = _Size(
        services or int(rng.integers(1, 4)),
        origins or int(rng.integers(2, 7)),
        regions or int(rng.integers(2, 5)),
        hours or int(rng.integers(1, 4)),
    )
    most = min(size.regions - 1, 2)
    depth = order if order is not None else int(rng.choice([1, 1, most]))
    host = _hosts(rng, size)
    up, promised = _states(rng, size, depth)
    admissible = _admissible(rng, size, depth, host)
    demand = _demand(rng, size)
    rtt, region_rtt = _geography(rng, size)
    state_rtt = rtt + np.where(rng.random((len(up), *rtt.shape)) < 0.15, 40.0, 0.0)
    state_rtt[0] = rtt
    home_share, home = _homes(rng, size, up)
    new_share, setup = rng.uniform(0, 0.3, size.services), np.full(size.services, 2.0)
    latency = rtt[None] * (1 + new_share * setup)[:, None, None]
    latency = latency + home_share[:, None, None] * region_rtt[home[0]][:, None, :]
    payload = rng.uniform(5, 200, size.services)
    rates = _rates(rng, size, demand, depth, max_replicas)
    workers = rng.integers(1, 9, size.services)
    names = _axes(size, up, int(host.max()) + 1)
    points = rng.uniform(0.8, 1.2, (size.origins, 2))
    points[:, 1] = 2 - points[:, 0]
    minimum, maximum = _bounds(rng, size, max_replicas)
    return Problem(
        axes=names,
        host_of_service=host,
        demand_rps=demand,
        rtt_ms=rtt,
        state_rtt_ms=state_rtt,
        latency_ms=latency,
        region_up=up,
        must_survive=promised,
        state_probability=_probabilities(rng, len(up)),
        home_share=home_share,
        home_region=home,
        admissible=admissible,
        state_admissible=_state_admissible(rng, size, depth, admissible, up),
        limit_ms=np.full(size.services, 400.0),
        emergency_limit_ms=np.full(size.services, 600.0),
        rps_per_replica=rates,
        ceiling_normal_share=0.7,
        ceiling_emergency_share=float(rng.choice([0.7, 0.85])),
        surge_replicas=rng.integers(0, 2, size.services),
        **_machines(rng, size),
        uplink_gbps=_uplinks(rng, size, demand, payload),
        payload_kib=payload,
        min_replicas=minimum,
        max_replicas=maximum,
        pinned=(rng.random((size.services, size.regions)) < 0.1) & (maximum > 0),
        cost_usd_month=rng.uniform(20, 60, (size.services, size.regions)),
        fixed_cost_usd_month=rng.choice([0.0, 1.0]) * rng.uniform(0, 100, size.regions),
        usd_per_ms=float(rng.choice([0.0, rng.uniform(0.05, 3)])),
        usd_per_lost_request=float(rng.choice([0.0, 10 ** rng.uniform(-5, -3)])),
        steering=steering,
        split_origins=bool(rng.random() < 0.7) if split_origins is None else split_origins,
        queue=Queue(
            workers_per_replica=workers,
            service_time_ms=1000 * workers / rates.max(axis=1),
            arrival_cv2=np.ones(size.services),
            service_cv2=np.ones(size.services),
        ),
        network=Network(
            point_rtt_ms=rtt[:, None, :] * points[:, :, None],
            point_share=np.full((size.origins, 2), 0.5),
            region_rtt_ms=region_rtt,
            new_connection_share=new_share,
            setup_round_trips=setup,
            jitter_factor=np.array([0.9, 1.0, 1.3]),
            jitter_share=np.array([0.3, 0.5, 0.2]),
        ),
    )


def _axes(size: _Size, up: Bools, hosts: int) -> Axes:
    """Name everything by letter and number."""
    regions = tuple(f"r{i}" for i in range(size.regions))
    states = [
        "+".join(name for name, alive in zip(regions, row, strict=True) if not alive) for row in up
    ]
    return Axes(
        services=tuple(f"s{i}" for i in range(size.services)),
        origins=tuple(f"o{i}" for i in range(size.origins)),
        regions=regions,
        hours=tuple(range(size.hours)),
        states=tuple(f"{k}: {name or 'all up'}" for k, name in enumerate(states)),
        hosts=tuple(f"h{i}.example" for i in range(hosts)),
    )


def _hosts(rng: np.random.Generator, size: _Size) -> Ints:
    """Put services behind host names, some behind the same."""
    host = np.zeros(size.services, dtype=np.int64)
    for service in range(1, size.services):
        shared = rng.random() < 0.4
        host[service] = rng.integers(host[:service].max() + 1) if shared else host.max() + 1
    return host


def _states(rng: np.random.Generator, size: _Size, depth: int) -> tuple[Bools, Bools]:
    """Draw which regions are up in each state, and which states are promised."""
    lost: list[tuple[tuple[int, ...], bool]] = [((), True)]
    for down in range(1, depth + 1):
        lost += [(regions, True) for regions in combinations(range(size.regions), down)]
    lost += [((), bool(rng.random() < 0.5)) for _ in range(int(rng.integers(0, 2)))]
    beyond = list(combinations(range(size.regions), depth + 1))
    count = int(rng.integers(0, min(len(beyond), 3) + 1))
    lost += [(beyond[i], False) for i in rng.choice(len(beyond), count, replace=False)]
    up = np.ones((len(lost), size.regions), dtype=bool)
    for state, (regions, _) in enumerate(lost):
        up[state, list(regions)] = False
    return up, np.array([promised for _, promised in lost])


def _probabilities(rng: np.random.Generator, states: int) -> Floats:
    """Draw probabilities; the normal state takes most of what is left."""
    probability = 10 ** rng.uniform(-4, -2, states)
    probability[0] = 0.95
    return probability


def _geography(rng: np.random.Generator, size: _Size) -> tuple[Floats, Floats]:
    """Scatter origins and regions over a square; 200 ms along its side."""
    region, origin = rng.random((size.regions, 2)), rng.random((size.origins, 2))
    between = 200 * np.linalg.norm(region[:, None] - region[None], axis=2)
    return 200 * np.linalg.norm(origin[:, None] - region[None], axis=2) + 5, between


def _homes(rng: np.random.Generator, size: _Size, up: Bools) -> tuple[Floats, Ints]:
    """Draw the share of home calls and the first surviving of one or two home regions."""
    share = np.where(rng.random(size.services) < 0.5, 0.0, rng.uniform(0, 0.5, size.services))
    home = np.full((len(up), size.services), -1, dtype=np.int64)
    for service in np.flatnonzero(share):
        for region in rng.permutation(size.regions)[: rng.integers(1, 3)][::-1]:
            home[up[:, region], service] = region
    return share, home


def _admissible(rng: np.random.Generator, size: _Size, depth: int, host: Ints) -> Bools:
    """Draw the regions that may serve each origin, nearly alike for the services of a host."""
    allowed = np.zeros((size.services, size.origins, size.regions), dtype=bool)
    least = min(depth + 1, size.regions)
    for name in range(int(host.max()) + 1):
        for origin in range(size.origins):
            count = int(rng.integers(least, size.regions + 1))
            allowed[host == name, origin, :] = False
            for region in rng.permutation(size.regions)[:count]:
                allowed[host == name, origin, region] = True
    return allowed | (rng.random(allowed.shape) < 0.1)


def _state_admissible(
    rng: np.random.Generator, size: _Size, depth: int, admissible: Bools, up: Bools
) -> Bools:
    """Let the emergency limit add regions, and a detour take some away; `depth` + 1 remain."""
    states = np.broadcast_to(admissible, (len(up), *admissible.shape)).copy()
    states[1:] |= rng.random(states[1:].shape) < 0.1
    if rng.random() < 0.4:
        gone = rng.random(states[1:].shape) < 0.05
        enough = (states[1:] & ~gone).sum(axis=3, keepdims=True) > depth
        states[1:] &= ~gone | ~enough
    return states & up[:, None, None, :]


def _demand(rng: np.random.Generator, size: _Size) -> Floats:
    """Draw demand; some services are not called from some origins."""
    base = rng.lognormal(3, 0.7, (size.services, size.origins))
    base[rng.random(base.shape) < 0.1] = 0.0
    base[0, 0] = max(base[0, 0], 5.0)
    curve = rng.uniform(0.4, 1.6, (size.origins, size.hours))
    return base[:, :, None] * curve[None]


def _rates(
    rng: np.random.Generator, size: _Size, demand: Floats, depth: int, max_replicas: int
) -> Floats:
    """Draw unequal rates such that the survivors just hold the peak with a few replicas each."""
    peak = demand.sum(axis=1).max(axis=1)
    survivors = max(size.regions - depth, 1)
    base = np.maximum(peak, 10.0) / survivors / 0.7 / rng.uniform(0.3, 0.45 * max_replicas)
    rates: Floats = base[:, None] * rng.uniform(0.7, 1.5, (size.services, size.regions))
    return rates


def _bounds(rng: np.random.Generator, size: _Size, max_replicas: int) -> tuple[Ints, Ints]:
    """Draw least and most replicas; now and then a service may not run in a region."""
    shape = (size.services, size.regions)
    minimum = np.minimum(rng.choice([1, 1, 1, 2, 3], shape), max_replicas)
    maximum = np.maximum(rng.integers(max(1, max_replicas - 1), max_replicas + 1, shape), minimum)
    return minimum, np.where(rng.random(shape) < 0.03, 0, maximum)


def _machines(rng: np.random.Generator, size: _Size) -> dict[str, Any]:
    """Draw requests and node pools, some of them tight."""
    cpu, memory = rng.uniform(0.25, 2.5, size.services), rng.uniform(0.5, 5, size.services)
    region = np.repeat(np.arange(size.regions), rng.integers(1, 3, size.regions))
    survive = bool(rng.random() < 0.3)
    roomy = rng.choice([0.8, 4.0], region.size, p=[0.5, 0.5])
    pools = NodePools(
        region=region,
        cpu_cores=roomy * rng.uniform(6, 16, region.size),
        memory_gib=roomy * rng.uniform(12, 32, region.size),
        pods=rng.choice([6.0, 16.0, 110.0], region.size, p=[0.15, 0.35, 0.5]),
        servers=rng.integers(1, 4, region.size) + survive,
        server_cost_usd_month=np.zeros(region.size),
        names=tuple(f"r{r}/pool{i}" for i, r in enumerate(region)),
    )
    return {"cpu_cores": cpu, "memory_gib": memory, "pools": pools, "survive_server_loss": survive}


def _uplinks(rng: np.random.Generator, size: _Size, demand: Floats, payload: Floats) -> Floats:
    """Draw uplinks, some of them tight."""
    peak = np.einsum("soh,s->h", demand, payload).max() * KIB_BITS / 1e9
    tight = rng.random(size.regions) < rng.choice([0.0, 0.4])
    factor = np.where(tight, rng.uniform(0.2, 0.6, size.regions), 100.0)
    uplinks: Floats = peak * factor
    return uplinks

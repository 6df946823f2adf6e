"""A problem with other names, other units, more demand or more room."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from planner.problem.arrays import Axes, Bools, Floats, Ints, Problem

AXES = {
    "host_of_service": "S",
    "demand_rps": "SOH",
    "rtt_ms": "OR",
    "state_rtt_ms": "KOR",
    "latency_ms": "SOR",
    "region_up": "KR",
    "must_survive": "K",
    "state_probability": "K",
    "home_share": "S",
    "home_region": "KS",
    "admissible": "SOR",
    "state_admissible": "KSOR",
    "limit_ms": "S",
    "emergency_limit_ms": "S",
    "rps_per_replica": "SR",
    "cpu_cores": "S",
    "memory_gib": "S",
    "surge_replicas": "S",
    "uplink_gbps": "R",
    "payload_kib": "S",
    "min_replicas": "SR",
    "max_replicas": "SR",
    "pinned": "SR",
    "cost_usd_month": "SR",
    "fixed_cost_usd_month": "R",
}
"""Every array of a problem of bare arrays, and its axes."""

_NETWORK = {
    "point_rtt_ms": "OPR",
    "point_share": "OP",
    "region_rtt_ms": "RR",
    "new_connection_share": "S",
    "setup_round_trips": "S",
}


def relabelled(problem: Problem, seed: int) -> Problem:
    """Shuffle services, origins, regions and host names."""
    arrays = {f.name for f in fields(Problem) if isinstance(getattr(problem, f.name), np.ndarray)}
    assert arrays == AXES.keys()
    rng = np.random.default_rng(seed)
    names = problem.axes
    order = {
        "S": rng.permutation(len(names.services)),
        "O": rng.permutation(len(names.origins)),
        "R": rng.permutation(len(names.regions)),
    }
    moved = {name: _taken(getattr(problem, name), axes, order) for name, axes in AXES.items()}
    to = np.argsort(order["R"])
    moved["home_region"] = np.where(moved["home_region"] < 0, -1, to[moved["home_region"]])
    hosts = list(dict.fromkeys(moved["host_of_service"].tolist()))
    moved["host_of_service"] = np.array([hosts.index(h) for h in moved["host_of_service"]])
    queue = {f.name: getattr(problem.queue, f.name)[order["S"]] for f in fields(problem.queue)}
    network = {n: _taken(getattr(problem.network, n), a, order) for n, a in _NETWORK.items()}
    return replace(
        problem,
        axes=_named(names, order, hosts),
        pools=replace(problem.pools, region=to[problem.pools.region]),
        queue=replace(problem.queue, **queue),
        network=replace(problem.network, **network),
        **moved,
    )


def _taken(values: Any, axes: str, order: dict[str, Ints]) -> Any:
    """Take an array in another order along its axes."""
    for place, axis in enumerate(axes):
        values = np.take(values, order[axis], axis=place) if axis in order else values
    return values


def _named(names: Axes, order: dict[str, Ints], hosts: list[int]) -> Axes:
    """Let names follow their numbers."""
    return replace(
        names,
        services=tuple(names.services[i] for i in order["S"]),
        origins=tuple(names.origins[i] for i in order["O"]),
        regions=tuple(names.regions[i] for i in order["R"]),
        hosts=tuple(names.hosts[i] for i in hosts),
    )


def in_other_money(problem: Problem, factor: float) -> Problem:
    """Write every amount of money in another currency."""
    cost = problem.pools.server_cost_usd_month * factor
    return replace(
        problem,
        pools=replace(problem.pools, server_cost_usd_month=cost),
        cost_usd_month=problem.cost_usd_month * factor,
        fixed_cost_usd_month=problem.fixed_cost_usd_month * factor,
        usd_per_ms=problem.usd_per_ms * factor,
        usd_per_lost_request=problem.usd_per_lost_request * factor,
    )


def in_other_requests(problem: Problem, factor: float) -> Problem:
    """Count requests in another unit, such as in pairs: bytes, work and money stay."""
    work = replace(problem.queue, service_time_ms=problem.queue.service_time_ms / factor)
    return replace(
        problem,
        demand_rps=problem.demand_rps * factor,
        rps_per_replica=problem.rps_per_replica * factor,
        payload_kib=problem.payload_kib / factor,
        usd_per_lost_request=problem.usd_per_lost_request / factor,
        queue=work,
    )


def with_more_demand(problem: Problem, seed: int) -> Problem:
    """Let each origin call some services up to half as much again in some hours."""
    rng = np.random.default_rng(seed)
    more = np.where(rng.random(problem.demand_rps.shape) < 0.5, rng.uniform(0, 0.5), 0.0)
    return replace(problem, demand_rps=problem.demand_rps * (1 + more))


def with_looser_limits(problem: Problem, seed: int) -> Problem:
    """Let more regions serve more origins."""
    rng = np.random.default_rng(seed)
    every: Bools = problem.state_admissible | (rng.random(problem.state_admissible.shape) < 0.3)
    every &= problem.region_up[:, None, None, :]
    return replace(problem, admissible=every[0].copy(), state_admissible=every)


def with_more_servers(problem: Problem, seed: int) -> Problem:
    """Add servers to some pools at no price."""
    rng = np.random.default_rng(seed)
    more = rng.integers(0, 3, problem.pools.servers.shape)
    return replace(problem, pools=replace(problem.pools, servers=problem.pools.servers + more))


def with_more_replicas(problem: Problem, seed: int) -> Problem:
    """Allow more replicas where any may run."""
    more = np.random.default_rng(seed).integers(0, 3, problem.max_replicas.shape)
    most = problem.max_replicas
    return replace(problem, max_replicas=np.where(most > 0, most + more, 0))


def with_wider_uplinks(problem: Problem, seed: int) -> Problem:
    """Widen some uplinks."""
    wider: Floats = np.random.default_rng(seed).uniform(1.0, 2.0, problem.uplink_gbps.shape)
    return replace(problem, uplink_gbps=problem.uplink_gbps * wider)


def with_higher_ceilings(problem: Problem, seed: int) -> Problem:
    """Let servers be fuller."""
    normal, emergency = np.random.default_rng(seed).uniform(0.0, 0.15, 2)
    return replace(
        problem,
        ceiling_normal_share=problem.ceiling_normal_share + normal,
        ceiling_emergency_share=problem.ceiling_emergency_share + emergency,
    )

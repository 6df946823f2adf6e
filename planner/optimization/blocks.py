"""Problems that fall into blocks: services behind one host name steer together, others need not.

Shares, orders, loads and lost requests are each of one host name.  Host names meet in the price of
active regions, in the uplinks and in the pools; where regions cost nothing as such and no uplink
can be full, only the pools are left, and replicas of different blocks share them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.problem.arrays import Floats, Ints, NodePools, Problem
from planner.problem.packing import PackingLimits
from planner.units import gbps_from_payload

_PLENTY = 1e12
"""Cores, GiB and pods of a server that holds anything."""


@dataclass(frozen=True)
class Block:
    """The services of one host name as a problem of their own, with pools that hold anything.

    Attributes
    ----------
    services : ndarray of int, shape (B,)
        Which services.
    host : int
        Their host name.
    problem : Problem
        Their part of the problem; replicas are held by `max_replicas` only.
    """

    services: Ints
    host: int
    problem: Problem


def separable(problem: Problem) -> bool:
    """Return whether host names meet nowhere but in the pools.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    bool
        False too where there is only one host name, or regions are paid for as such.
    """
    if len(problem.axes.hosts) < 2 or problem.fixed_cost_usd_month.any():
        return False
    return (
        problem.steering == "static"
        and (problem.rules is None or problem.rules.kind == "any")
        and not _uplink_may_fill(problem)
    )


def _uplink_may_fill(problem: Problem) -> bool:
    """Return whether the whole demand could fill some uplink."""
    peak_rps = problem.demand_rps.sum(axis=1).max(axis=1)
    gbps = gbps_from_payload(1.0, 1.0) * float(peak_rps @ problem.payload_kib)
    return bool((problem.uplink_gbps < gbps).any())


def blocks(problem: Problem, bound: Ints) -> list[Block]:
    """Return one block for each host name.

    Parameters
    ----------
    problem : Problem
        A problem that is `separable`.
    bound : ndarray of int, shape (S, R)
        Most replicas that the pools hold of each service alone.

    Returns
    -------
    list of Block
        In the order of the host names; together they cost what the problem costs.
    """
    parts = []
    for host in range(len(problem.axes.hosts)):
        services = np.flatnonzero(problem.host_of_service == host)
        if services.size:
            parts.append(Block(services, host, _part(problem, services, bound)))
    return parts


def _part(problem: Problem, at: Ints, bound: Ints) -> Problem:
    """Return the problem of some services, the price of latency scaled to their demand."""
    demand, network, queue = problem.demand_rps[at], problem.network, problem.queue
    total = max(float(problem.demand_rps.mean(axis=2).sum()), 1e-300)
    axes = problem.axes
    return replace(
        problem,
        axes=replace(
            axes,
            services=tuple(axes.services[s] for s in at),
            hosts=(axes.hosts[int(problem.host_of_service[at[0]])],),
        ),
        host_of_service=np.zeros(at.size, np.int64),
        demand_rps=demand,
        latency_ms=problem.latency_ms[at],
        home_share=problem.home_share[at],
        home_region=problem.home_region[:, at],
        admissible=problem.admissible[at],
        state_admissible=problem.state_admissible[:, at],
        limit_ms=problem.limit_ms[at],
        emergency_limit_ms=problem.emergency_limit_ms[at],
        rps_per_replica=problem.rps_per_replica[at],
        cpu_cores=problem.cpu_cores[at],
        memory_gib=problem.memory_gib[at],
        surge_replicas=problem.surge_replicas[at],
        payload_kib=problem.payload_kib[at],
        min_replicas=problem.min_replicas[at],
        max_replicas=bound[at],
        pinned=problem.pinned[at],
        cost_usd_month=problem.cost_usd_month[at],
        usd_per_ms=problem.usd_per_ms * float(demand.mean(axis=2).sum()) / total,
        pools=_endless_pools(len(axes.regions)),
        survive_server_loss=False,
        packing="guaranteed",
        packing_cuts=None,
        queue=replace(
            queue,
            workers_per_replica=queue.workers_per_replica[at],
            service_time_ms=queue.service_time_ms[at],
            arrival_cv2=queue.arrival_cv2[at],
            service_cv2=queue.service_cv2[at],
        ),
        network=replace(
            network,
            new_connection_share=network.new_connection_share[at],
            setup_round_trips=network.setup_round_trips[at],
        ),
        conditions=None,
        scenario=None,
    )


def _endless_pools(regions: int) -> NodePools:
    """Return one server a region that holds anything."""
    plenty = np.full(regions, _PLENTY)
    return NodePools(
        region=np.arange(regions),
        cpu_cores=plenty,
        memory_gib=plenty,
        pods=plenty,
        servers=np.ones(regions, np.int64),
        server_cost_usd_month=np.zeros(regions),
        names=tuple(f"{r}" for r in range(regions)),
    )


def shared_use(problem: Problem, limits: PackingLimits, bound: Ints) -> Floats:
    r"""Return the part of a region's room that each replica takes at least.

    Whichever service comes last, its row of the guaranteed packing limit holds; so for the least
    weights

    .. math:: \sum_t u_{tr}\, n_{tr} \le 1, \qquad u_{tr} = \min_s w_{rst} / \text{room}_{rs}

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    limits : PackingLimits
        Its packing limits.
    bound : ndarray of int, shape (S, R)
        Most replicas that the pools hold of each service alone.

    Returns
    -------
    ndarray, shape (S, R)
        Zero in regions that cannot be full.

    Notes
    -----
    Exact for one server without surge; otherwise it only loosens the limit, and pods may not fit
    where it says that a region cannot be full.  At best all rows hold, and the one that the bounds
    break most is taken.
    """
    runs = bound > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        each = limits.weight / limits.room[:, :, None]
    kept = limits.rows(runs) & (limits.room > 0)
    if not limits.by_last:
        full_most = np.einsum("rmt,tr->rm", np.where(kept[:, :, None], each, 0.0), bound)
        kept &= np.arange(kept.shape[1]) == full_most.argmax(axis=1)[:, None]
    each = np.where(kept[:, :, None], each, np.inf)
    least = each.min(axis=1, initial=np.inf).T
    use = np.where(np.isfinite(least) & runs, least, 0.0)
    full: Floats = np.where((use * bound).sum(axis=0) > 1.0, use, 0.0)
    return full


def room_left(problem: Problem, limits: PackingLimits, others: Ints, service: int) -> Ints:
    """Return the most replicas of a service that fit beside the others' replicas.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    limits : PackingLimits
        Its packing limits.
    others : ndarray of int, shape (S, R)
        Replicas of all services; those of `service` are not looked at.
    service : int
        Which service.

    Returns
    -------
    ndarray of int, shape (R,)
        Replicas, by the rows of all services that run; not below 0.
    """
    held = np.array(others)
    held[service] = 0
    runs = held > 0
    runs[service] = True
    pods = held + problem.surge_replicas[:, None] * (held > 0)
    free = limits.room - limits.used(pods)
    own = limits.weight[:, :, service]
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(limits.rows(runs) & (own > 0), (free + 1e-9) / own, np.inf).min(axis=1)
    left: Ints = np.floor(np.clip(each, 0.0, 1e9)).astype(np.int64)
    free_pods: Ints = np.maximum(left - problem.surge_replicas[service], 0)
    return free_pods

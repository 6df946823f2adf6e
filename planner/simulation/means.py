"""Mean response times of every state: exact means add, so no distribution is needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.latency.loss import FIRST_TIMEOUT_MS, LEAST_TIMEOUT_MS, recovery, segments
from planner.latency.queueing import mean_wait_ms
from planner.problem.arrays import Floats, Ints, Problem
from planner.simulation.flows import Flows
from planner.simulation.shedding import gathered
from planner.simulation.tunnels import path_loss_share, to_home_ms

ROWS_AT_ONCE = 2**16


@dataclass(frozen=True)
class Means:
    """Mean response times over the day, each hour weighted with what is served in it.

    Attributes
    ----------
    origin_ms : ndarray, shape (K, S, O)
        By origin, ms; NaN where nobody is served, inf where a queue has no steady state.
    region_ms : ndarray, shape (K, S, R)
        By serving region, ms.
    service_ms : ndarray, shape (K, S)
        Over all users of the service, ms.
    """

    origin_ms: Floats
    region_ms: Floats
    service_ms: Floats


def means(problem: Problem, replicas: Ints, flows: Flows) -> Means:
    r"""Return mean response times by origin, by region and in all.

    .. math:: E[T] = E[f] \, (\text{rtt} (1 + q \cdot \text{trips}) + \text{home share} \cdot
        \text{rtt}_{\text{home}}) + E[\text{recovery}] + E[W] + 1 / \mu

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    replicas : ndarray of int, shape (K, S, R)
        What runs in each state.
    flows : Flows
        Parts of demand that each region serves, in the order of the states.

    Returns
    -------
    Means
        Of what is served; what is lost has no response time.

    Notes
    -----
    The mean wait is that of `planner.latency.queueing`: exact for M/M/c.
    """
    states, services = problem.home_region.shape
    _, origins, regions = problem.latency_ms.shape
    sums = [np.zeros((states * services * size, 2)) for size in (origins, regions)]
    hours = problem.demand_rps.shape[2]
    rows = max(1, ROWS_AT_ONCE // hours)
    per_state = max(1, len(flows) // max(states, 1))
    step = max(1, rows // per_state)
    at_once = _base_ms(problem)
    for start in range(0, states, step):
        block = np.arange(start, min(start + step, states))
        first, last = np.searchsorted(flows.state, [start, block[-1] + 1])
        if last > first:
            _add(problem, replicas, flows.of(slice(first, last)), block, at_once, sums)
    by_origin = sums[0].reshape(states, services, origins, 2)
    by_region = sums[1].reshape(states, services, regions, 2)
    return Means(_ratio(by_origin), _ratio(by_region), _ratio(by_region.sum(axis=2)))


def _ratio(sums: Floats) -> Floats:
    """Return time over requests, NaN without any."""
    time, rps = sums[..., 0], sums[..., 1]
    mean: Floats = np.divide(time, rps, out=np.full(rps.shape, np.nan), where=rps > 0)
    return mean


def _base_ms(problem: Problem) -> Floats:
    """Return the mean round trip over the points of an origin, ms, shape (O, R)."""
    base: Floats = np.einsum(
        "opr,op->or", problem.network.point_rtt_ms, problem.network.point_share
    )
    return base


def _add(
    problem: Problem,
    replicas: Ints,
    flows: Flows,
    states: Ints,
    base_ms: Floats,
    sums: list[Floats],
) -> None:
    """Add the requests of a block of states and the time that they take."""
    services, origins, regions = problem.latency_ms.shape
    conditions = problem.conditions
    rps = flows.rps(problem.demand_rps, None if conditions is None else conditions.demand_factor)
    cell = (flows.state * services + flows.service) * regions + flows.region
    place = (flows.state * services + flows.service) * origins + flows.origin
    first = states[0] * services * regions
    load = gathered(cell - first, rps, states.size * services * regions)
    sojourn = _sojourn_ms(problem, replicas[states], load)
    total = rps.sum(axis=1)
    none = np.zeros_like(rps)
    queueing = np.multiply(rps, sojourn[cell - first], out=none, where=rps > 0).sum(axis=1)
    network = _network_ms(problem, flows, states, base_ms)
    time = np.multiply(total, network, out=np.zeros_like(total), where=total > 0) + queueing
    both = np.stack([time, total], axis=1)
    for key, out, each in (
        (place, sums[0], services * origins),
        (cell, sums[1], services * regions),
    ):
        low = int(states[0]) * each
        size = states.size * each
        out[low : low + size] += gathered(key - low, both, size)


def _sojourn_ms(problem: Problem, replicas: Ints, load_rps: Floats) -> Floats:
    """Return the mean of wait and service, ms, shape (K' · S · R, H)."""
    shape = (*replicas.shape, load_rps.shape[1])
    queue = problem.queue
    out = np.zeros(shape)
    load = load_rps.reshape(shape)
    busy = np.nonzero(load > 0)
    service = busy[1]
    wait = mean_wait_ms(
        replicas[busy[:3]] * queue.workers_per_replica[service],
        load[busy],
        queue.service_time_ms[service],
        arrival_cv2=queue.arrival_cv2[service],
        service_cv2=queue.service_cv2[service],
    )
    out[busy] = wait + queue.service_time_ms[service]
    return out.reshape(load_rps.shape)


def _network_ms(problem: Problem, flows: Flows, states: Ints, base_ms: Floats) -> Floats:
    """Return what the network takes on average, ms, shape (F,)."""
    network = problem.network
    _, origins, regions = problem.latency_ms.shape
    pair = flows.origin * regions + flows.region
    now = problem.state_rtt_ms.reshape(-1).take(flows.state * (origins * regions) + pair)
    rtt = base_ms.take(pair) + np.maximum(now - problem.rtt_ms.take(pair), 0.0)
    jitter = float(network.jitter_factor @ network.jitter_share)
    trips = 1 + network.new_connection_share * network.setup_round_trips
    home = to_home_ms(problem, states)
    home = np.where(np.isfinite(home), home, 0.0) * problem.home_share[:, None]
    at = (flows.state - states[0], flows.service, flows.region)
    mean: Floats = jitter * (rtt * trips[flows.service] + home[at])
    return mean + _recovery_ms(problem, flows, rtt)


def _recovery_ms(problem: Problem, flows: Flows, rtt_ms: Floats) -> Floats | float:
    """Return what loss recovery takes on average, ms, shape (F,); 0 where nothing is lost."""
    conditions = problem.conditions
    if conditions is None:
        return 0.0
    out: Floats | float = 0.0
    count = segments(problem.payload_kib)[flows.service]
    if conditions.loss_share is not None:
        p = conditions.loss_share[flows.state, flows.origin, flows.region]
        new = problem.network.new_connection_share[flows.service]
        out = _where_lost(p, count, rtt_ms + LEAST_TIMEOUT_MS)
        out = out + new * _where_lost(p, np.ones_like(p), np.full_like(p, FIRST_TIMEOUT_MS))
    tunnels = conditions.tunnels
    if tunnels is not None and (tunnels.loss_share > 0).any():
        home = problem.home_region[flows.state, flows.service]
        p = path_loss_share(tunnels, flows.state, flows.region, home)
        states, inverse = np.unique(flows.state, return_inverse=True)
        way = to_home_ms(problem, states)[inverse, flows.service, flows.region]
        way = np.where(np.isfinite(way), way, 0.0) + LEAST_TIMEOUT_MS
        out = out + problem.home_share[flows.service] * _where_lost(p, count, way)
    return out


def _where_lost(loss_share: Floats, count: Floats, timeout_ms: Floats) -> Floats:
    """Return the mean recovery, evaluated only where packets are lost."""
    out, row = np.zeros_like(loss_share), np.flatnonzero(loss_share > 0)
    if row.size:
        out[row] = recovery(loss_share[row], count[row], timeout_ms[row]).mean_ms
    return out

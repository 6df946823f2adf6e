"""95th percentiles end to end: network, home calls and queues at their actual load.

Percentiles are never added: the distribution of the sum is mixed over points of an origin, jitter,
warm and new connections, home calls and serving regions, and its own percentile is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from planner.latency.station import Station, station
from planner.problem.arrays import Bools, Floats, Ints, Problem, Solution
from planner.simulation.mixture import Cases, Mixture, tail_table

PROBABILITY = 0.95

CUT_MS = 1e6
"""Stands for a path that is cut: later than any limit, yet a number."""


@dataclass(frozen=True)
class Percentiles:
    """95th percentiles in the worst hour.

    Attributes
    ----------
    state_ms : ndarray, shape (K, S, O)
        By promised state, service and origin, ms; NaN where nobody is served or promised.
    state_hour : ndarray of int, shape (K, S, O)
        Index of that hour, -1 where there is none.
    region_ms : ndarray, shape (S, R)
        Over the users that a region serves in the normal state, ms; NaN where there are none.
    """

    state_ms: Floats
    state_hour: Ints
    region_ms: Floats


@dataclass(frozen=True)
class _Service:
    """What the percentiles of one service are made of; `carried` has only the promised states."""

    carried: Floats
    queue_row: Ints
    queues: Station
    cases: Cases
    leg_ms: Floats
    point_share: Floats
    home_ms: Floats


def percentiles(problem: Problem, solution: Solution, carried_rps: Floats) -> Percentiles:
    """Return the 95th percentiles of every origin in every promised state, and of every region.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    solution : Solution
        Replicas.
    carried_rps : ndarray, shape (K, S, O, R, H)
        Requests per second of each origin that each region takes.

    Returns
    -------
    Percentiles
        In the hour in which each is worst; inf where a queue has no steady state.

    Notes
    -----
    One jitter factor holds for all round trips of a request, as in
    `planner.problem.admissibility`.  A state's detour is that of the origin's mean, added to each
    of its points.  A queue has replicas × `workers_per_replica` servers; its tail is that of
    `planner.latency.queueing`, read from a table.
    """
    states, services, origins, regions, _ = carried_rps.shape
    state_ms = np.full((states, services, origins), np.nan)
    state_hour = np.full(state_ms.shape, -1, dtype=np.int64)
    region_ms = np.full((services, regions), np.nan)
    promised = np.flatnonzero(problem.must_survive)
    for service in range(services):
        parts = _service(problem, solution, carried_rps[promised, service], service, promised)
        if parts is not None:
            found = _by_origin(parts)
            state_ms[promised, service], state_hour[promised, service] = found
            region_ms[service] = _by_region(parts)
    return Percentiles(state_ms, state_hour, region_ms)


def _service(
    problem: Problem, solution: Solution, carried: Floats, service: int, states: Ints
) -> _Service | None:
    """Gather one service's queues and network; None where it carries nothing."""
    load = carried.sum(axis=1)
    busy = np.argwhere(load > 0)
    if not len(busy):
        return None
    key = np.column_stack([busy[:, 1], load[load > 0]])
    kinds, row = np.unique(key, axis=0, return_inverse=True)
    queue_row = np.zeros(load.shape, dtype=np.int64)
    queue_row[load > 0] = row.ravel()
    network, home = problem.network, problem.home_region[states, service]
    detour = np.clip(problem.state_rtt_ms[states] - problem.rtt_ms, 0.0, CUT_MS)
    to_home = _to_home_ms(problem, states, home)
    return _Service(
        carried=carried,
        queue_row=queue_row,
        queues=_stations(problem, solution, service, kinds),
        cases=_cases(problem, service),
        leg_ms=network.point_rtt_ms[None] + detour[:, :, None, :],
        point_share=network.point_share,
        home_ms=to_home,
    )


def _to_home_ms(problem: Problem, states: Ints, home: Ints) -> Floats:
    """Return the round trip from each region to the state's home region, ms, shape (K, R)."""
    way = [
        problem.region_rtt_ms(int(k))[:, h] if h >= 0 else np.zeros(len(problem.axes.regions))
        for k, h in zip(states, home, strict=True)
    ]
    return np.minimum(np.stack(way), CUT_MS)


def _stations(problem: Problem, solution: Solution, service: int, kinds: Floats) -> Station:
    """Return the queues of regions (first column) at loads (second column)."""
    region = kinds[:, 0].astype(np.int64)
    queue, size = problem.queue, np.ones(len(kinds))
    return station(
        solution.replicas[service, region] * queue.workers_per_replica[service],
        kinds[:, 1],
        queue.service_time_ms[service] * size,
        queue.arrival_cv2[service] * size,
        queue.service_cv2[service] * size,
    )


def _cases(problem: Problem, service: int) -> Cases:
    """Combine jitter, new connections and home calls; cases of probability 0 are left out."""
    network = problem.network
    new, called = network.new_connection_share[service], problem.home_share[service]
    jitter = list(zip(network.jitter_factor, network.jitter_share, strict=True))
    trips = [(1.0, 1 - new), (1 + network.setup_round_trips[service], new)]
    home = [(0.0, 1 - called), (1.0, called)]
    rows = [
        (factor * count, factor * away, share * opened * calls)
        for (factor, share), (count, opened), (away, calls) in product(jitter, trips, home)
        if share * opened * calls > 0
    ]
    return Cases(*np.array(rows).T)


def _by_origin(parts: _Service) -> tuple[Floats, Ints]:
    """Return worst-hour percentiles and those hours, shape (K', O) each."""
    share, users = _shares(parts.carried, axis=2)
    seed, rival = _seed_hours(parts, share, users)
    group = np.argwhere(users & (seed | rival))
    worst, hour = np.full(users.shape[:2], np.nan), np.full(users.shape[:2], -1)
    mixture = _mixture(parts, share, group)
    seeded = seed[tuple(group.T)]
    state, origin, at = group[seeded].T
    worst[state, origin] = mixture.of(seeded).quantile_ms(PROBABILITY)
    hour[state, origin] = at
    later = ~seeded & (mixture.tail(worst[group[:, 0], group[:, 1]]) > 1 - PROBABILITY)
    late = mixture.of(later).quantile_ms(PROBABILITY)
    for (k, o, h), value in zip(group[later].tolist(), late.tolist(), strict=True):
        if value > worst[k, o]:
            worst[k, o], hour[k, o] = value, h
    return worst, hour


def _shares(carried: Floats, axis: int) -> tuple[Floats, Bools]:
    """Return parts of the users along an axis, and where there are any."""
    total = carried.sum(axis=axis, keepdims=True)
    share = np.divide(carried, total, out=np.zeros_like(carried), where=total > 0)
    return share, np.squeeze(total > 0, axis=axis)


def _seed_hours(parts: _Service, share: Floats, users: Bools) -> tuple[Bools, Bools]:
    """Return one hour of each origin that is probably its worst, and those that might be worse.

    An hour with the same shares and no more load at any region cannot be worse.
    """
    load = parts.carried.sum(axis=1)
    heat = np.einsum("korh,krh->koh", share, load / np.maximum(load.max(axis=2), 1e-300)[..., None])
    best = np.where(users, heat, -1.0).argmax(axis=2)[..., None]
    seed = np.arange(users.shape[2]) == best
    at_seed = np.take_along_axis(share, best[:, :, None], axis=3)
    seed_load = np.take_along_axis(load[:, None], best[:, :, None], axis=3)
    alike = np.abs(share - at_seed).max(axis=2) <= 1e-9
    calmer = ((load[:, None] <= seed_load) | (share == 0)).all(axis=2)
    return seed & users, users & ~seed & ~(alike & calmer)


def _mixture(parts: _Service, share: Floats, group: Ints) -> Mixture:
    """Return the distributions of groups (state, origin, hour)."""
    state, origin, hour = group.T
    row, region = np.nonzero(share[state, origin, :, hour] > 0)
    weight = share[state[row], origin[row], region, hour[row]]
    return _spread(parts, row, len(group), weight, state[row], origin[row], region, hour[row])


def _by_region(parts: _Service) -> Floats:
    """Return worst-hour percentiles over the users of each region, normal state, shape (R,)."""
    share, users = _shares(parts.carried[0], axis=0)
    group = np.argwhere(users)
    region, hour = group.T
    row, origin = np.nonzero(share[:, region, hour].T > 0)
    weight = share[origin, region[row], hour[row]]
    state = np.zeros(row.size, dtype=np.int64)
    mixture = _spread(parts, row, len(group), weight, state, origin, region[row], hour[row])
    busiest = parts.carried[0].sum(axis=0).argmax(axis=1)
    seeded = hour == busiest[region]
    worst = np.full(users.shape[0], np.nan)
    worst[region[seeded]] = mixture.of(seeded).quantile_ms(PROBABILITY)
    later = ~seeded & (mixture.tail(worst[region]) > 1 - PROBABILITY)
    np.maximum.at(worst, region[later], mixture.of(later).quantile_ms(PROBABILITY))
    return worst


def _spread(
    parts: _Service,
    group: Ints,
    groups: int,
    weight: Floats,
    state: Ints,
    origin: Ints,
    region: Ints,
    hour: Ints,
) -> Mixture:
    """Spread rows over the points of their origins; tabulate the queues that they meet."""
    used, queue = np.unique(parts.queue_row[state, region, hour], return_inverse=True)
    row, point = np.nonzero(parts.point_share[origin] > 0)
    return Mixture(
        group=group[row],
        groups=groups,
        weight=weight[row] * parts.point_share[origin[row], point],
        leg_ms=parts.leg_ms[state[row], origin[row], point, region[row]],
        home_ms=parts.home_ms[state[row], region[row]],
        queue=queue[row],
        cases=parts.cases,
        table=tail_table(parts.queues.take(used)),
    )

"""95th percentiles end to end: network, home calls and queues at their actual load.

Percentiles are never added: the distribution of the sum is mixed over points of an origin, jitter,
warm and new connections, home calls and serving regions, and its own percentile is found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.simulation.flows import Flows
from planner.simulation.shedding import gathered
from planner.simulation.streams import Streams, mixture, streams

PROBABILITY = 0.95


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


def percentiles(
    problem: Problem, replicas: Ints, flows: Flows, *, with_loss: bool = False
) -> Percentiles:
    """Return the 95th percentiles of every origin in every promised state, and of every region.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    replicas : ndarray of int, shape (K, S, R)
        What runs in each state.
    flows : Flows
        Parts of demand that each region serves.
    with_loss : bool
        Whether packets are lost; `planner.problem.admissibility`, which makes the promise, knows of
        no loss.

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
    states, services = problem.home_region.shape
    _, origins, regions = problem.latency_ms.shape
    state_ms = np.full((states, services, origins), np.nan)
    state_hour = np.full(state_ms.shape, -1, dtype=np.int64)
    region_ms = np.full((services, regions), np.nan)
    promised = np.flatnonzero(problem.must_survive)
    for service in range(services):
        found = streams(problem, replicas, flows, service, promised, with_loss=with_loss)
        if found is not None:
            worst = worst_hours(
                found, found.state * origins + found.origin, promised.size * origins
            )
            shape = (promised.size, origins)
            state_ms[promised, service] = worst[0].reshape(shape)
            state_hour[promised, service] = worst[1].reshape(shape)
        first = np.zeros(1, dtype=np.int64)
        normal = streams(problem, replicas, flows, service, first, with_loss=with_loss)
        if normal is not None:
            region_ms[service] = worst_hours(normal, normal.region, regions)[0]
    return Percentiles(state_ms, state_hour, region_ms)


def worst_hours(
    found: Streams, group: Ints, groups: int, probability: float = PROBABILITY
) -> tuple[Floats, Ints]:
    """Return the percentile of each group in its worst hour, and which hour that is.

    Parameters
    ----------
    found : Streams
        What is served.
    group : ndarray of int, shape (F,)
        Group of each row, from 0.
    groups : int
        Number of groups.
    probability : float
        Which percentile, as a share.

    Returns
    -------
    ms : ndarray, shape (groups,)
        Percentile, ms; NaN where nobody is served.
    hour : ndarray of int, shape (groups,)
        Index of the hour, -1 where there is none.

    Notes
    -----
    One hour of each group is taken to be its worst; of those in which more than 1 − `probability`
    of the requests are later than that, the one with most of them takes its place, until none is
    left.
    """
    users = gathered(group, found.rps, groups)
    seed, rival = _seed_hours(found, group, users)
    asked = np.argwhere(seed | rival)
    number = np.full(users.shape, -1)
    number[tuple(asked.T)] = np.arange(len(asked))
    mixed = mixture(found, number[group] >= 0, number[group], len(asked))
    seeded = seed[tuple(asked.T)]
    worst, hour = np.full(groups, np.nan), np.full(groups, -1)
    at, when = asked[seeded].T
    worst[at] = mixed.of(seeded).quantile_ms(probability)
    hour[at] = when
    left, rest = np.flatnonzero(~seeded), mixed.of(~seeded)
    while left.size:
        late = rest.tail(worst[asked[left, 0]])
        latest = _largest_of_each(asked[left, 0], late)
        latest = latest[late[latest] > 1 - probability]
        chosen = np.zeros(left.size, dtype=bool)
        chosen[latest] = True
        at, when = asked[left[chosen]].T
        worst[at] = rest.of(chosen).quantile_ms(probability)
        hour[at] = when
        going = (late > 1 - probability) & ~chosen
        left, rest = left[going], rest.of(going)
    return worst, hour


def _largest_of_each(group: Ints, value: Floats) -> Ints:
    """Return the place of the largest value of each group, the first of equals."""
    order = np.lexsort((np.arange(group.size), -value, group))
    first = np.ones(group.size, dtype=bool)
    first[1:] = group[order][1:] != group[order][:-1]
    return order[first]


def _seed_hours(found: Streams, group: Ints, users: Floats) -> tuple[Bools, Bools]:
    """Return one hour of each group that is probably its worst, and those that might be worse.

    An hour with the same shares and no more load at any region cannot be worse.
    """
    total = users[group]
    share = np.divide(found.rps, total, out=np.zeros_like(total), where=total > 0)
    fullest = np.maximum(found.load_rps.max(axis=1, keepdims=True), 1e-300)
    heat = gathered(group, share * found.load_rps / fullest, len(users))
    best = np.where(users > 0, heat, -1.0).argmax(axis=1)
    seed = (np.arange(users.shape[1]) == best[:, None]) & (users > 0)
    at = best[group][:, None]
    same = np.abs(share - np.take_along_axis(share, at, axis=1)) <= 1e-9
    calm = (found.load_rps <= np.take_along_axis(found.load_rps, at, axis=1)) | (share == 0)
    doubt = gathered(group, (~(same & calm)).astype(np.float64), len(users)) > 0
    return seed, (users > 0) & ~seed & doubt

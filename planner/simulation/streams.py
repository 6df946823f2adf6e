"""Streams of requests of one service, ready to be mixed: loads, queues, paths and their loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from scipy.sparse import csr_array

from planner.latency.loss import FIRST_TIMEOUT_MS, LEAST_TIMEOUT_MS, segments
from planner.latency.station import Station, station
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.simulation.flows import Flows
from planner.simulation.mixture import Cases, Mixture, TailTable, tail_table
from planner.simulation.rounds import with_rounds
from planner.simulation.shedding import gathered
from planner.simulation.tunnels import path_loss_share, to_home_ms


@dataclass(frozen=True)
class Streams:
    """What is served of one service in some states.

    Attributes
    ----------
    states : ndarray of int, shape (K',)
        Which states.
    state, origin, region : ndarray of int, shape (F,)
        Position in `states`, origin and region of each row.
    rps : ndarray, shape (F, H)
        Requests per second.
    load_rps : ndarray, shape (F, H)
        All that the row's region serves of the service.
    queue_row : ndarray of int, shape (F, H)
        Which of the queues it meets.
    queues : Station
        Queues, each load and number of servers once.
    cases : Cases
        What may happen on the network.
    leg_ms : ndarray, shape (F, P)
        Round trip from each of the origin's points, ms.
    point_share : ndarray, shape (F, P)
        Shares of those points.
    home_ms : ndarray, shape (F,)
        Round trip to the home region, ms; 0 where it is not called.
    loss_share, home_loss_share : ndarray, shape (F,), or None
        Share of packets lost on the path and on the tunnels to the home region.
    segments : float
        TCP segments of a response.
    """

    states: Ints
    state: Ints
    origin: Ints
    region: Ints
    rps: Floats
    load_rps: Floats
    queue_row: Ints
    queues: Station
    cases: Cases
    leg_ms: Floats
    point_share: Floats
    home_ms: Floats
    loss_share: Floats | None
    home_loss_share: Floats | None
    segments: float

    def of(self, rows: Ints | Bools) -> Streams:
        """Return some of the rows.

        Parameters
        ----------
        rows : ndarray of int or bool
            Which ones.

        Returns
        -------
        Streams
            Those rows; states and queues stay as they are.
        """
        loss, home_loss = self.loss_share, self.home_loss_share
        return replace(
            self,
            state=self.state[rows],
            origin=self.origin[rows],
            region=self.region[rows],
            rps=self.rps[rows],
            load_rps=self.load_rps[rows],
            queue_row=self.queue_row[rows],
            leg_ms=self.leg_ms[rows],
            point_share=self.point_share[rows],
            home_ms=self.home_ms[rows],
            loss_share=None if loss is None else loss[rows],
            home_loss_share=None if home_loss is None else home_loss[rows],
        )


def streams(
    problem: Problem,
    replicas: Ints,
    flows: Flows,
    service: int,
    states: Ints,
    *,
    with_loss: bool = True,
) -> Streams | None:
    """Gather what is served of one service, with queues and paths.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    replicas : ndarray of int, shape (K, S, R)
        What runs in each state.
    flows : Flows
        What is served.
    service : int
        Which service.
    states : ndarray of int, shape (K',)
        Which states, ascending.
    with_loss : bool
        Whether packets are lost on paths and tunnels.

    Returns
    -------
    Streams or None
        None where nothing of it is served.
    """
    wanted = np.zeros(len(problem.region_up), dtype=bool)
    wanted[states] = True
    mine = flows.of(wanted[flows.state] & (flows.service == service))
    conditions = problem.conditions
    rps = mine.rps(problem.demand_rps, None if conditions is None else conditions.demand_factor)
    some: Bools = np.any(rps > 0, axis=1)
    mine, rps = mine.of(some), rps[some]
    if not len(mine):
        return None
    k, o, r = mine.state, mine.origin, mine.region
    position = np.searchsorted(states, k)
    cell, cells = np.unique(position * replicas.shape[2] + r, return_inverse=True)
    load = gathered(cells, rps, cell.size)[cells]
    servers = replicas[k, service, r] * problem.queue.workers_per_replica[service]
    row, queues = _queues(problem, service, servers, load)
    network = problem.network
    detour_ms = np.maximum(problem.state_rtt_ms[k, o, r] - problem.rtt_ms[o, r], 0.0)
    home_ms = to_home_ms(problem, states)[position, service, r]
    return Streams(
        states=states,
        state=position,
        origin=o,
        region=r,
        rps=rps,
        load_rps=load,
        queue_row=row,
        queues=queues,
        cases=cases(problem, service),
        leg_ms=network.point_rtt_ms[o, :, r] + detour_ms[:, None],
        point_share=network.point_share[o],
        home_ms=np.where(np.isfinite(home_ms), home_ms, 0.0),
        loss_share=_path_loss(problem, k, o, r) if with_loss else None,
        home_loss_share=_home_loss(problem, service, k, r) if with_loss else None,
        segments=float(segments(problem.payload_kib[service])),
    )


def _path_loss(problem: Problem, state: Ints, origin: Ints, region: Ints) -> Floats | None:
    """Return the loss on the paths from users, None where there is none."""
    if problem.conditions is None or problem.conditions.loss_share is None:
        return None
    found: Floats = problem.conditions.loss_share[state, origin, region]
    return found if (found > 0).any() else None


def _home_loss(problem: Problem, service: int, state: Ints, region: Ints) -> Floats | None:
    """Return the loss on the tunnels to the home region, None where there is none."""
    conditions = problem.conditions
    if conditions is None or conditions.tunnels is None or problem.home_share[service] == 0:
        return None
    if not (conditions.tunnels.loss_share[state] > 0).any():
        return None
    home = problem.home_region[state, service]
    return path_loss_share(conditions.tunnels, state, region, home)


def _queues(
    problem: Problem, service: int, servers: Ints, load_rps: Floats
) -> tuple[Ints, Station]:
    """Return the queues that rows meet in every hour, each once."""
    key = np.stack([np.broadcast_to(servers[:, None], load_rps.shape).ravel(), load_rps.ravel()])
    kinds, row = np.unique(key, axis=1, return_inverse=True)
    queue, size = problem.queue, np.ones(kinds.shape[1])
    found = station(
        kinds[0],
        kinds[1],
        queue.service_time_ms[service] * size,
        queue.arrival_cv2[service] * size,
        queue.service_cv2[service] * size,
    )
    return row.reshape(load_rps.shape), found


def cases(problem: Problem, service: int) -> Cases:
    """Combine jitter, new connections and home calls; cases of probability 0 are left out.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    service : int
        Which service.

    Returns
    -------
    Cases
        Factors on round trips, and probabilities.
    """
    network = problem.network
    new, called = network.new_connection_share[service], problem.home_share[service]
    jitter = list(zip(network.jitter_factor, network.jitter_share, strict=True))
    trips = [(1.0, 1 - new, 0.0), (1 + network.setup_round_trips[service], new, 1.0)]
    home = [(0.0, 1 - called), (1.0, called)]
    rows = [
        (factor * count, factor * away, share * opened * calls, fresh)
        for (factor, share), (count, opened, fresh), (away, calls) in product(jitter, trips, home)
        if share * opened * calls > 0
    ]
    return Cases(*np.array(rows).T)


def mixture(found: Streams, selected: Bools, group: Ints, groups: int) -> Mixture:
    """Mix single hours of the rows of each group by their requests.

    Parameters
    ----------
    found : Streams
        What is served.
    selected : ndarray of bool, shape (F, H)
        Rows and hours that are mixed.
    group : ndarray of int, shape (F, H)
        The group of each, from 0.
    groups : int
        Number of groups.

    Returns
    -------
    Mixture
        Rows spread over the points of their origins and over the rounds of loss recovery.
    """
    row, hour = np.nonzero(selected & (found.rps > 0))
    used, queue = np.unique(found.queue_row[row, hour], return_inverse=True)
    table = tail_table(found.queues.take(used))
    rps, number = found.rps[row, hour], group[row, hour]
    return _spread(found, row, rps, number, groups, queue, table)


def day_mixture(found: Streams, group: Ints, groups: int) -> Mixture:
    """Mix all hours of the rows of each group by their requests.

    Parameters
    ----------
    found : Streams
        What is served.
    group : ndarray of int, shape (F,)
        The group of each row, from 0.
    groups : int
        Number of groups.

    Returns
    -------
    Mixture
        Rows spread over points and rounds; the tails that a row meets over the day are mixed in
        its table.
    """
    row, hour = np.nonzero(found.rps > 0)
    used, queue = np.unique(found.queue_row[row, hour], return_inverse=True)
    each = tail_table(found.queues.take(used), alike=True)
    total = found.rps.sum(axis=1)
    share = csr_array(
        (found.rps[row, hour] / total[row], (row, queue)), shape=(total.size, used.size)
    )
    reach = np.full(total.size, each.reach_ms.max(initial=1.0))
    table = TailTable(share @ each.tail, reach, share @ each.mean_ms)
    rows = np.arange(total.size)
    return _spread(found, rows, total, group, groups, rows, table)


def _spread(
    found: Streams,
    row: Ints,
    rps: Floats,
    number: Ints,
    groups: int,
    queue: Ints,
    table: TailTable,
) -> Mixture:
    """Spread rows over the points of their origins."""
    total = np.bincount(number, rps, groups)
    each, point = np.nonzero(found.point_share[row] > 0)
    source = row[each]
    plain = Mixture(
        group=number[each],
        groups=groups,
        weight=(rps / total[number])[each] * found.point_share[source, point],
        leg_ms=found.leg_ms[source, point],
        home_ms=found.home_ms[source],
        queue=queue[each],
        cases=found.cases,
        table=table,
    )
    return _with_recovery(found, plain, source)


def _with_recovery(found: Streams, plain: Mixture, source: Ints) -> Mixture:
    """Repeat rows on lossy paths for the rounds of a response, of a SYN, and of a home call."""
    made, lossy, calls_lossy = plain, found.loss_share, found.home_loss_share
    if lossy is not None:
        made, source = with_rounds(made, source, lossy, found.segments, made.leg_ms)
        known = np.full(made.leg_ms.size, FIRST_TIMEOUT_MS - LEAST_TIMEOUT_MS)
        made, source = with_rounds(made, source, lossy, 1.0, known, found.cases.fresh > 0)
    if calls_lossy is not None:
        called = found.cases.home_factor > 0
        made, _ = with_rounds(made, source, calls_lossy, found.segments, made.home_ms, called)
    return made

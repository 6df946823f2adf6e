"""Servers as columns beside the shared master: how many each pool gets, and that replicas fit.

Columns: ``added[p]`` (integer), ``there[p]`` (binary: whether any server of a pool counts that may
be empty), ``measure[r, j]`` (binary: what the servers of a region are measured against, see
`planner.problem.mixes`).  With exactly one measure a region, its packing rows say what
`planner.problem.packing.fits` says of the pools that result; the power of each region is a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.master import Master
from planner.optimization.milp import Milp
from planner.optimization.room import Room
from planner.optimization.rows import Rows, rows
from planner.problem.arrays import Floats, Ints, Problem
from planner.problem.mixes import Measure
from planner.problem.offers import Offers


@dataclass(frozen=True)
class Servers:
    """Program columns of servers.

    Attributes
    ----------
    room : Room
        How many may count.
    added : ndarray of int, shape (N,)
        Columns of the servers added to each pool.
    there : ndarray of int, shape (N,)
        Columns that say whether servers of a pool count; -1 where there is nothing to say.
    measure : tuple of (ndarray of int)
        Columns of each region's measures; none where there is but one for any choice.
    """

    room: Room
    added: Ints
    there: Ints
    measure: tuple[Ints, ...]

    @property
    def choices(self) -> Ints:
        """Binary columns in a row."""
        return np.concatenate([self.there[self.there >= 0], *self.measure])


def add_servers(program: Milp, master: Master, problem: Problem, room: Room) -> Servers:
    """Append the columns of servers and their packing rows.

    Parameters
    ----------
    program : Milp
        The program; it grows.
    master : Master
        Its shared part, built of `without_pools`.
    problem : Problem
        The problem as arrays.
    room : Room
        How many servers may count.

    Returns
    -------
    Servers
        Where the columns are.  They cost nothing: prices are set later.

    Notes
    -----
    A founded pool of a single server that may be lost holds nothing and is not founded.
    """
    added = program.add_columns(0.0, 0.0, room.most.astype(float), integer=True)
    there = np.full(added.size, -1, dtype=np.int64)
    measure = []
    for found in room.measures:
        mixed = _is_mixed(room, found)
        pools = np.flatnonzero(
            np.any([np.zeros_like(room.optional), *(m.allowed for m in found)], 0)
        )
        asked = pools[room.optional[pools] & (mixed | (room.lost[pools] > 0))]
        there[asked] = program.add_columns(np.zeros(asked.size), 0.0, 1.0, integer=True)
        count = len(found) if mixed else 0
        measure.append(program.add_columns(np.zeros(count), 0.0, 1.0, integer=True))
    servers = Servers(room, added, there, tuple(measure))
    _bar(program, servers)
    _tie_presence(program, servers)
    for region in range(len(measure)):
        _tie_measures(program, servers, master, region)
        _add_room_rows(program, servers, master, problem, region)
    return servers


def _is_mixed(room: Room, found: tuple[Measure, ...]) -> bool:
    """Whether it depends on the servers what those of a region are measured against."""
    kept = room.base > 0
    return len(found) > 1 or any(not (each & kept).any() for m in found for each in m.attained)


def _bar(program: Milp, servers: Servers) -> None:
    """Keep pools empty that could only lose what they get."""
    room = servers.room
    useless = room.most <= room.lost
    program.bound_columns(servers.added[useless], 0.0, 0.0)


def _tie_presence(program: Milp, servers: Servers) -> None:
    """Servers of a pool count if and only if they are more than it loses."""
    room = servers.room
    for pool in np.flatnonzero(servers.there >= 0):
        pair = np.array([servers.added[pool], servers.there[pool]])
        least, most = 1.0 + room.lost[pool], float(room.most[pool])
        program.add_rows(rows(0.0, np.inf, [0, 0], pair, [1.0, -least]))
        program.add_rows(rows(-np.inf, 0.0, [0, 0], pair, [1.0, -most]))


def _tie_measures(program: Milp, servers: Servers, master: Master, region: int) -> None:
    """One measure holds: that of the largest servers which are there; without any nothing runs."""
    columns, found = servers.measure[region], servers.room.measures[region]
    if not columns.size:
        return
    program.add_rows(rows(-np.inf, 1.0, np.zeros(columns.size), columns, np.ones(columns.size)))
    for runs in master.runs[:, region]:
        program.add_rows(_within(runs, columns))
    kept = servers.room.base > 0
    for pool in np.flatnonzero(
        (servers.there >= 0) & (servers.room.problem.pools.region == region)
    ):
        allowing = [c for c, m in zip(columns, found, strict=True) if m.allowed[pool]]
        program.add_rows(_within(servers.there[pool], np.array(allowing, np.int64)))
    for column, measure in zip(columns, found, strict=True):
        for each in measure.attained:
            if not (each & kept).any():
                program.add_rows(_within(column, servers.there[each & (servers.there >= 0)]))


def _within(column: int, others: Ints) -> Rows:
    """Return the row "a binary column is at most the sum of others"."""
    value = np.append(1.0, -np.ones(others.size))
    return rows(-np.inf, 0.0, np.zeros(value.size), np.append(column, others), value)


def _add_room_rows(
    program: Milp, servers: Servers, master: Master, problem: Problem, region: int
) -> None:
    """Append the packing limit under every measure, and a row that all of them imply."""
    found, columns = servers.room.measures[region], servers.measure[region]
    for last in np.flatnonzero(master.bound[:, region] > 0):
        place = (region, int(last))
        for j, measure in enumerate(found):
            barrier = columns[j : j + 1]
            if measure.holds[last]:
                each = (measure.weight[last], measure.worth[:, last])
                _add_room_row(program, servers, master, problem, place, each, barrier)
            elif columns.size:
                pair = np.append(master.runs[last, region], barrier)
                program.add_rows(rows(-np.inf, 1.0, np.zeros(pair.size), pair, np.ones(pair.size)))
    _add_implied_row(program, servers, master, problem, region)


def _add_implied_row(
    program: Milp, servers: Servers, master: Master, problem: Problem, region: int
) -> None:
    """Append the row that the limit implies whichever service comes last and whatever measures.

    Counted in pods of the largest service, a pod takes the least, and a server makes the most room,
    that it does in any of the rows.  Those are void for a fraction of a service or of a measure,
    so that a relaxation would pass them all; this one is never void.
    """
    runs = master.bound[:, region] > 0
    cases = [
        (m.weight[s] / m.weight[s, unit], m.worth[:, s] / m.weight[s, unit], s)
        for unit in [int(problem.cpu_cores.argmax())]
        for m in servers.room.measures[region]
        for s in np.flatnonzero(runs & m.holds)
    ]
    if not cases:
        return
    weight = np.min([each for each, _, _ in cases], axis=0)
    worth = np.max([each for _, each, _ in cases], axis=0)
    start = float(worth @ servers.room.base) + max(float(each[s]) for each, _, s in cases)
    column, value = _worths(servers, worth)
    everything = np.concatenate([master.replicas[:, region], master.runs[:, region], column])
    entries = np.concatenate([weight, weight * problem.surge_replicas, -value])
    program.add_rows(rows(-np.inf, start, np.zeros(everything.size), everything, entries))


def _add_room_row(
    program: Milp,
    servers: Servers,
    master: Master,
    problem: Problem,
    place: tuple[int, int],
    each: tuple[Floats, Floats],
    barrier: Ints,
) -> None:
    """Append one row of weights and worths, unless any replicas keep it."""
    (region, last), (weight, worth) = place, each
    bound = master.bound[:, region]
    start = float(worth @ servers.room.base) + weight[last]
    free = float(weight @ (bound + problem.surge_replicas * (bound > 0))) - start
    if free > 0:
        room = _worths(servers, worth)
        program.add_rows(packing_row(master, problem, place, weight, start, free, room, barrier))


def _worths(servers: Servers, worth: Floats) -> tuple[Ints, Floats]:
    """Return the columns that make room, and how much: added servers, less one of a new pool."""
    used = np.flatnonzero((worth > 0) & (servers.room.most > 0))
    losing = used[(servers.there[used] >= 0) & (servers.room.lost[used] > 0)]
    column = np.concatenate([servers.added[used], servers.there[losing]])
    return column, np.concatenate([worth[used], -worth[losing]])


def packing_row(
    master: Master,
    problem: Problem,
    place: tuple[int, int],
    weight: Floats,
    start: float,
    free: float,
    room: tuple[Ints, Floats],
    barrier: Ints,
) -> Rows:
    """Return the packing limit of a region and last service with columns that make room.

    Parameters
    ----------
    master : Master
        Where the replicas are.
    problem : Problem
        The problem as arrays.
    place : (int, int)
        Region and last service.
    weight : ndarray, shape (S,)
        What one pod of each service takes.
    start : float
        Room before any server is added.
    free : float
        More room with which the row is void: where the last service does not run.
    room : (ndarray of int, ndarray)
        Columns that make room, and how much each.
    barrier : ndarray of int
        Binary columns that must be 1 for the row to hold.

    Returns
    -------
    Rows
        One row.
    """
    region, last = place
    on_runs = weight * problem.surge_replicas
    on_runs[last] += free
    column = np.concatenate([master.replicas[:, region], master.runs[:, region], room[0], barrier])
    value = np.concatenate([weight, on_runs, -room[1], np.full(barrier.size, free)])
    right = start + free * (1 + barrier.size)
    return rows(-np.inf, right, np.zeros(column.size), column, value)


def add_power_rows(program: Milp, servers: Servers, offers: Offers) -> None:
    """Append the power limit of every region that has one.

    Parameters
    ----------
    program : Milp
        The program; it grows.
    servers : Servers
        Where its servers are.
    offers : Offers
        What they draw.
    """
    left = offers.limit_w - offers.drawn_w(offers.pools.servers)
    for region in np.flatnonzero(np.isfinite(left)):
        mine = np.flatnonzero((offers.pools.region == region) & (offers.power_w > 0))
        scale = float(offers.power_w[mine].max(initial=1.0))
        draw = offers.power_w[mine] / scale
        column = servers.added[mine]
        # Watts are given in decimals: a limit that is met to the last one is met.
        top = left[region] / scale + 1e-9
        program.add_rows(rows(-np.inf, top, np.zeros(mine.size), column, draw))

r"""Load rows of large programs: written over what follows each order, not over each origin's share.

In a promised state a column loads the first region of its order that is up, whatever its origin.
So with one column for the demand of a service and hour whose order begins with a list ``p``,

.. math:: F_{shp} = \sum_{c:\, \text{order}(c) = p} D_{s\,o(c)\,h}\, \text{share}_c
          \;\text{ (whole orders)},\qquad F_{shp} = \sum_r F_{sh(p, r)} \;\text{ (shorter lists)},

a region ``r`` is loaded by the lists that end in it after regions that are all down,

.. math:: L_{ksrh} = \sum_{p \,\subseteq\, \text{down}(k)} F_{sh(p, r)} .

A share then stands in one row an hour instead of one a state, and a load row in a handful of lists
instead of all orders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from planner.optimization.columns import OrderColumns
from planner.optimization.milp import Milp
from planner.optimization.rows import Entries, Rows, joined, rows
from planner.optimization.sums import add_sums
from planner.problem.arrays import Bools, Floats, Ints, Problem

MANY_ENTRIES = 200_000
"""Columns times promised states from which flows are worth their own columns and rows."""


@dataclass(frozen=True)
class Level:
    """The lists of one length that orders begin with.

    Attributes
    ----------
    region : ndarray of int, shape (P, J)
        Regions of each list in order, padded with -1.
    flow : ndarray of int, shape (P,)
        Program columns of what follows them.
    row : ndarray of int, shape (P,)
        Rows that tie that to what follows the longer ones.
    of : ndarray of int, shape (n,)
        Which of them each list that is one region longer begins with; for the longest, which of
        them each order column of the service's host is or begins with.
    """

    region: Ints
    flow: Ints
    row: Ints
    of: Ints


@dataclass(frozen=True)
class LoadRows:
    """Load rows of a service in an hour.

    Attributes
    ----------
    row, state, region : ndarray of int, shape (N,)
        The rows, and which state and region each is of.
    one_rps : ndarray, shape (N,)
        Capacity of one replica there.
    """

    row: Ints
    state: Ints
    region: Ints
    one_rps: Floats


@dataclass
class OrderFlows:
    """Columns of the demand that follows each list, made when a row first asks for them.

    Attributes
    ----------
    problem, columns : Problem and OrderColumns
        What they stand for.
    program : Milp
        Where they are.
    share : ndarray of int, shape (C,)
        Program columns of the order columns.
    known : dict
        (service, hour) to the levels, the longest lists first.
    """

    problem: Problem
    columns: OrderColumns
    program: Milp
    share: Ints
    known: dict[tuple[int, int], list[Level]] = field(default_factory=dict)

    def of(self, service: int, hour: int) -> list[Level]:
        """Return a service's flows in an hour, in units of a mean replica.

        Parameters
        ----------
        service, hour : int
            Which service and hour.

        Returns
        -------
        list of Level
            One for each length, the longest first.
        """
        if (service, hour) not in self.known:
            levels = [self._orders(service, hour)]
            while levels[-1].region.shape[1] > 1:
                levels.append(self._shorter(levels[-1]))
            self.known[service, hour] = levels
        return self.known[service, hour]

    def unit_rps(self, service: int) -> float:
        """Return what the service's flows are measured in, requests per second."""
        return float(self.problem.rps_per_replica[service].mean())

    def put(self, x: Floats, share: Floats) -> None:
        """Write what follows each list into a point of the program.

        Parameters
        ----------
        x : ndarray, shape (n,)
            The point; it is changed.
        share : ndarray, shape (C,)
            Part of the demand of its host and origin on each order column.
        """
        columns, problem = self.columns, self.problem
        for (service, hour), levels in self.known.items():
            mine = np.flatnonzero(columns.host == problem.host_of_service[service])
            rps = problem.demand_rps[service, columns.origin[mine], hour] * share[mine]
            value = rps / self.unit_rps(service)
            for level in levels:
                value = np.bincount(level.of, value, level.flow.size)
                x[level.flow] = value

    def load_rows(
        self, replicas: Ints, one_rps: Floats, keys: list[tuple[int, int, int, int]]
    ) -> Rows:
        """Return load rows of promised states over flows, in units of one replica.

        Parameters
        ----------
        replicas : ndarray of int, shape (S, R)
            Program columns of the replicas.
        one_rps : ndarray, shape (K, S, R)
            Capacity of one replica in each state.
        keys : list of (state, service, region, hour)
            Which rows; the regions are up in their states.

        Returns
        -------
        Rows
            One row a key, in their order: load ≤ replicas.
        """
        return written(replicas, one_rps, keys, self._landed)

    def _landed(self, service: int, hour: int, loads: LoadRows) -> list[Entries]:
        """Return where flows stand in load rows, by their columns."""
        return [
            landed(self.problem, level.region, level.flow, self.unit_rps(service), loads)
            for level in self.of(service, hour)
        ]

    def _orders(self, service: int, hour: int) -> Level:
        """Append the flows of whole orders, tied to the shares."""
        columns, problem = self.columns, self.problem
        mine = np.flatnonzero(columns.host == problem.host_of_service[service])
        first, number = columns.pattern
        orders, row = np.unique(number[mine], return_inverse=True)
        rps = problem.demand_rps[service, columns.origin[mine], hour]
        value = rps / self.unit_rps(service)
        return tied(self.program, columns.order[first[orders]], row, self.share[mine], value)

    def _shorter(self, level: Level) -> Level:
        """Append the flows of lists that are one region shorter, tied to the longer ones."""
        return shorter(self.program, level.region, level.flow, np.ones(level.flow.size))


def tied(program: Milp, lists: Ints, of: Ints, column: Ints, value: Floats) -> Level:
    """Append the flows of lists, and the rows that tie them to other columns.

    Parameters
    ----------
    program : Milp
        The program; it grows.
    lists : ndarray of int, shape (P, J)
        Regions of each list in order.
    of : ndarray of int, shape (n,)
        Which list each of the other columns belongs to.
    column : ndarray of int, shape (n,)
        Those columns.
    value : ndarray, shape (n,)
        What each counts.

    Returns
    -------
    Level
        The lists.
    """
    flow = add_sums(program, of, column, value)
    row = np.arange(program.row_count - flow.size, program.row_count)
    return Level(lists, flow, row, of)


def shorter(program: Milp, lists: Ints, column: Ints, value: Floats) -> Level:
    """Append the flows of what is one region shorter than some lists, tied to these.

    Parameters
    ----------
    program : Milp
        The program; it grows.
    lists : ndarray of int, shape (n, J + 1)
        Regions of the longer lists in order.
    column : ndarray of int, shape (n,)
        Columns of what follows those.
    value : ndarray, shape (n,)
        What each counts.

    Returns
    -------
    Level
        The shorter lists.
    """
    region, of = np.unique(lists[:, :-1], axis=0, return_inverse=True)
    return tied(program, region, of.ravel(), column, value)


def by_service_and_hour(row: Ints, key: Ints, one_rps: Floats) -> dict[tuple[int, int], LoadRows]:
    """Return load rows by service and hour.

    Parameters
    ----------
    row : ndarray of int, shape (N,)
        The rows.
    key : ndarray of int, shape (N, 4)
        State, service, region and hour of each.
    one_rps : ndarray, shape (K, S, R)
        Capacity of one replica in each state.

    Returns
    -------
    dict
        (service, hour), rising, to their rows.
    """
    found = {}
    for service, hour in np.unique(key[:, [1, 3]], axis=0).tolist():
        at = np.flatnonzero((key[:, 1] == service) & (key[:, 3] == hour))
        state, region = key[at, 0], key[at, 2]
        found[service, hour] = LoadRows(row[at], state, region, one_rps[state, service, region])
    return found


def written(
    replicas: Ints,
    one_rps: Floats,
    keys: list[tuple[int, int, int, int]],
    landed_in: Callable[[int, int, LoadRows], list[Entries]],
) -> Rows:
    """Return load rows, in units of one replica.

    Parameters
    ----------
    replicas : ndarray of int, shape (S, R)
        Program columns of the replicas.
    one_rps : ndarray, shape (K, S, R)
        Capacity of one replica in each state.
    keys : list of (state, service, region, hour)
        Which rows.
    landed_in : callable
        Given a service, an hour and their rows, numbered from 0: what loads them, by column.

    Returns
    -------
    Rows
        One row a key, in their order: load ≤ replicas.
    """
    key, at = np.array(keys, np.int64).reshape(-1, 4), np.arange(len(keys))
    parts = [Entries(at, replicas[key[:, 1], key[:, 2]], np.full(at.size, -1.0))]
    for (service, hour), loads in by_service_and_hour(at, key, one_rps).items():
        parts += landed_in(service, hour, loads)
    every, zero = joined(parts), np.zeros(at.size)
    return rows(zero - np.inf, zero, every.row, every.place, every.value)


def landed(
    problem: Problem, lists: Ints, place: Ints, rps: Floats | float, loads: LoadRows
) -> Entries:
    """Return where lists load their last regions.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    lists : ndarray of int, shape (P, J)
        Regions in order, padded with -1.
    place : ndarray of int, shape (P,)
        The column of each.
    rps : ndarray, shape (P,), or float
        What follows each, requests per second.
    loads : LoadRows
        The rows.

    Returns
    -------
    Entries
        In units of one replica.
    """
    down = ~problem.region_up[loads.state]
    key, lands = np.nonzero(landing(lists, down, loads.region))
    follows = np.broadcast_to(rps, place.shape)[lands]
    return Entries(loads.row[key], place[lands], follows / loads.one_rps[key])


def landing(lists: Ints, down: Bools, region: Ints) -> Bools:
    """Return which lists end in a region after regions that are all down.

    Parameters
    ----------
    lists : ndarray of int, shape (P, J)
        Regions in order, padded with -1.
    down : ndarray of bool, shape (N, R)
        Which regions are down in each of N states.
    region : ndarray of int, shape (N,)
        A region in each of them.

    Returns
    -------
    ndarray of bool, shape (N, P)
        Whether the region is loaded by what follows the list.

    Examples
    --------
    >>> landing(np.array([[0, 1], [1, 0]]), np.array([[True, False]]), np.array([1]))
    array([[ True, False]])
    """
    lands: Bools = lists[:, -1] == region[:, None]
    for before in lists[:, :-1].T:
        lands &= down[:, before] & (before >= 0)
    return lands

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

from dataclasses import dataclass, field

import numpy as np

from planner.optimization.columns import OrderColumns
from planner.optimization.milp import Milp
from planner.optimization.rows import Rows, rows
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
        Regions of each list in order.
    flow : ndarray of int, shape (P,)
        Program columns of what follows them.
    of : ndarray of int, shape (n,)
        Which of them each list that is one region longer begins with; for the longest, which of
        them each order column of the service's host is.
    """

    region: Ints
    flow: Ints
    of: Ints


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
        key = np.array(keys, np.int64).reshape(-1, 4)
        state, service, region, hour = key.T
        down = ~self.problem.region_up
        entries = [(np.arange(len(keys)), replicas[service, region], np.full(len(keys), -1.0))]
        for one in sorted({(int(s), int(h)) for s, h in zip(service, hour, strict=True)}):
            at = np.flatnonzero((service == one[0]) & (hour == one[1]))
            value = self.unit_rps(one[0]) / one_rps[state[at], one[0], region[at]]
            for level in self.of(*one):
                row, column = np.nonzero(landing(level.region, down[state[at]], region[at]))
                entries.append((at[row], level.flow[column], value[row]))
        zero = np.zeros(len(keys))
        row, column, value = (np.concatenate(part) for part in zip(*entries, strict=True))
        return rows(zero - np.inf, zero, row, column, value)

    def _orders(self, service: int, hour: int) -> Level:
        """Append the flows of whole orders, tied to the shares."""
        columns, problem = self.columns, self.problem
        mine = np.flatnonzero(columns.host == problem.host_of_service[service])
        first, number = columns.pattern
        orders, row = np.unique(number[mine], return_inverse=True)
        rps = problem.demand_rps[service, columns.origin[mine], hour]
        flow = add_sums(self.program, row, self.share[mine], rps / self.unit_rps(service))
        return Level(columns.order[first[orders]], flow, row)

    def _shorter(self, level: Level) -> Level:
        """Append the flows of lists that are one region shorter, tied to the longer ones."""
        region, row = np.unique(level.region[:, :-1], axis=0, return_inverse=True)
        row = row.ravel()
        return Level(region, add_sums(self.program, row, level.flow, np.ones(row.size)), row)


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

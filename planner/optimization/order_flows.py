r"""Load rows of large programs: written over what follows each order, not over each origin's share.

In a promised state a column loads the first region of its order that is up, whatever its origin.
So with one column for the demand of a service and hour that follows an order ``p``,

.. math:: F_{shp} = \sum_{c:\, \text{order}(c) = p} D_{s\,o(c)\,h}\, \text{share}_c,
          \qquad L_{ksrh} = \sum_{p:\, \text{serve}(k, p) = r} F_{shp},

a share stands in one row an hour instead of one a state.  Orders are few beside columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from planner.optimization.columns import OrderColumns
from planner.optimization.milp import Milp
from planner.optimization.rows import Rows, rows
from planner.problem.arrays import Floats, Ints, Problem

MANY_ENTRIES = 200_000
"""Columns times promised states from which flows are worth their own columns and rows."""


@dataclass
class OrderFlows:
    """Columns of the demand that follows each order, made when a row first asks for them.

    Attributes
    ----------
    problem, columns : Problem and OrderColumns
        What they stand for.
    program : Milp
        Where they are.
    share : ndarray of int, shape (C,)
        Program columns of the order columns.
    known : dict
        (service, hour) to the orders in use and their program columns.
    """

    problem: Problem
    columns: OrderColumns
    program: Milp
    share: Ints
    known: dict[tuple[int, int], tuple[Ints, Ints]] = field(default_factory=dict)

    def of(self, service: int, hour: int) -> tuple[Ints, Ints]:
        """Return a service's flows in an hour, in units of a mean replica.

        Parameters
        ----------
        service, hour : int
            Which service and hour.

        Returns
        -------
        (ndarray, ndarray) of int, shape (P,) each
            A column that shows each order, and the flow's program column.
        """
        if (service, hour) not in self.known:
            self.known[service, hour] = self._added(service, hour)
        return self.known[service, hour]

    def unit_rps(self, service: int) -> float:
        """Return what the service's flows are measured in, requests per second."""
        return float(self.problem.rps_per_replica[service].mean())

    def _added(self, service: int, hour: int) -> tuple[Ints, Ints]:
        """Append the flows and the rows that tie them to the shares."""
        columns, problem = self.columns, self.problem
        mine = np.flatnonzero(columns.host == problem.host_of_service[service])
        first, number = columns.pattern
        orders, row = np.unique(number[mine], return_inverse=True)
        flow = self.program.add_columns(np.zeros(orders.size), 0.0, np.inf)
        rps = problem.demand_rps[service, columns.origin[mine], hour]
        zero, every = np.zeros(orders.size), np.arange(orders.size)
        self.program.add_rows(
            rows(
                zero,
                zero,
                np.concatenate([row, every]),
                np.concatenate([self.share[mine], flow]),
                np.concatenate([rps / self.unit_rps(service), zero - 1.0]),
            )
        )
        return first[orders], flow


def flow_rows(
    flows: OrderFlows, replicas: Ints, one_rps: Floats, keys: list[tuple[int, int, int, int]]
) -> Rows:
    """Return load rows of promised states over flows, in units of one replica.

    Parameters
    ----------
    flows : OrderFlows
        The flows; those of the keys' services and hours are appended if need be.
    replicas : ndarray of int, shape (S, R)
        Program columns of the replicas.
    one_rps : ndarray, shape (K, S, R)
        Capacity of one replica in each state.
    keys : list of (state, service, region, hour)
        Which rows.

    Returns
    -------
    Rows
        One row a key, in their order: load ≤ replicas.
    """
    key = np.array(keys, np.int64).reshape(-1, 4)
    state, service, region, hour = key.T
    entries = [(np.arange(len(keys)), replicas[service, region], np.full(len(keys), -1.0))]
    for one in sorted({(int(s), int(h)) for s, h in zip(service, hour, strict=True)}):
        shown, flow = flows.of(*one)
        at = np.flatnonzero((service == one[0]) & (hour == one[1]))
        lands = flows.columns.serve[:, shown][state[at]] == region[at, None]
        row, column = np.nonzero(lands)
        value = flows.unit_rps(one[0]) / one_rps[state[at], one[0], region[at]]
        entries.append((at[row], flow[column], value[row]))
    zero = np.zeros(len(keys))
    row, column, value = (np.concatenate(part) for part in zip(*entries, strict=True))
    return rows(zero - np.inf, zero, row, column, value)

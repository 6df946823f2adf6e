r"""Load rows of programs whose columns are priced in: over what begins orders, and it grows.

As in `planner.optimization.order_flows`, but whole orders have no flow of their own: the last
region of an order is loaded in few states only, so its share stands in those rows itself,

.. math:: L_{ksrh} = \sum_{p \,\subseteq\, \text{down}(k)} F_{sh(p, r)}
          + \sum_{c:\, \text{order}(c) = (p, r)} D_{s\,o(c)\,h}\, \text{share}_c .

A column that joins stands in one row of its beginning for each hour, in the rows of its last
region, and gives flows to beginnings that no other order has.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from planner.optimization.columns import OrderColumns
from planner.optimization.milp import Milp
from planner.optimization.order_flows import Level, LoadRows, landed, shorter, written
from planner.optimization.rows import Entries, Rows, joined, rows
from planner.problem.arrays import Floats, Ints, Problem


@dataclass
class GrowingFlows:
    """Columns of the demand that follows each beginning, made when a row first asks for them.

    Attributes
    ----------
    problem, columns : Problem and OrderColumns
        What they stand for.
    program : Milp
        Where they are.
    share : ndarray of int, shape (C,)
        Program columns of the order columns.
    known : dict
        (service, hour) to the beginnings, the longest first.
    """

    problem: Problem
    columns: OrderColumns
    program: Milp
    share: Ints
    known: dict[tuple[int, int], list[Level]] = field(default_factory=dict)

    def load_rows(
        self, replicas: Ints, one_rps: Floats, keys: list[tuple[int, int, int, int]]
    ) -> Rows:
        """Return load rows of promised states, in units of one replica.

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
        return written(replicas, one_rps, keys, self._loaded)

    def grow(self, new: OrderColumns, loads: dict[tuple[int, int], LoadRows]) -> list[Entries]:
        """Take in more columns: beginnings that no order had get flows of their own.

        Parameters
        ----------
        new : OrderColumns
            The columns, not yet in the program.
        loads : dict
            (service, hour) to the load rows that the program has.

        Returns
        -------
        list of Entries
            Where the new columns stand in the rows of flows and of loads.
        """
        entries = []
        for (service, hour), levels in self.known.items():
            mine = np.flatnonzero(new.host == self.problem.host_of_service[service])
            grown = _grown(levels, new.order[mine])
            here, unit = loads.get((service, hour)), self.unit_rps(service)
            self.known[service, hour] = grown = self._appended(grown, here, unit)
            if grown:
                row = grown[0].row[grown[0].of[levels[0].of.size :]]
                rps = self.problem.demand_rps[service, new.origin[mine], hour]
                entries.append(Entries(row, mine, rps / unit))
            if here is not None:
                entries.append(self._orders(new, np.arange(new.host.size), service, hour, here))
        return entries

    def unit_rps(self, service: int) -> float:
        """Return what the service's flows are measured in, requests per second."""
        return float(self.problem.rps_per_replica[service].mean())

    def _of(self, service: int, hour: int) -> list[Level]:
        """Return a service's beginnings in an hour; append them the first time."""
        if (service, hour) not in self.known:
            mine = np.flatnonzero(self.columns.host == self.problem.host_of_service[service])
            rps = self.problem.demand_rps[service, self.columns.origin[mine], hour]
            lists, column = self.columns.order[mine], self.share[mine]
            value, levels = rps / self.unit_rps(service), []
            while lists.shape[1] > 1:
                levels.append(shorter(self.program, lists, column, value))
                lists, column = levels[-1].region, levels[-1].flow
                value = np.ones(column.size)
            self.known[service, hour] = levels
        return self.known[service, hour]

    def _loaded(self, service: int, hour: int, loads: LoadRows) -> list[Entries]:
        """Return where beginnings and whole orders stand in load rows, by their columns."""
        begun, unit = self._of(service, hour), self.unit_rps(service)
        parts = [landed(self.problem, each.region, each.flow, unit, loads) for each in begun]
        return [*parts, self._orders(self.columns, self.share, service, hour, loads)]

    def _orders(
        self, columns: OrderColumns, place: Ints, service: int, hour: int, loads: LoadRows
    ) -> Entries:
        """Return where whole orders load their last regions."""
        mine = np.flatnonzero(columns.host == self.problem.host_of_service[service])
        rps = self.problem.demand_rps[service, columns.origin[mine], hour]
        return landed(self.problem, columns.order[mine], place[mine], rps, loads)

    def _appended(self, grown: list[Level], loads: LoadRows | None, unit: float) -> list[Level]:
        """Append rows and flows of the lists that have none yet; the shortest lists first."""
        done: list[Level] = []
        for level in reversed(grown):
            fresh = np.arange(level.flow.size, level.region.shape[0])
            zero, place = np.zeros(fresh.size), fresh - level.flow.size
            row = self.program.add_rows(rows(zero, zero, [], [], []))
            parts = [Entries(row, place, zero - 1.0)]
            if done:
                parts.append(Entries(done[-1].row[done[-1].of[fresh]], place, zero + 1.0))
            if loads is not None:
                parts.append(landed(self.problem, level.region[fresh], place, unit, loads))
            flow = self.program.add_columns(zero, 0.0, np.inf, entries=joined(parts))
            flow, row = np.append(level.flow, flow), np.append(level.row, row)
            done.append(replace(level, flow=flow, row=row))
        return done[::-1]


def _grown(levels: list[Level], lists: Ints) -> list[Level]:
    """Return the beginnings of more orders; those of `region` beyond `flow` are the new ones."""
    grown = []
    for level in levels:
        count = level.region.shape[0]
        every = np.concatenate([level.region, lists[:, :-1]])
        _, first, number = np.unique(every, axis=0, return_index=True, return_inverse=True)
        place = first[number.ravel()[count:]]
        fresh = np.unique(place[place >= count])
        of = np.where(place < count, place, count + np.searchsorted(fresh, place))
        region = np.concatenate([level.region, every[fresh]])
        grown.append(replace(level, region=region, of=np.append(level.of, of)))
        lists = every[fresh]
    return grown

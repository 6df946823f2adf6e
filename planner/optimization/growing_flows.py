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
from planner.optimization.order_flows import landing
from planner.optimization.rows import Entries, Rows, joined, rows
from planner.optimization.sums import add_sums
from planner.problem.arrays import Floats, Ints, Problem


@dataclass(frozen=True)
class Beginning:
    """Lists of one length that orders begin with.

    Attributes
    ----------
    region : ndarray of int, shape (P, J)
        Regions of each list in order, padded with -1.
    flow : ndarray of int, shape (P,)
        Program columns of what follows them.
    row : ndarray of int, shape (P,)
        Rows that tie that to what follows the longer ones.
    of : ndarray of int, shape (n,)
        Which of them each list that is one region longer begins with; for the longest, each order
        column of the service's host.
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
    known: dict[tuple[int, int], list[Beginning]] = field(default_factory=dict)

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
        key = np.array(keys, np.int64).reshape(-1, 4)
        entries = [(np.arange(len(keys)), replicas[key[:, 1], key[:, 2]], np.full(len(keys), -1.0))]
        for service, hour in np.unique(key[:, [1, 3]], axis=0).tolist():
            at = np.flatnonzero((key[:, 1] == service) & (key[:, 3] == hour))
            state, region = key[at, 0], key[at, 2]
            loads = LoadRows(at, state, region, one_rps[state, service, region])
            for level in self._of(service, hour):
                unit = np.full(level.flow.size, self.unit_rps(service))
                landed = self._landed(level.region, unit, loads)
                entries.append((landed.row, level.flow[landed.place], landed.value))
            landed = self._landed_orders(self.columns, service, hour, loads)
            entries.append((landed.row, self.share[landed.place], landed.value))
        zero = np.zeros(len(keys))
        row, column, value = (np.concatenate(part) for part in zip(*entries, strict=True))
        return rows(zero - np.inf, zero, row, column, value)

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
                entries.append(self._landed_orders(new, service, hour, here))
        return entries

    def unit_rps(self, service: int) -> float:
        """Return what the service's flows are measured in, requests per second."""
        return float(self.problem.rps_per_replica[service].mean())

    def _of(self, service: int, hour: int) -> list[Beginning]:
        """Return a service's beginnings in an hour; append them the first time."""
        if (service, hour) not in self.known:
            mine = np.flatnonzero(self.columns.host == self.problem.host_of_service[service])
            rps = self.problem.demand_rps[service, self.columns.origin[mine], hour]
            lists, column = self.columns.order[mine], self.share[mine]
            value, levels = rps / self.unit_rps(service), []
            while lists.shape[1] > 1:
                lists, of = np.unique(lists[:, :-1], axis=0, return_inverse=True)
                of = of.ravel()
                column, value = add_sums(self.program, of, column, value), np.ones(lists.shape[0])
                row = np.arange(self.program.row_count - column.size, self.program.row_count)
                levels.append(Beginning(lists, column, row, of))
            self.known[service, hour] = levels
        return self.known[service, hour]

    def _landed_orders(
        self, columns: OrderColumns, service: int, hour: int, loads: LoadRows
    ) -> Entries:
        """Return where whole orders load their last regions."""
        mine = np.flatnonzero(columns.host == self.problem.host_of_service[service])
        rps = self.problem.demand_rps[service, columns.origin[mine], hour]
        landed = self._landed(columns.order[mine], rps, loads)
        return replace(landed, place=mine[landed.place])

    def _landed(self, lists: Ints, rps: Floats, loads: LoadRows) -> Entries:
        """Return where lists load their last regions; `rps` follows each."""
        down = ~self.problem.region_up[loads.state]
        key, lands = np.nonzero(landing(lists, down, loads.region))
        return Entries(loads.row[key], lands, rps[lands] / loads.one_rps[key])

    def _appended(
        self, grown: list[Beginning], loads: LoadRows | None, unit: float
    ) -> list[Beginning]:
        """Append rows and flows of the lists that have none yet; the shortest lists first."""
        done: list[Beginning] = []
        for level in reversed(grown):
            fresh = np.arange(level.flow.size, level.region.shape[0])
            zero, place = np.zeros(fresh.size), fresh - level.flow.size
            row = self.program.add_rows(rows(zero, zero, [], [], []))
            parts = [Entries(row, place, zero - 1.0)]
            if done:
                parts.append(Entries(done[-1].row[done[-1].of[fresh]], place, zero + 1.0))
            if loads is not None:
                parts.append(self._landed(level.region[fresh], zero + unit, loads))
            flow = self.program.add_columns(zero, 0.0, np.inf, entries=joined(parts))
            flow, row = np.append(level.flow, flow), np.append(level.row, row)
            done.append(replace(level, flow=flow, row=row))
        return done[::-1]


def _grown(levels: list[Beginning], lists: Ints) -> list[Beginning]:
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

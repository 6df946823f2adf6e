r"""Where each origin's demand goes first, beside the orders that merged origins share.

At given shares ``λ`` of the classes' orders the first regions are a transportation problem,

.. math:: \min_{x \ge 0} \sum_{o, r} c_{or}\, x_{or} \quad\text{s.t.}\quad \sum_r x_{or} = 1,
          \quad \sum_{o \in q} p_o\, x_{or} = \sum_{c \in q:\, \text{first}(c) = r} \lambda_c ,

with ``p`` the parts of the class's demand.  Orders of each origin come back by handing out what
begins in a region along one line: origins on one side, orders on the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from planner.errors import PlannerError
from planner.optimization.columns import OrderColumns, column_costs
from planner.optimization.merged_origins import MergedOrigins
from planner.optimization.milp import Milp
from planner.optimization.rows import Rows, rows
from planner.optimization.stopping import NEVER
from planner.problem.arrays import Floats, Ints

_ROUNDING = 1e-8
"""Part of a class that what begins in a region may differ by, where a solver needs it."""


@dataclass
class FirstChoices:
    """The first regions of all origins: F triples of a host name, an origin and a region.

    Attributes
    ----------
    merged : MergedOrigins
        The classes.
    columns : OrderColumns
        Their orders.
    host, origin, region : ndarray of int, shape (F,)
        The triples.
    part : ndarray, shape (F,)
        Part of the class's demand that the origin is.
    usd_month : ndarray, shape (F,)
        What the latency of the whole origin costs there, US dollars a month.
    begin : ndarray of int, shape (F,)
        Number of the (host name, class, region) that the triple belongs to.
    begins : ndarray of int, shape (C,)
        The same of each order.
    column : ndarray of int, shape (F,)
        Columns of the program that was given.
    """

    merged: MergedOrigins
    columns: OrderColumns
    host: Ints
    origin: Ints
    region: Ints
    part: Floats
    usd_month: Floats
    begin: Ints
    begins: Ints
    column: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    _transport: Milp | None = None

    @classmethod
    def of(cls, merged: MergedOrigins, columns: OrderColumns) -> FirstChoices:
        """List the triples.

        Parameters
        ----------
        merged : MergedOrigins
            The classes.
        columns : OrderColumns
            Their orders; every class that calls a host name has some.

        Returns
        -------
        FirstChoices
            Not yet in a program.
        """
        regions = merged.each.region_up.shape[1]
        code = columns.group * regions + columns.order[:, 0]
        known, begins = np.unique(code, return_inverse=True)
        classes = merged.problem.demand_rps.shape[1]
        group, region = np.divmod(known, regions)
        host, of = np.divmod(group, classes)
        begin, origin = _members(merged.of, of)
        calls = merged.part[host[begin], origin] > 0
        begin, origin = begin[calls], origin[calls]
        host, region = host[begin], region[begin]
        no_loss = replace(merged.each, usd_per_lost_request=0.0)
        usd = column_costs(no_loss, host, origin, region[None])
        part = merged.part[host, origin]
        return cls(merged, columns, host, origin, region, part, usd, begin, begins.reshape(-1))

    @property
    def usd_per_rps(self) -> Floats:
        """What latency costs for each request per second of the origin's busiest hour, (F,)."""
        rps = self.merged.each.demand_rps.max(axis=2).sum(axis=0)[self.origin]
        each: Floats = self.usd_month / rps
        return each

    def add_to(self, program: Milp, share: Ints) -> None:
        """Append the columns and rows to a program of the classes' orders.

        Parameters
        ----------
        program : Milp
            The program; it grows.
        share : ndarray of int, shape (C,)
            Its columns of the orders.
        """
        self.column = program.add_columns(self.usd_month, 0.0, 1.0)
        program.add_rows(self._whole(self.column))
        program.add_rows(self._tied(self.column, self.begins, share))

    def _tied(self, column: Ints, begins: Ints, there: Ints) -> Rows:
        """Return the rows that tie the first regions to the orders that begin there."""
        zero = np.zeros(int(begins.max(initial=-1)) + 1)
        row = np.concatenate([self.begin, begins])
        value = np.concatenate([self.part, np.full(begins.size, -1.0)])
        return rows(zero, zero, row, np.concatenate([column, there]), value)

    def _whole(self, column: Ints) -> Rows:
        """Return the rows that every origin goes somewhere."""
        group = self.host * self.merged.of.size + self.origin
        _, row = np.unique(group, return_inverse=True)
        ones = np.ones(int(row.max(initial=-1)) + 1)
        return rows(ones, ones, row.reshape(-1), column, np.ones(column.size))

    def chosen(self, share: Floats) -> tuple[Floats, float]:
        """Choose the first regions at given shares of the orders, at least cost.

        Parameters
        ----------
        share : ndarray, shape (C,)
            Shares; those of a class sum to 1.

        Returns
        -------
        ndarray, shape (F,)
            Part of its origin that each triple gets.
        float
            What their latency costs, US dollars a month.

        Raises
        ------
        PlannerError
            If the shares of a class do not sum to 1.
        """
        wanted = np.bincount(self.begins, share)
        self._transport = self._transport or self._made(wanted.size)
        begins = np.arange(wanted.size) + self.begin.size
        self._transport.bound_columns(begins, wanted, wanted)
        found = self._transport.relaxation(NEVER)
        if found.x is None:
            # To a solver that simplifies, sums may differ in their last digits: with some room.
            self._transport.bound_columns(begins, wanted - _ROUNDING, wanted + _ROUNDING)
            found = self._transport.relaxation(NEVER)
        if found.x is None:
            raise PlannerError("the shares of merged origins do not sum to 1")
        return np.maximum(found.x[: self.begin.size], 0.0), found.objective

    def _made(self, begins: int) -> Milp:
        """Return the transportation problem: triples, then what begins in each region."""
        transport = Milp()
        x = transport.add_columns(self.usd_month, 0.0, 1.0)
        there = transport.add_columns(np.zeros(begins), 0.0, 0.0)
        transport.add_rows(self._whole(x))
        transport.add_rows(self._tied(x, np.arange(begins), there))
        return transport

    def handed_out(self, share: Floats) -> tuple[Ints, Ints, Floats]:
        """Hand the orders of the classes out to their origins.

        Parameters
        ----------
        share : ndarray, shape (C,)
            Shares; those of a class sum to 1.

        Returns
        -------
        ndarray of int, shape (N,)
            Triples.
        ndarray of int, shape (N,)
            Orders of the triples' classes that begin in the triples' regions.
        ndarray, shape (N,)
            Part of the triple's origin that follows the order, above 0.
        """
        x, _ = self.chosen(share)
        triple = np.argsort(self.begin, kind="stable")
        order = np.argsort(self.begins, kind="stable")
        # What begins somewhere lies on one line, once as triples and once as orders, equally long.
        wanted = np.bincount(self.begins, share)
        amount = (x * self.part)[triple]
        there = np.bincount(self.begin, x * self.part, wanted.size)
        amount *= (wanted / np.maximum(there, 1e-300))[self.begin[triple]]
        one, other = np.cumsum(amount), np.cumsum(share[order])
        end = np.unique(np.concatenate([one, other]))
        middle, length = end - np.diff(end, prepend=0.0) / 2, np.diff(end, prepend=0.0)
        at = np.minimum(np.searchsorted(one, middle), triple.size - 1)
        to = np.minimum(np.searchsorted(other, middle), order.size - 1)
        kept = (length > 1e-12) & (self.begin[triple[at]] == self.begins[order[to]])
        at, to = triple[at[kept]], order[to[kept]]
        return at, to, length[kept] / self.part[at]


def _members(of: Ints, asked: Ints) -> tuple[Ints, Ints]:
    """Return the origins of each class asked for: its place among those asked, and the origin."""
    sort, size = np.argsort(of, kind="stable"), np.bincount(of)
    start, count = (np.cumsum(size) - size)[asked], size[asked]
    place = np.repeat(np.arange(asked.size), count)
    behind = np.arange(place.size) - (np.cumsum(count) - count)[place]
    return place, sort[start[place] + behind]

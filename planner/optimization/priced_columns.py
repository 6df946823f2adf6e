"""What a program whose columns are priced in has beside them: all orders, and what none serves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.columns import OrderColumns, lost_usd_per_rps
from planner.optimization.milp import Milp, MilpResult
from planner.optimization.order_pool import OrderPool, RowPrices
from planner.optimization.rows import Entries
from planner.problem.arrays import Floats, Ints, Problem
from planner.problem.packing import packing_limits, replica_bounds

_LEFT = 1e-7
"""Part of an origin's demand that counts as served although no column serves it."""

_DEARER = 100.0
"""By so much the price of what no column serves rises where it is used all the same."""

_DEAREST = 1e12
"""US dollars a month at which it rises no more: the solver's numbers end there."""

_BACKUPS = 3.0
"""Times the replicas that serve an origin: some for backups."""


@dataclass
class PricedColumns:
    """All orders, and for each host name and origin a column that serves it outside the model.

    So there is always an answer, and what it costs tells whether any plan is possible.

    Attributes
    ----------
    pool : OrderPool
        All orders.
    group : ndarray of int, shape (N,)
        Hosts and origins that call, as one number each, rising.
    row : ndarray of int, shape (N,)
        Rows "their shares sum to 1".
    outside : ndarray of int, shape (N,)
        Columns that serve them outside the model.
    usd : ndarray, shape (G, O)
        What those cost, US dollars a month.
    most_usd : float
        No plan costs more than this.
    """

    pool: OrderPool
    group: Ints
    row: Ints
    outside: Ints
    usd: Floats
    most_usd: float

    @classmethod
    def of(cls, pool: OrderPool, program: Milp, row: Ints) -> PricedColumns:
        """Append the columns that serve demand outside the model.

        Parameters
        ----------
        pool : OrderPool
            All orders.
        program : Milp
            The program with its first shares.
        row : ndarray of int, shape (N,)
            Rows "shares sum to 1", one for each host and origin that calls it.

        Returns
        -------
        PricedColumns
            Its columns cost what serving so much could be worth at most at first sight.
        """
        group = np.flatnonzero(pool.short.called.ravel())
        usd, at = _worth_usd(pool.problem), np.arange(group.size)
        outside = program.add_columns(
            usd.ravel()[group], 0.0, 1.0, entries=Entries(row, at, np.ones(at.size))
        )
        return cls(pool, group, row, outside, usd, _most_usd(pool))

    def row_of(self, columns: OrderColumns) -> Ints:
        """Return the row "shares sum to 1" of each column, shape (C,)."""
        rows: Ints = self.row[np.searchsorted(self.group, columns.group)]
        return rows

    def serve_all(self, x: Floats) -> bool:
        """Return whether a point of the program serves all demand inside the model."""
        return bool(x[self.outside].max(initial=0.0) <= _LEFT)

    def cheapest(self, prices: RowPrices, tolerance_usd: float) -> tuple[OrderColumns, float]:
        """Return the columns that the prices ask for, and what they may take off (≤ 0).

        Parameters
        ----------
        prices : RowPrices
            What the rows of the program charge.
        tolerance_usd : float
            What all columns that are not asked for may take off together.
        """
        return self.pool.cheapest(prices, self.usd, tolerance_usd / max(1, self.group.size))

    def dearer(self, program: Milp, result: MilpResult) -> bool:
        """Raise the price of what is served outside, where it is used and that may end it.

        Parameters
        ----------
        program : Milp
            The program; its prices change.
        result : MilpResult
            Its answer, with no column missing.

        Returns
        -------
        bool
            False where nothing is served outside, where that proves that no plan is possible
            (`impossible`), or where prices cannot rise.
        """
        assert result.x is not None
        dearest = self.usd.max(initial=0.0) * _DEARER > _DEAREST
        if self.serve_all(result.x) or self.impossible(result) or dearest:
            return False
        self.usd = self.usd * _DEARER
        program.reprice_columns(self.outside, self.usd.ravel()[self.group])
        return True

    def impossible(self, result: MilpResult) -> bool:
        """Return whether an answer proves that no plan is possible: every one would cost less."""
        return bool(result.bound > self.most_usd)


def _worth_usd(problem: Problem) -> Floats:
    """Return what serving each host and origin may be worth, shape (G, O), US dollars a month."""
    rate = problem.rps_per_replica
    replica = np.where(rate > 0, problem.cost_usd_month / np.maximum(rate, 1e-300), 0.0).max(axis=1)
    each = problem.demand_rps.max(axis=2) * replica[:, None]
    usd = np.zeros((len(problem.axes.hosts), problem.demand_rps.shape[1]))
    np.add.at(usd, problem.host_of_service, each)
    dearest = float(problem.fixed_cost_usd_month.max(initial=0.0))
    return _BACKUPS * usd + dearest + 1.0


def _most_usd(pool: OrderPool) -> float:
    """Return what every plan costs less than, US dollars a month."""
    problem = pool.problem
    limits = replica_bounds(problem, packing_limits(problem))
    running = float((limits * problem.cost_usd_month).sum())
    latency = float(pool.first_usd.max(axis=2).sum())
    lost = lost_usd_per_rps(problem)[~problem.must_survive].sum()
    lost = float(lost * problem.demand_rps.mean(axis=2).sum())
    return 1.0 + running + float(problem.fixed_cost_usd_month.sum()) + latency + lost

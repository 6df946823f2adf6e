r"""What one count must be while all others are held, shares are free, and nothing may cost more.

One replica fewer often keeps every promise and only makes users go farther.  Which (state, hour)
force them to is found as for loads, with one more row,

.. math:: \sum_r f_r + \sum_{sr} p_{sr} n_{sr} + \sum_c c_c \lambda_c
          + \sum_{k \text{ not promised}} \ell_k e_{ksrh} \;\le\; z ,

``z`` being what the plan's own counts cost at best and ``e`` what exceeds capacity in states that
are not promised.  Its rows appear when a point pays too little for them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

from planner.optimization.columns import OrderColumns, lost_usd_per_rps, order_columns
from planner.optimization.held import SLACK, HeldOrders, Key, Least, held_orders
from planner.optimization.loads import loads_rps
from planner.optimization.master import capacity_rps, fixed_and_replica_usd
from planner.optimization.rows import rows
from planner.optimization.stopping import Stop
from planner.problem.arrays import Bools, Floats, Ints


@dataclass
class CappedOrders(HeldOrders):
    """Held counts whose cost, with free shares, may not pass a limit.

    Attributes
    ----------
    every : OrderColumns
        The same order columns, served in all states.
    most_usd : float
        The limit, US dollars a month.
    cost_row : ndarray of int, shape (1,)
        Program row of the cost.
    excess : dict
        Program column of the excess in each (state, service, region, hour) that is not promised.
    """

    every: OrderColumns = field(kw_only=True)
    most_usd: float = field(kw_only=True)
    cost_row: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    excess: dict[Key, int] = field(default_factory=dict)
    _bound: float = np.inf

    def least(
        self, service: int, region: int, kept: Bools, stop: Stop, enough: float = np.inf
    ) -> Least:
        """Return the least count that keeps the rows of the service and costs no more.

        Parameters
        ----------
        service, region : int
            Whose count.
        kept : ndarray of bool, shape (K, H)
            The (state, hour) whose rows of the service stay.
        stop : Stop
            When to stop.
        enough : float
            A count that is too large already: the search ends once it is passed.

        Returns
        -------
        Least
            As without a limit on cost, with its row besides all others.

        Notes
        -----
        The last replica of a region gives the region's fixed cost back as well.
        """
        spared = self.replicas[:, region].sum() == 1
        self._bound = self._top(region if spared else None)
        self.program.bound_rows(self.cost_row, -np.inf, self._bound)
        return super().least(service, region, kept, stop, enough)

    @property
    def _scale_usd(self) -> float:
        """What the row of the cost is divided by: a replica, so that tolerances are parts of it."""
        return float(self.problem.cost_usd_month.max(initial=0.0)) or 1.0

    def _top(self, spared: int | None) -> float:
        """Return what steering and replicas may cost, a region's fixed cost spared or not."""
        fixed, _ = fixed_and_replica_usd(self.problem, self.replicas)
        if spared is not None:
            fixed -= float(self.problem.fixed_cost_usd_month[spared])
        return (self.most_usd - fixed) / self._scale_usd + SLACK

    def _add_broken(self, service: int, asked: Bools, x: Floats) -> int:
        """Add rows that a point breaks; where there is none, those that it pays too little for."""
        return super()._add_broken(service, asked, x) or self._add_unpaid(x)

    def _add_unpaid(self, x: Floats) -> int:
        """Price the overload of states that are not promised wherever there is some."""
        problem = self.problem
        priced = (lost_usd_per_rps(problem) > 0) & ~problem.must_survive
        if not priced.any():
            return 0
        load = loads_rps(problem, self.every, np.clip(x[self.share], 0.0, 1.0))
        one = self._one_rps()[..., None]
        over = load / np.maximum(one, 1e-300) - x[self.count][None, :, :, None]
        over = np.where(priced[:, None, None, None] & (one > 0), over, 0.0)
        for key in self.excess:
            over[key] = 0.0
        keys = [(k, s, r, h) for k, s, r, h in np.argwhere(over > 1.5 * SLACK).tolist()]
        for key in keys:
            self._add_excess(*key)
        if keys:
            self.program.bound_rows(self.cost_row, -np.inf, np.inf)
            self.write_cost(self._bound)
        return len(keys)

    def _one_rps(self) -> Floats:
        """Return what one replica may carry in every state, shape (K, S, R)."""
        return capacity_rps(self.problem, np.ones(self.replicas.shape))

    def _add_excess(self, state: int, service: int, region: int, hour: int) -> None:
        """Append the excess of one (state, service, region, hour) and its row."""
        problem, columns = self.problem, self.every
        mine = columns.host == problem.host_of_service[service]
        mine &= columns.serve[state] == region
        mine &= problem.state_admissible[state, service, columns.origin, region]
        used = np.flatnonzero(mine)
        value = problem.demand_rps[service, columns.origin[used], hour]
        value = value / self._one_rps()[state, service, region]
        excess = int(self.program.add_columns(0.0, 0.0, np.inf)[0])
        self.excess[state, service, region, hour] = excess
        column = np.concatenate([self.share[used], [self.count[service, region], excess]])
        value = np.concatenate([value, [-1.0, -1.0]])
        self.program.add_rows(rows(-np.inf, SLACK, np.zeros(column.size), column, value))

    def write_cost(self, top: float) -> None:
        """Append the row of the cost over all columns that there are now.

        Parameters
        ----------
        top : float
            What it may be at most, divided as the row is.
        """
        problem, hours = self.problem, self.problem.demand_rps.shape[2]
        one, lost = self._one_rps(), lost_usd_per_rps(problem)
        price = [lost[k] * one[k, s, r] / hours for k, s, r, _ in self.excess]
        column = np.concatenate(
            [self.share, self.count.ravel(), np.array(list(self.excess.values()), np.int64)]
        )
        usd = np.concatenate(
            [self.every.cost_usd_month, problem.cost_usd_month.ravel(), np.array(price)]
        )
        row = rows(-np.inf, top, np.zeros(column.size), column, usd / self._scale_usd)
        self.cost_row, self._bound = self.program.add_rows(row), top


def capped_orders(held: HeldOrders, most_usd: float) -> CappedOrders:
    """Hold the same counts with a limit on what they and their steering cost.

    Parameters
    ----------
    held : HeldOrders
        The counts.
    most_usd : float
        Most that the plan may cost, US dollars a month.

    Returns
    -------
    CappedOrders
        With a program of its own.
    """
    fresh = held_orders(held.problem, held.replicas)
    known = {f.name: getattr(fresh, f.name) for f in fields(HeldOrders)}
    capped = CappedOrders(**known, every=order_columns(held.problem), most_usd=most_usd)
    capped.write_cost(np.inf)
    return capped

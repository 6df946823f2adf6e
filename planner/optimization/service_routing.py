r"""What the normal state's routing costs and how that bounds it elsewhere, one service by itself.

Where no uplink can be full nothing but capacity ties the flows of a service, so each is a small
transport program of which only the right sides change: from the last basis it takes milliseconds
(`planner.optimization.normal_routing` for the bound).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from planner.optimization.milp import Milp
from planner.optimization.normal_routing import RoutingBound, cost_usd, open_pairs
from planner.optimization.rows import rows
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints, Problem


@dataclass
class ServiceRouting:
    """The normal state's routing of one service.

    Attributes
    ----------
    cost : ndarray, shape (O, R, H)
        What all of an origin's demand costs in a region, US dollars a month; inf where not open.
    needed : ndarray, shape (O, R, H)
        Replicas that it takes.
    """

    cost: Floats
    needed: Floats
    _program: Milp = field(init=False)
    _capacity: Ints = field(init=False)

    def __post_init__(self) -> None:
        self._program = Milp()
        o, r, h = np.nonzero(np.isfinite(self.cost))
        flow = self._program.add_columns(self.cost[o, r, h], 0.0, np.inf)
        regions, hours = self.cost.shape[1:]
        _, row = np.unique(o * hours + h, return_inverse=True)
        ones = np.ones(int(row.max(initial=-1)) + 1)
        self._program.add_rows(rows(ones, ones, row, flow, np.ones(flow.size)))
        least, most = np.full(regions * hours, -np.inf), np.zeros(regions * hours)
        held = rows(least, most, r * hours + h, flow, self.needed[o, r, h])
        self._capacity = self._program.add_rows(held)

    def solved(self, replicas: Floats, stop: Stop) -> tuple[float, float, Floats] | None:
        """Route for replicas.

        Parameters
        ----------
        replicas : ndarray, shape (R,)
            Replicas, possibly fractional.
        stop : Stop
            When to stop.

        Returns
        -------
        (float, float, ndarray of shape (R,)) or None
            Cost, and constant and part of each replica of the bound that is tight here; None where
            there is no routing or time is up.
        """
        hours = self.cost.shape[2]
        self._program.bound_rows(self._capacity, -np.inf, np.repeat(replicas, hours))
        result = self._program.relaxation(stop)
        if result.status != "optimal" or result.row_dual is None:
            return None
        price = np.maximum(-result.row_dual[self._capacity], 0.0).reshape(-1, hours)
        least = (self.cost + self.needed * price).min(axis=1)
        constant = float(least[np.isfinite(least)].sum())
        return result.objective, constant, price.sum(axis=1)


@dataclass
class SeparateRouting:
    """The normal state's routing of all services, each by itself.

    Attributes
    ----------
    services : list of ServiceRouting
        One for each.
    """

    services: list[ServiceRouting]

    @classmethod
    def of(cls, problem: Problem, one_rps: Floats) -> SeparateRouting:
        """Set the services of a problem up.

        Parameters
        ----------
        problem : Problem
            The problem as arrays; none of its uplinks can be full.
        one_rps : ndarray, shape (S, R)
            Capacity of one replica in the normal state.

        Returns
        -------
        SeparateRouting
            Not yet solved.
        """
        cost = np.where(open_pairs(problem), cost_usd(problem), np.inf)
        each = np.maximum(one_rps, 1e-300)[:, None, :, None]
        needed = np.where(np.isfinite(cost), problem.demand_rps[:, :, None, :] / each, 0.0)
        return cls([ServiceRouting(*pair) for pair in zip(cost, needed, strict=True)])

    def bound(self, replicas: Floats, stop: Stop) -> tuple[float, RoutingBound] | None:
        """Return what routing costs for replicas, and the bound that is tight there.

        Parameters
        ----------
        replicas : ndarray, shape (S, R)
            Replicas, possibly fractional.
        stop : Stop
            When to stop.

        Returns
        -------
        (float, RoutingBound) or None
            US dollars a month; None where a service cannot be routed or time is up.
        """
        found = []
        for service, count in zip(self.services, replicas, strict=True):
            one = service.solved(count, stop)
            if one is None:
                return None
            found.append(one)
        cost, constant, price = zip(*found, strict=True)
        return sum(cost), RoutingBound(np.array(constant), np.stack(price), 0.0)

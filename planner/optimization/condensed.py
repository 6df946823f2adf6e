"""Adaptive steering without flows: the normal state's routing is priced instead of carried.

With thousands of flows a search with integers spends its time on them.  Here each service has one
column for what its routing costs, held up by bounds that are linear in the replicas
(`planner.optimization.normal_routing`); the program that carries the flows tells what whole
replicas really cost and gives the next bound.  Where latency has no price, no flows are needed
until the plan is routed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from planner.optimization.dominance import kept_states
from planner.optimization.largest_losses import LargestLosses, add_largest_losses
from planner.optimization.master import add_master, capacity_rps
from planner.optimization.milp import Milp, MilpResult
from planner.optimization.normal_routing import Routing, RoutingBound, routing_bound
from planner.optimization.rerouting import AdaptiveProgram
from planner.optimization.rows import Rows, rows
from planner.problem.arrays import Floats, Ints, Problem

_LITTLE = 1e-6
"""By so small a part of what routing costs one bound does not say more than another."""

_FAR = 3.0
"""Replicas by which a cut may be slack at the relaxation and still go into the program."""


@dataclass(frozen=True)
class Condensed:
    """A program without flows, and the columns that stand for them.

    Attributes
    ----------
    adaptive : AdaptiveProgram
        The program; its routing has no flow.
    price : ndarray of int, shape (P,)
        Columns of what the routing of each part costs, US dollars a month.
    part : ndarray of int, shape (S,)
        Which part each service belongs to.
    losses : tuple of LargestLosses
        What services must hold beyond their largest regions.
    """

    adaptive: AdaptiveProgram
    price: Ints
    part: Ints
    losses: tuple[LargestLosses, ...] = ()
    _taken: list[RoutingBound] = field(default_factory=list)

    @property
    def level(self) -> Ints:
        """Integer columns that say more than single replicas do: to branch on first."""
        return np.array([loss.level for loss in self.losses], np.int64)

    def add_bound(self, bound: RoutingBound, replicas: Floats) -> int:
        """Add a bound on what routing costs, where it says more than those before.

        Parameters
        ----------
        bound : RoutingBound
            One row for each part, or one for all where uplinks are full.
        replicas : ndarray, shape (S, R)
            Where it was taken.

        Returns
        -------
        int
            How many rows were added.
        """
        n = self.adaptive.master.replicas
        if bound.uplinks > 0:
            column = np.concatenate([self.price, n.ravel()])
            value = np.concatenate([np.ones(self.price.size), bound.per_replica.ravel()])
            low = float(bound.constant.sum()) - bound.uplinks
            self.adaptive.program.add_rows(rows(low, np.inf, np.zeros(column.size), column, value))
            return 1
        known = [self._value(each, replicas) for each in self._taken]
        before = np.max([np.full(self.price.size, -np.inf), *known], axis=0)
        now = self._value(bound, replicas)
        more = np.flatnonzero(now > before + _LITTLE * np.abs(now))
        for part in more.tolist():
            self.append(part, bound.per_replica[self.part == part], float(bound.constant[part]))
        self._taken.append(bound)
        return more.size

    def append(
        self, part: int, coefficient: Floats, right_side: float, *, priced: bool = True
    ) -> None:
        """Append ``price of the part + coefficient · its replicas ≥ right side``.

        Parameters
        ----------
        part : int
            Which part.
        coefficient : ndarray, shape (B, R)
            Of the replicas of its services.
        right_side : float
            What they must reach, US dollars a month.
        priced : bool
            Whether the price counts; without it the row is one on replicas alone.
        """
        column = self.adaptive.master.replicas[self.part == part].ravel()
        value = coefficient.ravel()
        if priced:
            column, value = np.append(self.price[part], column), np.append(1.0, value)
        row = rows(right_side, np.inf, np.zeros(column.size), column, value)
        self.adaptive.program.add_rows(row)

    def _value(self, bound: RoutingBound, replicas: Floats) -> Floats:
        """Return what a bound says of each part at replicas, shape (P,)."""
        off = (bound.per_replica * replicas).sum(axis=1)
        value: Floats = bound.constant - np.bincount(self.part, off, self.price.size)
        return value


def condensed(full: AdaptiveProgram, root: MilpResult, seed: int = 0) -> Condensed:
    """Return the program without flows, with the cuts that are near at the relaxation.

    Parameters
    ----------
    full : AdaptiveProgram
        The program that carries the flows.
    root : MilpResult
        Its relaxation, with duals.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Condensed
        Its relaxation has the same value.
    """
    small = _without_flows(full.problem, full.kept, seed)
    price = small.program.add_columns(np.ones(full.one_rps.shape[1]), 0.0, np.inf)
    small.grouped, small.separations = full.grouped, full.separations
    place = np.arange(full.program.columns)
    cost = full.program.cost
    for key, column in full.unserved.items():
        new = small.program.add_columns(cost[column], 0.0, np.inf)
        small.unserved[key] = place[column] = int(new[0])
    assert root.x is not None
    assert root.row_dual is not None
    for name, row in full.known.items():
        if row.value @ root.x[row.column] - row.lower[0] <= _FAR:
            moved = Rows(row.lower, row.upper, row.start, place[row.column], row.value)
            small.append(name, moved)
    result = Condensed(small, price, np.arange(price.size), _losses(small))
    price_of = routing_bound(full.problem, full.routing, full.one_rps[0], root.row_dual)
    result.add_bound(price_of, root.x[full.master.replicas])
    return result


def _losses(small: AdaptiveProgram) -> tuple[LargestLosses, ...]:
    """Append the levels of all services and return what they stand for."""
    found = [
        add_largest_losses(small.program, small.master, service, pool.family)
        for service in range(small.one_rps.shape[1])
        for pool in small.separation(service).pools
    ]
    return tuple(loss for loss in found if loss is not None)


def priced_by_part(problem: Problem, part: Ints, seed: int) -> Condensed:
    """Build the program of replicas alone, with a price of routing that is still nothing.

    Parameters
    ----------
    problem : Problem
        The problem as arrays, all of its states promised.
    part : ndarray of int, shape (S,)
        Which part each service belongs to: services that are routed together are one.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Condensed
        Its relaxation is a bound whatever steers; bounds on routing are added by who steers.
    """
    small = _without_flows(problem, kept_states(problem), seed)
    price = small.program.add_columns(np.ones(int(part.max()) + 1), 0.0, np.inf)
    return Condensed(small, price, part, _losses(small))


def unrouted_program(problem: Problem, seed: int) -> AdaptiveProgram:
    """Build the program without the normal state's routing: for where routing costs nothing.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    seed : int
        Random seed of the solver.

    Returns
    -------
    AdaptiveProgram
        Not yet solved, and without a cut.

    Notes
    -----
    Only where no uplink can be full in the normal state: nothing else keeps them.
    """
    return _without_flows(problem, kept_states(problem), seed)


def _without_flows(problem: Problem, kept: Ints, seed: int) -> AdaptiveProgram:
    """Return a program of replicas alone."""
    program = Milp(seed=seed)
    master = add_master(program, problem)
    services, origins, hours = problem.demand_rps.shape
    regions = problem.region_up.shape[1]
    none = Routing(
        np.full((services, origins, regions, hours), -1, dtype=np.int64),
        np.full((services, regions, hours), -1, dtype=np.int64),
        np.full((regions, hours), -1, dtype=np.int64),
    )
    one: Floats = capacity_rps(problem, np.ones_like(problem.min_replicas))
    return AdaptiveProgram(problem, master, program, none, one, kept)

r"""What one count must be while all others are held and shares are free.

With replicas ``n`` of every other service and region held, the least count that a set ``S`` of
(state, hour) asks of service ``s`` in region ``r`` is

.. math:: g(S) = \min_{\lambda,\, x}\; x \quad\text{s.t.}\quad
          \sum_c D\,\lambda_c \le \mu\,x \;\text{at}\; (s, r), \qquad
          \sum_c D\,\lambda_c \le \mu\,n_{sq} \;\text{at}\; q \ne r, \qquad (k, h) \in S

over the order columns' shares ``λ``, with the rows of all other services and the uplinks of every
promised state and hour besides.  ``g`` grows with ``S``.  Where origins can be split this is one
linear program, and the rows without a price can be dropped without changing its value (Farkas): its
duals are a certificate that few (state, hour) ask for all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from planner.optimization.columns import OrderColumns, order_columns
from planner.optimization.loads import TOLERANCE, loads_rps
from planner.optimization.master import capacity_rps
from planner.optimization.milp import Milp, MilpResult
from planner.optimization.rows import Rows, rows, stacked
from planner.optimization.shares import add_shares
from planner.optimization.stopping import Stop
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.problem.some_states import of_states
from planner.units import gbps_from_payload

SLACK = 10 * TOLERANCE
"""Part of a replica by which a load may pass its capacity: what a plan's own judge lets pass."""

_DUAL = 1e-9

Key = tuple[int, int, int, int]


@dataclass(frozen=True)
class Least:
    """The least count that a set of (state, hour) asks for.

    Attributes
    ----------
    count : float
        Replicas, possibly fractional; inf where no count will do.
    support : ndarray of bool, shape (K, H)
        Some of the set that ask for it alone.
    proven : bool
        Whether a limit came before `count` was proven: then it is a lower bound.
    """

    count: float
    support: Bools
    proven: bool = True

    @property
    def replicas(self) -> float:
        """The least whole number of replicas; inf where none will do."""
        return float(np.ceil(self.count - SLACK))


class Held(Protocol):
    """Counts that are held, and what one of them must be."""

    @property
    def problem(self) -> Problem:
        """The problem."""

    @property
    def replicas(self) -> Ints:
        """The counts, shape (S, R)."""

    def least(
        self, service: int, region: int, kept: Bools, stop: Stop, enough: float = np.inf
    ) -> Least:
        """Return the least count of a service in a region that keeps the rows of the service.

        Parameters
        ----------
        service, region : int
            Whose count.
        kept : ndarray of bool, shape (K, H)
            The (state, hour) whose rows of the service stay; only promised states matter.
        stop : Stop
            When to stop.
        enough : float
            A count that is too large already: the search may end once it is passed.
        """


@dataclass
class HeldOrders:
    """Held counts under static steering: shares over order columns are free.

    Attributes
    ----------
    problem : Problem
        The problem.
    replicas : ndarray of int, shape (S, R)
        The counts.
    promised : Problem
        The same with the promised states alone.
    states : ndarray of int
        Which they are.
    columns : OrderColumns
        Order columns, served in the promised states.
    program : Milp
        Shares, counts and the rows that some point has broken.
    share : ndarray of int, shape (C,)
        Program columns of the shares.
    count : ndarray of int, shape (S, R)
        Program columns of the counts.
    load_row, uplink_row : dict
        Program row of each (promised state, service, region, hour), or (state, region, hour).
    """

    problem: Problem
    replicas: Ints
    promised: Problem
    states: Ints
    columns: OrderColumns
    program: Milp
    share: Ints
    count: Ints
    load_row: dict[Key, int] = field(default_factory=dict)
    uplink_row: dict[tuple[int, int, int], int] = field(default_factory=dict)

    def least(
        self, service: int, region: int, kept: Bools, stop: Stop, enough: float = np.inf
    ) -> Least:
        """Return the least count of a service in a region that keeps the rows of the service.

        Parameters
        ----------
        service, region : int
            Whose count.
        kept : ndarray of bool, shape (K, H)
            The (state, hour) whose rows of the service stay; only promised states matter.
        stop : Stop
            When to stop.
        enough : float
            A count that is too large already: the search ends once it is passed.

        Returns
        -------
        Least
            Not proven where the limit came first; 0 where the origins' shares alone decide.

        Notes
        -----
        Whole origins make a mixed-integer program; the linear one is asked first, because what is
        too much for parts of origins is too much for whole ones.
        """
        asked = kept[self.states]
        self._aim(service, region, asked)
        found = self._converged(service, asked, stop, enough, whole=False)
        certain = found.result.status == "infeasible" or found.value > enough + SLACK
        if not self.problem.split_origins and not certain:
            found = self._converged(service, asked, stop, enough, whole=True)
        support = np.zeros_like(kept)
        support[self.states] = self._support(service, asked, found.result)
        return Least(found.value, support, found.proven)

    def _aim(self, service: int, region: int, asked: Bools) -> None:
        """Free one count, hold the others, and lift the rows that are not asked for."""
        held = self.replicas.astype(float)
        low, cost = held.copy(), np.zeros(held.shape)
        low[service, region], cost[service, region] = 0.0, 1.0
        self.program.bound_columns(self.count.ravel(), low.ravel(), held.ravel())
        self.program.price_columns(self.count.ravel(), cost.ravel())
        row = np.array(list(self.load_row.values()), np.int64)
        stays = [s != service or asked[k, h] for k, s, _, h in self.load_row]
        self.program.bound_rows(row, -np.inf, np.where(stays, SLACK, np.inf))

    def _converged(
        self, service: int, asked: Bools, stop: Stop, enough: float, *, whole: bool
    ) -> _Solved:
        """Solve again until no row that stays is broken, or the count is too large already."""
        while True:
            result = self.program.integral(stop, 1e-7) if whole else self.program.relaxation(stop)
            if result.status == "infeasible":
                return _Solved(result, np.inf, proven=True)
            if result.bound > enough + SLACK:
                return _Solved(result, result.bound, proven=True)
            if result.status != "optimal" or result.x is None or stop.passed():
                return _Solved(result, max(result.bound, 0.0), proven=False)
            if not self._add_broken(service, asked, result.x):
                return _Solved(result, result.objective, proven=True)

    def _add_broken(self, service: int, asked: Bools, x: Floats) -> int:
        """Add the worst broken row of each state, service and region; return how many."""
        problem, share = self.promised, np.clip(x[self.share], 0.0, 1.0)
        load = loads_rps(problem, self.columns, share)
        one = capacity_rps(problem, np.ones(self.replicas.shape))[..., None]
        over = load / np.maximum(one, 1e-300) - x[self.count][None, :, :, None]
        over[:, service] = np.where(asked[:, None, :], over[:, service], 0.0)
        for key in self.load_row:
            over[key] = 0.0
        worst = (over >= over.max(axis=3, keepdims=True)) & (over > 1.5 * SLACK)
        keys = [(k, s, r, h) for k, s, r, h in np.argwhere(worst).tolist()]
        return self._add_loads(keys) + self._add_uplinks(load)

    def _add_loads(self, keys: list[Key]) -> int:
        """Append load rows, in units of one replica."""
        if keys:
            index = self.program.add_rows(stacked([self._load(*key) for key in keys]))
            self.load_row.update(zip(keys, index.tolist(), strict=True))
        return len(keys)

    def _load(self, state: int, service: int, region: int, hour: int) -> Rows:
        """Return one load row."""
        problem, columns = self.promised, self.columns
        mine = columns.host == problem.host_of_service[service]
        used = np.flatnonzero(mine & (columns.serve[state] == region))
        one = float(capacity_rps(problem, np.ones(self.replicas.shape))[state, service, region])
        value = problem.demand_rps[service, columns.origin[used], hour] / one
        column = np.append(self.share[used], self.count[service, region])
        return rows(-np.inf, SLACK, np.zeros(column.size), column, np.append(value, -1.0))

    def _add_uplinks(self, load: Floats) -> int:
        """Append the uplink rows that loads break, in units of the uplink."""
        problem = self.promised
        rate = gbps_from_payload(1.0, 1.0) * problem.payload_kib
        gbps = np.einsum("s,ksrh->krh", rate, load)
        over = gbps / problem.uplink_gbps[None, :, None] - 1
        for key in self.uplink_row:
            over[key] = 0.0
        worst = (over >= over.max(axis=2, keepdims=True)) & (over > 1.5 * SLACK)
        for k, r, h in np.argwhere(worst).tolist():
            self.uplink_row[k, r, h] = int(self.program.add_rows(self._uplink(rate, k, r, h))[0])
        return int(worst.sum())

    def _uplink(self, rate: Floats, state: int, region: int, hour: int) -> Rows:
        """Return one uplink row."""
        problem, columns = self.promised, self.columns
        used = np.flatnonzero(columns.serve[state] == region)
        behind = problem.host_of_service[:, None] == columns.host[used]
        rps = problem.demand_rps[:, columns.origin[used], hour] * behind
        value = rate @ rps / problem.uplink_gbps[region]
        return rows(-np.inf, 1 + SLACK, np.zeros(used.size), self.share[used], value)

    def _support(self, service: int, asked: Bools, result: MilpResult) -> Bools:
        """Return the (promised state, hour) whose rows have a price, all that are there without."""
        support, present = np.zeros_like(asked), np.zeros_like(asked)
        dual = result.row_dual if not np.isinf(result.objective) else None
        for (k, s, _, h), row in self.load_row.items():
            if s == service and asked[k, h]:
                present[k, h] = True
                support[k, h] |= dual is not None and abs(dual[row]) > _DUAL
        return support if support.any() else present


@dataclass(frozen=True)
class _Solved:
    """The last answer of the solver, the count in it, and whether it is proven."""

    result: MilpResult
    value: float
    proven: bool


def held_orders(problem: Problem, replicas: Ints, seed: int = 0) -> HeldOrders:
    """Hold the counts of a plan that is steered statically.

    Parameters
    ----------
    problem : Problem
        The problem; every host and origin with demand has an order column.
    replicas : ndarray of int, shape (S, R)
        The plan's counts.
    seed : int
        Random seed of the solver.

    Returns
    -------
    HeldOrders
        With the rows of each promised state's busiest hour.
    """
    promised = only_promised(problem)
    columns = order_columns(promised)
    program = Milp(seed=seed)
    share = add_shares(program, columns, 0.0, whole=not problem.split_origins)
    held = replicas.astype(float).ravel()
    count = program.add_columns(np.zeros(held.size), held, held).reshape(replicas.shape)
    states = np.flatnonzero(problem.must_survive)
    made = HeldOrders(problem, replicas, promised, states, columns, program, share, count)
    busiest = problem.demand_rps.sum(axis=1).argmax(axis=1)
    made._add_loads(
        [
            (int(k), s, int(r), int(busiest[s]))
            for k, r in np.argwhere(promised.region_up)
            for s in range(replicas.shape[0])
        ]
    )
    return made


def only_promised(problem: Problem) -> Problem:
    """Return the problem with its promised states alone.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    Problem
        The normal state stays the first one.
    """
    return of_states(problem, np.flatnonzero(problem.must_survive))

r"""What one demand costs under given replicas: latency, lost requests, and promises not kept.

Replicas are bought before demand is known, shares and orders follow it.  So under demand ``j`` the
replicas ``n`` cost

.. math:: C_j(n) = c(n) + \min_\lambda \Bigl\{ \ell_j(\lambda)
          + \sum_{k \notin P} p_k\, v\, U_{jk}(n, \lambda)
          + \pi \max_{k \in P} U_{jk}(n, \lambda) \Bigr\}

with the cost ``c`` of active regions and replicas, the price ``ℓ`` of mean latency, requests a
month ``U`` that are turned away if the state lasts, the scenario's price ``v`` of a lost request
and the price ``π`` of one that is turned away in a promised state.  A promise is not weighted with
the probability of its state; the promised state that loses most counts.  In promised states
requests are also turned away where an uplink is full, those with the largest answers first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.optimization.beginnings import add_beginnings
from planner.optimization.columns import OrderColumns, lost_usd_per_rps, order_columns
from planner.optimization.loads import TOLERANCE, loads_rps
from planner.optimization.master import Master, capacity_rps
from planner.optimization.milp import Milp
from planner.optimization.overload import (
    PER_MILLE,
    Overloads,
    add_excess_rows,
    add_loads,
    add_overloads,
    at_point,
)
from planner.optimization.rows import Rows, rows, stacked
from planner.optimization.shares import add_shares
from planner.optimization.static import StaticProgram
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.units import HOURS_PER_MONTH, SECONDS_PER_HOUR, gbps_from_payload

_KEPT = PER_MILLE * 1e-9
"""Loss that keeps a promise: plans may be full to the last request, within solvers' tolerances."""


@dataclass(frozen=True)
class Shortfall:
    """A demand in a program: its shares, what it loses, and what that costs.

    Attributes
    ----------
    problem : Problem
        The problem under this demand, promises and all.
    columns : OrderColumns
        Its order columns.
    overloads : Overloads
        Rows of load, each with an excess, and what each state loses.
    worst : int
        Program column of what the worst promised state loses, in thousandths of all demand.
    price : ndarray, shape (K + 1,)
        US dollars a month for a thousandth of all demand lost in each state, then for `worst`.
    kept : StaticProgram
        The same shares with hard promises, for cuts.
    narrow : ndarray of bool, shape (K, R, H)
        Uplink rows that are in the program.
    """

    problem: Problem
    columns: OrderColumns
    overloads: Overloads
    worst: int
    price: Floats
    kept: StaticProgram
    narrow: Bools

    @property
    def place(self) -> Ints:
        """Program columns that cost something: shares, lost by state, worst."""
        static = self.overloads.static
        return np.concatenate([static.share, self.overloads.lost, [self.worst]]).astype(np.int64)

    @property
    def cost(self) -> Floats:
        """Their prices, US dollars a month."""
        return np.concatenate([self.columns.cost_usd_month, self.price])


def add_shortfall(
    program: Milp, master: Master, problem: Problem, promise_usd: float, *, kept: bool = False
) -> Shortfall:
    """Append a demand to a program.

    Parameters
    ----------
    program : Milp
        The program; it grows.
    master : Master
        Its replicas.
    problem : Problem
        The problem under this demand.
    promise_usd : float
        US dollars for a request turned away in a promised state.
    kept : bool
        Whether nothing at all may be turned away in promised states.

    Returns
    -------
    Shortfall
        Its columns; they cost nothing yet.
    """
    priced = replace(problem, usd_per_lost_request=0.0)
    columns = order_columns(priced)
    never = np.zeros_like(problem.must_survive)
    soft = replace(priced, must_survive=never)
    whole = not problem.split_origins
    share = add_shares(program, columns, 0.0, whole=whole)
    hard = _static(priced, columns, program, master, share)
    overloads = add_overloads(_static(soft, columns, program, master, share))
    if whole:
        beginnings = add_beginnings(program, columns, share)
        hard.beginnings = overloads.static.beginnings = beginnings
    worst = int(program.add_columns(0.0, 0.0, _KEPT if kept else np.inf)[0])
    promised = overloads.lost[problem.must_survive]
    at, one = np.arange(promised.size), np.ones(promised.size)
    place = np.concatenate([promised, np.full(promised.size, worst)])
    block = rows(-np.inf * one, 0 * one, np.tile(at, 2), place, np.concatenate([one, -one]))
    program.add_rows(block)
    narrow = np.zeros((*problem.region_up.shape, problem.demand_rps.shape[2]), bool)
    add_loads(overloads, _busiest(problem))
    return Shortfall(
        problem, columns, overloads, worst, _prices(problem, promise_usd), hard, narrow
    )


def _busiest(problem: Problem) -> Bools:
    """Return each service's busiest hour in promised states, shape (K, S, R, H)."""
    hour = problem.demand_rps.sum(axis=1).argmax(axis=1)
    at = np.arange(problem.demand_rps.shape[2]) == hour[:, None]
    up = problem.must_survive[:, None] & problem.region_up
    busiest: Bools = up[:, None, :, None] & at[None, :, None, :]
    return busiest & (capacity_rps(problem, np.ones_like(problem.min_replicas)) > 0)[..., None]


def _static(
    problem: Problem, columns: OrderColumns, program: Milp, master: Master, share: Ints
) -> StaticProgram:
    """Return a view of the program in which no row of load is there yet."""
    k, (s, r) = problem.region_up.shape[0], problem.min_replicas.shape
    _, o, h = problem.demand_rps.shape
    return StaticProgram(
        problem=problem,
        columns=columns,
        master=master,
        program=program,
        share=share,
        one_rps=capacity_rps(problem, np.ones_like(problem.min_replicas)),
        load_row=np.zeros((k, s, r, h), bool),
        uplink_row=np.full((k, r, h), -1),
        use_row=np.full((s, o, r), -1),
    )


def _prices(problem: Problem, promise_usd: float) -> Floats:
    """Return the price of a thousandth of all demand by state, then in the worst promised one."""
    rps = float(problem.demand_rps.mean(axis=2).sum()) / PER_MILLE
    by_state = lost_usd_per_rps(problem) * ~problem.must_survive * rps
    return np.append(by_state, promise_usd * HOURS_PER_MONTH * SECONDS_PER_HOUR * rps)


def turned_away_rps(
    problem: Problem, columns: OrderColumns, replicas: Ints | Floats, share: Floats
) -> Floats:
    """Return what each region turns away, shape (K, S, R, H), requests per second.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    columns : OrderColumns
        Its order columns.
    replicas : ndarray, shape (S, R)
        Replicas, possibly fractional.
    share : ndarray, shape (C,)
        Part of the demand of its host and origin on each column.

    Returns
    -------
    ndarray, shape (K, S, R, H)
        What exceeds capacity; in promised states also what does not fit the uplink, so that as few
        requests as possible are turned away.
    """
    load = loads_rps(problem, columns, share)
    kept = np.minimum(load, capacity_rps(problem, replicas)[..., None])
    gone = load - kept
    gbps = gbps_from_payload(1.0, 1.0) * problem.payload_kib
    over = np.einsum("s,ksrh->krh", gbps, kept) - problem.uplink_gbps[None, :, None]
    over = np.where(problem.must_survive[:, None, None], np.maximum(over, 0.0), 0.0)
    for service in np.argsort(-gbps, kind="stable"):
        if gbps[service] <= 0 or not (over > 0).any():
            break
        shed = np.minimum(kept[:, service], over / gbps[service])
        gone[:, service] += shed
        over = over - shed * gbps[service]
    return gone


def lost_by_state(shortfall: Shortfall, replicas: Ints | Floats, share: Floats) -> Floats:
    """Return what each state loses, then the worst promised one: thousandths, shape (K + 1,)."""
    problem = shortfall.problem
    gone = turned_away_rps(problem, shortfall.columns, replicas, share).sum(axis=(1, 2, 3))
    total = float(problem.demand_rps.sum()) or 1.0
    lost = PER_MILLE * (gone / total + shortfall.overloads.unserved @ share)
    return np.append(lost, lost[problem.must_survive].max(initial=0.0))


def keeps_promises(shortfall: Shortfall, replicas: Ints | Floats, share: Floats) -> bool:
    """Return whether shares turn nobody away in promised states, to the solver's tolerance."""
    worst = float(lost_by_state(shortfall, replicas, share)[-1])
    return worst <= _KEPT + PER_MILLE * TOLERANCE


def steering_usd(shortfall: Shortfall, replicas: Ints | Floats, share: Floats) -> float:
    """Return what shares cost under replicas: latency, lost requests, promises not kept."""
    lost = lost_by_state(shortfall, replicas, share)
    return float(shortfall.columns.cost_usd_month @ share + shortfall.price @ lost)


def add_shortfall_rows(shortfall: Shortfall, x: Floats, slack_usd: float) -> int:
    """Append the rows of a demand that a point breaks, where it pays too little.

    Parameters
    ----------
    shortfall : Shortfall
        The demand; its rows grow.
    x : ndarray, shape (n,)
        A point of the program.
    slack_usd : float
        US dollars a month that the point may pay too little.

    Returns
    -------
    int
        How many were added.
    """
    replicas, share = at_point(shortfall.overloads.static, x)
    lost = lost_by_state(shortfall, replicas, share)
    paid = np.append(x[shortfall.overloads.lost], x[shortfall.worst])
    promised = shortfall.problem.must_survive
    short = float(shortfall.price @ np.maximum(lost - paid, 0.0))
    if short <= slack_usd and lost[-1] <= paid[-1] + PER_MILLE * TOLERANCE:
        return 0
    # A promised state matters where it loses more than the worst is said to.  Its hours come one at
    # a time: a plan that keeps promises is full in few.
    matters: Bools = promised & (lost[:-1] > paid[-1])
    added = _add_uplink_rows(shortfall, replicas, share, matters)
    added += add_excess_rows(shortfall.overloads, x, matters, worst_hour=True)
    if added:
        return added
    dear: Bools = shortfall.price[:-1] * (lost[:-1] - paid[:-1]) > slack_usd / lost.size
    return add_excess_rows(shortfall.overloads, x, dear)


def _add_uplink_rows(shortfall: Shortfall, replicas: Floats, share: Floats, states: Bools) -> int:
    """Append "traffic of what is let in ≤ uplink" where it is broken; excesses make up for it."""
    problem, static = shortfall.problem, shortfall.overloads.static
    load = loads_rps(problem, shortfall.columns, share)
    kept = np.minimum(load, capacity_rps(problem, replicas)[..., None])
    gbps = gbps_from_payload(1.0, 1.0) * problem.payload_kib
    traffic = np.einsum("s,ksrh->krh", gbps, kept)
    wanted = traffic > problem.uplink_gbps[None, :, None] * (1 + TOLERANCE)
    wanted &= states[:, None, None] & ~shortfall.narrow
    shortfall.narrow[wanted] = True
    every = wanted[:, None] & (static.one_rps > 0)[..., None]
    add_loads(shortfall.overloads, every)
    for state, region, hour in np.argwhere(wanted).tolist():
        blocks = [_traffic_row(shortfall, gbps, state, region, hour)]
        blocks += [
            _shed_row(static, state, service, region, hour)
            for service in range(gbps.size)
            if (state, service, region, hour) in static.excess
        ]
        static.program.add_rows(stacked(blocks))
    return int(wanted.sum())


def _traffic_row(shortfall: Shortfall, gbps: Floats, state: int, region: int, hour: int) -> Rows:
    """Return "traffic of loads less excesses ≤ uplink", in units of the uplink."""
    static, problem = shortfall.overloads.static, shortfall.problem
    column: list[int] = []
    value: list[float] = []
    for service, each in enumerate((gbps / problem.uplink_gbps[region]).tolist()):
        key = (state, service, region, hour)
        if key not in static.excess:
            continue
        used, rps = _load(static, *key)
        column += [*static.share[used].tolist(), static.excess[key]]
        value += [*(each * rps).tolist(), -each * float(static.one_rps[state, service, region])]
    # Shares of one host stand in the rows of several of its services: one entry for each column.
    place, at = np.unique(np.array(column, np.int64), return_inverse=True)
    total = np.bincount(at, np.array(value), place.size)
    return rows(-np.inf, 1.0, np.zeros(place.size), place, total)


def _shed_row(static: StaticProgram, state: int, service: int, region: int, hour: int) -> Rows:
    """Return "excess ≤ load", in units of one replica: no more is turned away than arrives."""
    used, rps = _load(static, state, service, region, hour)
    one = float(static.one_rps[state, service, region])
    column = np.append(static.share[used], static.excess[state, service, region, hour])
    return rows(-np.inf, 0.0, np.zeros(column.size), column, np.append(-rps / one, 1.0))


def _load(
    static: StaticProgram, state: int, service: int, region: int, hour: int
) -> tuple[Ints, Floats]:
    """Return the order columns that load a region, and what each brings if wholly followed."""
    problem, columns = static.problem, static.columns
    mine = columns.host == problem.host_of_service[service]
    mine &= columns.serve[state] == region
    mine &= problem.state_admissible[state, service, columns.origin, region]
    used = np.flatnonzero(mine)
    return used, problem.demand_rps[service, columns.origin[used], hour]

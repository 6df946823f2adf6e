r"""The normal state's routing: its flows in a program, and its price as a function of replicas.

With prices ``π ≥ 0`` of capacity (for one replica) and ``γ ≥ 0`` of uplinks, routing costs at least

.. math:: \sum_{s,o,h} \min_r \Bigl(c_{sorh} + \tfrac{D_{soh}}{\mu_{sr}} \pi_{srh}
          + g_{sorh}\gamma_{rh}\Bigr) - \sum_{s,r,h} \pi_{srh} n_{sr} - \sum_{r,h} \gamma_{rh}

whatever the replicas ``n`` are (``c`` cost and ``g`` share of the uplink of all of an origin's
demand).  At the duals of the flows it is exact, so a program may carry this row instead of the
flows (Benders).  It is a bound for any prices: the duals' own tolerance does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.master import Master
from planner.optimization.milp import Milp
from planner.optimization.rows import Rows, rows
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.units import gbps_from_payload


@dataclass(frozen=True)
class Routing:
    """Where the normal state's routing stands in a program.

    Attributes
    ----------
    flow : ndarray of int, shape (S, O, R, H)
        Columns; -1 where not admissible.
    capacity : ndarray of int, shape (S, R, H)
        Capacity rows; -1 where there is none.
    uplink : ndarray of int, shape (R, H)
        Uplink rows; -1 where there is none.
    """

    flow: Ints
    capacity: Ints
    uplink: Ints


@dataclass(frozen=True)
class RoutingBound:
    """A lower bound on the cost of routing, linear in the replicas.

    Attributes
    ----------
    constant : ndarray, shape (S,)
        What each service pays at least, prices of capacity and uplinks included; what each part
        does, shape (P,), where services are routed together.
    per_replica : ndarray, shape (S, R)
        What one replica takes off.
    uplinks : float
        What the uplinks take off all services together.
    """

    constant: Floats
    per_replica: Floats
    uplinks: float


def open_pairs(problem: Problem) -> Bools:
    """Return what the normal state may route, shape (S, O, R, H).

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    ndarray of bool, shape (S, O, R, H)
        Admissible regions of origins with demand.
    """
    allowed = problem.state_admissible[0] & problem.region_up[0]
    calls = problem.demand_rps > 0
    may: Bools = allowed[..., None] & calls[:, :, None, :]
    return may


def add_routing(program: Milp, problem: Problem, master: Master, one_rps: Floats) -> Routing:
    """Append flows with demand, capacity and uplink rows of the normal state.

    Parameters
    ----------
    program : Milp
        The program; it grows.
    problem : Problem
        The problem as arrays.
    master : Master
        Where its replicas are.
    one_rps : ndarray, shape (S, R)
        Capacity of one replica in the normal state.

    Returns
    -------
    Routing
        Where columns and rows are.
    """
    may = open_pairs(problem)
    flow = np.full(may.shape, -1, dtype=np.int64)
    flow[may] = program.add_columns(cost_usd(problem)[may], 0.0, 1.0)
    s, o, r, h = np.nonzero(may)
    column = flow[s, o, r, h]
    _, row = np.unique(
        np.ravel_multi_index((s, o, h), problem.demand_rps.shape), return_inverse=True
    )
    ones = np.ones(int(row.max(initial=-1)) + 1)
    program.add_rows(rows(ones, ones, row, column, np.ones(column.size)))
    rps = problem.demand_rps[s, o, h]
    capacity = np.full((*one_rps.shape, may.shape[3]), -1, dtype=np.int64)
    used, row = np.unique(np.ravel_multi_index((s, r, h), capacity.shape), return_inverse=True)
    at_s, at_r, _ = np.unravel_index(used, capacity.shape)
    capacity.ravel()[used] = program.add_rows(
        _capacity_rows(column, row, rps / one_rps[at_s, at_r][row], master.replicas[at_s, at_r])
    )
    uplink = np.full((may.shape[2], may.shape[3]), -1, dtype=np.int64)
    used, row = np.unique(r * may.shape[3] + h, return_inverse=True)
    share = _uplink_share(problem, s, r, rps)
    uplink.ravel()[used] = program.add_rows(
        rows(np.full(used.size, -np.inf), np.ones(used.size), row, column, share)
    )
    return Routing(flow, capacity, uplink)


def _capacity_rows(column: Ints, row: Ints, needed: Floats, replicas: Ints) -> Rows:
    """Return Σ needed replicas ≤ replicas, row by row."""
    return rows(
        np.full(replicas.size, -np.inf),
        np.zeros(replicas.size),
        np.concatenate([row, np.arange(replicas.size)]),
        np.concatenate([column, replicas]),
        np.concatenate([needed, -np.ones(replicas.size)]),
    )


def cost_usd(problem: Problem) -> Floats:
    """Return what all of an origin's demand costs in a region and hour, shape (S, O, R, H).

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    ndarray, shape (S, O, R, H)
        US dollars a month.
    """
    total = max(float(problem.demand_rps.sum()), 1e-300)
    cost: Floats = (
        problem.usd_per_ms * problem.latency_ms[..., None] * problem.demand_rps[:, :, None, :]
    )
    return cost / total


def _uplink_share(problem: Problem, service: Ints, region: Ints, rps: Floats) -> Floats:
    """Return the share of a region's uplink that a load takes."""
    gbps = rps * gbps_from_payload(1.0, 1.0) * problem.payload_kib[service]
    share: Floats = gbps / problem.uplink_gbps[region]
    return share


def routing_bound(
    problem: Problem, routing: Routing, one_rps: Floats, row_dual: Floats
) -> RoutingBound:
    """Return the bound on the cost of routing at the duals of a program that carries it.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    routing : Routing
        Where the routing stands in the program.
    one_rps : ndarray, shape (S, R)
        Capacity of one replica in the normal state.
    row_dual : ndarray
        Duals of the program's rows.

    Returns
    -------
    RoutingBound
        Valid for any duals; tight where they are optimal.
    """
    capacity = _prices(routing.capacity, row_dual)
    uplink = _prices(routing.uplink, row_dual)
    s, o, r, h = np.nonzero(open_pairs(problem))
    rps = problem.demand_rps[s, o, h]
    total = cost_usd(problem)[s, o, r, h] + rps / one_rps[s, r] * capacity[s, r, h]
    total += _uplink_share(problem, s, r, rps) * uplink[r, h]
    least = np.full(problem.demand_rps.shape, np.inf)
    np.minimum.at(least, (s, o, h), total)
    constant = np.where(np.isfinite(least), least, 0.0).sum(axis=(1, 2))
    return RoutingBound(constant, capacity.sum(axis=2), float(uplink.sum()))


def _prices(row: Ints, row_dual: Floats) -> Floats:
    """Return the prices of rows, 0 where there is none."""
    return np.where(row >= 0, np.maximum(-row_dual[row], 0.0), 0.0)

"""The rows that every form of the problem shares: replicas, active regions, packing.

Columns: ``active[r]`` (binary, costs the region), ``runs[s, r]`` (binary), ``replicas[s, r]``
(integer).  Rows: ``min·runs ≤ replicas ≤ bound·runs``, ``runs ≤ active``, and those of the packing
limit of `planner.problem.packing`: the guaranteed one for every service that runs, or what every
packing keeps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.cuts import Groups, group_origins
from planner.optimization.milp import Milp
from planner.optimization.rows import Rows, rows
from planner.problem.arrays import Floats, Ints, Problem
from planner.problem.packing import PackingLimits, packing_limits, replica_bounds


@dataclass(frozen=True)
class Master:
    """Column indices of the shared part of a program.

    Attributes
    ----------
    active : ndarray of int, shape (R,)
        Columns of the active regions.
    runs, replicas : ndarray of int, shape (S, R)
        Columns of where services run and of their replicas.
    bound : ndarray of int, shape (S, R)
        Most replicas the pools could hold of the service alone.
    limits : PackingLimits
        The packing limit.
    """

    active: Ints
    runs: Ints
    replicas: Ints
    bound: Ints
    limits: PackingLimits

    @property
    def integer(self) -> Ints:
        """All of them in a row: active regions, where services run, replicas."""
        return np.concatenate([self.active, self.runs.ravel(), self.replicas.ravel()])


def integers_of(replicas: Ints | Floats) -> Floats:
    """Return the values of `Master.integer` with given replicas.

    Parameters
    ----------
    replicas : ndarray, shape (S, R)
        Replicas.

    Returns
    -------
    ndarray, shape (R + 2SR,)
        Active regions, where services run, replicas.

    Examples
    --------
    >>> integers_of(np.array([[2, 0]]))
    array([1., 0., 1., 0., 2., 0.])
    """
    runs = replicas > 0
    values = np.concatenate([runs.any(axis=0), runs.ravel(), replicas.ravel()])
    return values.astype(float)


def add_master(program: Milp, problem: Problem) -> Master:
    """Append the shared columns and rows to a program.

    Parameters
    ----------
    program : Milp
        The program; it grows.
    problem : Problem
        The problem as arrays.

    Returns
    -------
    Master
        Where the columns are.

    Notes
    -----
    A packing row that not even the largest replicas can break is left out.
    """
    limits = packing_limits(problem)
    bound = replica_bounds(problem, limits)
    services, regions = bound.shape
    may_run = (bound > 0).astype(float)
    pinned = np.where(problem.pinned, 1.0, 0.0)
    active = program.add_columns(problem.fixed_cost_usd_month, 0.0, 1.0, integer=True)
    runs = program.add_columns(
        0.0, pinned.ravel(), np.maximum(may_run, pinned).ravel(), integer=True
    ).reshape(services, regions)
    replicas = program.add_columns(
        problem.cost_usd_month.ravel(), 0.0, bound.ravel(), integer=True
    ).reshape(services, regions)
    master = Master(active, runs, replicas, bound, limits)
    _add_structure(program, problem, master)
    _add_packing(program, problem, master)
    return master


def _add_structure(program: Milp, problem: Problem, master: Master) -> None:
    """Tie replicas to where a service runs, and that to active regions."""
    n, z = master.replicas.ravel(), master.runs.ravel()
    row = np.arange(n.size)
    pair, ones, zeros = np.concatenate([row, row]), np.ones(n.size), np.zeros(n.size)
    columns = np.concatenate([n, z])
    low = np.concatenate([ones, -problem.min_replicas.ravel().astype(float)])
    program.add_rows(rows(zeros, zeros + np.inf, pair, columns, low))
    high = np.concatenate([ones, -master.bound.ravel().astype(float)])
    program.add_rows(rows(zeros - np.inf, zeros, pair, columns, high))
    open_region = np.broadcast_to(master.active, master.runs.shape).ravel()
    program.add_rows(
        rows(
            zeros - np.inf,
            zeros,
            pair,
            np.concatenate([z, open_region]),
            np.concatenate([ones, -ones]),
        )
    )


def _add_packing(program: Milp, problem: Problem, master: Master) -> None:
    """Append the packing limit; the guaranteed one void where the last service does not run."""
    regions, count, services = master.limits.weight.shape
    surge = problem.surge_replicas
    for region in range(regions):
        pods = master.bound[:, region] + surge * (master.bound[:, region] > 0)
        for last in range(count):
            weight, room = master.limits.weight[region, last], master.limits.room[region, last]
            if weight @ pods <= room:
                continue
            slack, on_runs = 0.0, weight * surge
            if master.limits.by_last:
                if master.bound[last, region] <= 0:
                    continue
                slack = _more_without(master.limits, region, last, pods)
                on_runs[last] += slack
            program.add_rows(
                rows(
                    -np.inf,
                    room + slack,
                    np.zeros(2 * services),
                    np.concatenate([master.replicas[:, region], master.runs[:, region]]),
                    np.concatenate([weight, on_runs]),
                )
            )


def _more_without(limits: PackingLimits, region: int, last: int, pods: Ints) -> float:
    """Return by how much a row of the packing limit can be broken while its own service is absent.

    If any other service runs, its own row holds: the most that fits that is a knapsack filled in
    fractions.  Big numbers here would let the relaxation forget the limit.
    """
    weight, room = limits.weight[region, last], limits.room[region, last]
    others = np.flatnonzero((pods > 0) & (np.arange(pods.size) != last))
    most = 0.0
    for held in others:
        size, left = limits.weight[region, held], limits.room[region, held]
        worth = weight[others] / np.maximum(size[others], 1e-300)
        held_most = 0.0
        for service in others[np.argsort(-worth, kind="stable")]:
            taken = min(float(pods[service]), max(left, 0.0) / max(size[service], 1e-300))
            held_most += weight[service] * taken
            left -= size[service] * taken
        most = max(most, held_most)
    slack = most - float(room)
    return slack if slack > 1e-9 * max(1.0, abs(room)) else 0.0


def add_cut(
    program: Milp, master: Master, service: int, coefficient: Floats, right_side: float
) -> None:
    """Append ``coefficient · replicas[service] ≥ right_side``, scaled to largest coefficient 1.

    Parameters
    ----------
    program : Milp
        The program; it grows by a row.
    master : Master
        Where its replicas are.
    service : int
        Which service.
    coefficient : ndarray, shape (R,)
        One number a region.
    right_side : float
        What they must reach.
    """
    program.add_rows(cut_row(master, service, coefficient, right_side))


def cut_row(master: Master, service: int, coefficient: Floats, right_side: float) -> Rows:
    """Return the row that `add_cut` appends.

    Parameters
    ----------
    master : Master
        Where the replicas are.
    service : int
        Which service.
    coefficient : ndarray, shape (R,)
        One number a region.
    right_side : float
        What they must reach.

    Returns
    -------
    Rows
        One row.
    """
    scale = max(float(coefficient.max(initial=0.0)), 1e-300)
    n = master.replicas[service]
    return rows(right_side / scale, np.inf, np.zeros(n.size), n, coefficient / scale)


def fixed_and_replica_usd(problem: Problem, replicas: Ints | Floats) -> tuple[float, float]:
    """Return the cost of active regions and of replicas.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    replicas : ndarray, shape (S, R)
        Replicas, possibly fractional; a region is active where there are any.

    Returns
    -------
    float
        Active regions, US dollars a month.
    float
        Replicas, US dollars a month.
    """
    active = replicas.sum(axis=0) > 0
    fixed = float(problem.fixed_cost_usd_month @ active)
    return fixed, float((problem.cost_usd_month * replicas).sum())


def capacity_rps(problem: Problem, replicas: Ints | Floats) -> Floats:
    r"""Return what each region may carry in each state.

    .. math:: C_{ksr} = \text{ceiling}_k\, \mu_{sr}\, n_{sr}\, \text{up}_{kr}

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    replicas : ndarray, shape (S, R)
        Replicas, possibly fractional.

    Returns
    -------
    ndarray, shape (K, S, R)
        Requests per second at the state's ceiling; 0 where the region is down.
    """
    full = problem.rps_per_replica * replicas
    up = problem.region_up[:, None, :]
    capacity: Floats = problem.ceiling_share[:, None, None] * full * up
    return capacity


def state_groups(problem: Problem, state: int, service: int) -> Groups:
    """Return the origins of a service, those that the same regions may serve in a state as one.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    state, service : int
        Which failure state and service.

    Returns
    -------
    Groups
        Demand by admissible set of surviving regions.
    """
    allowed = problem.state_admissible[state, service] & problem.region_up[state]
    return group_origins(allowed, problem.demand_rps[service])

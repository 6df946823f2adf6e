r"""What a program loses in failure states, as columns that other rows may cap or price.

In state ``k`` a plan loses, as a part of all demand, hours weighted alike,

.. math:: L_k = \frac{\sum_{srh} \max(0,\, \text{load}_{ksrh} - \text{capacity}_{ksr})
          + \sum_{c\,\text{unserved in}\,k} \sum_{sh} D_{s\,o(c)\,h}\, \text{share}_c}{\sum_{soh} D}

A column stands for each ``L_k``; its row counts the excesses that the program has.  Rows of load
are added where a point needs them: those left out only loosen the program.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.columns import OrderColumns
from planner.optimization.loads import TOLERANCE, loads_rps
from planner.optimization.master import capacity_rps
from planner.optimization.rows import rows
from planner.optimization.static import StaticProgram, add_load_rows
from planner.problem.arrays import Bools, Floats, Ints, Problem

PER_MILLE = 1000.0
"""Columns of lost demand count thousandths: shares themselves would be near the tolerances."""


@dataclass(frozen=True)
class Overloads:
    """Lost demand in a program.

    Attributes
    ----------
    static : StaticProgram
        Where loads and their excesses are.
    lost : ndarray of int, shape (K,)
        Program columns of the part of all demand that each state loses, in thousandths.
    unserved : ndarray, shape (K, C)
        Part of all demand that is lost in the state for want of a region if the whole column is
        followed.
    """

    static: StaticProgram
    lost: Ints
    unserved: Floats


def unserved_share(problem: Problem, columns: OrderColumns) -> Floats:
    """Return what each order column loses for want of an admissible region that is up.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    columns : OrderColumns
        Its order columns.

    Returns
    -------
    ndarray, shape (K, C)
        Part of all demand, if the whole column is followed.
    """
    mean_rps = problem.demand_rps.mean(axis=2)
    lost = np.zeros(columns.serve.shape)
    states = np.arange(columns.serve.shape[0])[:, None]
    for service, host in enumerate(problem.host_of_service):
        mine = np.flatnonzero(columns.host == host)
        origin, serve = columns.origin[mine], columns.serve[:, mine]
        served = (serve >= 0) & problem.state_admissible[states, service, origin, serve]
        lost[:, mine] += mean_rps[service, origin] * ~served
    part: Floats = lost / max(float(mean_rps.sum()), 1e-300)
    return part


def lost_share(
    problem: Problem, columns: OrderColumns, replicas: Ints | Floats, share: Floats
) -> Floats:
    """Return the part of all demand that replicas and shares lose in each state.

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
    ndarray, shape (K,)
        0 to 1; uplinks are not looked at, they are hard only where the state is promised.
    """
    over = excess_rps(problem, columns, replicas, share).sum(axis=(1, 2, 3))
    nowhere = unserved_share(problem, columns) @ share
    lost: Floats = over / max(float(problem.demand_rps.sum()), 1e-300) + nowhere
    return lost


def excess_rps(
    problem: Problem, columns: OrderColumns, replicas: Ints | Floats, share: Floats
) -> Floats:
    """Return what exceeds each region's capacity, shape (K, S, R, H), requests per second."""
    load = loads_rps(problem, columns, share)
    excess: Floats = np.maximum(load - capacity_rps(problem, replicas)[..., None], 0.0)
    return excess


def add_overloads(static: StaticProgram) -> Overloads:
    """Append a column for what each state loses, and its row.

    Parameters
    ----------
    static : StaticProgram
        The program; it grows.

    Returns
    -------
    Overloads
        Its columns cost nothing.
    """
    lost = static.program.add_columns(np.zeros(static.problem.region_up.shape[0]), 0.0, np.inf)
    overloads = Overloads(static, lost, unserved_share(static.problem, static.columns))
    some: Bools = np.any(overloads.unserved > 0, axis=1)
    _add_lost_rows(overloads, some)
    return overloads


def add_excess_rows(
    overloads: Overloads, x: Floats, states: Bools, *, worst_hour: bool = False
) -> int:
    """Append the rows of load that a point breaks in some states.

    Parameters
    ----------
    overloads : Overloads
        The program; its rows grow.
    x : ndarray, shape (n,)
        A point of the program.
    states : ndarray of bool, shape (K,)
        States that matter; those that the program promises have rows of their own.
    worst_hour : bool
        Whether only the hour of each state, service and region is added that is broken most.

    Returns
    -------
    int
        How many were added.
    """
    static = overloads.static
    problem = static.problem
    replicas, share = at_point(static, x)
    over = excess_rps(problem, static.columns, replicas, share)
    one = np.maximum(static.one_rps, 1e-300)[..., None]
    wanted = (over / one > TOLERANCE) & ~static.load_row
    wanted &= (states & ~problem.must_survive)[:, None, None, None]
    if worst_hour:
        missing = np.where(wanted, over, 0.0)
        wanted &= missing >= missing.max(axis=3, keepdims=True)
    add_loads(overloads, wanted)
    return int(wanted.sum())


def add_loads(overloads: Overloads, wanted: Bools) -> None:
    """Append rows of load with their excesses, and count these in what their states lose.

    Parameters
    ----------
    overloads : Overloads
        The program; its rows grow.
    wanted : ndarray of bool, shape (K, S, R, H)
        Which ones, of states that the program does not promise.
    """
    touched: Bools = np.any(wanted & ~overloads.static.load_row, axis=(1, 2, 3))
    add_load_rows(overloads.static, wanted)
    _add_lost_rows(overloads, touched)


def at_point(static: StaticProgram, x: Floats) -> tuple[Floats, Floats]:
    """Return the replicas, shape (S, R), and shares, shape (C,), of a point."""
    return x[static.master.replicas], np.clip(x[static.share], 0.0, 1.0)


def _add_lost_rows(overloads: Overloads, states: Bools) -> None:
    """Append "lost ≥ unserved + excesses" with the excesses that there are by now.

    A row of the same state from before knows fewer of them and is implied.
    """
    static = overloads.static
    total = float(static.problem.demand_rps.sum()) or 1.0
    own: dict[int, list[tuple[int, float]]] = {int(k): [] for k in np.flatnonzero(states)}
    for (k, s, r, _), column in static.excess.items():
        if k in own:
            own[k].append((column, PER_MILLE * float(static.one_rps[k, s, r]) / total))
    for k, excess in own.items():
        used = np.flatnonzero(overloads.unserved[k])
        place = [overloads.lost[k], *static.share[used], *(c for c, _ in excess)]
        value = [-1.0, *(PER_MILLE * overloads.unserved[k, used]), *(v for _, v in excess)]
        static.program.add_rows(rows(-np.inf, 0.0, np.zeros(len(place)), place, value))

"""Rows of static steering that keep loads within uplinks."""

from __future__ import annotations

import numpy as np

from planner.optimization.columns import OrderColumns
from planner.optimization.rows import rows
from planner.optimization.static import StaticProgram
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.units import gbps_from_payload


def add_uplink_rows(static: StaticProgram, wanted: Bools) -> None:
    """Append uplink rows, in units of the uplink.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows grow.
    wanted : ndarray of bool, shape (K, R, H)
        Which ones; none that it has.
    """
    problem, columns = static.problem, static.columns
    for state, region, hour in np.argwhere(wanted):
        used, part = uplink_entries(problem, columns, state, region, hour)
        block = rows(-np.inf, 1.0, np.zeros(used.size), static.share[used], part)
        static.uplink_row[state, region, hour] = static.program.add_rows(block)[0]


def uplink_entries(
    problem: Problem, columns: OrderColumns, state: int, region: int, hour: int
) -> tuple[Ints, Floats]:
    """Return the columns that use a region's uplink, and what part of it each takes.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    columns : OrderColumns
        Order columns.
    state, region, hour : int
        Which state, region and hour.

    Returns
    -------
    (ndarray of int, ndarray), shape (n,) each
        Columns that the region serves, and parts of the uplink.
    """
    used = np.flatnonzero(columns.serve[state] == region)
    gbps = np.zeros(used.size)
    for service, host in enumerate(problem.host_of_service):
        origin = columns.origin[used]
        rps = problem.demand_rps[service, origin, hour] * (columns.host[used] == host)
        rps = rps * problem.state_admissible[state, service, origin, region]
        gbps += rps * gbps_from_payload(1.0, float(problem.payload_kib[service]))
    return used, gbps / problem.uplink_gbps[region]

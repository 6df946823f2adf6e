"""Rows of static steering that keep loads within uplinks."""

from __future__ import annotations

import numpy as np

from planner.optimization.columns import OrderColumns
from planner.optimization.rows import rows
from planner.optimization.static import StaticProgram
from planner.problem.arrays import Bools, Floats, Problem
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
        gbps = uplink_gbps(problem, columns, state, region, hour)
        used = np.flatnonzero(gbps)
        share = gbps[used] / problem.uplink_gbps[region]
        block = rows(-np.inf, 1.0, np.zeros(used.size), static.share[used], share)
        static.uplink_row[state, region, hour] = static.program.add_rows(block)[0]


def uplink_gbps(
    problem: Problem, columns: OrderColumns, state: int, region: int, hour: int
) -> Floats:
    """Return what each whole column puts on a region's uplink, shape (C,), gigabits a second.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    columns : OrderColumns
        Order columns.
    state, region, hour : int
        Which state, region and hour.
    """
    gbps = np.zeros(columns.host.size)
    used = np.flatnonzero(columns.serve[state] == region)
    for service, host in enumerate(problem.host_of_service):
        origin = columns.origin[used]
        rps = problem.demand_rps[service, origin, hour] * (columns.host[used] == host)
        rps = rps * problem.state_admissible[state, service, origin, region]
        gbps[used] += rps * gbps_from_payload(1.0, float(problem.payload_kib[service]))
    return gbps

r"""What a little more uplink is worth where it binds: a dual, true only near the plan.

With all counts held and shares free, the cost of steering is convex in the capacity ``U_r`` of an
uplink, and the duals of its rows are its slope:

.. math:: \frac{\partial z}{\partial U_r} = \frac{1}{U_r} \sum_{k,h} y_{krh}

Counts are integers and latency limits decide who may be served at all, so neither has such a price.
"""

from __future__ import annotations

import numpy as np

from planner.optimization.columns import OrderColumns
from planner.optimization.relaxation import relax
from planner.optimization.resolved import with_counts
from planner.optimization.static import static_program
from planner.optimization.stopping import Stop
from planner.optimization.uplink_rows import add_uplink_rows
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.units import gbps_from_payload


def uplink_prices(
    problem: Problem, columns: OrderColumns, replicas: Ints, stop: Stop, seed: int = 0
) -> Floats | None:
    """Return what a little more of each uplink saves with the counts held.

    Parameters
    ----------
    problem : Problem
        The problem as arrays, steered statically.
    columns : OrderColumns
        Its order columns.
    replicas : ndarray of int, shape (S, R)
        Counts of a plan that keeps every promise.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.

    Returns
    -------
    ndarray, shape (R,), or None
        US dollars a month for each Gbit/s, at least 0; None where a limit came first.

    Notes
    -----
    A slope, not a promise: at a kink it is one of several, and it says nothing of what a plan with
    other counts would save.  Origins are taken to be divisible also where the DNS target cannot.
    """
    held = with_counts(problem, replicas)
    static = static_program(held, columns, seed)
    wanted = _may_be_full(held, columns)
    first = static.program.row_count
    add_uplink_rows(static, wanted)
    last = static.program.row_count
    result = relax(static, stop, 1e-9)
    if result.status != "optimal" or result.row_dual is None:
        return None
    price = np.zeros(problem.uplink_gbps.size)
    np.add.at(price, np.argwhere(wanted)[:, 1], -result.row_dual[first:last])
    worth: Floats = np.maximum(price / problem.uplink_gbps, 0.0)
    return np.where(worth < 1e-6, 0.0, worth)


def _may_be_full(problem: Problem, columns: OrderColumns) -> Bools:
    """Return the uplink rows of promised states that all who may come would break, (K, R, H)."""
    states, regions = problem.region_up.shape
    rate = gbps_from_payload(1.0, 1.0) * problem.payload_kib
    gbps = np.zeros((len(problem.axes.hosts), *problem.demand_rps.shape[1:]))
    np.add.at(gbps, problem.host_of_service, rate[:, None, None] * problem.demand_rps)
    full = np.zeros((states, regions, problem.demand_rps.shape[2]), bool)
    for state in np.flatnonzero(problem.must_survive).tolist():
        for region in np.flatnonzero(problem.region_up[state]).tolist():
            come = np.unique(columns.group[columns.serve[state] == region])
            most = gbps.reshape(-1, gbps.shape[2])[come].sum(axis=0)
            full[state, region] = most > problem.uplink_gbps[region]
    return full

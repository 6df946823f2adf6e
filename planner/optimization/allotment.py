r"""Who is served from where, and at what cost, when the open facilities are given.

.. math:: \min \sum_{ij} c_{ij} x_{ij} \quad\text{s.t.}\quad \sum_i x_{ij} = 1,\;
          \sum_j d_j x_{ij} \le s_i,\; x \ge 0

Without scarce capacity every customer goes to the cheapest; with it this is a transport problem.
"""

from __future__ import annotations

import numpy as np

from planner.optimization.milp import Milp
from planner.optimization.rows import Floats, Ints, rows
from planner.optimization.sites import Sites
from planner.optimization.stopping import Stop


def allotment(problem: Sites, facility: Ints, stop: Stop) -> tuple[float, Floats] | None:
    """Return the total cost of an open set and the shares served from it.

    Parameters
    ----------
    problem : Sites
        m facilities and n customers.
    facility : ndarray of int, shape (k,)
        The open ones.
    stop : Stop
        When to stop.

    Returns
    -------
    (float, ndarray of shape (k, n)) or None
        Fixed and assignment cost, and the shares; None where the set cannot serve the demand or
        the time did not suffice.

    Examples
    --------
    >>> from planner.optimization.stopping import NEVER
    >>> from planner.optimization.sites import sites
    >>> two = sites([4, 5], [3, 3], [2, 2], [[1, 3], [1, 5]])
    >>> cost, share = allotment(two, np.array([0, 1]), NEVER)
    >>> cost, share
    (12.0, array([[0.5, 1. ],
           [0.5, 0. ]]))
    """
    cost, room = problem.cost[facility], problem.capacity[facility]
    nearest = cost.argmin(axis=0)
    load = np.bincount(nearest, weights=problem.demand, minlength=facility.size)
    opening = float(problem.fixed_cost[facility].sum())
    if (load <= room).all():
        share = (np.arange(facility.size)[:, None] == nearest).astype(float)
        return opening + float(cost.min(axis=0).sum()), share
    if room.sum() < problem.demand.sum() * (1 - 1e-12):
        return None
    found = _transport(cost, room, problem.demand, stop)
    return None if found is None else (opening + float((cost * found).sum()), found)


def _transport(cost: Floats, room: Floats, need: Floats, stop: Stop) -> Floats | None:
    """Return the cheapest shares, shape (k, n), within the capacities."""
    count, customers = cost.shape
    program = Milp()
    column = program.add_columns(cost.ravel(), 0.0, 1.0)
    facility, customer = np.divmod(column, customers)
    program.add_rows(
        rows(np.ones(customers), np.ones(customers), customer, column, np.ones(column.size))
    )
    # Full where all capacity is needed: leave the solver its own tolerance.
    low = np.full(count, -np.inf)
    program.add_rows(rows(low, room, facility, column, need[customer]))
    result = program.relaxation(stop)
    if result.status != "optimal" or result.x is None:
        return None
    share = np.clip(result.x.reshape(count, customers), 0.0, 1.0)
    settled: Floats = share / share.sum(axis=0)
    return settled

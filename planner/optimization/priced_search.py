"""Static steering where orders are too many to list: columns are priced in at every node.

The relaxation takes a part of the time; then plans are looked for among few regions at a time
(`planner.optimization.region_subsets`); then the relaxation goes on, and branch and price with the
plan that was found.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.errors import Infeasible
from planner.optimization.candidates import Candidate, judged
from planner.optimization.column_tables import column_ranks
from planner.optimization.explain import explain
from planner.optimization.milp import MilpResult
from planner.optimization.order_counts import can_list
from planner.optimization.order_growth import add_order_columns, priced_program
from planner.optimization.order_pool import OrderPool
from planner.optimization.region_subsets import Solve, best_within_few, nearest_regions
from planner.optimization.relaxation import relax
from planner.optimization.search import search
from planner.optimization.static import StaticProgram, add_load_rows, static_program
from planner.optimization.steered import Steered, finished, steered
from planner.optimization.stopping import Stop, no_plan
from planner.problem.arrays import Ints, Problem

_FOR_RELAXATION, _FOR_PLANS = 0.4, 0.5
"""Parts of the time that is left: for the relaxation at first, then for plans of few regions."""


def search_priced(problem: Problem, gap: float, stop: Stop, seed: int, solve: Solve) -> Steered:
    """Find the cheapest plan of shares at will with columns that are priced in.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.
    solve : callable
        Solves a problem of few regions with all orders listed.

    Returns
    -------
    Steered
        The best plan with its bound.

    Raises
    ------
    Infeasible
        If no plan keeps every promise.
    SolverStopped
        If none was found before the search ended.

    Notes
    -----
    Why no plan is possible is told with the nearest regions of each origin where orders are too
    many to list: a way out there does, but another may be cheaper.
    """
    pool = OrderPool.of(problem)
    if pool.short.missing.size:
        raise _why(problem, seed)
    static = priced_program(problem, pool, seed)
    root = relax(static, stop.part(_FOR_RELAXATION), gap / 3)
    stop.tell(None, root.bound)
    start = None if root.status == "infeasible" else _start(static, root, gap, stop, seed, solve)
    found = search(static, gap, stop, start=start)
    if not found.feasible:
        raise _why(problem, seed)
    bound = max(root.bound, found.bound)
    if found.best is None:
        raise no_plan(bound)
    limit = bound + gap * abs(found.best.objective)
    listed, best = _listed(static, found.best, seed)
    return steered(listed.columns, finished(listed, best, limit, gap, stop), bound)


def _why(problem: Problem, seed: int) -> Infeasible:
    """Return the error that says why no plan is possible."""
    if can_list(problem):
        return explain(problem, None, seed)
    near, count = nearest_regions(problem)
    error = explain(near, None, seed)
    said = f"told of the {count} nearest regions of each origin: all orders are too many to list"
    return Infeasible([*error.clashes, said], error.ways_out)


def _start(
    static: StaticProgram, root: MilpResult, gap: float, stop: Stop, seed: int, solve: Solve
) -> Candidate | None:
    """Return a plan of few regions, whose orders join the program."""
    if root.x is None:
        return None
    leaning = root.x[static.master.runs].max(axis=0)
    part = stop.part(_FOR_PLANS)
    found = best_within_few(static.problem, leaning, gap, part, seed, solve)
    return None if found is None else _joined(static, found)


def _joined(static: StaticProgram, plan: Steered) -> Candidate | None:
    """Take the orders of a plan into the program; None where it does not keep every promise."""
    assert static.priced is not None
    pool = static.priced.pool
    order = _completed(pool, plan)
    new = None if order is None else pool.take(plan.host, plan.origin, order)
    if order is None or new is None:
        return None
    add_order_columns(static, new)
    share = replace(plan, order=order).candidate(static.columns).share
    return judged(static, plan.replicas, share)


def _completed(pool: OrderPool, plan: Steered) -> Ints | None:
    """Return a plan's orders as long as lists of all regions are; None where one begins none.

    Among few regions fewer may be lost, or an origin has fewer: further backups change nothing
    in promised states.
    """
    fewer = len(pool.sums.before) - plan.order.shape[1]
    order = np.pad(plan.order, ((0, 0), (0, fewer)), constant_values=-1)
    for at in np.flatnonzero((order < 0).any(axis=1)):
        every, given = pool.orders(int(plan.host[at]), int(plan.origin[at])), order[at] >= 0
        begins = (every[:, given] == order[at, given]).all(axis=1)
        if not begins.any():
            return None
        order[at] = every[begins.argmax()]
    return order


def _listed(static: StaticProgram, plan: Candidate, seed: int) -> tuple[StaticProgram, Candidate]:
    """Return the program with the columns that it has asked for and no others, and the plan in it.

    A plan may be older than the last columns.
    """
    share = np.zeros(static.columns.host.size)
    share[: plan.share.size] = plan.share
    rank = column_ranks(static.columns)
    listed = static_program(static.problem, static.columns.take(rank), seed)
    add_load_rows(listed, static.load_row)
    return listed, replace(plan, share=share[rank])

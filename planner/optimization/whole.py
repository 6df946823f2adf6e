"""Whole origins: a start for problems whose DNS target cannot divide an origin.

Every origin takes one order.  Origins are placed in decreasing demand, each on the column that adds
least (its own cost and the replicas that its loads call for), then taken up and placed again as
long as that helps.  The result is judged like any other candidate.
"""

from __future__ import annotations

import numpy as np

from planner.optimization.candidates import Candidate, judged
from planner.optimization.loads import needed_replicas
from planner.optimization.static import StaticProgram
from planner.problem.arrays import Floats, Ints

_PASSES = 8


def place_whole_origins(static: StaticProgram) -> Candidate | None:
    """Return a plan with one order for every host and origin, or None where it does not fit.

    Parameters
    ----------
    static : StaticProgram
        The program; it is not solved.

    Returns
    -------
    Candidate or None
        The plan, if it keeps every promise.
    """
    columns, problem = static.columns, static.problem
    group = columns.host * len(problem.axes.origins) + columns.origin
    groups = [np.flatnonzero(group == g) for g in np.unique(group)]
    weight = problem.demand_rps.max(axis=2).sum(axis=0)
    groups.sort(key=lambda members: (-weight[columns.origin[members[0]]], int(members[0])))
    promised = np.flatnonzero(problem.must_survive)
    load = np.zeros((promised.size, *problem.min_replicas.shape, problem.demand_rps.shape[2]))
    chosen = np.full(len(groups), -1)
    for _ in range(_PASSES):
        changed = False
        for index, members in enumerate(groups):
            before = chosen[index]
            if before >= 0:
                _add(static, promised, load, int(before), -1.0)
            chosen[index] = _cheapest(static, promised, load, members)
            _add(static, promised, load, int(chosen[index]), 1.0)
            changed |= bool(chosen[index] != before)
        if not changed:
            break
    share = np.zeros(columns.host.size)
    share[chosen] = 1.0
    full = np.zeros((problem.region_up.shape[0], *load.shape[1:]))
    full[promised] = load
    return judged(static, needed_replicas(problem, full), share)


def _add(static: StaticProgram, promised: Ints, load: Floats, column: int, sign: float) -> None:
    """Put a column's demand on the regions that serve it in each promised state, or take it off."""
    origin, host = static.columns.origin[column], static.columns.host[column]
    serve = static.columns.serve[promised, column]
    for service in np.flatnonzero(static.problem.host_of_service == host):
        load[np.arange(promised.size), service, serve] += (
            sign * static.problem.demand_rps[service, origin]
        )


def _cheapest(static: StaticProgram, promised: Ints, load: Floats, members: Ints) -> int:
    """Return the column that adds least to cost, replicas that do not fit costing tenfold."""
    best, least = int(members[0]), np.inf
    for column in members.tolist():
        _add(static, promised, load, column, 1.0)
        price = float(static.columns.cost_usd_month[column]) + _running_usd(static, promised, load)
        _add(static, promised, load, column, -1.0)
        if price < least - 1e-9:
            best, least = column, price
    return best


def _running_usd(static: StaticProgram, promised: Ints, load: Floats) -> float:
    """Return what the loads' replicas cost, those beyond a region's room tenfold."""
    problem, limits = static.problem, static.master.limits
    one = static.one_rps[promised]
    each = np.divide(load.max(axis=3), one, out=np.zeros(one.shape), where=one > 0).max(axis=0)
    replicas = np.where(each > 0, np.maximum(each, problem.min_replicas), 0.0)
    runs = replicas > 0
    pods = replicas + problem.surge_replicas[:, None] * runs
    used = np.einsum("rst,tr->rs", limits.weight, pods)
    room = np.where(np.isfinite(limits.room), limits.room, 0.0)
    over = (np.maximum(used - room, 0.0) * runs.T).max(axis=1)
    dear = problem.cost_usd_month.max(axis=0) * 10 * over
    active = problem.fixed_cost_usd_month @ runs.any(axis=0)
    return float((problem.cost_usd_month * replicas).sum() + dear.sum() + active)

"""A plan without a solver: origins placed one by one, in one or more equal parts.

Parts of origins are placed in decreasing demand, each on the column that adds least (its own cost
and the replicas that its loads call for), then taken up and placed again as long as that helps.
It starts problems whose DNS target cannot divide an origin (one part), and answers where a limit
came before any other plan.  The result is judged like any other candidate.
"""

from __future__ import annotations

import numpy as np

from planner.optimization.candidates import Candidate, judged
from planner.optimization.loads import TOLERANCE, needed_replicas
from planner.optimization.static import StaticProgram
from planner.problem.arrays import Floats, Ints

_PASSES = 8


def place_origins(static: StaticProgram, parts: int) -> Candidate | None:
    """Return a plan with a few orders for every host and origin, or None where it does not fit.

    Parameters
    ----------
    static : StaticProgram
        The program; it is not solved.
    parts : int
        Equal parts that each origin may be divided into.

    Returns
    -------
    Candidate or None
        The plan, if it keeps every promise.

    Notes
    -----
    A heuristic without a bound: where room is scarce it may find no plan although there is one.
    """
    columns, problem = static.columns, static.problem
    group = columns.group
    weight = problem.demand_rps.max(axis=2).sum(axis=0)
    groups = [np.flatnonzero(group == g) for g in np.unique(group) for _ in range(parts)]
    groups.sort(key=lambda members: (-weight[columns.origin[members[0]]], int(members[0])))
    promised = np.flatnonzero(problem.must_survive)
    load = np.zeros((promised.size, *problem.min_replicas.shape, problem.demand_rps.shape[2]))
    chosen = np.full(len(groups), -1)
    for _ in range(_PASSES):
        changed = False
        for index, members in enumerate(groups):
            before = chosen[index]
            if before >= 0:
                _add(static, promised, load, int(before), -1.0 / parts)
            chosen[index] = _cheapest(static, promised, load, members, 1.0 / parts)
            _add(static, promised, load, int(chosen[index]), 1.0 / parts)
            changed |= bool(chosen[index] != before)
        if not changed:
            break
    share = np.zeros(columns.host.size)
    np.add.at(share, chosen, 1.0 / parts)
    full = np.zeros((problem.region_up.shape[0], *load.shape[1:]))
    full[promised] = load
    return judged(static, needed_replicas(problem, full), share)


def _add(static: StaticProgram, promised: Ints, load: Floats, column: int, part: float) -> None:
    """Put a column's demand on the regions that serve it in each promised state, or take it off."""
    origin, host = static.columns.origin[column], static.columns.host[column]
    serve = static.columns.serve[promised, column]
    for service in np.flatnonzero(static.problem.host_of_service == host):
        load[np.arange(promised.size), service, serve] += (
            part * static.problem.demand_rps[service, origin]
        )


def _cheapest(
    static: StaticProgram, promised: Ints, load: Floats, members: Ints, part: float
) -> int:
    """Return the column that adds least to cost, replicas that do not fit costing tenfold."""
    best, least = int(members[0]), np.inf
    for column in members.tolist():
        _add(static, promised, load, column, part)
        price = part * float(static.columns.cost_usd_month[column])
        price += _running_usd(static, promised, load)
        _add(static, promised, load, column, -part)
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
    pods = np.ceil(replicas - TOLERANCE) + problem.surge_replicas[:, None] * runs
    used = np.einsum("rst,tr->rs", limits.weight, pods)
    room = np.maximum(limits.room, 0.0)
    over = np.maximum(used - room, 0.0) / np.maximum(limits.own, 1e-300)
    over = (over * limits.rows(runs)).max(axis=1)
    dear = problem.cost_usd_month.max(axis=0) * 10 * over
    active = problem.fixed_cost_usd_month @ runs.any(axis=0)
    return float((problem.cost_usd_month * replicas).sum() + dear.sum() + active)

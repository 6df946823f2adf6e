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
    needed = _needed_with_each(static, promised, load, members, part)
    price = part * static.columns.cost_usd_month[members] + _running_usd(static, needed)
    return int(members[np.flatnonzero(price < price.min() + 1e-9)[0]])


def _needed_with_each(
    static: StaticProgram, promised: Ints, load: Floats, members: Ints, part: float
) -> Floats:
    """Return the replicas, in fractions, that the loads need with each column more, (M, S, R)."""
    problem, one = static.problem, static.one_rps[promised]
    each = np.divide(load.max(axis=3), one, out=np.zeros(one.shape), where=one > 0).max(axis=0)
    needed = np.repeat(each[None], members.size, axis=0)
    origin, host = static.columns.origin[members[0]], static.columns.host[members[0]]
    serve = static.columns.serve[promised[:, None], members]
    state, member = np.indices(serve.shape)
    for service in np.flatnonzero(problem.host_of_service == host):
        more = load[state, service, serve] + part * problem.demand_rps[service, origin]
        able = one[state, service, serve]
        cell = np.divide(more.max(axis=2), able, out=np.zeros(able.shape), where=able > 0)
        np.maximum.at(needed, (member, service, serve), cell)
    return needed


def _running_usd(static: StaticProgram, needed: Floats) -> Floats:
    """Return what replicas (M, S, R) cost, those beyond a region's room tenfold, shape (M,)."""
    problem, limits = static.problem, static.master.limits
    replicas = np.where(needed > 0, np.maximum(needed, problem.min_replicas), 0.0)
    runs = replicas > 0
    pods = np.ceil(replicas - TOLERANCE) + problem.surge_replicas[:, None] * runs
    used = np.einsum("rxt,mtr->mrx", limits.weight, pods)
    over = np.maximum(used - np.maximum(limits.room, 0.0), 0.0) / np.maximum(limits.own, 1e-300)
    over = (over * limits.rows(runs)).max(axis=2)
    dear = over @ (problem.cost_usd_month.max(axis=0) * 10)
    active = runs.any(axis=1) @ problem.fixed_cost_usd_month
    usd: Floats = (problem.cost_usd_month * replicas).sum(axis=(1, 2)) + dear + active
    return usd

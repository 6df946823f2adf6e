"""The relaxation of static steering: solved again until no row that matters is missing.

A point is judged with every row of the model; those that it breaks join the program.  Rounded
capacity cuts (`planner.optimization.cuts`) then tighten it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.optimization.columns import lost_usd_per_rps
from planner.optimization.cuts import Groups, violated_cuts
from planner.optimization.loads import TOLERANCE, Verdict, judge
from planner.optimization.master import add_cut, state_groups
from planner.optimization.milp import MilpResult
from planner.optimization.order_growth import add_missing_columns
from planner.optimization.static import (
    StaticProgram,
    add_load_rows,
    add_use_rows,
)
from planner.optimization.stopping import Stop
from planner.optimization.uplink_rows import add_uplink_rows
from planner.problem.arrays import Bools, Floats

_CUT_ROUNDS = 30

_MANY_FRESH, _LARGE = 30, 6000
"""After so many fresh columns, or after any in a program of so many, an interior point is quicker
than the simplex from the last basis: many origins follow equal orders."""

_STATES_AT_ONCE = 5
"""Where columns are priced in there are many states: rows of so many join at once."""


def relax(static: StaticProgram, stop: Stop, gap: float, cutoff: float = np.inf) -> MilpResult:
    """Solve the relaxation, adding rows until none is missing or it passes `cutoff`.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows grow.
    stop : Stop
        When to stop.
    gap : float
        Relative gap up to which lost requests may be priced too low.
    cutoff : float
        Objective beyond which the answer does not matter.

    Returns
    -------
    MilpResult
        The last answer; 'limit' where the limit came while rows or columns were missing.

    Notes
    -----
    The bound of an optimal one is a lower bound on the model whether rows are missing or not.
    Where columns are priced in (`StaticProgram.priced`) each round adds both, columns at the prices
    of the rows that were there: the bound of fewer rows is a bound too.
    """
    result = static.program.relaxation(stop)
    if static.priced is not None:
        return _priced(static, result, stop, gap, cutoff)
    while result.status == "optimal" and result.x is not None and result.objective < cutoff:
        if not add_missing_rows(static, result.x, gap * abs(result.objective)):
            break
        if stop.passed():
            return replace(result, status="limit")
        result = static.program.relaxation(stop)
    return result


def _priced(
    static: StaticProgram, result: MilpResult, stop: Stop, gap: float, cutoff: float
) -> MilpResult:
    """Add rows and columns until none is missing.

    Where it ends before, the answer has the best bound on the way, and no reduced costs: those of
    the last round go with the bound of the last round.
    """
    bound, last = -np.inf, result
    while result.status == "optimal" and result.x is not None:
        missing = add_missing_rows(static, result.x, gap * abs(result.objective))
        fresh, last = add_missing_columns(static, result, gap)
        if not (missing or fresh):
            return last
        bound = max(bound, last.bound)
        if bound >= cutoff:
            return _cut_short(static, last, bound)
        if stop.passed():
            break
        result = static.program.relaxation(stop, anew=_far_off(static, fresh))
    if result.status == "infeasible":
        return result
    return _cut_short(static, replace(last, status="limit"), bound)


def _cut_short(static: StaticProgram, result: MilpResult, bound: float) -> MilpResult:
    """Return an answer with zeros for the columns that joined after it, and the best bound."""
    if result.x is None:
        return replace(result, bound=bound)
    x = np.zeros(static.program.columns)
    x[: result.x.size] = result.x
    return replace(result, x=x, bound=bound, reduced_cost=None)


def _far_off(static: StaticProgram, fresh: int) -> bool:
    """Return whether the last basis is worth nothing after so many fresh columns."""
    return fresh > _MANY_FRESH or (fresh > 0 and static.program.columns > _LARGE)


def add_missing_rows(static: StaticProgram, x: Floats, slack_usd: float) -> int:
    """Add the rows that a point breaks.

    Rows of states that are not promised only price lost requests: they are left out while the
    point pays too little for those by at most `slack_usd`.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows grow.
    x : ndarray, shape (n,)
        A point of the program.
    slack_usd : float
        US dollars a month that the point may pay too little.

    Returns
    -------
    int
        How many rows were added; with 0 the point is one of the whole model, up to the slack.
    """
    verdict = _judge_point(static, x)
    problem = static.problem
    paid = float(x @ static.program.cost[: x.size])
    priced = (lost_usd_per_rps(problem) > 0) & (verdict.objective - paid > slack_usd)
    matters = problem.must_survive | priced
    over = np.where(matters[:, None, None, None] & ~static.load_row, verdict.overload, 0.0)
    hour = over.argmax(axis=3)
    worst = np.take_along_axis(over, hour[..., None], axis=3)
    # Priced rows come with all their hours: one at a time, load creeps from hour to hour.
    wanted = ((over >= worst) | ~problem.must_survive[:, None, None, None]) & (over > TOLERANCE)
    if static.priced is not None:
        wanted &= _among_worst(over)
    gbps = np.where(
        problem.must_survive[:, None, None] & (static.uplink_row < 0), verdict.uplink_overload, 0.0
    )
    full = (gbps >= gbps.max(axis=2, keepdims=True)) & (gbps > TOLERANCE)
    add_load_rows(static, wanted)
    add_uplink_rows(static, full)
    return int(wanted.sum() + full.sum()) + add_use_rows(static, x)


def add_cuts(static: StaticProgram, stop: Stop, gap: float) -> MilpResult:
    """Tighten the relaxation with rounded capacity cuts of the promised states.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows grow.
    stop : Stop
        When to stop.
    gap : float
        Relative gap up to which lost requests may be priced too low.

    Returns
    -------
    MilpResult
        The last answer.

    Notes
    -----
    At most thirty rounds: the last ones gain little.
    """
    result = relax(static, stop, gap)
    for _ in range(_CUT_ROUNDS):
        if result.status != "optimal" or result.x is None:
            break
        if not add_cut_round(static, result.x):
            break
        result = relax(static, stop, gap)
    return result


def _judge_point(static: StaticProgram, x: Floats) -> Verdict:
    """Judge a point of the program with every row, also those left out."""
    share = np.clip(x[static.share], 0.0, 1.0)
    verdict = judge(static.problem, static.columns, x[static.master.replicas], share)
    if static.firsts is None:
        return verdict
    first_usd = float(x[static.firsts.column] @ static.firsts.usd_month)
    return replace(verdict, objective=verdict.objective + first_usd)


def add_cut_round(static: StaticProgram, x: Floats) -> int:
    """Add the cuts that a point breaks, all promised states and services.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows grow.
    x : ndarray, shape (n,)
        A point of the program.

    Returns
    -------
    int
        How many were added.
    """
    replicas = x[static.master.replicas]
    added = 0
    for (state, service), groups in _grouped(static).items():
        rate = static.one_rps[state, service]
        for cut in violated_cuts(groups, rate, replicas[service], tolerance=1e-5, most=2):
            add_cut(static.program, static.master, service, cut.coefficient, cut.right_side)
            added += 1
    return added


def _grouped(static: StaticProgram) -> dict[tuple[int, int], Groups]:
    """Return the groups of origins of every promised state and service, made once."""
    problem = static.problem
    if not static.groups:
        for state in np.flatnonzero(problem.must_survive).tolist():
            for service in range(problem.cpu_cores.size):
                static.groups[state, service] = state_groups(problem, state, service)
    return static.groups


def _among_worst(over: Floats) -> Bools:
    """Return the rows of the few states that break each service, region and hour most."""
    few = min(_STATES_AT_ONCE, over.shape[0])
    least = np.partition(over, over.shape[0] - few, axis=0)[-few]
    among: Bools = over >= least
    return among

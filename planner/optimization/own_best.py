"""The least cost of one demand: replicas are chosen in one program and priced in another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.columns import order_columns
from planner.optimization.demand_program import (
    DemandProgram,
    add_rows,
    fixed_point,
    tight,
    tree_stop,
)
from planner.optimization.master import Master
from planner.optimization.milp import MilpResult
from planner.optimization.search import search
from planner.optimization.soft_promises import Shortfall
from planner.optimization.static import static_program
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints
from planner.problem.packing import fits


@dataclass(frozen=True)
class Interval:
    """What is known of a number.

    Attributes
    ----------
    low, high : float
        Proven bound, and the value of something found.
    """

    low: float
    high: float


def own_best(
    demand: DemandProgram,
    chooser: DemandProgram,
    start: Ints,
    slack_usd: float,
    gap_usd: float,
    stop: Stop,
) -> tuple[Interval, Ints]:
    """Return the least cost of one demand and replicas that reach its upper end.

    Replicas are priced in one program and chosen in another, which so stays free of the rows that
    only bad choices need.

    Parameters
    ----------
    demand, chooser : DemandProgram
        The same demand twice; their rows grow.
    start : ndarray of int, shape (S, R)
        Replicas to start from.
    slack_usd, gap_usd : float
        US dollars a month that a point may pay too little, and between the ends at which to stop.
    stop : Stop
        When to stop.

    Returns
    -------
    Interval
        Proven bound and least cost found, US dollars a month.
    ndarray of int, shape (S, R)
        Replicas that cost no more.
    """
    program, part = chooser.program, [chooser.part]
    root = tight(program, part, slack_usd, stop)
    tried = [start, *(_promised(demand.part, stop.part(0.3)) or _roundings(chooser, root))]
    priced = [(demand.cost_usd(each, slack_usd, stop), n) for n, each in enumerate(tried)]
    value, at = min(priced)
    value, best = _climbed(demand, tried[at], value, slack_usd, stop.part(0.3))
    bound = root.bound
    while not stop.passed() and value - bound > gap_usd:
        relative = gap_usd / 3 / max(abs(value), 1e-9)
        first = fixed_point(program, chooser.master, part, best, slack_usd, stop)
        result = program.integral(tree_stop(part[0], stop), min(0.5, relative), start=first)
        bound = max(bound, result.bound)
        if result.x is None:
            break
        replicas = whole_replicas(chooser.master, result.x)
        usd = demand.cost_usd(replicas, slack_usd, stop)
        if usd < value:
            value, best = usd, replicas
        if not add_rows(part, result.x, slack_usd):
            break
    # Nothing costs less than nothing, also where the search ended before its first bound.
    return Interval(max(0.0, min(bound, value)), value), best


def _climbed(
    demand: DemandProgram, best: Ints, value: float, slack_usd: float, stop: Stop
) -> tuple[float, Ints]:
    """Add replicas one at a time, where the program's duals say that they save most."""
    master, problem = demand.master, demand.part.problem
    while not stop.passed() and problem.split_origins:
        saving = demand.saving_usd(best, slack_usd)
        for at in np.argsort(saving, axis=None)[::-1]:
            if saving.flat[at] <= 0 or stop.interrupted:
                return value, best
            more = best.copy()
            more.flat[at] += 1
            fitting = (more <= master.bound).all() and fits(problem, master.limits, more).all()
            usd = demand.cost_usd(more, slack_usd, stop) if fitting else np.inf
            if usd < value:
                value, best = usd, more
                break
        else:
            return value, best
    return value, best


def _promised(part: Shortfall, stop: Stop) -> list[Ints]:
    """Return the main search's replicas, which keep every promise, where there are any."""
    static = static_program(part.problem, order_columns(part.problem), 0)
    found = search(static, 1e-3, stop)
    return [] if found.best is None else [found.best.replicas]


def _roundings(demand: DemandProgram, root: MilpResult) -> list[Ints]:
    """Return replicas near a relaxed point that fit the pools."""
    if root.x is None:
        return []
    problem, relaxed = demand.part.problem, root.x[demand.master.replicas]
    found = []
    for shift in (0.0, 0.25, 0.5, 0.75, 0.999):
        count = np.minimum(np.floor(relaxed + shift + 1e-6), demand.master.bound)
        runs = (count > 0) | problem.pinned
        replicas = np.where(runs, np.maximum(count, problem.min_replicas), 0).astype(np.int64)
        if fits(problem, demand.master.limits, replicas).all():
            found.append(replicas)
    return found


def whole_replicas(master: Master, x: Floats) -> Ints:
    """Return the replicas of an integral point, shape (S, R).

    Parameters
    ----------
    master : Master
        Where they are.
    x : ndarray, shape (n,)
        The point.
    """
    return np.rint(x[master.replicas]).astype(np.int64)

"""The least cost of one demand, and of given replicas under it.

`planner.optimization.soft_promises` states what a demand costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.optimization.columns import order_columns
from planner.optimization.master import Master, add_master, fixed_and_replica_usd
from planner.optimization.milp import Milp, MilpResult
from planner.optimization.overload import at_point
from planner.optimization.search import search
from planner.optimization.soft_promises import (
    Shortfall,
    add_shortfall,
    add_shortfall_rows,
    steering_usd,
)
from planner.optimization.static import static_program
from planner.optimization.stopping import NEVER, Stop
from planner.problem.arrays import Floats, Ints, Problem
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


@dataclass(frozen=True)
class DemandProgram:
    """A demand in a program of its own.

    Attributes
    ----------
    program : Milp
        The program, priced.
    master : Master
        Its replicas.
    part : Shortfall
        Its shares and what it loses.
    """

    program: Milp
    master: Master
    part: Shortfall

    def cost_usd(self, replicas: Ints, slack_usd: float, stop: Stop) -> float:
        """Return the least cost of given replicas, inf where they keep no promise asked for."""
        x = fixed_point(self.program, self.master, [self.part], replicas, slack_usd, stop)
        if x is None:
            return np.inf
        _, share = at_point(self.part.overloads.static, x)
        return bought_usd(self.part.problem, replicas) + steering_usd(self.part, replicas, share)

    def saving_usd(self, replicas: Ints, slack_usd: float) -> Floats:
        """Return what one replica more would save at first, shape (S, R); 0 where none runs."""
        integer = self.master.integer
        low, high = self.program.bounds(integer)
        self.program.bound_columns(integer, _flags(replicas), _flags(replicas))
        result = tight(self.program, [self.part], slack_usd, NEVER)
        self.program.bound_columns(integer, low, high)
        if result.reduced_cost is None:
            return np.zeros(replicas.shape)
        return np.where(replicas > 0, -result.reduced_cost[self.master.replicas], 0.0)


def demand_program(problem: Problem, promise_usd: float, seed: int, *, kept: bool) -> DemandProgram:
    """Write a demand into a program of its own.

    Parameters
    ----------
    problem : Problem
        The problem under this demand.
    promise_usd : float
        US dollars for a request turned away in a promised state.
    seed : int
        Random seed of the solver.
    kept : bool
        Whether nothing at all may be turned away in promised states.

    Returns
    -------
    DemandProgram
        Not yet solved.
    """
    program = Milp(seed=seed)
    master = add_master(program, problem)
    part = add_shortfall(program, master, problem, promise_usd, kept=kept)
    program.price_columns(part.place, part.cost)
    return DemandProgram(program, master, part)


def _flags(replicas: Ints) -> Floats:
    """Return active regions, where services run, and replicas in the order of the master."""
    at = [replicas.sum(axis=0) > 0, (replicas > 0).ravel(), replicas.ravel()]
    return np.concatenate([each.astype(float) for each in at])


def bought_usd(problem: Problem, replicas: Ints | Floats) -> float:
    """Return the cost of active regions and replicas, US dollars a month.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    replicas : ndarray, shape (S, R)
        Replicas.
    """
    return sum(fixed_and_replica_usd(problem, replicas))


def tight(program: Milp, parts: Sequence[Shortfall], slack_usd: float, stop: Stop) -> MilpResult:
    """Solve the relaxation, again as long as its answer breaks a row that matters.

    Parameters
    ----------
    program : Milp
        The program; its rows grow.
    parts : sequence of Shortfall
        The demands in it.
    slack_usd : float
        US dollars a month that a point may pay too little.
    stop : Stop
        When to stop.

    Returns
    -------
    MilpResult
        The last answer; with whole shares where origins cannot be split.
    """
    whole = not parts[0].problem.split_origins

    def solved() -> MilpResult:
        return program.integral(stop, 1e-7) if whole else program.relaxation(stop)

    result = solved()
    while result.x is not None and not stop.passed():
        if not add_rows(parts, result.x, slack_usd):
            break
        result = solved()
    return result


def add_rows(parts: Sequence[Shortfall], x: Floats, slack_usd: float) -> int:
    """Add the rows that a point breaks, those of all demands; return how many.

    Parameters
    ----------
    parts : sequence of Shortfall
        The demands.
    x : ndarray, shape (n,)
        A point of their program.
    slack_usd : float
        US dollars a month that it may pay too little.
    """
    return sum([add_shortfall_rows(part, x, slack_usd) for part in parts])


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
    bound = root.bound if demand.part.problem.split_origins else -np.inf
    tried = [start, *(_promised(demand.part, stop.part(0.3)) or _roundings(chooser, root))]
    priced = [(demand.cost_usd(each, slack_usd, NEVER), n) for n, each in enumerate(tried)]
    value, at = min(priced)
    value, best = _climbed(demand, tried[at], value, slack_usd, stop.part(0.3))
    while not stop.passed() and value - bound > gap_usd:
        relative = gap_usd / 3 / max(abs(value), 1e-9)
        first = fixed_point(program, chooser.master, part, best, slack_usd, stop)
        result = program.integral(stop, min(0.5, relative), start=first)
        bound = max(bound, result.bound)
        if result.x is None:
            break
        replicas = whole_replicas(chooser.master, result.x)
        usd = demand.cost_usd(replicas, slack_usd, NEVER)
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
            usd = demand.cost_usd(more, slack_usd, NEVER) if fitting else np.inf
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


def fixed_point(
    program: Milp,
    master: Master,
    parts: Sequence[Shortfall],
    replicas: Ints,
    slack_usd: float,
    stop: Stop,
) -> Floats | None:
    """Return the program's best point for given replicas, with the rows that it lacked added.

    Parameters
    ----------
    program : Milp
        The program; its rows grow.
    master : Master
        Its replicas.
    parts : sequence of Shortfall
        The demands in it.
    replicas : ndarray of int, shape (S, R)
        Replicas.
    slack_usd : float
        US dollars a month that the point may pay too little.
    stop : Stop
        When to stop.

    Returns
    -------
    ndarray, shape (n,), or None
        None where the replicas allow none.
    """
    low, high = program.bounds(master.integer)
    program.bound_columns(master.integer, _flags(replicas), _flags(replicas))
    result = tight(program, parts, slack_usd, stop)
    program.bound_columns(master.integer, low, high)
    return result.x


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

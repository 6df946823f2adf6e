"""The plan that loses least in the worst part of the time, at a given cost.

`planner.optimization.tail_program` states the program.  Rows of load of states that are not
promised are added where a point pays too little for its tail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from planner.errors import PlannerError
from planner.optimization.backups import near_backups
from planner.optimization.candidates import Candidate, clean, exact, judged, tidied
from planner.optimization.loads import judge
from planner.optimization.master import integers_of
from planner.optimization.milp import MilpResult
from planner.optimization.overload import PER_MILLE, add_excess_rows, at_point
from planner.optimization.relaxation import add_cut_round, add_missing_rows
from planner.optimization.static import point
from planner.optimization.stopping import Stop, closed
from planner.optimization.tail_program import TailProgram, tail_weight
from planner.problem.arrays import Floats

Aim = Literal["tail", "cost"]
Caps = tuple[float, float]
"""Most cost, US dollars a month, and largest tail."""

SLACK = 1e-7
"""Relative excess over a cap that counts as none: the solver's own tolerance."""

_CUT_ROUNDS = 10


@dataclass(frozen=True)
class LeastTail:
    """A plan of least tail within a budget.

    Attributes
    ----------
    plan : Candidate
        Replicas, shares and what they cost, latency included.
    value, bound : float
        Its tail, high end, and the proven bound on that of all plans within the budget.
    """

    plan: Candidate
    value: float
    bound: float

    @property
    def gap(self) -> float:
        """(value − bound) / value, not below 0."""
        return max(0.0, self.value - self.bound) / max(self.value, 1e-9)


def least_tail(
    program: TailProgram,
    budget_usd_month: float,
    *,
    start: Candidate | None = None,
    gap: float,
    stop: Stop,
) -> LeastTail | None:
    """Minimise the tail within a budget and, of the plans that have it, take the cheapest.

    Parameters
    ----------
    program : TailProgram
        The program; its rows grow.
    budget_usd_month : float
        Most that active regions and replicas may cost, US dollars a month.
    start : Candidate, optional
        A plan to start from; one beyond the budget is not looked at.
    gap : float
        Relative gap at which each step stops.
    stop : Stop
        When to stop; the first step may take two thirds of the time.

    Returns
    -------
    LeastTail or None
        None where nothing that keeps every promise costs so little.

    Raises
    ------
    PlannerError
        If the solver gives up.

    Notes
    -----
    The second step minimises active regions, replicas and latency among plans whose tail is within
    the gap of the bound; its own optimum is not proven.  HiGHS branches in both and is asked again
    as long as its answer breaks a row that was left out; such rows only loosen the program, so its
    bound holds all the same.
    """
    budget = budget_usd_month
    if start is not None and not _keeps(program, start, (budget, np.inf)):
        start = None
    _aim(program, "tail", budget, np.inf)
    best, bound = _branched(program, "tail", (budget, np.inf), start, gap, stop.part(2 / 3))
    if best is None:
        return None
    caps = budget, max(program.value(best), bound / (1 - gap))
    _aim(program, "cost", *caps)
    cheap, _ = _branched(program, "cost", caps, best, max(gap, 5e-3), stop)
    plan = _finished(program, cheap or best, caps, gap, stop)
    value = program.value(plan)
    # No tail is below 0, also where the search ended before its first bound.
    return LeastTail(plan, value, max(0.0, min(bound, value)))


def _finished(
    program: TailProgram, found: Candidate, caps: Caps, gap: float, stop: Stop
) -> Candidate:
    """Bring backups near and round shares, as far as the caps allow."""
    static, most = program.static, found.objective * (1 + gap)
    try:
        near = near_backups(static, found, most, gap, stop)
        near = near if _keeps(program, near, caps) else found
        tidy = tidied(static, near, most, gap, stop)
    except PlannerError:
        # Refinements only: where the solver gives up, the plan stands as it is.
        return found
    return tidy if _keeps(program, tidy, caps) else near


def _keeps(program: TailProgram, plan: Candidate, caps: Caps) -> bool:
    """Return whether a plan is within both caps, up to the solver's tolerance."""
    most, tail = caps[0] * (1 + SLACK), caps[1] * (1 + SLACK) + program.tolerance
    return program.cost_usd_month(plan) <= most and program.value(plan) <= tail


def _aim(program: TailProgram, aim: Aim, budget: float, tail: float) -> None:
    """Put the prices of an aim and both caps into the program."""
    static = program.static
    milp, cost = static.program, static.program.cost
    if aim == "tail":
        problem, cost = static.problem, np.zeros(milp.columns)
        cost[program.beyond] = program.scale * problem.state_probability * ~problem.must_survive
        cost[program.alpha] = program.scale * program.room
    milp.price_columns(np.arange(milp.columns), cost)
    _cap_cost(program, budget)
    most = tail * (1 - program.beta) - program.missing
    milp.bound_rows(program.tail_row, -np.inf, most * PER_MILLE * program.scale)


def _cap_cost(program: TailProgram, budget: float) -> None:
    """Set what active regions and replicas may cost."""
    static = program.static
    unit = max(float(static.program.cost[static.master.integer].max(initial=0.0)), 1e-300)
    static.program.bound_rows(program.budget_row, -np.inf, budget / unit)


def _branched(
    program: TailProgram,
    aim: Aim,
    caps: Caps,
    best: Candidate | None,
    gap: float,
    stop: Stop,
) -> tuple[Candidate | None, float]:
    """Let HiGHS branch, and ask again as long as its answer breaks a row that was left out."""
    static = program.static
    root = _root(program, gap, stop)
    if root.status == "infeasible":
        return best, np.inf
    bound = _read(program, aim, root.objective) if root.status == "optimal" else -np.inf
    while not stop.passed():
        if best is not None and closed(_worth(program, aim, best), bound, gap):
            break
        finer = _own_gap(program, aim, best, gap / 3)
        result = static.program.integral(stop, finer, start=_start(program, best))
        if result.status == "infeasible":
            # With a plan in hand that is the solver's tolerance speaking, not the problem.
            return best, np.inf if best is None else bound
        bound = max(bound, _read(program, aim, result.bound))
        if result.x is None:
            break
        known = static.program.row_count
        _add_rows(program, result.x, gap / 3)
        # On its way to other shares a candidate may add rows that this answer lacked as well.
        best = _better(program, aim, caps, best, _candidate(program, result.x, gap, stop))
        if static.program.row_count == known:
            break
    return best, bound if best is None else min(bound, _worth(program, aim, best))


def _candidate(program: TailProgram, x: Floats, gap: float, stop: Stop) -> Candidate | None:
    """Return the plan of an integral point, with other shares where it lacks rows."""
    static = program.static
    if not static.problem.split_origins:
        return exact(static, x)
    replicas = np.rint(x[static.master.replicas]).astype(np.int64)
    fixed = integers_of(replicas)
    with static.program.bounded(static.master.integer, fixed, fixed):
        result = _tight(program, gap, stop)
    if result.x is None:
        return None
    return judged(static, replicas, clean(static, result.x[static.share]))


def _root(program: TailProgram, gap: float, stop: Stop) -> MilpResult:
    """Solve the relaxation, with the rows that matter and some rounds of cuts."""
    result = _tight(program, gap, stop)
    for _ in range(_CUT_ROUNDS):
        if result.status != "optimal" or result.x is None or stop.passed():
            break
        if not add_cut_round(program.static, result.x):
            break
        result = _tight(program, gap, stop)
    return result


def _tight(program: TailProgram, gap: float, stop: Stop) -> MilpResult:
    """Solve the relaxation, again as long as its answer breaks a row that matters."""
    milp = program.static.program
    result = milp.relaxation(stop)
    while result.status == "optimal" and result.x is not None and not stop.passed():
        if not _add_rows(program, result.x, gap / 3):
            break
        result = milp.relaxation(stop)
    return result


def _add_rows(program: TailProgram, x: Floats, gap: float) -> int:
    """Add promised rows that a point breaks, and those of its tail where it pays too little."""
    static = program.static
    added = add_missing_rows(static, x, np.inf)
    lost = program.losses(*at_point(static, x))
    true, paid = program.of_losses(lost), program.of_losses(x[program.overloads.lost] / PER_MILLE)
    if true - paid <= gap * true + 1e-12:
        return added
    weight = tail_weight(lost, static.problem.state_probability, program.room)
    return added + add_excess_rows(program.overloads, x, (weight > 0) & (lost > 0))


def _read(program: TailProgram, aim: Aim, objective: float) -> float:
    """Return an objective of the program in the aim's own unit."""
    if aim == "cost":
        return objective
    return (objective / PER_MILLE / program.scale + program.missing) / (1.0 - program.beta)


def _own_gap(program: TailProgram, aim: Aim, best: Candidate | None, gap: float) -> float:
    """Return the gap of the program's objective, which has no constant part."""
    if aim == "cost" or best is None:
        return gap
    value = program.value(best)
    own = value - program.missing / (1.0 - program.beta)
    return min(0.5, gap * value / max(own, 1e-12))


def _worth(program: TailProgram, aim: Aim, plan: Candidate) -> float:
    """Return what is minimised."""
    return program.value(plan) if aim == "tail" else plan.objective


def _better(
    program: TailProgram,
    aim: Aim,
    caps: Caps,
    one: Candidate | None,
    other: Candidate | None,
) -> Candidate | None:
    """Return the better of two plans, the first of which keeps the caps."""
    if other is None or not _keeps(program, other, caps):
        return one
    if one is None or _worth(program, aim, other) < _worth(program, aim, one):
        return other
    return one


def _start(program: TailProgram, best: Candidate | None) -> Floats | None:
    """Return the program's point of a plan."""
    if best is None:
        return None
    static = program.static
    verdict = judge(static.problem, static.columns, best.replicas, best.share)
    x = point(static, best.replicas, best.share, verdict)
    lost = program.losses(best.replicas, best.share) * PER_MILLE
    weight = tail_weight(lost, static.problem.state_probability, program.room)
    # All that loses fits into the tail unless some state is in it only in part or not at all.
    whole = weight >= static.problem.state_probability
    alpha = float(lost[~whole].max(initial=0.0))
    x[program.overloads.lost], x[program.alpha] = lost, alpha
    x[program.beyond] = np.maximum(lost - alpha, 0.0)
    return x

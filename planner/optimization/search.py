"""From the relaxation to a proven plan: cuts, a dive, then branch and cut or the solver's own tree.

Where origins can be split, the integers are few and `planner.optimization.branch` closes the gap.
Where they cannot, every order column is binary: then HiGHS branches, and is asked again as long as
its answer breaks a row that was left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from planner.optimization.branch import branch, dive
from planner.optimization.candidates import Candidate, better, exact
from planner.optimization.loads import judge
from planner.optimization.milp import MilpResult
from planner.optimization.placement import place_origins, ruins_for
from planner.optimization.plunge import plunge
from planner.optimization.reduced_costs import narrowed, room_above
from planner.optimization.relaxation import add_cuts, add_missing_rows
from planner.optimization.static import StaticProgram, point
from planner.optimization.stopping import Stop, closed
from planner.problem.arrays import Floats

_PARTS = 4
"""Parts of an origin in the plan that is made where a limit came before any other."""

_PLACING = 0.2
"""Most of the time that goes into a plan before the solver starts."""


@dataclass(frozen=True)
class Found:
    """The best candidate and the proven bound.

    Attributes
    ----------
    best : Candidate or None
        The cheapest candidate; None where there is none.
    bound : float
        Proven lower bound, US dollars a month; inf where the problem is infeasible.
    feasible : bool
        False only where infeasibility is proven.
    """

    best: Candidate | None
    bound: float
    feasible: bool


def search(
    static: StaticProgram,
    gap: float,
    stop: Stop,
    *,
    start: Candidate | None = None,
    place: bool = True,
) -> Found:
    """Solve the program of static steering to a relative gap.

    Parameters
    ----------
    static : StaticProgram
        The program with its first rows.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    start : Candidate, optional
        A plan of the problem, where origins can be split: nothing dearer is looked for.
    place : bool
        Whether a plan is made without the solver where the stop comes before any other.

    Returns
    -------
    Found
        The best candidate and the bound.

    Notes
    -----
    Where origins cannot be split every order column is binary: the gap may then stay open until the
    limit.
    """
    root = add_cuts(static, stop, gap / 3)
    if root.status == "infeasible":
        return Found(None, np.inf, feasible=False)
    if not static.problem.split_origins:
        return _whole_origins(static, root, gap, stop)
    best = start
    if not closed(start.objective if start else None, root.bound, gap):
        # Each step towards a plan would ask for columns.
        dear = static.priced is not None and start is not None
        best = start if dear else better(start, first_plan(static, root, gap, stop))
    stop.tell(best.objective if best else None, root.bound)
    if closed(best.objective if best else None, root.bound, gap):
        return Found(best, root.bound, feasible=True)
    low, high = _narrow(static, root, best)
    best, bound = branch(static, root, best, gap, stop)
    static.program.bound_columns(static.master.integer, low, high)
    if best is None and bound == np.inf:
        return Found(None, np.inf, feasible=False)
    if best is None and place:
        best = _placed(static)
    return Found(best, bound, feasible=True)


def _placed(static: StaticProgram) -> Candidate | None:
    """Return a plan made without the solver, where the limit came before any other."""
    late, each = Stop(0.0), _origins_of_one(static)
    few, many = (place_origins(static, parts * each, stop=late) for parts in (1, _PARTS))
    return better(few, many)


def first_plan(static: StaticProgram, root: MilpResult, gap: float, stop: Stop) -> Candidate | None:
    """Return a plan near the relaxation: where services run is decided first if that matters.

    Parameters
    ----------
    static : StaticProgram
        The program of origins that can be split; its rows grow.
    root : MilpResult
        The relaxation.
    gap : float
        Relative gap asked for.
    stop : Stop
        When to stop.

    Returns
    -------
    Candidate or None
        The best plan found; None where there is none.
    """
    if static.places_matter.any():
        return dive(static, root, gap, stop)
    return plunge(static, root, gap, stop)


def _origins_of_one(static: StaticProgram) -> int:
    """Return how many origins one of the program stands for on the average, rounded up."""
    if static.firsts is None:
        return 1
    return ceil(static.firsts.merged.of.size / len(static.problem.axes.origins))


def _narrow(
    static: StaticProgram, root: MilpResult, best: Candidate | None
) -> tuple[Floats, Floats]:
    """Narrow shares and integers to what a better plan can pay for; return the integers' bounds.

    Those are put back after the search: what was too dear for this plan need not be for another.
    """
    program, integer = static.program, static.master.integer
    low, high = program.bounds(integer)
    if best is None or root.reduced_cost is None or not np.isfinite(root.bound):
        return low, high
    room = room_above(best.objective, root.bound)
    # Columns that are priced in are few, and what bounds them would have a price of its own.
    shares = static.steering if static.priced is None else integer[:0]
    for column, whole in ((shares, False), (integer, True)):
        least, most = program.bounds(column)
        kept = narrowed(root.reduced_cost[column], least, most, room, whole=whole)
        program.bound_columns(column, *kept)
    return low, high


def _whole_origins(static: StaticProgram, root: MilpResult, gap: float, stop: Stop) -> Found:
    """Let HiGHS branch, and ask again as long as its answer breaks a row that was left out."""
    near = None if root.x is None else root.x[static.share]
    best = place_origins(static, 1, near=near, ruins=ruins_for(static), stop=stop.part(_PLACING))
    bound = root.bound
    stop.tell(best.objective if best else None, bound)
    while not stop.passed():
        start = _start(static, best)
        result = static.program.integral(stop, gap / 3, start=start, presolve=True)
        if result.status == "infeasible":
            return Found(best, bound if best else np.inf, feasible=best is not None)
        bound = max(bound, result.bound)
        if result.x is None:
            break
        best = better(best, exact(static, result.x))
        stop.tell(best.objective if best else None, bound)
        if closed(best.objective if best else None, bound, gap):
            break
        if not add_missing_rows(static, result.x, 0.0):
            break
    return Found(best, bound, feasible=True)


def _start(static: StaticProgram, best: Candidate | None) -> Floats | None:
    """Return the program's point of a candidate."""
    if best is None:
        return None
    verdict = judge(static.problem, static.columns, best.replicas, best.share)
    return point(static, best.replicas, best.share, verdict)

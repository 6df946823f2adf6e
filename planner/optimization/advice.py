"""Infeasible becomes advice: what clashes, where it shows, and the cheapest ways out."""

from __future__ import annotations

from planner.errors import Infeasible
from planner.optimization.clash import clash
from planner.optimization.explain import shown
from planner.optimization.order_counts import can_list
from planner.optimization.repairs import repairs
from planner.optimization.stopping import Stop
from planner.problem.arrays import Problem

TIME_LIMIT_S = 20.0
"""Seconds that advice may take where nobody says otherwise."""


def advised(problem: Problem, error: Infeasible, stop: Stop, seed: int = 0) -> Infeasible:
    """Return the error with what clashes and with ways out that were tried.

    Parameters
    ----------
    problem : Problem
        A problem that has no plan.
    error : Infeasible
        What the optimiser said of it.
    stop : Stop
        When to stop; two fifths of the time at most go into what clashes.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Infeasible
        The error itself where nothing more was found in time.

    Notes
    -----
    Of scenarios with ``dns.rules`` other than shares at will nothing more is said: the trials are
    made with shares at will.  Where plans may be packed at best, nothing more either: the trials
    ask for room in any order of arrival.  Where orders are too many to list, nothing more either.
    """
    ruled = problem.rules is not None and problem.rules.kind != "any"
    if ruled or problem.packing == "at_best" or not can_list(problem):
        return error
    found = clash(problem, stop.part(0.4), seed)
    if found is None:
        return error
    ways = repairs(problem, found.promises, stop, seed)
    # What was said of all promises may be about others than those that clash here.
    return Infeasible(
        shown(found.problem, seed) or error.clashes,
        [str(way) for way in ways] or error.ways_out,
        [(promise.text, promise.path) for promise in found.promises],
        irreducible=found.irreducible,
        tried=bool(ways),
    )

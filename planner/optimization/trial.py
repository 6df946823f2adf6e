"""Whether a problem has a plan, without asking for a good one.

The relaxation says no for most that have none; rounded up it says yes for most that have one.  What
is left is searched, within the time that there is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from planner.optimization.candidates import Candidate, clean, judged, rounded_up
from planner.optimization.columns import order_columns
from planner.optimization.loads import loads_rps, needed_replicas
from planner.optimization.milp import MilpResult
from planner.optimization.relaxation import relax
from planner.optimization.rerouting import AdaptiveProgram, adaptive_program, add_broken_cuts
from planner.optimization.search import search
from planner.optimization.static import StaticProgram, static_program
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints, Problem
from planner.problem.some_states import of_states

Verdict = Literal["feasible", "infeasible", "unknown"]


@dataclass(frozen=True)
class Trial:
    """What a trial found.

    Attributes
    ----------
    verdict : {'feasible', 'infeasible', 'unknown'}
        'unknown' where the limit came first.
    replicas : ndarray of int, shape (S, R), or None
        Replicas of a plan, where one was found.
    """

    verdict: Verdict
    replicas: Ints | None = None


def promised_only(problem: Problem) -> Problem:
    """Return the problem with its promised states alone: nothing is lost in them.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    Problem
        It has a plan if and only if the given one has: the other states only price what is lost.

    Examples
    --------
    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.build import build_problem
    >>> scenario = read_scenario("taiwan")
    >>> problem = build_problem(scenario, failure_states(scenario))
    >>> promised_only(problem).axes.states[:2]
    ('all up', 'taipei down')
    """
    promised = of_states(problem, np.flatnonzero(problem.must_survive))
    return replace(promised, usd_per_lost_request=0.0)


def hopeless(problem: Problem, stop: Stop, seed: int) -> bool:
    """Return whether already the relaxation has no solution.

    Parameters
    ----------
    problem : Problem
        A problem of promised states only.
    stop : Stop
        When to stop; what is not known by then is not hopeless.
    seed : int
        Random seed of the solver.

    Returns
    -------
    bool
        True only where it is proven.
    """
    if problem.steering == "adaptive":
        if _nowhere(problem):
            return True
        return _routed(adaptive_program(problem, seed), stop).status == "infeasible"
    columns = order_columns(problem)
    if columns.missing.size:
        return True
    return relax(static_program(problem, columns, seed), stop, 1.0).status == "infeasible"


def tried(
    problem: Problem, stop: Stop, seed: int, hint: tuple[Ints, Floats] | None = None
) -> Trial:
    """Find out whether a problem has a plan.

    Parameters
    ----------
    problem : Problem
        A problem of promised states only, as `promised_only` returns it.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.
    hint : (ndarray, ndarray), optional
        Replicas and shares on the order columns that may be a plan.

    Returns
    -------
    Trial
        Yes with replicas, a proven no, or nothing known.
    """
    if problem.steering == "adaptive":
        return _tried_adaptive(problem, stop, seed)
    columns = order_columns(problem)
    if columns.missing.size:
        return Trial("infeasible")
    static = static_program(problem, columns, seed)
    if hint is not None and hint[1].size == columns.host.size:
        replicas, share = hint[0], clean(static, hint[1])
        needed = needed_replicas(problem, loads_rps(problem, columns, share))
        found = judged(static, np.maximum(replicas, needed), share)
        if found is not None:
            return Trial("feasible", found.replicas)
    return _searched(static, stop)


def _searched(static: StaticProgram, stop: Stop) -> Trial:
    """Look for a plan of static steering, the quick ways first."""
    result = relax(static, stop, 1.0)
    if result.status == "infeasible":
        return Trial("infeasible")
    found = rounded_up(static, result.x) or _roomy(static, stop)
    if found is None:
        # A gap of 1 is closed by any plan at all.
        searched = search(static, 1.0, stop)
        if not searched.feasible:
            return Trial("infeasible")
        found = searched.best
    return Trial("unknown") if found is None else Trial("feasible", found.replicas)


def _roomy(static: StaticProgram, stop: Stop) -> Candidate | None:
    """Round up a relaxation that leaves room for one more replica of all that runs."""
    problem = static.problem
    roomier = replace(problem, surge_replicas=problem.surge_replicas + 1)
    roomy = static_program(roomier, static.columns, 0)
    root = relax(roomy, stop, 1.0)
    if root.x is None or not problem.split_origins:
        return None
    runs = roomy.master.runs.ravel()
    low, high = roomy.program.bounds(runs)
    lean = root.x[runs]
    x: Floats | None = root.x
    for decided in (None, np.rint(lean), np.ceil(lean - 1e-6)):
        if decided is not None:
            bounds = np.maximum(low, decided), np.minimum(high, decided)
            roomy.program.bound_columns(runs, *bounds)
            x = relax(roomy, stop, 1.0).x
        if x is not None:
            share = clean(static, x[roomy.share])
            load = loads_rps(problem, static.columns, share)
            found = judged(static, needed_replicas(problem, load), share)
            if found is not None:
                return found
    return None


def _tried_adaptive(problem: Problem, stop: Stop, seed: int) -> Trial:
    """Find out whether replicas exist with which a balancer can route every promised state."""
    if _nowhere(problem):
        return Trial("infeasible")
    adaptive = adaptive_program(problem, seed)
    if _routed(adaptive, stop).status == "infeasible":
        return Trial("infeasible")
    while not stop.passed():
        result = adaptive.program.integral(stop, 1.0)
        if result.status == "infeasible":
            return Trial("infeasible")
        if result.x is None:
            break
        replicas = np.rint(result.x[adaptive.master.replicas])
        if not add_broken_cuts(adaptive, replicas):
            return Trial("feasible", replicas.astype(np.int64))
    return Trial("unknown")


def _nowhere(problem: Problem) -> bool:
    """Return whether some origin has no region to go to in a promised state."""
    calls = problem.demand_rps.max(axis=2) > 0
    reach = (problem.state_admissible & problem.region_up[:, None, None, :]).any(axis=3)
    return bool((problem.must_survive[:, None, None] & calls & ~reach).any())


def _routed(adaptive: AdaptiveProgram, stop: Stop) -> MilpResult:
    """Solve the relaxation until it breaks no cut."""
    while True:
        result = adaptive.program.relaxation(stop)
        if result.x is None or stop.passed():
            return result
        if not add_broken_cuts(adaptive, result.x[adaptive.master.replicas]):
            return result

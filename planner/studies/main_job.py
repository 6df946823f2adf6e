"""The main job: optimise, let the judge replay it, and write the plan down."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from planner.errors import Infeasible, UnfaithfulExport
from planner.exporters.hours import spare_advice
from planner.model.plan import Plan, Stability
from planner.optimization.advice import TIME_LIMIT_S, advised
from planner.optimization.optimize import solve
from planner.optimization.stable import Stable, solve_stable
from planner.optimization.stopping import Standing, Stop, interruptible
from planner.problem.arrays import Problem, Solution
from planner.problem.documents import as_plan, solution_of
from planner.problem.judgement import Judgement
from planner.problem.previous import previous_of
from planner.simulation import replay
from planner.simulation.assessment import Assessment
from planner.simulation.headroom import headroom
from planner.simulation.needs import normal_needs, state_needs
from planner.studies.hourly import plan_hours


def optimize(
    problem: Problem,
    *,
    gap: float = 1e-4,
    time_limit_s: float = 60.0,
    seed: int = 0,
    watch: Callable[[Standing], None] | None = None,
    previous: Plan | None = None,
    tolerance: float = 0.01,
    advice_s: float = TIME_LIMIT_S,
    stop: Stop | None = None,
) -> Plan:
    """Find the cheapest plan that keeps the policy, judged and with its proof.

    Parameters
    ----------
    problem : Problem
        From `build_problem`.
    gap : float
        Relative gap at which to stop.
    time_limit_s : float
        Seconds after which the best plan so far is returned, marked as stopped early.
    seed : int
        Random seed of the solver.
    watch : callable, optional
        Told how far the search is: its best plan so far and the proven bound.
    previous : Plan, optional
        An earlier plan: of all plans within the tolerance of the cheapest, the one that moves the
        least demand and the fewest replicas from it.
    tolerance : float
        What that may cost more than the proven bound of the cheapest, as a share of it.
    advice_s : float
        Seconds for advice where there is no plan; 0 for the error as the optimiser raises it.
    stop : Stop, optional
        That of the work which this is a part of: it ends the search too, and whoever began the work
        listens for Ctrl-C.

    Returns
    -------
    Plan
        Replicas, weights, shares and orders, cost, proof, headroom, worst state.

    Raises
    ------
    Infeasible
        If no plan keeps every promise; says which of them clash, and ways out that were tried.
    SolverStopped
        If none was found before the search ended.
    ValueError
        If the tolerance is negative, or a plan is to stay near another where DNS rules bind.

    Notes
    -----
    Ctrl-C ends the search as the limit does, with the best plan so far; what would come after the
    search is cut short too.
    The plan holds in the steady state of each promised failure state; see `simulate` for what
    happens elsewhere.  With adaptive steering the 95th percentiles are those of the solver's own
    routing of the normal state, of which the document keeps one hour.
    """
    with interruptible(Stop(float("inf"), inside=stop)) as whole:
        limits = _Limits(gap, time_limit_s, seed, watch, whole)
        try:
            if previous is None:
                solution = solve(problem, **limits._asdict())
                plan = as_plan(problem, solution, judge(problem, solution))
            else:
                plan = _near(problem, previous, tolerance, limits)
        except Infeasible as error:
            raise advice(problem, error, time_limit_s=advice_s, seed=seed, stop=whole) from None
        return _by_the_hour(problem, plan, seed, whole)


def _by_the_hour(problem: Problem, plan: Plan, seed: int, stop: Stop) -> Plan:
    """Add the totals of every hour where replicas follow the day, and what to mind of hours."""
    told: list[str] = []
    if plan.scenario.policy.replicas == "hourly":
        try:
            found = plan_hours(problem, plan, seed=seed, stop=stop)
        except (UnfaithfulExport, ValueError) as error:
            told.append(f"replicas stay all day: {error}")
        else:
            plan = plan.model_copy(update={"hourly": found.hourly})
            told += [*found.findings, *found.missed]
    spare = spare_advice(plan)
    warnings = dict.fromkeys((*plan.warnings, *told, *([spare] if spare else [])))
    return plan.model_copy(update={"warnings": tuple(warnings)})


class _Limits(NamedTuple):
    """How far a search shall go."""

    gap: float
    time_limit_s: float
    seed: int
    watch: Callable[[Standing], None] | None
    stop: Stop


def advice(
    problem: Problem,
    error: Infeasible,
    *,
    time_limit_s: float = TIME_LIMIT_S,
    seed: int = 0,
    stop: Stop | None = None,
) -> Infeasible:
    """Return the error with the promises that clash and with ways out that were tried.

    Parameters
    ----------
    problem : Problem
        A problem that has no plan.
    error : Infeasible
        What the optimiser said of it.
    time_limit_s : float
        Seconds that it may take; Ctrl-C ends it too, with what was found by then.
    seed : int
        Random seed of the solver.
    stop : Stop, optional
        That of the work which this is a part of.

    Returns
    -------
    Infeasible
        To be raised; the error itself where nothing more was found.
    """
    if time_limit_s <= 0:
        return error
    with interruptible(Stop(time_limit_s, inside=stop)) as own:
        return advised(problem, error, own, seed)


def _near(problem: Problem, previous: Plan, tolerance: float, limits: _Limits) -> Plan:
    """Find the plan near an earlier one, and write down how near."""
    before = previous_of(problem, previous)
    near = solve_stable(problem, before, tolerance=tolerance, **limits._asdict())
    plan = as_plan(problem, near.solution, judge(problem, near.solution))
    told = tuple(dict.fromkeys((*plan.warnings, *before.warnings)))
    return plan.model_copy(update={"warnings": told, "stability": _stability(near, tolerance)})


def _stability(near: Stable, tolerance: float) -> Stability:
    """Write down how far a plan is from an earlier one."""
    return Stability(
        tolerance=tolerance,
        demand_share=_share(near.moved.demand_share),
        order_share=_share(near.moved.order_share),
        replicas=near.moved.replicas,
        score=round(near.moved.score, 6),
        score_bound=round(near.bound, 6),
        cheapest_usd_month=round(near.cheapest.objective, 6),
        cheapest_demand_share=_share(near.cheapest_moved.demand_share),
        cheapest_replicas=near.cheapest_moved.replicas,
    )


def _share(part: float | None) -> float | None:
    """Round a share to six decimals: what is left of platform noise would change the bytes."""
    return None if part is None else min(1.0, round(part, 6))


def judge(problem: Problem, solution: Solution) -> Judgement:
    """Replay a solution and gather what a plan records of it.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    solution : Solution
        What was decided, by whomever.

    Returns
    -------
    Judgement
        Percentiles, losses, headroom and the worst promised state.

    Raises
    ------
    PlannerError
        If the solver gives up routing a state under adaptive steering.
    """
    assessment = replay.simulate(problem, solution)
    margin = headroom(problem, assessment)
    worst = assessment.worst
    known = problem.steering == "static"
    load, replicas = assessment.load_rps, solution.replicas
    return Judgement(
        region_p95_ms=assessment.region_p95_ms,
        origin_p95_ms=assessment.origin_p95_ms,
        lost_requests_month=float(assessment.lost_requests_month.sum()),
        headroom_factor=margin.factor,
        headroom_regions=margin.regions,
        limited_by=margin.limited_by,
        worst_state=worst.state,
        worst_unserved_share=worst.unserved_share,
        worst_p95_over_limit=worst.p95_over_limit,
        worst_cause=worst.cause,
        normal_replicas=normal_needs(problem, load[0], replicas) if known else None,
        surviving_replicas=(state_needs(problem, load, replicas).max(axis=0) if known else None),
    )


def simulate(problem: Problem, plan: Plan) -> Assessment:
    """Replay a plan in the steady state of every failure state.

    Parameters
    ----------
    problem : Problem
        The problem of the plan's scenario.
    plan : Plan
        A plan; where a balancer steers, each state is routed anew.

    Returns
    -------
    Assessment
        Who serves whom, what is lost and why, 95th percentiles, the worst promised state.

    Raises
    ------
    KeyError, ValueError
        If the plan belongs to another scenario.

    Notes
    -----
    An adaptive plan holds no routing, so its normal state is routed anew too and may differ from
    what the optimiser chose.
    """
    return replay.simulate(problem, solution_of(problem, plan))

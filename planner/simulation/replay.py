"""The judge: replay a solution in every failure state, without asking who built it."""

from __future__ import annotations

import numpy as np

from planner.problem.arrays import Problem, Solution
from planner.simulation.assessment import Assessment
from planner.simulation.balancer import adaptive_routing
from planner.simulation.latency import percentiles
from planner.simulation.routing import static_routing
from planner.simulation.steady import steady_state
from planner.simulation.verdict import worst_state


def simulate(problem: Problem, solution: Solution) -> Assessment:
    """Return what happens in the steady state of every failure state.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    solution : Solution
        Replicas, shares and orders; with adaptive steering the normal state's routing, if known.

    Returns
    -------
    Assessment
        Who serves whom, what is lost and why, 95th percentiles, and the worst promised state.

    Raises
    ------
    PlannerError
        If the solver gives up routing a state under adaptive steering.

    Notes
    -----
    Steady state only: what is lost while DNS drains or survivors scale is not in it.

    Static steering: each share goes to the first region of its order that is up, and is lost
    where that region may not serve it.  Adaptive: each state is routed anew.

    Examples
    --------
    Everybody in the region of index 0, that of index 1 as backup, as many replicas as allowed: the
    uplink is what does not bear it.

    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.build import build_problem
    >>> scenario = read_scenario("taiwan")
    >>> problem = build_problem(scenario, failure_states(scenario))
    >>> host, origin = (index.ravel() for index in np.indices((2, 47)))
    >>> solution = Solution(
    ...     replicas=problem.max_replicas,
    ...     host=host,
    ...     origin=origin,
    ...     order=np.tile([0, 1], (94, 1)),
    ...     share=np.ones(94),
    ...     routing=None,
    ...     objective=0.0,
    ...     bound=0.0,
    ...     status="limit",
    ...     solver="by hand",
    ...     seed=0,
    ...     seconds=0.0,
    ... )
    >>> worst = simulate(problem, solution).worst
    >>> worst.cause.endswith("exceed the uplink of taipei")
    True
    """
    adaptive = problem.steering == "adaptive"
    routing = adaptive_routing(problem, solution) if adaptive else static_routing(problem, solution)
    steady = steady_state(problem, solution, routing)
    found = percentiles(problem, solution, steady.carried_rps)
    limit_ms = np.repeat(problem.emergency_limit_ms[None], len(problem.axes.states), axis=0)
    limit_ms[0] = problem.limit_ms
    return Assessment(
        axes=problem.axes,
        must_survive=problem.must_survive,
        state_probability=problem.state_probability,
        demand_rps=problem.demand_rps,
        carried_rps=steady.carried_rps,
        load_rps=steady.load_rps,
        utilisation_share=steady.utilisation_share,
        uplink_share=steady.uplink_share,
        lost=steady.lost,
        origin_p95_ms=found.state_ms[0].copy(),
        region_p95_ms=found.region_ms,
        state_p95_ms=found.state_ms,
        state_p95_hour=found.state_hour,
        limit_ms=limit_ms,
        worst=worst_state(problem, steady, found, limit_ms),
    )

"""The judge: replay a solution in every failure state, without asking who built it."""

from __future__ import annotations

import numpy as np

from planner.problem.arrays import Ints, Problem, Solution
from planner.simulation.assessment import Assessment
from planner.simulation.latency import percentiles
from planner.simulation.means import means
from planner.simulation.setting import Setting
from planner.simulation.steady import steady_state
from planner.simulation.survivors import surviving_replicas
from planner.simulation.verdict import worst_state


def simulate(
    problem: Problem,
    solution: Solution,
    *,
    replicas: Ints | None = None,
    late_counts: bool = True,
    spill_over: bool | None = None,
) -> Assessment:
    """Return what happens in the steady state of every failure state.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    solution : Solution
        Replicas, shares and orders; with adaptive steering the normal state's routing, if known.
    replicas : ndarray of int, shape (K, S, R), optional
        What runs in each state, as the federation controller leaves it; without it the solution's
        replicas in all of them.
    late_counts : bool
        Whether a region that cannot keep the promise loses its requests.  True is what the
        optimiser's price says: a broken promise counts as lost; 95th percentiles are then those of
        the promise, which knows of no packet loss.  False is what users see: whatever is reachable
        is served, late or not, and lost packets are sent again.
    spill_over : bool, optional
        Whether what a region turns away goes on to the next of its order; without it what the
        scenario says, and no where there is none.

    Returns
    -------
    Assessment
        Who serves whom, what is lost and why, means, 95th percentiles, the worst promised state.

    Raises
    ------
    ValueError
        If `replicas` are of another shape.
    PlannerError
        If the solver gives up routing a state under adaptive steering.

    Notes
    -----
    Steady state only: what is lost while DNS drains or survivors scale is not in it.

    Static steering: each share goes to the first region of its order that is up, and is lost
    where that region may not serve it.  Adaptive: each state is routed anew.  Of the replicas,
    those run that fit the servers left.  95th percentiles are those of promised states; for others
    see `planner.simulation.distribution`.

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
    setting = _setting(problem, solution, replicas, late_counts, spill_over)
    steady = steady_state(setting, solution)
    found = percentiles(problem, setting.replicas, steady.flows, with_loss=not late_counts)
    limit_ms = np.repeat(problem.emergency_limit_ms[None], len(problem.axes.states), axis=0)
    limit_ms[0] = problem.limit_ms
    return Assessment(
        axes=problem.axes,
        must_survive=problem.must_survive,
        state_probability=problem.state_probability,
        demand_rps=problem.demand_rps,
        demand_factor=setting.demand_factor,
        replicas=setting.replicas,
        flows=steady.flows,
        load_rps=steady.load_rps,
        utilisation_share=steady.utilisation_share,
        uplink_share=steady.uplink_share,
        lost=steady.lost,
        links=steady.links,
        means=means(problem, setting.replicas, steady.flows),
        origin_p95_ms=found.state_ms[0].copy(),
        region_p95_ms=found.region_ms,
        state_p95_ms=found.state_ms,
        state_p95_hour=found.state_hour,
        limit_ms=limit_ms,
        worst=worst_state(setting, steady, found, limit_ms),
    )


def _setting(
    problem: Problem,
    solution: Solution,
    replicas: Ints | None,
    late_counts: bool,
    spill_over: bool | None,
) -> Setting:
    """Gather what holds; a scenario decides what is left open."""
    shape = (len(problem.axes.states), *solution.replicas.shape)
    given = np.broadcast_to(solution.replicas, shape) if replicas is None else replicas
    if given.shape != shape:
        raise ValueError(f"`replicas` must have the shape {shape}, not {given.shape}.")
    if spill_over is None:
        spill_over = problem.scenario is not None and problem.scenario.dns.spill_over
    return Setting(problem, surviving_replicas(problem, given), late_counts, spill_over)

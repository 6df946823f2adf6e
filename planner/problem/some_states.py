"""A problem with some of its failure states."""

from __future__ import annotations

from dataclasses import replace

from planner.problem.arrays import Ints, Problem


def of_states(problem: Problem, kept: Ints) -> Problem:
    """Return the problem with some of its states.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    kept : ndarray of int, shape (K',)
        Which states, the normal one first.

    Returns
    -------
    Problem
        The conditions under which the scenario's queues were evaluated are not in it.

    Examples
    --------
    >>> import numpy as np
    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.build import build_problem
    >>> scenario = read_scenario("taiwan")
    >>> problem = build_problem(scenario, failure_states(scenario))
    >>> of_states(problem, np.array([0, 1])).axes.states
    ('all up', 'luzon-strait cut')
    """
    between = problem.state_region_rtt_ms
    return replace(
        problem,
        axes=replace(problem.axes, states=tuple(problem.axes.states[k] for k in kept)),
        state_rtt_ms=problem.state_rtt_ms[kept],
        region_up=problem.region_up[kept],
        must_survive=problem.must_survive[kept],
        state_probability=problem.state_probability[kept],
        home_region=problem.home_region[kept],
        state_admissible=problem.state_admissible[kept],
        state_region_rtt_ms=None if between is None else between[kept],
        conditions=None,
    )

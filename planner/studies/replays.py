"""Events replayed on a plan: the steady state they lead to, and the hour after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planner.failures.states import event_states
from planner.model.plan import Plan
from planner.problem.arrays import Problem
from planner.problem.build import build_problem
from planner.problem.division import divided_replicas
from planner.problem.documents import solution_of
from planner.problem.recovery import recovery
from planner.simulation.assessment import Assessment
from planner.simulation.chronicle import Timeline
from planner.simulation.replay import simulate
from planner.simulation.timeline import timeline
from planner.units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE


@dataclass(frozen=True, eq=False)
class Replay:
    """An event replayed on a plan.

    Attributes
    ----------
    name : str
        What is replayed, for people.
    problem : Problem
        The scenario with everything up and in the event.
    assessment : Assessment
        Steady state of both.
    timeline : Timeline
        What happens second by second.
    """

    name: str
    problem: Problem
    assessment: Assessment
    timeline: Timeline


def replay_events(plan: Plan, names: Sequence[str], *, step_s: float = 1.0) -> Replay:
    """Replay one event, or several at once, second by second.

    Parameters
    ----------
    plan : Plan
        The plan; its scenario has the events.
    names : sequence of str
        Keys of the events; the first says when it begins and how long it lasts.
    step_s : float
        Length of a step of the timeline.

    Returns
    -------
    Replay
        Steady states and timeline.

    Raises
    ------
    ValueError
        If there is no such event.

    Examples
    --------
    >>> import planner as pl
    >>> scenario = pl.read_scenario("taiwan")
    >>> plan = pl.optimize(pl.build_problem(scenario, pl.failure_states(scenario)))
    >>> replay = replay_events(plan, ["losangeles-down-evening"])
    >>> replay.name, bool(replay.timeline.lost_requests > 0)
    ('Los Angeles down in the evening peak', True)
    """
    scenario = plan.scenario
    states = event_states(scenario, names[0], also=tuple(names[1:]))
    problem = build_problem(scenario, states)
    solution = solution_of(problem, plan)
    replicas = divided_replicas(problem, plan).replicas
    assessment = simulate(problem, solution, replicas=replicas, late_counts=False)
    event = scenario.events[names[0]]
    return Replay(
        name=states.names[1],
        problem=problem,
        assessment=assessment,
        timeline=timeline(
            problem,
            solution,
            recovery(scenario),
            state=1,
            duration_s=event.duration_min * SECONDS_PER_MINUTE,
            replicas_after=assessment.replicas[1],
            start_s=_second_of_day(event.starts_utc),
            step_s=step_s,
        ),
    )


def _second_of_day(clock: str | None) -> float | None:
    """Return the second of the day that a clock shows; None for none."""
    if clock is None:
        return None
    hours, minutes = map(int, clock.split(":"))
    return hours * SECONDS_PER_HOUR + minutes * SECONDS_PER_MINUTE

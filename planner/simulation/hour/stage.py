"""Scenes for a passage: as it goes, and as if everything had settled at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem, Solution
from planner.problem.recovery import Recovery
from planner.simulation.hour.admission import Room, room
from planner.simulation.hour.attempts import Scene
from planner.simulation.hour.cohorts import EVENT, NORMAL, Cohorts, cohorts
from planner.simulation.hour.course import (
    Clock,
    Course,
    Running,
    course,
    home_serves,
    old_share,
    running,
)
from planner.simulation.hour.daytime import SECONDS_PER_DAY, Daytime, daytime, demand_of_state
from planner.simulation.survivors import surviving_replicas

SAMPLE_S = 300.0
"""Seconds between times that stand for what is not looked at step by step."""


@dataclass(frozen=True, eq=False)
class Stage:
    """One event of one problem, before any time of the day is chosen.

    Attributes
    ----------
    problem : Problem
        The problem as arrays.
    solution : Solution
        What was decided.
    recovery : Recovery
        How long everything takes.
    state : int
        The failure state.
    after : ndarray of int, shape (S, R)
        Replicas as the controller leaves them in it.
    way : Cohorts
        Where requests go.
    limits : Room
        What limits them.
    run : Course
        What happens when.
    demand : ndarray, shape (2, S, O, H)
        Requests per second by `EVENT` and `NORMAL`.
    """

    problem: Problem
    solution: Solution
    recovery: Recovery
    state: int
    after: Ints
    way: Cohorts
    limits: Room
    run: Course
    demand: Floats


def stage(
    problem: Problem,
    solution: Solution,
    recovery: Recovery,
    *,
    state: int,
    after: Ints | None,
    duration_s: float,
    start_s: float,
) -> Stage:
    """Return an event of a problem.

    Parameters
    ----------
    problem, solution, recovery
        What is given, what was decided, and how long everything takes.
    state : int
        The failure state, not 0.
    after : ndarray of int, shape (S, R), or None
        Replicas as the controller leaves them in it; None for those planned.  Of these, those run
        that fit the servers left.
    duration_s : float
        How long it lasts, seconds.
    start_s : float
        Second of the day whose routing holds under adaptive steering.

    Returns
    -------
    Stage
        All that does not depend on the time of the day.

    Raises
    ------
    ValueError
        If the state is not one of the problem, or the normal one.
    """
    if not 0 < state < len(problem.axes.states):
        raise ValueError(f"`state` must be from 1 to {len(problem.axes.states) - 1}, not {state}")
    hour = int(daytime(problem, np.array([start_s])).low[0])
    way = cohorts(problem, solution, state, hour)
    return Stage(
        problem=problem,
        solution=solution,
        recovery=recovery,
        state=state,
        after=_fitting(problem, state, solution.replicas if after is None else after),
        way=way,
        limits=room(problem, recovery, way),
        run=course(problem, recovery, state, duration_s),
        demand=np.stack([demand_of_state(problem, state), problem.demand_rps]),
    )


def _fitting(problem: Problem, state: int, replicas: Ints) -> Ints:
    """Return the replicas that fit the servers left in a state, shape (S, R)."""
    conditions = problem.conditions
    if conditions is None or conditions.server_share is None:
        return replicas
    few = replace(conditions, server_share=conditions.server_share[[state]])
    kept: Ints = surviving_replicas(replace(problem, conditions=few), replicas[None])[0]
    return kept


def cohort_rps(act: Stage, time: Clock, at: Daytime) -> Floats:
    """Return first attempts of each cohort.

    Parameters
    ----------
    act : Stage
        The event.
    time : Clock
        Steps.
    at : Daytime
        The times of the day, shape (T, B).

    Returns
    -------
    ndarray, shape (T, B, C)
        Requests per second.
    """
    way = act.way
    hourly = np.zeros((2, way.service.size, act.demand.shape[-1]))
    rows = act.demand[:, way.service[way.row_cohort], way.row_origin] * way.row_share[:, None]
    for phase in (EVENT, NORMAL):
        np.add.at(hourly[phase], way.row_cohort, rows[phase])
    first = at.of(hourly[EVENT])
    first[time.phase == NORMAL] = at.of(hourly[NORMAL])[time.phase == NORMAL]
    return first


def times_of_day(problem: Problem, time: Clock, starts_s: Floats) -> Daytime:
    """Return the times of the day of all steps for events that begin at some, shape (T, B)."""
    return daytime(problem, time.middle_s[:, None] + starts_s)


def as_it_goes(act: Stage, time: Clock, first_rps: Floats) -> Scene:
    """Return the scene of an event as it goes.

    Parameters
    ----------
    act : Stage
        The event.
    time : Clock
        Steps.
    first_rps : ndarray, shape (T, B, C)
        First attempts of each cohort.

    Returns
    -------
    Scene
        With detection, drain, promotion, start-up and all.
    """
    serves = home_serves(time, act.problem, act.recovery, act.state)
    runs = running(time, act.run, act.recovery, act.solution, act.after)
    share = old_share(time, act.run, act.recovery)
    return _scene(act, act.recovery, time, first_rps, share, serves, runs)


def as_scheduled(act: Stage, time: Clock, first_rps: Floats) -> Scene:
    """Return the scene of an event as it goes, without retries, lines and autoscalers.

    Parameters
    ----------
    act : Stage
        The event.
    time : Clock
        Steps of any length: none depends on another.
    first_rps : ndarray, shape (T, B, C)
        First attempts of each cohort.

    Returns
    -------
    Scene
        With whatever takes longer than what is looked at step by step.
    """
    scene, calm = as_it_goes(act, time, first_rps), _calm(act)
    limits = replace(scene.limits, queued=np.isfinite(calm.timeout_s))
    return replace(scene, recovery=calm, limits=limits)


def _calm(act: Stage) -> Recovery:
    """Return the recovery without what makes one step depend on another."""
    services = len(act.problem.axes.services)
    return replace(
        act.recovery,
        timeout_s=np.full(services, np.nan),
        retry_attempts=np.zeros(services, np.int64),
        autoscaler_target_share=np.full(services, np.nan),
    )


def as_settled(act: Stage, time: Clock, first_rps: Floats) -> Scene:
    """Return the scene in which each state's own end is reached at once.

    Parameters
    ----------
    act : Stage
        The event.
    time : Clock
        Steps.
    first_rps : ndarray, shape (T, B, C)
        First attempts of each cohort.

    Returns
    -------
    Scene
        What is lost in it is the states' own steady loss: DNS has drained, storage is promoted,
        replicas run and are warm, and what exceeds them is turned away.
    """
    problem, steps = act.problem, time.seconds.size
    normal = time.phase == NORMAL
    services = len(problem.axes.services)
    home = problem.home_region[np.where(normal, 0, act.state)] >= 0
    up = act.after * problem.region_up[act.state]
    ready = np.where(normal[:, None, None], act.solution.replicas, up).astype(float)
    share = np.repeat(normal[:, None].astype(float), services, axis=1)
    serves = home | (problem.home_share <= 0)
    runs = Running(ready, np.zeros((steps, *act.after.shape)))
    return _scene(act, _calm(act), time, first_rps, share, serves, runs)


def _scene(
    act: Stage,
    recovery: Recovery,
    time: Clock,
    first_rps: Floats,
    share: Floats,
    serves: Bools,
    runs: Running,
) -> Scene:
    """Put a scene together."""
    queued = np.isfinite(recovery.timeout_s)
    return Scene(
        time=time,
        way=act.way,
        limits=replace(act.limits, queued=queued),
        recovery=recovery,
        first_rps=first_rps,
        old_share=share,
        homeless=act.way.homeward & ~serves[:, act.way.service],
        runs=runs,
        problem=act.problem,
        state=act.state,
    )


def gap_clock(time: Clock) -> Clock:
    """Return times that stand for what lies between the two stretches of a clock.

    Parameters
    ----------
    time : Clock
        Two stretches with a gap.

    Returns
    -------
    Clock
        Samples with equal weights; a gap longer than a day is that day, again and again.
    """
    shown_s = min(time.gap_s, SECONDS_PER_DAY)
    count = max(1, int(np.ceil(shown_s / SAMPLE_S)))
    begin_s = time.duration_s - time.gap_s
    return Clock(
        seconds=begin_s + np.arange(count) * shown_s / count,
        step_s=np.full(count, time.gap_s / count),
        phase=np.full(count, EVENT),
        duration_s=time.duration_s,
        gap_s=0.0,
    )


def early_clock(time: Clock) -> Clock:
    """Return the first day of what lies between the two stretches of a clock, at most.

    Parameters
    ----------
    time : Clock
        Two stretches with a gap.

    Returns
    -------
    Clock
        Samples with equal weights: what is due after the first stretch falls into them.
    """
    early = replace(time, gap_s=min(time.gap_s, SECONDS_PER_DAY))
    found = gap_clock(early)
    return replace(found, seconds=found.seconds - (time.gap_s - early.gap_s))

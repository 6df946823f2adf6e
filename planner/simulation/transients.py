"""What an event loses beyond the steady states, over all times of the day at which it may begin."""

from __future__ import annotations

import numpy as np

from planner.problem.arrays import Floats, Ints, Problem, Solution
from planner.problem.recovery import Recovery
from planner.simulation.hour.attempts import NEW, OLD, Passage, Scene
from planner.simulation.hour.cohorts import EVENT, NORMAL
from planner.simulation.hour.course import Clock, clock
from planner.simulation.hour.overload import limit_rps
from planner.simulation.hour.passage import passage
from planner.simulation.hour.retries import lost_share
from planner.simulation.hour.stage import (
    Stage,
    as_it_goes,
    as_scheduled,
    as_settled,
    cohort_rps,
    early_clock,
    gap_clock,
    stage,
    times_of_day,
)
from planner.units import SECONDS_PER_HOUR

BLOCK = 4_000_000
"""Numbers of one array that are looked at in one go."""


def transient(
    problem: Problem,
    solution: Solution,
    recovery: Recovery,
    *,
    state: int,
    repair_s: float,
    replicas_after: Ints | None = None,
    starts_s: Floats | None = None,
    horizon_s: float = 3600.0,
    step_s: float = 5.0,
) -> Floats:
    """Return the requests that one event loses beyond the steady states.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    solution : Solution
        Replicas, shares and orders.
    recovery : Recovery
        How long everything takes.
    state : int
        The failure state in which the component is down.
    repair_s : float
        Seconds until it is repaired: what is lost is cut there, and the return follows.
    replicas_after : ndarray of int, shape (S, R), or None
        Replicas as the controller leaves them in the state; None for those planned.
    starts_s : ndarray, shape (B,), or None
        Seconds of the day at which it may begin, all equally probable; None for every planned hour.
    horizon_s, step_s : float
        Seconds looked at after the loss and after the return, and length of a step.

    Returns
    -------
    ndarray, shape (S, O)
        Expected requests, not below 0.

    Raises
    ------
    ValueError
        If the state is not a failure state of the problem, or a time is not above 0.

    Notes
    -----
    The same as `Timeline.excess_requests` at each start, for all starts at once and without asking
    who is late.
    """
    if starts_s is None:
        starts_s = np.array(problem.axes.hours, dtype=float) * SECONDS_PER_HOUR
    time = clock(repair_s, horizon_s, step_s)
    act = stage(
        problem,
        solution,
        recovery,
        state=state,
        after=replicas_after,
        duration_s=repair_s,
        start_s=float(starts_s[0]),
    )
    if _settles_at_once(act):
        return np.zeros(act.demand.shape[1:3])
    size = max(1, BLOCK // (time.seconds.size * act.way.service.size))
    total = np.zeros(act.demand.shape[1:3])
    for begin in range(0, starts_s.size, size):
        total += _excess(act, time, starts_s[begin : begin + size])
    return np.maximum(total / starts_s.size, 0.0)


def _settles_at_once(act: Stage) -> bool:
    """Return whether nothing takes any time: no region, storage or server is lost."""
    homes = act.problem.home_region[[0, act.state]]
    recovery = act.recovery
    linked = (recovery.retry_attempts > 0).any() or np.isfinite(recovery.timeout_s).any()
    linked = linked or np.isfinite(recovery.autoscaler_target_share).any()
    lost = act.run.lost.any() or (act.run.server_share < 1).any()
    return not (lost or linked or (homes[0] != homes[1]).any())


def _excess(act: Stage, time: Clock, starts_s: Floats) -> Floats:
    """Return the requests lost beyond the steady states, summed over starts, shape (S, O)."""
    at = times_of_day(act.problem, time, starts_s)
    first = cohort_rps(act, time, at)
    goes, settled = as_it_goes(act, time, first), as_settled(act, time, first)
    found = passage(goes)
    excess = failing(goes, found) - failing(settled, passage(settled))
    last = excess[time.first_back - 1]
    hourly = np.zeros((2, excess.shape[-1], act.demand.shape[-1]))
    weights = at.weights(np.broadcast_to(time.step_s[:, None], excess.shape[:2]))
    for phase in (EVENT, NORMAL):
        steps = time.phase == phase
        hourly[phase] = np.tensordot(excess[steps], weights[steps], axes=([0, 1], [0, 1]))
    hourly[EVENT] += unsettled(act, goes, found, last, starts_s)
    return by_origin(act, hourly)


def by_origin(act: Stage, hourly: Floats) -> Floats:
    """Return requests from seconds that cohorts lose.

    Parameters
    ----------
    act : Stage
        The event.
    hourly : ndarray, shape (2, C, H)
        Seconds of each cohort by `EVENT` and `NORMAL` and hour.

    Returns
    -------
    ndarray, shape (S, O)
        Seconds weighted with demand.
    """
    way = act.way
    service = way.service[way.row_cohort]
    demand = act.demand[:, service, way.row_origin]
    requests = way.row_share * (demand * hourly[:, way.row_cohort]).sum(axis=(0, 2))
    total = np.zeros(act.demand.shape[1:3])
    np.add.at(total, (service, way.row_origin), requests)
    return total


def unsettled(act: Stage, scene: Scene, found: Passage, excess: Floats, starts_s: Floats) -> Floats:
    """Return what is lost beyond the steady loss between the two stretches of a clock.

    Parameters
    ----------
    act : Stage
        The event.
    scene : Scene
        The event as it goes.
    found : Passage
        Its passage.
    excess : ndarray, shape (B, C)
        Part of each cohort's requests that fails beyond the steady loss in the event's last step.
    starts_s : ndarray, shape (B,)
        Seconds of the day at which it begins.

    Returns
    -------
    ndarray, shape (C, H)
        Seconds by cohort and hour, summed over starts: what is due after the first stretch, such as
        a slow promotion or a long TTL (for a day at most), and overload that had stayed.
    """
    time = scene.time
    if time.gap_s <= 0:
        return np.zeros((act.way.service.size, act.demand.shape[-1]))
    early, whole = early_clock(time), gap_clock(time)
    at = times_of_day(act.problem, early, starts_s)
    first = cohort_rps(act, early, at)
    goes, settled = as_scheduled(act, early, first), as_settled(act, early, first)
    due = failing(goes, passage(goes)) - failing(settled, passage(settled))
    weights = at.weights(np.broadcast_to(early.step_s[:, None], due.shape[:2]))
    late: Floats = np.tensordot(due, weights, axes=([0, 1], [0, 1]))
    held = np.maximum(carried(scene, found, excess) - np.maximum(due[0], 0.0), 0.0)
    days = times_of_day(act.problem, whole, starts_s)
    scale = np.broadcast_to(whole.step_s[:, None], days.part.shape)
    late += held.T @ days.weights(scale).sum(axis=0)
    return late


def failing(scene: Scene, found: Passage) -> Floats:
    """Return the part of each cohort's requests that is lost, retries and all.

    Parameters
    ----------
    scene : Scene
        What the passage followed from.
    found : Passage
        The passage.

    Returns
    -------
    ndarray, shape (T, B, C)
        Part of first attempts.
    """
    share = scene.old_share[:, None, scene.way.service]
    lost = lost_share(scene, found)
    part: Floats = share * lost[OLD] + (1 - share) * lost[NEW]
    return part


def carried(scene: Scene, found: Passage, excess: Floats) -> Floats:
    """Return what goes on failing beyond the steady loss after the last step of an event.

    Parameters
    ----------
    scene : Scene
        What the passage followed from.
    found : Passage
        The passage.
    excess : ndarray, shape (B, C)
        Part of each cohort's requests that fails beyond the steady loss in the event's last step.

    Returns
    -------
    ndarray, shape (B, C)
        The same for services whose requests wait in line and which are overloaded then; 0
        elsewhere.
    """
    last = scene.time.first_back - 1
    over = (found.load_rps[last] > limit_rps(scene, found)[last]) | (found.wait_s[last] > 0)
    held = over.any(axis=2) & scene.limits.queued
    kept: Floats = np.maximum(excess, 0.0) * held[:, scene.way.service]
    return kept

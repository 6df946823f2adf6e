"""Attempts: what a passage through a failure follows from, and what becomes of one moment's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.problem.recovery import Recovery
from planner.simulation.hour.admission import Room, admitted
from planner.simulation.hour.cohorts import Cohorts
from planner.simulation.hour.course import Clock, Running

OLD, NEW = 0, 1
"""Axis of the two answers of DNS."""


@dataclass(frozen=True, eq=False)
class Scene:
    """All that a passage follows from; B is the number of times of the day at which it begins.

    Attributes
    ----------
    time : Clock
        Steps.
    way : Cohorts
        Where requests go.
    limits : Room
        What limits them.
    recovery : Recovery
        Retries, timeouts, caches and autoscalers.
    first_rps : ndarray, shape (T, B, C)
        First attempts of each cohort.
    old_share : ndarray, shape (T, S)
        Share of requests that follow the old answer.
    homeless : ndarray of bool, shape (T, C)
        Cohorts whose requests find no home region at the moment.
    runs : Running
        Replicas, autoscalers aside.
    problem : Problem
        Rates, bounds and tunnels.
    state : int
        The failure state of the event.
    """

    time: Clock
    way: Cohorts
    limits: Room
    recovery: Recovery
    first_rps: Floats
    old_share: Floats
    homeless: Bools
    runs: Running
    problem: Problem
    state: int


@dataclass(frozen=True, eq=False)
class Passage:
    """What becomes of attempts; the first axis of parts is `OLD` and `NEW` answer.

    Attributes
    ----------
    here, there : ndarray, shape (2, T, B, C)
        Part served by the region asked, and by the one to which it passes on what it turns away.
    retried_share : ndarray, shape (T, B, S)
        Part of the wanted retries that the budget allows.
    first_rps, load_rps : ndarray, shape (T, B, S, R)
        First attempts, and all attempts, that arrive at each region.
    taken_rps : ndarray, shape (T, B, S, R)
        What its replicas take.
    full_rps : ndarray, shape (T, B, S, R)
        What they complete at full utilisation.
    replicas : ndarray, shape (T, B, S, R)
        Replicas that are ready.
    wait_s : ndarray, shape (T, B, S, R)
        Wait in line of those who arrive; 0 where nobody queues.
    """

    here: Floats
    there: Floats
    retried_share: Floats
    first_rps: Floats
    load_rps: Floats
    taken_rps: Floats
    full_rps: Floats
    replicas: Floats
    wait_s: Floats


@dataclass(frozen=True, eq=False)
class Maps:
    """Where each cohort arrives; the first axes are phase and answer.

    Attributes
    ----------
    cell, next_cell : ndarray of int, shape (2, 2, C)
        Cell that is asked, and the one to which that passes on; P for nowhere.
    into, into_next : ndarray, shape (2, 2, C, S, P)
        The same as 1 and 0.
    """

    cell: Ints
    next_cell: Ints
    into: Floats
    into_next: Floats


def full_rps(scene: Scene, ready: Floats, cold: Floats) -> Floats:
    """Return what replicas complete at full utilisation, cold ones less.

    Parameters
    ----------
    scene : Scene
        Rates and caches.
    ready, cold : ndarray, shape (..., S, R)
        Replicas that are ready, and those of them with cold caches.

    Returns
    -------
    ndarray, shape (..., S, R)
        Requests per second.
    """
    slow = 1 - 1 / scene.recovery.cold_factor[:, None]
    rate: Floats = scene.problem.rps_per_replica * (ready - cold * slow)
    return rate


def maps_of(scene: Scene) -> Maps:
    """Return where each cohort arrives.

    Parameters
    ----------
    scene : Scene
        Cohorts and cells.

    Returns
    -------
    Maps
        Indices, and matrices for sums.
    """
    way = scene.way
    cell = np.stack([way.before, way.after], axis=1)
    following = np.stack([way.next_before, way.next_after], axis=1)
    return Maps(cell, following, _into(cell, scene), _into(following, scene))


def _into(cell: Ints, scene: Scene) -> Floats:
    """Return matrices from cohorts to services and cells; nowhere has no column."""
    services, cells = scene.limits.queued.size, scene.limits.cell_region.size
    place = scene.way.service * (cells + 1) + cell
    flat = np.eye(services * (cells + 1))[place]
    into: Floats = flat.reshape(*cell.shape, services, cells + 1)[..., :-1].copy()
    return into


@dataclass(frozen=True, eq=False)
class Moment:
    """What becomes of the attempts of a moment, or of many that do not depend on one another.

    Attributes
    ----------
    here, there : ndarray, shape (2, ..., C)
        Part served by the region asked, and by the next.
    load_rps, taken_rps : ndarray, shape (..., S, R)
        What arrives at regions, and what their replicas take.
    """

    here: Floats
    there: Floats
    load_rps: Floats
    taken_rps: Floats


def moment(
    scene: Scene, maps: Maps, phase: int, attempts: Floats, full: Floats, homeless: Bools
) -> Moment:
    """Return what becomes of the attempts of a moment.

    Parameters
    ----------
    scene : Scene
        Limits and cohorts.
    maps : Maps
        Where cohorts arrive.
    phase : int
        `EVENT` or `NORMAL`.
    attempts : ndarray, shape (2, ..., C)
        Requests per second by answer and cohort.
    full : ndarray, shape (..., S, R)
        What replicas complete at full utilisation.
    homeless : ndarray of bool, shape (..., C)
        Cohorts that find no home region.

    Returns
    -------
    Moment
        Parts and loads.

    Notes
    -----
    Requests that find no home region have been carried by the region that they asked.  What is
    passed on is passed on once.
    """
    arrivals = _arrivals(attempts, maps.into[phase])
    found = admitted(arrivals, full, scene.limits, phase)
    alive = ~(homeless | np.zeros(attempts.shape[1:], bool))
    part = _of_cohorts(found.part, maps.cell[phase], scene.way)
    there = np.zeros_like(part)
    load, taken = found.load_rps, found.taken_rps
    if scene.recovery.steering.spill_over:
        rest = _arrivals(attempts * (1 - part), maps.into_next[phase])
        more = admitted(rest, full, scene.limits, phase, found)
        there = (1 - part) * _of_cohorts(more.part, maps.next_cell[phase], scene.way)
        load, taken = load + more.load_rps, taken + more.taken_rps
    strayed = np.stack([scene.way.astray_before[phase], scene.way.astray_after[phase]])
    alive = alive & ~strayed.reshape(2, *(1,) * (alive.ndim - 1), -1)
    return Moment(part * alive, there * alive, load, taken)


def _arrivals(attempts: Floats, into: Floats) -> Floats:
    """Return what arrives in each cell, shape (..., S, P)."""
    flat = into.reshape(*into.shape[:2], -1)
    total = attempts[OLD] @ flat[OLD] + attempts[NEW] @ flat[NEW]
    arrivals: Floats = total.reshape(*total.shape[:-1], *into.shape[2:])
    return arrivals


def _of_cohorts(part: Floats, cell: Ints, way: Cohorts) -> Floats:
    """Return the parts of cells for each answer and cohort, 0 for nowhere, shape (2, ..., C)."""
    padded = np.concatenate([part, np.zeros((*part.shape[:-1], 1))], axis=-1)
    return np.stack([padded[..., way.service, cell[answer]] for answer in (OLD, NEW)])

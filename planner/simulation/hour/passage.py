"""The passage: which part of each cohort's attempts succeeds, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from planner.simulation.hour.attempts import (
    NEW,
    OLD,
    Maps,
    Passage,
    Scene,
    full_rps,
    maps_of,
    moment,
)
from planner.simulation.hour.cohorts import EVENT, NORMAL
from planner.simulation.hour.feedback import stepwise
from planner.simulation.tunnels import home_calls

BLOCK = 200_000
"""Numbers of one array that are looked at in one go: they stay in the cache."""


def passage(scene: Scene) -> Passage:
    """Return which part of each cohort's attempts succeeds, step by step.

    Parameters
    ----------
    scene : Scene
        All that it follows from.

    Returns
    -------
    Passage
        Parts, loads and waits.

    Notes
    -----
    Steps depend on one another only through retries, lines and autoscalers: without them all steps
    are looked at in one go.  Home calls that tunnels cannot carry are lost without a retry.
    """
    maps = maps_of(scene)
    recovery = scene.recovery
    linked = (recovery.retry_attempts > 0) | scene.limits.queued
    linked |= np.isfinite(recovery.autoscaler_target_share)
    found = stepwise(scene, maps) if linked.any() else _at_once(scene, maps)
    return _with_tunnels(scene, found)


def _with_tunnels(scene: Scene, found: Passage) -> Passage:
    """Lose the home calls that the tunnels between regions cannot carry."""
    conditions = scene.problem.conditions
    tunnels = None if conditions is None else conditions.tunnels
    if tunnels is None or not (scene.problem.home_share > 0).any():
        return found
    here, way = found.here.copy(), scene.way
    for phase, state in ((EVENT, scene.state), (NORMAL, 0)):
        steps = scene.time.phase == phase
        taken = np.moveaxis(found.taken_rps[steps], (2, 3), (0, 1))
        calls = taken.reshape(1, *taken.shape[:2], -1)
        _, kept = home_calls(scene.problem, tunnels, np.array([state]), calls)
        part = np.moveaxis(kept.reshape(taken.shape), (0, 1), (2, 3))
        region = np.append(way.cell_region, 0)
        for answer, cell in ((OLD, way.before[phase]), (NEW, way.after[phase])):
            of_cohort = part[..., way.service, region[cell]]
            here[answer, steps] *= np.where(way.homeward, of_cohort, 1.0)
    return replace(found, here=here)


def _at_once(scene: Scene, maps: Maps) -> Passage:
    """Look at many steps in one go."""
    steps, starts, cohorts = scene.first_rps.shape
    shape = (steps, starts, *scene.problem.rps_per_replica.shape)
    here = np.empty((2, steps, starts, cohorts))
    spills = scene.recovery.steering.spill_over
    there = np.empty(here.shape) if spills else np.broadcast_to(0.0, here.shape)
    load, taken = np.empty(shape), np.empty(shape)
    full = full_rps(scene, scene.runs.ready, scene.runs.cold)[:, None]
    for phase, part in _blocks(scene):
        share = scene.old_share[part, None][..., scene.way.service]
        first = np.stack([scene.first_rps[part] * share, scene.first_rps[part] * (1 - share)])
        found = moment(scene, maps, phase, first, full[part], scene.homeless[part, None])
        here[:, part], load[part], taken[part] = found.here, found.load_rps, found.taken_rps
        if spills:
            there[:, part] = found.there
    return Passage(
        here=here,
        there=there,
        retried_share=np.ones((steps, starts, shape[2])),
        first_rps=load,
        load_rps=load,
        taken_rps=taken,
        full_rps=np.broadcast_to(full, shape),
        replicas=np.broadcast_to(scene.runs.ready[:, None], shape),
        wait_s=np.broadcast_to(0.0, shape),
    )


def _blocks(scene: Scene) -> Iterator[tuple[int, slice]]:
    """Return stretches of steps of one phase, not too many numbers each."""
    steps, starts, cohorts = scene.first_rps.shape
    size = max(1, BLOCK // (2 * starts * cohorts))
    split = scene.time.first_back
    for phase, begin, end in ((EVENT, 0, split), (NORMAL, split, steps)):
        for first in range(begin, end, size):
            yield phase, slice(first, min(first + size, end))

"""The passage: which part of each cohort's attempts succeeds, step by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.simulation.attempts import NEW, OLD, Maps, Passage, Scene, full_rps, maps_of, moment
from planner.simulation.cohorts import EVENT, NORMAL
from planner.simulation.feedback import stepwise
from planner.simulation.tunnels import home_calls


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
    """Look at all steps in one go, the two phases one after the other."""
    share = scene.old_share[:, None, scene.way.service]
    first = np.stack([scene.first_rps * share, scene.first_rps * (1 - share)])
    full = full_rps(scene, scene.runs.ready, scene.runs.cold)
    split = scene.time.first_back
    found = [
        moment(scene, maps, phase, first[:, some], full[some, None], scene.homeless[some, None])
        for phase, some in ((EVENT, slice(None, split)), (NORMAL, slice(split, None)))
    ]
    here, there = (
        np.concatenate([getattr(m, name) for m in found], axis=1) for name in ("here", "there")
    )
    load, taken = (
        np.concatenate([getattr(m, name) for m in found]) for name in ("load_rps", "taken_rps")
    )
    steps, starts, _ = scene.first_rps.shape
    shape = load.shape
    return Passage(
        here=here,
        there=there,
        retried_share=np.ones((steps, starts, shape[2])),
        first_rps=load,
        load_rps=load,
        taken_rps=taken,
        full_rps=np.broadcast_to(full[:, None], shape),
        replicas=np.broadcast_to(scene.runs.ready[:, None], shape),
        wait_s=np.zeros(shape),
    )

"""Steps that depend on one another: retries, waiting lines and autoscalers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Floats, Ints
from planner.simulation.hour.attempts import (
    NEW,
    OLD,
    Maps,
    Moment,
    Passage,
    Scene,
    full_rps,
    moment,
)
from planner.simulation.hour.retries import Backoff, backoff, moved

TOLERANCE_SHARE = 0.1
"""Kubernetes' default: an autoscaler leaves a utilisation within a tenth of its target alone."""


FOREVER_S = 1e9
"""Stands for a wait without end, yet a number."""


@dataclass
class _Line:
    """Requests that wait at each region, shape (B, S, R), and what a step does to them."""

    waiting: Floats

    def step(self, arrivals: Floats, full: Floats, step_s: float) -> tuple[Floats, Floats]:
        """Let requests join and leave; return the wait before and after, s."""
        before = _wait_s(self.waiting, full)
        self.waiting = np.where(
            full > 0, np.maximum(self.waiting + (arrivals - full) * step_s, 0.0), 0.0
        )
        return before, _wait_s(self.waiting, full)


def _wait_s(waiting: Floats, full: Floats) -> Floats:
    """Return how long the last in line waits; for ever where nobody serves."""
    wait = np.full_like(waiting, FOREVER_S)
    return np.divide(waiting, full, out=wait, where=full > 0)


def _late(before: Floats, after: Floats, timeout_s: Floats) -> Floats:
    """Return the part of a step's arrivals that wait longer than their clients do."""
    timeout = timeout_s[:, None]
    low, high = np.minimum(before, after), np.maximum(before, after)
    steady = high - low < 1e-12
    part = np.clip((high - timeout) / np.where(steady, 1.0, high - low), 0.0, 1.0)
    return np.where(np.isnan(timeout), 0.0, np.where(steady, high > timeout, part))


class _Fleet:
    """Replicas that autoscalers add, as they start and warm up."""

    def __init__(self, scene: Scene, starts: int) -> None:
        self.scene = scene
        steps, services, regions = scene.runs.ready.shape
        self.used = bool(np.isfinite(scene.recovery.autoscaler_target_share).any())
        shape = (steps + 1 if self.used else 1, starts, services, regions)
        self.asked = np.zeros(shape)

    def at(self, step: int) -> tuple[Floats, Floats]:
        """Return replicas that are ready and those that are cold, shape (B, S, R) each."""
        runs = self.scene.runs
        if not self.used:
            return runs.ready[step][None], runs.cold[step][None]
        recovery, step_s = self.scene.recovery, float(self.scene.time.step_s[-1])
        begun = step - np.ceil(recovery.startup_s / step_s).astype(int)
        warmed = begun - np.ceil(recovery.warm_s / step_s).astype(int)
        ready = runs.ready[step]
        room = np.maximum(self.scene.problem.max_replicas - ready, 0.0) * (ready > 0)
        more, warm = (np.minimum(self._asked_by(when), room) for when in (begun, warmed))
        return ready + more, runs.cold[step] + more - warm

    def _asked_by(self, step: Ints) -> Floats:
        """Return the replicas that each service had asked for by a step of its own."""
        place = np.maximum(step, 0)
        chosen = self.asked[place, :, np.arange(step.size)].transpose(1, 0, 2)
        asked: Floats = chosen * (step >= 0)[:, None]
        return asked

    def look(self, step: int, ready: Floats, taken: Floats, full: Floats) -> None:
        """Let autoscalers that look now ask for more."""
        if not self.used:
            return
        scene = self.scene
        target = scene.recovery.autoscaler_target_share[:, None]
        sync = scene.recovery.autoscaler_sync_s
        second, length = scene.time.seconds[step], scene.time.step_s[step]
        looks = np.floor((second + length) / sync) > np.floor(second / sync)
        ratio = np.divide(taken, full, out=np.zeros_like(taken), where=full > 0) / target
        wanted = np.where(ratio > 1 + TOLERANCE_SHARE, np.ceil(ready * ratio - 1e-9), 0.0)
        wanted = np.minimum(wanted, scene.problem.max_replicas) - scene.runs.ready[step]
        more = np.where(looks[:, None] & np.isfinite(target), wanted, 0.0)
        self.asked[step + 1] = np.maximum(self.asked[step], np.nan_to_num(more))


def stepwise(scene: Scene, maps: Maps) -> Passage:
    """Return a passage whose steps depend on one another.

    Parameters
    ----------
    scene : Scene
        All that it follows from.
    maps : Maps
        Where cohorts arrive.

    Returns
    -------
    Passage
        Parts, loads and waits.

    Notes
    -----
    Lines are fluid, first come first served and have no end; whoever waits longer than the timeout
    has gone, and the work on the request is wasted.  A retry comes a backoff after the failure, or
    after the timeout where there is one, and is one step late at least.  Autoscalers only add
    replicas: Kubernetes waits five minutes before it takes any away.
    """
    walk = _Walk(scene, maps)
    for step in range(scene.time.seconds.size):
        walk.step(step)
    return Passage(**walk.out)


class _Walk:
    """The state of a passage on its way, and its record."""

    def __init__(self, scene: Scene, maps: Maps) -> None:
        self.scene, self.maps = scene, maps
        steps, starts, cohorts = scene.first_rps.shape
        regions = (steps, starts, *scene.problem.rps_per_replica.shape)
        self.backoff: Backoff = backoff(scene)
        self.line = _Line(np.zeros(regions[1:]))
        self.fleet = _Fleet(scene, starts)
        levels = int(scene.recovery.retry_attempts.max())
        self.failed = np.zeros((self.backoff.longest + 1, cohorts, levels, 2, starts))
        self.of_service = np.eye(regions[2])[scene.way.service]
        into = maps.into @ scene.limits.in_region
        self.into_region = into.reshape(*into.shape[:3], -1)
        by_answer = ("here", "there")
        by_region = ("first_rps", "load_rps", "taken_rps", "full_rps", "replicas", "wait_s")
        self.out = {name: np.zeros((2, steps, starts, cohorts)) for name in by_answer}
        self.out |= {name: np.zeros(regions) for name in by_region}
        self.out["retried_share"] = np.ones((steps, starts, regions[2]))

    def step(self, step: int) -> None:
        """Take one step."""
        scene, out = self.scene, self.out
        share = scene.old_share[step, scene.way.service]
        first = np.stack([scene.first_rps[step] * share, scene.first_rps[step] * (1 - share)])
        again = self._again(step, first)
        ready, cold = self.fleet.at(step)
        full = full_rps(scene, ready, cold)
        found = moment(
            scene,
            self.maps,
            int(scene.time.phase[step]),
            first + again.sum(axis=0),
            full,
            scene.homeless[step],
        )
        found, wait = self._queued(step, found, np.broadcast_to(full, found.load_rps.shape))
        self._fail(step, first, again, found)
        self.fleet.look(step, ready, found.taken_rps, np.broadcast_to(full, found.load_rps.shape))
        out["here"][:, step], out["there"][:, step] = found.here, found.there
        out["first_rps"][step] = self._first_load(step, first)
        out["load_rps"][step], out["taken_rps"][step] = found.load_rps, found.taken_rps
        out["full_rps"][step], out["replicas"][step], out["wait_s"][step] = full, ready, wait

    def _first_load(self, step: int, first: Floats) -> Floats:
        """Return the first attempts that arrive at each region, shape (B, S, R)."""
        into = self.into_region[self.scene.time.phase[step]]
        flat = first[OLD] @ into[OLD] + first[NEW] @ into[NEW]
        load: Floats = flat.reshape(len(flat), *self.scene.problem.rps_per_replica.shape)
        return load

    def _again(self, step: int, first: Floats) -> Floats:
        """Return the retries of this step by how often they have failed, shape (J, 2, B, C)."""
        wanted = moved(self.failed, step, self.backoff)
        if not wanted.size:
            return wanted
        asked = wanted.sum(axis=(0, 1)) @ self.of_service
        budget = self.scene.recovery.retry_budget_share * (first.sum(axis=0) @ self.of_service)
        share = np.divide(budget, asked, out=np.ones_like(asked), where=asked > budget)
        self.out["retried_share"][step] = share
        retried: Floats = wanted * share[:, self.scene.way.service]
        return retried

    def _queued(self, step: int, found: Moment, full: Floats) -> tuple[Moment, Floats]:
        """Let requests of services with a timeout wait in line; return the wait too."""
        scene = self.scene
        queued = scene.limits.queued
        if not queued.any():
            return found, np.zeros_like(found.load_rps)
        arrivals, length = found.load_rps, float(scene.time.step_s[step])
        arrivals = np.where(queued[:, None], arrivals, 0.0)
        busy = np.minimum(full, arrivals + self.line.waiting / length)
        before, after = self.line.step(arrivals, full, length)
        before, after = (np.where(queued[:, None], wait, 0.0) for wait in (before, after))
        in_time = 1 - _late(before, after, scene.recovery.timeout_s)
        padded = np.concatenate([in_time, np.zeros((*in_time.shape[:-1], 1))], axis=-1)
        region = np.append(scene.limits.cell_region, in_time.shape[-1])
        phase = scene.time.phase[step]
        reach = [
            np.stack([padded[:, scene.way.service, region[cell[a]]] for a in (OLD, NEW)])
            for cell in (self.maps.cell[phase], self.maps.next_cell[phase])
        ]
        taken = np.where(queued[:, None], busy, found.taken_rps)
        wait = np.where(full > 0, (before + after) / 2, 0.0)
        return Moment(found.here * reach[0], found.there * reach[1], found.load_rps, taken), wait

    def _fail(self, step: int, first: Floats, again: Floats, found: Moment) -> None:
        """Keep what failed until it is sent again."""
        if not self.failed.shape[2]:
            return
        failing = 1 - found.here - found.there
        tried = np.concatenate([first[None], again[:-1]]) * failing
        self.failed[step % len(self.failed)] = tried.transpose(3, 0, 1, 2)

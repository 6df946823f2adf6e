"""Requests that failed and are sent again, and what becomes of them in the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Floats, Ints
from planner.simulation.hour.attempts import NEW, OLD, Passage, Scene


@dataclass(frozen=True, eq=False)
class Backoff:
    """When failed requests come back, and which answer they follow then.

    Attributes
    ----------
    steps : ndarray of int, shape (C,)
        Steps from an attempt to its retry.
    attempts : ndarray of int, shape (C,)
        Most retries of one request.
    keep : ndarray, shape (2, T, C)
        Part of those that followed the old (new) answer at the time of the attempt and follow it
        still at the retry, which is at T.
    """

    steps: Ints
    attempts: Ints
    keep: Floats

    @property
    def longest(self) -> int:
        """Most steps from an attempt to its retry."""
        return int(self.steps.max())


def backoff(scene: Scene) -> Backoff:
    """Return when failed requests come back.

    Parameters
    ----------
    scene : Scene
        Steps, cohorts and retries.

    Returns
    -------
    Backoff
        By cohort.

    Notes
    -----
    A resolver that has changed its answer does not change back: while the share of the old answer
    falls from S₀ to S₁, a part S₁/S₀ of those who followed it still does.
    """
    recovery, service = scene.recovery, scene.way.service
    delay_s = recovery.backoff_s + np.nan_to_num(recovery.timeout_s)
    steps = np.maximum(np.rint(delay_s / scene.time.step_s[-1]).astype(np.int64), 1)
    now = scene.old_share
    place = np.maximum(np.arange(len(now))[:, None] - steps, 0)
    then = np.take_along_axis(now, place, axis=0)
    old = np.divide(now, then, out=np.ones_like(now), where=now < then)
    new = np.divide(1 - now, 1 - then, out=np.ones_like(now), where=now > then)
    keep = np.stack([old, new])[..., service]
    return Backoff(steps[service], recovery.retry_attempts[service], keep)


def moved(failed: Floats, step: int, pause: Backoff) -> Floats:
    """Return the requests that come back in a step, by the answer they follow now.

    Parameters
    ----------
    failed : ndarray, shape (N, C, J, 2, B)
        Requests per second whose attempt 0 … J − 1 failed, a ring of the last N steps.
    step : int
        The step.
    pause : Backoff
        When they come back.

    Returns
    -------
    ndarray, shape (J, 2, B, C)
        Requests per second.
    """
    cohort = np.arange(pause.steps.size)
    past = failed[(step - pause.steps) % len(failed), cohort].transpose(1, 2, 3, 0)
    if step < pause.longest:
        past = past * (pause.steps <= step)
    levels = np.arange(past.shape[0])[:, None, None]
    old, new = (past[:, answer] * (pause.attempts > levels) for answer in (OLD, NEW))
    stay = pause.keep[:, step]
    return np.stack(
        [
            old * stay[OLD] + new * (1 - stay[NEW]),
            new * stay[NEW] + old * (1 - stay[OLD]),
        ],
        axis=1,
    )


def lost_share(scene: Scene, found: Passage) -> Floats:
    """Return the part of first attempts whose request is lost, retries and all.

    Parameters
    ----------
    scene : Scene
        Retries.
    found : Passage
        What becomes of attempts.

    Returns
    -------
    ndarray, shape (2, T, B, C)
        By the answer that the first attempt followed.

    Notes
    -----
    Backwards from the last attempt: a request is lost where its attempt fails and it is not sent
    again, or is lost then.  Retries beyond what is looked at fare as those in its last step.
    """
    failing = 1 - found.here - found.there
    levels = int(scene.recovery.retry_attempts.max())
    if not levels:
        return failing
    pause = backoff(scene)
    steps = len(scene.time.seconds)
    last = np.full(steps, steps - 1)
    if scene.time.gap_s > 0:
        last[: scene.time.first_back] = scene.time.first_back - 1
    later = np.minimum(np.arange(steps)[:, None] + pause.steps, last[:, None])
    cohort = np.arange(pause.steps.size)
    retried = found.retried_share[..., scene.way.service].swapaxes(0, 1)[:, later, cohort]
    keep = pause.keep[:, later, cohort]
    lost = failing
    for level in range(levels, 0, -1):
        after = lost.swapaxes(1, 2)[:, :, later, cohort]
        old = keep[OLD] * after[OLD] + (1 - keep[OLD]) * after[NEW]
        new = keep[NEW] * after[NEW] + (1 - keep[NEW]) * after[OLD]
        saved = retried * (1 - np.stack([old, new])) * (pause.attempts >= level)
        lost = failing * (1 - saved.swapaxes(1, 2))
    return lost

"""Overload: where it arises, and where it stays although first attempts alone would fit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planner.problem.arrays import Axes, Bools, Floats
from planner.simulation.hour.attempts import Passage, Scene
from planner.simulation.hour.cohorts import EVENT, NORMAL

STUCK_S = 60.0
"""Overload that lasts for so long at the end of what is looked at, without need, stays (ours)."""

NEGLIGIBLE_SHARE = 1e-3

NEGLIGIBLE_RPS = 1e-3
"""Where nothing runs, fewer requests than this are no overload: the end of an exponential tail."""


def limit_rps(scene: Scene, found: Passage) -> Floats:
    """Return what regions take without turning anybody away or making a line.

    Parameters
    ----------
    scene : Scene
        Ceiling and lines.
    found : Passage
        Replicas.

    Returns
    -------
    ndarray, shape (T, B, S, R)
        Requests per second.
    """
    limits = scene.limits
    limit: Floats = found.full_rps * np.where(limits.queued, 1.0, limits.ceiling_share)[:, None]
    return limit


def stuck(scene: Scene, found: Passage) -> Bools:
    """Return where overload persists although first attempts would fit.

    Parameters
    ----------
    scene : Scene
        What the passage followed from.
    found : Passage
        The passage.

    Returns
    -------
    ndarray of bool, shape (2, B, S, R)
        At the end of what is looked at during the event, and after the return: for `STUCK_S` more
        has arrived than fits, and first attempts alone would have fitted.

    Notes
    -----
    Such overload is metastable: retries keep it up when its cause is gone.
    """
    fits, over = _fits(scene, found), _over(scene, found)
    seconds = scene.time.seconds
    out = np.zeros((2, *found.load_rps.shape[1:]), dtype=bool)
    for phase in (EVENT, NORMAL):
        steps = np.flatnonzero(scene.time.phase == phase)
        if not steps.size:
            continue
        last = steps[seconds[steps] > seconds[steps[-1]] - STUCK_S]
        if seconds[last[-1]] - seconds[steps[0]] >= STUCK_S:
            out[phase] = (fits[last] & over[last]).all(axis=0)
    return out


def _fits(scene: Scene, found: Passage) -> Bools:
    """Return where first attempts alone would fit, shape (T, B, S, R)."""
    fits: Bools = found.first_rps <= limit_rps(scene, found) * (1 + NEGLIGIBLE_SHARE)
    return fits


def _over(scene: Scene, found: Passage) -> Bools:
    """Return where more arrives than fits, shape (T, B, S, R)."""
    limit = limit_rps(scene, found) * (1 + NEGLIGIBLE_SHARE)
    over: Bools = (found.load_rps > limit) & (found.load_rps > NEGLIGIBLE_RPS)
    return over


def overloads(scene: Scene, found: Passage, axes: Axes) -> Iterator[tuple[float, str]]:
    """Tell where and when regions are overloaded, for a passage that begins at one time of the day.

    Parameters
    ----------
    scene : Scene
        What the passage followed from.
    found : Passage
        The passage.
    axes : Axes
        Names.

    Yields
    ------
    (float, str)
        Seconds since the loss, and a sentence: the beginning, the end, and overload that stays.
    """
    over, kept = _over(scene, found)[:, 0], stuck(scene, found)[:, 0]
    limit, seconds = limit_rps(scene, found)[:, 0], scene.time.seconds
    for s, r in np.argwhere(over.any(axis=0)).tolist():
        steps = np.flatnonzero(over[:, s, r])
        ratio = found.load_rps[steps, 0, s, r] / np.maximum(limit[steps, s, r], 1e-9)
        what, where = axes.services[s], axes.regions[r]
        most = f"up to {ratio.max():.2f} times what it can" if limit[steps, s, r].all() else "all"
        yield float(seconds[steps[0]]), f"{where} is asked for more of {what} than it can: {most}"
        if steps[-1] + 1 < seconds.size:
            yield float(seconds[steps[-1] + 1]), f"{where} can take all of {what} from here on"
        if kept[:, s, r].any():
            yield (
                _since(scene, found, s, r),
                f"first attempts of {what} would fit {where} from here on, but retries keep it "
                "overloaded: the overload is metastable",
            )


def _since(scene: Scene, found: Passage, service: int, region: int) -> float:
    """Return the second from which first attempts would fit while overload lasts."""
    stays = _fits(scene, found) & _over(scene, found)
    held = stays[:, 0, service, region]
    phase = scene.time.phase
    for number in (EVENT, NORMAL):
        steps = np.flatnonzero(phase == number)
        if steps.size and held[steps[-1]]:
            gone = steps[~held[steps]]
            place = gone[-1] + 1 if gone.size else steps[0]
            return float(scene.time.seconds[place])
    return float(scene.time.seconds[np.flatnonzero(held)[0]])

"""Whole replicas from a relaxation's: rounded down, then one more where a cut is broken."""

from __future__ import annotations

import numpy as np

from planner.optimization.rerouting import AdaptiveProgram
from planner.optimization.rounding import Cut
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints
from planner.problem.packing import fits

_PASSES = 1000


def repaired(adaptive: AdaptiveProgram, replicas: Floats, stop: Stop) -> Ints | None:
    """Round replicas down and add where promises are broken, the cheapest capacity first.

    Parameters
    ----------
    adaptive : AdaptiveProgram
        The program; it stays as it is.
    replicas : ndarray, shape (S, R)
        Replicas of a relaxation.
    stop : Stop
        When to stop.

    Returns
    -------
    ndarray of int, shape (S, R), or None
        Replicas that fit and break no cut; None where adding leads nowhere or time is up.

    Notes
    -----
    A heuristic: it never takes a replica away.  Shared uplinks are not looked at.
    """
    count = _whole(adaptive, np.floor(replicas + 1e-6).astype(np.int64))
    if not _fits(adaptive, count):
        return None
    for _ in range(_PASSES):
        broken = False
        for service in range(count.shape[0]):
            for cut in _broken(adaptive, service, count, stop):
                broken = True
                if not _add(adaptive, service, cut, count):
                    return None
        if stop.passed():
            return None
        if not broken:
            return count
    return None


def _whole(adaptive: AdaptiveProgram, count: Ints) -> Ints:
    """Return replicas with at least the minimum where a service runs or must run."""
    problem = adaptive.problem
    runs = (count > 0) | problem.pinned
    whole: Ints = np.where(runs, np.maximum(count, problem.min_replicas), 0)
    return whole


def _fits(adaptive: AdaptiveProgram, count: Ints) -> bool:
    """Return whether the replicas are within bounds and fit every region."""
    within = (count <= adaptive.master.bound).all()
    return bool(within and fits(adaptive.problem, adaptive.master.limits, count).all())


def _broken(adaptive: AdaptiveProgram, service: int, count: Ints, stop: Stop) -> list[Cut]:
    """Return cuts that are broken; none only if all states can be routed or time is up."""
    separation, replicas = adaptive.separation(service), count[service].astype(float)
    return separation.known(replicas) or separation.of_any_set(replicas, stop)[0]


def _add(adaptive: AdaptiveProgram, service: int, cut: Cut, count: Ints) -> bool:
    """Add replicas until the cut holds; return whether that was possible."""
    price = adaptive.problem.cost_usd_month[service] / np.maximum(cut.coefficient, 1e-300)
    regions = np.flatnonzero(cut.coefficient > 0)
    while cut.coefficient @ count[service] < cut.right_side - 1e-6 * cut.coefficient.max(initial=0):
        for region in regions[np.argsort(price[regions], kind="stable")]:
            more = count.copy()
            more[service, region] += 1
            more = _whole(adaptive, more)
            if _fits(adaptive, more):
                count[:] = more
                break
        else:
            return False
    return True

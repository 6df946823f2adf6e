"""Resolvers one by one: health checks fail, a new answer is published, caches run out."""

from __future__ import annotations

import numpy as np

from planner.problem.arrays import Floats
from planner.problem.recovery import Steering


def stale_shares(steering: Steering, seconds: int, resolvers: int, seed: int) -> Floats:
    """Return the share of resolvers that give the old answer at each second after a loss.

    Every resolver has its own history: it fetched the answer at some time in the past, again each
    time that its copy ran out, and asks at once, because its clients never stop asking.  Violators
    keep the copy that they have when the answer changes beyond its time.
    """
    rng = np.random.default_rng(seed)
    stale = np.zeros(seconds)
    for _ in range(resolvers):
        changed = _published_s(steering, rng)
        left = _expiry_s(steering, changed, rng)
        if rng.random() < steering.violation_share:
            left = changed + steering.ttl_s + rng.exponential(steering.violation_s)
        stale[: min(seconds, int(np.ceil(left)))] += 1
    return stale / resolvers


def _published_s(steering: Steering, rng: np.random.Generator) -> float:
    """Play the checks one after the other from a random phase on; return when answers change."""
    check = rng.uniform(0, steering.check_interval_s)
    failed = 0
    while True:
        failed += 1
        if failed == steering.check_failures:
            return check + steering.check_timeout_s + steering.publication_s
        check += steering.check_interval_s


def _expiry_s(steering: Steering, changed: float, rng: np.random.Generator) -> float:
    """Play a cache from a random phase on; return when its last old copy runs out."""
    expires = rng.uniform(0, steering.ttl_s)
    while expires <= changed:
        expires += steering.ttl_s
    return expires

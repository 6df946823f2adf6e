"""The hour after, one request at a time: resolvers, retries, a line or a door at the survivor.

Region `a` is lost at second 0.  A part of the users asks it first; each has a resolver.  Region `b`
serves everybody else, and turns away what exceeds its rate, or lets it wait in line.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np

from planner.problem.recovery import Steering


@dataclass(frozen=True)
class Case:
    """One small failure; times in seconds, rates in requests per second."""

    rate_rps: float
    share_of_a: float
    steering: Steering
    rate_of_b: float
    more_rate_of_b: float = 0.0
    more_from_s: float = math.inf
    timeout_s: float = math.nan
    attempts: int = 0
    budget_share: float = 1.0
    backoff_s: float = 1.0
    home_share: float = 0.0
    promoted_s: float = 0.0
    seconds: int = 600


def lost_requests(case: Case, seed: int) -> int:
    """Return how many of the requests first sent within `seconds` are never served."""
    rng = np.random.default_rng(seed)
    stale_until = _resolvers(case.steering, 4000, rng)
    arrivals = np.cumsum(
        rng.exponential(1 / case.rate_rps, int(case.rate_rps * case.seconds * 1.3))
    )
    arrivals = arrivals[arrivals < case.seconds]
    firsts = np.bincount(arrivals.astype(int), minlength=case.seconds + 2000)
    of_a = rng.random(arrivals.size) < case.share_of_a
    resolver = rng.integers(stale_until.size, size=arrivals.size)
    until = np.where(of_a, stale_until[resolver], 0.0)
    homeward = rng.random(arrivals.size) < case.home_share
    served = np.zeros(arrivals.size, bool)
    events = [(float(t), n, 0) for n, t in enumerate(arrivals)]
    heapq.heapify(events)
    door = _Door(case)
    spent: dict[int, int] = {}
    while events:
        t, n, tries = heapq.heappop(events)
        if tries and not _may_retry(case, int(t), firsts, spent):
            continue
        inside = t >= until[n] and door.lets_in(t)
        if inside and not (homeward[n] and t < case.promoted_s):
            served[n] = True
        elif tries < case.attempts:
            pause = case.backoff_s + (0.0 if math.isnan(case.timeout_s) else case.timeout_s)
            heapq.heappush(events, (t + pause, n, tries + 1))
    return int((~served).sum())


def _may_retry(case: Case, second: int, firsts: np.ndarray, spent: dict[int, int]) -> bool:
    """Spend one of this second's retries, if any is left."""
    # Beyond the last arrival nothing is asked for the first time: the budget of before holds on.
    basis = firsts[second] if second < case.seconds else case.rate_rps
    if spent.get(second, 0) >= case.budget_share * basis:
        return False
    spent[second] = spent.get(second, 0) + 1
    return True


class _Door:
    """The survivor: a door that lets a rate in, or a line in which the late have gone."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.waiting, self.tokens, self.seen = 0.0, 1.0, 0.0

    def lets_in(self, t: float) -> bool:
        """Return whether a request that comes at a time is served in time."""
        case = self.case
        late = min(max(t - case.more_from_s, 0.0), t - self.seen)
        could = case.rate_of_b * (t - self.seen) + case.more_rate_of_b * late
        rate = case.rate_of_b + (case.more_rate_of_b if t >= case.more_from_s else 0.0)
        self.seen = t
        if math.isnan(case.timeout_s):
            self.tokens = min(rate / 2, self.tokens + could)
            if self.tokens < 1:
                return False
            self.tokens -= 1
            return True
        self.waiting = max(self.waiting - could, 0.0)
        wait = self.waiting / rate
        self.waiting += 1
        return wait <= case.timeout_s


def _resolvers(steering: Steering, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return until when each resolver gives the old answer; checks have one phase a resolver."""
    phase = rng.uniform(0, steering.check_interval_s, count)
    seen = (steering.check_failures - 1) * steering.check_interval_s + steering.check_timeout_s
    changed = seen + phase + steering.publication_s
    left = rng.uniform(0, steering.ttl_s, count)
    long = steering.ttl_s + rng.exponential(steering.violation_s, count)
    violates = rng.random(count) < steering.violation_share
    until: np.ndarray = changed + np.where(violates, long, left)
    return until

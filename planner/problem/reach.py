"""The 95th percentile that a region could offer at its ceiling: the limit that would be needed."""

from __future__ import annotations

import numpy as np

from planner.problem.admissibility import PROMISED_PROBABILITY, Requests, late_probability
from planner.problem.arrays import Floats, Problem

_LONGEST_MS = 1e5
"""A limit that no finite path misses."""


def reachable_p95_ms(problem: Problem, state: int, service: int) -> Floats:
    r"""Return the least limit that each pair of origin and region could keep.

    .. math:: \min \{ t : P(\text{network} + \text{home calls} + \text{server} > t) \le 0.05 \}

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    state, service : int
        Which failure state and service.

    Returns
    -------
    ndarray, shape (O, R)
        Milliseconds, at the state's ceiling with the fewest replicas; inf where the path is cut.

    Notes
    -----
    Detours of the state are added to every point of an origin alike.  Forty halvings of 100 s find
    the limit to less than a microsecond; one beyond that is given as inf.  Lists of regions and
    residency are not looked at.
    """
    requests = Requests(
        problem.queue, problem.home_share, problem.rps_per_replica, problem.min_replicas
    )
    network, ceiling = problem.network, float(problem.ceiling_share[state])
    detour = problem.state_rtt_ms[state] - problem.rtt_ms
    point = network.point_rtt_ms + detour[:, None, :]
    home = int(problem.home_region[state, service])
    low, high = np.zeros_like(problem.rtt_ms), np.full_like(problem.rtt_ms, _LONGEST_MS)
    for _ in range(40):
        middle = (low + high) / 2
        late = late_probability(
            network, requests, service, middle, ceiling, home, point, problem.region_rtt_ms(state)
        )
        kept = late <= 1 - PROMISED_PROBABILITY
        low, high = np.where(kept, low, middle), np.where(kept, middle, high)
    reached = np.isfinite(detour) & (high < _LONGEST_MS)
    return np.where(reached, high, np.inf)

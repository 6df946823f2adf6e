"""The demand that no routing can serve, however many regions there are.

The kernel knows no model.
"""

from __future__ import annotations

import numpy as np

from planner.optimization.cuts import (
    SUBSET_LIMIT,
    Bools,
    Floats,
    Groups,
    minimum_cut,
    shortfall_rps,
)


def worst_shortfall(
    groups: Groups, rate_rps: Floats, replicas: Floats
) -> tuple[Floats, Bools, Floats]:
    """Return what no routing can serve in each hour, and the set of regions that shows it.

    Parameters
    ----------
    groups : Groups
        Demand by admissible set, one failure state.
    rate_rps : ndarray, shape (R,)
        Capacity of one replica; 0 where the region is down.
    replicas : ndarray, shape (R,)
        Replicas, possibly fractional.

    Returns
    -------
    (ndarray, ndarray of bool, ndarray), shapes (H,), (H, R), (H,)
        Unserved requests per second, the set, and the demand that only the set may serve.

    Examples
    --------
    >>> groups = Groups(np.array([[True, False], [True, True]]), np.array([[5.0], [1.0]]))
    >>> worst_shortfall(groups, np.array([1.0, 1.0]), np.array([3.0, 9.0]))
    (array([2.]), array([[ True, False]]), array([5.]))
    """
    count = rate_rps.size
    if count <= SUBSET_LIMIT:
        _, subset = shortfall_rps(groups, rate_rps, replicas)
        regions = (subset[:, None] >> np.arange(count) & 1).astype(bool)
    else:
        regions = np.stack(
            [
                minimum_cut(groups.allowed, demand, rate_rps * replicas)
                for demand in groups.demand_rps.T
            ]
        )
    inside = ~(groups.allowed[None] & ~regions[:, None, :]).any(axis=2)
    within = np.einsum("hg,gh->h", inside, groups.demand_rps)
    return within - regions @ (rate_rps * replicas), regions, within

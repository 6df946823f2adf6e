"""Maximum flows from groups of origins to regions, the same network again and again.

The kernel knows no model: numbers in, sets out.

References
----------
L. R. Ford and D. R. Fulkerson, "Maximal flow through a network", Canadian Journal of Mathematics 8,
1956, doi 10.4153/CJM-1956-045-5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_FLOW_UNITS = 2**30
"""Integer units that the whole demand is scaled to for scipy's maximum flow."""


class FlowNetwork:
    """Source to groups to the regions that may serve them to the sink.

    Parameters
    ----------
    allowed : ndarray of bool, shape (G, R)
        Regions that may serve each group.

    Examples
    --------
    >>> network = FlowNetwork(np.array([[True, False], [True, True]]))
    >>> network.minimum_cut(np.array([5.0, 1.0]), np.array([3.0, 9.0]))
    array([ True, False])
    """

    def __init__(self, allowed: Bools) -> None:
        self.allowed = allowed
        groups, regions = allowed.shape
        group, region = np.nonzero(allowed)
        sink = groups + regions + 1
        head = np.concatenate([np.arange(groups) + 1, region + groups + 1, np.full(regions, sink)])
        arcs = np.concatenate([[groups], np.bincount(group, minlength=groups), np.ones(regions)])
        self._head = head.astype(np.int32)
        self._start = np.concatenate([[0], np.cumsum(arcs), [head.size]]).astype(np.int32)
        self._middle = np.full(group.size, _FLOW_UNITS)

    def minimum_cut(self, demand_rps: Floats, capacity_rps: Floats) -> Bools:
        """Return the set of regions on the source's side of a minimum cut.

        Parameters
        ----------
        demand_rps : ndarray, shape (G,)
            Demand of each group.
        capacity_rps : ndarray, shape (R,)
            Capacity of each region.

        Returns
        -------
        ndarray of bool, shape (R,)
            The set ``T`` with the largest ``f(T) − capacity(T)``; empty where all can be served.

        Notes
        -----
        scipy's maximum flow is integral: demand is scaled to 2^30 units, so a violation below one
        part in 10^9 of the demand may be missed.
        """
        groups, regions = self.allowed.shape
        if demand_rps.sum() <= 0:
            return np.zeros(regions, dtype=bool)
        unit = _FLOW_UNITS / float(demand_rps.sum())
        demand = np.floor(demand_rps * unit).astype(np.int64)
        capacity = np.minimum(np.ceil(capacity_rps * unit), _FLOW_UNITS).astype(np.int64)
        room = np.concatenate([demand, self._middle, capacity]).astype(np.int32)
        size = groups + regions + 2
        network = csr_array((room, self._head, self._start), shape=(size, size))
        flow = maximum_flow(network, 0, size - 1).flow.toarray()
        served = flow[1 : groups + 1, groups + 1 : size - 1] > 0
        return self._reached(flow[0, 1 : groups + 1] < demand, served)

    def _reached(self, groups: Bools, served: Bools) -> Bools:
        """Return the regions that unserved groups can reach in the residual network."""
        regions: Bools = np.zeros(self.allowed.shape[1], dtype=bool)
        while True:
            more: Bools = np.any(self.allowed[groups], axis=0)
            if np.array_equal(more, regions):
                return regions
            regions = more
            pushed_back: Bools = np.any(served[:, regions], axis=1)
            groups = groups | pushed_back

r"""Capacity cuts: what the surviving regions must hold for every set of origins.

For one service and one failure state, demand ``D_o`` can be routed to regions of capacity
``μ_r n_r`` (each origin only to its admissible surviving regions) exactly if, for every set ``T``
of regions,

.. math:: \sum_{r \in T} \mu_r n_r \;\ge\; f(T) = \sum_{o:\, A(o) \subseteq T} D_o

(max-flow min-cut; ``A(o)`` are the regions that may serve ``o``).  With integer ``n`` and any
``d > 0`` both sides may be divided by ``d`` and rounded up,

.. math:: \sum_{r \in T} \lceil \mu_r / d \rceil\, n_r \ge \lceil f(T) / d \rceil .

The kernel knows no model: numbers in, cuts out.  Up to `SUBSET_LIMIT` regions all sets ``T`` are
looked at, at once for all hours (a sum over subsets, R·2^R operations); beyond, the most violated
one comes from a maximum flow.

References
----------
L. R. Ford and D. R. Fulkerson, "Maximal flow through a network", Canadian Journal of Mathematics 8,
1956, doi 10.4153/CJM-1956-045-5; V. Chvátal, "Edmonds polytopes and a hierarchy of combinatorial
problems", Discrete Mathematics 4, 1973, doi 10.1016/0012-365X(73)90167-2 (the rounding).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from planner.optimization.flows import FlowNetwork
from planner.optimization.rounding import Cut, divisors, rounded_cut, rounded_cuts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SUBSET_LIMIT = 14
"""Up to so many regions all subsets are looked at."""


@dataclass(frozen=True)
class Groups:
    """Origins with the same admissible surviving regions, as one.

    Attributes
    ----------
    allowed : ndarray of bool, shape (G, R)
        Regions that may serve the group.
    demand_rps : ndarray, shape (G, H)
        Demand of the group by hour.
    """

    allowed: Bools
    demand_rps: Floats

    @cached_property
    def busiest(self) -> tuple[Floats, Ints]:
        """The largest ``f(T)`` over the hours and that hour, two arrays of shape (2^R,)."""
        demand = subset_demand(self)
        hour = demand.argmax(axis=1)
        return demand[np.arange(hour.size), hour], hour


def group_origins(allowed: Bools, demand_rps: Floats) -> Groups:
    """Put origins with the same admissible regions together.

    Parameters
    ----------
    allowed : ndarray of bool, shape (O, R)
        Regions that may serve each origin in the state.
    demand_rps : ndarray, shape (O, H)
        Demand by hour.

    Returns
    -------
    Groups
        At most 2^R groups.

    Examples
    --------
    >>> allowed = np.array([[True, False], [True, True], [True, False]])
    >>> group_origins(allowed, np.array([[1.0], [2.0], [3.0]])).demand_rps.ravel()
    array([4., 2.])
    """
    # Rows as bytes in one word each: numpy sorts words much faster than rows.
    packed = np.ascontiguousarray(np.packbits(allowed, axis=1))
    words = packed.view(f"V{packed.shape[1]}").ravel()
    _, first, member = np.unique(words, return_index=True, return_inverse=True)
    demand = np.zeros((first.size, demand_rps.shape[1]))
    np.add.at(demand, member, demand_rps)
    return Groups(allowed[first], demand)


def subset_demand(groups: Groups) -> Floats:
    """Return ``f(T)`` for every set of regions and hour.

    Parameters
    ----------
    groups : Groups
        Demand by admissible set.

    Returns
    -------
    ndarray, shape (2^R, H)
        Requests per second; bit ``r`` of the row's index says whether region ``r`` is in ``T``.

    Examples
    --------
    >>> groups = Groups(np.array([[True, False], [True, True]]), np.array([[4.0], [2.0]]))
    >>> subset_demand(groups).ravel()
    array([0., 4., 0., 6.])
    """
    regions, hours = groups.allowed.shape[1], groups.demand_rps.shape[1]
    total = np.zeros((2**regions, hours))
    mask = groups.allowed @ (1 << np.arange(regions))
    np.add.at(total, mask, groups.demand_rps)
    for region in range(regions):
        pairs = total.reshape(-1, 2, 1 << region, hours)
        pairs[:, 1] += pairs[:, 0]
    return total


def subset_sums(value: Floats) -> Floats:
    """Return the sum of `value` over every set of regions.

    Parameters
    ----------
    value : ndarray, shape (R,)
        One number a region.

    Returns
    -------
    ndarray, shape (2^R,)
        Sums; bit ``r`` of the index says whether region ``r`` is in the set.

    Examples
    --------
    >>> subset_sums(np.array([1.0, 10.0]))
    array([ 0.,  1., 10., 11.])
    """
    total = np.zeros(1)
    for one in value:
        total = np.concatenate([total, total + one])
    return total


def violated_cuts(
    groups: Groups, rate_rps: Floats, replicas: Floats, *, tolerance: float, most: int = 3
) -> list[Cut]:
    """Return cuts that the replicas break, the worst first.

    Parameters
    ----------
    groups : Groups
        Demand by admissible set, one failure state.
    rate_rps : ndarray, shape (R,)
        Capacity of one replica in the state at its ceiling; 0 where the region is down.
    replicas : ndarray, shape (R,)
        Replicas, possibly fractional.
    tolerance : float
        Violation, in replicas of the mean rate, that counts as none.
    most : int
        At most so many cuts.

    Returns
    -------
    list of Cut
        Exact cuts and their roundings.

    Notes
    -----
    Beyond `SUBSET_LIMIT` regions only the minimum cut of each hour and its roundings are looked at,
    so a rounded cut of another set may be missed; the worst exact one is still found.

    Examples
    --------
    Ten requests per second that only the first region may serve, three a replica: four replicas.

    >>> groups = Groups(np.array([[True, False]]), np.array([[10.0]]))
    >>> cut = violated_cuts(groups, np.array([3.0, 3.0]), np.array([3.4, 0.0]), tolerance=1e-6)[0]
    >>> cut.coefficient, cut.right_side
    (array([1., 0.]), 4.0)
    """
    if groups.allowed.shape[1] > SUBSET_LIMIT:
        return _cuts_by_flow(groups, rate_rps, replicas, tolerance)
    worst, hour = groups.busiest
    found: list[tuple[float, int, float]] = []
    for divisor in divisors(rate_rps):
        coefficient = rate_rps if divisor == 0 else np.ceil(rate_rps / divisor - 1e-12)
        right = worst if divisor == 0 else np.ceil(worst / divisor - 1e-9)
        scale = rate_rps.max(initial=1e-300) if divisor == 0 else 1.0
        short = (right - subset_sums(coefficient * replicas)) / scale
        best = np.argsort(-short, kind="stable")[:most]
        found += [(float(short[t]), int(t), divisor) for t in best if short[t] > tolerance]
    found.sort(key=lambda cut: (-cut[0], cut[1], cut[2]))
    return [
        rounded_cut(
            rate_rps, _regions(rate_rps.size, subset), worst[subset], int(hour[subset]), divisor
        )
        for _, subset, divisor in found[:most]
    ]


def shortfall_rps(groups: Groups, rate_rps: Floats, replicas: Floats) -> tuple[Floats, Ints]:
    r"""Return the demand that no routing can serve, and the set of regions that shows it.

    .. math:: \max_T f(T) - \sum_{r \in T} \mu_r n_r

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
    ndarray, shape (H,)
        Unserved demand, requests per second.
    ndarray of int, shape (H,)
        Bit set of the regions in the worst ``T``.

    Notes
    -----
    All 2^R sets are looked at: for at most `SUBSET_LIMIT` regions.

    Examples
    --------
    >>> groups = Groups(np.array([[True, False], [True, True]]), np.array([[5.0], [1.0]]))
    >>> shortfall_rps(groups, np.array([1.0, 1.0]), np.array([3.0, 9.0]))
    (array([2.]), array([1]))
    """
    short = subset_demand(groups) - subset_sums(rate_rps * replicas)[:, None]
    subset = short.argmax(axis=0)
    return short[subset, np.arange(short.shape[1])], subset


def _regions(count: int, subset: int) -> Bools:
    """Return a bit set as a set of regions."""
    regions: Bools = (subset >> np.arange(count) & 1).astype(bool)
    return regions


def _cuts_by_flow(
    groups: Groups, rate_rps: Floats, replicas: Floats, tolerance: float
) -> list[Cut]:
    """Return the minimum cut of each hour that the replicas break, and its roundings."""
    cuts = []
    network = FlowNetwork(groups.allowed)
    for hour in range(groups.demand_rps.shape[1]):
        regions = network.minimum_cut(groups.demand_rps[:, hour], rate_rps * replicas)
        inside = ~(groups.allowed & ~regions).any(axis=1)
        demand = float(groups.demand_rps[inside, hour].sum())
        for cut, divisor in zip(
            rounded_cuts(rate_rps, regions, demand, hour), divisors(rate_rps), strict=True
        ):
            scale = rate_rps.max(initial=1e-300) if divisor == 0 else 1.0
            if (cut.right_side - cut.coefficient @ replicas) / scale > tolerance:
                cuts.append(cut)
    return cuts


def minimum_cut(allowed: Bools, demand_rps: Floats, capacity_rps: Floats) -> Bools:
    """Return the set of regions on the source's side of a minimum cut.

    Parameters
    ----------
    allowed : ndarray of bool, shape (G, R)
        Regions that may serve each group.
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
    scipy's maximum flow is integral: demand is scaled to 2^30 units, so a violation below one part
    in 10^9 of the demand may be missed.

    Examples
    --------
    >>> allowed = np.array([[True, False], [True, True]])
    >>> minimum_cut(allowed, np.array([5.0, 1.0]), np.array([3.0, 9.0]))
    array([ True, False])
    """
    return FlowNetwork(allowed).minimum_cut(demand_rps, capacity_rps)

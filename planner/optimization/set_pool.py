r"""Capacity cuts of known sets of regions: one set looked at in many states and all hours at once.

States that differ only in which regions are down share their sets: with ``A(o)`` the regions that
may serve ``o`` while all are up, and ``B_k`` the regions down in state ``k``,

.. math:: \sum_{r \in U \setminus B_k} \mu_r n_r \;\ge\; \max_h \sum_{o:\,A(o) \subseteq U} D_{oh}

is a valid capacity cut for every set ``U`` of regions and every state.  The busiest hour dominates
all others of a set, and of the states the one that takes most of the set away dominates the rest;
so a set needs one look, not one for each state and hour.  Sets to start from are those of single
groups, of pairs that share regions, and chains of nested sets; whatever a flow finds is added.

The kernel knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.cuts import Bools, Floats, Groups, Ints
from planner.optimization.rounding import Cut, divisors
from planner.overlaps import overlaps

_EACH = 3
"""Cuts of one set a call: the states that break it most."""

_PAIRS = 4000
"""At most so many sets of pairs to start from, the ones with most demand first."""

_BITS = 62
"""Regions that one number can hold as bits."""


@dataclass(frozen=True)
class Family:
    """Failure states of one service that differ only in which regions are down.

    Attributes
    ----------
    state : ndarray of int, shape (K,)
        The states.
    down : ndarray of bool, shape (K, R)
        Regions down in each.
    rate_rps : ndarray, shape (R,)
        Capacity of one replica at the states' ceiling, where the region is up.
    groups : Groups
        Demand by admissible set while all regions are up.
    """

    state: Ints
    down: Bools
    rate_rps: Floats
    groups: Groups


class SetPool:
    """Known sets of regions of a family, and the largest demand that only they may serve.

    Parameters
    ----------
    family : Family
        The states.
    sets : ndarray of bool, shape (M, R), optional
        Sets to start from; `first_sets` if not given.

    Attributes
    ----------
    regions : ndarray of bool, shape (N, R)
        The sets, each once.

    Examples
    --------
    Ten requests per second, three a replica, and either region may be down:

    >>> groups = Groups(np.array([[True, True]]), np.array([[10.0]]))
    >>> down = np.array([[True, False], [False, True]])
    >>> pool = SetPool(Family(np.array([1, 2]), down, np.array([3.0, 3.0]), groups))
    >>> [(cut.coefficient.tolist(), cut.right_side) for cut in pool.broken(np.zeros(2), 1e-6, 9)]
    [([0.0, 1.0], 4.0), ([1.0, 0.0], 4.0)]
    """

    def __init__(self, family: Family, sets: Bools | None = None) -> None:
        self.family = family
        regions = family.groups.allowed.shape[1]
        self.regions = np.zeros((0, regions), dtype=bool)
        self._down = np.ascontiguousarray(family.down.T, dtype=float)
        self._most = np.zeros(0)
        self._hour = np.zeros(0, dtype=np.int64)
        self.learn(first_sets(family.groups) if sets is None else sets)

    def learn(self, regions: Bools) -> int:
        """Add sets that are not known yet.

        Parameters
        ----------
        regions : ndarray of bool, shape (M, R)
            Sets of regions.

        Returns
        -------
        int
            How many were new.
        """
        before = len(self.regions)
        together = np.concatenate([self.regions, regions])
        words = np.ascontiguousarray(np.packbits(together, axis=1))
        _, first = np.unique(words.view(f"V{words.shape[1]}").ravel(), return_index=True)
        fresh = together[np.sort(first[first >= before])]
        within = demand_within(self.family.groups, fresh)
        self.regions = np.concatenate([self.regions, fresh])
        self._most = np.concatenate([self._most, within.max(axis=1, initial=0.0)])
        hour = within.argmax(axis=1) if within.size else np.zeros(0, dtype=np.int64)
        self._hour = np.concatenate([self._hour, hour])
        return len(fresh)

    def broken(self, replicas: Floats, tolerance: float, most: int) -> list[Cut]:
        """Return cuts of known sets that the replicas break, the deepest first.

        Parameters
        ----------
        replicas : ndarray, shape (R,)
            Replicas, possibly fractional.
        tolerance : float
            Violation, in replicas of the best region, that counts as none.
        most : int
            At most so many cuts.

        Returns
        -------
        list of Cut
            Exact cuts and their roundings.

        Notes
        -----
        That none is returned does not mean that every state can be routed: sets that are not known
        may be broken.
        """
        rate = self.family.rate_rps
        found: list[tuple[float, int, int, float]] = []
        for divisor in divisors(rate):
            weight, right, scale = self._sides(divisor)
            short = right[:, None] - self._left(weight * replicas)
            rows = np.flatnonzero(short.max(axis=1) / scale > tolerance)
            states = np.argsort(-short[rows], axis=1, kind="stable")[:, :_EACH]
            depth = np.take_along_axis(short[rows], states, axis=1)
            for row, column in np.argwhere(depth / scale > tolerance).tolist():
                at, state = int(rows[row]), int(states[row, column])
                inside = weight[self.regions[at] & ~self.family.down[state]]
                norm = max(float(np.sqrt(inside @ inside)), 1e-300)
                found.append((float(depth[row, column]) / norm, at, state, divisor))
        found.sort(key=lambda one: (-one[0], one[3], one[1], one[2]))
        return self._distinct(found, most)

    def broken_sets(self, replicas: Floats, tolerance: float, most: int) -> Bools:
        """Return the sets that the replicas break most, in any state, exact or rounded.

        Parameters
        ----------
        replicas : ndarray, shape (R,)
            Replicas, possibly fractional.
        tolerance : float
            Violation, in replicas of the best region, that counts as none.
        most : int
            At most so many sets.

        Returns
        -------
        ndarray of bool, shape (N, R)
            The deepest first.
        """
        depth = np.full(len(self.regions), -np.inf)
        # Of equal rates the rounding is never weaker than the exact cut.
        tried = divisors(self.family.rate_rps)
        equal = len(tried) == 2 and (self.family.rate_rps > 0).all()
        for divisor in tried[1:] if equal else tried:
            weight, right, scale = self._sides(divisor)
            left = self._left(weight * replicas).min(axis=1, initial=np.inf)
            depth = np.maximum(depth, (right - left) / scale)
        deepest = np.argsort(-depth, kind="stable")[:most]
        return self.regions[deepest[depth[deepest] > tolerance]]

    def keeps(self, replicas: Ints) -> bool:
        """Return whether whole replicas keep the cuts of all known sets.

        Parameters
        ----------
        replicas : ndarray of int, shape (R,)
            Replicas.

        Returns
        -------
        bool
            False proves that some state cannot be routed; True proves nothing.
        """
        left = self._left(self.family.rate_rps * replicas).min(axis=1)
        return bool((left >= self._most * (1 - 1e-9) - 1e-9).all())

    def _left(self, capacity: Floats) -> Floats:
        """Return what is left of each set's capacity in each state, shape (N, K)."""
        within = self.regions * capacity
        left: Floats = within.sum(axis=1)[:, None] - within @ self._down
        return left

    def _sides(self, divisor: float) -> tuple[Floats, Floats, float]:
        """Return coefficients [R], right sides [N] and scale of the cuts divided so."""
        rate = self.family.rate_rps
        if divisor == 0:
            return rate, self._most, max(float(rate.max(initial=0.0)), 1e-300)
        return np.ceil(rate / divisor - 1e-12), np.ceil(self._most / divisor - 1e-9), 1.0

    def _distinct(self, found: list[tuple[float, int, int, float]], most: int) -> list[Cut]:
        """Write the first cuts down; of equal left sides only the one with most demand."""
        kept: dict[bytes, Cut] = {}
        for _, at, state, divisor in found:
            weight, right, _ = self._sides(divisor)
            regions = self.regions[at] & ~self.family.down[state]
            coefficient = np.where(regions, weight, 0.0)
            cut = Cut(coefficient, float(right[at]), int(self._hour[at]), regions)
            name = np.round(coefficient / coefficient.max(initial=1e-300), 12).tobytes()
            if name not in kept and len(kept) >= most:
                continue
            if name not in kept or _reach(kept[name]) < _reach(cut):
                kept[name] = cut
        return list(kept.values())


def _reach(cut: Cut) -> float:
    """Return the right side of a cut scaled to largest coefficient 1."""
    return cut.right_side / max(float(cut.coefficient.max(initial=0.0)), 1e-300)


def demand_within(groups: Groups, regions: Bools) -> Floats:
    """Return the demand that only the regions of each set may serve.

    Parameters
    ----------
    groups : Groups
        Demand by admissible set.
    regions : ndarray of bool, shape (N, R)
        Sets of regions.

    Returns
    -------
    ndarray, shape (N, H)
        Requests per second by hour.

    Examples
    --------
    >>> groups = Groups(np.array([[True, False], [True, True]]), np.array([[4.0], [2.0]]))
    >>> demand_within(groups, np.array([[True, False], [True, True]])).ravel()
    array([4., 6.])
    """
    within: Floats = (overlaps(~regions, groups.allowed) == 0).astype(float) @ groups.demand_rps
    return within


def all_unions(groups: Groups, most: int) -> Bools | None:
    """Return every union of groups' admissible sets: cuts of all other sets follow from theirs.

    Parameters
    ----------
    groups : Groups
        Demand by admissible set.
    most : int
        At most so many.

    Returns
    -------
    ndarray of bool, shape (N, R), or None
        None where there are more.

    Examples
    --------
    >>> allowed = np.array([[True, True, False], [False, True, True]])
    >>> all_unions(Groups(allowed, np.ones((2, 1))), 9).astype(int)
    array([[1, 1, 0],
           [0, 1, 1],
           [1, 1, 1]])
    >>> all_unions(Groups(allowed, np.ones((2, 1))), 2)
    """
    regions = groups.allowed.shape[1]
    if regions > _BITS:
        return None
    bit = 1 << np.arange(regions, dtype=np.int64)
    found = np.zeros(1, dtype=np.int64)
    for one in np.unique(groups.allowed @ bit):
        found = np.unique(np.concatenate([found, found | one]))
        if found.size > most + 1:
            return None
    unions: Bools = (found[found > 0, None] & bit) > 0
    return unions


def first_sets(groups: Groups) -> Bools:
    """Return the sets of regions to start from: single groups, pairs that meet, nested chains.

    Parameters
    ----------
    groups : Groups
        Demand by admissible set.

    Returns
    -------
    ndarray of bool, shape (N, R)
        Sets, some of them perhaps more than once.

    Examples
    --------
    >>> allowed = np.array([[True, True, False], [False, True, True]])
    >>> np.unique(first_sets(Groups(allowed, np.ones((2, 1)))), axis=0).astype(int)
    array([[0, 1, 1],
           [1, 1, 0],
           [1, 1, 1]])
    """
    single = groups.allowed
    shared = single.astype(np.int64) @ single.T.astype(np.int64)
    one, other = np.nonzero(np.triu(shared > 0, 1))
    demand = groups.demand_rps.max(axis=1, initial=0.0)
    chosen = np.argsort(-(demand[one] + demand[other]), kind="stable")[:_PAIRS]
    pairs = single[one[chosen]] | single[other[chosen]]
    return np.concatenate([single, pairs, *(_chain(single, row) for row in range(len(single)))])


def _chain(single: Bools, start: int) -> Bools:
    """Return nested sets from one group outward: always the group that adds fewest regions."""
    inside = single[start].copy()
    chain = [inside.copy()]
    while True:
        more = (single & ~inside).sum(axis=1)
        if not more.any():
            return np.stack(chain)
        meets = (single & inside).sum(axis=1)
        # Fewest new regions first, most shared ones among equals; what is inside already last.
        rank = np.where(more > 0, more * single.shape[1] - meets, np.iinfo(np.int64).max)
        inside |= single[int(rank.argmin())]
        chain.append(inside.copy())

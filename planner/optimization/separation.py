"""Capacity cuts that replicas break, beyond the regions whose subsets can all be looked at.

Cheap looks first: the sets that are known (`planner.optimization.set_pool`), in all states at once.
Only where they are all kept, all sets follow where they are few enough, else minimum cuts state by
state and hour by hour; each adds its set to the known ones, and the search goes on from the state
where it ended the last time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from planner.optimization.cuts import Groups, group_origins
from planner.optimization.flows import FlowNetwork
from planner.optimization.master import state_groups
from planner.optimization.rounding import Cut, rounded_cuts
from planner.optimization.set_pool import Family, SetPool, all_unions, demand_within
from planner.optimization.stopping import Stop
from planner.problem.arrays import Bools, Floats, Ints, Problem

_MOST = 60
"""At most so many cuts of known sets a family and call."""

_ALL = 10_000
"""Up to so many unions of admissible sets a family are all looked at instead of minimum cuts."""

_FLOWS_FOUND = 24
"""So many sets found by flows end a call: they may be broken in other states, too."""

_TOLERANCE = 1e-6
"""Violation, in replicas, that counts as none."""


@dataclass
class Separation:
    """Finds the capacity cuts of one service that replicas break.

    Attributes
    ----------
    problem : Problem
        The problem as arrays.
    service : int
        Which service.
    states : ndarray of int
        Promised states to look at.
    one_rps : ndarray, shape (K, R)
        Capacity of one replica of the service in each state.
    pools : list of SetPool
        Known sets, by families of states.
    """

    problem: Problem
    service: int
    states: Ints
    one_rps: Floats
    pools: list[SetPool] = field(default_factory=list)
    _every: list[SetPool] | None = None
    _groups: dict[int, Groups] = field(default_factory=dict)
    _networks: dict[int, FlowNetwork] = field(default_factory=dict)
    _next: int = 0

    def __post_init__(self) -> None:
        self.pools = [SetPool(one) for one in families(self.problem, self.service, self.states)]

    def known(self, replicas: Floats) -> list[Cut]:
        """Return cuts of known sets that the replicas break.

        Parameters
        ----------
        replicas : ndarray, shape (R,)
            Replicas, possibly fractional.

        Returns
        -------
        list of Cut
            None does not mean that every state can be routed.
        """
        return [cut for pool in self.pools for cut in pool.broken(replicas, _TOLERANCE, _MOST)]

    def of_any_set(self, replicas: Floats, stop: Stop) -> tuple[list[Cut], bool]:
        """Return cuts of sets that are not known yet, and whether every state was looked at.

        Parameters
        ----------
        replicas : ndarray, shape (R,)
            Replicas, possibly fractional.
        stop : Stop
            When to stop.

        Returns
        -------
        (list of Cut, bool)
            With no cut and True every state and hour can be routed.
        """
        if self._every is None:
            self._every = _pools_of_all(self.pools)
        if self._every and not stop.passed():
            return self._of_all(self._every, replicas), True
        found: list[Cut] = []
        for turn in range(self.states.size):
            if stop.passed():
                return found, False
            at = (self._next + turn) % self.states.size
            found += self._state_cuts(int(self.states[at]), replicas)
            if len(found) >= _FLOWS_FOUND:
                self._next = (at + 1) % self.states.size
                return found, False
        return found, True

    def _of_all(self, every: list[SetPool], replicas: Floats) -> list[Cut]:
        """Return cuts of any set that the replicas break, and learn their sets."""
        for pool, full in zip(self.pools, every, strict=True):
            pool.learn(full.broken_sets(replicas, _TOLERANCE, _FLOWS_FOUND))
        return self.known(replicas)

    def _state_cuts(self, state: int, replicas: Floats) -> list[Cut]:
        """Return the minimum cut of each hour of a state and its roundings, and learn its sets."""
        if state not in self._groups:
            self._groups[state] = state_groups(self.problem, state, self.service)
            self._networks[state] = FlowNetwork(self._groups[state].allowed)
        groups, rate = self._groups[state], self.one_rps[state]
        found: dict[bytes, Cut] = {}
        for hour in range(groups.demand_rps.shape[1]):
            whole = self._networks[state].minimum_cut(groups.demand_rps[:, hour], rate * replicas)
            for regions in separate_parts(groups.allowed, whole):
                demand = float(demand_within(groups, regions[None])[0, hour])
                for cut in rounded_cuts(rate, regions, demand, hour):
                    name = cut.coefficient.tobytes()
                    better = name not in found or found[name].right_side < cut.right_side
                    if better and _depth(cut, replicas) > _TOLERANCE:
                        found[name] = cut
        for pool in self.pools:
            if found and state in pool.family.state:
                pool.learn(closed(pool.family, state, [cut.regions for cut in found.values()]))
        return list(found.values())


def _depth(cut: Cut, replicas: Floats) -> float:
    """Return by how much replicas break a cut, in replicas of the best region."""
    scale = max(float(cut.coefficient.max(initial=0.0)), 1e-300)
    return float(cut.right_side - cut.coefficient @ replicas) / scale


def _pools_of_all(pools: list[SetPool]) -> list[SetPool]:
    """Return pools of all sets there are; none where a family has too many."""
    every = []
    for pool in pools:
        sets = all_unions(pool.family.groups, _ALL)
        if sets is None:
            return []
        every.append(SetPool(pool.family, sets))
    return every


def families(problem: Problem, service: int, states: Ints) -> list[Family]:
    """Put states of a service together that differ only in which regions are down.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    service : int
        Which service.
    states : ndarray of int
        States to put together.

    Returns
    -------
    list of Family
        A state whose limits keep other pairs apart stands alone.
    """
    found = []
    for ceiling in np.unique(problem.ceiling_share[states]):
        mine = states[problem.ceiling_share[states] == ceiling]
        up = problem.region_up[mine]
        allowed = problem.state_admissible[mine, service] & up[:, None, :]
        widest = allowed.any(axis=0)
        alike = ((widest & up[:, None, :]) == allowed).all(axis=(1, 2))
        rate = ceiling * problem.rps_per_replica[service]
        demand = problem.demand_rps[service]
        if alike.any():
            found.append(Family(mine[alike], ~up[alike], rate, group_origins(widest, demand)))
        for at in np.flatnonzero(~alike):
            own = group_origins(allowed[at], demand)
            found.append(Family(mine[at : at + 1], ~up[at : at + 1], rate, own))
    return found


def closed(family: Family, state: int, found: list[Bools]) -> Bools:
    """Return for sets of surviving regions the sets that they are with all regions up.

    Parameters
    ----------
    family : Family
        The states.
    state : int
        The state in which the sets were found.
    found : list of ndarray of bool, shape (R,)
        Sets of surviving regions.

    Returns
    -------
    ndarray of bool, shape (N, R)
        Every region that may serve one of the groups that only the set may serve in the state.
    """
    allowed = family.groups.allowed
    up = ~family.down[int(np.flatnonzero(family.state == state)[0])]
    sets = [allowed[~(allowed & up & ~one).any(axis=1)].any(axis=0) for one in found]
    return np.stack(sets)


def separate_parts(allowed: Bools, regions: Bools) -> list[Bools]:
    """Take a set of regions apart where no group joins its parts.

    Parameters
    ----------
    allowed : ndarray of bool, shape (G, R)
        Regions that may serve each group.
    regions : ndarray of bool, shape (R,)
        The set; only groups within it count.

    Returns
    -------
    list of ndarray of bool, shape (R,)
        Parts whose cuts add up to the cut of the set.

    Examples
    --------
    >>> allowed = np.array([[True, True, False], [False, False, True]])
    >>> [part.tolist() for part in separate_parts(allowed, np.ones(3, dtype=bool))]
    [[True, True, False], [False, False, True]]
    """
    left = allowed[~(allowed & ~regions).any(axis=1)]
    parts = []
    while left.any():
        part = left[int(left.any(axis=1).argmax())].copy()
        while True:
            wider: Bools = left[(left & part).any(axis=1)].any(axis=0)
            if (wider == part).all():
                break
            part = wider
        parts.append(part)
        left = left[~(left & part).any(axis=1)]
    return parts

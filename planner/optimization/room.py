"""How many servers may count in each pool, and what replicas any choice of them could hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.problem.arrays import Bools, Ints, Problem
from planner.problem.mixes import Measure, measures
from planner.problem.offers import Offers

_MANY = 10**6
"""Servers of a pool that no replicas can fill."""


@dataclass(frozen=True)
class Room:
    """How many servers may count in each pool, and what they are measured against.

    Attributes
    ----------
    problem : Problem
        The problem with every pool that there may be.
    base, most : ndarray of int, shape (N,)
        Servers that count before any is added, and most that can be added.
    lost : ndarray of int, shape (N,)
        Servers that an added pool loses before it counts: 1 where it is founded and the policy
        says that one of each pool may be lost.
    measures : tuple of (tuple of Measure)
        By region.
    """

    problem: Problem
    base: Ints
    most: Ints
    lost: Ints
    measures: tuple[tuple[Measure, ...], ...]

    @property
    def optional(self) -> Bools:
        """Pools of which no server may count, and some may, shape (N,)."""
        some: Bools = (self.base == 0) & (self.most > self.lost)
        return some

    @property
    def bound(self) -> Ints:
        """Most replicas of each service alone with any servers, shape (S, R)."""
        none = np.zeros(self.problem.cpu_cores.size, np.int64)
        each = [np.max([none, *(m.bound for m in found)], axis=0) for found in self.measures]
        return np.stack(each, axis=1)


def room_for(problem: Problem, offers: Offers, most: Ints) -> Room:
    """Return how many servers may count in each pool.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    offers : Offers
        What can be had.
    most : ndarray of int, shape (N,)
        Most servers that can be added to each pool.

    Returns
    -------
    Room
        With the measures of every region.
    """
    whole = replace(problem, pools=offers.pools)
    one = 1 if problem.survive_server_loss else 0
    lost = np.where(offers.founded, one, 0)
    base = np.where(offers.founded, 0, offers.pools.servers - one)
    top = base + np.maximum(most - lost, 0)
    regions = range(len(problem.axes.regions))
    return Room(whole, base, most, lost, tuple(measures(whole, r, base, top) for r in regions))


def without_pools(room: Room) -> Problem:
    """Return the problem whose own pools hold any replicas that some choice of servers holds.

    Parameters
    ----------
    room : Room
        How many servers may count.

    Returns
    -------
    Problem
        Its packing rows are void, so that those of `add_servers` take their place.
    """
    pools = replace(room.problem.pools, servers=np.full_like(room.base, _MANY))
    return replace(room.problem, pools=pools, max_replicas=room.bound)

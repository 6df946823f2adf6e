r"""The guaranteed packing limit where the mix of servers is itself a decision.

The limit of `planner.problem.packing` measures every server against the largest free capacities of
the region's servers, so a new type changes the weights of all.  For a fixed triple of largest CPU,
memory and pods, though, it is linear in servers:

.. math:: \sum_t P_t\, w^j_{st} \le w^j_{ss} + \sum_p v^j_{ps}\,\text{left}_p

and a region can have few such triples.  A *measure* is one of them: the pools that may be there,
those of which one must be, weights and worths.  Exactly one measure holds for any choice of pools,
and with it the row says what `planner.problem.packing.fits` says.

(Measured against any triple at all the limit would be sound: a blocked server holds at least
``min(F_i/F, G_i/G, Q_i/Q)`` of used shares whatever ``F, G, Q`` are.  The largest that are there
are those that `fits` takes.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.problem.packing import packing_limits, replica_bounds


@dataclass(frozen=True)
class Measure:
    """What the servers of a region are measured against, and what follows.

    Attributes
    ----------
    allowed : ndarray of bool, shape (N,)
        Pools of the region that have no more than the largest CPU, memory and pods.
    attained : tuple of (ndarray of bool, shape (N,))
        Pools that have the largest CPU, memory and pods: of each, one must be there.
    weight : ndarray, shape (S, S)
        ``weight[s, t]``: what a pod of ``t`` takes while ``s`` comes last.
    worth : ndarray, shape (N, S)
        What one server of each pool adds to the room.
    bound : ndarray of int, shape (S,)
        Most replicas of each service alone with the most servers.
    """

    allowed: Bools
    attained: tuple[Bools, Bools, Bools]
    weight: Floats
    worth: Floats
    bound: Ints

    @property
    def holds(self) -> Bools:
        """Whether a server of any pool could hold each service, shape (S,)."""
        some: Bools = np.any(self.worth > 0, axis=0)
        return some


def measures(problem: Problem, region: int, least: Ints, most: Ints) -> tuple[Measure, ...]:
    """Return what the servers of a region may be measured against.

    Parameters
    ----------
    problem : Problem
        The problem with every pool that there may be.
    region : int
        Region.
    least, most : ndarray of int, shape (N,)
        Fewest and most servers of each pool that count, one of each already lost where the policy
        says so.

    Returns
    -------
    tuple of Measure
        One where no offer changes the largest capacities; none where no server ever counts.

    Notes
    -----
    At most (pools + 1)³ of them, in practice about as many as there are types.

    Examples
    --------
    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.build import build_problem
    >>> scenario = read_scenario("taiwan")
    >>> problem = build_problem(scenario, failure_states(scenario))
    >>> left = problem.pools.servers - 1
    >>> (only,) = measures(problem, 0, left, left)
    >>> bool(np.allclose(only.weight, packing_limits(problem).weight[0]))
    True
    """
    pools = problem.pools
    mine = (pools.region == region) & (most > 0)
    sizes = np.stack([pools.cpu_cores, pools.memory_gib, pools.pods])
    kept = mine & (least > 0)
    found = []
    for top in product(*(np.unique(each[mine]) for each in sizes)):
        below = mine & (sizes <= np.array(top)[:, None]).all(axis=0)
        attained = [below & (each == size) for each, size in zip(sizes, top, strict=True)]
        if (kept & ~below).any() or not all(each.any() for each in attained):
            continue
        found.append(
            _measure(problem, region, below, (attained[0], attained[1], attained[2]), most)
        )
    return tuple(found)


def _measure(
    problem: Problem, region: int, allowed: Bools, attained: tuple[Bools, Bools, Bools], most: Ints
) -> Measure:
    """Return the measure of the pools allowed, all of them there."""
    pools = replace(problem.pools, servers=np.where(allowed, most, 0))
    there = replace(problem, pools=pools, survive_server_loss=False)
    limits = packing_limits(there)
    return Measure(
        allowed=allowed,
        attained=attained,
        weight=limits.weight[region],
        worth=np.where(allowed[:, None], limits.worth, 0.0),
        bound=replica_bounds(there, limits)[:, region],
    )

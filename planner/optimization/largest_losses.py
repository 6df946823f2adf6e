r"""What a service must hold beyond its demand: its largest regions, as a row with a level.

Where any ``d`` regions may be lost, all others must hold the whole demand ``F`` (in replicas),

.. math:: \sum_r n_r - \max_{|B| = d} \sum_{r \in B} n_r \ge F .

The relaxation levels the regions at a height that is no whole number, and no branch on a single
region changes that: another one takes over.  With the ``d``-th largest count as an integer ``t``
and what stands out above it as ``e``, the same is

.. math:: \sum_r n_r - d\,t - \sum_r e_r \ge F, \qquad n_r \le t + e_r, \qquad e_r \ge 0 ,

a few rows instead of one for each ``B``.  A branch on ``t`` lowers all regions at once, or raises
the sum by ``d``.

References
----------
W. Ogryczak and A. Tamir, "Minimizing the sum of the k largest functions in linear time",
Information Processing Letters 85, 2003, doi 10.1016/S0020-0190(02)00370-8 (the rows).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from planner.optimization.master import Master
from planner.optimization.milp import Milp
from planner.optimization.rows import rows
from planner.optimization.set_pool import Family
from planner.problem.arrays import Floats, Ints

_ALIKE = 1e-9
"""By so small a part rates may differ and still count as one."""


@dataclass(frozen=True)
class LargestLosses:
    """What one service must hold beyond its largest regions.

    Attributes
    ----------
    service, lost : int
        Which service, and how many of its regions, any of them, may be lost together.
    least : float
        Replicas that all others must have.
    level : int
        Column of the level.
    above : ndarray of int, shape (R,)
        Columns of what stands out above it.
    """

    service: int
    lost: int
    least: float
    level: int
    above: Ints

    def settle(self, x: Floats, replicas: Floats) -> None:
        """Set the level of a point, and what stands out above it, to what replicas ask for.

        Parameters
        ----------
        x : ndarray, shape (n,)
            A point of the program; it is changed.
        replicas : ndarray, shape (R,)
            Replicas of the service.
        """
        x[self.level] = np.sort(replicas)[-self.lost]
        x[self.above] = np.maximum(replicas - x[self.level], 0.0)


def lost_together(family: Family) -> int:
    """Return the largest number of regions any of which may be lost together, 0 for none.

    Parameters
    ----------
    family : Family
        Failure states of one service.

    Returns
    -------
    int
        Every set of so many regions is the loss of some state, and any region holds the same.

    Examples
    --------
    >>> from planner.optimization.cuts import Groups
    >>> groups = Groups(np.ones((1, 3), dtype=bool), np.array([[9.0]]))
    >>> down = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 0, 0]], dtype=bool)
    >>> lost_together(Family(np.arange(4), down, np.ones(3), groups))
    2
    >>> lost_together(Family(np.arange(2), down[1:3], np.ones(3), groups))
    0
    """
    rate, regions = family.rate_rps, family.down.shape[1]
    if rate.min(initial=np.inf) < rate.max(initial=0.0) * (1 - _ALIKE) or not rate.any():
        return 0
    different = np.unique(family.down, axis=0).sum(axis=1)
    for lost in range(int(different.max(initial=0)), 0, -1):
        if (different == lost).sum() == comb(regions, lost):
            return lost
    return 0


def add_largest_losses(
    program: Milp, master: Master, service: int, family: Family
) -> LargestLosses | None:
    """Append the level of a service, what stands out above it, and their rows.

    Parameters
    ----------
    program : Milp
        The program; it grows.
    master : Master
        Where its replicas are.
    service : int
        Which service.
    family : Family
        Its failure states.

    Returns
    -------
    LargestLosses or None
        None where the losses are of another kind.

    Notes
    -----
    No plan is cut off: of every plan that keeps the family's states the ``d``-th largest count is
    such a level.
    """
    lost, n = lost_together(family), master.replicas[service]
    if not lost or lost >= n.size:
        return None
    demand = float(family.groups.demand_rps.sum(axis=0).max())
    least = np.ceil(demand / float(family.rate_rps.max()) - 1e-9)
    level = program.add_columns(0.0, 0.0, float(master.bound[service].max()), integer=True)
    above = program.add_columns(np.zeros(n.size), 0.0, np.inf)
    every = np.concatenate([n, level, above])
    weight = np.concatenate([np.ones(n.size), [-float(lost)], -np.ones(n.size)])
    program.add_rows(rows(least, np.inf, np.zeros(every.size), every, weight))
    row, ones = np.arange(n.size), np.ones(n.size)
    program.add_rows(
        rows(
            np.full(n.size, -np.inf),
            np.zeros(n.size),
            np.concatenate([row, row, row]),
            np.concatenate([n, np.repeat(level, n.size), above]),
            np.concatenate([ones, -ones, -ones]),
        )
    )
    return LargestLosses(service, lost, float(least), int(level[0]), above)

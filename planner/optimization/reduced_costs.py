r"""Fixing by reduced costs: what a plan better than the best one can no longer hold.

A plan in which column ``j`` stands ``δ`` away from its bound in the relaxation costs at least

.. math:: z_{LP} + |\bar c_j|\, \delta ,

so with a plan of cost ``z`` in hand ``δ`` may be at most :math:`(z - z_{LP}) / |\bar c_j|`.  Rows
that are added later only raise the left side.

References
----------
G. L. Nemhauser and L. A. Wolsey, "Integer and Combinatorial Optimization", Wiley, 1988, section
II.5.2 (reduced-cost fixing).
"""

from __future__ import annotations

import numpy as np

from planner.optimization.rows import Floats

_SLACK = 1e-9
"""Relative tolerance of the solver's own objective."""


def narrowed(
    reduced_cost: Floats,
    lower: Floats,
    upper: Floats,
    room: float,
    *,
    whole: bool,
) -> tuple[Floats, Floats]:
    """Return the bounds that a better plan keeps.

    Parameters
    ----------
    reduced_cost : ndarray, shape (n,)
        Of the relaxation's optimum: positive at a lower bound, negative at an upper one.
    lower, upper : ndarray, shape (n,)
        Bounds under which it was solved.
    room : float
        What the best plan costs more than the relaxation, not below 0.
    whole : bool
        Whether the columns are integers.

    Returns
    -------
    (ndarray, ndarray), shape (n,) each
        Lower and upper bounds, no wider than those given.

    Examples
    --------
    A region that costs 5 more than the 3 that can still be saved stays closed; a count may be one
    above its bound.

    >>> price = np.array([5.0, 2.0, -9.0, 0.0])
    >>> low, high = narrowed(price, np.zeros(4), np.array([1.0, 9.0, 1.0, 1.0]), 3.0, whole=True)
    >>> low, high
    (array([0., 0., 1., 0.]), array([0., 1., 1., 1.]))
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where(reduced_cost != 0, room / np.abs(reduced_cost), np.inf)
    if whole:
        step = np.floor(step + _SLACK)
    high = np.where(reduced_cost > 0, np.minimum(upper, lower + step), upper)
    low = np.where(reduced_cost < 0, np.maximum(lower, upper - step), lower)
    return low, high


def room_above(objective: float, relaxed: float) -> float:
    """Return what a plan costs more than the relaxation, with the solver's tolerance.

    Parameters
    ----------
    objective : float
        What the plan costs.
    relaxed : float
        Objective of the relaxation.

    Returns
    -------
    float
        Not below 0.
    """
    return max(0.0, objective - relaxed) + _SLACK * abs(objective)

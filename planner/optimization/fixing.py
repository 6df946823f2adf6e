"""What a bound proves about single facilities and assignments: open, closed, or still to choose."""

from __future__ import annotations

import numpy as np

from planner.optimization.lagrangian import Dual
from planner.optimization.reduced_costs import narrowed, room_above
from planner.optimization.rows import Floats
from planner.optimization.sites import Flags, Sites


def penalties(problem: Sites, dual: Dual) -> Floats:
    """Return by how much the bound rises when a facility's state is turned over.

    Parameters
    ----------
    problem : Sites
        m facilities.
    dual : Dual
        A bound and its reduced costs.

    Returns
    -------
    ndarray, shape (m,)
        For an open facility: the rise if it is closed; for a closed one: if it is opened.  Infinite
        where that cannot be.

    Examples
    --------
    One of three must be open; the second costs one more than the first, the third four more:

    >>> from planner.optimization.lagrangian import relaxed
    >>> from planner.optimization.sites import sites
    >>> three = sites([1, 2, 5], [9, 9, 9], [1], [[1, 1, 1]], 1)
    >>> penalties(three, relaxed(three, np.array([1.0])))
    array([1., 1., 4.])
    """
    free = ~problem.required
    cost = np.sort(dual.reduced_cost[free])
    count = int(dual.open.sum())
    chosen = count - int(problem.required.sum())
    last = cost[chosen - 1] if chosen else np.inf
    following = cost[chosen] if chosen < cost.size else np.inf
    instead, dropped = 0.0, 0.0
    if count == problem.fewest:
        instead, dropped = following, max(0.0, last) if chosen else 0.0
    if count == problem.most:
        instead = following if count == problem.fewest else min(0.0, following)
        dropped = last if chosen else -np.inf
    turned = np.where(dual.open, instead - dual.reduced_cost, dual.reduced_cost - dropped)
    return np.where(free, np.maximum(turned, 0.0), np.inf)


def fixed(problem: Sites, dual: Dual, cutoff: float) -> tuple[Flags, Flags]:
    """Return which facilities are open, and which closed, in every choice cheaper than a cutoff.

    Parameters
    ----------
    problem : Sites
        m facilities.
    dual : Dual
        A bound and its reduced costs.
    cutoff : float
        Only choices that cost at most this matter.

    Returns
    -------
    (ndarray of bool, ndarray of bool), shape (m,) each
        Surely open, surely closed.

    Examples
    --------
    >>> from planner.optimization.lagrangian import relaxed
    >>> from planner.optimization.sites import sites
    >>> three = sites([1, 2, 5], [9, 9, 9], [1], [[1, 1, 1]], 1)
    >>> fixed(three, relaxed(three, np.array([1.0])), 2.5)
    (array([ True, False, False]), array([False,  True,  True]))
    """
    turned = penalties(problem, dual)
    price = np.where(dual.open, -turned, turned)
    closed, opened = np.zeros(price.size), np.ones(price.size)
    room = room_above(cutoff, dual.bound)
    low, high = narrowed(price, closed, opened, room, whole=True)
    return low > 0, high < 1


def useful(problem: Sites, dual: Dual, cutoff: float) -> Flags:
    """Return which assignments can be part of a choice cheaper than a cutoff.

    Parameters
    ----------
    problem : Sites
        m facilities, n customers.
    dual : Dual
        A bound, its prices and reduced costs.
    cutoff : float
        Only choices that cost at most this matter.

    Returns
    -------
    ndarray of bool, shape (m, n)
        False where even the bound of choices with that assignment is above the cutoff.

    Notes
    -----
    An assignment whole is penalised whole, but a small part of it is not: where capacities can
    divide a customer nothing is excluded.

    Examples
    --------
    >>> from planner.optimization.lagrangian import relaxed
    >>> from planner.optimization.sites import sites
    >>> two = sites([1, 2], [9, 9], [1, 1], [[1, 1], [1, 8]])
    >>> useful(two, relaxed(two, np.array([1.0, 2.0])), 5.0)
    array([[ True,  True],
           [ True, False]])
    """
    if not problem.uncapacitated:
        return np.ones(problem.cost.shape, bool)
    opened = np.where(dual.open, 0.0, penalties(problem, dual))
    dearer = np.maximum(problem.cost - dual.price, 0.0)
    keep: Flags = dual.bound + opened[:, None] + dearer <= cutoff + 1e-9 * abs(cutoff)
    return keep

"""A better set of open facilities by opening one, closing one, or both at a time.

References
----------
M. B. Teitz and P. Bart, "Heuristic methods for estimating the generalized vertex median of a
weighted graph", Operations Research 16(5), 1968, doi 10.1287/opre.16.5.955.
R. Whitaker, "A fast algorithm for the greedy interchange for large-scale clustering and median
location problems", INFOR 21(2), 1983, doi 10.1080/03155986.1983.11731889.
"""

from __future__ import annotations

import numpy as np

from planner.optimization.allotment import allotment
from planner.optimization.lagrangian import Dual
from planner.optimization.rows import Floats, Ints
from planner.optimization.sites import Flags, Sites
from planner.optimization.stopping import Stop


def improved(problem: Sites, facility: Ints, stop: Stop) -> Ints:
    """Return an open set that no single change makes cheaper, capacities left aside.

    Parameters
    ----------
    problem : Sites
        m facilities and n customers, without scarce capacity.
    facility : ndarray of int, shape (k,)
        The set to begin with.
    stop : Stop
        When to stop.

    Returns
    -------
    ndarray of int
        Open facilities in order.

    Notes
    -----
    The best of all openings, closings and exchanges is taken until none helps: a local optimum.

    Examples
    --------
    >>> from planner.optimization.stopping import NEVER
    >>> from planner.optimization.sites import sites
    >>> line = sites([0, 0, 0], [9, 9, 9], [1, 1, 1], [[0, 1, 2], [1, 0, 1], [2, 1, 0]], 1)
    >>> improved(line, np.array([0]), NEVER)
    array([1])
    """
    now = np.unique(facility)
    while not stop.passed():
        saving, following = _best_change(problem, now)
        if saving <= 1e-9 * max(1.0, float(problem.cost[now].min(axis=0).sum())):
            break
        now = following
    return now


def exchanged(
    problem: Sites, dual: Dual, facility: Ints, cost: float, stop: Stop, *, most: int = 60
) -> tuple[float, Ints]:
    """Return the best open set found among exchanges that the bound does not exclude.

    Parameters
    ----------
    problem : Sites
        m facilities and n customers.
    dual : Dual
        A bound: the choice S costs at least the sum of prices and of the reduced costs of S.
    facility : ndarray of int, shape (k,)
        The set to begin with.
    cost : float
        What it costs.
    stop : Stop
        When to stop.
    most : int
        Most sets that are tried.

    Returns
    -------
    (float, ndarray of int)
        Cost and set, the given ones where nothing is better.

    Examples
    --------
    >>> from planner.optimization.stopping import NEVER
    >>> from planner.optimization.lagrangian import relaxed
    >>> from planner.optimization.sites import sites
    >>> two = sites([4, 5], [9, 9], [1, 1], [[1, 3], [3, 1]], 1)
    >>> exchanged(two, relaxed(two, np.array([3.0, 3.0])), np.array([1]), 9.0, NEVER)
    (8.0, array([0]))
    """
    tried: set[bytes] = set()
    moved = True
    while moved:
        moved = False
        for floor, near in _neighbours(problem, dual, facility):
            if floor >= cost or len(tried) >= most or stop.passed():
                break
            if near.tobytes() in tried:
                continue
            tried.add(near.tobytes())
            served = allotment(problem, near, stop)
            if served is not None and served[0] < cost * (1 - 1e-9):
                cost, facility, moved = served[0], near, True
                break
    return cost, facility


def covering(problem: Sites, dual: Dual, facility: Ints) -> Ints:
    """Return an open set that can serve all demand, near a given one.

    Parameters
    ----------
    problem : Sites
        m facilities.
    dual : Dual
        Reduced costs: the cheapest are added.
    facility : ndarray of int, shape (k,)
        The set to begin with.

    Returns
    -------
    ndarray of int
        Open facilities in order.

    Examples
    --------
    >>> from planner.optimization.stopping import NEVER
    >>> from planner.optimization.lagrangian import relaxed
    >>> from planner.optimization.sites import sites
    >>> three = sites([4, 5, 6], [2, 2, 1], [1, 2], np.ones((2, 3)))
    >>> covering(three, relaxed(three, np.array([2.0, 2.0])), np.array([0, 2]))
    array([0, 2])
    """
    total = problem.demand.sum() * (1 - 1e-12)
    opened = np.zeros(problem.capacity.size, bool)
    opened[facility] = True
    opened |= problem.required
    for i in np.argsort(dual.reduced_cost, kind="stable"):
        if problem.capacity[opened].sum() >= total:
            break
        opened[i] = True
    while opened.sum() > problem.most or problem.capacity[opened].sum() < total:
        opened = _larger(problem, opened)
    return np.flatnonzero(opened)


def _larger(problem: Sites, opened: Flags) -> Flags:
    """Close the smallest facility that may be closed, or take a larger one in its place."""
    size = np.where(problem.required, np.inf, problem.capacity)
    smallest = int(np.where(opened, size, np.inf).argmin())
    after = opened.copy()
    after[smallest] = False
    if opened.sum() <= problem.most:
        after[np.where(opened, -np.inf, problem.capacity).argmax()] = True
    return after


def _neighbours(problem: Sites, dual: Dual, facility: Ints) -> list[tuple[float, Ints]]:
    """Return the sets one change away with the bound on their cost, the most promising first."""
    inside = np.zeros(problem.fixed_cost.size, bool)
    inside[facility] = True
    leave = [-1, *np.flatnonzero(inside & ~problem.required).tolist()]
    enter = [-1, *np.flatnonzero(~inside).tolist()]
    base = float(dual.price.sum() + dual.reduced_cost[inside].sum())
    rise = np.append(dual.reduced_cost, 0.0)
    size = np.append(problem.capacity, 0.0)
    room, total = problem.capacity[inside].sum(), problem.demand.sum() * (1 - 1e-12)
    found = []
    for out in leave:
        for new in enter:
            count = facility.size + (new >= 0) - (out >= 0)
            enough = room + size[new] - size[out] >= total
            if problem.fewest <= count <= problem.most and enough and new != out:
                found.append((base + float(rise[new] - rise[out]), out, new))
    found.sort()
    return [(floor, _changed(facility, out, new)) for floor, out, new in found[:200]]


def _changed(facility: Ints, out: int, new: int) -> Ints:
    """Return a set without one facility and with another; -1 is none."""
    kept = facility[facility != out]
    return np.sort(np.append(kept, new)) if new >= 0 else kept


def _best_change(problem: Sites, opened: Ints) -> tuple[float, Ints]:
    """Return what the best change of an uncapacitated set saves, and the set after it."""
    enter, leave, exchange = _savings(problem, opened)
    if opened.size >= problem.most:
        enter[:] = -np.inf
    if opened.size <= problem.fewest:
        leave[:] = -np.inf
    best = max(float(enter.max()), float(leave.max()), float(exchange.max()))
    if enter.max() == best:
        return best, _changed(opened, -1, int(enter.argmax()))
    if leave.max() == best:
        return best, _changed(opened, int(opened[leave.argmax()]), -1)
    new, out = np.unravel_index(int(exchange.argmax()), exchange.shape)
    return best, _changed(opened, int(opened[out]), int(new))


def _savings(problem: Sites, opened: Ints) -> tuple[Floats, Floats, Floats]:
    """Return what opening (m), closing (k) and exchanging (m, k) save without capacities."""
    cost, fixed = problem.cost, problem.fixed_cost
    near = cost[opened]
    owner, at = near.argmin(axis=0), np.arange(near.shape[1])
    first = near[owner, at]
    near[owner, at] = np.inf
    second = near.min(axis=0)
    enter = np.maximum(first - cost, 0.0).sum(axis=1) - fixed
    leave = fixed[opened] - np.bincount(owner, weights=second - first, minlength=opened.size)
    of_owner = (owner[:, None] == np.arange(opened.size)).astype(float)
    worse = (np.minimum(second, cost) - np.minimum(first, cost)) @ of_owner
    exchange = enter[:, None] + fixed[opened] - worse
    for barred in (enter, exchange):
        barred[opened] = -np.inf
    stays = problem.required[opened]
    leave[stays] = -np.inf
    exchange[:, stays] = -np.inf
    return enter, leave, exchange

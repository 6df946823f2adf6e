r"""A lower bound on a location problem without a linear program: prices on being served.

.. math:: L(\lambda) = \sum_j \lambda_j + \min_y \sum_i g_i y_i, \qquad
          g_i = f_i + \min_{0 \le x \le 1,\; d^\top x \le s_i} \sum_j (c_{ij} - \lambda_j)\, x_j

Customer j pays a price λ for being served; each facility then serves whom it gains most from (a
continuous knapsack, solved by sorting), and those with the least g are open, at least `fewest` and
at most `most` of them.  The bound is that of the strong formulation, and better where the count of
open facilities is rounded up.

References
----------
M. L. Fisher, "The Lagrangian relaxation method for solving integer programming problems",
Management Science 27(1), 1981, doi 10.1287/mnsc.27.1.1.
J. E. Beasley, "Lagrangean heuristics for location problems", European Journal of Operational
Research 65(3), 1993, doi 10.1016/0377-2217(93)90118-7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.rows import Floats, Ints
from planner.optimization.sites import Flags, Sites
from planner.optimization.stopping import NEVER, Stop

_PATIENCE = 15
"""Steps without a better bound after which the step shrinks by a third."""

_SMALLEST = 1e-3
"""Step factor below which the ascent has come to rest."""


@dataclass(frozen=True)
class Dual:
    """Prices and the bound that they prove.

    Attributes
    ----------
    price : ndarray, shape (n,)
        Price λ of serving each customer.
    bound : float
        Lower bound on the cost of every choice of facilities.
    reduced_cost : ndarray, shape (m,)
        What opening each facility costs at these prices, g.
    open : ndarray of bool, shape (m,)
        The choice that attains the bound.
    served : ndarray, shape (n,)
        By how many facilities each customer is then served; all ones would be optimal.
    """

    price: Floats
    bound: float
    reduced_cost: Floats
    open: Flags
    served: Floats


def relaxed(problem: Sites, price: Floats) -> Dual:
    """Evaluate the bound at given prices.

    Parameters
    ----------
    problem : Sites
        m facilities and n customers.
    price : ndarray, shape (n,)
        Price of serving each customer; any prices give a valid bound.

    Returns
    -------
    Dual
        The bound there, and the subgradient ``1 - served``.

    Examples
    --------
    >>> from planner.optimization.sites import sites
    >>> two = sites([4, 5], [9, 9], [1, 1], [[1, 3], [3, 1]])
    >>> relaxed(two, np.array([3.0, 5.0])).bound
    8.0
    """
    gain = np.minimum(problem.cost - price, 0.0)
    share = None if problem.uncapacitated else _knapsacks(problem, gain)
    worth = gain.sum(axis=1) if share is None else np.einsum("mn,mn->m", gain, share)
    reduced = problem.fixed_cost + worth
    chosen = chosen_at(problem, reduced)
    part = (gain < 0).astype(float) if share is None else share
    served = part[chosen].sum(axis=0)
    bound = float(price.sum() + reduced[chosen].sum())
    return Dual(price, bound, reduced, chosen, served)


def chosen_at(problem: Sites, reduced_cost: Floats) -> Flags:
    """Return the cheapest choice: all that gain, but no fewer and no more than may be.

    Parameters
    ----------
    problem : Sites
        m facilities.
    reduced_cost : ndarray, shape (m,)
        What opening each costs.

    Returns
    -------
    ndarray of bool, shape (m,)
        Which are open.

    Examples
    --------
    >>> from planner.optimization.sites import sites
    >>> three = sites([1, 1, 1], [2, 2, 2], [1, 2], np.ones((2, 3)))
    >>> chosen_at(three, np.array([3.0, 2.0, -1.0]))
    array([False,  True,  True])
    """
    key = np.where(problem.required, -np.inf, reduced_cost)
    count = int(np.clip((key < 0).sum(), problem.fewest, problem.most))
    chosen = np.zeros(key.size, bool)
    chosen[np.argsort(key, kind="stable")[:count]] = True
    return chosen


def ascend(
    problem: Sites,
    price: Floats,
    *,
    target: float,
    iterations: int,
    stop: Stop = NEVER,
) -> tuple[Dual, list[Ints]]:
    """Raise the bound by subgradient steps.

    Parameters
    ----------
    problem : Sites
        m facilities and n customers.
    price : ndarray, shape (n,)
        Prices to begin with.
    target : float
        Cost of a known choice: the length of a step is in proportion to what the bound lacks.
    iterations : int
        Most steps.
    stop : Stop
        When to stop.

    Returns
    -------
    (Dual, list of ndarray of int)
        The best bound, and the choices met while it rose, the latest last.

    Notes
    -----
    A step is θ·(target − L)/‖1 − served‖² (Held, Wolfe and Crowder); θ begins at one and shrinks
    by a third after 15 steps that did not help.  No step is guaranteed to help.

    Examples
    --------
    >>> from planner.optimization.sites import sites
    >>> two = sites([4, 5], [9, 9], [1, 1], [[1, 3], [3, 1]])
    >>> ascend(two, np.array([3.0, 3.0]), target=8.0, iterations=50)[0].bound
    8.0
    """
    best = now = relaxed(problem, price)
    met: dict[bytes, Ints] = {now.open.tobytes(): np.flatnonzero(now.open)}
    theta, stalled = 1.0, 0
    for _ in range(iterations):
        slope = 1.0 - now.served
        steep = float(slope @ slope)
        if steep < 1e-12 or theta < _SMALLEST or best.bound >= target:
            break
        if stop.passed():
            break
        lacking = max(target - now.bound, 1e-6 * abs(target))
        now = relaxed(problem, now.price + theta * lacking / steep * slope)
        stalled += 1
        if now.bound > best.bound:
            best, stalled = now, 0
            met.pop(now.open.tobytes(), None)
            met[now.open.tobytes()] = np.flatnonzero(now.open)
        elif stalled == _PATIENCE:
            theta, stalled, now = theta / 1.5, 0, best
    return best, list(met.values())


def _knapsacks(problem: Sites, gain: Floats) -> Floats:
    """Return the shares, shape (m, n), that each facility serves of its customers with a gain."""
    need = problem.demand
    each = np.divide(gain, need, out=np.where(gain < 0, -np.inf, 0.0), where=need > 0)
    order = np.argsort(each, axis=1)
    size = need[order]
    before = np.cumsum(size, axis=1) - size
    left = problem.capacity[:, None] - before
    part = np.divide(left, size, out=np.ones_like(left), where=size > 0)
    share = np.empty_like(gain)
    np.put_along_axis(share, order, np.clip(part, 0.0, 1.0), axis=1)
    share[gain >= 0] = 0.0
    return share

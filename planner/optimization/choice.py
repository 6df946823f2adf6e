"""The best open set so far, and how the choices that an ascent met become better ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.allotment import allotment
from planner.optimization.interchange import covering, improved
from planner.optimization.lagrangian import Dual
from planner.optimization.rows import Ints
from planner.optimization.sites import Sites
from planner.optimization.stopping import NEVER, Stop


@dataclass(frozen=True)
class Choice:
    """An open set, what it costs and what any costs at least.

    Attributes
    ----------
    facility : ndarray of int, shape (k,)
        Open facilities of the whole problem, in order; empty where none is known.
    objective, bound : float
        Cost of the set (infinite where none is known) and proven lower bound on that of any.
    """

    facility: Ints
    objective: float = np.inf
    bound: float = -np.inf


def bettered(
    found: Choice, rest: Sites, left: Ints, dual: Dual, met: list[Ints], stop: Stop
) -> Choice:
    """Return the best of a known choice and those that an ascent met; the bound stays.

    Parameters
    ----------
    found : Choice
        The best so far.
    rest : Sites
        The facilities that are left.
    left : ndarray of int, shape (m,)
        Which of the whole problem they are.
    dual : Dual
        A bound on the choices among them: it tells which sets need not be priced.
    met : list of ndarray of int
        Sets of those left, the best last; they need not cover the demand.
    stop : Stop
        When to stop.

    Returns
    -------
    Choice
        With facilities numbered as in the whole problem.

    Examples
    --------
    >>> from planner.optimization.lagrangian import relaxed
    >>> from planner.optimization.sites import sites
    >>> two = sites([4, 5], [9, 9], [1, 1], [[1, 3], [3, 1]], 1)
    >>> dual, none = relaxed(two, np.array([3.0, 3.0])), Choice(np.empty(0, int))
    >>> bettered(none, two, np.array([6, 7]), dual, [np.array([1])], NEVER).facility
    array([6])
    """
    for chosen in reversed(met):
        first = not found.facility.size
        if stop.passed() and not first:
            break
        facility = covering(rest, dual, chosen)
        if rest.uncapacitated:
            facility = improved(rest, facility, stop)
        if dual.price.sum() + dual.reduced_cost[facility].sum() >= found.objective:
            continue
        # Without any choice there would be nothing to return: the first is not limited.
        served = allotment(rest, facility, NEVER if first else stop)
        if served is not None and served[0] < found.objective:
            found = Choice(left[facility], served[0], found.bound)
    return found

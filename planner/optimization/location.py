r"""Which facilities to open so that opening them and serving all customers costs least.

.. math:: \min \sum_i f_i y_i + \sum_{ij} c_{ij} x_{ij} \quad\text{s.t.}\quad
          \sum_i x_{ij} = 1,\; \sum_j d_j x_{ij} \le s_i y_i,\; 0 \le x_{ij} \le y_i,\;
          y_i \in \{0, 1\}

Capacitated and uncapacitated facility location, and the p-median problem where the number of open
facilities is given.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from planner.errors import PlannerError
from planner.optimization.allotment import allotment
from planner.optimization.choice import Choice, bettered
from planner.optimization.fixing import fixed, useful
from planner.optimization.interchange import exchanged
from planner.optimization.lagrangian import Dual, ascend, relaxed
from planner.optimization.location_program import LocationProgram
from planner.optimization.location_tree import explored
from planner.optimization.rows import Floats, Ints
from planner.optimization.sites import Sites, among, sites
from planner.optimization.stopping import NEVER, Stop, closed

_ROUNDS = 5
_ITERATIONS = 250
_WORTH_A_ROUND = 0.1
"""Least part of the gap that a round must close if it fixes nothing, or the program is next."""
_SMALL = 4000
"""Up to so many pairs of facility and customer the program needs no better choice to start from."""
_NODES = 80
_UNSERVED = "the solver found no way to serve the demand within the capacities"


@dataclass(frozen=True)
class LocationResult:
    """Facilities to open, who is served from where, and what is proven.

    Attributes
    ----------
    open : ndarray of int, shape (k,)
        Open facilities, in order.
    shares : ndarray, shape (n, m)
        Share of each customer that each facility serves; rows sum to one.
    objective, bound : float
        Cost of this choice, and proven lower bound on the cost of any.
    gap : float
        What is left between them, relative to the objective.
    """

    open: Ints
    shares: Floats
    objective: float
    bound: float
    gap: float


def solve(
    fixed_cost: ArrayLike,
    capacity: ArrayLike,
    demand: ArrayLike,
    assignment_cost: ArrayLike,
    *,
    open_count: int | None = None,
    gap: float = 1e-6,
    time_limit_s: float = 300.0,
) -> LocationResult:
    """Choose the facilities that cost least.

    Parameters
    ----------
    fixed_cost, capacity : array_like, shape (m,)
        Cost of opening each facility, and the demand that it can serve; infinite capacity is none.
    demand : array_like, shape (n,)
        Demand of each customer, in the unit of `capacity`; a customer can be divided.
    assignment_cost : array_like, shape (n, m)
        ``assignment_cost[customer, facility]``: cost of serving all of the customer from there.
    open_count : int, optional
        Exactly so many facilities are open (with `fixed_cost` 0: the p-median problem); without
        it as many as pay.
    gap : float
        Relative gap at which to stop.
    time_limit_s : float
        Seconds after which the best choice so far is returned with the gap that is left.

    Returns
    -------
    LocationResult
        The choice, and the bound that proves it.

    Raises
    ------
    ValueError
        If shapes differ, a figure is negative or not finite, or the capacity cannot suffice.
    PlannerError
        If the solver gives up, for example on capacities that suffice only by its tolerance.

    Notes
    -----
    Subgradient steps on prices give a bound, its choices are improved by exchanges, and between
    them facilities are fixed that the bound excludes.  A few nodes of a tree search on prices
    follow; what they leave goes to a mixed-integer program with strong rows on demand.  The limit
    is looked at between steps: a step on a very large instance, and the solver's own clock, can
    overrun it.

    References
    ----------
    J. E. Beasley, "Lagrangean heuristics for location problems", European Journal of Operational
    Research 65(3), 1993, doi 10.1016/0377-2217(93)90118-7.

    Examples
    --------
    Two shops of three, for four customers on a line:

    >>> distance = [[0, 2, 9], [1, 1, 8], [8, 6, 1], [9, 7, 0]]
    >>> found = solve([0, 0, 0], [np.inf] * 3, [1, 1, 1, 1], distance, open_count=2)
    >>> found.open, found.objective, found.gap
    (array([0, 2]), 2.0, 0.0)
    """
    if not gap >= 0 or not time_limit_s > 0:
        raise ValueError("`gap` must not be negative and `time_limit_s` must be positive")
    stop = Stop(time_limit_s)
    problem = sites(fixed_cost, capacity, demand, assignment_cost, open_count)
    found = _search(problem, gap, stop)
    return _result(problem, found)


def _search(problem: Sites, gap: float, stop: Stop) -> Choice:
    """Raise the bound, improve the choice and fix facilities in turn; then branch."""
    left = np.arange(problem.fixed_cost.size)
    rest, dual = problem, relaxed(problem, _second_cheapest(problem.cost))
    first = [np.flatnonzero(dual.open)]
    found = bettered(Choice(left[:0]), rest, left, dual, first, stop)
    if not found.facility.size:
        raise PlannerError(_UNSERVED)
    for _ in range(_ROUNDS):
        before = dual.bound
        dual, met = ascend(
            rest, dual.price, target=found.objective, iterations=_ITERATIONS, stop=stop
        )
        found = _improved(rest, left, dual, met[-10:], found, stop)
        if closed(found.objective, found.bound, gap) or stop.passed():
            return found
        surely, never = fixed(rest, dual, found.objective)
        stuck = dual.bound - before < _WORTH_A_ROUND * (found.objective - dual.bound)
        if stuck and not never.any():
            break
        keep = np.flatnonzero(~never)
        rest, left = among(rest, keep, surely), left[keep]
        dual = relaxed(rest, dual.price)
        if rest.cost.size <= _SMALL:
            break
    return _branched(rest, left, dual, found, gap, stop)


def _second_cheapest(cost: Floats) -> Floats:
    """Return what each customer costs at the second cheapest facility: prices to begin with."""
    second = min(1, cost.shape[0] - 1)
    return np.array(np.partition(cost, second, axis=0)[second])


def _improved(
    rest: Sites, left: Ints, dual: Dual, met: list[Ints], found: Choice, stop: Stop
) -> Choice:
    """Return the best choice near those that the ascent met, with the ascent's bound."""
    found = bettered(found, rest, left, dual, met, stop)
    if not rest.uncapacitated and rest.cost.size > _SMALL:
        local = np.searchsorted(left, found.facility)
        cost, facility = exchanged(rest, dual, local, found.objective, stop)
        found = replace(found, objective=cost, facility=left[facility])
    return _bounded(found, dual.bound)


def _bounded(found: Choice, bound: float) -> Choice:
    """Return a choice with a bound on what is left: what was excluded costs no less than it."""
    return replace(found, bound=min(max(found.bound, bound), found.objective))


def _branched(rest: Sites, left: Ints, dual: Dual, found: Choice, gap: float, stop: Stop) -> Choice:
    """Search a few nodes by prices; hand what remains to the mixed-integer program."""
    if rest.cost.size > _SMALL:
        found = explored(rest, left, dual, found, gap=gap, stop=stop, nodes=_NODES)
    if closed(found.objective, found.bound, gap) or stop.passed():
        return found
    local = np.searchsorted(left, found.facility)
    start = allotment(rest, local, stop)
    pairs, shares = useful(rest, dual, found.objective), np.zeros(rest.cost.shape)
    if start is not None:
        shares[local] = start[1]
        pairs |= shares > 0
    program = LocationProgram(rest, pairs, rest.cost < dual.price)
    found = _bounded(found, program.separate(stop))
    if closed(found.objective, found.bound, gap) or stop.passed():
        return found
    result = program.integral(stop, gap, None if start is None else (local, shares))
    opened = program.opened(result)
    if opened.size:
        found = bettered(found, rest, left, dual, [opened], stop)
    return _bounded(found, result.bound)


def _result(problem: Sites, found: Choice) -> LocationResult:
    """Return the answer with the shares of every customer."""
    served = allotment(problem, found.facility, NEVER)
    if served is None:
        raise PlannerError(_UNSERVED)
    shares = np.zeros(problem.cost.T.shape)
    shares[:, found.facility] = served[1].T
    left = (served[0] - found.bound) / max(abs(served[0]), 1e-9)
    return LocationResult(found.facility, shares, served[0], found.bound, max(0.0, left))

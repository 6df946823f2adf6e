r"""Demand placed on regions with capacities at least cost: the transportation problem.

.. math:: \min \sum_{or} c_{or} f_{or} \quad\text{s.t.}\quad \sum_r f_{or} = d_o,\;
          \sum_o f_{or} \le u_r,\; f \ge 0

Its dual has one price for each region, so a price vector alone proves a bound:

.. math:: \sum_o d_o \min_r (c_{or} + \pi_r) - \sum_r u_r \pi_r,\qquad \pi \ge 0 .

Good prices come from a smoothed dual (`region_prices`); at them nearly every origin has one best
region by far and is decided.  A linear program over the undecided ones and the few regions that are
good for them gives exact prices; where these make another region better, that column joins and the
program is solved again.

References
----------
F. L. Hitchcock, "The distribution of a product from several sources to numerous localities",
Journal of Mathematics and Physics 20, 1941, doi 10.1002/sapm1941201224; P. C. Gilmore and
R. E. Gomory, "A linear programming approach to the cutting-stock problem", Operations Research 9,
1961, doi 10.1287/opre.9.6.849 (columns when they are needed).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from planner.errors import PlannerError, SolverStopped
from planner.optimization.cuts import Bools, group_origins, minimum_cut
from planner.optimization.region_prices import SHARPNESS, Transport, smoothed_prices
from planner.optimization.rows import Floats, Ints
from planner.optimization.stopping import Stop, closed
from planner.optimization.undecided import Assignment, assign, price_in

_OVERFLOW = 1e-8
"""Part of the demand that may lie above the capacities: the solver's tolerance."""

_NAMED = 5
"""Origins or regions that an error names; the others are counted."""


@dataclass(frozen=True)
class Placement:
    """Where the demand of each origin goes.

    Attributes
    ----------
    origin, region : ndarray of int, shape (N,)
        Pairs that are used, by origin, then by region.
    share : ndarray, shape (N,)
        Part of the origin's demand; the parts of one origin sum to 1.
    load : ndarray, shape (R,)
        Demand on each region, within its capacity but for 1e-8 of all demand.
    region_price : ndarray, shape (R,)
        Dual of each capacity, of which `bound` is proven: what one more unit saves, in the unit of
        cost.  At gap 0 it is 0 where the region is not full.
    objective, bound, gap : float
        Cost, proven lower bound of the cost, and (objective − bound) / |objective|.
    columns, rounds : int
        Pairs that were in the last program, and how many programs were solved.
    """

    origin: Ints
    region: Ints
    share: Floats
    load: Floats
    region_price: Floats
    objective: float
    bound: float
    gap: float
    columns: int
    rounds: int


def place(
    demand: ArrayLike,
    capacity: ArrayLike,
    cost: ArrayLike,
    *,
    allowed: ArrayLike | None = None,
    gap: float = 1e-6,
    time_limit_s: float = 600.0,
) -> Placement:
    """Place the demand of every origin on regions with capacities at least cost.

    Parameters
    ----------
    demand : array_like, shape (O,)
        Demand of each origin, such as requests per second.
    capacity : array_like, shape (R,)
        Capacity of each region, in the unit of demand.
    cost : array_like, shape (O, R)
        Cost of a unit of demand, such as ms.
    allowed : array_like of bool, shape (O, R), optional
        Which regions may serve an origin; all where it is not given.
    gap : float
        Relative gap at which to stop.
    time_limit_s : float
        Seconds after which to stop with the best placement found.

    Returns
    -------
    Placement
        Origins are split between regions only where a capacity forces it.

    Raises
    ------
    ValueError
        If an argument is malformed, or the demand of a set of origins is over the capacity of all
        regions that may serve them; the sentence names them.
    SolverStopped
        If time ran out before any placement within the capacities was found.

    Notes
    -----
    Where several optima exist, prices are those of one of them.  Costs that tie for whole
    neighbourhoods leave more origins undecided and make the program larger, not wrong.

    Examples
    --------
    Both origins want the first region, which holds 10; a unit more of it would save 2.

    >>> found = place([8.0, 6.0], [10.0, 9.0], [[1.0, 5.0], [2.0, 4.0]])
    >>> found.load, found.region_price, round(found.objective, 9)
    (array([10.,  4.]), array([2., 0.]), 28.0)
    """
    stop = Stop(time_limit_s)
    transport = _checked(demand, capacity, cost, allowed)
    price, temperature = smoothed_prices(transport, stop)
    candidate = np.zeros(transport.cost.shape, dtype=bool)
    least, _ = price_in(transport, price, candidate, SHARPNESS * temperature)
    search = _Search(transport.bound(least, price), price)
    penalty = 2 * float(price.max()) + transport.spread
    while not search.ended(gap):
        found = assign(transport, candidate, penalty, stop)
        if found is None or stop.passed():
            break
        least, joined = price_in(transport, found.price, candidate, temperature)
        search.note(found, transport.bound(least, found.price), joined, transport)
        if not joined and not search.priced_out:
            _refuse_overload(transport, penalty)
            penalty *= 8
        temperature *= 2
    return search.placement()


class _Search:
    """The best placement and bound so far."""

    def __init__(self, bound: float, price: Floats) -> None:
        self.bound, self.price = bound, price
        self.rounds, self.priced_out = 0, False
        self.best: Assignment | None = None

    def note(self, found: Assignment, bound: float, joined: int, transport: Transport) -> None:
        """Take in one more program."""
        self.rounds += 1
        over = float(np.maximum(0.0, found.load - transport.capacity).sum())
        fits = over <= _OVERFLOW * float(transport.demand.sum())
        self.priced_out = fits and not joined
        if bound >= self.bound:
            self.bound, self.price = bound, found.price
        if fits and (self.best is None or found.objective <= self.best.objective):
            self.best = found

    def ended(self, gap: float) -> bool:
        """Return whether the gap is closed, or no pair can make it better."""
        value = None if self.best is None else self.best.objective
        return self.priced_out or closed(value, self.bound, gap)

    def placement(self) -> Placement:
        """Return the best placement with its proof."""
        if self.best is None:
            raise SolverStopped("time ran out before any placement within the capacities was found")
        found = self.best
        return Placement(
            origin=found.origin,
            region=found.region,
            share=found.share,
            load=found.load,
            region_price=self.price,
            objective=found.objective,
            bound=min(self.bound, found.objective),
            gap=max(0.0, found.objective - self.bound) / max(abs(found.objective), 1e-9),
            columns=found.columns,
            rounds=self.rounds,
        )


def _checked(
    demand: ArrayLike, capacity: ArrayLike, cost: ArrayLike, allowed: ArrayLike | None
) -> Transport:
    """Return the problem, or say what is wrong with it."""
    d, u, c = (np.asarray(a, dtype=float) for a in (demand, capacity, cost))
    if d.ndim != 1 or u.ndim != 1 or not d.size or not u.size:
        raise ValueError("`demand` and `capacity` are one-dimensional and not empty")
    if c.shape != (d.size, u.size):
        raise ValueError("`cost` has a row for each origin and a column for each region")
    for name, values in (("demand", d), ("capacity", u)):
        if not np.isfinite(values).all() or values.min() < 0:
            raise ValueError(f"`{name}` is finite and not negative")
    if not np.isfinite(c).all():
        raise ValueError("`cost` is finite; use `allowed` for regions that may not serve an origin")
    if allowed is None:
        may = np.ones((1, 1), dtype=bool)
    else:
        may = np.asarray(allowed, dtype=bool)
        if may.shape != c.shape:
            raise ValueError("`allowed` has the shape of `cost`")
        c = np.where(may, c, np.inf)
    nowhere: Bools = np.logical_not(may.any(axis=1))
    if nowhere.any():
        raise ValueError(f"no region may serve origins {_names(nowhere)}")
    if d.sum() > u.sum() * (1 + _OVERFLOW):
        raise ValueError(
            f"the demand of all origins, {d.sum():.6g}, is over the capacity of all regions, "
            f"{u.sum():.6g}"
        )
    return Transport(d, u, c)


def _refuse_overload(transport: Transport, penalty: float) -> None:
    """Raise if a set of origins has more demand than the regions that may serve it can hold."""
    demand, capacity = transport.demand, transport.capacity
    allowed = np.isfinite(transport.cost)
    groups = group_origins(allowed, demand[:, None])
    full = minimum_cut(groups.allowed, groups.demand_rps[:, 0], capacity)
    inside: Bools = np.logical_and(demand > 0, ~(allowed & ~full).any(axis=1))
    if demand[inside].sum() > capacity[full].sum():
        raise ValueError(
            f"the demand of origins {_names(inside)}, {demand[inside].sum():.6g}, is over the "
            f"capacity of the only regions that may serve them, {_names(full)}: "
            f"{capacity[full].sum():.6g}"
        )
    if penalty > 100 * capacity.size * transport.spread:
        raise PlannerError("the placement is too close to infeasible to be told from it")


def _names(chosen: Bools) -> str:
    """Return the first indices that are chosen, and how many others are."""
    index = np.flatnonzero(chosen)
    text = ", ".join(str(i) for i in index[:_NAMED])
    return text + (f" and {index.size - _NAMED} others" if index.size > _NAMED else "")

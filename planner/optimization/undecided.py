"""The program over origins for which several regions are good, and the pairs that may join it.

An origin with one candidate is decided: its demand is taken off the region's capacity.  The others
are a small transportation problem for the solver.  What a region cannot hold overflows at a penalty
above any price, so that the program has a solution while candidates are still missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.cuts import Bools
from planner.optimization.milp import Milp
from planner.optimization.region_prices import Transport, blocks
from planner.optimization.rows import Floats, Ints, rows
from planner.optimization.stopping import Stop

_MOST_JOINING = 8
"""Regions that join for an origin at a time, so that equal costs do not bring all of them."""

_COST_UNITS = 1024.0
"""The solver sees costs that spread over so much, whatever their unit."""


@dataclass(frozen=True)
class Assignment:
    """All demand on candidates, at least cost.

    Attributes
    ----------
    origin, region : ndarray of int, shape (N,)
        Pairs that are used, by origin, then by region.
    share : ndarray, shape (N,)
        Part of the origin's demand; the parts of one origin sum to 1.
    load, price : ndarray, shape (R,)
        Demand on each region, possibly over its capacity, and the dual of the capacity.
    objective : float
        Cost without penalties.
    columns : int
        Candidates of the undecided origins.
    """

    origin: Ints
    region: Ints
    share: Floats
    load: Floats
    price: Floats
    objective: float
    columns: int


def price_in(
    transport: Transport, price: Floats, candidate: Bools, margin: float
) -> tuple[Floats, int]:
    """Let pairs join that are better than an origin's candidates at these prices.

    Parameters
    ----------
    transport : Transport
        The problem.
    price : ndarray, shape (R,)
        Price of each region.
    candidate : ndarray of bool, shape (O, R)
        Pairs so far; changed in place.
    margin : float
        Pairs within so much of the best one join with it, at most 8 for an origin.

    Returns
    -------
    least : ndarray, shape (O,)
        Least cost with the price over all regions.
    joined : int
        Origins that had a better one.

    Examples
    --------
    >>> from planner.optimization.stopping import NEVER
    >>> one = Transport(np.ones(1), np.ones(3), np.array([[4.0, 5.0, 9.0]]))
    >>> candidate = np.array([[False, False, True]])
    >>> price_in(one, np.array([2.0, 0.0, 0.0]), candidate, 1.5), candidate
    ((array([5.]), 1), array([[ True,  True,  True]]))
    """
    least, joined = np.empty(transport.demand.size), 0
    for part in blocks(transport.demand.size):
        cost, own = transport.cost[part] + price, candidate[part]
        best = cost.min(axis=1)
        behind = np.where(own, cost, np.inf).min(axis=1) > best + 1e-10 * transport.spread
        index = np.flatnonzero(behind)
        own[index] |= _near(cost[index], best[index] + margin)
        least[part] = best
        joined += index.size
    return least, joined


def _near(cost: Floats, limit: Floats) -> Bools:
    """Return which costs are within the limit and among the least of their row."""
    near: Bools = cost <= limit[:, None]
    if cost.shape[1] > _MOST_JOINING:
        many = np.flatnonzero(near.sum(axis=1) > _MOST_JOINING)
        first = np.argsort(cost[many], axis=1, kind="stable")[:, :_MOST_JOINING]
        near[many] = False
        near[many[:, None], first] = True
    return near


def assign(transport: Transport, candidate: Bools, penalty: float, stop: Stop) -> Assignment | None:
    """Place all demand on candidates at least cost.

    Parameters
    ----------
    transport : Transport
        The problem.
    candidate : ndarray of bool, shape (O, R)
        Pairs that may be used, at least one for each origin.
    penalty : float
        Cost of a unit of demand over the capacity of its region.
    stop : Stop
        When to stop.

    Returns
    -------
    Assignment or None
        None where the solver was stopped.

    Examples
    --------
    >>> from planner.optimization.stopping import NEVER
    >>> two = Transport(np.array([4.0, 4.0]), np.array([6.0, 9.0]), np.array([[0.0, 1], [0, 3]]))
    >>> found = assign(two, np.ones((2, 2), dtype=bool), 99.0, NEVER)
    >>> found.share, found.price, found.objective
    (array([0.5, 0.5, 1. ]), array([1., 0.]), 2.0)
    """
    open_ = (candidate.sum(axis=1) > 1) & (transport.demand > 0)
    settled, undecided = np.flatnonzero(~open_), np.flatnonzero(open_)
    only = np.where(candidate[settled], transport.cost[settled], np.inf).argmin(axis=1)
    regions = transport.capacity.size
    taken = np.bincount(only, transport.demand[settled], regions)
    row, region = np.nonzero(candidate[undecided])
    origin = undecided[row]
    solved = _solved(transport, origin, region, transport.capacity - taken, penalty, stop)
    if solved is None:
        return None
    flow, price = solved
    flow /= np.bincount(row, flow, undecided.size)[row]
    used = flow > 0
    share = np.concatenate([np.ones(settled.size), flow[used]])
    o, r = np.concatenate([settled, origin[used]]), np.concatenate([only, region[used]])
    order = np.lexsort((r, o))
    o, r, share = o[order], r[order], share[order]
    placed = transport.demand[o] * share
    objective = float(placed @ transport.cost[o, r])
    load: Floats = np.bincount(r, placed, regions).astype(float)
    return Assignment(o, r, share, load, price, objective, origin.size)


def _solved(
    transport: Transport,
    origin: Ints,
    region: Ints,
    room: Floats,
    penalty: float,
    stop: Stop,
) -> tuple[Floats, Floats] | None:
    """Return the flow of each pair and the price of each region."""
    undecided, row = np.unique(origin, return_inverse=True)
    demand = transport.demand[undecided]
    unit = float(demand.mean()) if demand.size else float(transport.demand.mean()) or 1.0
    scale = _COST_UNITS / transport.spread
    program = Milp()
    flow = program.add_columns(transport.cost[origin, region] * scale, 0.0, np.inf)
    over = program.add_columns(np.full(room.size, penalty * scale), 0.0, np.inf)
    program.add_rows(rows(demand / unit, demand / unit, row, flow, np.ones(flow.size)))
    at = np.concatenate([region, np.arange(room.size)])
    value = np.concatenate([np.ones(flow.size), -np.ones(over.size)])
    full = program.add_rows(
        rows(np.full(room.size, -np.inf), room / unit, at, np.concatenate([flow, over]), value)
    )
    found = program.relaxation(stop)
    if found.status != "optimal" or found.x is None or found.row_dual is None:
        return None
    return np.maximum(0.0, found.x[flow]), np.maximum(0.0, -found.row_dual[full]) / scale

r"""How far one plan is from an earlier one: demand, orders and replicas that change.

.. math:: \sum_{go} w_{go} \tfrac12 \sum_r |x_{gor} - x'_{gor}|
          \;+\; \tfrac1{10} \sum_{go} w_{go} \tfrac12 \sum_c |\lambda_{goc} - \lambda'_{goc}|
          \;+\; \frac{1}{2 N'} \sum_{sr} |n_{sr} - n'_{sr}|

with ``x`` the part of a host name's demand from an origin that a region serves with everything up,
``λ`` the part that follows an order, ``n`` the replicas and ``N'`` the replicas of the earlier
plan; ``w`` is the part of all demand, mean over the hours.  Total variation needs no absolute
values: shares sum to 1 on both sides, so it is ``1 − Σ min(x, x')``, what is *not kept*, and only
what the earlier plan used has a variable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.columns import OrderColumns
from planner.problem.arrays import Floats, Ints, Problem
from planner.problem.previous import Previous

ORDER_WEIGHT = 0.1
"""What following another order counts against being served elsewhere (ours): failover lists are
rarely used, but people know them and have tested them."""

REPLICA_WEIGHT = 0.5
"""What starting or stopping all replicas counts against moving all demand (ours): a replica that
moves is stopped once and started once, so it counts like the demand that it carries."""


@dataclass(frozen=True)
class Movement:
    """What changes from an earlier plan to another.

    Attributes
    ----------
    demand_share : float or None
        Part of all demand that another region serves with everything up; None where a balancer
        steers: it is not asked.
    order_share : float or None
        Part of all demand that follows another order of regions; None likewise.
    replicas : int
        Replicas that are started or stopped.
    score : float
        The three of them together, as they are minimised.
    """

    demand_share: float | None
    order_share: float | None
    replicas: int
    score: float


@dataclass(frozen=True)
class Kept:
    """What of the earlier plan could be kept, on the order columns of a problem.

    Attributes
    ----------
    place : ndarray of int, shape (C,)
        Where each column is served with everything up, as an index of the places that the earlier
        plan used (host name, origin and region); -1 for none of them.
    place_share, place_weight : ndarray, shape (P,)
        Part of its origin's demand that each place had, and part of all demand that this origin
        is at the host name.
    order : ndarray of int, shape (C,)
        Earlier order that each column continues, -1 for none.
    order_share, order_weight : ndarray, shape (Q,)
        The same of each earlier order.
    demand : float
        Part of all demand that the weights are measured in: 1, or 0 where there is no demand.
    replicas : ndarray of int, shape (S, R)
        Earlier replicas.
    gone_replicas : int
        Earlier replicas of what is no more.
    """

    place: Ints
    place_share: Floats
    place_weight: Floats
    order: Ints
    order_share: Floats
    order_weight: Floats
    demand: float
    replicas: Ints
    gone_replicas: int

    @property
    def replica_price(self) -> float:
        """What a replica more or less counts."""
        return REPLICA_WEIGHT / max(1, int(self.replicas.sum()) + self.gone_replicas)


def kept(problem: Problem, columns: OrderColumns, previous: Previous) -> Kept:
    """Find the columns that keep what an earlier plan did.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    columns : OrderColumns
        Its order columns.
    previous : Previous
        The earlier plan on the problem's axes.

    Returns
    -------
    Kept
        Which column keeps which place and order.

    Notes
    -----
    A column continues an earlier order if both begin alike, as far as both reach: a policy that
    asks for longer lists changes no order.
    """
    weight = demand_weight(problem)
    first = np.stack([previous.host, previous.origin, previous.order[:, 0]], axis=1)
    depth = min(previous.order.shape[1], columns.order.shape[1])
    listed = np.column_stack([first[:, :2], previous.order[:, :depth]])
    places, place = _merged(first, previous.share)
    orders, order = _merged(listed, previous.share)
    now = np.column_stack([columns.host, columns.origin, columns.order])
    return Kept(
        place=_looked_up(places, now[:, :3]),
        place_share=place,
        place_weight=weight[places[:, 0], places[:, 1]],
        order=_looked_up(orders, now[:, : 2 + depth]),
        order_share=order,
        order_weight=weight[orders[:, 0], orders[:, 1]],
        demand=float(weight.sum()),
        replicas=previous.replicas,
        gone_replicas=previous.gone_replicas,
    )


def demand_weight(problem: Problem) -> Floats:
    """Return the part of all demand that each host name and origin is, mean over the hours.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    ndarray, shape (G, O)
        Sums to 1 where there is any demand.
    """
    mean_rps = problem.demand_rps.mean(axis=2)
    weight = np.zeros((len(problem.axes.hosts), len(problem.axes.origins)))
    np.add.at(weight, problem.host_of_service, mean_rps / max(float(mean_rps.sum()), 1e-300))
    return weight


def _merged(keys: Ints, share: Floats) -> tuple[Ints, Floats]:
    """Return distinct rows and the sum of their shares."""
    rows, which = np.unique(keys, axis=0, return_inverse=True)
    total: Floats = np.bincount(which.ravel(), share, len(rows)).astype(float)
    return rows, total


def _looked_up(rows: Ints, keys: Ints) -> Ints:
    """Return where each key stands among the rows, -1 where it does not."""
    known = {row: at for at, row in enumerate(map(tuple, rows.tolist()))}
    return np.array([known.get(tuple(key), -1) for key in keys.tolist()], np.int64)


def movement(held: Kept, replicas: Ints, share: Floats) -> Movement:
    """Measure how far replicas and shares are from the earlier plan.

    Parameters
    ----------
    held : Kept
        From `kept`.
    replicas : ndarray of int, shape (S, R)
        Replicas.
    share : ndarray, shape (C,)
        Part of the demand of its host and origin on each order column.

    Returns
    -------
    Movement
        Demand, orders, replicas and the score.
    """
    demand = held.demand - _still(held.place, held.place_share, held.place_weight, share)
    orders = held.demand - _still(held.order, held.order_share, held.order_weight, share)
    changed = replicas_changed(held, replicas)
    score = demand + ORDER_WEIGHT * orders + held.replica_price * changed
    return Movement(max(0.0, demand), max(0.0, orders), changed, max(0.0, score))


def _still(column: Ints, share: Floats, weight: Floats, now: Floats) -> float:
    """Return the part of all demand that stays in its places, or on its orders."""
    used = column >= 0
    held = np.bincount(column[used], now[used], share.size)
    return float(weight @ np.minimum(held, share))


def replicas_changed(held: Kept, replicas: Ints) -> int:
    """Return how many replicas are started or stopped.

    Parameters
    ----------
    held : Kept
        From `kept`.
    replicas : ndarray of int, shape (S, R)
        Replicas.

    Returns
    -------
    int
        Those of services and regions that are no more are among them.
    """
    return int(np.abs(replicas - held.replicas).sum()) + held.gone_replicas

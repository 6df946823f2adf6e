r"""Buying and renting so that every month has its servers: the program that couples the months.

.. math:: \min \sum_{m,i} f_{mi}\lambda_{mi} + \sum_{j,m} c_{jm} b_{jm} + \sum_{j,m} r_{jm} h_{jm}
   \quad\text{s.t.}\quad \sum_i \lambda_{mi} = 1,\quad
   \sum_i x_{mip}\lambda_{mi} \le \sum_{j \to p}\Bigl(\sum_{t \le m} b_{jt} + h_{jm}\Bigr),\quad
   \sum_{j \in f}\Bigl(\sum_{t \le m} b_{jt} + h_{jm}\Bigr) \le \text{stock}_f

over the server vectors ``x`` that are known of each month.  A server that is owned and not needed
stands switched off.  The duals of the middle rows are what a server is worth in a month.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.milp import Milp
from planner.optimization.month_search import MonthPlan
from planner.optimization.rows import rows
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints
from planner.problem.offers import Offers

_SHORT = 1e3
"""Price of a missing server over all that a month can cost: none is missing where that can be."""


@dataclass(frozen=True)
class Purchase:
    """What is bought and rented, and with which vector each month runs.

    Attributes
    ----------
    chosen : ndarray of int, shape (M,)
        Which of the known plans each month follows.
    bought, rented : ndarray of int, shape (J, M)
        Servers that arrive in a month, and that are rented in it.
    missing : float
        Servers that the stock does not yield.
    objective, bound : float
        US dollars, worth now, and the bound over the known vectors.
    """

    chosen: Ints
    bought: Ints
    rented: Ints
    missing: float
    objective: float
    bound: float


@dataclass(frozen=True)
class _Columns:
    """The program and where its columns and rows are."""

    program: Milp
    plan: list[Ints]
    bought: Ints
    rented: Ints
    short: Ints
    one: Ints
    supply: Ints


def month_usd(offers: Offers, month: int, plan: MonthPlan) -> float:
    """Return what a month's plan costs, power of added servers included, worth now.

    Parameters
    ----------
    offers : Offers
        What can be had.
    month : int
        Month, 0 for the first.
    plan : MonthPlan
        Servers and replicas.

    Returns
    -------
    float
        US dollars; what is bought and rented is not in it.
    """
    return float(offers.worth[month]) * plan.cost_usd(offers.power_usd_month)


def growing_prices(offers: Offers) -> Floats:
    r"""Return the prices of servers that hold where demand only grows and stock is no limit.

    .. math:: \sum_{t \ge m} \mu_{pt} = \min_{j \to p} \min\Bigl(c_{jm},\; r_{jm} +
              \sum_{t > m} \mu_{pt}\Bigr)

    A server that is first needed in month ``m`` is needed to the end: it is bought then, or rented
    from then on.

    Parameters
    ----------
    offers : Offers
        What can be had.

    Returns
    -------
    ndarray, shape (M, N)
        US dollars, worth now.

    Notes
    -----
    No purchase and no rent is worth more than it costs at these prices: they are feasible duals of
    the purchase, whatever demand does, so that they give a bound at once.
    """
    months, pools = offers.months, offers.pools.region.size
    price = np.zeros((months, pools))
    tail = np.zeros(pools)
    for month in reversed(range(months)):
        whole = np.full(pools, np.inf)
        buys = np.where(offers.lead_months <= month, offers.capital_usd[:, month], np.inf)
        rent = np.where(offers.rent_lead_months <= month, offers.rent_usd_month, np.inf)
        np.minimum.at(whole, offers.pool, buys)
        np.minimum.at(whole, offers.pool, offers.worth[month] * rent + tail[offers.pool])
        # Where nothing can be had yet there is nothing to price.
        whole = np.maximum(np.where(np.isfinite(whole), whole, tail), tail)
        price[month], tail = whole - tail, whole
    return price


def server_prices(offers: Offers, known: list[list[MonthPlan]], stop: Stop) -> Floats:
    """Return what servers are worth in the purchase over the known vectors, without integrality.

    Parameters
    ----------
    offers : Offers
        What can be had.
    known : list of list of MonthPlan
        Known plans of every month; not empty.
    stop : Stop
        When to stop.

    Returns
    -------
    ndarray, shape (M, N)
        Duals, US dollars, worth now; `growing_prices` where the limit came first.
    """
    columns = _build(offers, known)
    dual = columns.program.relaxation(stop).row_dual
    if dual is None:
        return growing_prices(offers)
    shape = (offers.months, offers.pools.region.size)
    return np.maximum(-dual[columns.supply], 0.0).reshape(shape)


def whole_purchase(
    offers: Offers, known: list[list[MonthPlan]], gap: float, stop: Stop
) -> Purchase:
    """Solve the purchase over the known vectors in whole servers.

    Parameters
    ----------
    offers : Offers
        What can be had.
    known : list of list of MonthPlan
        Known plans of every month; not empty.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.

    Returns
    -------
    Purchase
        With `objective` inf where none was found.
    """
    columns = _build(offers, known)
    result = columns.program.integral(stop, gap)
    if result.x is None:
        none = np.zeros(columns.bought.shape, np.int64)
        zero = np.zeros(offers.months, np.int64)
        return Purchase(zero, none, none, np.inf, np.inf, result.bound)
    x = result.x
    return Purchase(
        chosen=np.array([int(x[plan].argmax()) for plan in columns.plan]),
        bought=np.rint(x[columns.bought]).astype(np.int64),
        rented=np.rint(x[columns.rented]).astype(np.int64),
        missing=float(np.rint(x[columns.short]).sum()),
        objective=result.objective,
        bound=result.bound,
    )


def supply_usd(offers: Offers, server_usd: Floats, stop: Stop) -> float:
    """Return the least that buying and renting costs, less what it is worth at given prices.

    Parameters
    ----------
    offers : Offers
        What can be had.
    server_usd : ndarray, shape (M, N)
        What a server of each pool is worth in a month, US dollars, worth now.
    stop : Stop
        When to stop.

    Returns
    -------
    float
        US dollars, never above 0: nothing need be had.  -inf where the limit came first.
    """
    program = Milp()
    supplied = _add_supplies(program, offers, server_usd)
    _add_stock(program, supplied, offers)
    result = program.relaxation(stop)
    return result.objective if result.status == "optimal" else -np.inf


def _build(offers: Offers, known: list[list[MonthPlan]]) -> _Columns:
    """Build the program."""
    program = Milp()
    cost = [[month_usd(offers, m, plan) for plan in plans] for m, plans in enumerate(known)]
    plan = [program.add_columns(each, 0.0, 1.0, integer=True) for each in cost]
    shape = (offers.months, offers.pools.region.size)
    bought, rented = _add_supplies(program, offers, np.zeros(shape))
    dear = _SHORT * max(max(map(abs, each)) for each in cost)
    short = program.add_columns(np.full(shape, dear).ravel(), 0.0, np.inf)
    one = [
        program.add_rows(rows(1.0, 1.0, np.zeros(each.size), each, np.ones(each.size)))
        for each in plan
    ]
    _add_stock(program, (bought, rented), offers)
    supply = _add_demand(program, offers, known, plan, (bought, rented, short.reshape(shape)))
    return _Columns(program, plan, bought, rented, short, np.concatenate(one), supply)


def _add_supplies(program: Milp, offers: Offers, server_usd: Floats) -> tuple[Ints, Ints]:
    """Append what can be bought and rented, shape (J, M) each, less what it is worth."""
    month, count = np.arange(offers.months), offers.offer.size
    worth = server_usd[:, offers.pool].T
    kept = worth[:, ::-1].cumsum(axis=1)[:, ::-1]
    stock = offers.stock[offers.offer].astype(float)[:, None]
    capital = offers.capital_usd
    rent = offers.worth[:-1] * offers.rent_usd_month[:, None]
    buys = np.isfinite(capital) & (offers.lead_months[:, None] <= month)
    rents = np.isfinite(rent) & (offers.rent_lead_months[:, None] <= month)
    bought, rented = (
        program.add_columns(
            np.where(can, usd, 0.0).ravel(), 0.0, np.where(can, stock, 0.0).ravel(), integer=True
        ).reshape(count, offers.months)
        for usd, can in ((capital - kept, buys), (rent - worth, rents))
    )
    return bought, rented


def _add_demand(
    program: Milp,
    offers: Offers,
    known: list[list[MonthPlan]],
    plan: list[Ints],
    supplied: tuple[Ints, Ints, Ints],
) -> Ints:
    """Each month's servers are owned, rented or missing; return the rows, month by month."""
    bought, rented, short = supplied
    index = []
    for month, plans in enumerate(known):
        added = np.array([each.added for each in plans], float)
        for pool in range(offers.pools.region.size):
            feeding = np.flatnonzero(offers.pool == pool)
            had = np.concatenate([bought[feeding, : month + 1].ravel(), rented[feeding, month]])
            column = np.concatenate([plan[month], had, short[month, pool : pool + 1]])
            value = np.concatenate([added[:, pool], -np.ones(had.size + 1)])
            row = rows(-np.inf, 0.0, np.zeros(column.size), column, value)
            index.append(program.add_rows(row))
    return np.concatenate(index)


def _add_stock(program: Milp, supplied: tuple[Ints, Ints], offers: Offers) -> None:
    """No more of an offer is owned and rented in a month than there are."""
    bought, rented = supplied
    for offer, stock in enumerate(offers.stock.tolist()):
        mine = np.flatnonzero(offers.offer == offer)
        for month in range(offers.months):
            column = np.concatenate([bought[mine, : month + 1].ravel(), rented[mine, month]])
            ones = np.ones(column.size)
            program.add_rows(rows(-np.inf, stock, np.zeros(column.size), column, ones))

r"""Hardware over the months: vectors of servers priced in, month by month, with a proven bound.

A month's program knows what servers it needs and what the rest of its plan costs; the purchase
(`planner.optimization.purchase`) knows what servers cost.  Prices ``μ`` on servers pass between
them (Dantzig and Wolfe): each month answers with its cheapest plan at these prices, the purchase
chooses among the answers.  For any prices

.. math:: \sum_m \min_x \bigl(f_m(x) + \mu_m x\bigr) +
          \min_{b, h} \bigl(c\,b + r\,h - \mu\,\text{supply}(b, h)\bigr)

is a lower bound on every purchase in whole servers, and the months' minima over whole servers make
it much tighter than the relaxation of everything at once.

References
----------
G. B. Dantzig and P. Wolfe, "Decomposition principle for linear programs", Operations Research 8,
1960, doi 10.1287/opre.8.1.101.
L. S. Lasdon, Optimization Theory for Large Systems, Macmillan 1970 (the bound).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from planner.errors import Infeasible, SolverStopped
from planner.optimization.explain import explain
from planner.optimization.month import Month, month_program
from planner.optimization.month_search import MonthPlan, cheapest, settled
from planner.optimization.purchase import (
    Purchase,
    growing_prices,
    server_prices,
    supply_usd,
    whole_purchase,
)
from planner.optimization.stopping import Standing, Stop, closed, interruptible
from planner.problem.arrays import Floats, Ints, Problem
from planner.problem.offers import Offers, with_servers

_ROUNDS = 30

_GRACE_S = 10.0
"""Seconds for a first purchase of what the months need, where the search has been interrupted."""


@dataclass(frozen=True)
class Hardware:
    """What is bought and rented over the months, with its proof.

    Attributes
    ----------
    plans : tuple of MonthPlan
        Servers in use and replicas of each month.
    bought, rented : ndarray of int, shape (J, M)
        Servers that arrive in a month, and that are rented in it.
    objective, bound : float
        US dollars over all months, worth now, power of all servers included; `bound` is proven.
    status : {'optimal', 'limit'}
        Whether the gap asked for was reached.
    rounds : int
        How often prices were passed.
    seconds : float
        Wall time; never written to a file.
    interrupted : bool
        Whether somebody ended the search.
    """

    plans: tuple[MonthPlan, ...]
    bought: Ints
    rented: Ints
    objective: float
    bound: float
    status: Literal["optimal", "limit"]
    rounds: int
    seconds: float
    interrupted: bool = False

    @property
    def gap(self) -> float:
        """(objective − bound) / |objective|, not below 0."""
        return max(0.0, self.objective - self.bound) / max(abs(self.objective), 1e-9)


@dataclass
class _Search:
    """The months, what is known of each, and the best so far."""

    offers: Offers
    months: list[Month]
    known: list[list[MonthPlan]]
    bound: float = -np.inf
    best: Purchase | None = None
    plans: tuple[MonthPlan, ...] = ()
    asked: list[Floats] = field(default_factory=list)
    settled: set[tuple[int, bytes]] = field(default_factory=set)

    @property
    def rounds(self) -> int:
        """How often prices were passed."""
        return len(self.asked)

    @property
    def objective(self) -> float | None:
        """What the best purchase costs."""
        return None if self.best is None else self.best.objective


def choose(
    problem: Problem,
    offers: Offers,
    *,
    gap: float = 0.01,
    time_limit_s: float = 300.0,
    seed: int = 0,
    watch: Callable[[Standing], None] | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> Hardware:
    """Choose servers for all months: what to buy, what to rent, and when.

    Parameters
    ----------
    problem : Problem
        The problem of the first month.
    offers : Offers
        What can be had.
    gap : float
        Relative gap at which to stop.
    time_limit_s : float
        Seconds after which the best purchase so far is returned.
    seed : int
        Random seed of the solver.
    watch : callable, optional
        Told of better purchases and bounds.
    step : callable
        Told what comes next.

    Returns
    -------
    Hardware
        Purchase, plans, objective, proven bound.

    Raises
    ------
    Infeasible
        If a month has no plan even with every server that can be there by then.
    SolverStopped
        If no purchase was found before the search ended.
    ValueError
        If DNS rules bind, or pods are packed at best.

    Notes
    -----
    Prices close the gap of the relaxation over vectors, not that between it and whole purchases:
    where stock binds, a gap can stay open.  The gap is then told as it is.  Ctrl-C ends the search:
    a month that was not asked by then costs at least nothing.
    """
    started = time.perf_counter()
    with interruptible(Stop(time_limit_s, watch)) as stop:
        months = [month_program(problem, offers, m, seed) for m in range(offers.months)]
        search = _Search(offers, months, [[] for _ in months])
        _pass_prices(search, gap, stop, step)
    found = _answer(search, gap, time.perf_counter() - started)
    return replace(found, interrupted=stop.interrupted)


def _pass_prices(search: _Search, gap: float, stop: Stop, step: Callable[[str], None]) -> None:
    """Pass prices between the months and the purchase until the gap is closed."""
    offers = search.offers
    prices = growing_prices(offers)
    while search.rounds < _ROUNDS:
        # Later prices are better ones: half of the time that is left is theirs.
        _ask(search, prices, gap / 2, stop.part(0.5), step)
        _settle(search, gap / 4, stop, step)
        stop.tell(search.objective, search.bound)
        if closed(search.objective, search.bound, gap) or stop.passed():
            break
        prices = server_prices(offers, search.known, stop)
        if any(np.allclose(prices, asked) for asked in search.asked):
            break


def _ask(
    search: _Search, prices: Floats, gap: float, stop: Stop, step: Callable[[str], None]
) -> None:
    """Ask every month for its cheapest plan at prices, the last one first; raise the bound."""
    offers = search.offers
    search.asked.append(prices)
    total = supply_usd(offers, prices, stop)
    for month in reversed(search.months):
        if stop.interrupted:
            break
        m = month.number
        step(f"round {search.rounds}: month {m + 1}")
        worth = float(offers.worth[m])
        price = offers.power_usd_month + prices[m] / worth
        known = min(search.known[m], key=lambda plan: plan.cost_usd(price), default=None)
        found = cheapest(month, price, known=known, gap=gap, stop=stop.part(1 / (m + 1)))
        if found.bound == np.inf:
            raise _infeasible(month)
        total += worth * max(0.0, found.bound)
        if found.plan is not None:
            _share(search, m, found.plan)
    search.bound = max(search.bound, total)


def _share(search: _Search, month: int, plan: MonthPlan) -> None:
    """Add a plan to its month, and to those of no larger demand that can have its servers."""
    growth = search.offers.growth
    for other in search.months:
        fits = bool((plan.added <= other.servers.room.most).all())
        known = search.known[other.number]
        same = any(
            (p.added == plan.added).all() and p.running_usd <= plan.running_usd for p in known
        )
        if growth[other.number] <= growth[month] and fits and not same:
            known.append(plan)


def _settle(search: _Search, gap: float, stop: Stop, step: Callable[[str], None]) -> None:
    """Purchase, and give the months' servers the best plans, until that changes nothing."""
    while all(search.known):
        first = stop.interrupted and search.best is None
        limit = Stop(_GRACE_S) if first else stop
        found = whole_purchase(search.offers, search.known, gap / 10, limit)
        if found.missing > 0 or not np.isfinite(found.objective):
            return
        chosen = [plans[i] for plans, i in zip(search.known, found.chosen.tolist(), strict=True)]
        if search.objective is None or found.objective < search.objective:
            search.best, search.plans = found, tuple(chosen)
        changed = False
        for month, plan in zip(reversed(search.months), reversed(chosen), strict=True):
            key = (month.number, plan.added.tobytes())
            if key in search.settled or stop.passed():
                continue
            step(f"round {search.rounds}: plan of month {month.number + 1}")
            search.settled.add(key)
            _share(search, month.number, settled(month, plan, gap, stop))
            changed = True
        if not changed:
            return


def _infeasible(month: Month) -> Infeasible:
    """Say which month has no plan, and what clashes in it."""
    whole = with_servers(month.problem, month.offers, month.servers.room.most)
    why = explain(whole, None, 0)
    head = f"month {month.number + 1}: no plan even with every server that can be there by then"
    return Infeasible([head, *why.clashes], why.ways_out)


def _answer(search: _Search, gap: float, seconds: float) -> Hardware:
    """Read the best purchase back."""
    best = search.best
    if best is None:
        raise SolverStopped(
            "no purchase that the stock yields was found before the search ended; the bound is "
            f"{search.bound:,.2f} USD"
        )
    drawn = search.offers.pools.servers @ search.offers.power_usd_month
    there = float(drawn * search.offers.worth[:-1].sum())
    bound = max(0.0, min(search.bound, best.objective))
    return Hardware(
        plans=search.plans,
        bought=best.bought,
        rented=best.rented,
        objective=best.objective + there,
        bound=bound + there,
        status="optimal" if closed(best.objective, bound, gap) else "limit",
        rounds=search.rounds,
        seconds=seconds,
    )

"""Ways out of a problem that has no plan: each is tried, and what a plan then costs is said.

Each way gives up, loosens or buys one kind of thing: failure states; a limit, a ceiling, a home, a
list of regions; servers, replicas and uplink together, as the elastic copy buys them.  Where
loosening is needed and not enough, what has to be bought besides is added.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from planner.errors import Infeasible, SolverStopped
from planner.optimization.columns import order_columns
from planner.optimization.elastic import Relief, bought, cheapest_relief, price_usd_month
from planner.optimization.explain import purchases
from planner.optimization.levels import fewer_states, reached_states
from planner.optimization.loosening import Way, loosenings, raised_limits
from planner.optimization.optimize import solve
from planner.optimization.promises import Promise
from planner.optimization.resolved import from_to
from planner.optimization.stopping import Stop
from planner.optimization.trial import promised_only, tried
from planner.problem.arrays import Problem, Solution

_TRIAL_S = 3.0
_PRICE_S = 2.0
_RELIEF_S = 4.0
_MOST = 3


@dataclass(frozen=True)
class Repair:
    """A way out that was tried.

    Attributes
    ----------
    text : str
        What to change.
    problem : Problem
        The problem of promised states after the change; it has a plan.
    bought_usd_month : float
        Price of the servers and the uplink that are added.
    objective, bound : float or None
        What a plan then costs at most and at least, lost requests aside, US dollars a month;
        None where that was not known in time.
    lost_requests_cost : bool
        Whether the requests that a plan loses have a price, and so come on top.
    """

    text: str
    problem: Problem
    bought_usd_month: float
    objective: float | None
    bound: float | None
    lost_requests_cost: bool

    @property
    def rank(self) -> tuple[bool, float, str]:
        """Cheapest first; those without a price last."""
        unknown = self.objective is None
        return unknown, self.bought_usd_month + (self.objective or 0.0), self.text

    def __str__(self) -> str:
        buying = f" ({self.bought_usd_month:,.0f} USD a month)" if self.bought_usd_month else ""
        if self.objective is None or self.bound is None:
            free = " of shares at will" if self.problem.rules is not None else ""
            return f"{self.text}{buying}: then there is a plan{free}"
        aside = ", lost requests aside," if self.lost_requests_cost else ""
        low, high, more = self.bound, self.objective, self.bought_usd_month
        costs = f"then a plan costs{aside} {from_to(low, high, ',.0f')} USD a month"
        if not more:
            return f"{self.text}: {costs}"
        both = from_to(low + more, high + more, ",.0f")
        return f"{self.text}{buying}: {costs}, {both} with what is added"


def repairs(
    problem: Problem, clash: tuple[Promise, ...], stop: Stop, seed: int
) -> tuple[Repair, ...]:
    """Find the cheapest ways out.

    Parameters
    ----------
    problem : Problem
        A problem that has no plan.
    clash : tuple of Promise
        Promises that clash in it.
    stop : Stop
        When to stop: what was found by then is returned.
    seed : int
        Random seed of the solver.

    Returns
    -------
    tuple of Repair
        At most three, cheapest first; each problem was found to have a plan.

    Notes
    -----
    A plan's cost is its objective without lost requests, so that ways which promise different
    states compare; servers and uplink that are bought come on top at their price.
    """
    base = promised_only(problem)
    found: dict[str, Repair] = {}
    asked: set[str] = set()
    for text, changed in _ways(base, clash, stop, seed):
        if text in asked:
            continue
        asked.add(text)
        repair = _tried(problem, text, changed, stop, seed)
        if repair is not None:
            found.setdefault(repair.text, repair)
    return tuple(sorted(found.values(), key=lambda repair: repair.rank))[:_MOST]


def _ways(base: Problem, clash: tuple[Promise, ...], stop: Stop, seed: int) -> Iterator[Way]:
    """Yield what could be changed, whether it is enough or not; buying alone first."""
    yield "", base
    # Where somebody has no region at all, no purchase does by itself.
    unreached = order_columns(base).missing.size > 0
    if unreached:
        yield from raised_limits(base)
    states = fewer_states(base, stop.part(0.4), seed)
    if states is None and unreached:
        states = reached_states(base, stop)
    if states is not None:
        yield states
    for text, changed in loosenings(base, clash, stop, seed):
        yield text, changed
        if stop.passed() or not order_columns(changed).missing.size:
            continue
        # Lists and homes that are open now may lead to regions that are too far away.
        for more, raised in raised_limits(changed):
            yield f"{text}, {more}", raised


def _tried(problem: Problem, text: str, changed: Problem, stop: Stop, seed: int) -> Repair | None:
    """Return a way with what has to be bought besides, once a plan was found; None without one."""
    if stop.passed():
        return None
    changed = promised_only(changed)
    trial = tried(changed, stop.within(_TRIAL_S), seed)
    price = 0.0
    if trial.verdict != "feasible":
        relief = _relief(changed, stop, seed)
        if relief is None:
            return None
        text = ", ".join([*([text] if text else []), *_unpriced(purchases(changed, relief))])
        price = price_usd_month(changed, relief)
        changed, hint = bought(changed, relief), (relief.planned, relief.share)
        if tried(changed, stop.within(_TRIAL_S), seed, hint).verdict != "feasible":
            return None
    try:
        plan = _plan(changed, stop, seed)
    except Infeasible:
        # The trial was of shares at will: rules of DNS may keep none.
        return None
    objective, bound = (None, None) if plan is None else (plan.objective, plan.bound)
    return Repair(text, changed, price, objective, bound, problem.usd_per_lost_request > 0)


def _unpriced(lines: list[str]) -> list[str]:
    """Leave out what each purchase costs: it is said once, for all."""
    return [line.partition(" (")[0] for line in lines]


def _relief(problem: Problem, stop: Stop, seed: int) -> Relief | None:
    """Return what to buy, where all origins have a region; no more than a balancer needs."""
    columns = order_columns(replace(problem, steering="static"))
    if columns.missing.size:
        return None
    try:
        relief = cheapest_relief(problem, columns, seed, stop.within(_RELIEF_S))
    except SolverStopped:
        return None
    if relief is None or problem.steering == "static":
        return relief
    for pool in np.argsort(-problem.pools.server_cost_usd_month, kind="stable"):
        while relief.servers[pool] > 0 and not stop.passed():
            servers = relief.servers.copy()
            servers[pool] -= 1
            fewer = replace(relief, servers=servers)
            trial = tried(bought(problem, fewer), stop.within(_TRIAL_S), seed)
            if trial.verdict != "feasible":
                break
            relief = fewer
    return relief


def _plan(problem: Problem, stop: Stop, seed: int) -> Solution | None:
    """Return a plan within a percent of the cheapest, None where that took too long."""
    try:
        return solve(problem, gap=0.01, time_limit_s=_PRICE_S, seed=seed, stop=stop)
    except SolverStopped:
        return None

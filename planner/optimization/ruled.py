"""One rule an origin: what a DNS target can express, priced against shares at will."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from planner.errors import Infeasible, SolverStopped
from planner.model.policy import DnsRules
from planner.optimization.candidates import Candidate
from planner.optimization.columns import OrderColumns, order_columns
from planner.optimization.explain import explain
from planner.optimization.resolved import from_to
from planner.optimization.rule_program import search_ruled
from planner.optimization.rules import RuleColumns, rule_columns
from planner.optimization.search import Found, search
from planner.optimization.static import StaticProgram, static_program
from planner.optimization.static_search import search_static
from planner.optimization.steered import steered
from planner.optimization.stopping import Stop, no_plan
from planner.problem.arrays import Problem, Solution

_FREE_PART = 0.35
_LISTS_PART = 0.6
"""Parts of the time for the free optimum, and of what is left later for lists among percents."""


def solve_ruled(problem: Problem, *, gap: float, stop: Stop, seed: int) -> Solution:
    """Find the cheapest plan whose every origin follows one rule of the DNS target.

    Parameters
    ----------
    problem : Problem
        The problem as arrays; its `rules` say what the target can express.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Solution
        Shares are those of the rules; `notes` says what these cost against shares at will, as an
        interval from both gaps, unless that is nothing.

    Raises
    ------
    Infeasible
        If no plan keeps every promise, with rules or without.
    SolverStopped
        If none was found before the search ended.

    Notes
    -----
    Lists alone are whole origins.  With percents the bound is that of shares at will, so the gap
    that is left is that of many small whole numbers: it closes quickly on a dozen origins and may
    stay open at a few hundredths on a hundred, although no plan may be cheaper.
    """
    started = time.perf_counter()
    rules, columns = problem.rules or DnsRules(), order_columns(problem)
    if columns.missing.size:
        raise explain(problem, columns, seed)
    # What is too much to list is refused before anything is solved.
    table = rule_columns(problem, columns, rules) if _divides(columns, rules) else None
    static = static_program(replace(problem, split_origins=True), columns, seed)
    free = search(static, gap, stop.part(_FREE_PART))
    if not free.feasible:
        raise explain(problem, columns, seed)
    found = free
    if table is not None:
        found = _by_percents(static, table, free, gap, stop, seed)
    elif columns.host.size:
        found = _by_lists(static, free, gap, stop, seed)
    if not found.feasible:
        raise _no_rule(rules)
    if found.best is None:
        raise no_plan(found.bound)
    note = price_sentence(rules, found, free)
    best = steered(columns, found.best, found.bound)
    return best.solution(
        proven=best.within(gap),
        seed=seed,
        seconds=time.perf_counter() - started,
        notes=() if note is None else (note,),
    )


def _divides(columns: OrderColumns, rules: DnsRules) -> bool:
    """Return whether anybody calls, by rules that may divide an origin."""
    return columns.host.size > 0 and rules.kind != "list"


def _by_lists(static: StaticProgram, free: Found, gap: float, stop: Stop, seed: int) -> Found:
    """Search plans of whole origins: each follows one list."""
    whole = replace(static.problem, rules=None, split_origins=False)
    try:
        best = search_static(whole, gap, stop, seed)
    except Infeasible:
        return Found(None, np.inf, feasible=False)
    except SolverStopped:
        return Found(None, free.bound, feasible=True)
    return Found(best.candidate(static.columns), max(best.bound, free.bound), feasible=True)


def _by_percents(
    static: StaticProgram, table: RuleColumns, free: Found, gap: float, stop: Stop, seed: int
) -> Found:
    """Search plans of percents: where those beside the free optimum are dear, lists start it."""

    def lists() -> Candidate | None:
        return _by_lists(static, free, gap, stop.part(_LISTS_PART), seed).best

    return search_ruled(static, table, free, lists, gap, stop, seed)


def price_usd(found: Found, free: Found) -> tuple[float, float]:
    """Return what rules cost against shares at will, as an interval.

    Parameters
    ----------
    found, free : Found
        The best with rules and the free optimum, each with its bound.

    Returns
    -------
    float, float
        US dollars a month, at least and at most; inf where there is no plan with rules.

    Examples
    --------
    >>> from planner.optimization.candidates import Candidate
    >>> one = Candidate(np.zeros((1, 1), np.int64), np.ones(1), 110.0)
    >>> price_usd(Found(one, 108.0, True), Found(replace(one, objective=105.0), 104.0, True))
    (3.0, 6.0)
    """
    # Nothing costs less than nothing, also where the free search ended before its first bound.
    at_most = np.inf if found.best is None else found.best.objective - max(0.0, free.bound)
    at_least = 0.0 if free.best is None else max(0.0, found.bound - free.best.objective)
    return at_least, max(at_least, at_most)


def price_sentence(rules: DnsRules, found: Found, free: Found) -> str | None:
    """Say what rules cost against shares at will.

    Parameters
    ----------
    rules : DnsRules
        What the target can express.
    found, free : Found
        The best with rules and the free optimum.

    Returns
    -------
    str or None
        A sentence for the reader of the plan, to the cent; None where rules cost nothing.

    Examples
    --------
    >>> from planner.optimization.candidates import Candidate
    >>> one = Candidate(np.zeros((1, 1), np.int64), np.ones(1), 110.0)
    >>> price_sentence(DnsRules(kind="list"), Found(one, 110.0, True), Found(one, 110.0, True))
    """
    low, high = price_usd(found, free)
    if f"{high:,.2f}" == "0.00":
        return None
    price = from_to(low, high, ",.2f")
    return (
        f"one rule an origin ({_words(rules)}) costs {price} USD a month more than shares at will"
    )


def _words(rules: DnsRules) -> str:
    """Describe what the target can say."""
    if rules.kind == "list":
        return "an ordered list"
    loss = "renormalised on loss" if rules.on_loss == "renormalised" else "on loss to the next"
    return f"steps of {rules.grid_percent} % over at most {rules.regions} regions, {loss}"


def _no_rule(rules: DnsRules) -> Infeasible:
    """Say that shares at will keep every promise, but no rules do."""
    finer = "a smaller dns.rules.grid_percent or more regions"
    ways = [f"give {finer}"] if rules.kind == "percents" else ["write kind: percents"]
    clash = f"with one rule an origin ({_words(rules)}) nothing does, with shares at will something"
    ways.append("write kind: any, if the target can do it")
    return Infeasible([f"{clash} may"], ways, together=False)

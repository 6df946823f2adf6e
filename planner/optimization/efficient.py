"""Efficient plans: none costs less at their latency, and none of their cost is nearer.

Two steps find one: the least cost under a cap on latency, then the least latency at that cost.  The
second makes the plan efficient: of all plans that cost the least, the first step returns any.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.errors import SolverStopped
from planner.optimization.backups import near_backups
from planner.optimization.candidates import Candidate, tidied
from planner.optimization.caps import SLACK, Caps
from planner.optimization.epsilon import EpsilonProgram, Least, least, set_caps
from planner.optimization.steered import steered
from planner.optimization.stopping import Stop
from planner.problem.arrays import Solution

_FIRST_PART = 0.8
"""Part of the time for a plan of least latency; without one by then, any plan is made."""

_ANY_PLAN = 0.9
"""Gap at which the first plan that is found will do."""


@dataclass(frozen=True)
class Efficient:
    """A plan than which none costs less at its latency, and none of its cost is nearer.

    Attributes
    ----------
    plan : Candidate
        Replicas, shares and orders.
    epsilon_ms : float
        The cap on mean latency under which its cost is least; inf where there was none.
    cost_usd_month, cost_bound_usd_month : float
        What it costs, and the proven bound on the cost of all plans under the cap.
    latency_ms, latency_bound_ms : float
        Its mean latency, and the proven bound on that of all plans that cost no more.
    p95_cap_ms : float
        The cap on the 95th percentile of all requests; inf where there was none.
    """

    plan: Candidate
    epsilon_ms: float
    cost_usd_month: float
    cost_bound_usd_month: float
    latency_ms: float
    latency_bound_ms: float
    p95_cap_ms: float = np.inf

    @property
    def cap_ms(self) -> float:
        """The cap on latency, of whichever kind; inf where there was none."""
        return min(self.epsilon_ms, self.p95_cap_ms)

    @property
    def gap(self) -> float:
        """(cost − bound) / cost, not below 0."""
        return _relative(self.cost_usd_month, self.cost_bound_usd_month)

    @property
    def latency_gap(self) -> float:
        """(latency − bound) / latency, not below 0."""
        return _relative(self.latency_ms, self.latency_bound_ms)

    def within(self, gap: float) -> bool:
        """Return whether both objectives are proven to within a relative gap.

        Parameters
        ----------
        gap : float
            Relative gap that was asked for.
        """
        return max(self.gap, self.latency_gap) <= gap * (1 + SLACK) + SLACK


def _relative(value: float, bound: float) -> float:
    """Return the relative gap."""
    return max(0.0, value - bound) / max(abs(value), 1e-9)


def efficient(
    program: EpsilonProgram,
    epsilon_ms: float = np.inf,
    *,
    p95_ms: float = np.inf,
    start: Candidate | None = None,
    gap: float,
    stop: Stop,
) -> Efficient | None:
    """Return the cheapest plan under a cap on latency and, of those, the nearest.

    Parameters
    ----------
    program : EpsilonProgram
        The program; its rows grow.
    epsilon_ms : float
        Most mean latency, ms; inf for none.
    p95_ms : float
        Most 95th percentile of all requests, ms; inf for none.
    start : Candidate, optional
        A plan to start from.
    gap : float
        Relative gap at which each step stops.
    stop : Stop
        When to stop; the first of two steps may take half of the time.

    Returns
    -------
    Efficient or None
        None where nothing keeps the cap.

    Raises
    ------
    SolverStopped
        If no plan was found before the search ended.

    Notes
    -----
    The second step may pay up to the gap above the bound of the first.  Backups are then brought
    near and shares rounded within the same allowances, as `planner.optimization.optimize` does.
    """
    caps = Caps(latency_ms=epsilon_ms, p95_ms=p95_ms)
    first = least(program, "cost", caps, start=start, gap=gap, stop=stop.part(0.5))
    if first.best is None:
        refuse_unknown(first)
        return None
    dearest = _allowed(program.cost_usd_month(first.best), first.bound, gap)
    caps = Caps(dearest, epsilon_ms, p95_ms)
    second = least(program, "latency", caps, start=first.best, gap=gap, stop=stop)
    found = second.best or first.best
    farthest = min(epsilon_ms, _allowed(program.latency_ms(found), second.bound, gap))
    plan = _finished(program, found, Caps(dearest, farthest, p95_ms), gap, stop)
    cost, latency = program.cost_usd_month(plan), program.latency_ms(plan)
    bounds = min(first.bound, cost), min(second.bound, latency)
    return Efficient(plan, epsilon_ms, cost, bounds[0], latency, bounds[1], p95_ms)


def nearest(program: EpsilonProgram, *, gap: float, stop: Stop) -> tuple[Candidate, float] | None:
    """Return a plan of least latency, and the cap that all such plans keep.

    Parameters
    ----------
    program : EpsilonProgram
        The program; its rows grow.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.

    Returns
    -------
    Candidate
        The plan, whatever it costs.
    float
        Its latency, or the most that is within the gap of the bound, ms.  None for both where
        nothing keeps every promise.

    Raises
    ------
    SolverStopped
        If no plan was found before the search ended.
    """
    found = least(program, "latency", Caps(), gap=gap, stop=stop.part(_FIRST_PART))
    if found.best is None and found.bound < np.inf:
        some = any_plan(program, Caps(), stop)
        found = Least(some.best, found.bound if some.bound < np.inf else np.inf)
    if found.best is None:
        refuse_unknown(found)
        return None
    return found.best, _allowed(program.latency_ms(found.best), found.bound, gap)


def any_plan(program: EpsilonProgram, caps: Caps, stop: Stop) -> Least:
    """Return the first plan under caps that is found, whatever it costs.

    Parameters
    ----------
    program : EpsilonProgram
        The program; its rows grow.
    caps : Caps
        What the plan keeps.
    stop : Stop
        When to stop.

    Returns
    -------
    Least
        The plan, and a loose bound on the cost: inf where nothing keeps the caps.
    """
    return least(program, "cost", caps, gap=_ANY_PLAN, stop=stop)


def refuse_unknown(found: Least) -> None:
    """Raise where the search ended before a plan or a proof that there is none.

    Parameters
    ----------
    found : Least
        What was found.

    Raises
    ------
    SolverStopped
        If there may be a plan.
    """
    if found.bound < np.inf:
        raise SolverStopped("no plan was found before the search for the point ended")


def _allowed(value: float, bound: float, gap: float) -> float:
    """Return the most that is within the gap of the bound, or the value itself."""
    return max(value, bound / (1.0 - gap) if gap < 1 else value)


def _finished(
    program: EpsilonProgram, found: Candidate, caps: Caps, gap: float, stop: Stop
) -> Candidate:
    """Bring backups near and round shares, as far as the caps allow."""
    static, cost = program.static, program.cost_usd_month(found)
    most = cost + caps.latency_ms
    set_caps(program, caps)
    near = near_backups(static, found, most, gap, stop)
    static.program.price_columns(np.arange(static.program.columns), static.program.cost)
    tidy = tidied(static, near, most, gap, stop)
    return next(plan for plan in (tidy, near, found) if plan is found or program.keeps(plan, caps))


def solution(program: EpsilonProgram, point: Efficient, gap: float, seed: int = 0) -> Solution:
    """Return a point as a solution of the problem, its objective being its cost alone.

    Parameters
    ----------
    program : EpsilonProgram
        Where it was found.
    point : Efficient
        The point.
    gap : float
        Relative gap that was asked for.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Solution
        Its bound is that on cost under the point's cap on latency.
    """
    plan = replace(point.plan, objective=point.cost_usd_month)
    best = steered(program.static.columns, plan, point.cost_bound_usd_month)
    return best.solution(proven=point.within(gap), seed=seed)

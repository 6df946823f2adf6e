"""What a changed problem costs, and how much dearer that is, as intervals from both gaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isclose

import numpy as np

from planner.errors import Infeasible, SolverStopped
from planner.optimization.adaptive import solve_adaptive
from planner.optimization.columns import order_columns
from planner.optimization.master import fixed_and_replica_usd
from planner.optimization.search import search
from planner.optimization.static import static_program
from planner.optimization.steered import steered
from planner.optimization.stopping import Stop
from planner.problem.arrays import Ints, Problem, Solution
from planner.problem.documents import mean_latency_ms

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Value:
    """What the best plan of a problem costs, as far as it is known.

    Attributes
    ----------
    objective : float
        What a plan costs that was found, US dollars a month; inf where none was.
    bound : float
        What any plan costs at least; inf where there is none.
    latency_usd_month, lost_usd_month : float
        What latency and lost requests are of `objective`; 0 where no plan was found.
    """

    objective: float
    bound: float
    latency_usd_month: float = 0.0
    lost_usd_month: float = 0.0

    @property
    def feasible(self) -> bool:
        """Whether a plan was found."""
        return bool(np.isfinite(self.objective))


@dataclass(frozen=True)
class Interval:
    """A difference of two optima of which each is known up to its gap.

    Attributes
    ----------
    low, high : float
        US dollars a month.
    """

    low: float
    high: float


def value_of(problem: Problem, solution: Solution) -> Value:
    """Return what a solution costs and what was proven of it.

    Parameters
    ----------
    problem : Problem
        The problem that it solves.
    solution : Solution
        A solution with its shares or its routing.

    Returns
    -------
    Value
        Its objective, its bound, and what latency and lost requests cost.
    """
    latency = problem.usd_per_ms * mean_latency_ms(problem, solution)
    fixed = sum(fixed_and_replica_usd(problem, solution.replicas))
    lost = max(0.0, solution.objective - fixed - latency)
    return Value(solution.objective, solution.bound, latency, lost)


def from_to(low: float, high: float, form: str) -> str:
    """Write both ends of an interval, once where they read the same.

    Parameters
    ----------
    low, high : float
        The ends.
    form : str
        How a number is written.

    Returns
    -------
    str
        Without a unit.

    Examples
    --------
    >>> from_to(310.0, 325.5, ",.2f"), from_to(75.1443, 75.1444, ",.2f")
    ('310.00 to 325.50', '75.14')
    """
    first, last = f"{low:{form}}", f"{high:{form}}"
    return first if first == last else f"{first} to {last}"


def dearer(one: Value, other: Value) -> Interval:
    r"""Return how much dearer the best plan of one problem is than that of another.

    .. math:: z_1 - z_2 \in [\,\underline z_1 - \overline z_2,\; \overline z_1 - \underline z_2\,]

    Parameters
    ----------
    one, other : Value
        What each costs.

    Returns
    -------
    Interval
        US dollars a month.

    Examples
    --------
    >>> dearer(Value(130.0, 128.0), Value(101.0, 100.0))
    Interval(low=27.0, high=30.0)
    """
    return Interval(
        _difference(one.bound, other.objective), _difference(one.objective, other.bound)
    )


def _difference(one: float, other: float) -> float:
    """Return a difference, 0 where it is a rounding of the sums."""
    return 0.0 if isclose(one, other, rel_tol=_ROUNDING) else one - other


def cheapest(problem: Problem, gap: float, stop: Stop, seed: int = 0) -> Value:
    """Return what the best plan of a problem costs.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Value
        Objective and bound are inf where no plan keeps every promise; the bound alone is finite
        where the limit came before a plan.

    Notes
    -----
    Backups are not brought near and shares not rounded, as they are for a plan that is written
    down: neither changes the bound, and both may only use the gap up.
    """
    if problem.steering == "adaptive":
        return _by_routing(problem, gap, stop, seed)
    columns = order_columns(problem)
    if columns.missing.size:
        return Value(np.inf, np.inf)
    found = search(static_program(problem, columns, seed), gap, stop)
    if not found.feasible:
        return Value(np.inf, np.inf)
    if found.best is None:
        return Value(np.inf, found.bound)
    best = steered(columns, found.best, found.bound)
    return value_of(problem, best.solution(proven=True, seed=seed))


def _by_routing(problem: Problem, gap: float, stop: Stop, seed: int) -> Value:
    """Return what the best plan costs where a balancer steers."""
    try:
        return value_of(problem, solve_adaptive(problem, gap=gap, stop=stop, seed=seed))
    except Infeasible:
        return Value(np.inf, np.inf)
    except SolverStopped:
        return Value(np.inf, -np.inf)


def with_counts(problem: Problem, replicas: Ints) -> Problem:
    """Return the problem in which every count is held and only steering is free.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    replicas : ndarray of int, shape (S, R)
        Replicas; where they are 0 the service may not run.

    Returns
    -------
    Problem
        Least and largest counts are those given.
    """
    return replace(
        problem,
        min_replicas=np.array(replicas),
        max_replicas=np.array(replicas),
        pinned=np.asarray(replicas) > 0,
    )


def with_service(problem: Problem, service: int, region: int) -> Problem:
    """Return the problem in which a service must run in a region.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    service, region : int
        Which.

    Returns
    -------
    Problem
        Everything else is free.
    """
    pinned = np.array(problem.pinned)
    pinned[service, region] = True
    return replace(problem, pinned=pinned)

"""Why each number of a plan is what it is, and why the regions without a number have none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.errors import Fault, InvalidPlan
from planner.model.plan import Plan
from planner.optimization.columns import OrderColumns, order_columns
from planner.optimization.excuse import Excuse, excuse
from planner.optimization.held import Held, HeldOrders, held_orders
from planner.optimization.held_cost import capped_orders
from planner.optimization.held_routing import held_routing
from planner.optimization.loads import judge
from planner.optimization.reasons import excuse_reason, witness_reason
from planner.optimization.resolved import Interval, Value, cheapest, with_counts
from planner.optimization.stopping import Stop, interruptible
from planner.optimization.uplink_prices import uplink_prices
from planner.optimization.witness import Witness, keeps_promises, witness
from planner.problem.arrays import Floats, Ints, Problem, Solution
from planner.problem.documents import solution_of
from planner.studies.effort import Effort
from planner.studies.savings import Saving, find_savings, free_problem

SAME = 1e-6
"""Relative difference of two objectives that are the same: a plan is written to six decimals."""

_STEERING_GAP = 1e-7


@dataclass(frozen=True)
class Explanation:
    """Why each count of a plan is what it is.

    Attributes
    ----------
    plan : Plan
        The plan.
    problem : Problem
        The problem of its scenario.
    value : Value
        What the plan costs and what was proven: all differences are against it.  Of a plan that was
        made for another objective, such as one of a frontier, or by rules of DNS, what the best
        plan with shares at will costs.
    witnesses : tuple of Witness
        One for each service and region in which it runs.
    excuses : tuple of Excuse
        One for each service and region in which it does not.
    uplink_usd_month_per_gbps : ndarray, shape (R,), or None
        What a little more of each uplink saves with the counts held: duals, true only near the
        plan; None where a balancer steers or a limit came first.
    savings : tuple of Saving
        What more or less of something saves or costs; empty where it was not asked for.
    interrupted : bool
        Whether somebody ended the work early: what was not reached yet is missing.
    remeasured : bool
        Whether the plan was made for another objective, so that `value` is that of the best.
    """

    plan: Plan
    problem: Problem
    value: Value
    witnesses: tuple[Witness, ...]
    excuses: tuple[Excuse, ...]
    uplink_usd_month_per_gbps: Floats | None
    savings: tuple[Saving, ...] = ()
    interrupted: bool = False
    remeasured: bool = False

    @property
    def table(self) -> pd.DataFrame:
        """One row a service and region: ``service, region, replicas, kind, without, why``.

        ``without`` is the least count without what is named; 0 replicas have their excuse.
        """
        axes = self.problem.axes
        rows = [
            (w.service, w.region, w.replicas, ", ".join(w.kinds), w.without, self._why(w))
            for w in self.witnesses
        ]
        rows += [(e.service, e.region, 0, e.kind, 0, self._why(e)) for e in self.excuses]
        return pd.DataFrame(
            [(axes.services[s], axes.regions[r], *rest) for s, r, *rest in sorted(rows)],
            columns=["service", "region", "replicas", "kind", "without", "why"],
        )

    def _why(self, found: Witness | Excuse) -> str:
        """Say it in words."""
        if isinstance(found, Witness):
            return witness_reason(self.problem, found)
        return excuse_reason(self.problem, found)

    @property
    def savings_table(self) -> pd.DataFrame:
        """One row a change: ``change, low, high, solved, means``; US dollars a month more."""
        rows = [(s.change, s.dearer.low, s.dearer.high, s.solved, s.sentence) for s in self.savings]
        return pd.DataFrame(rows, columns=["change", "low", "high", "solved", "means"])

    @property
    def unused_regions(self) -> dict[str, Interval | None]:
        """Regions in which nothing runs, and how much dearer the best plan with one of them is.

        None where no service may or can run there.
        """
        axes, found = self.problem.axes, {}
        for region, name in enumerate(axes.regions):
            if name in self.plan.active_regions:
                continue
            priced = [e.dearer for e in self.excuses if e.region == region and e.dearer is not None]
            low, high = (min((getattr(i, end) for i in priced), default=None) for end in _ENDS)
            found[name] = None if low is None or high is None else Interval(low, high)
        return found

    @property
    def ruled(self) -> bool:
        """Whether rules of DNS bind the plan, so that `value` is that of free shares."""
        return _ruled(self.plan)

    @property
    def proven(self) -> bool:
        """Whether neither a limit nor somebody came between."""
        known = all(w.proven for w in self.witnesses)
        known &= all(e.kind != "unknown" for e in self.excuses)
        return known and not self.interrupted


_ENDS = ("low", "high")


def explain_plan(
    plan: Plan,
    *,
    savings: bool = False,
    gap: float = 1e-4,
    time_limit_s: float = 30.0,
    seed: int = 0,
    file: str = "plan",
    step: Callable[[str], None] | None = None,
) -> Explanation:
    """Say why each number of a plan is what it is.

    Parameters
    ----------
    plan : Plan
        The plan; its scenario is inside.
    savings : bool
        Whether what more servers, wider uplinks and looser limits save is worked out too.
    gap : float
        Relative gap of every re-solve.
    time_limit_s : float
        Seconds that each re-solve, and each count, may take.
    seed : int
        Random seed of the solver.
    file : str
        Where the plan was read, for faults.
    step : callable, optional
        Told what is being done.

    Returns
    -------
    Explanation
        Witnesses, excuses, prices and savings.

    Raises
    ------
    InvalidPlan
        If the plan's counts do not carry every promised state: then there is nothing to explain.

    Notes
    -----
    Rules of DNS (`dns.rules`) are left aside: shares are taken to be free, and `value` is that of
    the best plan with free shares.
    A count's witness holds all other counts and lets shares be chosen anew, so it may name less
    than what the plan's own shares make necessary.  Ctrl-C ends the work early: what was not
    reached is missing, what was being looked at may not be proven.

    Examples
    --------
    >>> import planner as pl
    >>> found = explain_plan(pl.read_plan("exports/taiwan/plan.yaml"))  # doctest: +SKIP
    >>> found.table  # doctest: +SKIP
    """
    problem = free_problem(plan.scenario)
    solution = solution_of(problem, plan)
    with interruptible(Stop(float("inf"))) as stop:
        effort = Effort(gap, time_limit_s, seed, stop, step or (lambda _: None))
        effort.tell("checking the plan")
        held, columns = _held(problem, solution.replicas, seed)
        if not keeps_promises(held, stop):
            raise InvalidPlan([_broken(file)])
        other = _other_objective(problem, columns, solution)
        value = _value(problem, solution, anew=other or _ruled(plan), effort=effort)
        witnesses = _witnesses(held, effort)
        excuses = _excuses(problem, columns, solution, value, effort)
        prices = None
        if columns is not None and not stop.passed():
            prices = uplink_prices(problem, columns, solution.replicas, effort.limit(), seed)
        saved = find_savings(problem, solution.replicas, value, effort) if savings else ()
    return Explanation(
        plan, problem, value, witnesses, excuses, prices, saved, stop.interrupted, other
    )


def _held(problem: Problem, replicas: Ints, seed: int) -> tuple[Held, OrderColumns | None]:
    """Hold the counts in the way in which the plan is steered."""
    if problem.steering == "adaptive":
        return held_routing(problem, replicas), None
    return held_orders(problem, replicas, seed), order_columns(problem)


def _broken(file: str) -> Fault:
    """Say that a plan does not keep its promises."""
    message = "these replicas do not carry every promised state, however users are steered"
    return Fault(file, None, "services", message, "run 'planner optimize' on the scenario again")


def _ruled(plan: Plan) -> bool:
    """Return whether rules of DNS bind a plan."""
    rules = plan.scenario.dns.rules
    return rules is not None and rules.kind != "any"


def _other_objective(problem: Problem, columns: OrderColumns | None, solution: Solution) -> bool:
    """Return whether a plan's proof is of another objective than that of its scenario."""
    if columns is None:
        return False
    objective = _as_steered(problem, columns, solution)
    return objective is None or abs(objective - solution.objective) > SAME * abs(objective)


def _value(problem: Problem, solution: Solution, *, anew: bool, effort: Effort) -> Value:
    """Return what the plan was proven to cost, or what the best plan costs, found anew."""
    if not anew:
        return Value(solution.objective, solution.bound)
    effort.tell("the best plan of this objective")
    return effort.cheapest(problem)


def _as_steered(problem: Problem, columns: OrderColumns, solution: Solution) -> float | None:
    """Return the objective of shares and orders; None where an order is no column."""
    orders = [tuple(order[order >= 0].tolist()) for order in columns.order]
    keys = zip(columns.host.tolist(), columns.origin.tolist(), orders, strict=True)
    place = {key: column for column, key in enumerate(keys)}
    share = np.zeros(columns.host.size)
    for host, origin, order, part in zip(
        solution.host.tolist(),
        solution.origin.tolist(),
        solution.order,
        solution.share,
        strict=True,
    ):
        column = place.get((host, origin, tuple(order[order >= 0].tolist())))
        if column is None:
            return None
        share[column] = part
    return judge(problem, columns, solution.replicas, share).objective


def _witnesses(held: Held, effort: Effort) -> tuple[Witness, ...]:
    """Find the witness of every count."""
    axes, found = held.problem.axes, []
    fixed = with_counts(held.problem, held.replicas)
    value = cheapest(fixed, _STEERING_GAP, effort.limit(), effort.seed)
    capped = capped_orders(held, value.objective) if isinstance(held, HeldOrders) else None
    for service, region in np.argwhere(held.replicas > 0).tolist():
        if effort.stop.passed():
            break
        effort.tell(f"why so many: {axes.services[service]} in {axes.regions[region]}")
        found.append(witness(held, service, region, value, effort.limit(), capped=capped))
    return tuple(found)


def _excuses(
    problem: Problem,
    columns: OrderColumns | None,
    solution: Solution,
    value: Value,
    effort: Effort,
) -> tuple[Excuse, ...]:
    """Find the excuse of every service and region in which it does not run."""
    axes, found = problem.axes, []
    for service, region in np.argwhere(solution.replicas == 0).tolist():
        if effort.stop.passed():
            break
        effort.tell(f"why none: {axes.services[service]} in {axes.regions[region]}")
        found.append(excuse(problem, columns, service, region, value, effort.cheapest))
    return tuple(found)

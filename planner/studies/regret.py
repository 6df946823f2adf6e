"""Regret: which replicas to buy before it is known which of some demands comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from planner.failures.states import failure_states
from planner.model.demands import Demand
from planner.model.plan import Plan
from planner.model.scenario import Scenario
from planner.optimization.optimize import solve
from planner.optimization.own_best import Interval
from planner.optimization.regret import LeastRegret, least_regret
from planner.optimization.stopping import Stop, interruptible
from planner.problem.arrays import Ints, Problem, Solution
from planner.problem.build import build_problem
from planner.problem.demands import MID, under, usual_demands
from planner.problem.documents import as_plan
from planner.studies.main_job import judge
from planner.studies.suited import refuse_unsuited

PROMISE_USD = 1e-4
"""US dollars for a request turned away in a promised state where the scenario has no price."""

LEAST = "least regret"

_STEERING_S = 60.0
"""Seconds that steering may take where replicas are chosen already."""


@dataclass(frozen=True)
class RegretStudy:
    """Replicas that are regretted least, and the table of regrets.

    Attributes
    ----------
    scenario : Scenario
        The scenario.
    demands : dict of str to Demand
        By name, "mid" (the scenario's own) first.
    promise_usd : float
        US dollars for a request turned away in a promised state.
    plan : Plan
        The plan with these replicas, steered for "mid".
    regret : Interval
        Bound on the least regret, and what the plan reaches, US dollars a month.
    found : LeastRegret
        All that was found.
    proven : bool
        Whether the gap asked for was reached.
    """

    scenario: Scenario
    demands: dict[str, Demand]
    promise_usd: float
    plan: Plan
    regret: Interval
    found: LeastRegret
    proven: bool

    @property
    def table(self) -> pd.DataFrame:
        """Regret at most, US dollars a month: one row a plan, one column a demand, the largest."""
        names = list(self.demands)
        rows = pd.Index([*(f"best for {name}" for name in names), LEAST], name="plan")
        table = pd.DataFrame(self.found.table, index=rows, columns=names)
        return table.assign(largest=self.found.table.max(axis=1))

    @property
    def costs(self) -> pd.DataFrame:
        """Least cost of each demand, US dollars a month: bound and what was found."""
        rows = [(each.low, each.high) for each in self.found.best]
        return pd.DataFrame(
            rows, index=pd.Index(list(self.demands), name="demand"), columns=["bound", "found"]
        )


def minimise_regret(
    scenario: Scenario,
    *,
    demands: Mapping[str, Demand] | None = None,
    low: float = 0.9,
    high: float = 1.1,
    promise_usd: float | None = None,
    gap: float = 5e-3,
    time_limit_s: float = 300.0,
    seed: int = 0,
    step: Callable[[str], None] = lambda _: None,
) -> RegretStudy:
    """Choose replicas whose largest regret over some demands is least.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario with static steering and shares at will.
    demands : mapping of str to Demand, optional
        Demands beside the scenario's own; without them all low, all high and each continent high.
    low, high : float
        Factors of those.
    promise_usd : float, optional
        US dollars for a request turned away in a promised state; without it the scenario's
        `usd_per_lost_request`, or 0.0001 where that is 0.
    gap : float
        Width of the interval of the regret at which to stop, as a share of what the main job's
        plan costs.
    time_limit_s : float
        Seconds for all.
    seed : int
        Random seed of the solver.
    step : callable
        Told what comes next.

    Returns
    -------
    RegretStudy
        The plan, intervals and the table of regrets.

    Raises
    ------
    Infeasible
        If no plan keeps every promise under the scenario's own demand.
    SolverStopped
        If none was found before the search ended.
    ValueError
        If a balancer re-routes each state, replicas follow the day, DNS rules bind, pods are packed
        at best, or a price is not above 0.

    Notes
    -----
    Replicas are bought before demand is known; shares and orders follow it.  The plan keeps every
    promise under the scenario's own demand; under the others what it lacks costs `promise_usd` for
    each request that the worst promised state turns away.  Ctrl-C ends the search: of a demand that
    was not reached nothing is known but that it costs something, so the regret is told as large as
    it may be.
    """
    refuse_unsuited(scenario, "regret")
    named = usual_demands(scenario, low, high) if demands is None else {MID: Demand(), **demands}
    step("building the problem")
    problem = build_problem(scenario, failure_states(scenario))
    price = promise_usd or problem.usd_per_lost_request or PROMISE_USD
    with interruptible(Stop(time_limit_s)) as stop:
        step("finding the cheapest plan")
        main = solve(problem, time_limit_s=stop.part(0.2).left_s(), seed=seed, stop=stop)
        found = least_regret(
            [under(problem, demand) for demand in named.values()],
            main.replicas,
            price,
            gap=gap,
            stop=stop,
            seed=seed,
            step=lambda text: step(text),
        )
        step("steering the plan")
        width = gap * _bought(problem, main.replicas)
        proven = found.gap_usd_month <= width * (1 + 1e-6)
        plan = _plan(problem, main, found.replicas, proven=proven)
    return RegretStudy(scenario, dict(named), price, plan, found.regret, found, proven)


def _bought(problem: Problem, replicas: Ints) -> float:
    """Return what active regions and replicas cost."""
    active = replicas.sum(axis=0) > 0
    return float(problem.fixed_cost_usd_month @ active + (problem.cost_usd_month * replicas).sum())


def _plan(problem: Problem, main: Solution, replicas: Ints, *, proven: bool) -> Plan:
    """Steer given replicas as well as can be for the scenario's own demand, and judge them."""
    runs = replicas > 0
    fixed = replace(
        problem,
        min_replicas=np.where(runs, replicas, problem.min_replicas),
        max_replicas=np.where(runs, replicas, 0),
        pinned=runs,
    )
    # What was found has its plan, whoever has ended the search.
    steered = solve(fixed, seed=main.seed, stop=Stop(_STEERING_S))
    decided = replace(
        steered,
        bound=min(main.bound, steered.objective),
        status="optimal" if proven else "limit",
    )
    return as_plan(problem, decided, judge(problem, decided))

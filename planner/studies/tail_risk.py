"""Tail risk: what the cheapest plan loses in the worst part of the time, and what less costs.

Two plans are compared: that of the main job, and the one that loses least in the tail within a
budget while it keeps every promise.  Both are judged by the replay in the same failure states,
one order beyond what the policy promises: what is promised loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from planner.errors import Fault, Infeasible, InvalidInput, SolverStopped
from planner.failures.known import FailureStates
from planner.failures.states import failure_states
from planner.model.plan import Plan
from planner.model.scenario import Scenario
from planner.optimization.columns import order_columns
from planner.optimization.loads import judge as verdict
from planner.optimization.optimize import solve
from planner.optimization.steered import steered
from planner.optimization.stopping import Stop, interruptible
from planner.optimization.tail_program import TailProgram, candidate_of, tail_program
from planner.optimization.tail_risk import LeastTail, least_tail
from planner.problem.arrays import Problem, Solution
from planner.problem.build import build_problem
from planner.problem.documents import as_plan
from planner.simulation import replay
from planner.simulation.tail import Tail, lost_share, tail_of
from planner.studies.main_job import judge
from planner.studies.suited import refuse_unsuited

LEAST_ORDER = 2


@dataclass(frozen=True)
class RatedPlan:
    """A plan and its tail.

    Attributes
    ----------
    plan : Plan
        The plan.
    cost_usd_month : float
        Active regions and replicas, US dollars a month.
    tail : Tail
        Of what the plan decides on: regions too small, or none that may serve.
    whole_tail : Tail
        Of all that the replay sees lost, uplinks, tunnels and home calls included.
    """

    plan: Plan
    cost_usd_month: float
    tail: Tail
    whole_tail: Tail


@dataclass(frozen=True)
class TailStudy:
    """The cheapest plan, and the plan of least tail within a budget.

    Attributes
    ----------
    scenario : Scenario
        The scenario.
    states : FailureStates
        Failure states of which the tail is made.
    budget_usd_month : float
        What active regions and replicas of the second plan may cost, US dollars a month.
    cheapest, least : RatedPlan
        The main job's plan, and the plan of least tail.
    bound : float
        No plan within the budget has a smaller tail, high end.
    gap : float
        (tail − bound) / tail, high end.
    proven : bool
        Whether the gap asked for was reached.
    """

    scenario: Scenario
    states: FailureStates
    budget_usd_month: float
    cheapest: RatedPlan
    least: RatedPlan
    bound: float
    gap: float
    proven: bool

    @property
    def beta(self) -> float:
        """The tail is the worst ``1 − beta`` of the time."""
        return self.least.tail.beta

    @property
    def table(self) -> pd.DataFrame:
        """One row a state that loses anything: probability, loss and part in the tail, by plan."""
        pair = {"cheapest": self.cheapest.tail, "least_tail": self.least.tail}
        columns = {"probability": self.states.probability}
        for name, tail in pair.items():
            columns[f"{name}_loss_share"] = tail.loss_share
            columns[f"{name}_tail_weight"] = tail.weight
            columns[f"{name}_contribution"] = tail.contribution
        table = pd.DataFrame(columns, index=pd.Index(self.states.names, name="state"))
        some = (self.cheapest.tail.loss_share > 1e-9) | (self.least.tail.loss_share > 1e-9)
        most = np.maximum(self.cheapest.tail.contribution, self.least.tail.contribution)[some]
        return table[some].iloc[np.argsort(-most, kind="stable")]

    @property
    def moved_replicas(self) -> pd.DataFrame:
        """Replicas of both plans where they differ: service, region, cheapest, least_tail."""
        before, after = self.cheapest.plan.replicas, self.least.plan.replicas
        rows = [
            (service, region, int(before.loc[service, region]), int(after.loc[service, region]))
            for service in before.index
            for region in before.columns
        ]
        names = ["service", "region", "cheapest", "least_tail"]
        return pd.DataFrame([row for row in rows if row[2] != row[3]], columns=names)


def minimise_tail_risk(
    scenario: Scenario,
    *,
    beta: float = 0.999,
    tolerance: float = 0.05,
    budget_usd_month: float | None = None,
    order: int | None = None,
    gap: float = 1e-2,
    time_limit_s: float = 60.0,
    seed: int = 0,
    step: Callable[[str], None] = lambda _: None,
) -> TailStudy:
    """Find the plan that loses least in the worst part of the time within a budget.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario with static steering and shares at will.
    beta : float
        The tail is the worst ``1 − beta`` of the time.
    tolerance : float
        Budget for active regions and replicas beyond what those of the main job's plan cost, as a
        share of that.
    budget_usd_month : float, optional
        The budget itself, US dollars a month; `tolerance` does not matter then.
    order : int, optional
        Most components down at once; by default one more than the policy promises, at least 2.
    gap : float
        Relative gap at which to stop.
    time_limit_s : float
        Seconds that each of the two plans may take.
    seed : int
        Random seed of the solver.
    step : callable
        Told what comes next.

    Returns
    -------
    TailStudy
        Both plans, judged.

    Raises
    ------
    InvalidInput
        If the states left out are more probable than the tail: nothing could be said of it.
    Infeasible
        If no plan keeps every promise, or none within the budget.
    SolverStopped
        If no plan was found before a search ended.
    ValueError
        If a balancer re-routes each state, replicas follow the day, DNS rules bind, or pods are
        packed at best.

    Notes
    -----
    The second plan's proof is that of the main job's objective: its gap is what a smaller tail
    costs, latency and lost requests included.  Its tail is proven by `bound`.  Ctrl-C ends the
    search of both plans: in the first one, the second is the same.
    """
    refuse_unsuited(scenario, "risk")
    step("listing failure states")
    states = _states(scenario, order)
    _refuse_small_tail(scenario, states, beta)
    step("building the problem")
    usual = build_problem(scenario, failure_states(scenario))
    problem = build_problem(scenario, states)
    with interruptible(Stop(float("inf"))) as whole:
        step("finding the cheapest plan")
        main = solve(usual, time_limit_s=time_limit_s, seed=seed, stop=whole)
        program = tail_program(problem, beta, seed)
        first = candidate_of(program, main)
        more = (1 + tolerance) * _cost(usual, main)
        budget = more if budget_usd_month is None else budget_usd_month
        step("finding the plan of least tail")
        stop = whole.within(time_limit_s)
        found = least_tail(program, budget, start=first, gap=gap, stop=stop)
    if found is None:
        raise _too_little(scenario, budget, _cost(usual, main), stop)
    proven = found.gap <= gap * (1 + 1e-6)
    least = _solution(program, found, main, usual, proven=proven)
    step("judging both plans")
    return TailStudy(
        scenario=scenario,
        states=states,
        budget_usd_month=budget,
        cheapest=_rated(usual, problem, main, beta),
        least=_rated(usual, problem, least, beta),
        bound=found.bound,
        gap=found.gap,
        proven=proven,
    )


def _states(scenario: Scenario, order: int | None) -> FailureStates:
    """List the states: one order more than the policy promises unless it is said."""
    survive = scenario.policy.survive
    promised = survive.regions + survive.risk_groups + survive.links
    return failure_states(scenario, max(LEAST_ORDER, promised + 1) if order is None else order)


def _refuse_small_tail(scenario: Scenario, states: FailureStates, beta: float) -> None:
    """Raise where the states left out are more probable than the tail."""
    left_out = states.uncovered_probability
    if 1 - beta >= left_out:
        return
    most = np.floor((1 - left_out) * 1e6) / 1e6
    message = (
        f"the worst {1 - beta:.3g} of the time cannot be judged: states with more down at once, "
        f"which are left out, have probability {left_out:.3g}"
    )
    cure = f"raise the order of the states, or lower beta to at most {most:.6f}"
    raise InvalidInput([Fault(scenario.scenario, None, "beta", message, cure)])


def _cost(problem: Problem, solution: Solution) -> float:
    """Return what active regions and replicas cost, US dollars a month."""
    active = solution.replicas.sum(axis=0) > 0
    running = (problem.cost_usd_month * solution.replicas).sum()
    return float(problem.fixed_cost_usd_month @ active + running)


def _too_little(
    scenario: Scenario, budget: float, cost: float, stop: Stop
) -> Infeasible | SolverStopped:
    """Say that no plan was found within the budget."""
    if stop.passed():
        return SolverStopped("no plan within the budget was found before the search ended")
    clash = f"budget: no plan of {scenario.scenario} costs {budget:,.2f} USD a month or less"
    return Infeasible(
        [clash], [f"raise the budget; the plan of 'planner optimize' costs {cost:,.2f} USD a month"]
    )


def _solution(
    program: TailProgram, found: LeastTail, main: Solution, usual: Problem, *, proven: bool
) -> Solution:
    """Return the plan of least tail as a solution of the scenario as it is planned for."""
    plan = found.plan
    # Columns depend on promised states alone, and those are the same in both problems.
    objective = verdict(usual, order_columns(usual), plan.replicas, plan.share).objective
    best = steered(program.static.columns, replace(plan, objective=objective), main.bound)
    return best.solution(proven=proven, seed=main.seed)


def _rated(usual: Problem, problem: Problem, solution: Solution, beta: float) -> RatedPlan:
    """Judge a plan: as usual for its document, in all states for its tail."""
    plan = as_plan(usual, solution, judge(usual, solution))
    found = replay.simulate(problem, solution, spill_over=False)
    own = lost_share(found)
    # What solvers leave of a promise is within their tolerance.
    own[problem.must_survive & (own < 1e-5)] = 0.0
    every = lost_share(replay.simulate(problem, solution), None)
    return RatedPlan(
        plan=plan,
        cost_usd_month=_cost(usual, solution),
        tail=tail_of(own, problem.state_probability, beta),
        whole_tail=tail_of(every, problem.state_probability, beta),
    )

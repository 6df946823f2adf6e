"""What each hour needs, against a judge in plain loops: it is enough, and one less is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.errors import Infeasible
from planner.exporters.hours import spare_advice, without_spare
from planner.failures.states import failure_states
from planner.io.plans import plan_text, read_plan, write_plan
from planner.io.scenarios import read_scenario
from planner.model.plan import Plan
from planner.optimization.optimize import solve
from planner.problem.arrays import Ints, Problem, Solution
from planner.problem.build import build_problem
from planner.studies.main_job import judge, optimize
from tests.oracles.evaluate import evaluate
from tests.oracles.instances import random_problem
from tests.studies.test_hourly import SMALL


def load_faults(problem: Problem, solution: Solution, replicas: Ints, states: str) -> list[str]:
    """States, services and regions whose load exceeds the ceiling, by plain loops."""
    _, faults = evaluate(problem, replace(solution, replicas=replicas))
    return [fault for fault in faults if " rps on " in fault and fault.startswith(states)]


def at(problem: Problem, hour: int) -> Problem:
    """The problem of one hour."""
    return replace(
        problem,
        axes=replace(problem.axes, hours=problem.axes.hours[hour : hour + 1]),
        demand_rps=problem.demand_rps[:, :, hour : hour + 1].copy(),
    )


@settings(max_examples=15)
@given(st.integers(0, 2**31 - 1))
def test_an_hours_need_keeps_every_promise_and_one_less_breaks_one(seed: int) -> None:
    problem = random_problem(seed, hours=2)
    try:
        solution = solve(problem)
    except Infeasible:
        return
    found = judge(problem, solution)
    assert found.normal_replicas is not None
    assert found.surviving_replicas is not None
    assert (found.surviving_replicas.max(axis=2) <= solution.replicas).all()
    least = np.where(solution.replicas > 0, problem.min_replicas, 0)
    ones = (solution.replicas > 0).astype(np.int64)
    for needed, states, floor in (
        (found.surviving_replicas, "state ", least),
        (found.normal_replicas, "state 0 ", ones),
    ):
        for hour in range(2):
            one, replicas = at(problem, hour), needed[:, :, hour]
            assert (replicas >= floor).all()
            assert load_faults(one, solution, replicas, states) == []
            for s, r in np.argwhere(replicas > floor):
                fewer = replicas.copy()
                fewer[s, r] -= 1
                found_faults = load_faults(one, solution, fewer, states)
                assert any(f" s{s} r{r} " in fault for fault in found_faults)


def test_a_balancers_needs_are_not_known() -> None:
    problem = random_problem(1, steering="adaptive", order=0)
    found = judge(problem, solve(problem))
    assert found.normal_replicas is None
    assert found.surviving_replicas is None


def hourly_small(controller: str, rebalance: bool = True) -> Plan:
    """The small scenario with replicas that follow the day, planned."""
    scenario = read_scenario(SMALL)
    federation = scenario.federation.model_copy(
        update={"controller": controller, "rebalance": rebalance}
    )
    policy = scenario.policy.model_copy(update={"replicas": "hourly"})
    scenario = scenario.model_copy(update={"federation": federation, "policy": policy})
    return optimize(build_problem(scenario, failure_states(scenario)))


@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_the_main_job_records_needs_and_totals(controller: str, tmp_path) -> None:
    plan = hourly_small(controller)
    assert plan.needs is not None
    assert plan.hourly is not None
    assert plan.hourly.controller == controller
    for name, hours in plan.hourly.services.items():
        for region, row in hours.replicas.items():
            needed = plan.needs.services[name].survive[region]
            assert all(held >= need for held, need in zip(row, needed, strict=True))
    write_plan(plan, tmp_path / "plan.yaml")
    assert read_plan(tmp_path / "plan.yaml") == plan
    # A day's numbers stand on one line.
    assert f"      totals: {list(hours.totals)}\n" in plan_text(plan)


def test_kubefed_that_may_not_rebalance_keeps_its_replicas_all_day_and_says_so() -> None:
    plan = hourly_small("kubefed", rebalance=False)
    assert plan.hourly is None
    assert any("replicas stay all day" in text for text in plan.warnings)


def test_where_nothing_is_spare_the_plan_says_so_in_one_line() -> None:
    plan = hourly_small("karmada")
    told = spare_advice(plan)
    tight = list(without_spare(plan))
    for name, region in tight:
        peak = plan.needs.services[name].normal_peak(region)
        assert plan.services[name].replicas[region] <= peak
    assert (told is None) == (not tight)
    assert (told in plan.warnings) == bool(tight)

"""Excuses: what is read off the arrays, and intervals against programs with every row."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import pytest

from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.optimization.columns import order_columns
from planner.optimization.excuse import Excuse, excuse
from planner.optimization.reasons import excuse_reason
from planner.optimization.resolved import Value, cheapest, with_service
from planner.optimization.stopping import NEVER
from planner.problem.arrays import Problem
from planner.problem.build import build_problem
from tests.oracles import extensive_form
from tests.oracles.instances import random_problem

Steering = Literal["static", "adaptive"]

solve = partial(cheapest, gap=1e-7, stop=NEVER)


def excused(problem: Problem, service: int, region: int, value: Value) -> Excuse:
    columns = order_columns(problem) if problem.steering == "static" else None
    return excuse(problem, columns, service, region, value, solve)


def never(problem: Problem) -> Value:
    raise AssertionError("what the arrays say needs no solve")


def concentrated(seed: int, steering: Steering) -> Problem:
    """A problem in which every region may serve everybody and each costs something to use."""
    problem = random_problem(
        seed, steering=steering, services=1 + seed % 2, regions=4, order=1, max_replicas=6
    )
    everywhere = np.broadcast_to(
        problem.region_up[:, None, None, :], problem.state_admissible.shape
    )
    return replace(
        problem,
        state_admissible=everywhere.copy(),
        admissible=everywhere[0].copy(),
        fixed_cost_usd_month=np.full(4, 200.0),
        pinned=np.zeros_like(problem.pinned),
        split_origins=True,
    )


@pytest.mark.parametrize("steering", ["static", "adaptive"])
def test_what_forcing_a_region_in_costs_agrees_with_the_whole_program(steering: Steering) -> None:
    kinds: list[str] = []
    for seed in range(300, 306):
        problem = concentrated(seed, steering)
        other, replicas = extensive_form.solve(problem)
        if replicas is None:
            continue
        value = solve(problem)
        for s, r in np.argwhere(replicas == 0).tolist():
            found = excused(problem, s, r, value)
            kinds.append(found.kind)
            one, _ = extensive_form.solve(with_service(problem, s, r))
            assert np.isfinite(one) == (found.kind == "cost")
            if found.dearer is not None:
                slack = 1e-5 * abs(other)
                assert found.dearer.low - slack <= one - other <= found.dearer.high + slack
    assert kinds.count("cost") > 3


@pytest.fixture(scope="module")
def taiwan() -> Problem:
    scenario = read_scenario("taiwan")
    return build_problem(scenario, failure_states(scenario))


ANY = Value(1.0, 1.0)


def test_a_list_that_keeps_a_region_out_is_the_excuse(taiwan: Problem) -> None:
    most = np.array(taiwan.max_replicas)
    most[0, 3] = 0
    problem = replace(taiwan, max_replicas=most)
    assert excuse(problem, order_columns(problem), 0, 3, ANY, never).kind == "lists"


def test_a_region_that_is_too_far_names_the_nearest_miss(taiwan: Problem) -> None:
    tight = np.array(taiwan.state_admissible)
    tight[:, 0, :, 3] = False
    problem = replace(
        taiwan,
        state_admissible=tight,
        limit_ms=np.full(3, 80.0),
        emergency_limit_ms=np.full(3, 90.0),
    )
    found = excuse(problem, None, 0, 3, ANY, never)
    assert found.kind == "latency"
    assert found.too_far is not None
    assert found.too_far.limit_ms == 90.0
    assert found.too_far.needed_ms > 90.0
    text = excuse_reason(problem, found)
    origin = problem.axes.origins[found.too_far.origin]
    assert f"the nearest, {origin}, would see a p95 of" in text
    assert text.endswith("over 90")


def test_what_bars_a_region_is_not_called_its_latency_where_that_would_do(taiwan: Problem) -> None:
    barred = np.array(taiwan.state_admissible)
    barred[:, 0, :, 3] = False
    problem = replace(taiwan, state_admissible=barred)
    assert excuse(problem, None, 0, 3, ANY, never).kind == "barred"


def test_a_region_that_no_order_can_name_says_which_host(taiwan: Problem) -> None:
    barred = np.array(taiwan.state_admissible)
    # What `orders` may not do there, `api` cannot: they stand behind one host.
    barred[:, 1, :, 3] = False
    problem = replace(taiwan, state_admissible=barred)
    found = excuse(problem, order_columns(problem), 0, 3, ANY, never)
    assert found.kind == "orders"
    assert "api.company.com" in excuse_reason(problem, found)


def test_pools_too_small_for_the_least_replicas_are_the_excuse(taiwan: Problem) -> None:
    least = np.array(taiwan.min_replicas)
    least[0, 3] = 59
    problem = replace(taiwan, min_replicas=least)
    assert excuse(problem, order_columns(problem), 0, 3, ANY, never).kind == "pools"


def test_without_a_plan_the_excuse_is_a_promise_or_not_known(taiwan: Problem) -> None:
    columns = order_columns(taiwan)
    no_plan, too_late = Value(np.inf, np.inf), Value(np.inf, 5.0)
    assert excuse(taiwan, columns, 0, 3, ANY, lambda _: no_plan).kind == "promises"
    assert excuse(taiwan, columns, 0, 3, ANY, lambda _: too_late).kind == "unknown"


def test_a_service_that_nobody_calls_is_excused_by_that(taiwan: Problem) -> None:
    demand = np.array(taiwan.demand_rps)
    demand[0] = 0.0
    found = excuse(replace(taiwan, demand_rps=demand), None, 0, 3, ANY, never)
    assert excuse_reason(taiwan, found) == "no origin calls it"

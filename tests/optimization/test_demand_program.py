"""What given replicas cost under a demand, also where whole origins leave no time to find out."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.optimization.demand_program import demand_program
from planner.optimization.optimize import solve
from planner.optimization.regret import least_regret
from planner.optimization.stopping import NEVER, Stop
from planner.problem.arrays import Problem
from tests.benchmarks.generators import survivable_capacity
from tests.oracles.instances import random_problem

PRICE = 2e-5


def whole(seed: int, regions: int, origins: int) -> Problem:
    """Return a problem of one service whose origins cannot be split."""
    problem = survivable_capacity(seed, regions, origins, 1, 1, steering="static", load=0.3)
    return replace(problem, split_origins=False)


@pytest.mark.parametrize("seed", range(1, 5))
def test_without_time_a_cost_is_that_of_some_steering(seed: int) -> None:
    problem = whole(seed, 5, 12)
    replicas = solve(problem, gap=1e-2, time_limit_s=10.0).replicas
    busier = replace(problem, demand_rps=1.2 * problem.demand_rps)
    demand = demand_program(busier, PRICE, 0, kept=False)
    exact = demand.cost_usd(replicas, 1e-6, NEVER)
    late = demand_program(busier, PRICE, 0, kept=False).cost_usd(replicas, 1e-6, Stop(0.0))
    assert exact * (1 - 1e-6) <= late < np.inf


@pytest.mark.parametrize("seed", range(40, 48))
def test_every_origin_follows_one_order_of_its_own_in_the_first_guess(seed: int) -> None:
    problem = random_problem(seed, steering="static", split_origins=False, regions=3, origins=3)
    demand = demand_program(problem, PRICE, 0, kept=False)
    share = demand._rounded(problem.min_replicas)
    if share is None:
        pytest.skip("the least replicas do not fit")
    assert set(share.tolist()) <= {0.0, 1.0}
    _, group = np.unique(demand.part.columns.group, return_inverse=True)
    assert np.bincount(group, share).tolist() == [1.0] * (int(group.max()) + 1)


@pytest.mark.parametrize("seed", [22, 26, 29, 35, 39, 46])
def test_no_replicas_are_said_to_keep_a_promise_early_that_do_not(seed: int) -> None:
    problem = random_problem(seed, steering="static", split_origins=False, regions=3, origins=4)
    try:
        replicas = solve(problem, gap=1e-3, time_limit_s=10.0).replicas
    except Infeasible:
        pytest.skip("no plan keeps the promises")
    for service, region in np.argwhere(replicas > problem.min_replicas):
        fewer = replicas.copy()
        fewer[service, region] -= 1
        early, late = (
            demand_program(problem, PRICE, 0, kept=True).cost_usd(fewer, 1e-6, stop)
            for stop in (Stop(0.0), NEVER)
        )
        assert early >= late * (1 - 1e-9)


def test_replicas_that_cannot_be_shown_to_keep_a_promise_in_time_are_said_not_to() -> None:
    problem = whole(1, 5, 12)
    replicas = solve(problem, gap=1e-2, time_limit_s=10.0).replicas
    demand = demand_program(problem, PRICE, 0, kept=True)
    assert np.isfinite(demand.cost_usd(replicas, 1e-6, NEVER))
    assert demand._rounded(replicas) is None


def test_the_search_for_the_least_regret_of_whole_origins_keeps_its_limit() -> None:
    problem = whole(1, 5, 20)
    start = solve(problem, gap=1e-2, time_limit_s=10.0).replicas
    problems = [replace(problem, demand_rps=problem.demand_rps * by) for by in (1.0, 0.7, 1.3)]
    began = time.perf_counter()
    found = least_regret(problems, start, PRICE, gap=1e-3, stop=Stop(2.0))
    # Every program of given replicas ends with the search: alone it may take minutes.
    assert time.perf_counter() - began < 30.0
    assert found.regret.low <= found.regret.high < np.inf
    assert all(0.0 <= each.low <= each.high < np.inf for each in found.best)

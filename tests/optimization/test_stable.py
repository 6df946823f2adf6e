"""Staying near an earlier plan: exact on tiny problems, and within the cost that is allowed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.optimization.optimize import solve
from planner.optimization.stable import solve_stable
from planner.problem.arrays import Problem, Solution
from planner.problem.build import build_problem
from planner.problem.previous import GONE, Previous, previous_of
from planner.studies.main_job import optimize
from tests.oracles.brute_force import _Adaptive, _could_carry, _vectors
from tests.oracles.instances import random_problem
from tests.oracles.least_movement import least_score

SMALL = Path(__file__).parent.parent / "data" / "good" / "small.yaml"


def before(solution: Solution) -> Previous:
    return Previous(
        solution.replicas, solution.host, solution.origin, solution.order, solution.share
    )


def changed(problem: Problem, seed: int, by: float = 0.25) -> Problem:
    """Change every demand a little."""
    rng = np.random.default_rng(seed)
    factor = rng.uniform(1 - by, 1 + by, problem.demand_rps.shape[:2])
    return replace(problem, demand_rps=problem.demand_rps * factor[:, :, None])


def tiny(seed: int) -> tuple[Problem, Solution] | None:
    """Return a tiny problem and the plan of one with other demand, None where one has none."""
    problem = random_problem(seed, services=1 + seed % 2, regions=3, origins=3, split_origins=True)
    try:
        old = solve(changed(problem, seed), gap=1e-6)
        solve(problem, gap=1e-6)
    except Infeasible:
        return None
    return problem, old


def test_the_least_movement_is_that_of_brute_force() -> None:
    compared, moved = 0, 0
    for seed in range(46):
        given = tiny(seed)
        if given is None:
            continue
        problem, old = given
        tolerance = (0.0, 0.01, 0.1)[seed % 3]
        near = solve_stable(problem, before(old), tolerance=tolerance, gap=1e-6)
        most = max(near.cheapest.objective, (1 + tolerance) * near.cheapest.bound)
        least = least_score(problem, old, most * (1 + 1e-7))
        assert near.bound <= least + 1e-5, seed
        assert least - 1e-5 <= near.moved.score <= least + 1.1e-3, seed
        assert near.solution.objective <= most * (1 + 1e-6), seed
        compared += 1
        moved += near.moved.score > 0
    assert compared >= 20
    assert moved >= 5


def test_nothing_moves_while_the_earlier_plan_is_good_enough() -> None:
    still = 0
    for seed in range(60, 80):
        problem = random_problem(seed, split_origins=True)
        try:
            old = solve(problem, gap=1e-4)
        except Infeasible:
            continue
        cheaper = replace(problem, usd_per_ms=problem.usd_per_ms * 1.02)
        near = solve_stable(cheaper, before(old), tolerance=0.03)
        assert near.moved.score == pytest.approx(0.0, abs=1e-9), seed
        assert near.solution.status == "optimal"
        still += 1
    assert still >= 7


def test_without_tolerance_it_is_as_cheap_as_the_cheapest() -> None:
    for seed in range(90, 100):
        given = tiny(seed)
        if given is None:
            continue
        problem, old = given
        near = solve_stable(problem, before(old), tolerance=0.0, gap=1e-4)
        assert near.solution.objective <= near.cheapest.objective * (1 + 1e-6)
        assert near.moved.score <= near.cheapest_moved.score + 1e-9
        assert near.solution.bound <= near.solution.objective + 1e-9


def test_whole_origins_move_whole() -> None:
    for seed in (1, 2, 3, 5, 8):
        problem = random_problem(seed, split_origins=False, regions=3, origins=3)
        try:
            old = solve(changed(problem, seed))
            near = solve_stable(problem, before(old), tolerance=0.02)
        except Infeasible:
            continue
        assert set(np.unique(near.solution.share)) <= {0.0, 1.0}
        assert near.moved.score <= near.cheapest_moved.score + 1e-9


def test_a_balancer_changes_the_fewest_replicas() -> None:
    compared = 0
    for seed in range(24):
        problem = random_problem(
            seed, services=1, regions=3, origins=3, hours=1, steering="adaptive"
        )
        try:
            old = solve(changed(problem, seed, 0.4))
            near = solve_stable(problem, before(old), tolerance=0.05, time_limit_s=20.0)
        except Infeasible:
            continue
        most = max(near.cheapest.objective, 1.05 * near.cheapest.bound)
        assert near.moved.demand_share is None
        assert near.moved.replicas == near.bound == _fewest(problem, old, most), seed
        compared += 1
    assert compared >= 10


def _fewest(problem: Problem, old: Solution, most: float) -> int:
    """Return the fewest changes by looking at every vector of replicas."""
    steering, best = _Adaptive(problem), 10**6
    for usd, replicas in _vectors(problem):
        count = int(np.abs(replicas - old.replicas).sum())
        if count < best and usd <= most and _could_carry(problem, replicas):
            best = count if usd + steering.usd(replicas) <= most * (1 + 1e-7) else best
    return best


@pytest.fixture(scope="module")
def small() -> Problem:
    scenario = read_scenario(SMALL)
    return build_problem(scenario, failure_states(scenario))


def test_a_region_that_is_no_more_is_named_and_its_demand_moves(small: Problem) -> None:
    plan = optimize(small)
    gone = replace(small, axes=replace(small.axes, regions=("taipei", "singapore", "osaka")))
    previous = previous_of(gone, plan)
    assert any("region osaka" in warning for warning in previous.warnings)
    assert "only in the earlier plan: region tokyo" in previous.warnings
    assert (previous.order == GONE).any()
    assert previous.gone_replicas == sum(s.replicas["tokyo"] for s in plan.services.values())
    near = solve_stable(gone, previous, tolerance=0.5)
    assert near.moved.demand_share is not None
    assert near.moved.demand_share > 0
    assert near.bound <= near.moved.score


def test_the_tolerance_must_not_be_negative(small: Problem) -> None:
    with pytest.raises(ValueError, match="`tolerance` must not be negative"):
        optimize(small, previous=optimize(small), tolerance=-0.1)


@pytest.mark.slow
def test_three_percent_more_demand_does_not_move_the_world() -> None:
    scenario = read_scenario("taiwan")
    problem = build_problem(scenario, failure_states(scenario))
    plan = optimize(problem)
    more = replace(problem, demand_rps=problem.demand_rps * 1.03)
    near = solve_stable(more, previous_of(problem, plan), tolerance=0.01, time_limit_s=120.0)
    assert near.moved.demand_share is not None
    assert near.cheapest_moved.demand_share is not None
    assert near.moved.demand_share < 0.5 * near.cheapest_moved.demand_share
    assert near.moved.replicas <= near.cheapest_moved.replicas
    assert near.solution.objective <= 1.01 * near.cheapest.objective
    assert near.moved.score - near.bound <= 2e-3

"""What must be true of every optimum, whatever the problem, and that the judge confirms it.

Optima are intervals [bound, objective]: one that may not exceed another does so only where its
bound is above the other's objective.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from planner.errors import Infeasible
from planner.optimization.optimize import solve
from planner.problem.arrays import Problem, Solution
from planner.simulation.replay import simulate
from tests.oracles import variants
from tests.oracles.instances import random_problem

Steering = Literal["static", "adaptive"]
Interval = tuple[float, float]

NOWHERE: Interval = (np.inf, np.inf)
"""Optimum of a problem without a plan."""

SLACK = 1e-6
"""A solver keeps rows up to a tolerance, so objectives that are equal agree to so many digits."""

seeds = st.integers(0, 100_000)
few = settings(max_examples=6, suppress_health_check=[HealthCheck.filter_too_much])
both_ways = pytest.mark.parametrize("steering", ["static", "adaptive"])


def solved(problem: Problem) -> Solution | None:
    try:
        return solve(problem, gap=1e-9, time_limit_s=60.0)
    except Infeasible:
        return None


def optimum(problem: Problem) -> Interval:
    found = solved(problem)
    return NOWHERE if found is None else (found.bound, found.objective)


def small(seed: int, steering: Steering) -> Problem:
    return random_problem(seed, steering=steering, services=1 + seed % 2, regions=2 + seed // 2 % 2)


def feasible(problem: Problem) -> Interval:
    """Return the optimum of a problem that must have one: the others would prove nothing."""
    found = optimum(problem)
    assume(found != NOWHERE)
    assert found[1] - found[0] <= SLACK * max(1.0, found[1])
    return found


def never_dearer(one: Interval, other: Interval) -> bool:
    return one[0] <= other[1] + SLACK * max(1.0, min(one[0], other[1]))


def same(one: Interval, other: Interval) -> bool:
    return never_dearer(one, other) and never_dearer(other, one)


@both_ways
@few
@given(seed=seeds)
def test_more_demand_never_costs_less(steering: Steering, seed: int) -> None:
    # Latency is a mean over all requests: more of those that are near would lower it.
    problem = replace(small(seed, steering), usd_per_ms=0.0)
    more = variants.with_more_demand(problem, seed)
    assert never_dearer(feasible(problem), optimum(more))


@both_ways
@few
@given(seed=seeds, factor=st.floats(1.0, 1.5))
def test_the_same_mix_in_larger_numbers_never_costs_less(
    steering: Steering, seed: int, factor: float
) -> None:
    problem = small(seed, steering)
    more = replace(problem, demand_rps=problem.demand_rps * factor)
    assert never_dearer(feasible(problem), optimum(more))


@both_ways
@few
@given(seed=seeds)
def test_one_more_promised_state_never_costs_less(steering: Steering, seed: int) -> None:
    # Orders grow with what is promised, and the longer ones lose less in other states too.
    problem = replace(small(seed, steering), usd_per_lost_request=0.0)
    open_states = np.flatnonzero(~problem.must_survive)
    assume(open_states.size > 0)
    promised = problem.must_survive.copy()
    promised[open_states[seed % open_states.size]] = True
    less = feasible(problem)
    assert never_dearer(less, optimum(replace(problem, must_survive=promised)))


@both_ways
@few
@given(seed=seeds)
def test_other_names_change_nothing(steering: Steering, seed: int) -> None:
    problem = small(seed, steering)
    assert same(feasible(problem), optimum(variants.relabelled(problem, seed)))


@both_ways
@few
@given(seed=seeds, factor=st.sampled_from([0.01, 1 / 3, 30.0, 1000.0]))
def test_other_money_scales_the_optimum(steering: Steering, seed: int, factor: float) -> None:
    problem = small(seed, steering)
    low, high = feasible(problem)
    assert same((low * factor, high * factor), optimum(variants.in_other_money(problem, factor)))


@both_ways
@few
@given(seed=seeds, factor=st.sampled_from([0.01, 1 / 3, 30.0, 1000.0]))
def test_other_units_of_requests_change_nothing(
    steering: Steering, seed: int, factor: float
) -> None:
    problem = small(seed, steering)
    assert same(feasible(problem), optimum(variants.in_other_requests(problem, factor)))


@pytest.mark.parametrize(
    "loosened",
    [
        variants.with_looser_limits,
        variants.with_more_servers,
        variants.with_more_replicas,
        variants.with_wider_uplinks,
        variants.with_higher_ceilings,
    ],
    ids=lambda verb: verb.__name__,
)
@both_ways
@settings(few, max_examples=4)
@given(seed=seeds)
def test_more_room_never_costs_more(
    steering: Steering, loosened: Callable[[Problem, int], Problem], seed: int
) -> None:
    problem = small(seed, steering)
    assert never_dearer(optimum(loosened(problem, seed)), feasible(problem))


@few
@given(seed=seeds)
def test_whole_origins_never_cost_less_than_split_ones(seed: int) -> None:
    problem = small(seed, "static")
    split, whole = (optimum(replace(problem, split_origins=may)) for may in (True, False))
    assume(split != NOWHERE)
    assert never_dearer(split, whole)


@few
@given(seed=seeds)
def test_static_steering_never_costs_less_than_a_balancer(seed: int) -> None:
    static, adaptive = (optimum(small(seed, how)) for how in ("static", "adaptive"))
    assume(adaptive != NOWHERE)
    assert never_dearer(adaptive, static)


@both_ways
@pytest.mark.parametrize("batch", range(3))
def test_the_judge_confirms_every_plan(steering: Steering, batch: int) -> None:
    judged = 0
    for seed in range(1000 + 12 * batch, 1012 + 12 * batch):
        problem = random_problem(seed, steering=steering)
        plan = solved(problem)
        if plan is None:
            continue
        judged += 1
        found = simulate(problem, plan)
        promised = problem.must_survive
        peak_rps = float(problem.demand_rps.sum(axis=(0, 1)).max())
        lost = found.lost.turned_away[promised].sum(axis=(1, 2))
        assert lost.max() <= peak_rps * SLACK, seed
        room = problem.ceiling_share[promised, None, None] * problem.rps_per_replica * plan.replicas
        over = found.load_rps[promised] - room[..., None]
        assert over.max() <= peak_rps * SLACK, seed
    assert judged >= 4

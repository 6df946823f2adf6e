"""Efficient plans against the whole front, which brute force finds vector by vector."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import planner.optimization.efficient
from planner.errors import Infeasible
from planner.optimization.caps import Caps, Goal
from planner.optimization.efficient import Efficient, efficient, nearest, solution
from planner.optimization.epsilon import EpsilonProgram, Least, epsilon_program, least
from planner.optimization.stopping import NEVER
from planner.problem.arrays import Floats, Problem
from tests.oracles import brute_force
from tests.oracles.evaluate import evaluate
from tests.oracles.instances import random_problem

SEEDS = range(2000, 2040)
GAP = 1e-9


def drawn(seed: int) -> Problem:
    """Small enough for brute force; static steering, origins whole where the seed says so."""
    problem = random_problem(
        seed,
        steering="static",
        services=1 + seed // 2 % 2,
        regions=2 + seed // 4 % 2,
        max_replicas=3,
    )
    return replace(problem, usd_per_ms=1.0, usd_per_lost_request=0.0)


def front(problem: Problem) -> Floats:
    """Return cost and least latency of every vector of replicas that keeps the promises."""
    steering = brute_force._Static(problem)
    found = [
        (usd, latency)
        for usd, replicas in brute_force._vectors(problem)
        if brute_force._could_carry(problem, replicas)
        and np.isfinite(latency := steering.usd(replicas))
    ]
    return np.array(found).reshape(-1, 2)


def at(program: EpsilonProgram, cap_ms: float) -> Efficient | None:
    return efficient(program, cap_ms, gap=GAP, stop=NEVER)


@pytest.mark.parametrize("batch", range(4))
def test_every_point_lies_on_the_front_that_brute_force_finds(batch: int) -> None:
    traced = 0
    for seed in SEEDS[10 * batch : 10 * (batch + 1)]:
        problem = drawn(seed)
        all_plans = front(problem)
        try:
            program = epsilon_program(problem)
        except Infeasible:
            assert len(all_plans) == 0, seed
            continue
        near = nearest(program, gap=GAP, stop=NEVER)
        if near is None:
            assert len(all_plans) == 0, seed
            continue
        traced += 1
        floor_ms = near[1]
        cost, latency = all_plans.T
        assert floor_ms == pytest.approx(latency.min(), rel=1e-6), seed
        widest = float(latency.max())
        for cap_ms in (floor_ms, *np.linspace(floor_ms, widest, 4)[1:], np.inf):
            point = at(program, float(cap_ms))
            assert point is not None, (seed, cap_ms)
            within = latency <= cap_ms * (1 + 1e-7)
            least_usd = cost[within].min()
            assert point.cost_usd_month == pytest.approx(least_usd, rel=1e-6), (seed, cap_ms)
            assert point.cost_bound_usd_month == pytest.approx(least_usd, rel=1e-6), seed
            least_ms = latency[cost <= least_usd * (1 + 1e-7) + 1e-9].min()
            assert point.latency_ms == pytest.approx(least_ms, rel=1e-5), (seed, cap_ms)
            found = solution(program, point, GAP)
            priced = replace(problem, usd_per_ms=0.0)
            again, faults = evaluate(priced, found)
            assert faults == [], (seed, cap_ms)
            assert again == pytest.approx(point.cost_usd_month, rel=1e-6, abs=1e-6)
    assert traced >= 3


@pytest.mark.parametrize("seed", [7004, 7018, 7128])
def test_flows_that_join_the_program_late_cost_nothing(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planner.optimization.static.MANY_ENTRIES", -1)
    problem = random_problem(seed, regions=3, origins=3, order=1, split_origins=False)
    problem = replace(problem, usd_per_ms=1.0, usd_per_lost_request=0.0)
    all_plans = front(problem)
    program = epsilon_program(problem, 0)
    before = program.static.program.columns
    cheapest = least(program, "cost", Caps(), gap=GAP, stop=NEVER)
    assert cheapest.best is not None
    usd = program.cost_usd_month(cheapest.best)
    assert usd == pytest.approx(all_plans[:, 0].min(), abs=1e-6)
    found = least(program, "latency", Caps(usd * 1.05, np.inf), gap=GAP, stop=NEVER)
    wanted = all_plans[all_plans[:, 0] <= usd * 1.05 + 1e-9, 1].min()
    assert program.static.program.columns > before
    assert found.bound == pytest.approx(wanted, rel=1e-6)
    assert found.best is not None
    assert program.latency_ms(found.best) == pytest.approx(wanted, rel=1e-6)


def test_a_cap_below_the_least_latency_is_known_to_be_impossible() -> None:
    problem = next(p for p in map(drawn, SEEDS) if len(front(p)))
    program = epsilon_program(problem)
    least_ms = float(front(problem)[:, 1].min())
    assert at(program, 0.99 * least_ms) is None
    assert at(program, 1.01 * least_ms) is not None


def test_a_plan_that_breaks_the_caps_is_no_start() -> None:
    problem = next(p for p in map(drawn, SEEDS) if len(np.unique(np.round(front(p)[:, 1], 6))) > 3)
    program = epsilon_program(problem)
    cheap, least_ms = at(program, np.inf), float(front(problem)[:, 1].min())
    assert cheap is not None
    assert cheap.latency_ms > least_ms * 1.001
    stop = NEVER
    near = least(program, "cost", Caps(latency_ms=least_ms), start=cheap.plan, gap=GAP, stop=stop)
    assert near.best is not None
    assert program.latency_ms(near.best) <= least_ms * (1 + 1e-6)


def test_a_balancer_has_no_shares_to_cap() -> None:
    with pytest.raises(ValueError, match="steered statically"):
        epsilon_program(replace(drawn(2000), steering="adaptive"))


def test_without_time_for_the_least_latency_any_plan_is_the_near_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without_latency(program: EpsilonProgram, goal: Goal, caps: Caps, **rest: Any) -> Least:
        return Least(None, -np.inf) if goal == "latency" else least(program, goal, caps, **rest)

    monkeypatch.setattr(planner.optimization.efficient, "least", without_latency)
    started = 0
    for seed in SEEDS[:10]:
        problem = drawn(seed)
        all_plans = front(problem)
        if not len(all_plans):
            continue
        program = epsilon_program(problem)
        near = nearest(program, gap=GAP, stop=NEVER)
        assert near is not None, seed
        plan, cap_ms = near
        assert cap_ms == program.latency_ms(plan) >= all_plans[:, 1].min() * (1 - 1e-6), seed
        assert program.keeps(plan, Caps()), seed
        assert 0 < program.cost_usd_month(plan) >= all_plans[:, 0].min() * (1 - 1e-6), seed
        started += 1
    assert started > 3

"""The plan of least tail against the extensive form, and what it says of itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.optimization.optimize import solve
from planner.optimization.stopping import Stop
from planner.optimization.tail_program import candidate_of, tail_program, tail_weight
from planner.optimization.tail_risk import LeastTail, least_tail
from planner.problem.arrays import Problem, Solution
from planner.simulation import replay
from planner.simulation.tail import lost_share, tail_of
from tests.oracles import tail_form
from tests.oracles.instances import random_problem

BETA = 0.9


def drawn(seed: int) -> Problem:
    """Small, with states beyond the promise that are likely enough to matter."""
    problem = random_problem(
        seed, steering="static", services=1 + seed % 2, regions=3, order=1, max_replicas=4
    )
    probability = np.where(problem.must_survive, 0.01, 0.08)
    probability[0] = 0.0
    probability *= 0.3 / max(probability.sum(), 0.3)
    probability[0] = 0.97 - probability.sum()
    return replace(problem, state_probability=probability)


def solved(problem: Problem) -> Solution | None:
    try:
        return solve(problem, gap=1e-6)
    except Infeasible:
        return None


def least(problem: Problem, budget: float, start: Solution | None = None) -> LeastTail | None:
    program = tail_program(problem, BETA)
    first = None if start is None else candidate_of(program, start)
    return least_tail(program, budget, start=first, gap=1e-7, stop=Stop(30.0))


@pytest.mark.parametrize("batch", range(3))
def test_the_least_tail_is_that_of_the_extensive_form(batch: int) -> None:
    moved = seen = 0
    for seed in range(3000 + 12 * batch, 3012 + 12 * batch):
        problem = drawn(seed)
        # A plan to which losses are nothing is the start from which there is something to gain.
        main = solved(replace(problem, usd_per_lost_request=0.0))
        if main is None:
            continue
        program = tail_program(problem, BETA)
        first = candidate_of(program, main)
        assert first is not None
        spent = program.cost_usd_month(first)
        for factor in (1.0, 1.15):
            budget = spent * factor + 1e-6
            wanted = tail_form.least_tail(problem, BETA, budget)
            found = least(problem, budget, main)
            assert found is not None
            seen += 1
            assert found.value == pytest.approx(wanted, abs=2e-6), (seed, factor)
            assert found.bound <= wanted + 1e-6, (seed, factor)
            assert found.bound == pytest.approx(wanted, abs=2e-6), (seed, factor)
            moved += found.value < program.value(first) - 1e-6
    assert seen >= 12
    assert moved >= 2, moved


@pytest.mark.parametrize("seed", [3029, 3060, 3065, 3125, 3250])
def test_rows_that_a_candidate_adds_on_its_way_do_not_end_the_search(seed: int) -> None:
    problem = drawn(seed)
    main = solved(problem)
    assert main is not None
    first = candidate_of(tail_program(problem, BETA), main)
    assert first is not None
    budget = 1.15 * tail_program(problem, BETA).cost_usd_month(first) + 1e-6
    wanted = tail_form.least_tail(problem, BETA, budget)
    for start in (None, main):
        found = least(problem, budget, start)
        assert found is not None
        assert found.value == pytest.approx(wanted, abs=2e-6)
        assert found.bound == pytest.approx(wanted, abs=2e-6)


def test_where_every_state_is_promised_the_tail_is_nothing_and_the_budget_holds() -> None:
    seen = 0
    for seed in range(3000, 3012):
        problem = replace(drawn(seed), must_survive=np.ones_like(drawn(seed).must_survive))
        main = solved(problem)
        if main is None:
            continue
        seen += 1
        program = tail_program(problem, BETA)
        first = candidate_of(program, main)
        assert first is not None
        spent = program.cost_usd_month(first)
        found = least(problem, spent)
        assert found is not None
        assert found.value == pytest.approx(program.missing / (1 - BETA), abs=1e-9)
        assert program.cost_usd_month(found.plan) <= spent * (1 + 1e-6)
    assert seen >= 2


def test_the_judge_finds_the_same_tail() -> None:
    for seed in range(3040, 3052):
        problem = drawn(seed)
        if solved(problem) is None:
            continue
        program = tail_program(problem, BETA)
        found = least_tail(program, np.inf, gap=1e-6, stop=Stop(30.0))
        assert found is not None
        columns, plan = program.static.columns, found.plan
        solution = Solution(
            replicas=plan.replicas,
            host=columns.host,
            origin=columns.origin,
            order=columns.order,
            share=plan.share,
            routing=None,
            objective=plan.objective,
            bound=plan.objective,
            status="optimal",
            solver="",
            seed=0,
            seconds=0.0,
        )
        lost = lost_share(replay.simulate(problem, solution))
        assert lost[problem.must_survive].max() <= 1e-6
        judged = tail_of(lost, problem.state_probability, BETA)
        assert judged.high == pytest.approx(found.value, abs=2e-6), seed


def test_more_money_never_makes_the_tail_worse() -> None:
    problem = drawn(3001)
    main = solved(problem)
    assert main is not None
    spent = float(main.objective)
    values = []
    for budget in (spent, 1.2 * spent, 2 * spent, np.inf):
        found = least(problem, budget, main)
        assert found is not None
        values.append(found.value)
    assert all(b <= a + 1e-6 for a, b in pairwise(values))


def test_a_budget_below_every_plan_finds_none() -> None:
    assert least(drawn(3001), 1.0) is None


def test_a_tail_smaller_than_what_is_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`beta` must be in \[0, 0\.97\]"):
        tail_program(drawn(3001), 0.98)


def test_adaptive_steering_is_refused() -> None:
    with pytest.raises(ValueError, match="steered statically"):
        tail_program(random_problem(1, steering="adaptive"), 0.5)


def test_weights_of_the_tail_take_the_worst_first() -> None:
    lost, probability = np.array([0.2, 0.8, 0.0, 0.8]), np.array([0.3, 0.1, 0.5, 0.1])
    assert tail_weight(lost, probability, 0.15).tolist() == pytest.approx([0, 0.1, 0, 0.05])
    assert tail_weight(lost, probability, 0.0).sum() == 0
    assert tail_weight(lost, probability, 1.0).tolist() == pytest.approx(probability.tolist())

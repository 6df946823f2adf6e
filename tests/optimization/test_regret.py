"""Replicas of least regret against an extensive form and brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.optimization.optimize import solve
from planner.optimization.regret import LeastRegret, least_regret
from planner.optimization.stopping import Stop
from planner.problem.arrays import Ints, Problem
from tests.oracles import regret_form
from tests.oracles.instances import random_problem

PRICE = 2e-5
SLOW = pytest.param(range(4106, 4114), marks=pytest.mark.slow)


def drawn(seed: int, *, regions: int = 3, services: int | None = None) -> list[Problem]:
    """The same small problem with its own demand, a low one, a high one, and one origin alone."""
    problem = random_problem(
        seed,
        regions=regions,
        services=services or 1 + seed % 2,
        origins=3,
        order=1,
        hours=2,
        max_replicas=3,
    )
    alone = np.ones((problem.demand_rps.shape[1], 1))
    alone[0] = 1.4
    rps = problem.demand_rps
    return [replace(problem, demand_rps=rps * factor) for factor in (np.ones(1), 0.6, 1.3, alone)]


def main(problem: Problem) -> Ints | None:
    try:
        return solve(problem, gap=1e-6).replicas
    except Infeasible:
        return None


def found(problems: list[Problem], start: Ints, price: float = PRICE) -> LeastRegret:
    return least_regret(problems, start, price, gap=1e-6, stop=Stop(60.0))


@pytest.mark.parametrize("batch", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_the_least_regret_is_that_of_the_extensive_form(batch: int) -> None:
    seen = 0
    for seed in range(4000 + 5 * batch, 4005 + 5 * batch):
        problems = drawn(seed)
        start = main(problems[0])
        if start is None:
            continue
        result = found(problems, start)
        for j, (problem, each) in enumerate(zip(problems, result.best, strict=True)):
            kept, own = j == 0, result.own[j]
            wanted = regret_form.cost_usd(problem, PRICE, kept=kept)
            assert each.low <= wanted * (1 + 1e-6), seed
            assert each.high == pytest.approx(wanted, rel=1e-5), seed
            usd = regret_form.cost_usd(problem, PRICE, own, kept=kept)
            assert usd == pytest.approx(each.high, rel=1e-5)
        wanted = regret_form.least_regret(problems, PRICE)
        slack = 1e-5 * result.best[0].high
        assert result.regret.high == pytest.approx(wanted, abs=slack), seed
        assert result.regret.low == pytest.approx(wanted, abs=slack), seed
        seen += 1
    assert seen >= 2


@pytest.mark.parametrize("seeds", [range(4100, 4106), SLOW])
def test_brute_force_over_replicas_finds_nothing_regretted_less(seeds: range) -> None:
    seen = 0
    for seed in seeds:
        problems = drawn(seed, regions=2, services=1)
        start = main(problems[0])
        if start is None:
            continue
        result = found(problems, start)
        wanted = regret_form.least_regret_by_force(problems, PRICE)
        assert result.regret.high == pytest.approx(wanted, abs=1e-5 * result.best[0].high), seed
        for row, replicas in zip(result.table, (*result.own, result.replicas), strict=True):
            for j, problem in enumerate(problems):
                usd = regret_form.cost_usd(problem, PRICE, replicas, kept=j == 0)
                usd = usd if np.isfinite(usd) else regret_form.cost_usd(problem, PRICE, replicas)
                assert row[j] == pytest.approx(usd - result.best[j].low, abs=1e-4 * usd), seed
        seen += 1
    assert seen >= 1


def test_under_the_demand_planned_for_promises_are_kept_whatever_they_cost() -> None:
    price, dearer = 1e-7, 0
    for seed in (4006, 4026, 4028):
        each = drawn(seed, regions=3, services=1)
        problems = [replace(problem, usd_per_ms=20.0) for problem in each]
        start = main(problems[0])
        assert start is not None
        result = found(problems, start, price)
        wanted = regret_form.least_regret_by_force(problems, price)
        slack = 1e-5 * result.best[0].high
        assert wanted == pytest.approx(regret_form.least_regret(problems, price), abs=slack), seed
        assert result.regret.low - slack <= wanted <= result.regret.high + slack, seed
        kept = regret_form.cost_usd(problems[0], price, result.replicas, kept=True)
        assert result.table[-1][0] == pytest.approx(kept - result.best[0].low, abs=slack), seed
        assert result.table[0][0] <= slack, seed
        dearer += kept > regret_form.cost_usd(problems[0], price, result.replicas) + slack
    assert dearer >= 1


def test_one_demand_alone_is_not_regretted() -> None:
    problems = drawn(4000)[:1]
    start = main(problems[0])
    assert start is not None
    result = found(problems, start)
    assert result.regret.high <= 1e-4 * result.best[0].high


def test_bad_arguments_are_refused() -> None:
    problems, start = drawn(4000), np.zeros((1, 1), np.int64)
    with pytest.raises(ValueError, match="`promise_usd` must be above 0"):
        least_regret(problems, start, 0.0, stop=Stop(1.0))
    adaptive = replace(problems[0], steering="adaptive")
    with pytest.raises(ValueError, match="steered statically"):
        least_regret([adaptive], start, 1.0, stop=Stop(1.0))

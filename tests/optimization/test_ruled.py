"""Plans with one rule an origin: against brute force, whole origins and shares at will."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.model.policy import DnsRules
from planner.optimization import rule_program
from planner.optimization.candidates import Candidate
from planner.optimization.optimize import solve
from planner.optimization.ruled import price_sentence, solve_ruled
from planner.optimization.search import Found
from planner.optimization.stopping import Stop
from planner.problem.arrays import Problem, Solution
from tests.benchmarks.generators import survivable_capacity
from tests.oracles.evaluate import evaluate
from tests.oracles.instances import random_problem
from tests.oracles.ruled import least_usd

HALVES = DnsRules(kind="percents", grid_percent=25, regions=2)
NEXT = DnsRules(kind="percents", grid_percent=50, regions=2, on_loss="next")
THIRDS = DnsRules(kind="percents", grid_percent=25, regions=3)
LIST = DnsRules(kind="list")


def tiny(seed: int, regions: int = 3) -> Problem:
    problem = random_problem(
        seed, services=1 + seed % 2, origins=3, regions=regions, hours=2, max_replicas=3, order=1
    )
    return replace(problem, usd_per_lost_request=0.0, split_origins=True)


def ruled(problem: Problem, rules: DnsRules) -> Solution | None:
    try:
        return solve(replace(problem, rules=rules), gap=1e-9, time_limit_s=30.0)
    except Infeasible:
        return None


@pytest.mark.parametrize(
    "rules", [HALVES, NEXT, THIRDS, LIST], ids=["two", "next", "three", "list"]
)
def test_the_optimum_is_that_of_brute_force(rules: DnsRules) -> None:
    feasible = 0
    for seed in (301, 302, 304, 307, 308):
        problem = tiny(seed)
        expected, found = least_usd(problem, rules), ruled(problem, rules)
        objective = np.inf if found is None else found.objective
        assert objective == pytest.approx(expected, rel=1e-6, abs=1e-6), seed
        if found is not None:
            feasible += 1
            assert found.bound == pytest.approx(expected, rel=1e-6, abs=1e-6), seed
            again, faults = evaluate(problem, found)
            assert faults == [], seed
            assert again == pytest.approx(found.objective, rel=1e-6, abs=1e-6), seed
    assert feasible >= 3


def test_lists_alone_are_whole_origins() -> None:
    for seed in range(400, 408):
        problem = random_problem(seed, origins=4, hours=2)
        lists = ruled(problem, LIST)
        try:
            whole = solve(replace(problem, split_origins=False), gap=1e-9, time_limit_s=30.0)
        except Infeasible:
            assert lists is None
            continue
        assert lists is not None
        assert lists.objective == pytest.approx(whole.objective, rel=1e-6), seed


def test_rules_never_cost_less_than_shares_at_will_and_finer_grids_never_more() -> None:
    for seed in (500, 501, 502, 503):
        problem = replace(random_problem(seed, origins=4, hours=2), split_origins=True)
        try:
            free = solve(problem, gap=1e-9, time_limit_s=30.0)
        except Infeasible:
            continue
        grids = [DnsRules(kind="percents", grid_percent=step, regions=2) for step in (50, 25)]
        costs = [ruled_cost(problem, rules) for rules in (LIST, *grids)]
        assert min(costs) >= free.bound - 1e-6
        assert costs[0] >= costs[1] - 1e-6
        assert costs[1] >= costs[2] - 1e-6


def test_percents_cost_no_more_than_lists_also_where_the_solver_finds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rule_program, "_branched", lambda ruled, table, best, *_: (best, -np.inf))
    for seed in (2, 3, 4):
        problem = survivable_capacity(seed, 4, 12, 1, 1, steering="static")
        lists = solve(replace(problem, split_origins=False), gap=1e-6, time_limit_s=60.0)
        for rules in (HALVES, NEXT, THIRDS):
            found = solve(replace(problem, rules=rules), gap=1e-6, time_limit_s=60.0)
            assert found.objective <= lists.objective * (1 + 1e-6), (seed, rules)


def ruled_cost(problem: Problem, rules: DnsRules) -> float:
    found = ruled(problem, rules)
    return np.inf if found is None else found.objective


def test_the_answer_says_what_rules_cost() -> None:
    found = ruled(tiny(301), HALVES)
    assert found is not None
    assert "USD a month more than shares at will" in found.notes[0]
    assert "steps of 25 %" in found.notes[0]


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        ((112.5, 100.0), "costs 12.50 USD a month more"),
        ((112.4962, 99.9962), "costs 12.50 USD a month more"),
        ((112.0, 99.0), "costs 12.00 to 13.50 USD a month more"),
        ((100.0, 99.0), "costs 0.00 to 13.50 USD a month more"),
    ],
)
def test_ends_that_agree_to_the_cent_are_one_number(bounds: tuple[float, float], told: str) -> None:
    found, free = (
        Found(Candidate(np.zeros((1, 1), np.int64), np.ones(1), objective), bound, True)
        for objective, bound in zip((112.5, 100.0), bounds, strict=True)
    )
    assert told in (price_sentence(LIST, found, free) or "")


def test_rules_that_cost_less_than_half_a_cent_are_not_mentioned() -> None:
    one = Candidate(np.zeros((1, 1), np.int64), np.ones(1), 100.0)
    ends = [(Found(one, 100.0, True), Found(one, bound, True)) for bound in (99.996, 99.99)]
    assert [price_sentence(LIST, *pair) is None for pair in ends] == [True, False]


def test_any_rule_costs_what_shares_at_will_do() -> None:
    problem = tiny(301)
    plain, any_rule = solve(problem), solve(replace(problem, rules=DnsRules()))
    assert any_rule.notes == plain.notes == ()
    assert any_rule.objective == pytest.approx(plain.objective, rel=1e-9)


def test_where_no_rule_holds_but_shares_at_will_do_that_is_said() -> None:
    problem = random_problem(
        723, services=1, origins=2, regions=3, hours=1, order=1, max_replicas=2
    )
    problem = replace(problem, split_origins=True, usd_per_lost_request=0.0)
    assert solve(problem).objective < np.inf
    assert least_usd(problem, LIST) == np.inf
    with pytest.raises(Infeasible, match="one rule an origin"):
        solve_ruled(replace(problem, rules=LIST), gap=1e-9, stop=Stop(20.0), seed=0)


def test_the_same_input_gives_the_same_plan() -> None:
    one, other = ruled(tiny(302), THIRDS), ruled(tiny(302), THIRDS)
    assert one is not None
    assert other is not None
    for field in ("replicas", "share", "order"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


@pytest.mark.parametrize("rules", [LIST, HALVES], ids=["list", "percents"])
def test_where_nobody_calls_rules_cost_nothing(rules: DnsRules) -> None:
    problem = tiny(301)
    silent = replace(problem, demand_rps=np.zeros_like(problem.demand_rps), rules=rules)
    found, free = solve(silent), solve(replace(silent, rules=None))
    assert found.objective == free.objective
    assert found.notes == ()

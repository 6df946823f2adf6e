"""The frontier of the small scenario: curves, bounds, levels, and plans that hold."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.failures.states import failure_states
from planner.io.plans import plan_text, read_plan
from planner.io.scenarios import read_scenario
from planner.model.policy import Survive
from planner.model.scenario import Scenario
from planner.optimization.optimize import solve
from planner.problem.build import build_problem
from planner.studies.frontier import (
    LEVELS,
    Frontier,
    FrontierPoint,
    levels_of,
    of_level,
    trace_frontier,
)
from planner.studies.main_job import simulate

SMALL = Path(__file__).resolve().parents[1] / "data" / "good" / "small.yaml"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return read_scenario(SMALL)


@pytest.fixture(scope="module")
def frontier(scenario: Scenario) -> Frontier:
    return trace_frontier(scenario)


def curve(frontier: Frontier, name: str) -> tuple[FrontierPoint, ...]:
    return next(level.points for level in frontier.levels if level.survive == name)


def test_levels_are_those_that_the_scenario_can_have(scenario: Scenario) -> None:
    assert levels_of(scenario) == ("none", "N-1", "N-2", "risk-groups")
    bare = scenario.model_copy(update={"risk_groups": {}})
    assert levels_of(bare) == ("none", "N-1", "N-2")
    few = dict(list(scenario.regions.items())[:2])
    assert levels_of(bare.model_copy(update={"regions": few})) == ("none", "N-1")


def test_each_curve_falls(frontier: Frontier) -> None:
    assert len(frontier.points) > 8
    for level in frontier.levels:
        cost = [p.cost_usd_month for p in level.points]
        latency = [p.mean_latency_ms for p in level.points]
        assert cost == sorted(set(cost))
        assert latency == sorted(set(latency), reverse=True)


def test_the_ends_are_the_least_cost_and_the_least_latency(
    scenario: Scenario, frontier: Frontier
) -> None:
    for name in ("none", "N-1", "risk-groups"):
        own = of_level(scenario, LEVELS[name])
        problem = build_problem(own, failure_states(own))
        cheap = solve(problem, gap=1e-6)
        # A thousand dollars' worth of latency for each cent of cost.
        near = solve(replace(problem, usd_per_ms=1e6), gap=1e-6)
        points = curve(frontier, name)
        assert points[0].cost_usd_month == pytest.approx(cheap.objective, rel=1e-3)
        assert points[0].epsilon_ms is None
        fixed = float(problem.fixed_cost_usd_month @ (near.replicas.sum(axis=0) > 0))
        usd = fixed + float((problem.cost_usd_month * near.replicas).sum())
        least_ms = (near.objective - usd) / 1e6
        assert points[-1].mean_latency_ms == pytest.approx(least_ms, rel=2e-3)


def test_no_price_of_latency_finds_a_plan_below_the_curve(
    scenario: Scenario, frontier: Frontier
) -> None:
    own = of_level(scenario, LEVELS["none"])
    problem = build_problem(own, failure_states(own))
    points = curve(frontier, "none")
    for usd_per_ms in (1.0, 5.0, 20.0, 50.0, 200.0):
        found = solve(replace(problem, usd_per_ms=usd_per_ms), gap=1e-6)
        fixed = float(problem.fixed_cost_usd_month @ (found.replicas.sum(axis=0) > 0))
        usd = fixed + float((problem.cost_usd_month * found.replicas).sum())
        latency_ms = (found.objective - usd) / usd_per_ms
        for point in points:
            if point.epsilon_ms is None or latency_ms <= point.epsilon_ms:
                assert usd >= point.bound - 1e-6, (usd_per_ms, point.epsilon_ms)
        near = min(points, key=lambda p: p.cost_usd_month + usd_per_ms * p.mean_latency_ms)
        value = near.cost_usd_month + usd_per_ms * near.mean_latency_ms
        assert value >= found.bound - 1e-6 * (1 + usd_per_ms)
        assert value <= found.objective * 1.002


def test_more_survival_never_costs_less_at_the_same_latency(frontier: Frontier) -> None:
    for more in ("N-1", "risk-groups"):
        for strict in curve(frontier, more):
            for loose in curve(frontier, "none"):
                cap = np.inf if loose.epsilon_ms is None else loose.epsilon_ms
                if strict.mean_latency_ms <= cap:
                    assert strict.cost_usd_month >= loose.bound - 1e-6


def test_bounds_gaps_and_parts_agree_with_the_plan(frontier: Frontier) -> None:
    for point in frontier.points:
        cost, proof = point.plan.cost, point.plan.proof
        assert point.bound <= point.cost_usd_month + 1e-6
        assert point.gap <= 1e-3
        assert proof.status == "optimal"
        assert cost.fixed_usd_month + cost.replicas_usd_month == pytest.approx(point.cost_usd_month)
        assert cost.latency_usd_month == cost.lost_usd_month == 0
        assert point.latency_bound_ms <= point.mean_latency_ms + 1e-6
        assert point.mean_latency_ms - point.latency_bound_ms <= 1e-3 * point.mean_latency_ms + 1e-6
        if point.epsilon_ms is not None:
            assert point.mean_latency_ms <= point.epsilon_ms * (1 + 1e-6)


def test_the_judge_keeps_every_plan(frontier: Frontier, tmp_path: Path) -> None:
    for n, point in enumerate(frontier.points):
        file = tmp_path / f"{n}.yaml"
        file.write_text(plan_text(point.plan), encoding="utf-8")
        plan = read_plan(file)
        assert plan == point.plan
        assert plan.scenario.policy.survive == LEVELS[point.survive]
        states = failure_states(plan.scenario)
        result = simulate(build_problem(plan.scenario, states), plan)
        assert result.unserved_share[result.must_survive].max() <= 1e-9
        assert (result.p95_over_limit[result.must_survive] <= 1 + 1e-9).all()


def test_one_knee_a_curve_and_none_where_there_is_no_bend(frontier: Frontier) -> None:
    for level in frontier.levels:
        knees = sum(p.knee for p in level.points)
        assert knees == (1 if len(level.points) > 2 else 0)


def test_a_level_without_a_plan_says_why_and_the_others_stand(frontier: Frontier) -> None:
    by_name = {level.survive: level for level in frontier.levels}
    assert isinstance(by_name["N-2"].missing, Infeasible)
    assert "taipei + singapore down" in str(by_name["N-2"].missing)
    assert by_name["N-2"].points == ()
    assert frontier.proven


def test_where_no_level_has_a_plan_it_is_infeasible(scenario: Scenario) -> None:
    with pytest.raises(Infeasible, match="home_regions"):
        trace_frontier(scenario, levels=["N-2"])


def test_the_same_scenario_gives_the_same_curve(scenario: Scenario, frontier: Frontier) -> None:
    again = trace_frontier(scenario, levels=["none"])
    assert again.levels[0].points == curve(frontier, "none")


def test_the_policy_and_the_prices_given_do_not_matter(scenario: Scenario) -> None:
    policy = scenario.policy.model_copy(update={"survive": Survive()})
    cost = scenario.cost.model_copy(update={"preset": "cost"})
    other = scenario.model_copy(update={"policy": policy, "cost": cost})
    one, two = (trace_frontier(s, levels=["N-1"]) for s in (scenario, other))
    assert one.table.equals(two.table)


def test_arguments_are_checked(scenario: Scenario) -> None:
    with pytest.raises(ValueError, match="at least 3"):
        trace_frontier(scenario, points=2)
    with pytest.raises(ValueError, match="N-7"):
        trace_frontier(scenario, levels=["N-7"])


def test_the_curve_of_the_95th_percentile_falls_and_lies_above_the_cheapest(
    scenario: Scenario, frontier: Frontier
) -> None:
    found = trace_frontier(scenario, levels=["none", "N-1"], latency="p95")
    for level in found.levels:
        cost = [p.cost_usd_month for p in level.points]
        p95 = [p.p95_ms for p in level.points]
        assert len(cost) >= 2
        assert cost == sorted(set(cost))
        assert p95 == sorted(set(p95), reverse=True)
        least = curve(frontier, level.survive)[0].cost_usd_month
        assert cost[0] == pytest.approx(least, rel=1e-3)
        for point in level.points:
            assert point.epsilon_ms is None or point.p95_ms <= point.epsilon_ms + 1e-3
            # The plan's own queues are never busier than the ceiling that the cap assumes.
            for service in point.plan.services.values():
                assert min(service.origin_p95_ms.values()) <= point.p95_ms * 1.03


def test_ctrl_c_keeps_the_points_found_so_far(scenario: Scenario) -> None:
    seen: list[str] = []

    def interrupt(text: str) -> None:
        seen.append(text)
        if text == "none: point 4":
            signal.raise_signal(signal.SIGINT)

    found = trace_frontier(scenario, levels=["none", "N-1"], step=interrupt)
    assert not found.proven
    assert len(found.levels[0].points) >= 3
    assert found.levels[1].points == ()
    assert "Ctrl-C" in str(found.levels[1].missing)
    assert seen[-1] == "none: point 4"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

"""A plan says what was decided, and arrays read back from it say the same."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.failures.states import failure_states
from planner.federation import karmada, kubefed
from planner.federation.kubefed import Preference
from planner.io.scenarios import read_scenario
from planner.model.plan import Plan
from planner.model.scenario import Scenario
from planner.optimization.optimize import solve
from planner.problem.arrays import Problem, Solution
from planner.problem.build import build_problem
from planner.problem.documents import as_plan, mean_latency_ms, month_of, solution_of
from planner.problem.packing import largest_replicas, packing_limits
from planner.simulation.replay import simulate
from planner.studies.main_job import judge
from tests.oracles import packing
from tests.oracles.evaluate import evaluate

SMALL = Path(__file__).parent.parent / "data" / "good" / "small.yaml"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return read_scenario(SMALL)


@pytest.fixture(scope="module")
def problem(scenario: Scenario) -> Problem:
    # Six times the demand, so that replicas are not at their minimum.
    plain = build_problem(scenario, failure_states(scenario))
    return replace(plain, demand_rps=plain.demand_rps * 6)


@pytest.fixture(scope="module")
def solution(problem: Problem) -> Solution:
    return solve(problem)


@pytest.fixture(scope="module")
def plan(problem: Problem, solution: Solution) -> Plan:
    return as_plan(problem, solution, judge(problem, solution))


def columns(solution: Solution) -> set[tuple[int, int, tuple[int, ...], float]]:
    return {
        (int(h), int(o), tuple(int(r) for r in order if r >= 0), round(float(share), 9))
        for h, o, order, share in zip(
            solution.host, solution.origin, solution.order, solution.share, strict=True
        )
    }


def test_a_solution_comes_back_from_its_plan(
    problem: Problem, solution: Solution, plan: Plan
) -> None:
    again = solution_of(problem, plan)
    assert (again.replicas == solution.replicas).all()
    assert columns(again) == columns(solution)
    assert again.routing is None
    assert (again.status, again.solver, again.seed) == ("optimal", solution.solver, 0)
    assert again.objective == pytest.approx(solution.objective, abs=1e-6)
    assert again.bound == pytest.approx(solution.bound, abs=1e-6)


def test_the_plan_read_back_keeps_every_promise_at_its_price(problem: Problem, plan: Plan) -> None:
    indexed = replace(problem, axes=replace(problem.axes, hours=tuple(range(4))))
    usd, faults = evaluate(indexed, solution_of(problem, plan))
    assert faults == []
    assert usd == pytest.approx(plan.proof.objective, rel=1e-6)


def test_the_cost_adds_up(problem: Problem, solution: Solution, plan: Plan) -> None:
    cost = plan.cost
    parts = cost.fixed_usd_month, cost.replicas_usd_month, cost.latency_usd_month
    assert sum(parts) + cost.lost_usd_month == pytest.approx(plan.proof.objective, abs=1e-4)
    assert cost.latency_usd_month == pytest.approx(100.0 * cost.mean_latency_ms, rel=1e-6)
    ms = rps = 0.0
    for h, o, order, share in columns(solution):
        for s in np.flatnonzero(problem.host_of_service == h):
            part = share * float(problem.demand_rps[s, o].mean())
            ms, rps = ms + part * float(problem.latency_ms[s, o, order[0]]), rps + part
    assert mean_latency_ms(problem, solution) == pytest.approx(ms / rps, rel=1e-9)
    assert cost.mean_latency_ms == pytest.approx(ms / rps, abs=1e-6)


def test_the_controllers_own_division_returns_the_replicas(plan: Plan) -> None:
    clusters = {r: region.cluster for r, region in plan.scenario.regions.items()}
    varied = 0
    for name, service in plan.services.items():
        wanted = {clusters[r]: n for r, n in service.replicas.items()}
        weights = {t: {clusters[r]: w for r, w in ws.items()} for t, ws in service.weights.items()}
        varied += len(set(weights["kubefed"].values())) > 1
        preferences = {c: Preference(weight=w) for c, w in weights["kubefed"].items()}
        key = f"{plan.scenario.namespace}/{name}"
        got, overflow = kubefed.divide(service.total, preferences, wanted, key=key)
        assert {c: got.get(c, 0) for c in wanted} == wanted
        assert not any(overflow.values())
        for uid in ("", "5f0d2c1e-0000-4000-8000-000000000001"):
            split = karmada.divide_static(service.total, weights["karmada"], uid=uid)
            assert {c: split.get(c, 0) for c in wanted} == wanted
    assert varied


def test_maxima_are_what_the_pools_hold(problem: Problem, solution: Solution, plan: Plan) -> None:
    largest = largest_replicas(problem, packing_limits(problem), solution.replicas)
    for s, (name, service) in enumerate(plan.services.items()):
        assert list(service.max_replicas.values()) == largest[s].tolist(), name
        assert service.total == sum(service.replicas.values())
    for r in range(largest.shape[1]):
        assert packing.region_fits(problem, r, largest[:, r].tolist())


def test_shares_are_sorted_and_whole(plan: Plan) -> None:
    for origins in plan.hosts.values():
        assert list(origins) == list(plan.scenario.origins)
        for parts in origins.values():
            shares = [part.share for part in parts]
            assert sum(shares) == pytest.approx(1, abs=1e-9)
            assert shares == sorted(shares, reverse=True)
            assert all(len(set(part.order)) == len(part.order) == 2 for part in parts)


@pytest.mark.parametrize(
    ("factor", "month"),
    [
        (1.0, "2027-01"),
        (1.3, "2028-01"),
        (1.3**2, "2029-01"),
        (1.0001, "2027-02"),
        (1.11, "2027-06"),
        (0.9, "2027-01"),
        (float("inf"), None),
    ],
)
def test_the_month_in_which_growth_passes_a_factor(
    scenario: Scenario, factor: float, month: str | None
) -> None:
    # 1.3 a year from January 2027: month m has demand 1.3 ** (m / 12).
    assert month_of(scenario, factor) == month


def test_months_are_counted_one_by_one(scenario: Scenario) -> None:
    for factor in (1.01, 1.05, 1.5, 2.0, 7.7):
        months = next(m for m in range(2000) if 1.3 ** (m / 12) >= factor * (1 - 1e-9))
        expected = f"{2027 + months // 12}-{months % 12 + 1:02d}"
        assert month_of(scenario, factor) == expected


def test_without_growth_the_month_never_comes(scenario: Scenario) -> None:
    still = scenario.model_copy(
        update={"growth": scenario.growth.model_copy(update={"share_year": 0.0})}
    )
    assert month_of(still, 1.5) is None


def test_bare_arrays_are_refused(problem: Problem, solution: Solution) -> None:
    with pytest.raises(ValueError, match="must carry its scenario"):
        as_plan(replace(problem, scenario=None), solution, judge(problem, solution))


def test_an_adaptive_plan_read_back_still_serves_everybody(problem: Problem) -> None:
    free = replace(problem, steering="adaptive")
    found = solve(free)
    written = as_plan(free, found, judge(free, found))
    result = simulate(free, solution_of(free, written))
    assert result.worst.unserved_share == 0.0
    assert result.p95_over_limit[free.must_survive].max() <= 1.0


def test_an_adaptive_plan_shows_its_routing(problem: Problem) -> None:
    free = replace(problem, steering="adaptive")
    found = solve(free)
    assert found.routing is not None
    written = as_plan(free, found, judge(free, found))
    assert written.steering == "adaptive"
    axes, hour = free.axes, int(free.demand_rps[0].sum(axis=0).argmax())
    for origin, parts in written.hosts["api.example.com"].items():
        o = axes.origins.index(origin)
        assert sum(part.share for part in parts) == pytest.approx(1, abs=1e-6)
        for part in parts:
            routed = found.routing[0, o, axes.regions.index(part.order[0]), hour]
            assert part.share == pytest.approx(float(routed), abs=1e-9)


SCRIPT = """
import sys
from planner.failures.states import failure_states
from planner.io.plans import plan_text
from planner.io.scenarios import read_scenario
from planner.problem.build import build_problem
from planner.studies.main_job import optimize
scenario = read_scenario(sys.argv[1])
sys.stdout.write(plan_text(optimize(build_problem(scenario, failure_states(scenario)))))
"""


def text_of(seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(SMALL)],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def test_two_processes_write_the_same_bytes_without_times() -> None:
    one, two = text_of("1"), text_of("4242")
    assert hashlib.sha256(one.encode()).digest() == hashlib.sha256(two.encode()).digest()
    assert "proof:" in one
    decided = one.split("scenario_digest:")[1]
    assert not re.search(r"^ *(seconds|time|date|created|generated)\w*:", decided, re.MULTILINE)
    assert not re.search(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:", one)

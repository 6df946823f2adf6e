"""Routing that is priced instead of carried: the same optimum as the extensive form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.optimization import adaptive, cuts, rerouting, worst_sets
from planner.optimization.master import state_groups
from planner.optimization.normal_routing import routing_bound
from planner.optimization.optimize import solve
from planner.optimization.repair import repaired
from planner.optimization.rerouting import adaptive_program
from planner.optimization.stopping import NEVER, Stop
from planner.problem.arrays import Floats, Problem, Solution
from planner.problem.packing import fits
from planner.units import KIB_BITS
from tests.benchmarks.generators import survivable_capacity
from tests.oracles import brute_force, extensive_form
from tests.oracles.instances import random_problem


@pytest.fixture(autouse=True)
def as_if_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small instances go the way of large ones."""
    monkeypatch.setattr(adaptive, "FLOW_LIMIT", 0)
    for module in (cuts, rerouting, worst_sets):
        monkeypatch.setattr(module, "SUBSET_LIMIT", 1)


def solved(problem: Problem) -> Solution | None:
    try:
        return solve(problem, gap=1e-7, time_limit_s=30.0)
    except Infeasible:
        return None


def value(problem: Problem) -> float:
    found = solved(problem)
    return np.inf if found is None else found.objective


@pytest.mark.parametrize("seed", range(900, 912))
def test_priced_routing_agrees_with_the_extensive_form(seed: int) -> None:
    problem = random_problem(seed, regions=4, steering="adaptive")
    assert value(problem) == pytest.approx(extensive_form.solve(problem)[0], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(920, 930))
def test_without_a_price_of_latency_the_plan_can_still_be_routed(seed: int) -> None:
    problem = replace(random_problem(seed, regions=4, steering="adaptive"), usd_per_ms=0.0)
    problem = replace(problem, uplink_gbps=np.full(4, 1e6))
    found = solved(problem)
    written, _ = extensive_form.solve(problem)
    assert (np.inf if found is None else found.objective) == pytest.approx(written, rel=1e-6)
    if found is None or found.routing is None:
        return
    calls = problem.demand_rps > 0
    assert found.routing.sum(axis=2)[calls] == pytest.approx(np.ones(calls.sum()), abs=1e-9)
    load: Floats = np.einsum("soh,sorh->srh", problem.demand_rps, found.routing)
    room = problem.rps_per_replica * found.replicas * problem.ceiling_normal_share
    assert (load <= room[..., None] * (1 + 1e-6) + 1e-6).all()


def test_full_uplinks_are_priced_over_all_services() -> None:
    bound = 0
    for seed in range(500, 510):
        problem = random_problem(
            seed, services=2, origins=4, regions=3, hours=2, order=1, steering="adaptive"
        )
        gbps = np.einsum("soh,s->h", problem.demand_rps, problem.payload_kib).max() * KIB_BITS / 1e9
        narrow = replace(problem, uplink_gbps=np.full(3, 0.62 * gbps))
        written, _ = extensive_form.solve(narrow)
        assert value(narrow) == pytest.approx(written, rel=1e-6, abs=1e-6), seed
        wide = replace(problem, uplink_gbps=np.full(3, 1e6))
        bound += bool(extensive_form.solve(wide)[0] < written * (1 - 1e-9))
    assert bound >= 1


def test_what_is_lost_is_priced_beside_the_routing() -> None:
    for seed in range(800, 808):
        problem = random_problem(
            seed, services=1, origins=3, regions=3, hours=1, order=1, steering="adaptive"
        )
        problem = replace(problem, usd_per_lost_request=1e-3)
        assert value(problem) == pytest.approx(brute_force.solve(problem), rel=1e-6, abs=1e-6), seed


@pytest.mark.parametrize("seed", range(10))
def test_a_bound_on_routing_holds_for_any_prices(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(seed, regions=4, steering="adaptive")
    full = adaptive_program(problem, 0)
    flow = full.flow[full.flow >= 0]
    program, n = full.program, full.master.replicas
    program.price_columns(np.arange(flow.min()), np.zeros(flow.min()))
    for _ in range(5):
        dual = rng.normal(0, 5, program.row_count) * (rng.random(program.row_count) < 0.5)
        bound = routing_bound(problem, full.routing, full.one_rps[0], dual)
        found = program.relaxation(NEVER)
        if found.x is None:
            return
        least = bound.constant.sum() - (bound.per_replica * found.x[n]).sum() - bound.uplinks
        assert found.objective >= least - 1e-6 * abs(least)


def test_the_same_problem_gives_the_same_plan() -> None:
    problem = survivable_capacity(1, 6, 30, 2, 1)
    one, other = solve(problem, gap=1e-4), solve(problem, gap=1e-4)
    assert one.replicas.tolist() == other.replicas.tolist()
    assert (one.objective, one.bound) == (other.objective, other.bound)
    assert one.routing is not None
    assert other.routing is not None
    assert one.routing.tobytes() == other.routing.tobytes()


def test_a_search_that_is_ended_at_once_still_returns_a_plan_that_holds() -> None:
    problem = survivable_capacity(2, 8, 40, 2, 1)
    stop = Stop(60.0)
    stop.interrupt()
    found = adaptive.solve_adaptive(problem, gap=1e-6, stop=stop, seed=0)
    assert found.status == "limit"
    assert found.bound <= solve(problem, gap=1e-6, time_limit_s=60.0).objective + 1e-6
    room = problem.rps_per_replica * found.replicas
    for state in range(len(problem.region_up)):
        for service in range(2):
            rate = problem.rps_per_replica[service] * problem.region_up[state]
            groups = state_groups(problem, state, service)
            short, _ = cuts.shortfall_rps(groups, rate, found.replicas[service].astype(float))
            assert short.max() <= 1e-6 * room.sum()


@pytest.mark.parametrize("seed", range(8))
def test_repaired_replicas_fit_and_keep_every_promise(seed: int) -> None:
    problem = survivable_capacity(seed, 7, 40, 3, 1, load=0.8)
    program = adaptive_program(problem, 0)
    root = program.program.relaxation(NEVER)
    assert root.x is not None
    count = repaired(program, root.x[program.master.replicas], NEVER)
    if count is None:
        return
    assert fits(problem, program.master.limits, count).all()
    assert rerouting.add_broken_cuts(program, count.astype(float)) == 0

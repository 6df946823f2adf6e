"""The replay against plain loops, against the books, and against the optimiser's own promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from planner.errors import Infeasible, SolverStopped
from planner.optimization.optimize import solve
from planner.problem.arrays import Floats, Ints, Problem, Solution
from planner.simulation.replay import simulate
from planner.units import KIB_BITS
from tests.oracles.carried import carried_rps
from tests.oracles.instances import random_problem
from tests.oracles.replay_cells import replay_state
from tests.oracles.replay_loop import replay
from tests.oracles.solutions import random_solution
from tests.oracles.static_columns import SECONDS_PER_MONTH

CAUSES = ("no_region", "inadmissible", "capacity", "uplink", "home")


def cells(found: Mapping[Any, float], shape: tuple[int, ...]) -> Floats:
    array = np.zeros(shape)
    for place, value in found.items():
        array[place] += value
    return array


@pytest.mark.parametrize("seed", range(40))
def test_the_replay_is_that_of_plain_loops(seed: int) -> None:
    problem = random_problem(seed)
    solution = random_solution(problem, seed)
    found = simulate(problem, solution)
    loop = replay(problem, solution)
    carried = carried_rps(found)
    assert carried == pytest.approx(cells(loop.taken, carried.shape), abs=1e-9)
    for cause in CAUSES:
        booked = getattr(found.lost, cause)
        assert booked == pytest.approx(cells(loop.lost[cause], booked.shape), abs=1e-9), cause


@pytest.mark.parametrize("seed", range(12))
def test_it_is_that_of_a_loop_over_all_cells(seed: int) -> None:
    problem = random_problem(seed)
    solution = random_solution(problem, seed, plenty=2)
    found = simulate(problem, solution)
    for k in range(len(problem.axes.states)):
        plain = replay_state(problem, solution, k)
        assert found.carried_rps(k) == pytest.approx(plain.carried_rps, rel=1e-9, abs=1e-9)
        lost = found.lost.no_region[k] + found.lost.cut[k] + found.lost.inadmissible[k]
        assert lost == pytest.approx(plain.lost_rps["elsewhere"], abs=1e-8)
        assert found.lost.capacity[k] == pytest.approx(plain.lost_rps["capacity"], abs=1e-8)
        assert found.lost.uplink[k] == pytest.approx(plain.lost_rps["uplink"], abs=1e-8)
        assert found.means.origin_ms[k] == pytest.approx(plain.origin_ms, rel=1e-9, nan_ok=True)
        assert found.means.region_ms[k] == pytest.approx(plain.region_ms, rel=1e-9, nan_ok=True)


def test_every_cause_occurs_in_those_cases() -> None:
    seen = dict.fromkeys(CAUSES, 0.0)
    for seed in range(40):
        problem = random_problem(seed)
        lost = simulate(problem, random_solution(problem, seed)).lost
        for cause in CAUSES:
            seen[cause] += float(getattr(lost, cause).sum())
    assert min(seen.values()) > 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), more=st.integers(1, 4))
def test_demand_is_either_taken_or_lost_and_replicas_never_hurt(seed: int, more: int) -> None:
    problem = random_problem(seed)
    solution = random_solution(problem, seed)
    found = simulate(problem, solution)
    turned_away = found.lost.total - found.lost.home
    both = carried_rps(found).sum(axis=3) + turned_away
    assert both == pytest.approx(np.broadcast_to(problem.demand_rps, both.shape), abs=1e-9)
    assert (found.lost.total >= 0).all()
    richer = replace(solution, replicas=solution.replicas + more)
    ample = replace(problem, uplink_gbps=problem.uplink_gbps * 1e6)
    few, many = simulate(ample, solution), simulate(ample, richer)
    assert (many.lost.capacity <= few.lost.capacity + 1e-9).all()


def solved(problem: Problem) -> Solution | None:
    try:
        return solve(problem, gap=1e-6)
    except (Infeasible, SolverStopped):
        return None


def test_the_judge_agrees_with_the_builder() -> None:
    judged = 0
    for seed in range(40):
        problem = random_problem(seed)
        ample = replace(problem, uplink_gbps=problem.uplink_gbps * 100)
        solution = solved(ample)
        if solution is None:
            continue
        judged += 1
        found = simulate(ample, solution)
        total = found.lost.total - found.lost.home
        assert total[ample.must_survive].max() <= 1e-6 * ample.demand_rps.max()
        share = found.utilisation_share[ample.must_survive].max(axis=(1, 2, 3))
        assert (share <= ample.ceiling_share[ample.must_survive] * (1 + 1e-6)).all()
        assert priced(ample, solution, total) == pytest.approx(solution.objective, rel=1e-5)
    assert judged >= 15


def priced(problem: Problem, solution: Solution, lost_rps: Floats) -> float:
    """Return the objective from the judge's losses."""
    usd = float((problem.cost_usd_month * solution.replicas).sum())
    usd += float(problem.fixed_cost_usd_month @ (solution.replicas.sum(axis=0) > 0))
    found = simulate(problem, solution)
    weight = found.carried_rps(0).mean(axis=3)
    mean_ms = float((weight * problem.latency_ms).sum() / problem.demand_rps.mean(axis=2).sum())
    mean_rps = lost_rps.sum(axis=(1, 2)).mean(axis=1) * ~problem.must_survive
    lost = float(mean_rps @ problem.state_probability) * SECONDS_PER_MONTH
    return usd + problem.usd_per_ms * mean_ms + problem.usd_per_lost_request * lost


def nearest(problem: Problem) -> Floats:
    """Route the normal state to the nearest admissible region."""
    routing = np.zeros((*problem.latency_ms.shape, len(problem.axes.hours)))
    for s, o in np.ndindex(*problem.latency_ms.shape[:2]):
        allowed = np.where(problem.state_admissible[0, s, o], problem.rtt_ms[o], np.inf)
        routing[s, o, int(allowed.argmin())] = 1.0
    return routing


def least_unserved(problem: Problem, replicas: Ints, k: int, h: int) -> float:
    """Return the least demand not served in a state and hour, by a dense LP."""
    arcs = np.argwhere(problem.state_admissible[k] & (problem.demand_rps[:, :, h, None] > 0))
    total = float(problem.demand_rps[:, :, h].sum())
    if not len(arcs):
        return total
    s, o, r = arcs.T
    gbps = problem.payload_kib[s] * KIB_BITS / 1e9
    rows, limit = [], []
    for pair in np.ndindex(*problem.demand_rps.shape[:2]):
        rows.append((s == pair[0]) & (o == pair[1]))
        limit.append(problem.demand_rps[(*pair, h)])
    room = problem.rps_per_replica * problem.ceiling_emergency_share * replicas
    for pair in np.ndindex(*replicas.shape):
        rows.append((s == pair[0]) & (r == pair[1]))
        limit.append(room[pair])
    for region in range(replicas.shape[1]):
        rows.append(gbps * (r == region))
        limit.append(problem.uplink_gbps[region])
    found = linprog(-np.ones(len(arcs)), np.array(rows, dtype=float), limit, method="highs")
    return total + float(found.fun)


@pytest.mark.parametrize("seed", range(25))
def test_a_balancer_leaves_as_little_unserved_as_can_be(seed: int) -> None:
    problem = random_problem(seed, steering="adaptive")
    plain = random_solution(problem, seed)
    solution = replace(plain, routing=nearest(problem))
    found = simulate(problem, solution)
    lost = (found.lost.total - found.lost.home).sum(axis=(1, 2))
    for k in range(1, len(problem.axes.states)):
        for h in range(len(problem.axes.hours)):
            least = least_unserved(problem, solution.replicas, k, h)
            scale = float(problem.demand_rps[:, :, h].sum())
            assert lost[k, h] == pytest.approx(least, abs=1e-5 * scale), (k, h)
    both = carried_rps(found).sum(axis=3) + found.lost.total - found.lost.home
    assert both == pytest.approx(np.broadcast_to(problem.demand_rps, both.shape), abs=1e-3)


def test_without_a_planned_routing_the_normal_state_is_routed_too() -> None:
    for seed in range(6):
        problem = random_problem(seed, steering="adaptive")
        solution = replace(random_solution(problem, seed), routing=None)
        found = simulate(problem, solution)
        scale = float(problem.demand_rps.sum())
        both = found.carried_rps(0).sum(axis=2) + found.lost.total[0] - found.lost.home[0]
        assert both == pytest.approx(problem.demand_rps, abs=1e-5 * scale)
        room = problem.rps_per_replica * problem.ceiling_normal_share * solution.replicas
        taken = found.carried_rps(0).sum(axis=1)
        assert (taken <= room[..., None] * (1 + 1e-5) + 1e-6).all()

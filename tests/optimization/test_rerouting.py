"""Adaptive steering: shared uplinks, dominated states, and routings that really can be taken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from planner.errors import Infeasible
from planner.optimization import cuts, rerouting, worst_sets
from planner.optimization.optimize import solve
from planner.problem.arrays import Floats, Ints, Problem, Solution
from planner.units import KIB_BITS
from tests.oracles import brute_force, extensive_form
from tests.oracles.instances import random_problem


def solved(problem: Problem) -> Solution | None:
    try:
        return solve(problem, gap=1e-9, time_limit_s=30.0)
    except Infeasible:
        return None


def objective(problem: Problem) -> float:
    found = solved(problem)
    return np.inf if found is None else found.objective


def least_unserved(problem: Problem, replicas: Ints, state: int, hour: int) -> float:
    """Return what no routing of all services at once can serve, uplinks included."""
    s, o, r = np.nonzero(problem.state_admissible[state] & problem.region_up[state])
    rps = problem.demand_rps[:, :, hour]
    size, regions = s.size, replicas.shape[1]
    room = (problem.rps_per_replica * replicas * problem.ceiling_share[state]).ravel()
    matrix = np.zeros((rps.size + room.size + regions, size))
    entry = np.arange(size)
    matrix[s * rps.shape[1] + o, entry] = 1.0
    matrix[rps.size + s * regions + r, entry] = 1.0
    matrix[rps.size + room.size + r, entry] = problem.payload_kib[s] * KIB_BITS / 1e9
    limit = np.concatenate([rps.ravel(), room, problem.uplink_gbps])
    found = linprog(-np.ones(size), matrix, limit, method="highs")
    return float(rps.sum() + found.fun)


def narrow(seed: int, *, share: float) -> Problem:
    """Return a problem whose uplinks hold `share` of the demand each."""
    problem = random_problem(
        seed, services=2, origins=4, regions=3, hours=2, order=1, steering="adaptive"
    )
    gbps = np.einsum("soh,s->h", problem.demand_rps, problem.payload_kib).max() * KIB_BITS / 1e9
    return replace(problem, uplink_gbps=np.full(3, share * gbps))


def test_uplinks_shared_by_services_are_kept_in_every_promised_state() -> None:
    bound = feasible = 0
    for seed in range(500, 525):
        problem = narrow(seed, share=0.62)
        found = solved(problem)
        written, _ = extensive_form.solve(problem)
        assert (np.inf if found is None else found.objective) == pytest.approx(
            written, rel=1e-6, abs=1e-6
        ), seed
        wide = objective(replace(problem, uplink_gbps=np.full(3, 1e6)))
        bound += bool(wide < written * (1 - 1e-9))
        if found is None:
            continue
        feasible += 1
        for state in np.flatnonzero(problem.must_survive).tolist():
            for hour in range(2):
                short = least_unserved(problem, found.replicas, state, hour)
                assert short <= 1e-5 * problem.demand_rps[:, :, hour].sum(), (seed, state, hour)
    assert feasible >= 8
    assert bound >= 5, "uplinks must decide something in some of them"


@pytest.mark.parametrize("seed", range(600, 620))
def test_states_left_out_as_dominated_do_not_change_the_optimum(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = random_problem(seed, regions=4, order=2, steering="adaptive")
    kept = rerouting.kept_states(problem)
    promised = np.flatnonzero(problem.must_survive)[1:]
    assert set(kept.tolist()) <= set(promised.tolist())
    best = objective(problem)
    monkeypatch.setattr(rerouting, "kept_states", lambda problem: promised)
    assert objective(problem) == pytest.approx(best, rel=1e-8, abs=1e-8)


def test_single_losses_are_dominated_by_double_ones() -> None:
    left_out = 0
    for seed in range(600, 620):
        problem = random_problem(seed, regions=4, order=2, steering="adaptive")
        kept = set(rerouting.kept_states(problem).tolist())
        for state in np.flatnonzero(problem.must_survive)[1:].tolist():
            if state in kept:
                continue
            left_out += 1
            allowed = problem.state_admissible & problem.region_up[:, None, None, :]
            assert any((allowed[k] <= allowed[state]).all() for k in kept)
    assert left_out > 20


@pytest.mark.parametrize("seed", range(700, 712))
def test_flows_find_what_all_subsets_find(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(seed, steering="adaptive")
    best = objective(problem)
    monkeypatch.setattr(cuts, "SUBSET_LIMIT", 1)
    monkeypatch.setattr(rerouting, "SUBSET_LIMIT", 1)
    monkeypatch.setattr(worst_sets, "SUBSET_LIMIT", 1)
    assert objective(problem) == pytest.approx(best, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("seed", range(720, 740))
def test_the_normal_routing_serves_everyone_within_capacity(seed: int) -> None:
    problem = random_problem(seed, steering="adaptive")
    found = solved(problem)
    if found is None:
        assert extensive_form.solve(problem) == (np.inf, None)
        return
    assert found.routing is not None
    calls = problem.demand_rps > 0
    assert found.routing.sum(axis=2)[calls] == pytest.approx(np.ones(calls.sum()), abs=1e-9)
    assert (found.routing[~problem.state_admissible[0]] == 0).all()
    load: Floats = np.einsum("soh,sorh->srh", problem.demand_rps, found.routing)
    room = problem.rps_per_replica * found.replicas * problem.ceiling_normal_share
    assert (load <= room[..., None] * (1 + 1e-6) + 1e-6).all()
    gbps = np.einsum("srh,s->rh", load, problem.payload_kib) * KIB_BITS / 1e9
    assert (gbps <= problem.uplink_gbps[:, None] * (1 + 1e-6)).all()


def test_what_is_lost_in_unpromised_states_is_priced_exactly() -> None:
    priced = 0
    for seed in range(800, 830):
        problem = random_problem(
            seed, services=1, origins=3, regions=3, hours=1, order=1, steering="adaptive"
        )
        problem = replace(problem, usd_per_lost_request=1e-3)
        assert objective(problem) == pytest.approx(
            brute_force.solve(problem), rel=1e-6, abs=1e-6
        ), seed
        priced += bool((~problem.must_survive).any())
    assert priced > 5

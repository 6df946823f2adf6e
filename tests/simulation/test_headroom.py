"""Headroom against demand that really grows: at the factor the policy holds, above it breaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from planner.errors import Infeasible
from planner.optimization.optimize import solve
from planner.problem.arrays import Floats, Problem, Solution
from planner.simulation.headroom import Margin, headroom
from planner.simulation.replay import simulate
from planner.units import KIB_BITS
from tests.oracles.evaluate import evaluate
from tests.oracles.instances import random_problem

SEEDS = range(900, 924)


def solved(seed: int, steering: str) -> tuple[Problem, Solution, Margin] | None:
    problem = random_problem(seed, steering="static" if steering == "static" else "adaptive")
    try:
        solution = solve(problem, gap=1e-3, time_limit_s=20.0)
    except Infeasible:
        return None
    return problem, solution, headroom(problem, simulate(problem, solution))


def grown(problem: Problem, factor: float) -> Problem:
    return replace(problem, demand_rps=problem.demand_rps * factor)


def overloads(problem: Problem, solution: Solution) -> list[str]:
    """Return what the oracle finds overloaded, the rest of its faults aside."""
    _, faults = evaluate(problem, solution)
    return [fault for fault in faults if fault.startswith("state ")]


def test_static_plans_hold_at_the_factor_and_break_above_it() -> None:
    checked, uplinks = 0, 0
    for seed in SEEDS:
        found = solved(seed, "static")
        if found is None:
            continue
        problem, solution, margin = found
        assert margin.factor >= 1 - 1e-5, seed
        assert overloads(grown(problem, margin.factor * (1 - 1e-9)), solution) == [], seed
        faults = overloads(grown(problem, margin.factor * 1.001), solution)
        assert faults, seed
        checked += 1
        if margin.limited_by.startswith("uplink"):
            uplinks += 1
            assert any("Gbit/s" in fault for fault in faults)
        state = next(k for k, n in enumerate(problem.axes.states) if f"'{n}'" in margin.limited_by)
        assert any(fault.startswith(f"state {state} ") for fault in faults), seed
    assert checked >= 10
    assert uplinks >= 1


def test_each_region_holds_at_its_own_factor() -> None:
    checked = 0
    for seed in SEEDS:
        found = solved(seed, "static")
        if found is None:
            continue
        problem, solution, margin = found
        assert margin.factor == pytest.approx(margin.regions.min())
        for region, factor in enumerate(margin.regions.tolist()):
            if not np.isfinite(factor):
                continue
            checked += 1
            below = overloads(grown(problem, factor * (1 - 1e-9)), solution)
            assert not [f for f in below if f" r{region} " in f], seed
            above = overloads(grown(problem, factor * 1.001), solution)
            assert [f for f in above if f" r{region} " in f], seed
    assert checked >= 20


def routable(problem: Problem, room: Floats, state: int, hour: int, factor: float) -> bool:
    """Return whether all demand times the factor can be routed, by a linear program of its own."""
    regions = room.shape[1]
    rows, right, columns = [], [], []
    demand = problem.demand_rps[:, :, hour] * factor
    for s, o in np.argwhere(demand > 0).tolist():
        up = problem.state_admissible[state, s, o] & problem.region_up[state]
        columns += [(s, o, r) for r in np.flatnonzero(up).tolist()]
    called = np.argwhere(demand > 0).tolist()
    if not called:
        return True
    if not columns:
        return False
    for s in range(len(room)):
        for r in range(regions):
            rows.append([float((a, c) == (s, r)) for a, _, c in columns])
            right.append(room[s, r])
    for r in range(regions):
        each = problem.payload_kib * KIB_BITS / 1e9
        rows.append([float(each[a]) * (c == r) for a, _, c in columns])
        right.append(problem.uplink_gbps[r])
    equal = [[float((a, b) == (s, o)) for a, b, _ in columns] for s, o in called]
    served = [demand[s, o] for s, o in called]
    found = linprog(np.zeros(len(columns)), rows, right, equal, served, method="highs")
    return bool(found.status == 0)


def by_bisection(problem: Problem, solution: Solution) -> float:
    """Return the largest factor with which every promised state and hour can be routed."""
    high = 64.0
    promised = np.flatnonzero(problem.must_survive).tolist()
    hours = range(problem.demand_rps.shape[2])
    rooms = {
        k: problem.rps_per_replica * solution.replicas * problem.ceiling_share[k] for k in promised
    }
    for k in promised:
        for h in hours:
            if routable(problem, rooms[k], k, h, high):
                continue
            at, top = 0.0, high
            while top - at > 1e-7 * top:
                middle = (at + top) / 2
                if routable(problem, rooms[k], k, h, middle):
                    at = middle
                else:
                    top = middle
            high = top
    return high


def test_adaptive_headroom_is_what_bisection_finds() -> None:
    checked = 0
    for seed in range(930, 960):
        found = solved(seed, "adaptive")
        if found is None:
            continue
        problem, solution, margin = found
        assert margin.factor == pytest.approx(by_bisection(problem, solution), rel=1e-5), seed
        assert margin.factor >= 1 - 1e-5
        checked += 1
    assert checked >= 8


def test_without_demand_there_is_no_limit() -> None:
    found = next(x for seed in SEEDS if (x := solved(seed, "static")) is not None)
    problem, solution, _ = found
    idle = replace(problem, demand_rps=np.zeros_like(problem.demand_rps))
    margin = headroom(idle, simulate(idle, solution))
    assert margin.factor == np.inf
    assert margin.limited_by == "nothing: there is no demand"

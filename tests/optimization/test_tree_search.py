"""The tree of adaptive steering alone: the optimum of the extensive form, whatever the cores."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.optimization import adaptive, cuts, rerouting, tree_search, worst_sets
from planner.optimization.neighbourhood import NearSearch, Point
from planner.optimization.optimize import solve
from planner.problem.arrays import Floats, Problem
from tests.benchmarks.generators import survivable_capacity
from tests.oracles import brute_force, extensive_form
from tests.oracles.instances import random_problem


@pytest.fixture(autouse=True)
def tree_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small instances go the way of large ones, without a search near the relaxation."""
    monkeypatch.setattr(adaptive, "FLOW_LIMIT", 0)
    monkeypatch.setattr(NearSearch, "run", lambda _self: None)
    for module in (cuts, rerouting, worst_sets):
        monkeypatch.setattr(module, "SUBSET_LIMIT", 1)


def value(problem: Problem) -> float:
    try:
        found = solve(problem, gap=1e-7, time_limit_s=30.0)
    except Infeasible:
        return np.inf
    assert found.status == "optimal"
    assert found.bound <= found.objective * (1 + 1e-9)
    return found.objective


@pytest.mark.parametrize("seed", range(900, 912))
def test_the_tree_agrees_with_the_extensive_form(seed: int) -> None:
    problem = random_problem(seed, regions=4, steering="adaptive")
    assert value(problem) == pytest.approx(extensive_form.solve(problem)[0], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(800, 804))
def test_the_tree_prices_what_is_lost(seed: int) -> None:
    problem = random_problem(
        seed, services=1, origins=3, regions=3, hours=1, order=1, steering="adaptive"
    )
    problem = replace(problem, usd_per_lost_request=1e-3)
    assert value(problem) == pytest.approx(brute_force.solve(problem), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("load", [0.8, 0.95])
def test_services_that_share_cpu_are_proven_together(load: float) -> None:
    problem = survivable_capacity(4, 5, 12, 2, 1, load=load)
    assert value(problem) == pytest.approx(extensive_form.solve(problem)[0], rel=1e-6)


@pytest.mark.parametrize("seed", [1, 2])
def test_levels_of_services_that_survive_any_two_regions_are_proven(seed: int) -> None:
    problem = survivable_capacity(seed, 5, 8, 2, 2, load=0.9)
    assert value(problem) == pytest.approx(extensive_form.solve(problem)[0], rel=1e-6)


def test_plans_close_to_the_lowest_part_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, looked, look = survivable_capacity(2, 6, 20, 2, 1, load=0.8), [], NearSearch.look

    def listened(self: NearSearch, best: Point | None, x: Floats) -> Point | None:
        looked.append(look(self, best, x))
        return looked[-1]

    monkeypatch.setattr(NearSearch, "look", listened)
    monkeypatch.setattr(tree_search, "_LOOKS", 1)
    monkeypatch.setattr(tree_search, "_MANY", 1)
    assert value(problem) == pytest.approx(extensive_form.solve(problem)[0], rel=1e-6)
    assert looked


def test_rows_that_are_left_out_at_first_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = survivable_capacity(2, 5, 12, 2, 1, load=0.9)
    monkeypatch.setattr(tree_search, "_FAR", -np.inf)
    assert value(problem) == pytest.approx(extensive_form.solve(problem)[0], rel=1e-6)


def test_the_answer_does_not_depend_on_how_many_cores_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem, found = survivable_capacity(1, 6, 30, 2, 1, load=0.9), []
    for cores in (1, 2, 8):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        found.append(solve(problem, gap=1e-5, time_limit_s=60.0))
    assert len({(one.objective, one.bound, one.replicas.tobytes()) for one in found}) == 1
    assert found[0].routing is not None
    assert len({one.routing.tobytes() for one in found if one.routing is not None}) == 1

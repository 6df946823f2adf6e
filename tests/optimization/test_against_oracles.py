"""The optimiser finds what brute force and the extensive form find, and its plans hold."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.optimization.optimize import solve
from planner.problem.arrays import Problem, Solution
from tests.oracles import brute_force, extensive_form
from tests.oracles.evaluate import evaluate
from tests.oracles.instances import random_problem

Steering = Literal["static", "adaptive"]
BATCH = 20
BATCHES = 7


def solved(problem: Problem) -> Solution | None:
    try:
        return solve(problem, gap=1e-9, time_limit_s=60.0, seed=0)
    except Infeasible:
        return None


def drawn(seed: int, steering: Steering) -> Problem:
    """Small enough for brute force where the seed is even."""
    if seed % 2:
        return random_problem(seed, steering=steering, max_replicas=4)
    return random_problem(
        seed,
        steering=steering,
        services=1 + seed // 2 % 2,
        regions=2 + seed // 4 % 2,
        max_replicas=3,
    )


@pytest.mark.parametrize("steering", ["static", "adaptive"])
@pytest.mark.parametrize("batch", range(BATCHES))
def test_the_optimum_is_the_oracles(steering: Steering, batch: int) -> None:
    feasible = 0
    for seed in range(1000 + BATCH * batch, 1000 + BATCH * (batch + 1)):
        problem = drawn(seed, steering)
        written, _ = extensive_form.solve(problem)
        if seed % 4 == 0:
            assert written == pytest.approx(brute_force.solve(problem), rel=1e-6, abs=1e-6), seed
        found = solved(problem)
        objective = np.inf if found is None else found.objective
        assert objective == pytest.approx(written, rel=1e-6, abs=1e-6), seed
        if found is not None:
            feasible += 1
            assert found.bound <= found.objective + 1e-9, seed
            assert found.bound == pytest.approx(written, rel=1e-6, abs=1e-6), seed
            if steering == "static":
                again, faults = evaluate(problem, found)
                assert faults == [], seed
                assert again == pytest.approx(found.objective, rel=1e-6, abs=1e-6), seed
    assert feasible >= BATCH // 4


def test_a_share_of_the_solvers_noise_goes_nowhere() -> None:
    # A share of 2e-9 once stayed on a region without any replica.
    problem = random_problem(51417, steering="static", max_replicas=5)
    found = solve(problem, gap=1e-9)
    assert found.share.min() > 1e-7
    _, faults = evaluate(problem, found)
    assert faults == []

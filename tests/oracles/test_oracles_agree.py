"""Brute force and the extensive form must find the same optimum."""

from __future__ import annotations

import numpy as np
import pytest

from planner.problem.arrays import Problem
from tests.oracles import brute_force, extensive_form
from tests.oracles.instances import random_problem

PER_MODEL = 60


def small(seed: int, steering: str) -> Problem:
    wide = seed % 3 == 0
    return random_problem(
        seed,
        services=1 + seed % 2 if wide else None,
        regions=None if wide else 2 + seed % 2,
        origins=2 + seed % 3,
        hours=1 + seed % 2,
        steering="static" if steering == "static" else "adaptive",
        max_replicas=4 if seed % 4 == 0 else 3,
    )


@pytest.mark.parametrize("steering", ["static", "adaptive"])
def test_brute_force_and_the_extensive_form_agree(steering: str) -> None:
    feasible = 0
    for seed in range(PER_MODEL):
        problem = small(seed, steering)
        tried = brute_force.solve(problem)
        written, _ = extensive_form.solve(problem)
        assert written == pytest.approx(tried, rel=1e-6, abs=1e-6), seed
        feasible += bool(np.isfinite(tried))
    assert PER_MODEL // 3 <= feasible < PER_MODEL

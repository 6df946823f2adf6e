"""The guaranteed packing limit is true in every order, and the package's rows say the same."""

from __future__ import annotations

import numpy as np
import pytest

from planner.problem.packing import fits, packing_limits
from tests.oracles import packing
from tests.oracles.instances import random_problem

CASES = 600


def test_no_order_of_arrival_leaves_a_pod_where_the_limit_holds() -> None:
    rng = np.random.default_rng(7)
    held = refuted = 0
    for _ in range(CASES):
        count = int(rng.integers(1, 4))
        cpu = rng.integers(1, 5, count) * rng.choice([1.0, 0.7])
        memory = rng.integers(1, 5, count) * rng.choice([1.0, 0.9])
        surge = rng.integers(0, 2, count).tolist()
        replicas = rng.integers(0, 4, count).tolist()
        servers = [
            (float(rng.integers(3, 20)), float(rng.integers(3, 20)), float(rng.integers(2, 9)))
            for _ in range(int(rng.integers(1, 4)))
        ]
        pods = [n + u * (n > 0) for n, u in zip(replicas, surge, strict=True)]
        pending = packing.some_order_leaves_a_pod(cpu, memory, pods, servers)
        if packing.limit_holds(cpu, memory, surge, replicas, servers):
            held += sum(replicas) > 1
            assert not pending, (cpu, memory, pods, servers)
        refuted += pending
    assert held > CASES // 20
    assert refuted > CASES // 4


def test_order_decides_what_fits() -> None:
    # Two 10-core nodes: 5, 5, then 10 leave the big pod pending; 10 first, and all fit.
    servers = [(10.0, 64.0, 110.0)] * 2
    assert packing.some_order_leaves_a_pod([5.0, 10.0], [1.0, 1.0], [2, 1], servers)
    assert not packing.limit_holds([5.0, 10.0], [1.0, 1.0], [0, 0], [2, 1], servers)
    larger = [(12.0, 64.0, 110.0)] * 2
    assert packing.limit_holds([5.0, 10.0], [1.0, 1.0], [0, 0], [1, 1], larger)


@pytest.mark.parametrize("seed", range(25))
def test_the_rows_of_the_package_say_the_same(seed: int) -> None:
    problem = random_problem(seed)
    limits, rng = packing_limits(problem), np.random.default_rng(seed)
    for _ in range(20):
        replicas = rng.integers(0, 5, problem.max_replicas.shape)
        expected = [
            packing.region_fits(problem, region, column.tolist())
            for region, column in enumerate(replicas.T)
        ]
        assert fits(problem, limits, replicas).tolist() == expected

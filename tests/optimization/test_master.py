"""The rows that every program shares: whole plans that fit keep them, and fractions feel them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.optimization.master import add_master
from planner.optimization.milp import Milp
from planner.optimization.stopping import NEVER
from planner.problem.arrays import Ints, Problem
from planner.problem.packing import fits
from tests.benchmarks.generators import survivable_capacity
from tests.oracles.instances import random_problem


def crowded(seed: int) -> Problem:
    """Return a problem of three services that crowd each other, with surges and minima."""
    rng = np.random.default_rng(seed)
    problem = random_problem(seed, services=3, regions=3, steering="adaptive")
    pools = problem.pools
    scarce = np.maximum(1, pools.servers // int(rng.integers(1, 4)))
    return replace(
        problem,
        pools=replace(pools, servers=scarce),
        surge_replicas=rng.integers(0, 3, 3),
        pinned=np.zeros_like(problem.pinned),
    )


def keeps_the_rows(problem: Problem, replicas: Ints) -> bool:
    """Return whether the program has a point with these replicas."""
    program = Milp()
    master = add_master(program, problem)
    runs = (replicas > 0).ravel().astype(float)
    program.bound_columns(master.replicas.ravel(), replicas.ravel(), replicas.ravel())
    program.bound_columns(master.runs.ravel(), runs, runs)
    return program.relaxation(NEVER).x is not None


@pytest.mark.parametrize("seed", range(25))
def test_replicas_keep_the_rows_exactly_if_they_fit(seed: int) -> None:
    problem = crowded(seed)
    master = add_master(Milp(), problem)
    rng = np.random.default_rng(seed)
    seen = set()
    for _ in range(40):
        share = rng.random(master.bound.shape) * (rng.random(master.bound.shape) < 0.6)
        count = np.rint(share * master.bound).astype(np.int64)
        count = np.where(count >= problem.min_replicas, count, 0)
        whole = bool(fits(problem, master.limits, count).all())
        assert keeps_the_rows(problem, count) == whole
        seen.add(whole)
    assert seen


@pytest.mark.parametrize("seed", range(3))
def test_fractions_of_services_do_not_void_the_packing_limit(seed: int) -> None:
    problem = survivable_capacity(seed, 6, 20, 4, 1)
    program = Milp()
    master = add_master(program, problem)
    program.price_columns(master.replicas.ravel(), -np.repeat(problem.cpu_cores, 6))
    found = program.relaxation(NEVER)
    assert -found.objective == pytest.approx(problem.pools.cpu_cores.sum(), rel=1e-6)

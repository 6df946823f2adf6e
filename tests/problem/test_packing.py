"""The packing limit's bounds and maxima against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.problem.arrays import NodePools, Problem
from planner.problem.packing import fits, largest_replicas, packing_limits, replica_bounds
from tests.oracles import packing
from tests.oracles.instances import random_problem


@pytest.mark.parametrize("seed", range(30))
def test_bounds_are_what_a_region_holds_of_a_service_alone(seed: int) -> None:
    problem = random_problem(seed, max_replicas=6)
    bound = replica_bounds(problem, packing_limits(problem))
    for s, r in np.ndindex(bound.shape):
        alone = np.zeros(bound.shape[0], int)
        most = 0
        for n in range(int(problem.max_replicas[s, r]) + 1):
            alone[s] = n
            if packing.region_fits(problem, r, alone.tolist()):
                most = n
        expected = most if most >= problem.min_replicas[s, r] else 0
        assert bound[s, r] == expected, (s, r)


@pytest.mark.parametrize("seed", range(30))
def test_the_largest_replicas_fit_and_none_can_be_added(seed: int) -> None:
    problem = random_problem(seed)
    limits = packing_limits(problem)
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 3, problem.max_replicas.shape)
    start = np.minimum(start, replica_bounds(problem, limits))
    # Growth is from a plan that fits, with the file's own maxima out of the way.
    start[:, ~fits(problem, limits, start)] = 0
    problem = replace(problem, max_replicas=np.full_like(problem.max_replicas, 40))
    largest = largest_replicas(problem, limits, start)
    assert (largest >= start).all()
    assert (largest[start == 0] == 0).all()
    for region, column in enumerate(largest.T):
        assert packing.region_fits(problem, region, column.tolist()) or not column.any()
        for s in np.flatnonzero(column):
            if column[s] >= problem.max_replicas[s, region]:
                continue
            more = column.copy()
            more[s] += 1
            assert not packing.region_fits(problem, region, more.tolist())


def equal_servers(problem: Problem, servers: int) -> Problem:
    """Return the problem with one pool of 10-core servers a region."""
    regions = len(problem.axes.regions)
    pools = NodePools(
        region=np.arange(regions),
        cpu_cores=np.full(regions, 10.0),
        memory_gib=np.full(regions, 40.0),
        pods=np.full(regions, 100.0),
        servers=np.full(regions, servers),
        server_cost_usd_month=np.zeros(regions),
        names=tuple(f"r{r}/pool" for r in range(regions)),
    )
    return replace(
        problem,
        pools=pools,
        cpu_cores=np.array([1.0, 4.0]),
        memory_gib=np.array([2.0, 8.0]),
        surge_replicas=np.array([1, 0]),
        survive_server_loss=False,
    )


def test_equal_servers_give_the_formula_of_the_design() -> None:
    problem = equal_servers(random_problem(1, services=2), 3)
    limits = packing_limits(problem)
    small, big = 1 / (10 - 4) + 2 / (40 - 8) + 1 / 100, 4 / (10 - 4) + 8 / (40 - 8) + 1 / 100
    assert limits.weight[0, 1] == pytest.approx([small, big])
    assert limits.room[0, 1] == pytest.approx(3 + big)
    assert limits.worth == pytest.approx(np.ones((len(problem.axes.regions), 2)))
    for n_small, n_big in ((0, 1), (3, 3), (8, 2), (9, 3), (20, 1)):
        used = (n_small + (n_small > 0)) * small + (n_big - 1) * big
        replicas = np.zeros((2, len(problem.axes.regions)), int)
        replicas[:, 0] = n_small, n_big
        other = packing.region_fits(problem, 0, [n_small, n_big])
        assert fits(problem, limits, replicas)[0] == other
        if used > 3:
            assert not other


def test_a_server_lost_in_each_pool_is_a_server_less() -> None:
    problem = equal_servers(random_problem(2, services=2), 3)
    lost = replace(problem, survive_server_loss=True)
    fewer = equal_servers(random_problem(2, services=2), 2)
    one, other = packing_limits(lost), packing_limits(fewer)
    assert (one.room == other.room).all()
    assert (one.weight == other.weight).all()

"""The packing limit at best against a search of every placement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.problem import best_packing
from planner.problem.arrays import Ints, Problem
from planner.problem.best_packing import most_pods, packing_statement
from planner.problem.packing import fits, packing_limits, replica_bounds
from planner.problem.whole_units import pod_sizes, servers_of
from tests.oracles.instances import random_problem
from tests.oracles.packing import all_fit


def most_by_trial(sizes: Ints, pods: Ints, service: int, servers: Ints) -> int | None:
    trial, most = pods.copy(), None
    for trial[service] in range(int(servers[:, 2].sum()) + 2):
        if not all_fit(sizes.tolist(), trial.tolist(), servers.tolist()):
            break
        most = int(trial[service])
    return most


def drawn(seed: int) -> tuple[Ints, Ints, int, Ints]:
    rng = np.random.default_rng(seed)
    services = int(rng.integers(1, 4))
    sizes = np.column_stack((rng.integers(1, 7, (services, 2)), np.ones(services, int)))
    kinds = np.column_stack((rng.integers(3, 20, (2, 2)), rng.integers(2, 7, 2)))
    servers = np.repeat(kinds, rng.integers(0, 3, 2), axis=0)
    return sizes, rng.integers(0, 4, services), int(rng.integers(services)), servers


@pytest.mark.parametrize("seed", range(150))
def test_the_most_pods_are_those_of_every_placement_tried(seed: int) -> None:
    sizes, pods, service, servers = drawn(seed)
    found = most_pods(sizes, pods, service, servers)
    expected = most_by_trial(sizes, pods, service, servers)
    assert found == (None if expected is None else (expected, True))


def test_order_may_matter_but_not_at_best() -> None:
    cores, two = np.array([[5], [10]]), np.array([[10], [10]])
    assert most_pods(cores, np.array([2, 0]), 1, two) == (1, True)
    assert most_pods(cores, np.array([3, 0]), 1, two) == (0, True)
    assert most_pods(cores, np.array([5, 0]), 1, two) is None


def test_a_search_that_is_cut_short_says_only_that_no_more_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    sizes = np.column_stack((rng.integers(90, 400, (6, 2)), np.ones(6, int)))
    servers = np.repeat([[1000, 1000, 110]], 8, axis=0)
    pods = np.array([5, 4, 4, 3, 3, 0])
    whole = most_pods(sizes, pods, 5, servers)
    monkeypatch.setattr(best_packing, "NODE_LIMIT", 0)
    short = most_pods(sizes, pods, 5, servers)
    assert whole is not None
    assert short is not None
    assert whole[1]
    assert short[0] >= whole[0]


def whole_numbers(seed: int) -> tuple[Problem, Ints]:
    problem = random_problem(seed, max_replicas=6)
    few = np.full_like(problem.pools.pods, 4.0)
    problem = replace(problem, pools=replace(problem.pools, pods=few))
    rng = np.random.default_rng(seed)
    replicas = np.minimum(
        rng.integers(0, 3, problem.max_replicas.shape),
        replica_bounds(problem, packing_limits(problem)),
    )
    return problem, replicas


@pytest.mark.parametrize("seed", range(12))
def test_the_statement_is_what_limits_and_placements_say_one_by_one(seed: int) -> None:
    problem, replicas = whole_numbers(seed)
    stated = packing_statement(problem, replicas)
    for lost, limits in ((False, stated.whole), (True, stated.server_lost)):
        case = replace(problem, survive_server_loss=lost)
        rows = packing_limits(case)
        for service, region in np.argwhere(replicas > 0):
            trial = replicas.copy()
            trial[service, region] = limits.guaranteed[service, region]
            assert trial[service, region] == 0 or fits(case, rows, trial)[region]
            trial[service, region] += 1
            assert not fits(case, rows, trial)[region]
            surge = int(problem.surge_replicas[service])
            pods = np.where(
                replicas[:, region] > 0, replicas[:, region] + problem.surge_replicas, 0
            )
            most = most_by_trial(
                pod_sizes(problem), pods, int(service), servers_of(case, int(region))
            )
            assert limits.at_best[service, region] == max((most or 0) - surge, 0)
    assert (stated.whole.guaranteed <= stated.whole.at_best).all()
    assert (stated.server_lost.at_best <= stated.whole.at_best).all()
    assert stated.whole.attained.all()

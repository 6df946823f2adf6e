"""The cap on the 95th percentile, against every vector of replicas and its best shares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.optimization.efficient import efficient
from planner.optimization.epsilon import epsilon_program
from planner.optimization.stopping import NEVER
from planner.optimization.tail_cap import limit_grid_ms
from planner.problem.admissibility import Requests, late_probability
from planner.problem.arrays import Floats, Problem
from tests.oracles import brute_force
from tests.oracles.instances import random_problem

GAP = 1e-9


def drawn(seed: int) -> Problem:
    """Small enough for brute force, origins divisible so that shares can reach the cap exactly."""
    problem = random_problem(
        seed, steering="static", services=1 + seed % 2, regions=2 + seed // 2 % 2, max_replicas=3
    )
    return replace(problem, split_origins=True, usd_per_ms=1.0, usd_per_lost_request=0.0)


def late_shares(problem: Problem, limit_ms: float) -> Floats:
    """Return the share of late requests of each service, origin and region."""
    requests = Requests(
        problem.queue, problem.home_share, problem.rps_per_replica, problem.min_replicas
    )
    network = problem.network
    return np.stack(
        [
            late_probability(
                network,
                requests,
                service,
                limit_ms,
                problem.ceiling_normal_share,
                int(problem.home_region[0, service]),
                network.point_rtt_ms,
                network.region_rtt_ms,
            )
            for service in range(len(problem.cpu_cores))
        ]
    )


def least_cost(problem: Problem, limit_ms: float) -> float:
    """Return the least cost of replicas whose best shares bring 95 % within the limit."""
    # The oracle minimises mean latency; with lateness in its place it minimises what is late.
    steering = brute_force._Static(replace(problem, latency_ms=late_shares(problem, limit_ms)))
    return min(
        (
            usd
            for usd, replicas in brute_force._vectors(problem)
            if brute_force._could_carry(problem, replicas) and steering.usd(replicas) <= 0.05 + 1e-7
        ),
        default=np.inf,
    )


@pytest.mark.parametrize("seed", range(3000, 3012))
def test_the_cheapest_plan_under_each_cap_is_that_of_brute_force(seed: int) -> None:
    problem = drawn(seed)
    try:
        program = epsilon_program(problem)
    except Infeasible:
        pytest.skip("no plan keeps the promises")
    grid = limit_grid_ms()
    for limit_ms in grid[[60, 120, 140, 150, 160, 170, 180, 200]].tolist():
        known = least_cost(problem, limit_ms)
        found = efficient(program, p95_ms=limit_ms, gap=GAP, stop=NEVER)
        if found is None:
            assert known == np.inf, limit_ms
            continue
        assert found.cost_usd_month == pytest.approx(known, rel=1e-6), limit_ms
        assert program.p95_ms(found.plan) <= limit_ms
        late = late_shares(problem, limit_ms)
        columns, rps = program.static.columns, problem.demand_rps.mean(axis=2)
        served = [
            share * rps[s, o] * (1 - late[s, o, r])
            for share, host, o, r in zip(
                found.plan.share, columns.host, columns.origin, columns.serve[0], strict=True
            )
            for s in np.flatnonzero(problem.host_of_service == host)
        ]
        assert sum(served) >= 0.95 * rps.sum() * (1 - 1e-6)


def test_a_cap_is_forgotten_when_another_is_set() -> None:
    programs = (epsilon_program(drawn(seed)) for seed in (3003, 3004, 3005, 3006))
    plans = ((program, efficient(program, gap=GAP, stop=NEVER)) for program in programs)
    program, free = next((program, plan) for program, plan in plans if plan is not None)
    p95_ms = program.p95_ms(free.plan)
    grid = limit_grid_ms()
    at = int(np.flatnonzero(grid == p95_ms)[0])
    assert not program.tail.keeps(free.plan.share, float(grid[at - 1]))
    capped = efficient(program, p95_ms=float(grid[at - 1]), gap=GAP, stop=NEVER)
    again = efficient(program, gap=GAP, stop=NEVER)
    assert again is not None
    assert again.cost_usd_month == pytest.approx(free.cost_usd_month)
    assert capped is None or capped.cost_usd_month >= free.cost_usd_month - 1e-9

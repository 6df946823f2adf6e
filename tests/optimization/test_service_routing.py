"""The routing of each service by itself: what the whole program pays, and a bound elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from planner.optimization.master import capacity_rps
from planner.optimization.normal_routing import cost_usd, open_pairs
from planner.optimization.service_routing import SeparateRouting
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Problem
from tests.benchmarks.generators import survivable_capacity


def routed_usd(problem: Problem, replicas: Floats) -> float:
    """Return what routing costs at least, as one dense program; inf where there is none."""
    may, cost = open_pairs(problem), cost_usd(problem)
    s, o, r, h = np.nonzero(may)
    rate = problem.rps_per_replica * problem.ceiling_share[0]
    demand = np.zeros((may.shape[0], may.shape[1], may.shape[3], s.size))
    demand[s, o, h, np.arange(s.size)] = 1.0
    needed = np.zeros((may.shape[0], may.shape[2], may.shape[3], s.size))
    needed[s, r, h, np.arange(s.size)] = problem.demand_rps[s, o, h] / rate[s, r]
    room = np.broadcast_to(replicas[:, :, None], needed.shape[:3])
    rows = demand.reshape(-1, s.size)
    found = linprog(
        cost[s, o, r, h],
        A_ub=needed.reshape(-1, s.size),
        b_ub=room.ravel(),
        A_eq=rows,
        b_eq=rows.any(axis=1).astype(float),
    )
    return float(found.fun) if found.status == 0 else np.inf


@pytest.mark.parametrize("hours", [1, 3])
@pytest.mark.parametrize("seed", range(5))
def test_the_bound_is_tight_where_it_was_taken_and_valid_elsewhere(seed: int, hours: int) -> None:
    problem = survivable_capacity(seed, 7, 10, 2, 1, hours)
    routing = SeparateRouting.of(problem, capacity_rps(problem, np.ones((2, 7)))[0])
    rng = np.random.default_rng(seed)
    points = [rng.uniform(1, 7, (2, 7)) for _ in range(6)]
    true = [routed_usd(problem, point) for point in points]
    assert any(np.isfinite(true))
    for point, usd in zip(points, true, strict=True):
        found = routing.bound(point, Stop(10.0))
        assert (found is None) == (usd == np.inf)
        if found is None:
            continue
        assert found[0] == pytest.approx(usd)
        for other, most in zip(points, true, strict=True):
            bound = found[1].constant.sum() - float((found[1].per_replica * other).sum())
            assert bound <= most * (1 + 1e-7)
        at_home = found[1].constant.sum() - float((found[1].per_replica * point).sum())
        assert at_home == pytest.approx(usd)

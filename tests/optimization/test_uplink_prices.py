"""Local prices of uplinks lie between the slopes on both sides, by programs with every row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.optimization.columns import order_columns
from planner.optimization.resolved import with_counts
from planner.optimization.stopping import NEVER, Stop
from planner.optimization.uplink_prices import uplink_prices
from planner.problem.arrays import Ints, Problem
from planner.units import KIB_BITS
from tests.oracles import extensive_form
from tests.oracles.instances import random_problem

STEP = 1e-4
"""Part of an uplink by which it is widened or narrowed."""


def narrow(seed: int) -> Problem:
    """A problem in which a region is near for everybody and its uplink is too narrow for all."""
    problem = random_problem(
        seed, services=1, regions=3, hours=1, order=1, split_origins=True, max_replicas=6
    )
    near = np.array(problem.latency_ms)
    near[:, :, 0] = 1.0
    kib = problem.demand_rps.sum(axis=1).max(axis=1) @ problem.payload_kib
    peak_gbps = float(kib) * KIB_BITS / 1e9
    wide = np.where(np.arange(3) == 0, 0.7 * peak_gbps, 100.0)
    return replace(problem, latency_ms=near, usd_per_ms=20.0, uplink_gbps=wide)


def cost(problem: Problem, replicas: Ints, factor: float) -> float:
    """What the counts cost at best with the first uplink so many times as wide."""
    wide = np.array(problem.uplink_gbps)
    wide[0] *= factor
    return extensive_form.solve(with_counts(replace(problem, uplink_gbps=wide), replicas))[0]


def test_a_price_lies_between_the_slopes_on_both_sides() -> None:
    priced = 0
    for seed in range(400, 412):
        problem = narrow(seed)
        _, replicas = extensive_form.solve(problem)
        if replicas is None:
            continue
        prices = uplink_prices(problem, order_columns(problem), replicas, NEVER)
        assert prices is not None
        assert (prices >= 0).all()
        step = STEP * float(problem.uplink_gbps[0])
        here = cost(problem, replicas, 1.0)
        saved = here - cost(problem, replicas, 1 + STEP)
        lost = cost(problem, replicas, 1 - STEP) - here
        slack = 1e-7 * abs(here)
        assert saved - slack <= prices[0] * step <= lost + slack
        priced += prices[0] > 0
    assert priced > 3


def test_without_time_there_is_no_price() -> None:
    problem = narrow(400)
    stop = Stop(60.0)
    stop.interrupt()
    columns = order_columns(problem)
    found = uplink_prices(problem, columns, np.array(problem.max_replicas), stop)
    assert found is None or (found >= 0).all()

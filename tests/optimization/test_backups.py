"""The second step keeps cost and promises and brings backups nearer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.optimization.backups import near_backups, spare_share
from planner.optimization.columns import order_columns
from planner.optimization.search import search
from planner.optimization.static import StaticProgram, static_program
from planner.optimization.stopping import Stop
from planner.problem.arrays import Problem
from planner.problem.build import build_problem
from tests.oracles.instances import random_problem


def backup_ms(problem: Problem, static: StaticProgram, share: np.ndarray) -> float:
    """Recompute in plain loops what the second step minimises."""
    columns, total = static.columns, 0.0
    states = [k for k in np.flatnonzero(problem.must_survive) if k > 0]
    for c in np.flatnonzero(share):
        host, origin = columns.host[c], columns.origin[c]
        for s in np.flatnonzero(problem.host_of_service == host):
            rps = problem.demand_rps[s, origin].mean()
            for k in states:
                total += share[c] * rps * problem.state_rtt_ms[k, origin, columns.serve[k, c]]
    return total / len(states) / problem.demand_rps.mean(axis=2).sum()


def taiwan() -> Problem:
    scenario = read_scenario("taiwan")
    return build_problem(scenario, failure_states(scenario))


@pytest.mark.parametrize("seed", [None, 1, 4, 11, 12, 13, 17, 18, 19, 21, 30])
def test_backups_come_nearer_at_the_same_cost(seed: int | None) -> None:
    problem = taiwan() if seed is None else random_problem(seed, steering="static")
    assert problem.split_origins
    columns = order_columns(problem)
    static = static_program(problem, columns, 0)
    stop = Stop(30.0)
    found = search(static, 1e-6, stop).best
    assert found is not None
    limit = found.objective * (1 + 1e-6)
    nearer = near_backups(static, found, limit, 1e-6, stop)
    assert nearer.objective <= limit
    assert (nearer.replicas == found.replicas).all()
    before, after = (backup_ms(problem, static, one.share) for one in (found, nearer))
    if spare_share(static, nearer) <= spare_share(static, found) + 1e-6:
        assert after <= before + 1e-6
    assert spare_share(static, nearer) >= spare_share(static, found) - 1e-6
    if seed is None:
        assert after < 0.95 * before


def test_what_integers_leave_over_becomes_headroom() -> None:
    scenario = read_scenario("tests/data/good/small.yaml")
    problem = build_problem(scenario, failure_states(scenario))
    static = static_program(problem, order_columns(problem), 0)
    stop = Stop(30.0)
    found = search(static, 1e-6, stop).best
    assert found is not None
    nearer = near_backups(static, found, found.objective * (1 + 1e-6), 1e-6, stop)
    spare = spare_share(static, nearer)
    assert spare > 0.03
    # One per cent more is not to be had at this cost, whatever the shares.
    tighter = replace(problem, demand_rps=problem.demand_rps * 1.01 / (1 - spare))
    again = static_program(tighter, order_columns(tighter), 0)
    best = search(again, 1e-6, stop).best
    assert best is None or best.objective > found.objective * (1 + 1e-5)

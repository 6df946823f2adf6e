"""Every event of the Taiwan scenario settles where the steady judge does, hour by hour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.failures.states import event_states
from planner.io.scenarios import read_scenario
from planner.model.events import Event
from planner.problem.arrays import Ints, Problem, Solution
from planner.problem.build import build_problem
from planner.problem.recovery import recovery
from planner.simulation.replay import simulate
from planner.simulation.timeline import timeline
from planner.simulation.transients import transient

TRUNK = Event(duration_min=60.0, risk_groups_cut=("south-china-sea",))
"""Cuts off some cities of a country and not others."""

SCENARIO = read_scenario("taiwan")
SCENARIO = SCENARIO.model_copy(update={"events": {**SCENARIO.events, "trunk-cut": TRUNK}})
TIGHT = np.array([[14, 10, 8, 8], [3, 2, 1, 2], [9, 7, 6, 5]])


def nearest(problem: Problem, replicas: Ints = TIGHT) -> Solution:
    """Return everybody with the nearest region, the next nearest as backups."""
    hosts, origins = len(problem.axes.hosts), len(problem.axes.origins)
    order = np.argsort(problem.rtt_ms, axis=1, kind="stable")[:, :3]
    host, origin = (index.ravel() for index in np.indices((hosts, origins)))
    return Solution(
        replicas=replicas,
        host=host,
        origin=origin,
        order=np.tile(order, (hosts, 1)),
        share=np.ones(host.size),
        routing=None,
        objective=0.0,
        bound=0.0,
        status="limit",
        solver="by hand",
        seed=0,
        seconds=0.0,
    )


@pytest.mark.parametrize("name", SCENARIO.events)
def test_events_settle_where_the_judge_does(name: str) -> None:
    problem = build_problem(SCENARIO, event_states(SCENARIO, name))
    solution = nearest(problem)
    judged = simulate(problem, solution, late_counts=False).lost.total
    assert judged[1].sum() > 0
    for hour in (0, 7, 15):
        found = timeline(
            problem,
            solution,
            recovery(SCENARIO),
            state=1,
            duration_s=10.0,
            start_s=3600.0 * hour - 0.5,
            horizon_s=1.0,
        )
        assert found.steady_failed_rps[0] == pytest.approx(judged[1, ..., hour].sum(), rel=1e-6)
        assert found.event.steady_failed == pytest.approx(judged[1, ..., hour], rel=1e-6, abs=1e-6)


def test_what_an_event_loses_is_cut_by_more_replicas_and_a_shorter_ttl() -> None:
    problem = build_problem(SCENARIO, event_states(SCENARIO, "losangeles-down-evening"))
    plain = recovery(SCENARIO)
    quick = replace(plain, steering=replace(plain.steering, ttl_s=5.0))
    options = {"state": 1, "repair_s": 14_400.0}
    rich = nearest(problem, 4 * TIGHT)
    lost = [
        transient(
            problem, rich, recovery_, starts_s=np.arange(0.0, 86_400, 10_800), **options
        ).sum()
        for recovery_ in (plain, quick)
    ]
    assert 0 < lost[1] < lost[0]
    # All that asks Los Angeles first, for 105 s of it in the mean over the day.
    first = solution_share(problem, rich, problem.axes.regions.index("losangeles"))
    assert lost[0] == pytest.approx(first * 105.0, rel=0.05)


def solution_share(problem: Problem, solution: Solution, region: int) -> float:
    """Return the requests per second that ask a region first, mean over the day."""
    mine = solution.order[:47, 0] == region
    return float(problem.demand_rps[:, mine].sum(axis=(0, 1)).mean())

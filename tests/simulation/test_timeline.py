"""The hour after against single requests, closed forms, the steady judge, and the books."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.problem.arrays import Problem, Solution
from planner.problem.recovery import Recovery
from planner.simulation.chronicle import Timeline
from planner.simulation.drain import lost_request_s
from planner.simulation.replay import simulate
from planner.simulation.timeline import timeline
from planner.simulation.transients import transient
from tests.oracles.instances import random_problem
from tests.oracles.small_passage import (
    CONTROL,
    first_share,
    recovery_of,
    steering_of,
    two_regions,
)
from tests.oracles.solutions import random_solution
from tests.oracles.timeline_loop import Case, lost_requests

CASES = {
    "dns": Case(60.0, 0.6, steering_of(), rate_of_b=200.0),
    "door": Case(60.0, 0.6, steering_of(), 45.0, more_rate_of_b=40.0, more_from_s=124.0),
    "door and retries": Case(
        60.0,
        0.6,
        steering_of(),
        45.0,
        more_rate_of_b=40.0,
        more_from_s=124.0,
        attempts=2,
        backoff_s=5.0,
        budget_share=0.3,
    ),
    "retries over the drain": Case(
        60.0, 0.6, steering_of(), 200.0, attempts=3, backoff_s=20.0, budget_share=1.0
    ),
    "line": Case(
        60.0, 0.6, steering_of(), 50.0, more_rate_of_b=40.0, more_from_s=124.0, timeout_s=2.0
    ),
    "line and retries": Case(
        60.0,
        0.6,
        steering_of(),
        50.0,
        more_rate_of_b=40.0,
        more_from_s=124.0,
        timeout_s=2.0,
        attempts=1,
        backoff_s=3.0,
        budget_share=0.2,
    ),
    "home": Case(
        60.0, 0.6, steering_of(), 200.0, home_share=0.4, promoted_s=200.0, attempts=1, backoff_s=9.0
    ),
}


def fluid(case: Case, **own: Any) -> Timeline:
    """Return the timeline of a case: 10 requests per second a replica."""
    problem = two_regions(case.rate_rps, home_share=case.home_share)
    solution = first_share(problem, case.share_of_a, (20, round(case.rate_of_b / 10)))
    more = np.array([[0, round((case.rate_of_b + case.more_rate_of_b) / 10)]])
    problem, solution = halved(problem, solution, case.rate_of_b), solution
    recovery = recovery_of(
        case.steering,
        timeout_s=case.timeout_s,
        retry_attempts=case.attempts,
        retry_budget_share=case.budget_share,
        backoff_s=case.backoff_s,
        promotion_s=case.promoted_s,
    )
    return timeline(
        problem,
        solution,
        recovery,
        state=1,
        duration_s=5000.0,
        replicas_after=more,
        horizon_s=float(case.seconds),
        **own,
    )


def halved(problem: Problem, solution: Solution, rate_of_b: float) -> Problem:
    """Let the planned replicas of region 1 complete exactly that rate."""
    rate = problem.rps_per_replica.copy()
    rate[:] = rate_of_b / solution.replicas[0, 1]
    return replace(problem, rps_per_replica=rate)


@pytest.mark.parametrize("name", CASES)
def test_single_requests_fare_the_same(name: str) -> None:
    case = CASES[name]
    scale = round((case.rate_of_b + case.more_rate_of_b) / 10) / round(case.rate_of_b / 10)
    exact = replace(case, more_rate_of_b=case.rate_of_b * (scale - 1))
    seen = np.array([lost_requests(exact, seed) for seed in range(8)], dtype=float)
    error = 3 * seen.std(ddof=1) / np.sqrt(seen.size)
    lost = float(fluid(case).event.failed.sum())
    assert lost == pytest.approx(seen.mean(), abs=error + 0.02 * seen.mean()), seen


@settings(max_examples=12)
@given(
    ttl=st.floats(10, 120),
    interval=st.floats(2, 30),
    violation=st.floats(0, 0.2),
    share=st.floats(0.1, 1),
)
def test_with_room_enough_the_loss_is_the_closed_form(
    ttl: float, interval: float, violation: float, share: float
) -> None:
    steering = steering_of(ttl_s=ttl, check_interval_s=interval, violation_share=violation)
    problem = two_regions(100.0)
    found = timeline(
        problem,
        first_share(problem, share, (20, 20)),
        recovery_of(steering),
        state=1,
        duration_s=20_000.0,
        horizon_s=9000.0,
        step_s=2.0,
    )
    assert found.lost_requests == pytest.approx(100 * share * lost_request_s(steering), rel=2e-3)


def test_thirty_seconds_of_ttl_lose_what_the_reference_says() -> None:
    problem = two_regions(100.0)
    solution = first_share(problem, 1.0, (20, 20))
    found = timeline(problem, solution, recovery_of(), state=1, duration_s=9e4, horizon_s=7200.0)
    assert found.lost_requests == pytest.approx(100 * (32 + 0.554 * 30 + 56), rel=5e-3)


def metastable(retries: int) -> Timeline:
    """Return a region that a short loss of half of its servers leaves overloaded, or not."""
    problem = two_regions(90.0)
    problem = replace(problem, demand_rps=np.full((1, 1, 1), 90.0))
    solution = first_share(problem, 0.5, (10, 8))
    recovery = recovery_of(
        timeout_s=1.0, retry_attempts=retries, retry_budget_share=0.5, backoff_s=1.0
    )
    # 90 arrive at 80 until 124 s, at 110 from then on.
    return timeline(
        problem,
        solution,
        recovery,
        state=1,
        duration_s=9000.0,
        replicas_after=np.array([[0, 11]]),
        horizon_s=3600.0,
    )


def test_overload_goes_without_retries_and_stays_with_them() -> None:
    calm, kept = metastable(0), metastable(3)
    assert not calm.metastable
    assert calm.failed_rps[3599].sum() < 0.5
    assert kept.metastable
    assert kept.failed_rps[3599].sum() > 20
    assert np.isnan(kept.recovery_s) or kept.recovery_s > 9000
    assert any("metastable" in text for _, text in kept.events)
    assert kept.gap.failed.sum() > 0.2 * kept.gap.offered.sum()
    assert calm.recovery_s < 3600


@pytest.mark.parametrize("seed", range(20))
def test_what_is_settled_is_what_the_steady_judge_finds(seed: int) -> None:
    problem = random_problem(seed)
    solution = random_solution(problem, seed, plenty=2.0)
    services = len(problem.axes.services)
    assessed = simulate(problem, solution, late_counts=False)
    recovery = wide(recovery_of(), services)
    for state in range(1, len(problem.axes.states)):
        if (problem.region_up[state] == problem.region_up[0]).all():
            continue
        for hour in problem.axes.hours:
            found = timeline(
                problem,
                solution,
                recovery,
                state=state,
                duration_s=10.0,
                start_s=3600.0 * hour - 0.5,
                horizon_s=1.0,
            )
            judged = float(assessed.lost.total[state, :, :, hour].sum())
            assert found.steady_failed_rps[0] == pytest.approx(judged, abs=1e-6)


def wide(recovery: Recovery, services: int) -> Recovery:
    """Return the same for several services."""
    arrays = {
        name: np.repeat(value, services)
        for name, value in vars(recovery).items()
        if isinstance(value, np.ndarray)
    }
    return replace(recovery, **arrays)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    retries=st.integers(0, 3),
    budget=st.floats(0, 1),
    timeout=st.sampled_from([np.nan, 0.5, 5.0]),
    target=st.sampled_from([np.nan, 0.5]),
    spill=st.booleans(),
    adaptive=st.booleans(),
    duration=st.floats(5, 900),
)
def test_served_slow_and_failed_are_the_demand(
    seed: int,
    retries: int,
    budget: float,
    timeout: float,
    target: float,
    spill: bool,
    adaptive: bool,
    duration: float,
) -> None:
    problem = random_problem(seed, steering="adaptive" if adaptive else "static")
    solution = random_solution(problem, seed, plenty=2.0)
    recovery = wide(
        recovery_of(
            steering_of(spill_over=spill),
            replace(CONTROL, host=0, recreated_share=0.8),
            retry_attempts=retries,
            retry_budget_share=budget,
            timeout_s=timeout,
            autoscaler_target_share=target,
            cold_factor=2.0,
            warm_s=60.0,
            connection_lifetime_s=60.0,
        ),
        len(problem.axes.services),
    )
    state = seed % (len(problem.axes.states) - 1) + 1
    found = timeline(
        problem,
        solution,
        recovery,
        state=state,
        duration_s=duration,
        start_s=float(seed % 86_400),
        horizon_s=300.0,
        step_s=3.0,
    )
    both = found.served_rps + found.slow_rps + found.failed_rps
    assert both == pytest.approx(found.offered_rps, abs=1e-9)
    for part in (found.served_rps, found.slow_rps, found.failed_rps):
        assert part.min() >= -1e-9
    for part in (found.event, found.gap, found.after):
        assert (part.failed + part.slow <= part.offered * (1 + 1e-9) + 1e-9).all()
    failed = found.step_s @ found.failed_rps.sum(axis=1)
    assert failed == pytest.approx(found.event.failed.sum() + found.after.failed.sum(), rel=1e-9)
    assert found.service_failed_rps.sum(axis=1) == pytest.approx(found.failed_rps.sum(axis=1))
    assert list(found.events) == sorted(found.events, key=lambda told: told[0])
    limit = np.maximum(problem.max_replicas, solution.replicas)
    assert (found.replicas <= limit + 1e-9).all()


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), more=st.integers(1, 4), longer=st.floats(1, 600))
def test_replicas_never_hurt_and_longer_outages_lose_no_less(
    seed: int, more: int, longer: float
) -> None:
    problem = random_problem(seed)
    problem = replace(problem, uplink_gbps=problem.uplink_gbps * 1e6)
    solution = random_solution(problem, seed)
    recovery = wide(recovery_of(), len(problem.axes.services))
    state = seed % (len(problem.axes.states) - 1) + 1

    def lost(replicas: Any, duration: float) -> float:
        richer = replace(solution, replicas=replicas)
        return timeline(
            problem,
            richer,
            recovery,
            state=state,
            duration_s=duration,
            start_s=0.0,
            horizon_s=1000.0,
            step_s=5.0,
        ).event.failed.sum()

    few = lost(solution.replicas, 300.0)
    assert lost(solution.replicas + more, 300.0) <= few + 1e-6
    assert lost(solution.replicas, 300.0 + longer) >= few - 1e-6


@pytest.mark.parametrize("seed", range(6))
def test_all_starts_at_once_are_the_starts_one_by_one(seed: int) -> None:
    problem = random_problem(seed)
    solution = random_solution(problem, seed)
    retries = seed % 2
    recovery = wide(
        recovery_of(retry_attempts=retries, timeout_s=1.0 if seed % 3 == 0 else np.nan),
        len(problem.axes.services),
    )
    starts = np.array([0.0, 1800.0, 50_000.0])
    state = len(problem.axes.states) - 1
    shared: dict[str, Any] = {"state": state, "horizon_s": 400.0, "step_s": 5.0}
    found = transient(problem, solution, recovery, repair_s=700.0, starts_s=starts, **shared)
    single = np.zeros_like(found)
    for start in starts:
        one = timeline(problem, solution, recovery, duration_s=700.0, start_s=start, **shared)
        single += sum(p.failed - p.steady_failed for p in (one.event, one.gap, one.after))
    scale = problem.demand_rps.max() * 700
    assert found == pytest.approx(np.maximum(single / 3, 0), abs=1e-6 * scale)

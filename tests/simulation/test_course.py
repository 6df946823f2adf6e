"""What happens when: controllers, control planes, storage, servers, return, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from planner.latency.queueing import sojourn_tail
from planner.problem.arrays import Problem
from planner.problem.conditions import Conditions
from planner.problem.recovery import Recovery
from planner.simulation.chronicle import Timeline
from planner.simulation.hour.course import EVICTION_S, clock
from planner.simulation.replay import simulate
from planner.simulation.timeline import timeline
from tests.oracles.small_passage import CONTROL, STEERING, first_share, recovery_of, two_regions

KARMADA = replace(
    CONTROL,
    controller="karmada",
    redivision_s=37.0,
    ready_s=35.0,
    restored_s=np.inf,
    double_s=160.0,
)


def told(problem: Problem, recovery: Recovery, duration_s: float = 1000.0, **own: Any) -> Timeline:
    """Return the timeline of the loss of region 0, which half of the users ask first."""
    options = {"replicas_after": np.array([[0, 14]]), "horizon_s": 3600.0} | own
    return timeline(
        problem,
        first_share(problem, 0.5, (8, 10)),
        recovery,
        state=1,
        duration_s=duration_s,
        **options,
    )


def replicas(found: Timeline, second: float) -> list[float]:
    """Return the replicas of both regions at a second."""
    place = int(np.searchsorted(found.seconds, second + 1e-9, side="right")) - 1
    return found.replicas[place, 0].tolist()


def sentences(found: Timeline, word: str) -> list[float]:
    """Return the seconds of the events that hold a word."""
    return [second for second, text in found.events if word in text]


def test_kubefed_divides_anew_and_back_again() -> None:
    control = replace(CONTROL, recreated_share=0.75)
    found = told(two_regions(), recovery_of(control=control, cold_factor=2.0, warm_s=100.0))
    assert replicas(found, 10) == [0, 10]
    assert replicas(found, 123) == [0, 10]
    assert replicas(found, 124) == [0, 14]
    assert replicas(found, 1001) == [8, 14]
    assert replicas(found, 1008) == [2, 14]
    assert replicas(found, 1020) == [2, 10]
    assert replicas(found, 1071) == [8, 10]
    assert sentences(found, "deletes and creates anew about 6 of the 8") == [1007.0]


def test_an_outage_that_is_over_before_the_controller_acts_changes_nothing() -> None:
    found = told(two_regions(), recovery_of(control=replace(CONTROL, recreated_share=1.0)), 60.0)
    assert found.replicas[:, 0, 1].tolist() == [10.0] * found.seconds.size
    assert found.replicas[found.seconds >= 60, 0, 0].tolist() == [8.0] * 3600


def test_karmada_leaves_replicas_where_they_went_and_dns_stays_with_them() -> None:
    found = told(two_regions(), recovery_of(control=KARMADA))
    assert replicas(found, 97) == [0, 14]
    assert replicas(found, 4000) == [0, 14]
    assert sentences(found, "WorkloadRebalancer") == [1035.0]
    assert sentences(found, "old replicas") == [1195.0]
    calm = told(two_regions(), recovery_of(control=replace(KARMADA, redivision_s=np.inf)))
    assert replicas(calm, 999) == [0, 10]
    assert replicas(calm, 4000) == [8, 10]
    # Resolvers that have the old answer still ask the empty region.
    assert found.after.failed.sum() > calm.after.failed.sum()


@pytest.mark.parametrize(("standby", "acts_s"), [(1, 1800 + 600 + 64 + 60), (-1, np.inf)])
def test_without_its_host_nothing_is_divided_until_it_is_taken_over(
    standby: int, acts_s: float
) -> None:
    control = replace(CONTROL, host=0, standby=standby)
    found = told(two_regions(), recovery_of(control=control), 5000.0)
    grown = found.seconds[(found.replicas[:, 0, 1] == 14)]
    assert (grown[0] if grown.size else np.inf) == acts_s
    texts = " / ".join(text for _, text in found.events)
    assert "the control plane in a is lost" in texts
    assert ("b has taken the control plane over" in texts) == (standby == 1)


def test_home_calls_fail_until_promotion_or_for_as_long_as_no_home_is_left() -> None:
    # All ask region 1, so DNS is not in it.
    problem = two_regions(100.0, home_share=0.3)
    solution = first_share(problem, 0.0, (8, 20))
    options: dict[str, Any] = {"state": 1, "duration_s": 600.0, "horizon_s": 900.0}
    found = timeline(problem, solution, recovery_of(promotion_s=250.0), **options)
    assert found.lost_requests == pytest.approx(0.3 * 100 * 250)
    assert found.recovery_s == 250.0
    lone = two_regions(100.0, home_share=0.3, second_home=False)
    never = timeline(lone, solution, recovery_of(promotion_s=250.0), **options)
    assert never.lost_requests == pytest.approx(0.3 * 100 * 600)
    # The state's own steady loss is all of it.
    assert never.excess_requests.sum() == pytest.approx(0.0, abs=1e-6)
    assert never.recovery_s == 0.0


def with_conditions(problem: Problem, **own: Any) -> Problem:
    """Return the problem with conditions in state 1, in which no region is lost."""
    up = np.ones((3, 2), bool)
    plain: dict[str, Any] = {
        "reachable": np.ones((3, 1, 1, 2), bool),
        "demand_factor": None,
        "server_share": None,
        "control_up": np.ones(3, bool),
        "loss_share": None,
        "uplink_share": None,
        "tunnels": None,
    }
    return replace(
        problem,
        region_up=up,
        state_admissible=np.ones((3, 1, 1, 2), bool),
        conditions=Conditions(**(plain | own)),
    )


def test_servers_lost_take_their_replicas_until_kubernetes_replaces_them() -> None:
    share = np.array([[1.0, 1.0], [0.5, 1.0], [1.0, 1.0]])
    problem = with_conditions(two_regions(100.0), server_share=share)
    found = told(problem, recovery_of(), replicas_after=np.array([[7, 10]]))
    assert replicas(found, 5) == [4, 10]
    assert replicas(found, EVICTION_S + 59) == [4, 10]
    assert replicas(found, EVICTION_S + 60) == [7, 10]
    assert replicas(found, 1059) == [7, 10]
    assert replicas(found, 1060) == [8, 10]
    # 50 arrive at 40 for 410 s; then all fit.
    assert found.lost_requests == pytest.approx(10 * (EVICTION_S + 60), rel=1e-3)


def test_crowds_and_narrow_paths_act_at_once_and_move_nobody() -> None:
    factor = np.ones((3, 1, 1))
    factor[1] = 1.7
    problem = with_conditions(two_regions(100.0), demand_factor=factor)
    crowd = told(problem, recovery_of(), replicas_after=None)
    # 85 at each: 80 and 100 can be taken.
    assert crowd.failed_rps[5].sum() == pytest.approx(5.0)
    assert crowd.lost_requests == pytest.approx(5.0 * 1000)
    assert crowd.steady_failed_rps[[5, -1]] == pytest.approx([5.0, 0.0])
    gbps = 50 * 8192 / 1e9
    narrow = np.ones((3, 1, 2))
    narrow[1, 0, 0] = 0.25
    problem = with_conditions(two_regions(100.0, uplink_gbps=2 * gbps), uplink_share=narrow)
    found = told(problem, recovery_of(), replicas_after=None)
    assert found.steady_failed_rps[5] == pytest.approx(25.0)
    assert found.failed_rps[5].sum() == pytest.approx(25.0)
    assert found.after.failed.sum() == pytest.approx(0.0, abs=1e-6)


def test_a_service_that_is_down_fails_and_packets_lost_make_it_slow() -> None:
    reachable = np.ones((3, 1, 1, 2), bool)
    reachable[1] = False
    found = told(with_conditions(two_regions(60.0), reachable=reachable), recovery_of(), 300.0)
    assert found.lost_requests == pytest.approx(60 * 300)
    assert found.recovery_s == 0.0
    loss = np.zeros((3, 1, 2))
    loss[1] = 0.15
    problem = with_conditions(two_regions(60.0), loss_share=loss)
    problem = replace(problem, limit_ms=np.array([2000.0]), payload_kib=np.array([8.0]))
    lossy = told(problem, recovery_of(), 300.0, replicas_after=None)
    calm = told(with_conditions(two_regions(60.0)), recovery_of(), 300.0, replicas_after=None)
    # Six segments; at 15 % some are lost four times in a row, which takes 3.3 s.
    late = 1 - (1 - 0.15**4) ** 6
    assert lossy.slow_rps[5].sum() / 60 == pytest.approx(late, abs=2e-3)
    assert calm.lost_requests == lossy.lost_requests == 0.0


def below_full(problem: Problem) -> Problem:
    """Return the same capacity at a ceiling at which queues have a steady state."""
    rate = problem.rps_per_replica / 0.8
    queue = replace(problem.queue, service_time_ms=problem.queue.service_time_ms * 0.8)
    return replace(problem, ceiling_emergency_share=0.8, rps_per_replica=rate, queue=queue)


@pytest.mark.parametrize(("factor", "failing"), [(1.7, 0.0), (2.0, 20.0)])
def test_spill_over_sends_on_what_a_region_turns_away(factor: float, failing: float) -> None:
    steering = replace(STEERING, spill_over=True)
    crowd = np.ones((3, 1, 1))
    crowd[1] = factor
    problem = with_conditions(two_regions(100.0), demand_factor=crowd)
    found = told(problem, recovery_of(steering), replicas_after=None)
    assert found.failed_rps[5].sum() == pytest.approx(failing, abs=1e-6)
    solution = first_share(problem, 0.5, (8, 10))
    judged = simulate(below_full(problem), solution, late_counts=False, spill_over=True)
    assert judged.lost.total[1].sum() == pytest.approx(found.steady_failed_rps[5], abs=1e-6)


@pytest.mark.parametrize("spill", [False, True])
def test_degraded_states_settle_where_the_steady_judge_does(spill: bool) -> None:
    rng = np.random.default_rng(3)
    for _ in range(10):
        narrow = np.ones((3, 1, 2))
        narrow[1, 0, int(rng.integers(2))] = rng.uniform(0.1, 0.9)
        crowd = np.ones((3, 1, 1))
        crowd[1] = rng.uniform(0.5, 2.5)
        gbps = rng.uniform(30, 120) * 8192 / 1e9
        problem = two_regions(100.0, uplink_gbps=gbps)
        problem = with_conditions(problem, demand_factor=crowd, uplink_share=narrow)
        solution = first_share(problem, rng.uniform(), (8, 10))
        recovery = recovery_of(replace(STEERING, spill_over=spill))
        found = timeline(
            problem, solution, recovery, state=1, duration_s=5.0, start_s=0.0, horizon_s=5.0
        )
        judged = simulate(below_full(problem), solution, late_counts=False, spill_over=spill)
        lost = float(judged.lost.total[1].sum())
        assert found.steady_failed_rps[0] == pytest.approx(lost, abs=1e-6)
        assert found.failed_rps[0].sum() == pytest.approx(lost, abs=1e-6)


def test_late_are_as_many_as_the_queue_says() -> None:
    # 20 ms there and back; 8 workers of 100 ms; from the drain on 12 in the other region.
    problem = two_regions(90.0)
    solution = first_share(problem, 0.5, (8, 12))
    found = timeline(
        problem, solution, recovery_of(), state=1, duration_s=9e4, horizon_s=9000.0, step_s=5.0
    )
    left_ms = float(problem.limit_ms[0]) - 20.0
    first, alone = (float(sojourn_tail(np.array(left_ms), 12, rps, 100.0)) for rps in (45.0, 90.0))
    assert found.slow_rps[0].sum() / 45 == pytest.approx(first, abs=2e-3)
    assert found.slow_rps[-1801].sum() / 90 == pytest.approx(alone, abs=2e-3)
    normal = 0.5 * float(sojourn_tail(np.array(left_ms), 8, 45.0, 100.0)) + 0.5 * first
    assert found.slow_rps[-1].sum() / 90 == pytest.approx(normal, abs=3e-3)


def test_an_autoscaler_grows_by_target_and_start_up_until_its_bound() -> None:
    # 100 at 60 from the drain on; after looks every 15 s and 60 s of start-up there is room.
    problem = two_regions(100.0)
    solution = first_share(problem, 1.0, (12, 6))
    options: dict[str, Any] = {"state": 1, "duration_s": 3000.0, "horizon_s": 1500.0}
    grown = timeline(problem, solution, recovery_of(autoscaler_target_share=0.5), **options)
    fixed = timeline(problem, solution, recovery_of(), **options)
    after = grown.replicas[:1500, 0, 1]
    assert after[:90].max() == 6
    assert (np.diff(after) >= 0).all()
    assert 18 <= after[-1] <= 24
    assert grown.failed_rps[1400].sum() < 1.0 < 30 < fixed.failed_rps[1400].sum()
    bound = replace(problem, max_replicas=np.array([[12, 8]]))
    kept = timeline(bound, solution, recovery_of(autoscaler_target_share=0.5), **options)
    assert kept.replicas[:, 0, 1].max() == 8


def test_cold_caches_take_capacity_for_a_while() -> None:
    # Region 1 must double: 10 more replicas of half the speed for 300 s.
    problem = two_regions(180.0)
    solution = first_share(problem, 0.5, (10, 10))
    options: dict[str, Any] = {
        "state": 1,
        "duration_s": 4000.0,
        "horizon_s": 2000.0,
        "replicas_after": np.array([[0, 20]]),
    }
    cold = timeline(problem, solution, recovery_of(cold_factor=2.0, warm_s=300.0), **options)
    warm = timeline(problem, solution, recovery_of(), **options)
    assert cold.failed_rps[300].sum() - warm.failed_rps[300].sum() > 10
    assert cold.failed_rps[424:2000].sum() == pytest.approx(warm.failed_rps[424:2000].sum())


def test_both_regions_lost_fail_all_and_work_at_once_when_they_are_back() -> None:
    problem = two_regions(50.0)
    solution = first_share(problem, 0.5, (10, 10))
    recovery = recovery_of(control=replace(CONTROL, redivision_s=np.inf))
    found = timeline(problem, solution, recovery, state=2, duration_s=400.0, horizon_s=500.0)
    assert found.event.failed.sum() == pytest.approx(50 * 400)
    assert found.after.failed.sum() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("name", ["duration_s", "horizon_s", "step_s"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, np.nan])
def test_times_must_be_above_0(name: str, value: float) -> None:
    times = {"duration_s": 10.0, "horizon_s": 10.0, "step_s": 1.0} | {name: value}
    with pytest.raises(ValueError, match=f"`{name}` must be above 0"):
        clock(**times)


def test_the_normal_state_is_no_event() -> None:
    problem = two_regions()
    solution = first_share(problem, 0.5, (10, 10))
    with pytest.raises(ValueError, match="`state` must be from 1 to 2, not 0"):
        timeline(problem, solution, recovery_of(), state=0, duration_s=10.0)

"""The smallest problems in which a region is lost: one service, two regions, made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from planner.problem.arrays import Axes, Network, NodePools, Problem, Queue, Solution
from planner.problem.recovery import Control, Recovery, Steering

STEERING = Steering(
    check_interval_s=10.0,
    check_failures=3,
    check_successes=3,
    check_timeout_s=2.0,
    publication_s=5.0,
    ttl_s=30.0,
    violation_share=0.108,
    violation_s=522.0,
    spill_over=False,
)

CONTROL = Control(
    controller="kubefed",
    host=1,
    standby=-1,
    redivision_s=64.0,
    takeover_s=1800.0,
    rejoin_s=600.0,
    ready_s=7.0,
    restored_s=13.0,
    recreated_share=0.0,
    gap_s=3.0,
    double_s=0.0,
)


def recovery_of(steering: Steering = STEERING, control: Control = CONTROL, **own: Any) -> Recovery:
    """Return how long everything takes for one service, nothing special but what is given."""
    plain: dict[str, Any] = {
        "promotion_s": 300.0,
        "startup_s": 60.0,
        "connection_lifetime_s": 0.0,
        "timeout_s": np.nan,
        "retry_attempts": 0,
        "retry_budget_share": 1.0,
        "backoff_s": 1.0,
        "cold_factor": 1.0,
        "warm_s": 0.0,
        "autoscaler_target_share": np.nan,
        "autoscaler_sync_s": 15.0,
    }
    arrays = {name: np.array([value]) for name, value in (plain | own).items()}
    return Recovery(steering=steering, control=control, **arrays)


def two_regions(
    demand_rps: float = 100.0,
    *,
    home_share: float = 0.0,
    second_home: bool = True,
    hours: int = 1,
    uplink_gbps: float = 1e6,
) -> Problem:
    """Return a problem with the states all up, the first region down, and both down."""
    up = np.array([[True, True], [False, True], [False, False]])
    home = np.array([[0], [1 if second_home else -1], [-1]])
    rtt = np.full((1, 2), 20.0)
    one, pair = np.ones(1), np.ones((1, 2))
    return Problem(
        axes=Axes(
            ("api",), ("TW",), ("a", "b"), tuple(range(hours)), ("up", "a down", "both"), ("h",)
        ),
        host_of_service=np.zeros(1, np.int64),
        demand_rps=np.full((1, 1, hours), demand_rps),
        rtt_ms=rtt,
        state_rtt_ms=np.stack([rtt] * 3),
        latency_ms=np.full((1, 1, 2), 20.0),
        region_up=up,
        must_survive=np.array([True, True, False]),
        state_probability=np.array([0.998, 0.001, 0.0]),
        home_share=np.array([home_share]),
        home_region=home if home_share else np.full((3, 1), -1),
        admissible=np.ones((1, 1, 2), bool),
        state_admissible=np.broadcast_to(up[:, None, None], (3, 1, 1, 2)).copy(),
        limit_ms=200.0 * one,
        emergency_limit_ms=300.0 * one,
        rps_per_replica=10.0 * pair,
        ceiling_normal_share=1.0,
        ceiling_emergency_share=1.0,
        cpu_cores=one,
        memory_gib=one,
        surge_replicas=np.zeros(1, np.int64),
        pools=NodePools(
            region=np.arange(2),
            cpu_cores=np.full(2, 100.0),
            memory_gib=np.full(2, 100.0),
            pods=np.full(2, 110.0),
            servers=np.full(2, 2),
            server_cost_usd_month=np.zeros(2),
            names=("a/p", "b/p"),
        ),
        survive_server_loss=False,
        uplink_gbps=np.full(2, uplink_gbps),
        payload_kib=one.copy(),
        min_replicas=np.ones((1, 2), np.int64),
        max_replicas=np.full((1, 2), 100),
        pinned=np.zeros((1, 2), bool),
        cost_usd_month=pair.copy(),
        fixed_cost_usd_month=np.zeros(2),
        usd_per_ms=0.0,
        usd_per_lost_request=0.0,
        steering="static",
        split_origins=True,
        queue=Queue(np.ones(1, np.int64), 100.0 * one, one.copy(), one.copy()),
        network=Network(
            point_rtt_ms=rtt[:, None].copy(),
            point_share=np.ones((1, 1)),
            region_rtt_ms=np.zeros((2, 2)),
            new_connection_share=np.zeros(1),
            setup_round_trips=2.0 * one,
            jitter_factor=one.copy(),
            jitter_share=one.copy(),
        ),
    )


def first_share(problem: Problem, share: float, replicas: tuple[int, int]) -> Solution:
    """Return a solution that sends a share to region 0 first, the rest to region 1 first."""
    del problem
    return Solution(
        replicas=np.array([replicas]),
        host=np.zeros(2, np.int64),
        origin=np.zeros(2, np.int64),
        order=np.array([[0, 1], [1, 0]]),
        share=np.array([share, 1 - share]),
        routing=None,
        objective=0.0,
        bound=0.0,
        status="limit",
        solver="by hand",
        seed=0,
        seconds=0.0,
    )


def steering_of(**changed: Any) -> Steering:
    """Return the usual steering, changed."""
    return replace(STEERING, **changed)

"""Problems that fall into blocks: their parts solved one by one are the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.errors import Infeasible
from planner.optimization.blocks import blocks, room_left, separable, shared_use
from planner.optimization.blockwise import block_programs, search_blocks
from planner.optimization.columns import order_columns
from planner.optimization.optimize import solve
from planner.optimization.plunge import plunge
from planner.optimization.relaxation import add_cuts
from planner.optimization.static import static_program
from planner.optimization.stopping import Stop
from planner.problem.arrays import Problem
from planner.problem.packing import fits, packing_limits, replica_bounds
from tests.benchmarks.generators import survivable_capacity
from tests.oracles import extensive_form
from tests.oracles.evaluate import evaluate
from tests.oracles.instances import random_problem

TIGHT = 1e-9


def apart(seed: int, *, roomy: bool = False, split: bool | None = None) -> Problem:
    """Return a small problem whose host names meet in the pools only."""
    problem = random_problem(seed, services=2 + seed % 2, regions=3, origins=3, split_origins=split)
    services, regions = problem.min_replicas.shape
    hosts = np.minimum(np.arange(services), 1)
    names = tuple(f"h{h}.example" for h in range(int(hosts.max()) + 1))
    pools = problem.pools
    if roomy:
        pools = replace(pools, servers=pools.servers + 50)
    return replace(
        problem,
        axes=replace(problem.axes, hosts=names),
        host_of_service=hosts,
        fixed_cost_usd_month=np.zeros(regions),
        uplink_gbps=np.full(regions, 1e3),
        pools=pools,
    )


def cost(problem: Problem) -> float:
    try:
        found = solve(problem, gap=TIGHT, time_limit_s=30.0)
    except Infeasible:
        return np.inf
    again, faults = evaluate(problem, found)
    assert faults == []
    assert again == pytest.approx(found.objective, rel=1e-6, abs=1e-6)
    return found.objective


@pytest.mark.parametrize("seed", range(30))
def test_blocks_cost_what_the_extensive_form_costs(seed: int) -> None:
    problem = apart(seed)
    assert separable(problem)
    if order_columns(problem).missing.size:
        pytest.skip("an origin has no order at all")
    written, _ = extensive_form.solve(problem)
    assert cost(problem) == pytest.approx(written, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_blocks_with_room_to_spare_need_no_joint_program(seed: int) -> None:
    problem = apart(seed, roomy=True, split=True)
    programs = block_programs(problem, 0)
    if not programs:
        pytest.skip("an origin has no order at all")
    found = search_blocks(problem, programs, TIGHT, Stop(30.0))
    written, _ = extensive_form.solve(problem)
    if np.isinf(written):
        assert found.objective is None
    else:
        assert found.objective == pytest.approx(written, rel=1e-6)
        assert found.bound == pytest.approx(written, rel=1e-6)


@pytest.mark.parametrize("seed", range(100, 112))
def test_bound_and_plan_of_blocks_in_scarce_room_hold_the_optimum_between_them(seed: int) -> None:
    problem = apart(seed, split=True)
    programs = block_programs(problem, 0)
    if not programs:
        pytest.skip("an origin has no order at all")
    found = search_blocks(problem, programs, 1e-4, Stop(30.0))
    written, _ = extensive_form.solve(problem)
    assert found.bound <= written + 1e-6 * abs(written)
    if found.objective is not None:
        assert found.objective >= written * (1 - 1e-6)


def test_whole_origins_are_solved_alone_where_that_leaves_room() -> None:
    for load, alone in ((0.05, True), (0.625, False)):
        problem = survivable_capacity(1, 5, 12, 2, 1, steering="static", load=load)
        problem = replace(problem, split_origins=False)
        found = search_blocks(problem, block_programs(problem, 0), 1e-4, Stop(60.0))
        assert bool(found.plans) == alone
        whole = solve(problem, gap=1e-4, time_limit_s=60.0)
        assert found.bound <= whole.objective * (1 + 1e-9)
        if alone:
            assert found.cost == pytest.approx(whole.objective, rel=2e-4)


@pytest.mark.parametrize("order", [1, 2])
def test_load_rows_over_flows_are_the_same_rows(
    order: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(200, 206):
        problem = random_problem(seed, regions=4, order=order, split_origins=True)
        if order_columns(problem).missing.size:
            continue
        monkeypatch.setattr("planner.optimization.static.MANY_ENTRIES", -1)
        over_flows = cost(problem)
        monkeypatch.setattr("planner.optimization.static.MANY_ENTRIES", 10**9)
        assert over_flows == pytest.approx(cost(problem), rel=1e-6, abs=1e-6), seed


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(0, 1000))
def test_what_fits_keeps_the_shared_room(seed: int, draw: int) -> None:
    problem = apart(seed)
    limits = packing_limits(problem)
    bound = replica_bounds(problem, limits)
    replicas = np.random.default_rng(draw).integers(0, bound + 1)
    inside = (shared_use(problem, limits, bound) * replicas).sum(axis=0) <= 1 + 1e-9
    assert (inside | ~fits(problem, limits, replicas)).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(0, 1000))
def test_the_room_left_is_the_most_that_fits(seed: int, draw: int) -> None:
    problem = apart(seed)
    limits = packing_limits(problem)
    bound = replica_bounds(problem, limits)
    held = np.random.default_rng(draw).integers(0, bound + 1)
    held[0] = 0
    left = room_left(problem, limits, held, 0)
    for region in range(left.size):
        for count in range(1, 8):
            tried = held.copy()
            tried[0, region] = count
            fit = bool(fits(problem, limits, tried)[region])
            assert fit == (count <= left[region]), (region, count)


def test_the_parts_ask_for_what_the_whole_asks_for() -> None:
    problem = apart(3, roomy=True)
    bound = replica_bounds(problem, packing_limits(problem))
    parts = blocks(problem, bound)
    whole = order_columns(problem)
    costs = [order_columns(part.problem).cost_usd_month for part in parts]
    assert np.concatenate(costs) == pytest.approx(whole.cost_usd_month)
    assert sorted(s for part in parts for s in part.services.tolist()) == [0, 1, 2]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rounding_one_by_one_comes_near_the_bound(seed: int) -> None:
    problem = survivable_capacity(seed, 8, 60, 1, 1, steering="static")
    static = static_program(problem, order_columns(problem), 0)
    root = add_cuts(static, Stop(30.0), 1e-4)
    before = static.program.bounds(static.master.replicas.ravel())
    plan = plunge(static, root, 1e-4, Stop(30.0))
    assert plan is not None
    assert root.objective <= plan.objective <= root.objective * 1.01
    after = static.program.bounds(static.master.replicas.ravel())
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_blocks_in_scarce_room_are_proven_to_a_thousandth_and_the_same_each_time() -> None:
    problem = survivable_capacity(1, 8, 60, 3, 1, steering="static")
    found = solve(problem, gap=1e-3, time_limit_s=60.0)
    assert found.status == "optimal"
    again = solve(problem, gap=1e-3, time_limit_s=60.0)
    assert found.share.tobytes() == again.share.tobytes()
    assert np.array_equal(found.replicas, again.replicas)
    checked, faults = evaluate(problem, found)
    assert faults == []
    assert checked == pytest.approx(found.objective, rel=1e-6)


def in_small_pools(
    servers: int, cores: float, pods: list[float], most: list[int], needed: list[int], surge: int
) -> Problem:
    """Return two services and regions whose least use fills no region though the pods may."""
    drawn = survivable_capacity(1, 2, 5, 2, 0, steering="static", latency=False)
    pools = replace(drawn.pools, cpu_cores=np.full(2, cores), servers=np.full(2, servers))
    rps = np.array(needed, float)[:, None, None] * 2 / 5
    return replace(
        drawn,
        demand_rps=np.broadcast_to(rps, drawn.demand_rps.shape).copy(),
        rps_per_replica=np.full((2, 2), 2.0),
        cpu_cores=np.array(pods),
        pools=pools,
        max_replicas=np.repeat(np.array(most)[:, None], 2, axis=1),
        surge_replicas=np.full(2, surge),
        cost_usd_month=np.array([[10.0, 20.0], [1.0, 2.0]]),
    )


@pytest.mark.parametrize("split", [True, False])
def test_blocks_whose_plans_clash_by_surge_are_planned_again(split: bool) -> None:
    problem = in_small_pools(1, 100.0, [1.0, 1.0], [40, 50], [40, 50], 8)
    problem = replace(problem, split_origins=split)
    limits = packing_limits(problem)
    assert not shared_use(problem, limits, replica_bounds(problem, limits)).any()
    written, _ = extensive_form.solve(problem)
    assert written > 450
    assert cost(problem) == pytest.approx(written, rel=1e-6)


def test_blocks_whose_plans_clash_by_the_order_of_arrival_have_no_plan() -> None:
    problem = in_small_pools(10, 10.0, [5.0, 0.1], [11, 300], [20, 500], 0)
    assert extensive_form.solve(problem)[0] == np.inf
    assert cost(problem) == np.inf


def test_a_host_name_that_nobody_calls_is_no_burden_in_full_pools() -> None:
    drawn = survivable_capacity(3, 3, 4, 3, 1, steering="static", load=0.9)
    demand = drawn.demand_rps.copy()
    demand[1] = 0.0
    problem = replace(drawn, demand_rps=demand)
    written, _ = extensive_form.solve(problem)
    found = solve(problem, gap=1e-6, time_limit_s=30.0)
    assert found.bound <= written * (1 + 1e-6)
    assert found.objective == pytest.approx(written, rel=2e-6)

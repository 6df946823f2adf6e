"""The steering of a block at given replicas: what it costs, and bounds that hold everywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, milp

from planner.optimization import merged_program
from planner.optimization.block_search import BlockSearch
from planner.optimization.block_steering import BlockSteering, HeldSteering
from planner.optimization.blockwise import block_programs
from planner.optimization.columns import order_columns
from planner.optimization.exchanges import Exchanges
from planner.optimization.master import capacity_rps
from planner.optimization.milp import MilpResult
from planner.optimization.neighbourhood import NearSearch
from planner.optimization.node_relaxation import Matrix
from planner.optimization.relaxation import add_cuts
from planner.optimization.room_prices import room_prices
from planner.optimization.static import static_program
from planner.optimization.stopping import NEVER, Stop
from planner.problem.arrays import Floats, Problem
from tests.benchmarks.generators import survivable_capacity
from tests.oracles import extensive_form
from tests.oracles.instances import random_problem

STOP = NEVER


def drawn(seed: int) -> Problem:
    """Return a problem of two services with host names of their own."""
    return survivable_capacity(seed, 5, 9, 2, 1, steering="static", load=0.9)


def steering(problem: Problem, at: int = 0) -> BlockSteering:
    return BlockSteering(block_programs(problem, 0)[at], 1e-9)


def written_out(problem: Problem, replicas: Floats) -> float:
    """Return what steering costs with every column and row written out; inf where none does."""
    columns = order_columns(problem)
    cost, sums = columns.cost_usd_month, np.unique(columns.group, return_inverse=True)[1]
    one = np.arange(cost.size)
    row, limit = [], []
    for state, up in enumerate(problem.region_up):
        room = capacity_rps(problem, replicas)[state]
        for service in range(replicas.shape[0]):
            for region in np.flatnonzero(up):
                served = columns.serve[state] == region
                served &= columns.host == problem.host_of_service[service]
                row.append(served * problem.demand_rps[service, columns.origin, 0])
                limit.append(room[service, region])
    whole = np.zeros((sums.max() + 1, cost.size))
    whole[sums, one] = 1.0
    found = milp(
        cost,
        constraints=[
            LinearConstraint(np.array(row), -np.inf, np.array(limit) + 1e-9),
            LinearConstraint(whole, 1.0, 1.0),
        ],
    )
    return float(found.fun) if found.success else np.inf


def at(block: BlockSteering, replicas: Floats) -> HeldSteering:
    found = block.held(replicas, STOP)
    assert found is not None
    return found


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_it_costs_what_the_program_written_out_costs_and_bounds_hold_everywhere(
    seed: int, merged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merged_program, "_FEWER", 1.0 if merged else 0.0)
    block, rng = steering(drawn(seed), seed % 2), np.random.default_rng(seed)
    assert (block.static.firsts is not None) == merged
    problem = block.block.block.problem
    fair = problem.demand_rps.sum(axis=1) / block.static.one_rps[0]
    most = np.minimum(0.65 * fair, block.static.master.bound)
    points = [rng.uniform(0.0, 1.0, fair.shape) * most for _ in range(16)]
    points += [*(np.rint(point) for point in points[:4]), block.static.master.bound.astype(float)]
    true = [written_out(problem, point) for point in points]
    assert 0 < sum(np.isfinite(true)) < len(true)
    for point, usd in zip(points, true, strict=True):
        found = at(block, point)
        assert (found.short is None) == np.isfinite(usd)
        if found.short is None:
            assert found.usd_month == pytest.approx(usd, rel=1e-6)
            assert found.share.sum() == pytest.approx(block.static.columns.called.sum())
        for other, other_usd in zip(points, true, strict=True):
            if np.isfinite(other_usd):
                said = found.constant - float((found.per_replica * other).sum())
                assert said <= other_usd * (1 + 1e-6)
                if found.short is not None:
                    coefficient, right_side = found.short
                    assert (coefficient * other).sum() >= right_side - 1e-6
        if found.short is not None:
            coefficient, right_side = found.short
            assert (coefficient * point).sum() < right_side


def test_a_price_that_buys_replicas_needlessly_rises() -> None:
    problem = drawn(1)
    block, right = steering(problem), steering(problem)
    block._dear = 1e-6
    block._restore()
    point = block.static.master.bound * 0.9
    assert at(block, point).usd_month == pytest.approx(at(right, point).usd_month, rel=1e-6)
    assert block._dear > 1e-6


def test_the_last_answers_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.optimization.block_steering._REMEMBERED", 2)
    block, asked = steering(drawn(1)), []
    whole = block.static.problem.max_replicas.astype(float)
    solved = BlockSteering._solved

    def counted(self: BlockSteering, replicas: Floats, stop: Stop, gap: float) -> MilpResult | None:
        asked.append(float(replicas.sum()))
        return solved(self, replicas, stop, gap)

    monkeypatch.setattr(BlockSteering, "_solved", counted)
    first = block.held(whole, STOP)
    assert block.held(whole.copy(), STOP) is first
    assert len(asked) == 1
    for fewer in (0.125, 0.25):
        block.held(whole - fewer, STOP)
    again = block.held(whole, STOP)
    assert first is not None
    assert again is not None
    assert len(asked) == 4
    assert again.usd_month == pytest.approx(first.usd_month)


def test_the_program_has_its_own_prices_back_in_the_end() -> None:
    block = steering(drawn(2))
    program = block.static.program
    block.held(block.static.master.bound * 0.1, STOP)
    block.close()
    assert np.array_equal(np.array(program.model().col_cost_), program.cost)


def test_prices_of_room_bound_what_blocks_cost() -> None:
    problem = drawn(3)
    programs = block_programs(problem, 0)
    room_prices(programs, np.full(5, 0.7), 1e-4, STOP)
    assert min(len(program.bounds) for program in programs) > 2
    for at_block, program in enumerate(programs):
        program.price(np.zeros(5))
        block = BlockSteering(program, 1e-9)
        rng = np.random.default_rng(at_block)
        for _ in range(10):
            replicas = rng.uniform(0.5, 1.0, block.static.master.bound.shape)
            replicas = replicas * block.static.master.bound
            found = at(block, replicas)
            if found.short is not None:
                continue
            for least, room_usd in program.bounds:
                price = program.block.problem.cost_usd_month + program.use * room_usd
                assert found.usd_month + (price * replicas).sum() >= least * (1 - 1e-9)


def with_two_hosts(seed: int) -> Problem:
    """Return a problem whose two services meet in the pools only."""
    problem = random_problem(seed, services=2, regions=3, origins=3, split_origins=True)
    regions = problem.uplink_gbps.size
    return replace(
        problem,
        axes=replace(problem.axes, hosts=("a.example", "b.example")),
        host_of_service=np.arange(2),
        fixed_cost_usd_month=np.zeros(regions),
        uplink_gbps=np.full(regions, 1e3),
    )


@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("seed", range(300, 312))
def test_the_search_over_all_replicas_ends_with_the_optimum(
    seed: int, looks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not looks:
        monkeypatch.setattr(NearSearch, "look_between", lambda _self, best, _x: best)
        monkeypatch.setattr(Exchanges, "run", lambda _self, best, _bound: best)
    problem = with_two_hosts(seed)
    programs = block_programs(problem, 0)
    if not programs:
        pytest.skip("an origin has no order at all")
    written, _ = extensive_form.solve(problem)
    search = BlockSearch.of(problem, programs, 1e-9, NEVER, 0)
    plans, bound = search.run([], -np.inf, [])
    if np.isinf(written):
        assert not plans
        assert bound == np.inf
    else:
        assert sum(plan.objective for plan in plans) == pytest.approx(written, rel=1e-6)
        assert bound == pytest.approx(written, rel=1e-6)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_plan_is_a_point_of_the_program(seed: int) -> None:
    problem = survivable_capacity(seed, 5, 12, 2, 1, steering="static", load=0.7)
    search = BlockSearch.of(problem, block_programs(problem, 0), 1e-6, NEVER, 0)
    search.run([], -np.inf, [])
    found = search._point(search.plans)
    program = search.small.adaptive.program
    assert len(search.small.losses) == 2
    assert Matrix.of(program.model()).slack(found.x[None]).min() >= -1e-6
    low, high = program.bounds(np.arange(program.columns))
    assert ((low <= found.x) & (found.x <= high)).all()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_priced_relaxation_is_that_of_the_whole_program(seed: int) -> None:
    problem = survivable_capacity(seed, 6, 20, 3, 1, steering="static", load=0.9)
    whole = add_cuts(static_program(problem, order_columns(problem), 0), STOP, 1e-6)
    programs = block_programs(problem, 0)
    for program in programs:
        program.relaxed(1e-6, STOP)
    search = BlockSearch.of(problem, programs, 1e-5, STOP, 0)
    n = search.small.adaptive.master.replicas
    root = search.small.adaptive.program.relaxation(STOP)
    assert root.x is not None
    near = NearSearch(search.small, search.evaluate, root.x[n], 1e-5, STOP, None, 0.0, 0.5)
    near.tighten()
    priced = search.small.adaptive.program.relaxation(STOP).objective
    assert priced == pytest.approx(whole.objective, rel=1e-3)
    assert root.objective < priced * 0.99

"""Beginnings of orders say what the orders say: the same loads, the same shares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.optimization.beginnings import add_beginnings
from planner.optimization.candidates import with_enough
from planner.optimization.columns import OrderColumns, order_columns
from planner.optimization.loads import judge
from planner.optimization.milp import Milp
from planner.optimization.node_relaxation import Matrix
from planner.optimization.static import add_load_rows, point, static_program
from planner.optimization.stopping import NEVER
from planner.problem.arrays import Floats, Problem
from tests.benchmarks.generators import survivable_capacity


def whole(seed: int, order: int) -> Problem:
    """Return a problem whose origins cannot be split; some states have another ceiling."""
    problem = survivable_capacity(seed, 6, 8, 2, order, steering="static", load=0.1)
    return replace(problem, split_origins=False, ceiling_normal_share=0.5 if seed % 2 else 0.85)


def chosen(columns: OrderColumns, rng: np.random.Generator) -> Floats:
    """Return shares with one order for each host and origin."""
    share = np.zeros(columns.host.size)
    for group in np.unique(columns.group):
        share[rng.choice(np.flatnonzero(columns.group == group))] = 1.0
    return share


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_every_list_that_an_order_begins_with_is_there_once(order: int) -> None:
    columns = order_columns(whole(1, order))
    program = Milp()
    share = program.add_columns(np.zeros(columns.host.size), 0.0, 1.0, integer=True)
    levels = add_beginnings(program, columns, share)
    assert [level.region.shape[1] for level in levels] == list(range(order + 1, 0, -1))
    for level in levels:
        length = level.region.shape[1]
        lists = {
            (int(h), int(o), *map(int, regions[:length]))
            for h, o, regions in zip(columns.host, columns.origin, columns.order, strict=True)
        }
        known = list(zip(level.host, level.origin, map(tuple, level.region), strict=True))
        assert len(known) == len(lists)
        assert {(int(h), int(o), *map(int, r)) for h, o, r in known} == lists
        assert (level.region[level.of] == columns.order[:, :length]).all()
        assert (level.origin[level.of] == columns.origin).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("order", [1, 2])
def test_rows_over_beginnings_hold_the_loads_of_every_state(seed: int, order: int) -> None:
    problem = whole(seed, order)
    columns = order_columns(problem)
    static = static_program(problem, columns, 0)
    assert static.beginnings
    assert static.flows is None
    up = problem.region_up[:, None, :, None]
    add_load_rows(static, np.broadcast_to(up, static.load_row.shape))
    share = chosen(columns, np.random.default_rng(seed))
    static.program.bound_columns(static.share, share, share)
    result = static.program.relaxation(NEVER)
    assert result.x is not None
    replicas = result.x[static.master.replicas]
    # No replicas at all: what is over is the whole load, in replicas of each state.
    load = judge(problem, columns, np.zeros_like(replicas), share).overload
    np.testing.assert_allclose(replicas, load.max(axis=(0, 3)), rtol=1e-6, atol=1e-6)
    for level in static.beginnings:
        np.testing.assert_allclose(result.x[level.column], level.taken(share), atol=1e-7)


def test_a_row_has_one_entry_a_beginning() -> None:
    problem = whole(2, 1)
    columns = order_columns(problem)
    static = static_program(problem, columns, 0)
    (row, key) = next(item for item in static.row_key.items() if item[1][0] > 0)
    lost = int(np.flatnonzero(~problem.region_up[key[0]])[0])
    lp = static.program.model()
    entries = int(np.diff(lp.a_matrix_.start_)[row])
    mine = columns.host == problem.host_of_service[key[1]]
    may = {int(o) for o in columns.origin[mine & (columns.order[:, 0] == key[2])]}
    second = mine & (columns.order[:, 0] == lost) & (columns.order[:, 1] == key[2])
    assert entries == len(may) + int(second.sum()) + 1


@pytest.mark.parametrize("many", [-1, 10**9])
def test_a_plan_is_a_point_of_the_program(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planner.optimization.static.MANY_ENTRIES", many)
    seen = 0
    for seed in range(12):
        problem = whole(seed, 1 + seed % 2)
        columns = order_columns(problem)
        static = static_program(problem, columns, 0)
        assert (static.flows is not None) == (many < 0)
        share = chosen(columns, np.random.default_rng(seed))
        plan = with_enough(static, problem.min_replicas * 0, share)
        if plan is None:
            continue
        verdict = judge(problem, columns, plan.replicas, share)
        x = point(static, plan.replicas, share, verdict)
        lp = static.program.model()
        assert (x >= np.array(lp.col_lower_) - 1e-9).all()
        assert (x <= np.array(lp.col_upper_) + 1e-9).all()
        assert Matrix.of(lp).slack(x[None]).min() >= -1e-7
        assert x @ static.program.cost == pytest.approx(plan.objective)
        seen += 1
    assert seen >= 8

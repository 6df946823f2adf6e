"""Load rows over what follows each list of regions say what each share loads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.optimization.columns import order_columns
from planner.optimization.dominance import binding_rows
from planner.optimization.loads import judge
from planner.optimization.master import capacity_rps
from planner.optimization.static import StaticProgram, static_program
from planner.optimization.stopping import NEVER
from planner.problem.arrays import Floats, Problem
from tests.benchmarks.generators import survivable_capacity


def drawn(seed: int, order: int) -> Problem:
    """Return a problem with room for any shares, some states with other ceilings than others."""
    problem = survivable_capacity(seed, 6, 12, 2, order, 2, steering="static", load=0.1)
    return replace(problem, ceiling_normal_share=0.5 if seed % 2 else 0.85)


def held(static: StaticProgram, rng: np.random.Generator) -> Floats:
    """Hold random shares; an origin has all its demand somewhere."""
    columns = static.columns
    draw = rng.random(columns.origin.size) * (rng.random(columns.origin.size) < 0.2) + 1e-3
    _, row = np.unique(columns.group, return_inverse=True)
    share: Floats = draw / np.bincount(row, draw)[row]
    static.program.bound_columns(static.share, share, share)
    return share


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("many", [-1, 10**9])
def test_held_shares_need_the_replicas_of_the_worst_state(
    seed: int, order: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planner.optimization.static.MANY_ENTRIES", many)
    problem = drawn(seed, order)
    columns = order_columns(problem)
    static = static_program(problem, columns, 0)
    assert (static.flows is not None) == (many < 0)
    share = held(static, np.random.default_rng(seed))
    result = static.program.relaxation(NEVER)
    assert result.x is not None
    replicas = result.x[static.master.replicas]
    # No replicas at all: what is over is the whole load, in replicas of each state.
    load = judge(problem, columns, np.zeros_like(replicas), share).overload
    busiest = problem.demand_rps.sum(axis=1).argmax(axis=1)
    worst = [load[:, s, :, hour].max(axis=0) for s, hour in enumerate(busiest)]
    np.testing.assert_allclose(replicas, worst, rtol=1e-6, atol=1e-6)


def test_flows_need_far_fewer_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = []
    problem = drawn(1, 2)
    for many in (-1, 10**9):
        monkeypatch.setattr("planner.optimization.static.MANY_ENTRIES", many)
        model = static_program(problem, order_columns(problem), 0).program.model()
        entries.append(np.asarray(model.a_matrix_.value_).size)
    assert entries[0] < entries[1] / 2


@pytest.mark.parametrize("seed", range(4))
def test_a_row_is_left_out_only_for_one_that_holds_as_much_with_more_regions_down(
    seed: int,
) -> None:
    problem = drawn(seed, 2)
    one = capacity_rps(problem, np.ones_like(problem.min_replicas))
    kept, up = binding_rows(problem, one), problem.region_up
    assert 0 < kept.sum() < (problem.must_survive[:, None] & up).sum() * one.shape[1]
    for state, service, region in np.argwhere(~kept):
        if not (problem.must_survive[state] and up[state, region]):
            continue
        implying = kept[:, service, region] & (up <= up[state]).all(axis=1)
        assert (one[implying, service, region] <= one[state, service, region]).any()


def test_of_two_equal_states_the_first_has_the_rows() -> None:
    once = drawn(1, 1)
    one = capacity_rps(once, np.ones_like(once.min_replicas))
    twice = replace(
        once,
        region_up=np.repeat(once.region_up, 2, axis=0),
        must_survive=np.repeat(once.must_survive, 2),
    )
    kept = binding_rows(twice, np.repeat(one, 2, axis=0))
    np.testing.assert_array_equal(kept[::2], binding_rows(once, one))
    assert not kept[1::2].any()

"""Order columns against plain permutations."""

from __future__ import annotations

from dataclasses import replace
from math import perm

import numpy as np
import pytest

from planner.optimization.columns import order_columns, row_codes
from planner.optimization.order_counts import promised_depth
from planner.problem.arrays import Problem
from tests.oracles.instances import random_problem
from tests.oracles.static_columns import called_pairs, columns_of


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("seed", range(15))
def test_columns_are_those_of_plain_permutations(seed: int, order: int) -> None:
    problem = random_problem(3000 + seed, order=order, regions=3 + seed % 2)
    columns = order_columns(problem)
    found = {
        (int(host), int(origin), tuple(int(r) for r in row if r >= 0)): (cost, serve)
        for host, origin, row, cost, serve in zip(
            columns.host,
            columns.origin,
            columns.order,
            columns.cost_usd_month,
            columns.serve.T,
            strict=True,
        )
    }
    assert len(found) == columns.host.size, "a column stands there twice"
    pairs = called_pairs(problem)
    plain = [column for pair in pairs for column in columns_of(problem, *pair)]
    assert set(found) == {(c.host, c.origin, c.order) for c in plain}
    for column in plain:
        cost, serve = found[column.host, column.origin, column.order]
        assert cost == pytest.approx(column.cost_usd, rel=1e-9, abs=1e-12)
        for state, row in enumerate(column.serves):
            assert {r for r in row if r is not None} <= {int(serve[state])}
    without = {(host, origin) for host, origin, _ in pairs} - {c[:2] for c in found}
    assert {tuple(pair) for pair in columns.missing.tolist()} == without


def free(regions: int, order: int) -> Problem:
    """Return a problem in which every region may serve everyone in every state."""
    problem = random_problem(1, services=1, origins=2, regions=regions, hours=1, order=order)
    up = problem.region_up[:, None, None, :]
    everywhere = np.ones_like(problem.admissible)
    return replace(
        problem,
        demand_rps=np.full_like(problem.demand_rps, 5.0),
        admissible=everywhere,
        state_admissible=everywhere & up,
    )


@pytest.mark.parametrize(("regions", "order"), [(2, 0), (4, 0), (2, 1), (4, 1), (3, 2), (4, 2)])
def test_there_are_as_many_as_the_formula_says(regions: int, order: int) -> None:
    problem = free(regions, order)
    depth = promised_depth(problem)
    assert depth == order
    columns = order_columns(problem)
    assert columns.host.size == 2 * perm(regions, depth + 1)
    assert columns.order.shape[1] == depth + 1
    assert columns.missing.size == 0


def test_an_origin_that_nobody_calls_has_no_column_and_is_not_missing() -> None:
    problem = free(3, 1)
    demand = problem.demand_rps.copy()
    demand[0, 1] = 0.0
    columns = order_columns(replace(problem, demand_rps=demand))
    assert set(columns.origin.tolist()) == {0}
    assert columns.called.tolist() == [[True, False]]
    assert columns.missing.size == 0


def test_an_origin_with_too_few_regions_is_missing() -> None:
    problem = free(3, 1)
    allowed, states = problem.admissible.copy(), problem.state_admissible.copy()
    allowed[0, 1, 1:], states[:, 0, 1, 1:] = False, False
    columns = order_columns(replace(problem, admissible=allowed, state_admissible=states))
    assert columns.missing.tolist() == [[0, 1]]
    assert (columns.origin == 0).all()


@pytest.mark.parametrize(("largest", "width"), [(2, 3), (31, 13), (33, 14), (2**40, 5)])
def test_long_lists_of_many_regions_keep_numbers_of_their_own(largest: int, width: int) -> None:
    rng = np.random.default_rng(width)
    table = rng.integers(0, largest, (400, width))
    table[200:, 1:] = table[:200, 1:]
    table[300:] = table[:100]
    _, wanted = np.unique(table, axis=0, return_inverse=True)
    _, found = np.unique(row_codes(table), return_inverse=True)
    assert np.array_equal(found, wanted.reshape(-1))

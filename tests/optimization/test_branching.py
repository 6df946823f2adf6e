"""Branch and bound over a relaxation whose bounds change: the optimum of another solver."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from planner.optimization.branching import WHOLE, Plunger, PseudoCosts
from planner.optimization.milp import Milp
from planner.optimization.node_relaxation import Matrix, Node, NodeRelaxation
from planner.optimization.rows import Floats, Ints, rows
from planner.optimization.stopping import NEVER

COLUMNS = 8


def drawn(seed: int) -> tuple[Milp, Ints, Floats, Floats, Floats]:
    """Draw a covering program of integers and one continuous column."""
    rng = np.random.default_rng(seed)
    program, cost = Milp(), rng.uniform(1, 5, COLUMNS)
    column = program.add_columns(cost[:-1], 0.0, 6.0, integer=True)
    program.add_columns(cost[-1], 0.0, 6.0)
    matrix = rng.uniform(0, 3, (6, COLUMNS)) * (rng.random((6, COLUMNS)) < 0.6)
    right = matrix.sum(axis=1) * rng.uniform(1, 4, 6)
    row, at = np.nonzero(matrix)
    program.add_rows(rows(right, np.full(6, np.inf), row, at, matrix[row, at]))
    return program, column, cost, matrix, right


def optimum(plunger: Plunger, root: Node, most: int) -> float:
    """Explore until nothing is open."""
    best, waiting = np.inf, [root]
    costs = PseudoCosts(np.zeros((2, root.lower.size)), np.zeros((2, root.lower.size)))
    while waiting:
        found = plunger.explore(waiting[:2], best, costs, most)
        waiting, costs = waiting[2:] + found.open, found.costs
        assert not found.unresolved
        for leaf in found.leaves:
            assert leaf.x is not None
            assert np.abs(leaf.x[plunger.column] - np.rint(leaf.x[plunger.column])).max() <= WHOLE
            best = min(best, leaf.bound)
    return best


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("most", [1, 7, 1000])
def test_the_tree_finds_the_optimum_of_another_solver(seed: int, most: int) -> None:
    program, column, cost, matrix, right = drawn(seed)
    other = milp(
        cost,
        integrality=np.append(np.ones(COLUMNS - 1), 0),
        bounds=Bounds(0, 6),
        constraints=LinearConstraint(matrix, right, np.inf),
    )
    model = program.model()
    relaxation = NodeRelaxation(model, column)
    relaxation.append(Matrix.of(model), np.arange(6))
    plunger = Plunger(relaxation, column, np.zeros(column.size, np.int64), NEVER)
    root = Node(-np.inf, np.zeros(column.size), np.full(column.size, 6.0))
    expected = np.inf if other.status == 2 else other.fun
    assert optimum(plunger, root, most) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("seed", range(8))
def test_rows_that_bounds_cannot_break_and_copies_are_not_needed(seed: int) -> None:
    program, _, cost, matrix, right = drawn(seed)
    program.add_rows(rows(-1.0, np.inf, [0, 0], [0, 1], [1.0, 1.0]))
    twice = np.flatnonzero(matrix[0])
    program.add_rows(rows(2 * right[0], np.inf, np.zeros(twice.size), twice, 2 * matrix[0, twice]))
    whole = Matrix.of(program.model())
    needed = whole.needed(np.zeros(COLUMNS), np.full(COLUMNS, 6.0))
    assert not needed[6:].any()
    kept = needed[:6]
    one, other = (
        linprog(cost, -matrix[part], -right[part], bounds=(0, 6)) for part in (kept, slice(None))
    )
    assert one.status == other.status
    assert one.status != 0 or one.fun == pytest.approx(other.fun)


def test_slack_is_negative_where_a_row_is_broken() -> None:
    program, _, _, matrix, right = drawn(1)
    whole = Matrix.of(program.model())
    slack = whole.slack(np.stack([np.zeros(COLUMNS), np.full(COLUMNS, 6.0)]))
    scale = matrix.max(axis=1)
    assert slack[:, 0] == pytest.approx(-right / scale)
    assert slack[:, 1] == pytest.approx((6 * matrix.sum(axis=1) - right) / scale)

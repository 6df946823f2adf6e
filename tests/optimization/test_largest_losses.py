"""Rows of the largest losses: they hold exactly where any regions may be lost."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from planner.optimization.cuts import Groups
from planner.optimization.largest_losses import add_largest_losses, lost_together
from planner.optimization.master import add_master
from planner.optimization.milp import Milp
from planner.optimization.set_pool import Family
from planner.optimization.stopping import Stop
from tests.benchmarks.generators import survivable_capacity


def family(regions: int, lost: int, demand_rps: float) -> Family:
    """Return the loss of any so many regions, and of none, as states of one service."""
    down = np.zeros((1, regions), dtype=bool)
    for gone in combinations(range(regions), lost):
        row = np.isin(np.arange(regions), gone)
        down = np.vstack([down, row])
    groups = Groups(np.ones((1, regions), dtype=bool), np.array([[demand_rps]]))
    return Family(np.arange(len(down)), down, np.full(regions, 2.0), groups)


@pytest.mark.parametrize("lost", [1, 2, 3])
@pytest.mark.parametrize("seed", range(15))
def test_whole_replicas_keep_the_rows_if_and_only_if_they_survive(seed: int, lost: int) -> None:
    rng = np.random.default_rng(seed)
    problem = survivable_capacity(seed, 5, 8, 1, 1, load=0.1)
    program = Milp()
    master = add_master(program, problem)
    count = rng.integers(0, 5, 5)
    survivors = int(np.sort(count)[: 5 - lost].sum())
    demand = max(survivors + int(rng.integers(-1, 2)), 0)
    found = add_largest_losses(program, master, 0, family(5, lost, 2.0 * demand))
    assert found is not None
    assert (found.service, found.lost, found.level) == (0, lost, program.columns - 6)
    assert (master.bound >= 4).all()
    column = master.replicas[0]
    program.bound_columns(column, count, count)
    result = program.integral(Stop(10.0), 0.0)
    assert (result.status == "optimal") == (survivors >= demand)


def test_losses_of_other_kinds_have_no_level() -> None:
    few = family(4, 2, 9.0)
    assert lost_together(few) == 2
    some = Family(few.state[:-1], few.down[:-1], few.rate_rps, few.groups)
    assert lost_together(some) == 0
    uneven = Family(few.state, few.down, np.array([1.0, 2.0, 2.0, 2.0]), few.groups)
    assert lost_together(uneven) == 0
    problem = survivable_capacity(0, 4, 8, 1, 1)
    program = Milp()
    master = add_master(program, problem)
    before = program.row_count
    assert add_largest_losses(program, master, 0, uneven) is None
    assert program.row_count == before

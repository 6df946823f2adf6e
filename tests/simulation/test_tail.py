"""Conditional value at risk by sorting, against the least over every alpha."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.simulation import replay
from planner.simulation.lost import CAUSES
from planner.simulation.tail import PLANNED_CAUSES, lost_share, tail_of
from tests.oracles.instances import random_problem
from tests.oracles.solutions import random_solution
from tests.oracles.tail_form import tail_by_search

LOSSES = st.lists(st.tuples(st.floats(0, 1), st.floats(0.001, 1)), min_size=1, max_size=8).map(
    np.array
)


@given(LOSSES, st.floats(0, 0.3), st.floats(0, 1))
def test_sorting_agrees_with_the_definition(table: np.ndarray, missing: float, part: float) -> None:
    loss, probability = table[:, 0], table[:, 1] / table[:, 1].sum() * (1 - missing)
    beta = part * (1 - missing) * 0.999
    tail = tail_of(loss, probability, beta)
    for end, value in ((0.0, tail.low), (1.0, tail.high)):
        whole = np.append(loss, end), np.append(probability, missing)
        assert value == pytest.approx(tail_by_search(*whole, beta), abs=1e-9)
    assert tail.low <= tail.high + 1e-12
    assert tail.contribution.sum() <= tail.high + 1e-12


@given(LOSSES)
def test_the_tail_of_all_the_time_is_the_mean(table: np.ndarray) -> None:
    loss, probability = table[:, 0], table[:, 1] / table[:, 1].sum()
    tail = tail_of(loss, probability, 0.0)
    assert tail.high == pytest.approx(float(loss @ probability), abs=1e-9)


def test_a_tail_that_the_unknown_fills_is_all_lost() -> None:
    tail = tail_of(np.array([0.0, 0.2]), np.array([0.8, 0.1]), 0.9)
    assert tail.low == pytest.approx(0.2)
    assert tail.high == pytest.approx(1.0)
    assert tail.quantile == 1.0


@pytest.mark.parametrize(
    ("loss", "probability", "beta", "message"),
    [
        ([0.0], [0.9], 0.95, "`beta` must be at most 0.9: states left out"),
        ([0.0], [1.0], 1.0, r"`beta` must be in \[0, 1\)"),
        ([1.5], [1.0], 0.5, r"`loss_share` must be within \[0, 1\]"),
        ([np.nan], [1.0], 0.5, "`loss_share` must be finite"),
        ([0.5], [1.1], 0.5, "`probability` must be at least 0"),
    ],
)
def test_figures_that_do_not_fit_are_refused(
    loss: list[float], probability: list[float], beta: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        tail_of(np.array(loss), np.array(probability), beta)


def test_all_causes_are_at_least_those_that_a_plan_decides_on() -> None:
    assert set(PLANNED_CAUSES) < set(CAUSES)
    for seed in range(6):
        problem = random_problem(seed, steering="static")
        found = replay.simulate(problem, random_solution(problem, seed))
        some, every = lost_share(found), lost_share(found, None)
        assert (some <= every + 1e-12).all()
        assert every.max() <= 1

"""Prices of room: no others give a better bound, and the mixture fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from planner.optimization.blockwise import block_programs
from planner.optimization.room_prices import BlockProgram, RoomPrices, _moved, room_prices
from planner.optimization.stopping import NEVER
from planner.problem.arrays import Floats
from tests.benchmarks.generators import survivable_capacity

GAP = 1e-4


def programs(seed: int, load: float) -> list[BlockProgram]:
    """Return the blocks of a problem whose pools are nearly full."""
    return block_programs(
        survivable_capacity(seed, 5, 20, 3, 1, steering="static", load=load), seed=0
    )


def bound_at(blocks: list[BlockProgram], usd_month: Floats) -> float:
    """Return the bound that some prices give."""
    bound = -float(usd_month.sum())
    for block in blocks:
        block.price(usd_month)
        bound += block.relaxed(0.0, NEVER).objective
    return bound


@pytest.mark.parametrize("seed", range(4))
def test_no_other_prices_give_a_better_bound(seed: int) -> None:
    blocks = programs(seed, 0.9)
    found = room_prices(blocks, np.ones(5), GAP, NEVER)
    assert found.settled
    assert found.usd_month.max() > 0
    rng = np.random.default_rng(seed)
    for spread in (0.01, 0.1, 1.0, 3.0):
        other = found.usd_month * rng.lognormal(0.0, spread, 5) + spread * rng.exponential(50, 5)
        # Cuts that other prices bring raise what all prices give.
        assert bound_at(blocks, other) <= bound_at(blocks, found.usd_month) * (1 + GAP) + 1e-6
    assert bound_at(blocks, np.zeros(5)) < found.bound


def mixed_at_least(blocks: list[BlockProgram]) -> float:
    """Return what the answers cost at least, mixed within the room."""
    points = [(at, *point) for at, block in enumerate(blocks) for point in block.points]
    use = np.array([(blocks[at].use * n).sum(axis=0) for at, _, n in points]).T
    owner = np.array([[float(at == block) for at, *_ in points] for block in range(len(blocks))])
    cost = [usd for _, usd, _ in points]
    found = linprog(cost, A_ub=use, b_ub=np.ones(5), A_eq=owner, b_eq=np.ones(len(blocks)))
    assert found.status == 0
    return float(found.fun)


@pytest.mark.parametrize("seed", range(4))
def test_the_mixture_fits_and_costs_what_the_bound_says(seed: int) -> None:
    blocks = programs(seed, 0.9)
    found = room_prices(blocks, np.ones(5), GAP, NEVER)
    assert found.fits
    used = sum((block.use * n).sum(axis=0) for block, n in zip(blocks, found.replicas, strict=True))
    assert (used <= 1 + 1e-6).all()
    least = mixed_at_least(blocks)
    assert found.bound - 1e-6 <= least <= found.bound + GAP * abs(least) + 1e-6


def test_prices_that_are_settled_stay() -> None:
    blocks = programs(1, 0.9)
    found = room_prices(blocks, np.ones(5), GAP, NEVER)
    asked = len(blocks[0].points)
    again = room_prices(blocks, np.ones(5), GAP, NEVER, found)
    assert len(blocks[0].points) == asked + 1
    np.testing.assert_array_equal(again.usd_month, found.usd_month)


@pytest.mark.parametrize("seed", range(4))
def test_room_that_nothing_fits_into_is_told_before_the_rounds_are_over(seed: int) -> None:
    blocks = programs(seed, 0.9)
    found = room_prices(blocks, np.full(5, 0.2), GAP, NEVER)
    assert found.settled
    assert not found.fits
    assert len(blocks[0].points) < 80


@pytest.mark.parametrize(
    ("bound", "value", "reach"),
    [(108.0, 110.0, 2.0), (102.5, 110.0, 2.0), (102.0, 110.0, 1.0), (99.0, 110.0, 0.7)],
)
def test_the_reach_follows_how_much_of_the_rise_came_true(
    bound: float, value: float, reach: float
) -> None:
    best = RoomPrices(np.zeros(2), 100.0, [], fits=False, reach=1.0)
    moved = _moved(best, np.ones(2), bound, value)
    assert moved.reach == pytest.approx(reach)
    assert moved.bound == max(bound, 100.0)
    np.testing.assert_array_equal(moved.usd_month, np.full(2, float(bound > 100.0)))


def test_room_has_a_price_where_replicas_are_free() -> None:
    problem = survivable_capacity(2, 5, 20, 3, 1, steering="static", load=0.9)
    free = replace(problem, cost_usd_month=np.zeros_like(problem.cost_usd_month))
    found = room_prices(block_programs(free, seed=0), np.ones(5), GAP, NEVER)
    assert found.fits
    assert found.usd_month.max() > 0

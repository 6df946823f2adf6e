"""Prices of room: no others give a better bound, and the mixture fits."""

from __future__ import annotations

import numpy as np
import pytest

from planner.optimization.blockwise import block_programs
from planner.optimization.room_prices import BlockProgram, room_prices
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


@pytest.mark.parametrize("seed", range(4))
def test_the_mixture_fits_and_costs_what_the_bound_says(seed: int) -> None:
    blocks = programs(seed, 0.9)
    found = room_prices(blocks, np.ones(5), GAP, NEVER)
    assert found.fits
    used = sum((block.use * n).sum(axis=0) for block, n in zip(blocks, found.replicas, strict=True))
    assert (used <= 1 + 1e-6).all()
    full = used > 1 - 1e-3
    assert found.usd_month[~full].max(initial=0.0) < 0.05 * found.usd_month.max()


def test_prices_that_are_settled_stay() -> None:
    blocks = programs(1, 0.9)
    found = room_prices(blocks, np.ones(5), GAP, NEVER)
    asked = len(blocks[0].points)
    again = room_prices(blocks, np.ones(5), GAP, NEVER, found)
    assert len(blocks[0].points) == asked + 1
    np.testing.assert_array_equal(again.usd_month, found.usd_month)


def test_room_that_nothing_fits_into_is_told() -> None:
    blocks = programs(1, 0.9)
    found = room_prices(blocks, np.full(5, 0.2), GAP, NEVER)
    assert not found.fits

"""Sums along lists are what a walk down each list finds, state by state."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from planner.optimization.columns import first_up
from planner.optimization.list_sums import ListSums
from planner.problem.arrays import Bools, Floats


def drawn(seed: int, regions: int, length: int) -> tuple[Bools, Floats, ListSums]:
    """Return which regions are up in nine states, what each is worth twice, and the sums."""
    rng = np.random.default_rng(seed)
    up = rng.random((9, regions)) < 0.6
    return up, rng.normal(size=(2, 9, regions)), ListSums.of(up, length)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("regions", "length"), [(4, 1), (3, 2), (4, 3)])
def test_sums_are_those_of_each_list(seed: int, regions: int, length: int) -> None:
    up, value, sums = drawn(seed, regions, length)
    lists = np.array(list(product(range(regions), repeat=length)))
    np.testing.assert_array_equal(sums.regions(np.arange(len(lists))), lists)
    serve = first_up(lists, up)
    states = np.arange(9)[:, None]
    each = np.where(serve >= 0, value[:, states, serve], 0.0)
    np.testing.assert_allclose(sums.along(value), each.sum(axis=1), atol=1e-6)
    some = np.array([1, 4, 5])
    np.testing.assert_allclose(sums.along(value[:, some], some), each[:, some].sum(1), atol=1e-6)
    lost = value[0, :, 0]
    np.testing.assert_allclose(sums.beyond(lost), lost @ (serve < 0), atol=1e-6)
    worth = value[:, 0, lists] * 0.5 ** np.arange(length)
    np.testing.assert_allclose(sums.over(value[:, 0], 0.5), worth.sum(axis=2), atol=1e-6)
    np.testing.assert_array_equal(
        sums.different, [len(set(each)) == length for each in lists.tolist()]
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_region_is_met_once_however_many_states_follow_a_list_to_it(seed: int) -> None:
    up, value, sums = drawn(seed, 4, 3)
    some = np.array([0, 2, 3, 7])
    found = sums.met(value[:, 0], some)
    for number in np.flatnonzero(sums.different):
        order = sums.regions(np.array([number]))
        met = np.unique(first_up(order, up[some]))
        met = met[met >= 0]
        np.testing.assert_allclose(found[:, number], value[:, 0, met].sum(axis=1))

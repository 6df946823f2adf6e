"""Dominance and knee against definitions written out in loops."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from planner.studies.pareto import dominated, knee

WHOLE = st.integers(0, 6)
POINTS = st.lists(st.tuples(WHOLE, WHOLE, st.integers(0, 2), st.integers(0, 2)), max_size=9)


def beats(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether one is no worse in both, and better by more than either gap in one of them."""
    cost, latency, cost_gap, latency_gap = one
    cost2, latency2, cost_gap2, latency_gap2 = other
    if cost > cost2 or latency > latency2:
        return False
    cheaper = cost2 - cost > cost_gap and cost2 - cost > cost_gap2
    nearer = latency2 - latency > latency_gap and latency2 - latency > latency_gap2
    return cheaper or nearer


@given(POINTS)
def test_dominance_is_the_definition(points: list[tuple[int, int, int, int]]) -> None:
    value = np.array([p[:2] for p in points], float).reshape(-1, 2)
    bound = value - np.array([p[2:] for p in points], float).reshape(-1, 2)
    expected = [any(beats(a, b) for a in points) for b in points]
    assert dominated(value, bound).tolist() == expected


@given(st.lists(st.integers(1, 40), min_size=3, max_size=10, unique=True))
def test_the_knee_is_farthest_from_the_chord(drops: list[int]) -> None:
    steps = np.array(drops, float)
    x = np.concatenate([[0.0], np.cumsum(steps)])
    y = np.concatenate([[0.0], np.cumsum(steps[::-1])])[::-1]
    # The distance of a point from a line by the cross product, on axes of [0, 1].
    a, b = (0.0, 1.0), (1.0, 0.0)
    far = []
    for px, py in zip(x / x.max(), y / y.max(), strict=True):
        cross = (b[0] - a[0]) * (py - a[1]) - (b[1] - a[1]) * (px - a[0])
        far.append(abs(cross) / math.dist(a, b))
    found = knee(x, y)
    if max(far) < 1e-9:
        assert found is None
    else:
        assert found is not None
        assert far[found] >= max(far) - 1e-9


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=3, max_size=9),
    st.sampled_from([0.01, 3.0, 1000.0]),
    st.sampled_from([0.0, -7.0, 500.0]),
)
def test_units_do_not_move_the_knee(
    points: list[tuple[int, int]], factor: float, shift: float
) -> None:
    x, y = np.array(points, float).T
    one, other = knee(x, y), knee(x * factor + shift, y)
    if one is None or other is None:
        assert one is other
        return
    scaled = (x - x.min()) / np.ptp(x) + (y - y.min()) / np.ptp(y)
    assert abs(abs(scaled[one] - 1) - abs(scaled[other] - 1)) < 1e-6


def test_two_points_and_flat_curves_have_no_knee() -> None:
    assert knee([1.0, 2.0], [2.0, 1.0]) is None
    assert knee([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]) is None
    assert knee([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) is None
    assert knee([], []) is None

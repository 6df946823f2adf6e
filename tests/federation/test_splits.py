"""The dividers on arrays must equal the scalar ones, which the measured results hold in place."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.federation import karmada, kubefed
from planner.federation.splits import UNLIMITED, kubefed_splits, webster_splits

NAMES = ["a", "b", "c1", "edge-01", "osaka", "taiwan", "tokyo"]


@settings(max_examples=150)
@given(
    vectors=st.integers(1, 6).flatmap(
        lambda size: st.lists(
            st.lists(st.integers(0, 12), min_size=size, max_size=size), min_size=1, max_size=4
        )
    ),
    totals=st.lists(st.integers(0, 90), min_size=1, max_size=5),
    bounds=st.lists(
        st.tuples(st.integers(0, 5), st.none() | st.integers(0, 15)), min_size=6, max_size=6
    ),
    key=st.text("xyz/", max_size=4),
)
def test_kubefed(
    vectors: list[list[int]],
    totals: list[int],
    bounds: list[tuple[int, int | None]],
    key: str,
) -> None:
    names = NAMES[: len(vectors[0])]
    served = kubefed.tie_order(names, key)
    splits = kubefed_splits(
        np.array(vectors),
        np.array(totals),
        np.array([served.index(name) for name in names]),
        np.array([least for least, _ in bounds[: len(names)]]),
        np.array([UNLIMITED if most is None else most for _, most in bounds[: len(names)]]),
    )
    for vector, rows in zip(vectors, splits, strict=True):
        preferences = {
            name: kubefed.Preference(weight, *bound)
            for name, weight, bound in zip(names, vector, bounds, strict=False)
        }
        for total, row in zip(totals, rows.tolist(), strict=True):
            plan, _ = kubefed.divide(total, preferences, names, key=key)
            assert list(plan.values()) == row


@settings(max_examples=150)
@given(
    vectors=st.integers(1, 6).flatmap(
        lambda size: st.lists(
            st.lists(st.integers(0, 15) | st.integers(0, 10**6), min_size=size, max_size=size),
            min_size=1,
            max_size=4,
        )
    ),
    totals=st.lists(st.integers(0, 90), min_size=1, max_size=5),
    descending=st.booleans(),
)
def test_webster(vectors: list[list[int]], totals: list[int], descending: bool) -> None:
    names = NAMES[: len(vectors[0])]
    vectors = [vector if any(vector) else [1] * len(vector) for vector in vectors]
    splits = webster_splits(np.array(vectors), np.array(totals), descending=descending)
    for vector, rows in zip(vectors, splits, strict=True):
        for total, row in zip(totals, rows.tolist(), strict=True):
            votes = dict(zip(names, vector, strict=True))
            assert list(karmada.webster(total, votes, descending=descending).values()) == row


def test_ties_among_many_equals() -> None:
    for size in range(1, 8):
        names = NAMES[:size]
        totals = np.arange(3 * size + 1)
        for descending in (False, True):
            rows = webster_splits(np.ones((1, size), np.int64), totals, descending=descending)[0]
            for total, row in zip(totals.tolist(), rows.tolist(), strict=True):
                votes = dict.fromkeys(names, 1)
                expected = karmada.webster(total, votes, descending=descending)
                assert list(expected.values()) == row

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.federation.kubefed import Preference, divide, tie_order

TAIWAN = ["taiwan", "singapore", "tokyo", "losangeles"]


def plan_of(total: int, weights: dict[str, int], available: list[str] | None = None) -> list[int]:
    preferences = {name: Preference(weight=weight) for name, weight in weights.items()}
    return list(divide(total, preferences, available or list(weights))[0].values())


@pytest.mark.parametrize(("total", "expected"), [(7, [3, 3, 1, 0]), (5, [2, 2, 1, 0])])
def test_small_clusters_starve(total: int, expected: list[int]) -> None:
    assert plan_of(total, {"a": 40, "b": 30, "c": 20, "d": 10}) == expected


@pytest.mark.parametrize(
    ("key", "order"),
    [
        ("default/web", ["tokyo", "taiwan", "singapore", "losangeles"]),
        ("default/api", ["taiwan", "singapore", "tokyo", "losangeles"]),
    ],
)
def test_equal_weights_are_uneven_and_the_key_says_who_loses(key: str, order: list[str]) -> None:
    assert tie_order(TAIWAN, key) == order
    plan, _ = divide(10, {"*": Preference(weight=1)}, TAIWAN, key=key)
    assert [plan[name] for name in order] == [3, 3, 3, 1]


def test_the_user_guide_shows_the_result_of_an_empty_key() -> None:
    everyone = {"*": Preference(weight=1)}
    assert divide(50, everyone, "ABC")[0] == {"A": 16, "B": 17, "C": 17}
    named, _ = divide(50, everyone, "ABC", key="test-ns/test-deployment")
    assert named == {"A": 17, "B": 17, "C": 16}


def test_issue_288() -> None:
    preferences = {"c1": Preference(2, 2, 6), "c2": Preference(3, 4, 8)}
    assert divide(10, preferences, preferences)[0] == {"c1": 3, "c2": 7}


@pytest.mark.parametrize(("rebalance", "expected"), [(False, [5, 0, 4]), (True, [3, 3, 3])])
def test_issue_763(rebalance: bool, expected: list[int]) -> None:
    plan, _ = divide(
        9,
        {"*": Preference(weight=1)},
        ["a", "b", "c"],
        rebalance=rebalance,
        current={"a": 5, "b": 0, "c": 4},
    )
    assert list(plan.values()) == expected


@pytest.mark.parametrize(
    ("lost", "expected"),
    [("tokyo", {"taiwan": 7, "singapore": 3}), ("singapore", {"taiwan": 8, "tokyo": 2})],
)
def test_a_lost_cluster_as_measured_live(lost: str, expected: dict[str, int]) -> None:
    weights = {"taiwan": 5, "singapore": 3, "tokyo": 2}
    preferences = {name: Preference(weight=weight) for name, weight in weights.items()}
    assert divide(10, preferences, set(weights) - {lost})[0] == expected


def test_pinned_replicas_are_lost_with_their_cluster() -> None:
    preferences = {name: Preference(n, n, n) for name, n in {"a": 5, "b": 3, "c": 2}.items()}
    assert divide(10, preferences, ["a", "b"])[0] == {"a": 5, "b": 3}


def test_overflow_is_written_on_top_of_the_total() -> None:
    preferences = {name: Preference(weight=n) for name, n in {"a": 5, "b": 3, "c": 2}.items()}
    plan, overflow = divide(10, preferences, preferences, capacity={"c": 1})
    assert (plan, overflow) == ({"a": 6, "b": 3, "c": 1}, {"c": 1})
    assert sum((Counter(plan) + Counter(overflow)).values()) == 11


@pytest.mark.parametrize(
    ("most", "rebalance", "replicas", "expected"),
    [(None, True, 7, 2), (None, False, 7, 0), (6, True, 6, 2), (6, False, 6, 1)],
)
def test_without_rebalance_overflow_is_cut_to_what_found_no_place(
    most: int | None, rebalance: bool, replicas: int, expected: int
) -> None:
    preferences = {"a": Preference(1, 0, most), "b": Preference(1)}
    plan, overflow = divide(10, preferences, "ab", rebalance=rebalance, capacity={"b": 3})
    assert plan == {"a": replicas, "b": 3}
    assert overflow == ({"b": expected} if expected else {})


def test_minimums_beyond_the_total_go_to_the_heaviest() -> None:
    preferences = {"a": Preference(1, 3), "b": Preference(5, 4), "c": Preference(0, 4)}
    assert divide(6, preferences, preferences)[0] == {"a": 2, "b": 4, "c": 0}


def test_a_weightless_cluster_gets_its_minimum() -> None:
    preferences = {"a": Preference(1), "b": Preference(0, 2)}
    assert divide(6, preferences, preferences)[0] == {"a": 4, "b": 2}


def test_a_minimum_above_the_maximum_is_taken_back() -> None:
    preferences = {"a": Preference(2, 5, 3), "b": Preference(1)}
    assert divide(10, preferences, preferences)[0] == {"a": 3, "b": 7}


def test_what_the_maximums_refuse_is_not_placed() -> None:
    preferences = {"a": Preference(1, 0, 3), "b": Preference(1, 0, 4)}
    assert divide(10, preferences, preferences)[0] == {"a": 3, "b": 4}


def test_an_entry_replaces_the_wildcard_and_strangers_get_nothing() -> None:
    preferences = {"*": Preference(1, 2), "a": Preference(1), "gone": Preference(90)}
    assert divide(4, preferences, ["a", "b"])[0] == {"a": 1, "b": 3}
    assert divide(3, {"a": Preference(1)}, ["a", "b"])[0] == {"a": 3, "b": 0}
    assert divide(3, {}, ["a"]) == ({"a": 0}, {})
    assert divide(3, preferences, []) == ({}, {})


def test_weights_that_are_the_wanted_counts_return_them() -> None:
    rng = np.random.default_rng(288)
    for _ in range(4000):
        clusters = int(rng.integers(1, 9))
        wanted = {f"c{i}": int(n) for i, n in enumerate(rng.integers(1, 60, clusters))}
        preferences = {name: Preference(weight=n) for name, n in wanted.items()}
        key = f"ns/{rng.integers(1000)}"
        assert divide(sum(wanted.values()), preferences, wanted, key=key) == (wanted, {})


@pytest.mark.parametrize("total", [-1, 2.5, 2**31, float("nan"), "7"])
def test_a_total_that_is_no_count_is_refused(total: object) -> None:
    with pytest.raises(ValueError, match="`total` must"):
        divide(total, {}, [])  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["weight", "min_replicas", "max_replicas"])
def test_a_negative_preference_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=f"`{field}` must lie in"):
        Preference(**{field: -1})


def test_weights_that_would_wrap_are_refused() -> None:
    with pytest.raises(ValueError, match=r"2\*\*63"):
        plan_of(100, {"a": 2**60})


def test_numpy_integers_are_whole_numbers() -> None:
    plan, _ = divide(np.int64(5), {"*": Preference(np.int64(1))}, ["a"])
    assert plan == {"a": 5}


NAMES = st.sampled_from(["a", "b", "c1", "edge-01", "tokyo", "taiwan", "osaka"])
PREFERENCES = st.builds(
    lambda weight, least, room: Preference(weight, least, None if room is None else least + room),
    st.integers(0, 50),
    st.integers(0, 6),
    st.none() | st.integers(0, 12),
)
SMALL = st.dictionaries(NAMES, st.integers(0, 20))


@given(
    total=st.integers(0, 200),
    preferences=st.dictionaries(NAMES, PREFERENCES),
    available=st.lists(NAMES, unique=True),
    key=st.text(max_size=8),
    rebalance=st.booleans(),
    current=SMALL,
    capacity=SMALL,
)
def test_sums_bounds_and_order(
    total: int,
    preferences: dict[str, Preference],
    available: list[str],
    key: str,
    rebalance: bool,
    current: dict[str, int],
    capacity: dict[str, int],
) -> None:
    known = {"key": key, "rebalance": rebalance, "current": current, "capacity": capacity}
    plan, overflow = divide(total, preferences, available, **known)  # type: ignore[arg-type]
    assert list(plan) == sorted(available)
    assert sum(plan.values()) <= total
    for name, count in plan.items():
        most = preferences[name].max_replicas if name in preferences else 0
        assert 0 <= count <= min(n for n in (most, capacity.get(name), total) if n is not None)
    assert all(value > 0 and plan[name] == capacity[name] for name, value in overflow.items())
    turned = dict(reversed(preferences.items()))
    assert divide(total, turned, available[::-1], **known) == (plan, overflow)  # type: ignore[arg-type]


@given(total=st.integers(0, 500), weights=st.lists(st.integers(1, 90), min_size=1, max_size=8))
def test_without_bounds_everything_is_placed_and_nobody_gets_more_than_its_share_rounded_up(
    total: int, weights: list[int]
) -> None:
    plan = plan_of(total, {f"c{i}": weight for i, weight in enumerate(weights)})
    assert sum(plan) == total
    ceilings = [-(-total * weight // sum(weights)) for weight in weights]
    assert all(count <= most for count, most in zip(plan, ceilings, strict=True))
    cut = [weight for weight, n, most in zip(weights, plan, ceilings, strict=True) if n < most]
    full = [weight for weight, n, most in zip(weights, plan, ceilings, strict=True) if n == most]
    assert max(cut, default=0) <= min(full, default=90)


@given(current=SMALL, more=st.integers(0, 20))
def test_without_rebalance_nothing_that_runs_is_moved(current: dict[str, int], more: int) -> None:
    total = sum(current.values()) + more
    everyone = {"*": Preference(weight=1)}
    plan, _ = divide(total, everyone, current, rebalance=False, current=current)
    assert all(plan[name] >= count for name, count in current.items())

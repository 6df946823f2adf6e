from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from planner.federation import kubefed
from planner.federation.fnv import fnv1a_32
from planner.federation.karmada import (
    divide_dynamic,
    divide_static,
    divide_static_legacy,
    names_descend,
    webster,
)
from tests.oracles.webster_by_seat import webster_by_seat

EVEN, ODD = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000000"


def by_letter(weights: list[int]) -> dict[str, int]:
    return {chr(ord("a") + i): weight for i, weight in enumerate(weights)}


@pytest.mark.parametrize(
    ("weights", "total", "of_kubefed", "legacy", "static"),
    [
        ([40, 30, 20, 10], 7, [3, 3, 1, 0], [3, 3, 1, 0], [3, 2, 1, 1]),
        ([2, 1], 2, [2, 0], [2, 0], [1, 1]),
        ([170, 110, 60], 5, [3, 2, 0], [3, 2, 0], [2, 2, 1]),
        ([170, 110, 60], 6, [3, 2, 1], [4, 1, 1], [3, 2, 1]),
    ],
)
def test_same_input_three_planners(
    weights: list[int], total: int, of_kubefed: list[int], legacy: list[int], static: list[int]
) -> None:
    named = by_letter(weights)
    preferences = {name: kubefed.Preference(weight=weight) for name, weight in named.items()}
    assert list(kubefed.divide(total, preferences, named)[0].values()) == of_kubefed
    assert list(divide_static_legacy(total, named, list(named)).values()) == legacy
    assert list(divide_static(total, named).values()) == static


def test_issue_6735_a_cluster_loses_a_replica_when_the_total_grows() -> None:
    weights = by_letter([170, 110, 60])
    before, after = (divide_static_legacy(total, weights, "abc") for total in (5, 6))
    assert after["b"] < before["b"]


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (13, [6, 4, 3]),
        (20, [10, 6, 4]),
        (7, [4, 2, 1]),
        (3, [1, 1, 1]),
        (2, [1, 1, 0]),
        (1, [1, 0, 0]),
        (0, [0, 0, 0]),
        (10, [5, 3, 2]),
    ],
)
def test_scaling_five_three_two_as_measured_live(total: int, expected: list[int]) -> None:
    assert list(divide_static(total, by_letter([5, 3, 2])).values()) == expected


def test_the_third_of_five_three_two_lost_as_measured_live() -> None:
    assert divide_static(10, {"a": 5, "b": 3}) == {"a": 6, "b": 4}


def test_the_uid_turns_the_tie_order() -> None:
    assert fnv1a_32(EVEN) % 2 == 0
    assert fnv1a_32(ODD) % 2 == 1
    assert [names_descend(uid) for uid in ("", EVEN, ODD)] == [False, False, True]
    thirds = {"a": 1, "b": 1, "c": 1}
    assert divide_static(2, thirds, uid=EVEN) == {"a": 1, "b": 1, "c": 0}
    assert divide_static(2, thirds, uid=ODD) == {"a": 0, "b": 1, "c": 1}


def test_an_equal_claim_goes_to_the_cluster_with_fewer_replicas_before_any_name() -> None:
    # After one replica each way, 3/(2·1+1) equals 1/1.
    assert divide_static(2, {"a": 3, "b": 1}) == {"a": 1, "b": 1}
    assert divide_static(2, {"a": 1, "b": 3}, uid=ODD) == {"a": 1, "b": 1}


def test_weightless_clusters_get_nothing() -> None:
    assert divide_static(9, {"a": 0, "b": 4}) == {"a": 0, "b": 9}
    assert divide_static(9, {"a": 0, "b": 0}) == {"a": 0, "b": 0}
    assert divide_static_legacy(9, {"a": 0, "b": 0}, "ab") == {"a": 0, "b": 0}
    assert divide_static(9, {}) == {}


def test_weights_that_are_the_wanted_counts_return_them_in_every_version() -> None:
    rng = np.random.default_rng(6735)
    for _ in range(4000):
        clusters = int(rng.integers(1, 9))
        wanted = {f"c{i}": int(n) for i, n in enumerate(rng.integers(1, 60, clusters))}
        total = sum(wanted.values())
        assert divide_static(total, wanted, uid=EVEN) == wanted
        assert divide_static(total, wanted, uid=ODD) == wanted
        assert divide_static_legacy(total, wanted, list(wanted)) == wanted


VOTES = st.dictionaries(
    st.sampled_from("abcdefgh"), st.integers(0, 40) | st.integers(1, 2**40), min_size=1
)


@given(seats=st.integers(0, 150), votes=VOTES, descending=st.booleans())
def test_the_short_cut_agrees_with_one_seat_at_a_time(
    seats: int, votes: dict[str, int], descending: bool
) -> None:
    expected = webster_by_seat(seats, votes, descending=descending)
    assert webster(seats, votes, descending=descending) == dict(sorted(expected.items()))


@given(seats=st.integers(0, 10**6), votes=VOTES)
def test_no_seat_has_a_better_claimant(seats: int, votes: dict[str, int]) -> None:
    assume(any(votes.values()))
    won = webster(seats, votes)
    assert sum(won.values()) == seats
    last = min((Fraction(votes[c], 2 * n - 1) for c, n in won.items() if n), default=None)
    following = max(Fraction(votes[c], 2 * n + 1) for c, n in won.items())
    assert last is None or last >= following * (1 - Fraction(1, 2**51))


@given(total=st.integers(0, 300), votes=VOTES, uid=st.sampled_from(["", EVEN, ODD]))
def test_static_division_is_monotone_and_ignores_the_order_of_its_input(
    total: int, votes: dict[str, int], uid: str
) -> None:
    split, more = (divide_static(n, votes, uid=uid) for n in (total, total + 1))
    assert list(split) == sorted(votes)
    assert all(more[name] >= count for name, count in split.items())
    assert divide_static(total, dict(reversed(votes.items())), uid=uid) == split


AVAILABLE = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 60), min_size=1)


@given(
    total=st.integers(0, 120),
    available=AVAILABLE,
    share=st.lists(st.integers(0, 30), min_size=6, max_size=6),
    aggregated=st.booleans(),
    fresh=st.booleans(),
)
def test_dynamic_division_places_everything_where_it_fits(
    total: int, available: dict[str, int], share: list[int], aggregated: bool, fresh: bool
) -> None:
    scheduled = dict(zip(available, share, strict=False))
    room = {name: available[name] + scheduled[name] for name in available}
    held = sum(scheduled.values())
    known = {"scheduled": scheduled, "aggregated": aggregated, "fresh": fresh}
    if sum(room.values()) < total:
        with pytest.raises(ValueError, match="`available` must hold at least"):
            divide_dynamic(total, available, **known)  # type: ignore[arg-type]
        return
    split = divide_dynamic(total, available, **known)  # type: ignore[arg-type]
    assert sum(split.values()) == total
    assert list(split) == sorted(available)
    assert all(0 <= count <= room[name] + 1 for name, count in split.items())
    if not fresh and held <= total:
        assert all(split[name] >= scheduled[name] for name in scheduled)
    if not fresh and held > total:
        assert all(split[name] <= scheduled[name] for name in scheduled)


def test_aggregated_prefers_those_that_hold_replicas_then_the_roomiest() -> None:
    available = {"a": 5, "b": 50, "c": 20}
    assert divide_dynamic(30, available, aggregated=True) == {"a": 0, "b": 30, "c": 0}
    grown = divide_dynamic(8, available, scheduled={"a": 4}, aggregated=True)
    assert grown == {"a": 8, "b": 0, "c": 0}
    both = divide_dynamic(14, available, scheduled={"a": 4}, aggregated=True)
    assert both == {"a": 5, "b": 9, "c": 0}


def test_equal_totals_leave_everything_where_it_is() -> None:
    scheduled = {"a": 9, "b": 1}
    assert divide_dynamic(10, {"b": 50, "a": 0}, scheduled=scheduled) == scheduled


def test_a_reschedule_counts_what_is_held_as_free() -> None:
    split = divide_dynamic(10, {"a": 0, "b": 9}, scheduled={"a": 9, "b": 1}, fresh=True)
    assert split == {"a": 5, "b": 5}


def test_a_cluster_that_is_no_candidate_hands_its_replicas_over() -> None:
    split = divide_dynamic(10, {"a": 4, "b": 4}, scheduled={"a": 5, "gone": 5})
    assert (split["a"] - 5) + split["b"] == 5
    assert "gone" not in split


def test_the_legacy_order_decides_between_equal_weights() -> None:
    assert divide_static_legacy(3, {"a": 1, "b": 1}, ["b", "a"]) == {"a": 1, "b": 2}
    assert divide_static_legacy(3, {"a": 1, "b": 1}, ["a", "b"]) == {"a": 2, "b": 1}
    with pytest.raises(ValueError, match="`order` must name every cluster"):
        divide_static_legacy(3, {"a": 1, "b": 1}, ["a"])


@given(total=st.integers(0, 300), votes=VOTES)
def test_the_legacy_division_stays_within_a_replica_of_the_quota(
    total: int, votes: dict[str, int]
) -> None:
    assume(any(votes.values()))
    split = divide_static_legacy(total, votes, sorted(votes))
    assert sum(split.values()) == total
    for name, count in split.items():
        assert abs(count - Fraction(total * votes[name], sum(votes.values()))) <= 1


@pytest.mark.parametrize("bad", [-1, 1.5, 2**31])
def test_numbers_that_are_no_counts_are_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="`total` must"):
        divide_static(bad, {"a": 1})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"`available\['a'\]` must"):
        divide_dynamic(1, {"a": bad})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match=r"`scheduled\['a'\]` must"):
        divide_dynamic(1, {"a": 1}, scheduled={"a": bad})  # type: ignore[dict-item]


@pytest.mark.parametrize("bad", [-1, 1.5, 2**63])
def test_weights_that_do_not_fit_their_field_are_refused(bad: object) -> None:
    with pytest.raises(ValueError, match=r"`weights\['a'\]` must"):
        divide_static(1, {"a": bad})  # type: ignore[dict-item]

"""Weights with the least totals: the program, the list and plain search agree."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.federation import karmada, kubefed
from planner.federation.targets import Karmada, KubeFed, Target
from planner.optimization import division_weights as division_weights_file
from planner.optimization.division_weights import Clash, Demands, DivisionWeights, division_weights
from planner.optimization.stopping import NEVER, Stop
from planner.optimization.webster_weights import webster_sum, webster_weights

LARGEST = 5
MOST = 60
NAMES = ("a", "b", "c")

needs_of_two = st.lists(st.lists(st.integers(0, 6), min_size=2, max_size=2), min_size=1, max_size=4)
needs_of_three = st.lists(
    st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=2
)


def exhaustive(needs: list[list[int]], largest: int = LARGEST) -> int:
    """Try every vector and every total with the scalar divider, both orders of ties."""
    uids = [next(u for u in "abcdefgh" if karmada.names_descend(u) is o) for o in (False, True)]
    best = 10**9
    for weights in product(range(1, largest + 1), repeat=len(needs[0])):
        by_name = dict(zip(NAMES, weights, strict=False))
        total = 0
        for need in needs:
            each = []
            for uid in uids:
                for n in range(1000):
                    split = karmada.divide_static(n, by_name, uid=uid).values()
                    if all(have >= want for have, want in zip(split, need, strict=True)):
                        each.append(n)
                        break
            total += max(each)
        best = min(best, total)
    return best


@settings(max_examples=25)
@given(needs=needs_of_two | needs_of_three)
def test_the_exact_program_finds_what_trying_everything_finds(needs: list[list[int]]) -> None:
    largest = LARGEST if len(needs[0]) == 2 else 3
    found = webster_weights(np.array(needs), largest, stop=NEVER)
    assert found is not None
    assert found.proven
    assert found.total == exhaustive(needs, largest)
    assert found.total == webster_sum(found.weights, np.array(needs), [False, True])


@settings(max_examples=25)
@given(needs=needs_of_two | needs_of_three)
def test_the_list_finds_what_the_program_finds(needs: list[list[int]]) -> None:
    found = chosen(needs, "karmada")
    known = webster_weights(np.array(needs), LARGEST, stop=NEVER)
    assert known is not None
    assert found.exact
    assert int(found.totals.sum()) == known.total


@settings(max_examples=15)
@given(needs=needs_of_two, least=st.integers(0, 1))
def test_kubefeds_weights_are_the_best_of_all(needs: list[list[int]], least: int) -> None:
    found = chosen(needs, "kubefed", least)
    best = 10**9
    for weights in product(range(1, LARGEST + 1), repeat=2):
        preferences = {
            name: kubefed.Preference(weight, least)
            for name, weight in zip(NAMES, weights, strict=False)
        }
        totals = []
        for need in needs:
            for n in range(MOST):
                split = kubefed.divide(n, preferences, preferences, key="ns/api")[0].values()
                if all(have >= want for have, want in zip(split, need, strict=True)):
                    totals.append(n)
                    break
        if len(totals) == len(needs):
            best = min(best, sum(totals))
    assert int(found.totals.sum()) == best


def controller(kind: str, least: int = 0) -> object:
    def target(names: tuple[str, ...]) -> Target:
        ones = dict.fromkeys(names, 1)
        if kind == "karmada":
            return Karmada(ones)
        return KubeFed(ones, "ns/api", dict.fromkeys(names, least))

    return target


def chosen(
    needs: list[list[int]], kind: str, least: int = 0, *, largest: int = LARGEST
) -> DivisionWeights:
    size = len(needs[0])
    asked = Demands(
        clusters=NAMES[:size],
        needs=np.array(needs),
        room=np.full(size, MOST // size),
        up=np.zeros((0, size), bool),
        state_needs=np.zeros((0, len(needs), size), np.int64),
    )
    found = division_weights(controller(kind, least), asked, largest=largest, stop=NEVER).best  # type: ignore[arg-type]
    assert found is not None
    assert found.clash is None
    return found


def test_every_hour_holds_what_it_needs() -> None:
    found = chosen([[3, 1], [4, 4], [6, 2]], "karmada")
    assert (found.replicas >= [[3, 1], [4, 4], [6, 2]]).all()
    assert found.replicas.sum(axis=1).tolist() == found.totals.tolist()


def lost_one(room: list[int], kind: str = "karmada") -> DivisionWeights | None:
    """Three clusters, of which the third may be lost; the others then share its replicas."""
    needs = np.array([[4, 2, 2]])
    asked = Demands(
        clusters=NAMES,
        needs=needs,
        room=np.array(room),
        up=np.array([[True, True, False]]),
        state_needs=np.array([[[4, 2, 0]]]),
    )
    return division_weights(controller(kind), asked, largest=LARGEST, stop=NEVER).best  # type: ignore[arg-type]


def test_weights_whose_division_after_a_loss_does_not_fit_are_passed_over() -> None:
    free, tight = lost_one([9, 9, 9]), lost_one([9, 2, 9])
    assert free is not None
    assert tight is not None
    assert tight.clash is None
    lost = karmada.divide_static(
        int(tight.totals[0]), dict(zip("ab", tight.weights[:2].tolist(), strict=True))
    )
    assert lost["b"] <= 2
    assert int(tight.totals[0]) >= int(free.totals[0])


def test_where_no_division_fits_the_clash_is_told() -> None:
    found = lost_one([4, 3, 9])
    assert found is not None
    assert found.clash == Clash(0, 0, early=False)
    assert not found.exact


@pytest.mark.parametrize("listed", [0, division_weights_file.LISTED])
def test_with_a_clash_the_program_finds_the_best_with_everything_up_too(
    monkeypatch: pytest.MonkeyPatch, listed: int
) -> None:
    monkeypatch.setattr(division_weights_file, "LISTED", listed)
    asked = Demands(
        NAMES,
        needs=np.array([[5, 1, 0], [2, 4, 5], [1, 0, 2]]),
        room=np.array([7, 7, 8]),
        up=np.array([[True, True, False]]),
        state_needs=np.array([[[2, 0, 0], [2, 4, 0], [1, 0, 0]]]),
    )
    found = division_weights(controller("karmada"), asked, largest=4, stop=NEVER).best  # type: ignore[arg-type]
    assert found is not None
    assert found.clash is not None
    assert (found.weights.tolist(), int(found.totals.sum())) == ([4, 2, 3], 31)


def crossing(largest: int, *ahead: tuple[int, ...]) -> DivisionWeights:
    """KubeFed's weights for two hours, of which the second needs more in all but one cluster."""
    asked = Demands(
        NAMES,
        needs=np.array([[1, 3, 5], [7, 0, 6]]),
        room=np.array([7, 3, 7]),
        up=np.zeros((0, 3), bool),
        state_needs=np.zeros((0, 2, 3), np.int64),
        ahead=ahead,
    )
    found = division_weights(controller("kubefed", 1), asked, largest=largest, stop=NEVER).best  # type: ignore[arg-type]
    assert found is not None
    return found


def test_a_larger_total_that_is_in_force_early_holds_what_the_hour_needs() -> None:
    alone, beside = crossing(LARGEST), crossing(LARGEST, (0, 1), (1, 0))
    assert (alone.totals.tolist(), alone.replicas[1].tolist()) == ([13, 16], [7, 2, 7])
    assert (beside.totals.tolist(), beside.replicas[1].tolist()) == ([13, 17], [7, 3, 7])
    assert beside.exact
    assert beside.clash is None


def test_an_early_total_that_no_weights_hold_is_told() -> None:
    assert crossing(2).clash is None
    assert crossing(2, (0, 1), (1, 0)).clash == Clash(None, 0, early=True)


def test_room_for_fewer_than_are_needed_has_no_weights() -> None:
    assert lost_one([3, 9, 9]) is None


def test_a_forbidden_vector_is_not_returned() -> None:
    needs = np.array([[3, 1], [4, 4]])
    first = webster_weights(needs, LARGEST, stop=NEVER)
    assert first is not None
    start = np.array([1, 1])
    other = webster_weights(needs, LARGEST, start=start, forbidden=[first.weights], stop=NEVER)
    assert other is not None
    assert other.weights.tolist() != first.weights.tolist()
    assert other.total >= first.total


@pytest.mark.parametrize("size", [5, 6])
def test_many_clusters_are_left_to_the_program(size: int) -> None:
    needs = np.array([[3, 2, 1, 2, 1, 1][:size], [7, 4, 1, 3, 2, 1][:size]])
    names = tuple("abcdef"[:size])
    asked = Demands(
        names,
        needs,
        np.full(size, 20),
        np.zeros((0, size), bool),
        np.zeros((0, 2, size), np.int64),
    )
    found = division_weights(controller("karmada"), asked, largest=20, stop=NEVER).best  # type: ignore[arg-type]
    known = webster_weights(needs, 20, stop=NEVER)
    assert found is not None
    assert known is not None
    assert found.exact
    assert int(found.totals.sum()) == known.total


def test_a_program_that_is_stopped_returns_nothing_worse_than_its_start() -> None:
    needs = np.random.default_rng(1).integers(4, 40, (4, 6))
    begin = np.array([20, 19, 20, 19, 20, 20])
    known = webster_sum(begin, needs, (False, True))
    for limit_s in (0.0, 0.3):
        found = webster_weights(needs, 20, start=begin, stop=Stop(limit_s))
        assert found is not None
        assert found.total <= known
        assert found.total == webster_sum(found.weights, needs, (False, True))

"""What is claimed of weights whose divisions in failure states must hold: plain search agrees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import gcd

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planner.federation.targets import Karmada, KubeFed, Target
from planner.optimization import division_weights as module
from planner.optimization.division_weights import Compared, Demands, division_weights
from planner.optimization.stopping import NEVER, Stop
from planner.optimization.webster_weights import webster_sum, webster_weights
from tests.oracles.weight_search import karmada_dividers

Rows = list[list[int]]

DEAR = ([[5, 3, 4], [0, 2, 2]], [35, 33, 34], [1, 1, 0], [[8, 6, 0], [4, 6, 0]])
"""The best weights that hold need 33 replicas, 12 more than the best of all."""

FAR = ([[2, 5, 0], [1, 3, 0]], [11, 12, 13], [0, 1, 1], [[0, 3, 5], [0, 6, 5]])
"""The best weights that hold need 32 replicas, the best of all 12."""


def karmada(names: tuple[str, ...]) -> Target:
    return Karmada(dict.fromkeys(names, 1))


def asked_of(needs: Rows, room: list[int], up: list[int], state: Rows) -> Demands:
    return Demands(
        tuple("abcdefg"[: len(room)]),
        np.array(needs),
        np.array(room),
        np.array([up], bool),
        np.array([state]),
    )


def without_states(needs: Rows, room: list[int]) -> Demands:
    size = len(room)
    none = np.zeros((0, len(needs), size), np.int64)
    names = tuple("abcdefg"[:size])
    return Demands(names, np.array(needs), np.array(room), np.zeros((0, size), bool), none)


def splits(asked: Demands, weights: Mapping[str, int], total: int) -> Iterator[list[int]]:
    """Divide among the clusters that have a weight, in both orders of ties."""
    for divide in karmada_dividers(weights, [False, True]):
        split = divide(total, weights)
        yield [split.get(name, 0) for name in asked.clusters]


def least(asked: Demands, weights: Mapping[str, int], need: list[int]) -> int | None:
    """Try totals one by one; None where the first that holds does not fit, or none does."""
    room = asked.room.tolist()
    for total in range(sum(need), sum(room) + 1):
        each = list(splits(asked, weights, total))
        if all(h >= n for split in each for h, n in zip(split, need, strict=True)):
            fit = all(h <= m for split in each for h, m in zip(split, room, strict=True))
            return total if fit else None
    return None


def survives(asked: Demands, weights: Mapping[str, int], totals: list[int]) -> bool:
    """Whether every division of every state holds and fits."""
    for up, needs in zip(asked.up.tolist(), asked.state_needs.tolist(), strict=True):
        left = {n: weights[n] for n, is_up in zip(asked.clusters, up, strict=True) if is_up}
        for total, need in zip(totals, needs, strict=True):
            for split in splits(asked, left, total):
                rows = zip(split, need, asked.room.tolist(), up, strict=True)
                if any(is_up and not n <= h <= most for h, n, most, is_up in rows):
                    return False
    return True


def best_of_all(asked: Demands, largest: int) -> tuple[int | None, int | None]:
    """Return the least sum of totals with everything up, and of those that hold in all states."""
    free: list[int] = []
    held: list[int] = []
    for vector in product(range(1, largest + 1), repeat=len(asked.clusters)):
        weights = dict(zip(asked.clusters, vector, strict=True))
        totals = [least(asked, weights, need) for need in asked.needs.tolist()]
        if gcd(*vector) == 1 and None not in totals:
            known = [total for total in totals if total is not None]
            free.append(sum(known))
            held += [sum(known)] if survives(asked, weights, known) else []
    return min(free, default=None), min(held, default=None)


def check(asked: Demands, largest: int, found: Compared) -> None:
    """Hold what is said of the weights against all there are."""
    free, held = best_of_all(asked, largest)
    if found.best is None:
        assert not found.every or free is None
        return
    weights = dict(zip(asked.clusters, found.best.weights.tolist(), strict=True))
    totals = found.best.totals.tolist()
    assert totals == [least(asked, weights, need) for need in asked.needs.tolist()]
    assert survives(asked, weights, totals) == (found.best.clash is None)
    if found.best.clash is not None:
        assert not found.best.exact
        assert not found.every or held is None
    elif found.best.exact:
        assert sum(totals) == held


@pytest.mark.parametrize(("case", "total"), [(DEAR, 33), (FAR, 32)])
def test_weights_that_hold_are_found_however_many_more_replicas_they_need(
    case: tuple[Rows, list[int], list[int], Rows], total: int
) -> None:
    asked = asked_of(*case)
    found = division_weights(karmada, asked, largest=7, stop=NEVER)
    check(asked, 7, found)
    assert found.best is not None
    assert found.best.exact
    assert int(found.best.totals.sum()) == total


needs_of_three = st.lists(
    st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=2
)


@settings(max_examples=25)
@given(
    needs=needs_of_three,
    spare=st.lists(st.integers(0, 8), min_size=3, max_size=3),
    lost=st.integers(0, 2),
    state=st.lists(st.integers(0, 6), min_size=3, max_size=3),
    listed=st.booleans(),
)
@example(needs=[[2, 2, 2]] * 2, spare=[3, 0, 0], lost=1, state=[5, 0, 0], listed=True)
def test_what_is_claimed_is_so(
    needs: Rows, spare: list[int], lost: int, state: list[int], listed: bool
) -> None:
    room = np.max(needs, axis=0) + spare
    up = [int(r != lost) for r in range(3)]
    asked = asked_of(needs, room.tolist(), up, [state] * len(needs))
    with pytest.MonkeyPatch.context() as patch:
        if not listed:
            patch.setattr(module, "LISTED", 0)
        found = division_weights(karmada, asked, largest=4, stop=Stop(10.0))
    check(asked, 4, found)
    if listed:
        free, held = best_of_all(asked, 4)
        assert (found.best is None) == (free is None)
        assert (found.best is not None and found.best.clash is None) == (held is not None)


def test_nothing_is_claimed_of_vectors_that_were_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_TRIED", 1)
    monkeypatch.setattr(module, "_AT_ONCE", 1)
    asked = asked_of(*FAR)
    found = division_weights(karmada, asked, largest=7, stop=NEVER)
    check(asked, 7, found)
    assert not found.every


def test_the_program_is_asked_where_no_listed_vector_fits() -> None:
    needs = [[1, 2, 1, 1, 1, 1, 1], [1, 1, 1, 3, 1, 1, 2]]
    room = [1, 3, 2, 4, 1, 1, 3]
    asked = without_states(needs, room)
    found = division_weights(karmada, asked, largest=20, stop=Stop(60.0)).best
    assert found is not None
    assert found.clash is None
    assert (found.weights <= 20).all()
    assert int(found.totals.sum()) <= 20
    names = dict(zip(asked.clusters, found.weights.tolist(), strict=True))
    assert found.totals.tolist() == [least(asked, names, need) for need in needs]


def test_kubefeds_vectors_in_proportion_to_the_room_are_compared() -> None:
    needs = [[1, 36, 25, 4, 1, 4, 7], [1, 1, 7, 63, 7, 1, 1], [1, 1, 23, 18, 10, 4, 22]]
    room = np.array([26, 59, 29, 65, 36, 19, 45])

    def kubefed(names: tuple[str, ...]) -> Target:
        most = dict(zip("abcdefg", room.tolist(), strict=True))
        ones = dict.fromkeys(names, 1)
        return KubeFed(ones, "default/x", ones, {name: most[name] for name in names})

    found = division_weights(kubefed, without_states(needs, room.tolist()), stop=NEVER)
    assert found.best is not None
    assert (found.best.replicas >= needs).all()
    assert (found.best.replicas <= room).all()
    assert not found.best.exact


def test_the_program_keeps_to_the_room() -> None:
    needs, room = np.array([[3, 1], [4, 4]]), np.array([5, 4])
    free = webster_weights(needs, 5, stop=NEVER)
    tight = webster_weights(needs, 5, room=room, most=18, stop=NEVER)
    assert free is not None
    assert tight is not None
    assert tight.proven
    asked = without_states(needs.tolist(), room.tolist())
    assert tight.total == best_of_all(asked, 5)[0]
    assert webster_sum(tight.weights, needs, [False, True]) == tight.total
    assert webster_weights(needs, 5, room=np.array([3, 4]), most=18, stop=NEVER) is None

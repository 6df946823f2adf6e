"""The least total is what trying every total with the scalar dividers finds."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.federation import karmada, kubefed
from planner.federation.splits import UNLIMITED
from planner.federation.targets import Karmada, KubeFed
from planner.federation.totals import least_totals, webster_totals

NAMES = ("a", "b", "c1", "edge-01", "osaka")
DATA = Path(__file__).parents[1] / "data"
MOST = 60

pairs = st.integers(1, 4).flatmap(
    lambda size: st.tuples(
        st.lists(st.integers(1, 9), min_size=size, max_size=size),
        st.lists(st.integers(0, 6), min_size=size, max_size=size),
    )
)


def by_name(values: list[int]) -> dict[str, int]:
    return dict(zip(NAMES, values, strict=False))


def least_of(divide: Callable[[int], dict[str, int]], needs: list[int]) -> int:
    """Try every total."""
    for total in range(MOST + 1):
        split = divide(total)
        if all(have >= need for have, need in zip(split.values(), needs, strict=True)):
            return total
    return int(UNLIMITED)


@settings(max_examples=200)
@given(pair=pairs, odd=st.booleans())
def test_websters_total_is_the_first_that_suffices(
    pair: tuple[list[int], list[int]], odd: bool
) -> None:
    weights, needs = by_name(pair[0]), pair[1]
    uid = next(u for u in "abcdefgh" if karmada.names_descend(u) is odd)
    expected = least_of(lambda n: karmada.divide_static(n, weights, uid=uid), needs)
    found = webster_totals(np.array([pair[0]]), np.array([needs]), descending=odd)[0, 0]
    if expected != UNLIMITED:
        assert found == expected
    else:
        assert found > MOST


@settings(max_examples=100)
@given(pair=pairs, least=st.integers(0, 2), key=st.text("xy/", max_size=3))
def test_kubefeds_total_is_the_first_that_suffices(
    pair: tuple[list[int], list[int]], least: int, key: str
) -> None:
    weights, needs = by_name(pair[0]), pair[1]
    bounds = dict.fromkeys(weights, least)
    wanted = {name: kubefed.Preference(w, least) for name, w in weights.items()}
    expected = least_of(lambda n: kubefed.divide(n, wanted, weights, key=key)[0], needs)
    target = KubeFed(dict.fromkeys(weights, 1), key, bounds)
    found = least_totals(target, np.array([pair[0]]), np.array([needs]), np.array([MOST]))
    assert found[0, 0] == expected


@given(pair=pairs)
def test_an_unknown_uid_gets_enough_for_both_orders(pair: tuple[list[int], list[int]]) -> None:
    weights, needs = np.array([pair[0]]), np.array([pair[1]])
    target = Karmada(dict.fromkeys(by_name(pair[0]), 1))
    each = [webster_totals(weights, needs, descending=order) for order in (False, True)]
    most = np.array([10**6])
    assert least_totals(target, weights, needs, most)[0, 0] == np.max(each)


def test_karmadas_own_divisions_are_reached_at_their_own_totals() -> None:
    cases = [c for c in measured("karmada") if c["strategy"] == "static"]
    assert len(cases) > 400
    for case in cases:
        names = sorted(case["weights"])
        weights = np.array([[case["weights"][name] for name in names]])
        needs = np.array([[case["result"].get(name, 0) for name in names]])
        descending = karmada.names_descend(case["uid"])
        assert webster_totals(weights, needs, descending=descending)[0, 0] == needs.sum(), case


def test_kubefeds_own_divisions_are_reached_at_their_own_totals() -> None:
    seen = 0
    for case in measured("kubefed"):
        names = sorted(case["preferences"])
        if not case["rebalance"] or case["capacity"] or names != sorted(case["available"]):
            continue
        wanted = case["preferences"]
        most = {n: p["max_replicas"] for n, p in wanted.items() if p["max_replicas"] is not None}
        least = {n: p["min_replicas"] for n, p in wanted.items()}
        target = KubeFed(dict.fromkeys(names, 1), case["key"], least, most)
        weights = np.array([[wanted[name]["weight"] for name in names]])
        needs = np.array([[case["plan"][name] for name in names]])
        found = least_totals(target, weights, needs, needs.sum(axis=1))
        assert found[0, 0] == needs.sum(), case
        seen += 1
    assert seen > 50


def measured(controller: str) -> list[dict[str, Any]]:
    """Return results of the controllers' own code."""
    text = gzip.decompress((DATA / f"{controller}_vectors.jsonl.gz").read_bytes())
    return [json.loads(line) for line in text.splitlines()]

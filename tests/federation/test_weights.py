from __future__ import annotations

from math import gcd

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.federation import karmada, kubefed, weights
from planner.federation.candidates import karmada_candidates, kubefed_candidates
from planner.federation.weights import WeightPlan, for_replicas
from tests.oracles.weight_search import (
    Divider,
    best_weights,
    karmada_dividers,
    kubefed_divider,
    qualified,
)

NAMES = ["edge-01", "losangeles", "singapore", "taiwan", "tokyo", "zurich"]
ODD = "00000000-0000-4000-8000-000000000000"
TAIWAN = {"taiwan": 5, "singapore": 3, "tokyo": 2}


def random_replicas(
    rng: np.random.Generator, clusters: int, total: int, least: int = 0
) -> dict[str, int]:
    shares = rng.dirichlet(np.full(clusters, rng.choice([0.5, 2.0, 20.0])))
    counts = rng.multinomial(total - least * clusters, shares) + least
    names = sorted(rng.permutation(NAMES)[:clusters].tolist())
    return dict(zip(names, counts.tolist(), strict=True))


def dividers_of(target: str, replicas: dict[str, int], key: str, uid: str) -> list[Divider]:
    if target == "kubefed":
        return [kubefed_divider(key, replicas)]
    return karmada_dividers(replicas, [uid == ODD] if uid else [False, True])


def small_cases() -> list[tuple[str, dict[str, int], str, str, list[int] | None]]:
    rng = np.random.default_rng(20260821)
    cases: list[tuple[str, dict[str, int], str, str, list[int] | None]] = []
    for _ in range(240):
        clusters = int(rng.integers(1, 5))
        total = int(rng.integers(1, {1: 15, 2: 15, 3: 12, 4: 10}[clusters]))
        replicas = random_replicas(rng, clusters, total)
        span = sorted(set(rng.integers(0, 3 * total, 5).tolist())) if rng.random() < 0.4 else None
        target = str(rng.choice(["kubefed", "karmada"]))
        uid = str(rng.choice(["", "", ODD, "a"]))
        cases.append((target, replicas, f"ns/{rng.integers(100)}", uid, span))
    return cases


@pytest.mark.parametrize("part", range(4))
def test_the_answer_is_the_best_of_all_vectors(part: int) -> None:
    for target, replicas, key, uid, span in small_cases()[part::4]:
        plan = for_replicas(replicas, target=target, key=key, uid=uid, totals=span)
        total = sum(replicas.values())
        totals = span or list(range(-(-total // 2), 2 * total + 1))
        best = best_weights(replicas, dividers_of(target, replicas, key, uid), totals)
        vector = tuple(plan.weights[name] for name in sorted(replicas) if replicas[name])
        found = (round(plan.worst_deviation * total), sum(vector), vector)
        assert found == best, (target, replicas, key, uid, span)
        assert plan.worst_deviation * total == pytest.approx(best[0])
        assert plan.exact


@pytest.mark.parametrize("target", ["kubefed", "karmada"])
def test_the_list_of_candidates_misses_none(target: str) -> None:
    rng = np.random.default_rng(5)
    listing = kubefed_candidates if target == "kubefed" else karmada_candidates
    for _ in range(60):
        clusters = int(rng.integers(1, 5))
        total = int(rng.integers(clusters, {1: 18, 2: 18, 3: 14, 4: 11}[clusters]))
        replicas = random_replicas(rng, clusters, total, least=1)
        listed = {tuple(row) for row in listing(np.array(list(replicas.values()))).tolist()}
        for uid in ("a", ODD):
            for dividers in [dividers_of(target, replicas, "ns/x", uid)]:
                every = {tuple(w.values()) for w in qualified(replicas, dividers)}
                assert every
                assert every <= listed
        assert len(listed) <= total * (clusters if target == "kubefed" else 1)


def divided(plan: WeightPlan, total: int, key: str, uid: str, descending: bool) -> dict[str, int]:
    if plan.target == "kubefed":
        preferences = {name: kubefed.Preference(weight=w) for name, w in plan.weights.items()}
        return kubefed.divide(total, preferences, plan.weights, key=key)[0]
    return karmada.webster(total, plan.weights, descending=descending)


def test_ten_thousand_plans_return_their_replicas() -> None:
    rng = np.random.default_rng(10_000)
    for case in range(10_000):
        target = ["kubefed", "karmada"][case % 2]
        total = int(rng.integers(1, 40))
        replicas = random_replicas(rng, int(rng.integers(1, 7)), total)
        key = f"ns/{rng.integers(1000)}"
        plan = for_replicas(replicas, target=target, key=key)
        assert gcd(*plan.weights.values()) == 1
        assert sum(plan.weights.values()) <= total == plan.total
        for descending in (False, True):
            split = divided(plan, total, key, "", descending)
            assert dict.fromkeys(replicas, 0) | split == replicas
        assert plan.split[total] == replicas


@pytest.mark.parametrize("target", ["kubefed", "karmada"])
def test_the_plan_shows_what_the_divider_does(target: str) -> None:
    plan = for_replicas(TAIWAN | {"losangeles": 0}, target=target, key="prod-api/api")
    totals = list(range(5, 21))
    assert list(plan.split) == totals
    deviations = []
    for total in totals:
        for descending in (False, True):
            split = {"losangeles": 0} | divided(plan, total, "prod-api/api", "", descending)
            deviations += [abs(split[c] - total * n / 10) for c, n in TAIWAN.items()]
            if not descending:
                assert plan.split[total] == split
    assert plan.worst_deviation == pytest.approx(max(deviations))
    assert plan.exact


def test_totals_that_hang_on_the_uid_are_named() -> None:
    plan = for_replicas({"a": 2, "b": 2, "c": 2}, target="karmada")
    assert plan.weights == {"a": 1, "b": 1, "c": 1}
    assert plan.tied_totals == (4, 5, 7, 8, 10, 11)
    assert plan.split[4] == {"a": 2, "b": 1, "c": 1}
    settled = for_replicas({"a": 2, "b": 2, "c": 2}, target="karmada", uid=ODD)
    assert settled.tied_totals == ()
    assert settled.split[4] == {"a": 1, "b": 1, "c": 2}


def test_a_lost_cluster_is_divided_among_the_others() -> None:
    plan = for_replicas(TAIWAN, key="prod-api/api")
    preferences = {name: kubefed.Preference(weight=w) for name, w in plan.weights.items()}
    for lost, split in plan.lost.items():
        ready = set(TAIWAN) - {lost}
        assert split == kubefed.divide(10, preferences, ready, key="prod-api/api")[0]
    moved = for_replicas(TAIWAN, target="karmada", totals=[10, 20]).lost["tokyo"]
    assert sum(moved.values()) == 10
    assert set(moved) == {"taiwan", "singapore"}


def test_the_only_cluster_lost_leaves_nothing() -> None:
    for target in ("kubefed", "karmada"):
        plan = for_replicas({"a": 7, "b": 0}, target=target)
        assert plan.weights["a"] == 1
        assert plan.lost == {"a": {"b": 0}, "b": {"a": 7}}


def test_clusters_without_a_replica() -> None:
    replicas = TAIWAN | {"losangeles": 0}
    assert for_replicas(replicas).weights["losangeles"] == 0
    assert "losangeles" not in for_replicas(replicas, target="karmada").weights


def test_bounds_default_to_what_is_not_needed() -> None:
    federated = for_replicas(TAIWAN)
    assert set(federated.min_replicas.values()) == {0}
    assert set(federated.max_replicas.values()) == {None}
    static = for_replicas(TAIWAN, target="karmada")
    assert {*static.min_replicas.values(), *static.max_replicas.values()} == {None}


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.none() | st.integers(0, 6)),
        min_size=1,
        max_size=5,
    ).filter(lambda rows: any(row[0] for row in rows)),
    key=st.text("xyz/", max_size=4),
)
def test_bounds_take_part_in_every_division(
    rows: list[tuple[int, int, int | None]], key: str
) -> None:
    named = dict(zip(NAMES, rows, strict=False))
    replicas = {name: wanted for name, (wanted, _, _) in named.items()}
    least = {name: min(wanted, low) for name, (wanted, low, _) in named.items() if low < 5}
    most = {name: wanted + room for name, (wanted, _, room) in named.items() if room is not None}
    plan = for_replicas(replicas, key=key, min_replicas=least, max_replicas=most)
    preferences = {
        name: kubefed.Preference(weight, plan.min_replicas[name] or 0, plan.max_replicas[name])
        for name, weight in plan.weights.items()
    }
    for total, split in plan.split.items():
        assert split == kubefed.divide(total, preferences, replicas, key=key)[0]
    assert plan.split[plan.total] == replicas
    for lost, split in plan.lost.items():
        ready = set(replicas) - {lost}
        assert split == kubefed.divide(plan.total, preferences, ready, key=key)[0]
    bound = any(least.values()) or any(n and most.get(c) == n for c, n in replicas.items())
    assert plan.exact is not bound


def test_maximums_with_room_leave_the_search_complete() -> None:
    bounded = for_replicas(TAIWAN, max_replicas=dict.fromkeys(TAIWAN, 6))
    assert bounded.exact
    assert bounded.max_replicas == dict.fromkeys(sorted(TAIWAN), 6)
    assert all(max(split.values()) <= 6 for split in bounded.split.values())


@pytest.mark.parametrize("target", ["kubefed", "karmada"])
def test_a_truncated_search_keeps_its_promise(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    replicas = {"a": 31, "b": 17, "c": 5}
    full = for_replicas(replicas, target=target)
    monkeypatch.setattr(weights, "PAIR_LIMIT", 3 * 80)
    short = for_replicas(replicas, target=target)
    assert short.split[53] == replicas
    assert not short.exact
    assert full.exact
    assert short.worst_deviation >= full.worst_deviation
    monkeypatch.setattr(weights, "TOTAL_LIMIT", 50)
    least = for_replicas(replicas, target=target)
    assert dict(least.weights) == replicas
    assert not least.exact


def test_huge_totals_get_an_answer() -> None:
    plan = for_replicas({"a": 40_000, "b": 20_000}, target="karmada")
    assert plan.weights == {"a": 2, "b": 1}
    assert not plan.exact
    assert min(plan.split) == 30_000
    assert max(plan.split) == 120_000


@given(totals=st.lists(st.integers(0, 60), min_size=1, max_size=6), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_same_input_same_plan(totals: list[int], seed: int) -> None:
    replicas = random_replicas(np.random.default_rng(seed), 4, 12)
    plan = for_replicas(replicas, totals=totals)
    turned = for_replicas(dict(reversed(replicas.items())), totals=iter(totals[::-1]))
    assert plan == turned
    assert list(plan.weights) == list(turned.weights) == sorted(replicas)
    assert set(plan.split) == {*totals, 12}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"replicas": {}}, "at least one replica"),
        ({"replicas": {"a": 0}}, "at least one replica"),
        ({"replicas": {"a": -1}}, r"`replicas\['a'\]` must lie in"),
        ({"replicas": {"a": 1.5}}, r"`replicas\['a'\]` must be a whole number"),
        ({"replicas": {"a": 1}, "totals": []}, "`totals` must hold at least one"),
        ({"replicas": {"a": 1}, "totals": [-3]}, "`totals` must lie in"),
        ({"replicas": {"a": 1}, "target": "nomad"}, "`target` must be 'kubefed' or 'karmada'"),
        ({"replicas": {"a": 3}, "max_replicas": {"a": 2}}, "`max_replicas` forbids"),
        ({"replicas": {"a": 3}, "min_replicas": {"a": 4}}, "`min_replicas` forbids"),
        ({"replicas": {"a": 3}, "min_replicas": {"b": 1}}, "names clusters that `replicas`"),
        (
            {"replicas": {"a": 3}, "max_replicas": {"a": 4}, "target": "karmada"},
            "do not exist in Karmada",
        ),
    ],
)
def test_faulty_arguments_get_a_sentence(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        for_replicas(**arguments)  # type: ignore[arg-type]

"""3,000 results of the controllers' own code; every one must agree."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from planner.federation import karmada, kubefed

DATA = Path(__file__).parents[1] / "data"
SHARED = Path(__file__).parents[3] / "shared" / "vectors"


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", ["kubefed", "karmada"])
def test_the_copy_holds_what_was_measured(name: str) -> None:
    measured = SHARED / f"{name}.jsonl.gz"
    if not measured.exists():
        pytest.skip("the measured vectors are not beside this checkout; the copy stands alone")
    assert read(DATA / f"{name}_vectors.jsonl.gz") == read(measured)


def test_kubefed_agrees_with_all_of_its_results() -> None:
    cases = read(DATA / "kubefed_vectors.jsonl.gz")
    assert len(cases) == 1500
    for case in cases:
        preferences = {
            name: kubefed.Preference(**numbers) for name, numbers in case["preferences"].items()
        }
        answer = kubefed.divide(
            case["total"],
            preferences,
            case["available"],
            key=case["key"],
            rebalance=case["rebalance"],
            current=case.get("current"),
            capacity=case.get("capacity"),
        )
        assert answer == (case["plan"], case["overflow"]), case


def divide_as_karmada(case: dict[str, Any]) -> dict[str, int] | None:
    if case["strategy"] == "static":
        return karmada.divide_static(case["total"], case["weights"], uid=case["uid"])
    try:
        return karmada.divide_dynamic(
            case["total"],
            {name: case["available"][name] for name in case["candidates"]},
            scheduled=case.get("scheduled"),
            aggregated=case["strategy"] == "aggregated",
            fresh=case["fresh"],
            uid=case["uid"],
        )
    except ValueError:
        return None


def without_zeros(split: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in split.items() if count}


def test_karmada_agrees_with_all_of_its_results() -> None:
    cases = read(DATA / "karmada_vectors.jsonl.gz")
    assert len(cases) == 1500
    assert sum("error" in case for case in cases) == 58
    for case in cases:
        answer = divide_as_karmada(case)
        if "error" in case:
            assert answer is None, case
        else:
            assert answer is not None, case
            assert without_zeros(answer) == without_zeros(case["result"]), case

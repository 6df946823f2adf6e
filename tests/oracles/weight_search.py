"""Every weight vector, tried with the scalar dividers: what `weights.for_replicas` must match."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import gcd

from planner.federation import kubefed
from tests.oracles.webster_by_seat import webster_by_seat

Divider = Callable[[int, Mapping[str, int]], dict[str, int]]


def kubefed_divider(key: str, names: Iterable[str]) -> Divider:
    available = list(names)

    def divide(total: int, weights: Mapping[str, int]) -> dict[str, int]:
        preferences = {name: kubefed.Preference(weight=w) for name, w in weights.items()}
        return kubefed.divide(total, preferences, available, key=key)[0]

    return divide


def karmada_dividers(names: Iterable[str], orders: Iterable[bool]) -> list[Divider]:
    nothing = dict.fromkeys(names, 0)

    def divider(descending: bool) -> Divider:
        return lambda total, weights: (
            nothing | webster_by_seat(total, weights, descending=descending)
        )

    return [divider(descending) for descending in orders]


def qualified(replicas: Mapping[str, int], dividers: Sequence[Divider]) -> Iterator[dict[str, int]]:
    """All positive coprime vectors over the clusters with replicas that return `replicas`."""
    total = sum(replicas.values())
    names = [name for name in sorted(replicas) if replicas[name]]
    for vector in product(range(1, total + 1), repeat=len(names)):
        weights = dict(zip(names, vector, strict=True))
        small = sum(vector) <= total and gcd(*vector) == 1
        if small and all(divide(total, weights) == dict(replicas) for divide in dividers):
            yield weights


def worst_deviation(
    replicas: Mapping[str, int],
    weights: Mapping[str, int],
    dividers: Sequence[Divider],
    totals: Iterable[int],
) -> int:
    """Largest distance from the proportional share, times the planned total (so it is whole)."""
    planned = sum(replicas.values())
    return max(
        abs(split[name] * planned - total * wanted)
        for total in totals
        for divide in dividers
        for split in [divide(total, weights)]
        for name, wanted in replicas.items()
    )


def best_weights(
    replicas: Mapping[str, int], dividers: Sequence[Divider], totals: Sequence[int]
) -> tuple[int, int, tuple[int, ...]]:
    """Worst deviation times the planned total, sum, and vector of the best weights."""
    return min(
        (
            worst_deviation(replicas, weights, dividers, totals),
            sum(weights.values()),
            tuple(weights.values()),
        )
        for weights in qualified(replicas, dividers)
    )

"""The controllers as the search for weights sees them: candidates, splits, and a division."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from planner.federation import karmada, kubefed
from planner.federation.candidates import karmada_candidates, kubefed_candidates
from planner.federation.splits import UNLIMITED, BoolArray, IntArray, kubefed_splits, webster_splits


class Target(Protocol):
    """A controller that is to return `replicas`."""

    @property
    def replicas(self) -> Mapping[str, int]:
        """Wanted replicas by cluster, in order of name."""

    @property
    def listed(self) -> tuple[str, ...]:
        """Clusters that carry a weight, in order of name."""

    @property
    def is_complete(self) -> bool:
        """Whether `candidates` misses no vector."""

    def candidates(self) -> IntArray:
        """Return weight vectors over `listed`, shape (C, R), gcd 1, sum at most the total."""

    def splits(self, weights: IntArray, totals: IntArray) -> list[IntArray]:
        """Return the splits over `listed`, shape (C, N, R), one array for each tie order."""

    def divide(self, total: int, weights: Mapping[str, int], lost: str) -> dict[str, int]:
        """Divide `total` over all clusters but `lost`."""


@dataclass(frozen=True)
class KubeFed:
    """KubeFed with a key and bounds; rebalance on, nothing unschedulable.

    Attributes
    ----------
    replicas : mapping of str to int
        Wanted replicas, in order of name.
    key : str, default: ""
        ``<namespace>/<name>`` of the preference.
    min_replicas, max_replicas : mapping of str to int
        Bounds where there are any.
    """

    replicas: Mapping[str, int]
    key: str = ""
    min_replicas: Mapping[str, int] = field(default_factory=dict)
    max_replicas: Mapping[str, int] = field(default_factory=dict)

    @property
    def listed(self) -> tuple[str, ...]:
        """All clusters: those without a replica carry weight 0."""
        return tuple(self.replicas)

    @property
    def is_complete(self) -> bool:
        """Whether no bound takes part in the wanted split itself."""
        at_most = any(self.replicas[name] == most > 0 for name, most in self.max_replicas.items())
        return not at_most and not any(self.min_replicas.values())

    def candidates(self) -> IntArray:
        """Return all candidates without bounds, and those of what exceeds the minimums."""
        wanted, least = self._wanted, self._least
        found = [_spread(kubefed_candidates(wanted[wanted > 0]), wanted > 0)]
        excess = wanted - least
        if least.any() and excess.any():
            above = _spread(kubefed_candidates(excess[excess > 0]), excess > 0)
            found += [above, np.where(wanted > 0, np.maximum(above, 1), 0)]
        vectors = np.concatenate(found)
        return np.unique(vectors[vectors.sum(axis=1) <= wanted.sum()], axis=0)

    def splits(self, weights: IntArray, totals: IntArray) -> list[IntArray]:
        """Return the splits within the bounds; the key leaves only one tie order."""
        served = kubefed.tie_order(self.listed, self.key)
        tie_rank = np.array([served.index(name) for name in self.listed])
        most = np.array([self.max_replicas.get(name, UNLIMITED) for name in self.listed])
        return [kubefed_splits(weights, totals, tie_rank, self._least, most)]

    def divide(self, total: int, weights: Mapping[str, int], lost: str) -> dict[str, int]:
        """Divide `total` over the clusters that are still Ready."""
        preferences = {
            name: kubefed.Preference(
                weight, self.min_replicas.get(name, 0), self.max_replicas.get(name)
            )
            for name, weight in weights.items()
        }
        ready = [name for name in self.listed if name != lost]
        return kubefed.divide(total, preferences, ready, key=self.key)[0]

    @property
    def _wanted(self) -> IntArray:
        return np.array(list(self.replicas.values()), dtype=np.int64)

    @property
    def _least(self) -> IntArray:
        return np.array([self.min_replicas.get(name, 0) for name in self.listed], dtype=np.int64)


@dataclass(frozen=True)
class Karmada:
    """Karmada from 1.16 on, with a static weight list.

    Attributes
    ----------
    replicas : mapping of str to int
        Wanted replicas, in order of name.
    uid : str, default: ""
        UID of the template; empty while it is unknown, so that both tie orders count.
    """

    replicas: Mapping[str, int]
    uid: str = ""

    @property
    def listed(self) -> tuple[str, ...]:
        """Clusters with a replica: a weight list refuses 0."""
        return tuple(name for name, count in self.replicas.items() if count)

    @property
    def is_complete(self) -> bool:
        """Always."""
        return True

    def candidates(self) -> IntArray:
        """Return all candidates."""
        return karmada_candidates(np.array([self.replicas[name] for name in self.listed]))

    def splits(self, weights: IntArray, totals: IntArray) -> list[IntArray]:
        """Return the splits in the tie order of the UID, or in both (ascending first)."""
        orders = [karmada.names_descend(self.uid)] if self.uid else [False, True]
        return [webster_splits(weights, totals, descending=order) for order in orders]

    def divide(self, total: int, weights: Mapping[str, int], lost: str) -> dict[str, int]:
        """Divide `total` anew over the listed clusters that are left."""
        left = {name: weight for name, weight in weights.items() if name != lost}
        others = {name: 0 for name in self.replicas if name != lost}
        return others | karmada.divide_static(total, left, uid=self.uid)


def _spread(vectors: IntArray, where: BoolArray) -> IntArray:
    """Return `vectors` with a column of zeros wherever `where` is false."""
    full = np.zeros((len(vectors), len(where)), np.int64)
    full[:, where] = vectors
    return full

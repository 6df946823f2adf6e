"""A walk through plans by exchanges of single replicas, drawn by what they cost.

A step changes one or two parts of the program, by one replica each that is started, stopped or
moved, two of them in a region that both touch.  It is drawn among those that keep the rows and are
not far dearer than the heat, with weight ``exp(−cost / heat)``, and the heat falls.

References
----------
S. Kirkpatrick, C. D. Gelatt and M. P. Vecchi, "Optimization by simulated annealing", Science 220,
1983, doi 10.1126/science.220.4598.671; A. B. Bortz, M. H. Kalos and J. L. Lebowitz, "A new
algorithm for Monte Carlo simulation of Ising spin systems", Journal of Computational Physics 17,
1975, doi 10.1016/0021-9991(75)90060-1 (every draw is a step).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from planner.optimization.exchange_model import ExchangeModel, PartModel
from planner.overlaps import overlaps
from planner.problem.arrays import Bools, Ints

_MOST = 1_000_000
"""Steps that are weighed at once at most: of more only every second, third, ... one is."""

_REACH = (10.0, 100.0, np.inf)
"""Steps up to so many times the heat are weighed first: dearer ones are hardly ever drawn."""

_WORD = 64
"""Bits that are looked at together."""

_INSIDE = 1e-9
"""Sums over the steps of a walk are exact up to this; what a plan breaks is found by its judge."""


@dataclass(frozen=True)
class Steps:
    """The steps from any plan: changes of two parts that touch the same region, or of one part.

    Attributes
    ----------
    one, other : ndarray of int, shape (T,)
        The changes, as places in the row of all changes of all parts.
    begin : ndarray of int, shape (P,)
        Where the changes of each part begin in it.
    """

    one: Ints
    other: Ints
    begin: Ints

    @classmethod
    def of(cls, model: ExchangeModel) -> Steps:
        """List the steps.

        Parameters
        ----------
        model : ExchangeModel
            The parts; their replicas do not matter.

        Returns
        -------
        Steps
            All of them.
        """
        sizes = [part.change.shape[0] for part in model.parts]
        begin = np.cumsum([0, *sizes[:-1]])
        touches = [_touches(part) for part in model.parts]
        alone = np.concatenate([at + np.arange(1, n) for at, n in zip(begin, sizes, strict=True)])
        one, other = [alone], [np.repeat(begin, np.array(sizes) - 1)]
        for p, q in combinations(range(len(sizes)), 2):
            i, j = np.nonzero(overlaps(touches[p], touches[q]))
            one.append(begin[p] + i)
            other.append(begin[q] + j)
        return cls(np.concatenate(one), np.concatenate(other), begin)


def _touches(part: PartModel) -> Bools:
    """Return the regions of each change, shape (Q, R)."""
    by_service = part.change.reshape(part.change.shape[0], part.services.size, -1)
    touches: Bools = (by_service != 0).any(axis=1)
    return touches


@dataclass
class Walk:
    """Where a walk is.

    Attributes
    ----------
    model : ExchangeModel
        What changes cost.
    steps : Steps
        The steps.
    replicas : list of ndarray of int, shape (N,)
        Replicas of each part; a step makes new ones.
    rng : Generator
        Draws the steps.
    """

    model: ExchangeModel
    steps: Steps
    replicas: list[Ints]
    rng: np.random.Generator

    def __post_init__(self) -> None:
        parts = self.model.parts
        self.replicas = list(self.replicas)
        self._costs = [part.costs(n) for part, n in zip(parts, self.replicas, strict=True)]
        self._use = np.concatenate([shared.change.T for shared in self.model.shared])
        self._frees = _bits(self._use < 0)
        room = self.model.shared[0].most
        for shared, n in zip(self.model.shared, self.replicas, strict=True):
            room = room - shared.row @ n
        self._room = np.maximum(room, 0.0) + _INSIDE

    @property
    def usd(self) -> float:
        """What the replicas cost at least, US dollars a month."""
        return sum(part.usd(n) for part, n in zip(self.model.parts, self.replicas, strict=True))

    def step(self, heat: float) -> bool:
        """Draw a step and take it.

        Parameters
        ----------
        heat : float
            US dollars a month: steps dearer by so much are drawn less often by a factor of e.

        Returns
        -------
        bool
            Whether there was one.
        """
        every = -(-self.steps.one.size // _MOST)
        some = slice(int(self.rng.integers(every)), None, every)
        one, other = self.steps.one[some], self.steps.other[some]
        drawn = self._drawn(one, other, heat)
        if drawn is None:
            return False
        for at in (int(one[drawn]), int(other[drawn])):
            part = int(np.searchsorted(self.steps.begin, at, side="right")) - 1
            mine = self.model.parts[part]
            self.replicas[part] = self.replicas[part] + mine.change[at - self.steps.begin[part]]
            self._costs[part] = mine.costs(self.replicas[part])
            self._room = self._room - self._use[at]
        return True

    def _drawn(self, one: Ints, other: Ints, heat: float) -> int | None:
        """Draw a step that fits: the least ``cost + heat · ln(exponential)`` (Gumbel's trick)."""
        costs = np.concatenate(self._costs)
        usd = costs[one] + costs[other]
        for reach in _REACH:
            near = np.flatnonzero(usd < reach * heat)
            fits = near[self._fitting(one[near], other[near])]
            if fits.size:
                chance = np.log(self.rng.standard_exponential(fits.size))
                return int(fits[np.argmin(usd[fits] + heat * chance)])
        return None

    def _fitting(self, one: Ints, other: Ints) -> Ints:
        """Return the steps that keep the shared rows: few, so most are told by bits alone."""
        broken = _bits(self._use > self._room)
        lost = (broken[one] & ~self._frees[other]) | (broken[other] & ~self._frees[one])
        maybe = np.flatnonzero(~lost.any(axis=1))
        use = self._use[one[maybe]] + self._use[other[maybe]]
        fitting: Ints = maybe[(use <= self._room).all(axis=1)]
        return fitting


def _bits(flags: Bools) -> NDArray[np.uint64]:
    """Return flags, shape (n, K), as bits of whole words, shape (n, K / 64)."""
    padded = np.zeros((flags.shape[0], -(-flags.shape[1] // _WORD) * _WORD), dtype=bool)
    padded[:, : flags.shape[1]] = flags
    return np.packbits(padded, axis=1).view(np.uint64)

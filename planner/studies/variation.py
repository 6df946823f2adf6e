"""The variants of a scenario: how values are drawn, and what each variant is."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import ndtri

from planner.model.finding import Path
from planner.model.scenario import Scenario
from planner.model.variation import Distribution, Variation, given
from planner.model.varied import Varied, resolved_variation
from planner.model.varied_fields import Fields, fields_of, value_at
from planner.problem.arrays import Floats

_DIGITS = 6
"""Significant digits of a drawn number: enough, and the same on every machine."""


@dataclass(frozen=True, eq=False)
class Variants:
    """All variants of a scenario.

    Attributes
    ----------
    fields : dict
        The scenario's fields, from `planner.model.varied_fields.fields_of`.
    variation : Variation
        What is varied.
    varied : tuple of Varied
        Those of the grid, then those that are drawn.
    """

    fields: Fields
    variation: Variation
    varied: tuple[Varied, ...]

    def __len__(self) -> int:
        return self.variation.count

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each value of a variant."""
        return tuple(one.name for one in self.varied)

    @cached_property
    def _points(self) -> list[tuple[Any, ...]]:
        """Return the points of the grid, the last field running fastest."""
        axes = [one.values for one in self.varied if isinstance(one.values, tuple)]
        return list(itertools.product(*axes))

    @cached_property
    def _draws(self) -> list[tuple[Any, ...]]:
        """Return the draws; one without a value where there is no sample."""
        sample = self.variation.sample
        if sample is None:
            return [()]
        columns = [
            drawn(one.values, one.text, sample.count, sample.seed)
            for one in self.varied
            if isinstance(one.values, Distribution)
        ]
        return list(zip(*columns, strict=True))

    def values(self, number: int) -> tuple[Any, ...]:
        """Return the values of a variant.

        Parameters
        ----------
        number : int
            Of the variant, 1 to the length.

        Returns
        -------
        tuple
            One for each of `names`.
        """
        point, draw = divmod(number - 1, len(self._draws))
        return (*self._points[point], *self._draws[draw])

    def fields_of(self, number: int) -> Fields:
        """Return the fields of a variant.

        Parameters
        ----------
        number : int
            Of the variant, 1 to the length.

        Returns
        -------
        dict
            A copy, with the values in place.
        """
        fields = copy.deepcopy(self.fields)
        for one, value in zip(self.varied, self.values(number), strict=True):
            whole = isinstance(one.values, Distribution)
            for path in one.paths:
                _put(fields, path, one.way, value, rounded=whole)
        return fields

    def key(self, number: int) -> str:
        """Return a digest of a variant's number and values."""
        text = json.dumps([number, self.values(number)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def variants(scenario: Scenario, variation: Variation) -> Variants:
    """Return the variants of a scenario.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    variation : Variation
        What is varied.

    Returns
    -------
    Variants
        Numbered from 1: the points of the grid one after the other, at each all draws.

    Raises
    ------
    ValueError
        If the variation does not fit the scenario; one that was read from a file does.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> grid = {"growth.share_year": [0.0, 0.5], "demand_factor.*": {"scale": [1.0, 1.2, 1.5]}}
    >>> found = variants(read_scenario("taiwan"), Variation(grid=grid))
    >>> len(found), found.names, found.values(6)
    (6, ('growth.share_year', 'demand_factor.*:scale'), (0.5, 1.5))
    """
    return variants_of(fields_of(scenario), variation)


def variants_of(fields: Fields, variation: Variation) -> Variants:
    """Return the variants of a scenario whose fields are known; see `variants`."""
    varied, findings = resolved_variation(variation, fields)
    if findings:
        first = findings[0]
        raise ValueError(
            f"`variation` does not fit: {'.'.join(map(str, first.path))} {first.message}"
        )
    return Variants(fields, variation, varied)


def drawn(distribution: Distribution, name: str, count: int, seed: int) -> list[Any]:
    """Draw the values of one field.

    Parameters
    ----------
    distribution : Distribution
        Where from.
    name : str
        Of the field: each has a stream of its own, so that what else is drawn does not matter.
    count : int
        How many; more of them begin with the same ones.
    seed : int
        Of the sample.

    Returns
    -------
    list
        Numbers of six significant digits, or members of the choice.

    Examples
    --------
    >>> one = Distribution(uniform={"low": 0.0, "high": 1.0})
    >>> drawn(one, "a", 3, 1) == drawn(one, "a", 5, 1)[:3]
    True
    """
    own = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    uniform = np.random.default_rng([seed, own]).random(count)
    kind, shape = given(distribution)
    if kind == "choice":
        return [shape[place] for place in (uniform * len(shape)).astype(int)]
    if kind == "uniform":
        values = shape.low + uniform * (shape.high - shape.low)
    elif kind == "triangular":
        values = _triangular(uniform, shape.low, shape.mode, shape.high)
    else:
        values = shape.median * np.exp(shape.sigma * ndtri(np.clip(uniform, 1e-12, None)))
    return [float(f"{value:.{_DIGITS}g}") for value in values.tolist()]


def _triangular(uniform: Floats, low: float, mode: float, high: float) -> Floats:
    """Return quantiles of a triangular distribution."""
    width, left = high - low, (mode - low) / (high - low)
    rising = low + np.sqrt(uniform * width * (mode - low))
    falling = high - np.sqrt((1.0 - uniform) * width * (high - mode))
    values: Floats = np.where(uniform < left, rising, falling)
    return values


def _put(fields: Fields, path: Path, way: str, value: Any, *, rounded: bool) -> None:
    """Put a value in place, multiply with it or add it; whole numbers stay whole."""
    *before, last = path
    row = value_at(fields, tuple(before))
    old = row[last]
    if way == "set":
        new = copy.deepcopy(_plain(value))
    else:
        new = old * value if way == "scale" else old + value
    numbers = all(isinstance(x, int | float) for x in (old, new))
    if _is_whole(old) and numbers and (rounded or way != "set") and math.isfinite(new):
        new = round(new)
    row[last] = new


def _is_whole(value: Any) -> bool:
    """Return whether a value is a whole number; a truth value is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """Return a tuple as a list, all the way down."""
    return [_plain(member) for member in value] if isinstance(value, list | tuple) else value

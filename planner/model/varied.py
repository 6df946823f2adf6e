"""A variation against the fields of a scenario: what each path addresses, and what does not fit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from planner.model.finding import Finding, Path, dotted, quoted
from planner.model.variation import (
    KINDS,
    WAYS,
    Distribution,
    DrawnValues,
    GridValues,
    Triangular,
    Uniform,
    Variation,
    given,
)
from planner.model.varied_fields import Fields, NoSuchField, resolved_paths, value_at

MOST_VARIANTS = 1_000_000


@dataclass(frozen=True)
class Varied:
    """One path that is varied.

    Attributes
    ----------
    text : str
        As written.
    way : {'set', 'scale', 'add'}
        What is done with a value.
    paths : tuple of paths
        The fields that it addresses; all of them move together.
    values : tuple or Distribution
        One after the other, or drawn.
    """

    text: str
    way: str
    paths: tuple[Path, ...]
    values: tuple[Any, ...] | Distribution

    @property
    def name(self) -> str:
        """Name of its column: the path, and the way where values are not put in place."""
        return self.text if self.way == "set" else f"{self.text}:{self.way}"


def resolved_variation(
    variation: Variation, fields: Fields
) -> tuple[tuple[Varied, ...], list[Finding]]:
    """Find what a variation addresses.

    Parameters
    ----------
    variation : Variation
        Its fields are each right by themselves.
    fields : dict
        From `planner.model.varied_fields.fields_of`.

    Returns
    -------
    varied : tuple of Varied
        Those of the grid, then those that are drawn.
    findings : list of Finding
        Everything that does not fit.
    """
    varied: list[Varied] = []
    findings: list[Finding] = []
    taken: dict[Path, Varied] = {}
    drawn = variation.sample.fields if variation.sample else {}
    for place, rows in ((("grid",), variation.grid), (("sample", "fields"), drawn)):
        for text, values in _each(rows):
            path = (*place, text)
            found = [*_ways(path, values)]
            try:
                one = _resolved(text, values, fields)
            except NoSuchField as error:
                found.append(Finding(path, error.message, error.cure))
            else:
                found += [*_fits(path, one, fields), *_overlap(path, one, taken)]
                varied.append(one)
            findings += found
    findings += _size(variation)
    return tuple(varied), findings


def _each(rows: Mapping[str, GridValues | DrawnValues]) -> Iterator[tuple[str, Any]]:
    """Yield paths and values."""
    yield from rows.items()


def _resolved(text: str, values: GridValues | DrawnValues, fields: Fields) -> Varied:
    """Look up what a path addresses."""
    way, inner = given(values)
    return Varied(text, way or "set", resolved_paths(fields, text), inner or ())


def _ways(path: Path, values: GridValues | DrawnValues) -> Iterator[Finding]:
    """Check that one way and one kind of distribution is given, with ends in order."""
    yield from _exactly_one(path, values, WAYS)
    for way in WAYS:
        inner = getattr(values, way)
        if isinstance(inner, Distribution):
            yield from _exactly_one((*path, way), inner, KINDS)
            yield from _ends((*path, way), inner)
            yield from _infinite((*path, way, "choice"), inner.choice)
        else:
            yield from _infinite((*path, way), inner)


def _infinite(path: Path, value: Any) -> Iterator[Finding]:
    """Find numbers that are none; a journal could not hold them."""
    if isinstance(value, float) and not math.isfinite(value):
        kind = "not a number (NaN)" if math.isnan(value) else "infinite"
        yield Finding(path, f"is {kind}", "write a finite number")
    members = value.items() if isinstance(value, dict) else ()
    for step, member in enumerate(value) if isinstance(value, list | tuple) else members:
        yield from _infinite((*path, step), member)


def _exactly_one(path: Path, document: Any, names: tuple[str, ...]) -> Iterator[Finding]:
    """Check that one of several keys is given."""
    there = [name for name in names if getattr(document, name) is not None]
    if len(there) != 1:
        message = f"{' and '.join(map(quoted, there))} stand together" if there else "is empty"
        yield Finding(path, message, f"give one of {', '.join(map(quoted, names))}")


def _ends(path: Path, distribution: Distribution) -> Iterator[Finding]:
    """Check that the ends of a distribution are in order."""
    for kind in ("uniform", "triangular"):
        shape: Uniform | Triangular | None = getattr(distribution, kind)
        if shape is None:
            continue
        if not shape.low < shape.high:
            message = f"low {shape.low:g} is not below high {shape.high:g}"
            yield Finding((*path, kind), message, "exchange the two")
        elif isinstance(shape, Triangular) and not shape.low <= shape.mode <= shape.high:
            message = f"mode {shape.mode:g} is outside [{shape.low:g}, {shape.high:g}]"
            yield Finding((*path, kind, "mode"), message, "")


def _fits(path: Path, one: Varied, fields: Fields) -> Iterator[Finding]:
    """Check that what is multiplied or added to is a number."""
    for place in one.paths if one.way != "set" else ():
        value = value_at(fields, place)
        if isinstance(value, int | float) and not isinstance(value, bool):
            continue
        verb = "multiply" if one.way == "scale" else "add to"
        yield Finding(
            path, f"{quoted(dotted(place))} is {_kind(value)}: no number to {verb}", _CURE
        )
        return
    if one.way == "scale" and all(value_at(fields, place) == 0 for place in one.paths):
        message = f"{quoted(dotted(one.paths[0]))} is 0: no factor changes it"
        yield Finding(path, message, "write values to put in place, or 'add'")


_CURE = "write values to put in place, or end the path at numbers"


def _kind(value: Any) -> str:
    """Say in words what a value is."""
    if value is None:
        return "not given"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return f"{str(value).lower() if isinstance(value, bool) else quoted(value)}"


def _overlap(path: Path, one: Varied, taken: dict[Path, Varied]) -> Iterator[Finding]:
    """Check that no field is varied twice, unless both multiply it."""
    clash: Varied | None = None
    for place in one.paths:
        for other in _touching(place, taken):
            both = one.way == other.way == "scale" and other.text != one.text
            clash = clash or (None if both else other)
        taken.setdefault(place, one)
    if clash is not None:
        message = f"varies what {quoted(clash.text)} varies already"
        yield Finding(path, message, "keep one, or let both be 'scale'")


def _touching(place: Path, taken: dict[Path, Varied]) -> Iterator[Varied]:
    """Yield what is varied already at a place, above it or below it."""
    for length in range(1, len(place) + 1):
        if place[:length] in taken:
            yield taken[place[:length]]
    for other, one in taken.items():
        if len(other) > len(place) and other[: len(place)] == place:
            yield one


def _size(variation: Variation) -> Iterator[Finding]:
    """Check that there is something to do, and not without end."""
    if not variation.grid and variation.sample is None:
        yield Finding((), "varies nothing", "write 'grid' or 'sample'")
    if variation.count > MOST_VARIANTS:
        message = f"{variation.count:,} variants are more than {MOST_VARIANTS:,}"
        yield Finding(("grid",), message, "give fewer values, or draw a sample")

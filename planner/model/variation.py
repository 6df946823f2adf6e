"""What a sweep varies: a grid of values, and draws from distributions, for fields of a scenario."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from planner.model.schema import Document, Label, Number, Positive, PositiveCount, Text

Seed = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
WAYS = ("set", "scale", "add")
"""What is done with a value: put in place, multiplied with, or added to what is given."""

KINDS = ("uniform", "triangular", "lognormal", "choice")
"""The distributions."""


def _as_set(value: Any) -> Any:
    """Read a bare list as values to put in place."""
    return {"set": value} if isinstance(value, list) else value


class GridValues(Document):
    """The values of one field, one after the other: exactly one of the three."""

    set: tuple[Any, ...] | None = Field(default=None, min_length=1, description="values themselves")
    scale: tuple[Number, ...] | None = Field(
        default=None, min_length=1, description="factors on the value given"
    )
    add: tuple[Number, ...] | None = Field(
        default=None, min_length=1, description="what is added to the value given"
    )


class Uniform(Document):
    """Equally likely between two ends."""

    low: Number = Field(description="lower end")
    high: Number = Field(description="upper end")


class Triangular(Document):
    """Most likely in one place, never beyond the ends."""

    low: Number = Field(description="lower end")
    mode: Number = Field(description="most likely value")
    high: Number = Field(description="upper end")


class Lognormal(Document):
    """Positive, and as likely half as double."""

    median: Positive = Field(description="median")
    sigma: Positive = Field(le=5, description="standard deviation of the natural logarithm")


class Distribution(Document):
    """Where values are drawn from: exactly one of the four."""

    uniform: Uniform | None = Field(default=None, description="low and high")
    triangular: Triangular | None = Field(default=None, description="low, mode and high")
    lognormal: Lognormal | None = Field(default=None, description="median and sigma")
    choice: tuple[Any, ...] | None = Field(
        default=None, min_length=1, description="values of which each is equally likely"
    )


class DrawnValues(Document):
    """The distribution of one field: exactly one of the three."""

    set: Distribution | None = Field(default=None, description="of the value itself")
    scale: Distribution | None = Field(default=None, description="of a factor on the value given")
    add: Distribution | None = Field(default=None, description="of what is added to it")


class Sample(Document):
    """Draws: each field its own distribution, all fields at once."""

    count: PositiveCount = Field(description="number of draws")
    seed: Seed = Field(default=0, description="seed of the draws")
    fields: dict[str, DrawnValues] = Field(
        min_length=1, description="path of a field to its distribution"
    )


class Variation(Document):
    """What a sweep varies; with a grid and a sample, every draw at every point of the grid."""

    variation: Label = Field(default="sweep", description="name of the variation")
    description: Text = Field(default="", description="what it is about")
    grid: dict[str, Annotated[GridValues, BeforeValidator(_as_set)]] = Field(
        default={}, description="path of a field to its values"
    )
    sample: Sample | None = Field(default=None, description="draws; none without it")

    @property
    def count(self) -> int:
        """Number of variants."""
        count = 1 if self.sample is None else self.sample.count
        for values in self.grid.values():
            count *= max(1, len(given(values)[1] or ()))
        return count


def given(values: GridValues | DrawnValues | Distribution) -> tuple[str, Any]:
    """Return the one way, or kind, that is given, and what stands there.

    Examples
    --------
    >>> given(GridValues(scale=(1.0, 2.0)))
    ('scale', (1.0, 2.0))
    """
    names = [name for name in type(values).model_fields if getattr(values, name) is not None]
    return (names[0], getattr(values, names[0])) if names else ("", None)

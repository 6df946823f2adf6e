"""What a model expects at a path: its keys, bounds, words and description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from planner.model.finding import Path

Bound = tuple[float, bool]


@dataclass(frozen=True)
class Shape:
    """What may stand at one place.

    Attributes
    ----------
    annotation : type
        The type there, without ``Annotated`` and ``None``.
    keys : tuple of str
        Known keys, as written in a file; empty where keys are free or there are none.
    choices : tuple of str
        Known words.
    lower, upper : (float, bool) or None
        Bounds of a number and whether they are allowed themselves.
    description : str
        What the field is for.
    """

    annotation: Any
    keys: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    lower: Bound | None = None
    upper: Bound | None = None
    description: str = ""


def shape_at(model: type[BaseModel], path: Path) -> Shape:
    """Return what `model` expects at `path`; an empty shape where it expects nothing.

    Examples
    --------
    >>> from planner.model.topology import Region
    >>> shape = shape_at(Region, ("latitude_deg",))
    >>> shape.lower, shape.upper
    ((-90.0, True), (90.0, True))
    """
    shape = _shape(model)
    for step in path:
        shape = _inside(shape, step)
    return shape


def key_of(name: str, field: FieldInfo) -> str:
    """Return a field's key in a file."""
    return field.alias or name


def bare(annotation: Any) -> Any:
    """Return a type without ``Annotated`` and ``None``."""
    return _shape(annotation).annotation


def _inside(shape: Shape, step: str | int) -> Shape:
    """Return the shape one step further in."""
    kind, arguments = get_origin(shape.annotation), get_args(shape.annotation)
    if kind is dict:
        return _described(_shape(arguments[1]), shape.description)
    if kind is tuple:
        return _described(_shape(arguments[0]), shape.description)
    if isinstance(shape.annotation, type) and issubclass(shape.annotation, BaseModel):
        for name, field in shape.annotation.model_fields.items():
            if key_of(name, field) == step:
                found = _shape(field.annotation, tuple(field.metadata))
                return _described(found, field.description or "")
    return Shape(NoneType)


def _described(shape: Shape, description: str) -> Shape:
    """Add a description where there is none."""
    return shape if shape.description else replace(shape, description=description)


def _shape(annotation: Any, rules: tuple[Any, ...] = ()) -> Shape:
    """Unwrap an annotation; `rules` are those that stand at the field itself."""
    bare, found = annotation, list(rules)
    for layer in _layers(annotation):
        bare = layer
        for rule in getattr(layer, "__metadata__", ()):
            found += rule.metadata if isinstance(rule, FieldInfo) else (rule,)
    lowers = [bound for rule in found if (bound := _bound(rule, "ge", "gt"))]
    uppers = [bound for rule in found if (bound := _bound(rule, "le", "lt"))]
    keys: tuple[str, ...] = ()
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        keys = tuple(key_of(name, field) for name, field in bare.model_fields.items())
    choices = tuple(map(str, get_args(bare))) if get_origin(bare) is Literal else ()
    # The bounds of `regions: Count = Field(le=3)` are those of both; the tighter one rules.
    return Shape(bare, keys, choices, max(lowers, default=None), min(uppers, default=None))


def _layers(annotation: Any) -> Iterator[Any]:
    """Go inward through ``Annotated`` and ``… | None``."""
    yield annotation
    kind = get_origin(annotation)
    if kind is Annotated:
        yield from _layers(get_args(annotation)[0])
    elif kind in (Union, UnionType):
        kinds = [part for part in get_args(annotation) if part is not NoneType]
        yield from _layers(kinds[0])


def _bound(rule: Any, inclusive: str, exclusive: str) -> Bound | None:
    """Return a bound that a rule states."""
    for name, allowed in ((inclusive, True), (exclusive, False)):
        value = getattr(rule, name, None)
        if value is not None:
            return float(value), allowed
    return None

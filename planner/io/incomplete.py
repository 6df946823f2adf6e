"""A scenario with holes: what is right of a document in which something is wrong.

With it the cross-checks run although a field elsewhere is wrong, so that one message names every
fault.  Where a field is wrong or missing the object simply lacks it: access raises
`AttributeError`, and the check that needs it is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, TypeAdapter

from planner.io.shapes import bare, key_of
from planner.model.finding import Path

Model = TypeVar("Model", bound=BaseModel)

_HOLE = object()


def with_holes(model: type[Model], data: Any, wrong: Iterable[Path]) -> Model:
    """Build `model` from what is right of `data`.

    Parameters
    ----------
    model : type
        The model.
    data : plain data
        What was read; anything else than a mapping gives a model without fields.
    wrong : iterable of paths
        Where something is wrong or missing; all of it, as seen from `data`.

    Returns
    -------
    Model
        Not validated as a whole; fields at or missing from the wrong paths are absent.
    """
    given, below = (data if isinstance(data, dict) else {}), list(wrong)
    whole = isinstance(data, dict)
    instance = model.model_construct()
    for name, field in model.model_fields.items():
        key = key_of(name, field)
        inner = [path[1:] for path in below if path[:1] == (key,)]
        value: Any = _HOLE
        if () in inner and not isinstance(given.get(key), dict):
            value = _HOLE
        elif key in given:
            rules = tuple(field.metadata)
            kind = Annotated[(field.annotation, *rules)] if rules else field.annotation
            value = _value(kind, given[key], inner)
        elif whole and not field.is_required() and not inner:
            value = field.get_default(call_default_factory=True)
        instance.__dict__.pop(name, None)
        if value is not _HOLE:
            instance.__dict__[name] = value
    return instance


def _value(annotation: Any, data: Any, wrong: list[Path]) -> Any:
    """Return a value, a value with holes, or a hole."""
    if not wrong:
        return TypeAdapter(annotation).validate_python(data)
    kind = bare(annotation)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return with_holes(kind, data, wrong)
    if get_origin(kind) is dict and isinstance(data, dict) and () not in wrong:
        return _members(get_args(kind)[1], data, wrong)
    return _HOLE


def _members(annotation: Any, data: dict[Any, Any], wrong: list[Path]) -> dict[Any, Any]:
    """Return a mapping; members that are models stay, if need be without fields."""
    members = {}
    for key, value in data.items():
        member = _value(annotation, value, [path[1:] for path in wrong if path[:1] == (key,)])
        if member is not _HOLE:
            members[key] = member
    return members

"""What the models find wrong, in sentences of ours.

The models say which rule was broken where; here the rule, its bounds and the field's description
become one sentence and a cure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from planner.io.shapes import Shape, shape_at
from planner.model.finding import Finding, Path, near_miss, quoted, shorten

_ABSURD = 1_000_000
"""Upper bounds from here on only keep absurd numbers out, and are not named as a range."""


def findings(error: ValidationError, model: type[BaseModel]) -> list[Finding]:
    """Turn everything that a model found wrong into findings, one a place.

    Parameters
    ----------
    error : ValidationError
        As raised by `model`.
    model : type
        The root model.

    Returns
    -------
    list of Finding
        In the order of the model's fields; without those that only follow from another one.
    """
    details = error.errors(include_url=False)
    unknown = [d for d in details if d["type"] == "extra_forbidden"]
    renamed = {path for d in unknown if (path := _meant(d, model)) is not None}
    found: dict[Path, Finding] = {}
    for detail in details:
        path = _path(detail)
        follows = detail["type"] == "missing" and path in renamed
        if not follows and not _is_echo(detail):
            found.setdefault(path, _finding(detail, path, model))
    return list(found.values())


def wrong_paths(error: ValidationError, model: type[BaseModel]) -> list[Path]:
    """Return every place where a model found something wrong, or that an unknown key meant."""
    details = error.errors(include_url=False)
    meant = (_meant(d, model) for d in details if d["type"] == "extra_forbidden")
    return [*(_path(d) for d in details), *(path for path in meant if path is not None)]


def _path(detail: ErrorDetails) -> Path:
    """Return the place without the validator's own steps."""
    path = tuple(step for step in detail["loc"] if step != "[key]")
    return path[: path.index("basis") + 1] if "basis" in path else path


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether a container is called short only because its members are wrong."""
    return detail["type"] == "too_short" and len(detail["input"]) > 0


def _meant(detail: ErrorDetails, model: type[BaseModel]) -> Path | None:
    """Return the path of the known key that an unknown one comes close to."""
    path = _path(detail)
    cure = near_miss(str(path[-1]), shape_at(model, path[:-1]).keys)
    match = re.search(r"did you mean '(.*)'", cure)
    return (*path[:-1], match.group(1)) if match else None


def _finding(detail: ErrorDetails, path: Path, model: type[BaseModel]) -> Finding:
    """Write the sentence and the cure for one broken rule."""
    if path and path[-1] == "basis":
        message = "must be text, or a mapping from field to text"
        return Finding(path, message, "write 'ours' or the source")
    shape = shape_at(model, path)
    if detail["type"] == "extra_forbidden":
        known = shape_at(model, path[:-1]).keys
        message = f"unknown key '{shorten(path[-1])}'"
        return Finding(path, message, near_miss(str(path[-1]), known) or "take it out")
    if detail["loc"][-1] == "[key]":
        rule, example = pattern_rule(str(detail.get("ctx", {}).get("pattern", "")))
        return Finding(path, f"the key {shown(detail['input'])} is not {rule}", example)
    write = _SENTENCES.get(detail["type"], _any_rule)
    message, cure = write(detail, shape)
    return Finding(path, message, cure)


def _missing(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say what a missing field is for."""
    return f"missing ({shape.description})" if shape.description else "missing", ""


def _number(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say that something is not a number."""
    value = detail["input"]
    if isinstance(value, str):
        return f"{shown(value)} is text, not a number", "write plain digits, without quotes or unit"
    return f"{shown(value)} is not a number", "write plain digits"


def _whole(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say that something is not a whole number."""
    value = detail["input"]
    if isinstance(value, float) and math.isfinite(value):
        return f"{shown(value)} is not a whole number", "write plain digits"
    return _finite(detail, shape) if isinstance(value, float) else _number(detail, shape)


def _text(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say that something is not text."""
    value = detail["input"]
    if value is None or isinstance(value, dict | list):
        return f"{shown(value)} is not text", "write text"
    return f"{shown(value)} is not text", f'put it in quotes: "{shorten(_plain(value))}"'


def _pattern(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say which form text must have."""
    rule, example = pattern_rule(str(detail["ctx"]["pattern"]))
    return f"{shown(detail['input'])} is not {rule}", example


def _range(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say which range a number is outside of."""
    low, high = shape.lower, shape.upper
    value = shown(detail["input"])
    if high is not None and high[0] >= _ABSURD and detail["type"].startswith("less"):
        return f"{value} is absurdly large; at most {_plain(high[0])}", "check the unit"
    if low is not None and high is not None and high[0] < _ABSURD:
        left, right = "[" if low[1] else "(", "]" if high[1] else ")"
        return f"{value} is outside {left}{_plain(low[0])}, {_plain(high[0])}{right}", ""
    if low is not None:
        return f"{value} is {'less than' if low[1] else 'not above'} {_plain(low[0])}", ""
    return f"{value} is out of range", ""


def _finite(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say that a number is not finite."""
    kind = "not a number (NaN)" if math.isnan(detail["input"]) else "infinite"
    return f"is {kind}", "write a finite number"


def _choice(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say which words are known."""
    return f"{shown(detail['input'])} is not one of the words known here", near_miss(
        str(detail["input"]), shape.choices
    )


def _truth(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say that something is neither true nor false."""
    return f"{shown(detail['input'])} is not a truth value", "write true or false"


def _mapping(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say that something is not a mapping."""
    keys = f"such as '{shape.keys[0]}'" if shape.keys else "each with its value"
    return f"{shown(detail['input'])} is not a mapping", f"write keys below it, {keys}"


def _list(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say that something is not a list."""
    return f"{shown(detail['input'])} is not a list", "write it as [a, b]"


def _empty(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say that at least one member is needed."""
    return "is empty", f"give at least one ({shape.description})"


def _long(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say that text is too long."""
    length, limit = len(detail["input"]), detail["ctx"]["max_length"]
    return f"{length} characters are too long; at most {limit}", "shorten it"


def _own(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Pass on the sentence of a rule of our own."""
    value, text = detail["input"], str(detail["ctx"]["error"])
    if "quantity" in text:
        cure = "write it such as '500m', '2' or '1.5Gi'"
        return f"{shown(value)} is not a Kubernetes quantity", cure
    return f"{shown(value)} {text}", ""


def _any_rule(detail: ErrorDetails, shape: Shape) -> tuple[str, str]:
    """Say only that a value does not fit, for rules without a sentence."""
    about = f" ({shape.description})" if shape.description else ""
    return f"{shown(detail['input'])} does not fit here{about}", "see 'planner schema'"


_SENTENCES: dict[str, Callable[[ErrorDetails, Shape], tuple[str, str]]] = {
    "missing": _missing,
    "float_type": _number,
    "int_type": _whole,
    "int_from_float": _whole,
    "string_type": _text,
    "string_pattern_mismatch": _pattern,
    **dict.fromkeys(("greater_than", "greater_than_equal", "less_than", "less_than_equal"), _range),
    "finite_number": _finite,
    "literal_error": _choice,
    "bool_type": _truth,
    "dict_type": _mapping,
    "model_type": _mapping,
    "tuple_type": _list,
    "too_short": _empty,
    "string_too_long": _long,
    "value_error": _own,
}

_LABEL = "lower-case letters, digits and hyphens, at most 63, neither first nor last a hyphen"
_PATTERNS: tuple[tuple[str, str, str], ...] = (
    (r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "a DNS-1123 label", f"use {_LABEL}"),
    (r"^([a-z0-9]", "a DNS name", "write it in lower case, such as 'api.example.com'"),
    (r"^[A-Z]{2}$", "an ISO 3166-1 country code", "use two capitals, such as 'TW'"),
    (r"^[A-Z]{3}$", "a metro code", "use three capitals, such as 'TPE'"),
    (r"^[A-Za-z0-9](", "an origin code", "use letters, digits and hyphens, such as 'TW'"),
    (r"^[0-9]{4}-", "a month", "write it as '2027-01'"),
    (r"^/", "an absolute path", "use letters, digits and . _ - / only, from the root"),
)


def pattern_rule(pattern: str) -> tuple[str, str]:
    """Return in words what a pattern asks for, and a cure."""
    for start, rule, cure in _PATTERNS:
        if pattern.startswith(start):
            return rule, cure
    return "in the form needed here", "see 'planner schema'"


def shown(value: object) -> str:
    """Write a value as a sentence names it."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return shorten(_plain(value))


def _plain(value: object) -> str:
    """Write a number or truth value as YAML does."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def only_outside(found: Iterable[Finding], spoilt: Iterable[Path]) -> list[Finding]:
    """Leave out what concerns values that another fault names already."""
    roots = tuple(spoilt)
    return [f for f in found if not any(f.path[: len(root)] == root for root in roots)]

"""Pieces of PromQL: the one place where a name becomes a label value, a number or a duration."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from planner.errors import UnfaithfulExport

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def label_value(value: str) -> str:
    r"""Quote a label's value.

    Parameters
    ----------
    value : str
        Any printable text.

    Returns
    -------
    str
        In double quotes, backslashes and quotes escaped: a PromQL string, as in Go.

    Raises
    ------
    UnfaithfulExport
        If it holds what cannot be printed, a line break say: no name of a plan does.

    Examples
    --------
    >>> label_value('taipei"} or vector(1) #')
    '"taipei\\"} or vector(1) #"'
    """
    if not value.isprintable():
        raise UnfaithfulExport(f"{value!r} cannot be a label's value: it holds control characters")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def select(metric: str, /, **labels: str) -> str:
    """Return a selector of series by name and equal labels.

    Parameters
    ----------
    metric : str
        Name of the metric or recorded series.
    **labels : str
        Label to value.

    Raises
    ------
    UnfaithfulExport
        If a name is none of PromQL's.

    Examples
    --------
    >>> select("up", job="node", region="tokyo")
    'up{job="node",region="tokyo"}'
    """
    if not _NAME.fullmatch(metric) or not all(map(_LABEL.fullmatch, labels)):
        raise UnfaithfulExport(f"{metric!r} with {sorted(labels)} is no selector of PromQL")
    inside = ",".join(f"{name}={label_value(value)}" for name, value in labels.items())
    return f"{metric}{{{inside}}}" if inside else metric


def any_of(names: Iterable[str]) -> str:
    """Return an anchored regular expression that matches some metric names and no others.

    Examples
    --------
    >>> any_of(["up", "probe_success"])
    'up|probe_success'
    """
    found = list(names)
    if not all(map(_NAME.fullmatch, found)):
        raise UnfaithfulExport(f"{found} are not all names of metrics")
    return "|".join(found)


def number(value: float) -> str:
    """Write a number: at most 9 significant digits, never an exponent's surprise.

    Examples
    --------
    >>> number(27), number(0.464424882), number(0.1 + 0.2)
    ('27', '0.464424882', '0.3')
    """
    if not math.isfinite(value):
        raise UnfaithfulExport(f"{value} is no number that a rule can hold")
    return f"{value:.9g}"


def vector(value: float) -> str:
    """Return the expression of one number without labels.

    Examples
    --------
    >>> vector(0.5)
    'vector(0.5)'
    """
    return f"vector({number(value)})"


def duration(seconds: float) -> str:
    """Write a duration in whole seconds, rounded up: a wait is never shorter than planned.

    Examples
    --------
    >>> duration(180.0), duration(32.5)
    ('180s', '33s')
    """
    return f"{math.ceil(round(seconds, 6))}s"

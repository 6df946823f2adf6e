"""Text that could break out of where it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from planner.model.finding import Finding, Path
from planner.model.scenario import Scenario

FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
"""Control characters, line separators and marks that turn the direction of text."""


def text_findings(scenario: Scenario) -> Iterator[Finding]:
    """Find line breaks, tabs and control characters; only `description` may have several lines.

    Parameters
    ----------
    scenario : Scenario
        The scenario; absent fields are passed over.

    Yields
    ------
    Finding
        Its path, sentence and cure.
    """
    for path, text in _texts(scenario, ()):
        bad = FORBIDDEN.search(text)
        if bad is not None:
            message = f"holds the control character U+{ord(bad.group()):04X}"
            yield Finding(path, message, "remove it")
        elif path != ("description",) and ("\n" in text or "\t" in text):
            kind = "line break" if "\n" in text else "tab"
            yield Finding(path, f"holds a {kind}", "write it in one line, without tabs")


def one_line(text: str) -> bool:
    """Whether text is free of what `text_findings` finds, so that other checks may speak of it."""
    return FORBIDDEN.search(text) is None and "\n" not in text and "\t" not in text


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Walk over all text below a value."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _texts(getattr(value, name, None), (*path, field.alias or name))
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _texts(member, (*path, key))
    elif isinstance(value, tuple):
        for position, member in enumerate(value):
            yield from _texts(member, (*path, position))

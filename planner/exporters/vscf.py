"""The configuration language of gdnsd (vscf): nested hashes, arrays and quoted strings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from planner.errors import UnfaithfulExport

Value = str | int | float | bool | Sequence["Value"] | Mapping[str, "Value"]

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_PRINTABLE = re.compile(r"[\x20-\x7e]*\Z")


def vscf(values: Mapping[str, Value], depth: int = 0) -> str:
    """Write a hash, one key a line.

    Parameters
    ----------
    values : mapping of str to value
        Keys and values; strings are always quoted, arrays stand on one line.
    depth : int, default: 0
        How far it is indented.

    Returns
    -------
    str
        Lines with a final newline, without the braces around them.

    Raises
    ------
    UnfaithfulExport
        If a text has control or other than ASCII characters.

    Examples
    --------
    >>> print(vscf({"a": {"b": ["x", 1]}, "c d": True}), end="")
    a => {
      b => [ "x", 1 ]
    }
    "c d" => true
    """
    indent = "  " * depth
    lines = []
    for key, value in values.items():
        name = key if _BARE.match(key) else _quoted(key)
        if isinstance(value, Mapping):
            lines.append(f"{indent}{name} => {{\n{vscf(value, depth + 1)}{indent}}}\n")
        else:
            lines.append(f"{indent}{name} => {_plain(value)}\n")
    return "".join(lines)


def _plain(value: Value) -> str:
    """Write what stands on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, (int, float)):
        return f"{value:.9f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f"[ {', '.join(_plain(item) for item in value)} ]"


def _quoted(text: str) -> str:
    """Quote a string; backslash and quote are escaped."""
    if not _PRINTABLE.match(text):
        raise UnfaithfulExport(f"{text!r} cannot stand in a configuration of gdnsd")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

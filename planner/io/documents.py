"""YAML in, with the line of everything; YAML out, in a stable form.

Read with the semantics of a safe loader and YAML 1.2's scalars: only ``true`` and ``false`` are
booleans (so the country code ``NO`` stays text), dates and ``1:30`` are text, and a number is
decimal (``012``, ``0x1F`` and ``1_000`` are text).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from planner.errors import Fault, InvalidInput
from planner.io.nodes import NodeBuilder, Refused, Tree
from planner.io.texts import read_text

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read_document(path: Path, shown: str | None = None) -> Tree:
    """Read one YAML document whose root is a mapping.

    Parameters
    ----------
    path : Path
        The file; at most 5 MB of UTF-8.
    shown : str, optional
        Name of the file in faults; `path` without it.

    Returns
    -------
    Tree
        The document's plain data, the line of every value, and the faults that do not keep the
        rest from being read (duplicate keys, tags, control characters).

    Raises
    ------
    InvalidInput
        If nothing can be read: no such file, a folder, too large, not UTF-8, empty, not YAML,
        nested deeper than 50 levels, too many aliases, more than one document, not a mapping.
    """
    shown = str(path) if shown is None else shown
    return parse_document(read_text(path, shown), shown)


def parse_document(text: str, shown: str) -> Tree:
    r"""Read one YAML document from text; see `read_document`.

    Examples
    --------
    >>> tree = parse_document("norway: NO\nusers: 1e3\n", "example.yaml")
    >>> tree.root.data
    {'norway': 'NO', 'users': 1000.0}
    >>> tree.line(("users",))
    2
    """
    builder = NodeBuilder(shown)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.feed(event)
    except Refused as refused:
        raise InvalidInput([*builder.faults, refused.fault]) from None
    except yaml.YAMLError as error:
        raise InvalidInput([*builder.faults, _syntax_fault(error, text, shown)]) from None
    if builder.root is None:
        cure = "start from a shipped scenario"
        raise InvalidInput([Fault(shown, None, "", "is empty", cure)])
    if not isinstance(builder.root.data, dict):
        message = "the document must be a mapping of keys to values"
        cure = "start it with a line such as 'scenario: NAME'"
        raise InvalidInput([Fault(shown, builder.root.line, "", message, cure)])
    return Tree(shown, builder.root, tuple(builder.faults), frozenset(builder.spoilt))


def _syntax_fault(error: yaml.YAMLError, text: str, shown: str) -> Fault:
    """Say where and why the text is not YAML."""
    mark = getattr(error, "problem_mark", None)
    start = getattr(error, "context_mark", None)
    if start is not None and mark is not None and mark.line >= text.count("\n"):
        mark = (
            start  # What is never closed is better named by its beginning than by the file's end.
        )
    line = mark.line + 1 if mark is not None else None
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable")
    if "nesting depth" in problem:
        return Fault(shown, line, "", "nested deeper than 50 levels", "flatten the document")
    if line is not None and line <= text.count("\n") and "\t" in text.split("\n")[line - 1]:
        cure = "indent with spaces, not tabs"
    else:
        cure = "check quotes, brackets and indentation there and in the line before"
    return Fault(shown, line, "", f"not YAML: {problem}", cure)


class OneLine(list[Any]):
    """A sequence that is written on one line: a day's numbers, say."""


class _StableDumper(_DUMPER):  # type: ignore[misc]
    """Block style, keys in the order given, never an alias."""

    def ignore_aliases(self, data: object) -> bool:
        """Write everything out in full."""
        return True


def _represent_text(dumper: Any, text: str) -> Any:
    """Write text of several lines as a block."""
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_line(dumper: Any, items: OneLine) -> Any:
    """Write a sequence on one line."""
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)


_StableDumper.add_representer(str, _represent_text)
_StableDumper.add_representer(OneLine, _represent_line)
# Readers of YAML 1.2 and of Go take these for numbers or booleans; PyYAML alone would not quote.
_StableDumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
    list("-+0123456789."),
)
_StableDumper.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?0[ox][0-9a-fA-F]+$"), list("-+0")
)
_StableDumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))


def dump_documents(*documents: Any) -> str:
    """Write YAML documents: block style, keys in the order given, no aliases, unicode.

    Parameters
    ----------
    *documents : plain data
        Mappings, sequences, text, numbers, booleans, None; a `OneLine` takes one line.

    Returns
    -------
    str
        The documents, parted by ``---``; the same data gives the same text.

    Raises
    ------
    TypeError
        If something is not plain data (a numpy number, say).

    Examples
    --------
    >>> print(dump_documents({"country": "NO", "digest": "1e3", "cores": 2}), end="")
    country: 'NO'
    digest: '1e3'
    cores: 2
    >>> print(dump_documents({"replicas": OneLine([2, 3, 3])}), end="")
    replicas: [2, 3, 3]
    """
    try:
        text: str = yaml.dump_all(
            documents,
            Dumper=_StableDumper,
            default_flow_style=False,
            sort_keys=False,
            allow_unicode=True,
            explicit_start=len(documents) > 1,
            width=2**31 - 1,
        )
    except yaml.representer.RepresenterError as error:
        raise TypeError(f"`documents` must be plain data: {error}") from error
    return text

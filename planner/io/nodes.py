"""YAML events made into plain data that remembers its lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from planner.errors import Fault
from planner.model.finding import Path, dotted, quoted
from planner.model.text_checks import FORBIDDEN

MAX_DEPTH = 50
MAX_ALIASES = 100
MAX_ALIASED_NODES = 100_000

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAGS = {
    yaml.ScalarEvent: "tag:yaml.org,2002:str",
    yaml.SequenceStartEvent: "tag:yaml.org,2002:seq",
    yaml.MappingStartEvent: "tag:yaml.org,2002:map",
}


@dataclass(slots=True)
class Node:
    """A value with its line; that of a mapping's value is its key's line."""

    line: int
    data: Any
    children: dict[str, Node] | list[Node] | None = None
    size: int = 1
    height: int = 0


@dataclass(frozen=True)
class Tree:
    """A document.

    Attributes
    ----------
    file : str
        Name of the file in faults.
    root : Node
        Its `data` is plain Python: dict, list, str, int, float, bool, None.
    faults : tuple of Fault
        What is wrong although the rest could be read.
    spoilt : frozenset of paths
        Values that a fault names already, so that nothing more need be said about them.
    """

    file: str
    root: Node
    faults: tuple[Fault, ...]
    spoilt: frozenset[Path]

    def line(self, path: Sequence[str | int]) -> int:
        """Return the line of a value, or of the deepest part of `path` that there is."""
        node = self.root
        for step in path:
            children = node.children
            if isinstance(children, dict) and step in children:
                node = children[str(step)]
            elif isinstance(children, list) and isinstance(step, int) and step < len(children):
                node = children[step]
            else:
                break
        return node.line


class Refused(Exception):
    """The document cannot be read any further."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(slots=True)
class _Frame:
    """A mapping or sequence that is still open."""

    node: Node
    anchor: str | None
    key: str | None = None
    key_line: int = 0
    merged: list[Node] = field(default_factory=list)


class NodeBuilder:
    """Builds one document from parser events, without recursion.

    Attributes
    ----------
    root : Node or None
        The finished document.
    faults, spoilt
        As in `Tree`.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self.spoilt: set[Path] = set()
        self._stack: list[_Frame] = []
        self._anchors: dict[str, Node | None] = {}
        self._aliases = self._aliased_nodes = 0

    def feed(self, event: Any) -> None:
        """Take the next event of `yaml.parse`."""
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event, event.start_mark.line + 1)

    def _document(self, event: Any, line: int) -> None:
        """Refuse a second document."""
        if self.root is not None:
            raise self._refused(line, "holds more than one document", "keep one and drop the rest")

    def _scalar(self, event: Any, line: int) -> None:
        """Take a scalar: a key, or a value."""
        frame = self._stack[-1] if self._stack else None
        mapping = frame is not None and isinstance(frame.node.children, dict)
        if frame is not None and mapping and frame.key is None:
            frame.key, frame.key_line = event.value, line
            self._check_text(event.value, line)
            if event.anchor:
                self._anchors[event.anchor] = Node(line, event.value)
            return
        node = Node(line, self._value(event, line))
        if event.anchor:
            self._anchors[event.anchor] = node
        self._attach(node)

    def _value(self, event: Any, line: int) -> Any:
        """Resolve a scalar by its tag, its quotes and its form."""
        self._check_tag(event, line)
        self._check_text(event.value, line)
        return event.value if event.tag or event.implicit[1] else resolved(event.value)

    def _open(self, event: Any, line: int) -> None:
        """Open a mapping or sequence."""
        self._refuse_as_key(line)
        if len(self._stack) >= MAX_DEPTH:
            raise self._refused(
                line, f"nested deeper than {MAX_DEPTH} levels", "flatten the document"
            )
        self._check_tag(event, line)
        mapping = isinstance(event, yaml.MappingStartEvent)
        node = Node(line, {}, {}) if mapping else Node(line, [], [])
        if event.anchor:
            self._anchors[event.anchor] = None
        self._stack.append(_Frame(node, event.anchor))

    def _close(self, event: Any, line: int) -> None:
        """Close the innermost mapping or sequence and hand it to its parent."""
        frame = self._stack.pop()
        for source in frame.merged:
            self._merge(frame.node, source, line)
        if frame.anchor:
            self._anchors[frame.anchor] = frame.node
        self._attach(frame.node)

    def _alias(self, event: Any, line: int) -> None:
        """Take a copy of an anchored value."""
        self._refuse_as_key(line)
        if event.anchor not in self._anchors:
            cure = "give some value that anchor before"
            raise self._refused(
                line, f"no anchor {quoted('&' + event.anchor)} stands before the alias", cure
            )
        target = self._anchors[event.anchor]
        if target is None:
            raise self._refused(
                line, f"the alias {quoted('*' + event.anchor)} holds itself", "write it out"
            )
        self._aliases += 1
        self._aliased_nodes += target.size
        if self._aliases > MAX_ALIASES or self._aliased_nodes > MAX_ALIASED_NODES:
            raise self._refused(line, "too many aliases", "write the values out")
        if len(self._stack) + target.height > MAX_DEPTH:
            raise self._refused(
                line, f"nested deeper than {MAX_DEPTH} levels", "flatten the document"
            )
        self._attach(Node(line, target.data, target.children, target.size, target.height))

    def _attach(self, node: Node) -> None:
        """Put a finished value into its parent."""
        if not self._stack:
            self.root = node
            return
        frame = self._stack[-1]
        parent, children = frame.node, frame.node.children
        if isinstance(children, dict):
            self._put(frame, node)
        elif isinstance(children, list):
            children.append(node)
            parent.data.append(node.data)
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)

    def _put(self, frame: _Frame, node: Node) -> None:
        """Put a value under the key that waits for it."""
        key, node.line = str(frame.key), frame.key_line
        children: Any = frame.node.children
        if key == "<<":
            frame.merged += node.children if isinstance(node.children, list) else [node]
        elif key in children:
            message = f"{quoted(key)} is given already in line {children[key].line}"
            path, cure = dotted(self._path()), "keep one of the two"
            self.faults.append(Fault(self.file, node.line, path, message, cure))
        else:
            children[key] = node
            frame.node.data[key] = node.data
        frame.key = None

    def _merge(self, node: Node, source: Node, line: int) -> None:
        """Fill in the keys of a merged mapping (``<<: *anchor``) that are not given."""
        children: Any = node.children
        if not isinstance(source.children, dict):
            raise self._refused(source.line, "'<<' merges mappings only", "write the keys out")
        for key, child in source.children.items():
            if key not in children:
                children[key] = child
                node.data[key] = child.data

    def _path(self) -> Path:
        """Return the path of the value that comes next."""
        steps: list[str | int] = []
        for frame in self._stack:
            children = frame.node.children
            steps.append(len(children) if isinstance(children, list) else str(frame.key))
        return tuple(steps)

    def _check_tag(self, event: Any, line: int) -> None:
        """Note a tag that is not the value's own."""
        if event.tag in (None, "!", _TAGS[type(event)]):
            return
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        self._spoil(line, f"the tag {quoted(tag)} is not allowed", "write the plain value")

    def _check_text(self, text: str, line: int) -> None:
        """Note a control character that came in as an escape."""
        found = FORBIDDEN.search(text)
        if found is not None:
            name = f"U+{ord(found.group()):04X}"
            self._spoil(line, f"holds the control character {name}", "remove it")

    def _spoil(self, line: int, message: str, cure: str) -> None:
        """Note a fault of the value that comes next."""
        path = self._path()
        self.spoilt.add(path)
        self.faults.append(Fault(self.file, line, dotted(path), message, cure))

    def _refuse_as_key(self, line: int) -> None:
        """Refuse anything but a scalar where a key must stand."""
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.node.children, dict) and frame.key is None:
            raise self._refused(line, "a key must be plain text", "write 'key: value'")

    def _refused(self, line: int, message: str, cure: str) -> Refused:
        """Make the fault that ends the reading."""
        return Refused(Fault(self.file, line, "", message, cure))


_HANDLERS: dict[type[yaml.Event], Callable[[NodeBuilder, Any, int], None]] = {
    yaml.DocumentStartEvent: NodeBuilder._document,
    yaml.ScalarEvent: NodeBuilder._scalar,
    yaml.SequenceStartEvent: NodeBuilder._open,
    yaml.MappingStartEvent: NodeBuilder._open,
    yaml.SequenceEndEvent: NodeBuilder._close,
    yaml.MappingEndEvent: NodeBuilder._close,
    yaml.AliasEvent: NodeBuilder._alias,
}


def resolved(text: str) -> str | int | float | bool | None:
    """Resolve an unquoted scalar.

    Examples
    --------
    >>> [resolved(text) for text in ("NO", "1:30", "012", "12", "1e3", "true", "~")]
    ['NO', '1:30', '012', 12, 1000.0, True, None]
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) <= 40:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text

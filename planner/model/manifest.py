"""A manifest: a relative path and what is to stand there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """One file that an exporter hands over.

    Attributes
    ----------
    path : PurePosixPath
        Relative path below the export folder; never absolute, never with ``..``.
    content : tuple of dict, or str
        YAML documents in order, or the text of the file.
    executable : bool
        Whether the file is a script.
    """

    path: PurePosixPath
    content: tuple[Document, ...] | str
    executable: bool = False

    def __post_init__(self) -> None:
        if self.path.is_absolute() or ".." in self.path.parts:
            raise ValueError("`path` must be relative and stay below the export folder")

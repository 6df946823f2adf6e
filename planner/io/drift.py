"""What differs between files and what they should be, line by line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from difflib import unified_diff
from pathlib import Path

from planner.io.manifests import render
from planner.model.manifest import Manifest


def file_differences(
    manifests: Iterable[Manifest], folder: str | os.PathLike[str]
) -> Iterator[str]:
    """Yield a unified diff of each file that stands there and differs.

    Parameters
    ----------
    manifests : iterable of Manifest
        What should stand there.
    folder : path-like or str
        The export folder.

    Yields
    ------
    str
        From the file as it is to the file as it should be. A missing file has no lines to compare:
        `planner.io.manifests.stale_manifests` names it.
    """
    for manifest in sorted(manifests, key=lambda manifest: manifest.path):
        path = Path(folder) / manifest.path
        wanted = render(manifest)
        try:
            found = path.read_bytes()
        except OSError:
            continue
        if found != wanted:
            yield _difference(str(manifest.path), found, wanted)


def _difference(path: str, found: bytes, wanted: bytes) -> str:
    """Return the unified diff of one file."""
    before, after = (_lines(data) for data in (found, wanted))
    lines = unified_diff(before, after, f"{path} (file)", f"{path} (plan)", lineterm="")
    return "\n".join(lines)


def _lines(data: bytes) -> list[str]:
    """Split into lines; bytes that are no text are shown, and so is a missing last newline."""
    text = data.decode(errors="backslashreplace")
    lines = text.split("\n")
    return lines[:-1] if text.endswith("\n") else [*lines[:-1], f"{lines[-1]} (no newline)"]

"""A journal: one JSON object a line, each on the disk before the next; a torn end is cut off."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from planner.errors import Fault, InvalidInput

try:
    import fcntl
except ImportError:  # No such locks on Windows: two runs at once are then not noticed.
    fcntl = None  # type: ignore[assignment]

Entry = dict[str, Any]


class Journal:
    """A file that only grows, written by one process at a time.

    Its first line says what it is a journal of; every other line is an entry.

    Parameters
    ----------
    path : Path
        The file; made where it is missing, its folder must be there.
    about : mapping
        What it is a journal of, plain data.
    shown : str, optional
        Name of the file in faults; `path` without it.

    Attributes
    ----------
    entries : tuple of dict
        Those that stood in it when it was opened, in order.

    Raises
    ------
    InvalidInput
        If the file is a journal of something else, or none; says what differs.
    BlockingIOError
        If another process writes it.

    Notes
    -----
    An entry is on the disk when `append` returns. What a killed process left half written is no
    entry: the end is cut off, a broken line further up is passed over.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], shown: str | None = None) -> None:
        self._shown = str(path) if shown is None else shown
        self._file = path.open("a+b")
        try:
            self._lock()
            self.entries = self._opened(dict(about))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def append(self, entry: Entry) -> None:
        """Write an entry; it is on the disk when this returns.

        Parameters
        ----------
        entry : dict
            Plain data.
        """
        self._file.write(_line(entry))
        self._file.flush()
        os.fsync(self._file.fileno())

    def _lock(self) -> None:
        """Keep other processes out until the file is closed."""
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(
                f"{self._shown} is being written by another run; wait for it or name another folder"
            ) from None

    def _opened(self, about: Entry) -> tuple[Entry, ...]:
        """Read what stands there, cut off a torn end, and begin where there is nothing."""
        self._file.seek(0)
        data = self._file.read()
        whole = data.rfind(b"\n") + 1
        lines = [_parsed(line) for line in data[:whole].splitlines()]
        if not _line(about).startswith(data):
            # Before anything is cut off: what is not ours stays as it is.
            self._refuse_other(lines[0] if lines else None, about)
        self._file.truncate(whole)
        if not lines:
            self.append(about)
        return tuple(line for line in lines[1:] if line is not None)

    def _refuse_other(self, found: Entry | None, about: Entry) -> None:
        """Refuse a file that is no journal, or one of something else."""
        if found is None:
            message, cure = "is no journal that this version can read", "name another folder"
            raise InvalidInput([Fault(self._shown, 1, "", message, cure)])
        differs = [key for key in {**about, **found} if found.get(key) != about.get(key)]
        if differs:
            message = f"belongs to a run with another {' and another '.join(differs)}"
            cure = "name another folder, or remove this one to begin anew"
            raise InvalidInput([Fault(self._shown, 1, "", message, cure)])


def _line(entry: Entry) -> bytes:
    """Return an entry as one line."""
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _parsed(line: bytes) -> Entry | None:
    """Return the entry of a line; None where it is none."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None

"""Files out: written beside the target and renamed into place."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_bytes_atomically(
    path: str | os.PathLike[str], data: bytes, *, executable: bool = False
) -> None:
    """Write a file so that a killed run leaves either the old file or the new one, whole.

    Parameters
    ----------
    path : path-like or str
        The file; its folder is made where it is missing.
    data : bytes
        Its content.
    executable : bool
        Whether everyone who may read it may run it.

    Raises
    ------
    OSError
        If it cannot be written; then the old file stands and nothing new is left behind.

    Notes
    -----
    Two runs that write the same file at the same time each rename a whole file; the last one
    stands. A machine that loses power is not guarded against (no ``fsync``).
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name[:100]}.{os.getpid()}.part")
    try:
        write_bytes(beside, data, executable=executable)
        beside.replace(target)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes, *, executable: bool = False) -> None:
    """Write a new file with the permissions that the process gives by default."""
    try:
        path.write_bytes(data)
    except OSError as error:
        # A full disk is noticed at the write, which names no file.
        error.filename = error.filename or str(path)
        raise
    if executable:
        mode = path.stat().st_mode
        path.chmod(mode | (mode & 0o444) >> 2)

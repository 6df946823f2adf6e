"""Text files in: bounded, UTF-8, without control characters."""

from __future__ import annotations

from pathlib import Path

from planner.errors import Fault, InvalidInput
from planner.model.text_checks import FORBIDDEN

MAX_BYTES = 5_000_000
"""Largest input file."""


def read_text(path: Path, shown: str) -> str:
    r"""Read a text file.

    Parameters
    ----------
    path : Path
        The file.
    shown : str
        Its name in faults.

    Returns
    -------
    str
        The text, lines ended by ``\n``.

    Raises
    ------
    InvalidInput
        If the file is missing, a folder, unreadable, larger than 5 MB, not UTF-8, or holds
        control characters.
    """
    text = _decoded(_bytes(path, shown), shown).replace("\r\n", "\n")
    found = FORBIDDEN.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        message = f"holds the control character U+{ord(found.group()):04X}"
        raise InvalidInput([Fault(shown, line, "", message, "remove it")])
    return text


def _bytes(path: Path, shown: str) -> bytes:
    """Read at most the allowed number of bytes, or raise a fault."""
    try:
        if path.is_dir():
            raise _unreadable(shown, "is a folder, not a file", "name a file inside it")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _unreadable(shown, "does not exist", "check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unreadable(shown, f"cannot be read: {reason}", "check the path") from None
    if len(data) > MAX_BYTES:
        raise _unreadable(
            shown, "is larger than 5 MB", "move figures into CSV tables or leave some out"
        )
    return data


def _decoded(data: bytes, shown: str) -> str:
    """Decode UTF-8, with or without a byte order mark."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _unreadable(shown, "is UTF-16, not UTF-8", "save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8: byte 0x{data[error.start]:02X}"
        raise InvalidInput([Fault(shown, line, "", message, "save it as UTF-8")]) from None


def _unreadable(shown: str, message: str, cure: str) -> InvalidInput:
    """Make the one fault of a file that cannot be read at all."""
    return InvalidInput([Fault(shown, None, "", message, cure)])

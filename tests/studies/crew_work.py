"""Work for crews that is quick, slow or deadly: functions of a module, so that processes find them.

It stands beside the tests and is imported by file name, because one of the packages in the
environment ships a top-level ``tests`` of its own, which a new process would find first.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

DEADLY = 3


def quick(number: int) -> str:
    """Return a row at once."""
    return f"row {number}"


def failed(number: int, message: str) -> str:
    """Return the row of what could not be done."""
    return f"failed {number}: {message}"


def deadly(number: int) -> str:
    """End the process on one number, every time."""
    if number == DEADLY:
        os._exit(9)
    return quick(number)


def deadly_once(mark: Path, number: int) -> str:
    """End the process on one number, the first time."""
    if number == DEADLY and not mark.exists():
        mark.touch()
        os._exit(9)
    return quick(number)


def slow(number: int) -> str:
    """Take a while."""
    time.sleep(0.15)
    return quick(number)


def wrong(number: int) -> str:
    """Raise."""
    raise ArithmeticError(f"number {number}")


def threads(number: int) -> str:
    """Say how many threads a library would take."""
    return os.environ.get("OPENBLAS_NUM_THREADS", "many")

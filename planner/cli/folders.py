"""The folder that a verb writes into, looked at before anything is computed."""

from __future__ import annotations

import os
from pathlib import Path


def prepared(folder: Path) -> Path:
    """Return the folder, made where it is missing.

    Parameters
    ----------
    folder : Path
        As the user named it.

    Raises
    ------
    OSError
        If it is a file, or cannot be made or written to.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; name a folder to write into")
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} cannot be written to; name another folder with -o")
    return folder

"""What tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from typer.testing import Result

DATA = Path(__file__).resolve().parents[1] / "data"
GOLDEN = DATA.parent / "golden"

Run = Callable[..., Result]


@dataclass(frozen=True)
class Made:
    """What a run of the main job printed and wrote."""

    result: Result
    folder: Path

"""What is being done, on stderr, once it has taken two seconds and if someone watches."""

from __future__ import annotations

import sys
from threading import Timer
from types import TracebackType
from typing import Protocol, Self

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.status import Status

from planner.cli.console import console

PATIENCE_S = 2.0


class _Display(Protocol):
    """What can be shown and taken away again."""

    def start(self) -> None:
        """Show it."""

    def stop(self) -> None:
        """Take it away."""


class _Patient:
    """Shows a display after a while, unless the work is done before."""

    def __init__(self, display: _Display, patience_s: float) -> None:
        self._display, self._shown = display, False
        self._timer = Timer(patience_s, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._shown:
            self._display.stop()

    def _show(self) -> None:
        """Begin to show it."""
        if sys.stderr.isatty():
            self._display.start()
            self._shown = True


class Progress(_Patient):
    """Says what is being done."""

    def __init__(self, step: str, patience_s: float = PATIENCE_S) -> None:
        self._status = Status(step, console=console(sys.stderr))
        super().__init__(self._status, patience_s)

    def step(self, text: str) -> None:
        """Go on to the next step."""
        self._status.update(text)


class ProgressBar(_Patient):
    """Says what is being done and how many steps are left."""

    def __init__(self, step: str, total: int, patience_s: float = PATIENCE_S) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Bar(*columns, TimeElapsedColumn(), console=console(sys.stderr), transient=True)
        self._task = self._bar.add_task(step, total=total)
        super().__init__(self._bar, patience_s)

    def step(self, text: str) -> None:
        """Finish a step and go on to the next one."""
        self._bar.update(self._task, advance=1, description=text)

    def more(self, count: int) -> None:
        """Add steps that were not known at the start."""
        task = self._bar.tasks[self._task]
        self._bar.update(self._task, total=(task.total or 0) + count)

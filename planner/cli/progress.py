"""A progress bar on stderr for jobs of several steps, shown once they have taken two seconds."""

from __future__ import annotations

import sys
from threading import Timer
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from planner.cli.console import PATIENCE_S, console


class ProgressBar:
    """Says on stderr what is being done and how much is left, if someone watches."""

    def __init__(self, step: str, total: int, patience_s: float = PATIENCE_S) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console(sys.stderr),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(step, total=total)
        self._timer = Timer(patience_s, self._bar.start)
        self._timer.daemon = True

    def __enter__(self) -> ProgressBar:
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
        self._bar.stop()

    def step(self, text: str) -> None:
        """Finish a step and go on to the next one."""
        self._bar.update(self._task, advance=1, description=text)

    def more(self, count: int) -> None:
        """Add steps that were not known at the start."""
        task = self._bar.tasks[self._task]
        self._bar.update(self._task, total=(task.total or 0) + count)

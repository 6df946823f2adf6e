"""What is printed: results on stdout, progress and warnings on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.cli.exits import printable

WIDTH_WITHOUT_TERMINAL = 110

ELSEWHERE = "where the search stopped is a matter of the machine: another run may end elsewhere"
"""What a result that a limit or Ctrl-C ended says of itself."""

OPTIMAL_GAP = 1e-4
"""Relative gap up to which a plan is called optimal."""


def console(file: TextIO) -> Console:
    """Return where to print: plain text of a fixed width unless a terminal reads it."""
    width = None if file.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(file=file, width=width, markup=False, highlight=False, emoji=False)


def say(text: str) -> None:
    """Print a line of the result."""
    console(sys.stdout).print(printable(text), soft_wrap=True)


def say_json(answer: Any) -> None:
    """Print one JSON object; not a number is null, because JSON has none."""
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False))


def warn(texts: Iterable[object]) -> None:
    """Print warnings on stderr."""
    for text in texts:
        typer.echo(f"warning: {printable(text)}", err=True)


def say_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1
) -> None:
    """Print a table.

    Parameters
    ----------
    title : str
        Over it.
    columns : sequence of str
        Heads.
    rows : iterable of sequence
        Cells; anything that has a text.
    left : int
        How many columns from the left are words; the others are figures, set to the right.
    """
    table = Table(box=SIMPLE_HEAD, show_edge=False)
    for index, head in enumerate(columns):
        table.add_column(head, justify="left" if index < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    stdout = console(sys.stdout)
    with stdout.capture() as captured:
        stdout.print(Text(printable(title), style="bold"))
        stdout.print(table)
    # Cells are padded to their column's width; no line should end in spaces.
    typer.echo("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")


def counted(count: int, noun: str) -> str:
    """Write a number of things.

    Examples
    --------
    >>> counted(1, "region"), counted(2, "region")
    ('1 region', '2 regions')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def within_gap(gap: float) -> str:
    """Name a search that closed the gap it was asked to close.

    Examples
    --------
    >>> within_gap(6.9e-05), within_gap(0.05)
    ('optimal', 'within the gap asked for')
    """
    return "optimal" if gap <= OPTIMAL_GAP else "within the gap asked for"

"""Exit codes, and how each error becomes a sentence on stderr and one of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from planner.errors import (
    Infeasible,
    InvalidInput,
    MissingInputs,
    NoWorkers,
    PlannerError,
    SolverStopped,
    StaleExport,
    TooManyOrders,
    TooManyRules,
    TooManyStates,
    UnfaithfulExport,
)


class ExitCode(IntEnum):
    """What a caller can tell from the exit code alone."""

    FINE = 0
    FINDING = 1
    USAGE = 2
    BAD_INPUT = 3
    INFEASIBLE = 4
    STOPPED = 5
    INTERRUPTED = 130
    BROKEN_PIPE = 141


CODES: dict[type[PlannerError], ExitCode] = {
    InvalidInput: ExitCode.BAD_INPUT,
    Infeasible: ExitCode.INFEASIBLE,
    SolverStopped: ExitCode.STOPPED,
    MissingInputs: ExitCode.BAD_INPUT,
    UnfaithfulExport: ExitCode.FINDING,
    StaleExport: ExitCode.FINDING,
    TooManyStates: ExitCode.BAD_INPUT,
    TooManyOrders: ExitCode.BAD_INPUT,
    TooManyRules: ExitCode.BAD_INPUT,
    NoWorkers: ExitCode.USAGE,
}


def exit_code(error: PlannerError) -> ExitCode:
    """Return the exit code of an error.

    Examples
    --------
    >>> exit_code(InvalidInput([]))
    <ExitCode.BAD_INPUT: 3>
    """
    for kind, code in CODES.items():
        if isinstance(error, kind):
            return code
    return ExitCode.FINDING


def printable(text: object) -> str:
    """Return a text without control characters, which could steer a terminal.

    Examples
    --------
    >>> printable("a" + chr(27) + "[31mb") == "a" + chr(0xFFFD) + "[31mb"
    True
    """
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in str(text))


@contextmanager
def finished() -> Iterator[None]:
    """Turn what a verb raises on purpose, and what the system refuses, into sentence and code."""
    try:
        yield
        sys.stdout.flush()
    except PlannerError as error:
        typer.echo(printable(error), err=True)
        raise typer.Exit(exit_code(error)) from None
    except BrokenPipeError:
        # Python flushes stdout once more at exit; let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise typer.Exit(ExitCode.BROKEN_PIPE) from None
    except OSError as error:
        typer.echo(printable(_refusal(error)), err=True)
        raise typer.Exit(ExitCode.USAGE) from None
    except KeyboardInterrupt:
        typer.echo("interrupted; files written before are whole", err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def _refusal(error: OSError) -> str:
    """Say what the system refused."""
    if error.strerror and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return error.strerror or str(error)

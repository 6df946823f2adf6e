"""The command line: one file a verb, loaded when the verb is called."""

from __future__ import annotations

from typing import Annotated

import typer

from planner import __version__
from planner.cli.verbs import Verbs

app = typer.Typer(
    cls=Verbs,
    help="Plan replicas, weights and DNS shares of an API over Kubernetes clusters.",
    epilog="Exit codes: 0 fine, 1 a finding, 2 usage, 3 bad input, 4 infeasible, 5 stopped early.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        typer.echo(f"planner {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Plan replicas, weights and DNS shares of an API over Kubernetes clusters."""


def main() -> None:
    """Run the command line."""
    app(prog_name="planner")

"""``planner sweep``: many variants of a scenario, each optimised and judged, one row each."""

from __future__ import annotations

import importlib.util
from io import BytesIO
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.console import say, say_json, warn
from planner.cli.exits import ExitCode
from planner.cli.folders import prepared
from planner.cli.progress import ProgressBar
from planner.cli.subject import ScenarioName
from planner.cli.sweep_text import MANY, duration, pace_line, print_sweep, sweep_answer
from planner.errors import InvalidScenario
from planner.io.documents import dump_documents
from planner.io.files import write_bytes_atomically
from planner.io.scenarios import Checked, beside, check_scenario
from planner.io.variations import checked_variant, read_variation
from planner.model.scenario import Scenario, normalised
from planner.model.variation import Variation
from planner.studies.sweep import Pace, Sweep, sweep_variants
from planner.studies.variation import variants


def sweep(
    scenario: ScenarioName,
    vary: Annotated[
        str,
        typer.Option(
            "--vary", metavar="FILE", help="What is varied; also looked for beside the scenario."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder of the rows; another run goes on from there."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=0, max=1024, help="Processes, one a core without it; 0: this process."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Dask scheduler that computes: tcp://HOST:PORT."),
    ] = None,
    first: Annotated[
        int | None, typer.Option(min=1, help="Only so many variants, from the first on.")
    ] = None,
    gap: Annotated[float, typer.Option(min=0.0, max=0.5, help="Relative gap to prove.")] = 1e-3,
    time_limit: Annotated[float, typer.Option(min=0.1, help="Seconds a variant may take.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the solver.")] = 0,
    show: Annotated[
        int | None,
        typer.Option(min=1, help="Print this variant as a scenario, and compute nothing."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Optimise and judge many variants of a scenario, one row each; goes on where it stopped."""
    if scheduler is not None and workers is not None:
        raise typer.BadParameter("--workers and --scheduler exclude each other: give one")
    checked = check_scenario(scenario)
    if checked.scenario is None:
        raise InvalidScenario(checked.faults)
    variation = read_variation(_found(scenario, vary), checked.scenario)
    if show is not None:
        _show(checked.scenario, variation, show)
        return
    if output is None:
        raise typer.BadParameter("is needed, for the rows", param_hint="-o")
    folder = prepared(output)
    with ProgressBar("starting", 0) as progress:
        found = sweep_variants(
            checked.scenario,
            variation,
            folder=folder,
            workers=workers,
            scheduler=scheduler,
            first=first,
            gap=gap,
            time_limit_s=time_limit,
            seed=seed,
            start=progress.more,
            step=lambda pace: progress.step(_running(pace)),
        )
    write_sweep(found, folder)
    _tell(found, checked, folder, as_json)
    if found.interrupted:
        typer.echo(f"interrupted; the same command goes on from {folder}", err=True)
        raise typer.Exit(ExitCode.STOPPED)
    if "failed" in found.counts:
        raise typer.Exit(ExitCode.FINDING)


def _found(scenario: str, vary: str) -> str:
    """Return the file that says what is varied: as named, else beside the scenario."""
    near = beside(scenario, vary)
    return str(near) if not Path(vary).exists() and near.is_file() else vary


def _show(scenario: Scenario, variation: Variation, number: int) -> None:
    """Print a variant as a scenario file."""
    every = variants(scenario, variation)
    if number > len(every):
        last = f"the last of {len(every):,} variants" if len(every) > 1 else "the only variant"
        raise typer.BadParameter(f"{len(every):,} is {last}", param_hint="--show")
    variant = checked_variant(every.fields_of(number), f"variant {number}")
    say(dump_documents(normalised(variant)).rstrip("\n"))


def _running(pace: Pace) -> str:
    """Say in a few words what is being done, and how long ten thousand would take."""
    return f"variants ({MANY:,} in {duration(pace.seconds_for(MANY))})"


def write_sweep(found: Sweep, folder: Path) -> None:
    """Write the table as CSV, as Parquet where that can be, and the timings."""
    table = found.table
    for name, frame in (("variants.csv", table), ("timings.csv", found.timings)):
        text = frame.to_csv(index=False, lineterminator="\n")
        write_bytes_atomically(folder / name, text.encode())
    if importlib.util.find_spec("pyarrow") is not None:
        buffer = BytesIO()
        table.to_parquet(buffer, index=False, engine="pyarrow")
        write_bytes_atomically(folder / "variants.parquet", buffer.getvalue())


def _tell(found: Sweep, checked: Checked, folder: Path, as_json: bool) -> None:
    """Print the result on stdout, warnings and the pace on stderr."""
    warn(dict.fromkeys(f"{fault.file} {fault}" for fault in checked.warnings))
    if as_json:
        say_json(sweep_answer(found, folder))
    else:
        print_sweep(found)
        say(f"written to {folder}")
    if found.pace.rows:
        typer.echo(pace_line(found.pace), err=True)

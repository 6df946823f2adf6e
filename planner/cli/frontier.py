"""``planner frontier``: cost against latency against survival, every point a whole plan."""

from __future__ import annotations

import json
from enum import Enum, StrEnum
from pathlib import Path, PurePosixPath
from time import perf_counter
from typing import Annotated

import typer

from planner.cli.console import say, say_json, warn
from planner.cli.exits import ExitCode
from planner.cli.folders import prepared
from planner.cli.frontier_text import frontier_answer, points_csv, print_frontier
from planner.cli.progress import Progress
from planner.cli.subject import ScenarioName, refuse_unsuited
from planner.errors import InvalidScenario
from planner.io.files import write_bytes_atomically
from planner.io.manifests import write_manifests
from planner.io.plans import plan_text
from planner.io.scenarios import Checked, check_scenario
from planner.model.manifest import Manifest
from planner.model.scenario import Scenario
from planner.report.frontier_chart import frontier_chart
from planner.report.style import figure_files
from planner.studies.frontier import LEVELS, Frontier, levels_of, trace_frontier

PICTURES = "pictures"


class LatencyName(StrEnum):
    """What cost is traded against."""

    mean = "mean"
    p95 = "p95"


LevelName = Enum("LevelName", {name: name for name in LEVELS}, type=str)  # type: ignore[misc]


def frontier(
    scenario: ScenarioName,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder to write; nothing is written without it."),
    ] = None,
    survive: Annotated[
        list[LevelName] | None,
        typer.Option(help="This level of survival only; may be repeated.", case_sensitive=False),
    ] = None,
    latency: Annotated[
        LatencyName,
        typer.Option(
            help="Mean latency, or the 95th percentile of all requests.", case_sensitive=False
        ),
    ] = LatencyName.mean,
    points: Annotated[int, typer.Option(min=3, max=200, help="Most points on a curve.")] = 10,
    gap: Annotated[float, typer.Option(min=0.0, max=0.5, help="Relative gap to prove.")] = 1e-3,
    time_limit: Annotated[
        float, typer.Option(min=0.1, help="Seconds a point may take; the cheapest one thrice.")
    ] = 20.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the solver.")] = 0,
    pictures: Annotated[bool, typer.Option(help="Draw the picture.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Trace cost against latency for each level of survival; every point is a plan."""
    began = perf_counter()
    with Progress("reading the scenario") as progress:
        checked = check_scenario(scenario)
        if checked.scenario is None:
            raise InvalidScenario(checked.faults)
        refuse_unsuited(checked.scenario, "frontier")
        levels = _wanted(checked.scenario, survive)
        folder = None if output is None else prepared(output)
        found = trace_frontier(
            checked.scenario,
            levels=levels,
            latency=latency.value,
            points=points,
            gap=gap,
            time_limit_s=time_limit,
            seed=seed,
            step=progress.step,
        )
        if folder is not None:
            progress.step("writing")
            write_frontier(found, folder, pictures=pictures)
    _tell(found, checked, folder, as_json)
    typer.echo(f"traced in {perf_counter() - began:.2f} s", err=True)
    if not found.proven:
        raise typer.Exit(ExitCode.STOPPED)


def _wanted(scenario: Scenario, survive: list[LevelName] | None) -> list[str]:
    """Return the levels asked for, all of which the scenario can have, each once."""
    there = levels_of(scenario)
    names = [str(level.value) for level in survive or []] or list(there)
    for name in names:
        if name not in there:
            raise typer.BadParameter(
                f"the scenario cannot have '{name}', only {', '.join(there)}",
                param_hint="--survive",
            )
    return list(dict.fromkeys(names))


def write_frontier(found: Frontier, folder: Path, *, pictures: bool = True) -> None:
    """Write the points as CSV and JSON, each point's plan, and the picture."""
    plans = [
        Manifest(PurePosixPath(place), plan_text(point.plan))
        for place, point in zip(_places(found), found.points, strict=True)
    ]
    answer = json.dumps(frontier_answer(found, _places(found)), indent=2, allow_nan=False) + "\n"
    own = (
        Manifest(PurePosixPath("points.csv"), points_csv(found, _places(found))),
        Manifest(PurePosixPath("points.json"), answer),
    )
    write_manifests((*own, *plans), folder)
    if pictures:
        chart = frontier_chart(found.table, found.scenario.scenario, latency=found.latency)
        figures = {"frontier": chart}
        for name, content in figure_files(figures).items():
            write_bytes_atomically(folder / PICTURES / name, content)


def _places(found: Frontier) -> list[str]:
    """Return where each point's plan stands, below the folder."""
    return [
        f"plans/{level.survive.lower()}/{number:02d}/plan.yaml"
        for level in found.levels
        for number in range(1, len(level.points) + 1)
    ]


def _tell(found: Frontier, checked: Checked, folder: Path | None, as_json: bool) -> None:
    """Print the result on stdout, warnings on stderr."""
    places = (f"{fault.file} {fault}" for fault in checked.warnings)
    own = (text for point in found.points for text in point.plan.warnings)
    warn(dict.fromkeys((*places, *own)))
    if as_json:
        say_json(frontier_answer(found, _places(found)))
        return
    print_frontier(found)
    if folder is not None:
        say(f"written to {folder}")

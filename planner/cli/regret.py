"""``planner regret``: replicas to buy before it is known which demand comes."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from planner.cli.console import say, say_json, warn
from planner.cli.exits import ExitCode
from planner.cli.folders import prepared
from planner.cli.progress import Progress
from planner.cli.regret_text import print_regret, regret_answer
from planner.cli.subject import ScenarioName, refuse_unsuited
from planner.errors import InvalidScenario
from planner.io.demands import read_demands
from planner.io.plans import write_plan
from planner.io.scenarios import Checked, check_scenario
from planner.studies.regret import RegretStudy, minimise_regret


def regret(
    scenario: ScenarioName,
    demands: Annotated[
        Path | None,
        typer.Option(help="YAML file of named demands; without it low, high, continents high."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for plan.yaml of the plan of least regret."),
    ] = None,
    low: Annotated[float, typer.Option(min=0.01, max=1.0, help="Factor of low demand.")] = 0.9,
    high: Annotated[float, typer.Option(min=1.0, max=100.0, help="Factor of high demand.")] = 1.1,
    promise_usd: Annotated[
        float | None,
        typer.Option(min=1e-9, help="US dollars for a request turned away where a promise holds."),
    ] = None,
    gap: Annotated[float, typer.Option(min=0.0, max=0.5, help="Width to prove, of cost.")] = 5e-3,
    time_limit: Annotated[float, typer.Option(min=0.1, help="Seconds for all.")] = 300.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the solver.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Choose replicas whose largest regret over some demands is least."""
    began = perf_counter()
    with Progress("reading the scenario") as progress:
        checked = check_scenario(scenario)
        if checked.scenario is None:
            raise InvalidScenario(checked.faults)
        refuse_unsuited(checked.scenario, "regret")
        listed = None if demands is None else read_demands(demands, checked.scenario)
        folder = None if output is None else prepared(output)
        study = minimise_regret(
            checked.scenario,
            demands=None if listed is None else listed.demands,
            low=low,
            high=high,
            promise_usd=promise_usd,
            gap=gap,
            time_limit_s=time_limit,
            seed=seed,
            step=progress.step,
        )
        if folder is not None:
            write_plan(study.plan, folder / "plan.yaml")
    _tell(study, checked, folder, as_json)
    typer.echo(f"chosen in {perf_counter() - began:.2f} s", err=True)
    if not study.proven:
        raise typer.Exit(ExitCode.STOPPED)


def _tell(study: RegretStudy, checked: Checked, folder: Path | None, as_json: bool) -> None:
    """Print the result on stdout, warnings on stderr."""
    places = (f"{fault.file} {fault}" for fault in checked.warnings)
    warn(dict.fromkeys((*places, *study.plan.warnings)))
    if as_json:
        say_json(regret_answer(study))
        return
    print_regret(study)
    if folder is not None:
        say(f"plan of least regret written to {folder / 'plan.yaml'}")

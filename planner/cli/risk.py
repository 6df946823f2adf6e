"""``planner risk``: what is lost in the worst part of the time, and what less of it costs."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from planner.cli.console import say, say_json, warn
from planner.cli.exits import ExitCode
from planner.cli.folders import prepared
from planner.cli.progress import Progress
from planner.cli.risk_text import print_risk, risk_answer
from planner.cli.subject import ScenarioName, refuse_unsuited
from planner.errors import InvalidScenario
from planner.io.plans import write_plan
from planner.io.scenarios import Checked, check_scenario
from planner.studies.tail_risk import TailStudy, minimise_tail_risk


def risk(
    scenario: ScenarioName,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for plan.yaml of the plan of least tail."),
    ] = None,
    beta: Annotated[
        float, typer.Option(min=0.0, max=0.999999, help="The tail is the worst 1 - beta of time.")
    ] = 0.999,
    budget: Annotated[
        float | None,
        typer.Option(min=0.0, help="Most for regions and replicas, US dollars a month."),
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(min=0.0, max=100.0, help="Most beyond the cheapest plan's; 0.05 is 5 %."),
    ] = None,
    order: Annotated[
        int | None,
        typer.Option(
            min=0, help="Most components down at once; by default one more than promised."
        ),
    ] = None,
    gap: Annotated[float, typer.Option(min=0.0, max=0.5, help="Relative gap to prove.")] = 1e-2,
    time_limit: Annotated[float, typer.Option(min=0.1, help="Seconds each plan may take.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the solver.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find the plan that loses least in the worst part of the time within a budget."""
    began = perf_counter()
    if budget is not None and tolerance is not None:
        raise typer.BadParameter("--budget and --tolerance both say it: give one of the two")
    with Progress("reading the scenario") as progress:
        checked = check_scenario(scenario)
        if checked.scenario is None:
            raise InvalidScenario(checked.faults)
        refuse_unsuited(checked.scenario, "risk")
        folder = None if output is None else prepared(output)
        study = minimise_tail_risk(
            checked.scenario,
            beta=beta,
            tolerance=0.05 if tolerance is None else tolerance,
            budget_usd_month=budget,
            order=order,
            gap=gap,
            time_limit_s=time_limit,
            seed=seed,
            step=progress.step,
        )
        if folder is not None:
            write_plan(study.least.plan, folder / "plan.yaml")
    _tell(study, checked, folder, as_json)
    typer.echo(f"compared in {perf_counter() - began:.2f} s", err=True)
    if not study.proven:
        raise typer.Exit(ExitCode.STOPPED)


def _tell(study: TailStudy, checked: Checked, folder: Path | None, as_json: bool) -> None:
    """Print the result on stdout, warnings on stderr."""
    places = (f"{fault.file} {fault}" for fault in checked.warnings)
    warn(dict.fromkeys((*places, *study.least.plan.warnings)))
    if as_json:
        say_json(risk_answer(study))
        return
    print_risk(study)
    if folder is not None:
        say(f"plan of least tail written to {folder / 'plan.yaml'}")

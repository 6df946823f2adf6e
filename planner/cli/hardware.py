"""``planner hardware``: which servers to buy or to rent, where and when."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from time import perf_counter
from typing import Annotated

import typer

from planner.cli.console import say, say_json, warn
from planner.cli.exits import ExitCode
from planner.cli.folders import prepared
from planner.cli.hardware_text import hardware_answer, print_hardware
from planner.cli.progress import Progress
from planner.cli.subject import refuse_unsuited
from planner.errors import InvalidScenario, SolverStopped
from planner.io.documents import dump_documents
from planner.io.manifests import write_manifests
from planner.io.plans import plan_text
from planner.io.scenarios import Checked, check_scenario
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from planner.model.scenario import Scenario, normalised
from planner.studies.hardware import HardwareChoice, choose_hardware


def hardware(
    scenario: Annotated[
        str, typer.Argument(help="Scenario file, or a shipped name: taiwan/hardware.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder to write; nothing is written without it."),
    ] = None,
    months: Annotated[
        int | None,
        typer.Option(min=1, max=60, help="Months planned for; as the scenario says without it."),
    ] = None,
    month: Annotated[
        int | None,
        typer.Option(min=1, max=60, help="Month whose plan is written; the last without it."),
    ] = None,
    gap: Annotated[float, typer.Option(min=0.0, max=1.0, help="Relative gap to prove.")] = 0.01,
    time_limit: Annotated[float, typer.Option(min=0.1, help="Seconds it may take.")] = 300.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the solver.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Choose which servers to buy or to rent in each region, and when."""
    began = perf_counter()
    with Progress("reading the scenario") as progress:
        checked = check_scenario(scenario)
        if checked.scenario is None:
            raise InvalidScenario(checked.faults)
        last = _months(checked.scenario, scenario, months)
        number = _written(month, last)
        refuse_unsuited(checked.scenario, "hardware")
        folder = None if output is None else prepared(output)
        found = choose_hardware(
            checked.scenario,
            months=months,
            gap=gap,
            time_limit_s=time_limit,
            seed=seed,
            step=progress.step,
        )
        plan = None
        if folder is not None:
            # What was chosen is on the disk before anything can go wrong with the month's plan.
            write_hardware(found, None, number, folder)
            progress.step("planning the month")
            plan = _planned(found, number, seed, folder)
    _tell(found, plan, number, checked, folder, as_json)
    typer.echo(f"chosen in {perf_counter() - began:.2f} s", err=True)
    if found.found.status == "limit" or (plan is None and folder is not None):
        raise typer.Exit(ExitCode.STOPPED)


def _months(scenario: Scenario, name: str, months: int | None) -> int:
    """Return how many months are planned for; the scenario must have offers."""
    if scenario.hardware is None:
        raise typer.BadParameter(
            f"{name} has no section 'hardware' with offers; 'planner hardware taiwan/hardware' "
            "shows one",
            param_hint="SCENARIO",
        )
    return months or scenario.hardware.months


def _written(month: int | None, last: int) -> int:
    """Return the month whose plan is written, counted from 0."""
    if month is not None and month > last:
        raise typer.BadParameter(f"only {last} months are planned for", param_hint="--month")
    return (month or last) - 1


def _planned(found: HardwareChoice, month: int, seed: int, folder: Path) -> Plan | None:
    """Plan the month and write that too; None where no plan was found."""
    try:
        plan = found.plan_of(month, seed=seed)
    except SolverStopped as error:
        warn([f"not written: plan.yaml; {error}"])
        return None
    write_hardware(found, plan, month, folder)
    return plan


def write_hardware(found: HardwareChoice, plan: Plan | None, month: int, folder: Path) -> None:
    """Write orders, pools and costs as CSV, the answer as JSON, a month's scenario and plan."""
    tables = {"orders": found.orders, "pools": found.pools, "costs": found.costs}
    answer = json.dumps(hardware_answer(found), indent=2, ensure_ascii=False, allow_nan=False)
    scenario = dump_documents(normalised(found.scenario_of(month)))
    plans = () if plan is None else (Manifest(PurePosixPath("plan.yaml"), plan_text(plan)),)
    write_manifests(
        (
            *(
                Manifest(
                    PurePosixPath(f"{name}.csv"), table.to_csv(index=False, lineterminator="\n")
                )
                for name, table in tables.items()
            ),
            Manifest(PurePosixPath("hardware.json"), answer + "\n"),
            Manifest(PurePosixPath("scenario.yaml"), scenario),
            *plans,
        ),
        folder,
    )


def _tell(
    found: HardwareChoice,
    plan: Plan | None,
    month: int,
    checked: Checked,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Print the result on stdout, warnings on stderr."""
    places = (f"{fault.file} {fault}" for fault in checked.warnings)
    warn(dict.fromkeys((*places, *(plan.warnings if plan else ()))))
    if as_json:
        say_json(hardware_answer(found))
        return
    print_hardware(found)
    if folder is not None:
        name = found.month_name(month)
        own = "scenario.yaml and plan.yaml are those" if plan else "scenario.yaml is that"
        say(f"written to {folder}: {own} of {name}")

"""``planner optimize``: the main job, from a scenario to a plan, manifests and pictures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from time import perf_counter
from typing import Annotated

import typer

from planner.cli.console import say, say_json, warn
from planner.cli.exits import ExitCode
from planner.cli.folders import prepared
from planner.cli.plan_text import print_plan, standing_text
from planner.cli.progress import Progress
from planner.cli.subject import ScenarioName, refuse_unsuited
from planner.cli.targets import known_targets, say_left_out
from planner.errors import Infeasible, InvalidScenario, MissingInputs
from planner.exporters import ALL, Exported, export_each, first_refusal
from planner.exporters.preflight import missing_inputs
from planner.failures.states import failure_states
from planner.io.files import write_bytes_atomically
from planner.io.manifests import write_manifests
from planner.io.plans import plan_text, read_plan
from planner.io.scenarios import Checked, check_scenario, lines_of
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from planner.model.scenario import Scenario
from planner.problem.arrays import Problem
from planner.problem.build import build_problem
from planner.report.answers import summary, weights_csv, weights_json
from planner.report.charts import region_map, replicas, rtt_heat_map
from planner.report.style import figure_files
from planner.studies import main_job

PICTURES = "pictures"


def optimize(
    scenario: ScenarioName,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder to write; exports/NAME without it."),
    ] = None,
    gap: Annotated[float, typer.Option(min=0.0, max=1.0, help="Relative gap to prove.")] = 1e-4,
    time_limit: Annotated[float, typer.Option(min=0.1, help="Seconds the solver may take.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the solver.")] = 0,
    previous: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Plan to stay near: least demand and replicas move. Needs shares at will.",
        ),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0.0, help="What staying near may cost, as a share of the least.")
    ] = 0.01,
    target: Annotated[
        list[str] | None, typer.Option(help="Export this target only; may be repeated.")
    ] = None,
    pictures: Annotated[bool, typer.Option(help="Draw the pictures.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Decide replicas, weights and shares; write plan, manifests and pictures."""
    targets = known_targets(target or [ALL])
    with Progress("reading the scenario") as progress:
        checked = check_scenario(scenario)
        if checked.scenario is None:
            raise InvalidScenario(checked.faults)
        _check_inputs(checked.scenario, targets)
        before = _earlier(previous, checked.scenario)
        folder = prepared(output or Path("exports") / checked.scenario.scenario)
        progress.step("building the problem")
        problem = build_problem(checked.scenario, failure_states(checked.scenario))
        progress.step("optimising")
        began = perf_counter()
        try:
            plan = main_job.optimize(
                problem,
                gap=gap,
                time_limit_s=time_limit,
                seed=seed,
                watch=lambda standing: progress.step(f"optimising: {standing_text(standing)}"),
                previous=before,
                tolerance=tolerance,
                advice_s=0.0,
            )
        except Infeasible as error:
            progress.step("no plan keeps every promise: looking for what clashes and for ways out")
            found = main_job.advice(problem, error, seed=seed)
            raise found.at(lines_of(scenario, [path for _, path in found.promises])) from None
        seconds = perf_counter() - began
        progress.step("writing")
        exported = write_results(plan, targets, folder)
        if pictures:
            write_pictures(plan, problem, folder)
    _tell(plan, checked, seconds, folder, as_json)
    say_left_out(plan.scenario, targets)
    _refuse(exported)
    if plan.proof.status == "limit":
        raise typer.Exit(ExitCode.STOPPED)


def _tell(plan: Plan, checked: Checked, seconds: float, folder: Path, as_json: bool) -> None:
    """Print the result on stdout, warnings and the time on stderr."""
    places = (f"{fault.file} {fault}" for fault in checked.warnings)
    warn(dict.fromkeys((*places, *plan.warnings)))
    if as_json:
        say_json(summary(plan, seconds))
    else:
        print_plan(plan)
        say(f"written to {folder}")
    typer.echo(f"optimised in {seconds:.2f} s", err=True)


def _check_inputs(scenario: Scenario, targets: Iterable[str]) -> None:
    """Refuse before anything is computed what no plan could export, whichever regions it uses."""
    missing, certain = missing_inputs(scenario, targets)
    if certain:
        raise MissingInputs(missing)


def _earlier(file: Path | None, scenario: Scenario) -> Plan | None:
    """Return the plan to stay near; refuse where no plan is kept near another."""
    if file is None:
        return None
    refuse_unsuited(scenario, "from", hint="--from")
    return read_plan(file)


def _refuse(exported: Exported) -> None:
    """Raise what speaks for all refused targets; the plan and the others are written."""
    refusal = first_refusal(exported)
    if refusal is not None:
        names = ", ".join(exported.refusals)
        warn([f"not written: {names}; the plan and the other targets are"])
        others = {str(e): None for e in exported.refusals.values() if type(e) is not MissingInputs}
        warn(text for text in others if text != str(refusal))
        raise refusal


def write_results(plan: Plan, targets: Iterable[str], folder: Path) -> Exported:
    """Write the plan, its weights and the manifests of every target that does not refuse."""
    exported = export_each(plan, targets)
    own = (
        Manifest(PurePosixPath("plan.yaml"), plan_text(plan)),
        Manifest(PurePosixPath("weights.csv"), weights_csv(plan)),
        Manifest(PurePosixPath("weights.json"), weights_json(plan)),
    )
    write_manifests((*own, *exported.manifests), folder)
    return exported


def write_pictures(plan: Plan, problem: Problem, folder: Path) -> None:
    """Write the pictures, PNG and SVG each."""
    figures = {
        "regions": region_map(plan, problem),
        "replicas": replicas(plan),
        "round-trips": rtt_heat_map(problem, plan),
    }
    for name, content in figure_files(figures).items():
        write_bytes_atomically(folder / PICTURES / name, content)

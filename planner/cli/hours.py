"""``planner hours``: replicas that follow the day, and what they save."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.console import say_json, warn
from planner.cli.exits import ExitCode
from planner.cli.hours_text import hours_answer, print_hours
from planner.cli.progress import Progress
from planner.failures.states import failure_states
from planner.io.plans import read_plan
from planner.model.plan import Plan
from planner.problem.build import build_problem
from planner.studies.hourly import plan_hours

ControllerName = Enum("ControllerName", {"kubefed": "kubefed", "karmada": "karmada"}, type=str)


def hours(
    plan: Annotated[Path, typer.Argument(help="A plan.yaml that optimize wrote.")],
    controller: Annotated[
        ControllerName | None,
        typer.Option(
            help="Federation controller; the scenario's without it.", case_sensitive=False
        ),
    ] = None,
    largest_weight: Annotated[
        int, typer.Option(min=1, max=1000, help="Largest weight that is tried.")
    ] = 20,
    time_limit: Annotated[
        float, typer.Option(min=0.1, help="Seconds for a service whose weights are many.")
    ] = 20.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the solver.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Let replicas follow the day: each hour's totals, weights, and what that saves."""
    with Progress("reading the plan") as progress:
        read = _static(read_plan(plan))
        progress.step("building the problem")
        problem = build_problem(read.scenario, failure_states(read.scenario))
        progress.step("hour by hour")
        found = plan_hours(
            problem,
            read,
            controller=None if controller is None else controller.value,
            largest_weight=largest_weight,
            time_limit_s=time_limit,
            seed=seed,
        )
    warn(dict.fromkeys((*read.warnings, *found.findings)))
    if as_json:
        say_json(hours_answer(found))
    else:
        print_hours(found)
    if found.missed:
        raise typer.Exit(ExitCode.FINDING)
    if found.interrupted:
        raise typer.Exit(ExitCode.STOPPED)


def _static(plan: Plan) -> Plan:
    """Refuse a plan whose loads are not known before they are routed."""
    if plan.steering != "static":
        raise typer.BadParameter(
            "hours are planned for static steering; a balancer routes every hour anew",
            param_hint="PLAN",
        )
    return plan

"""``planner explain``: why each number of a plan is what it is, and what would change it."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from planner.cli.console import say_json, warn
from planner.cli.exits import ExitCode
from planner.cli.explain_text import explanation_answer, print_explanation
from planner.cli.progress import Progress
from planner.io.plans import read_plan
from planner.studies.explanation import explain_plan

INTERRUPTED = "interrupted: what was not reached is missing"


def explain(
    plan: Annotated[Path, typer.Argument(help="A plan.yaml that optimize wrote.")],
    savings: Annotated[
        bool,
        typer.Option(
            "--savings", help="Also what servers, uplinks, ceilings and limits would save."
        ),
    ] = False,
    gap: Annotated[float, typer.Option(min=0.0, max=0.5, help="Relative gap to prove.")] = 1e-4,
    time_limit: Annotated[
        float, typer.Option(min=0.1, help="Seconds a count or a re-solve may take.")
    ] = 30.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of the solver.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say why each number of a plan is what it is, and what would change it."""
    began = perf_counter()
    with Progress("reading the plan") as progress:
        found = explain_plan(
            read_plan(plan),
            savings=savings,
            gap=gap,
            time_limit_s=time_limit,
            seed=seed,
            file=str(plan),
            step=progress.step,
        )
    ended = (INTERRUPTED,) if found.interrupted else ()
    warn(dict.fromkeys((*found.plan.warnings, *found.problem.warnings, *ended)))
    if as_json:
        say_json(explanation_answer(found))
    else:
        print_explanation(found)
    typer.echo(f"explained in {perf_counter() - began:.2f} s", err=True)
    if not found.proven:
        raise typer.Exit(ExitCode.STOPPED)

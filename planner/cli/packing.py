"""``planner packing``: how many replicas the pools hold, in any order and at best."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from planner.cli.console import say_json, say_table, warn
from planner.cli.exits import ExitCode
from planner.failures.states import failure_states
from planner.io.plans import read_plan
from planner.problem.arrays import Problem
from planner.problem.best_packing import PackingStatement, ReplicaLimits, packing_statement
from planner.problem.build import build_problem
from planner.problem.documents import solution_of
from planner.problem.packing import fits, packing_limits

_MADE_WITH = {"guaranteed": "in any order", "at_best": "at best"}
HEADS = ("region", "service", "planned", "any order", "at best", "any order, −1", "at best, −1")


def packing(
    plan: Annotated[Path, typer.Argument(help="A plan.yaml that optimize wrote.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say how many replicas the pools hold, in any order of arrival and packed at best."""
    read = read_plan(plan)
    problem = build_problem(read.scenario, failure_states(read.scenario))
    stated = packing_statement(problem, solution_of(problem, read).replicas)
    stuck = list(_stuck(problem, stated))
    rows = list(_rows(problem, stated))
    if as_json:
        made = {"scenario": read.scenario.scenario, "made_with": problem.packing}
        say_json({**made, "limits": rows, "findings": stuck})
    else:
        _print(read.scenario.scenario, _MADE_WITH[problem.packing], rows)
        warn(stuck)
    if stuck:
        raise typer.Exit(ExitCode.FINDING)


def _places(stated: PackingStatement) -> Iterator[tuple[int, int]]:
    """Yield service and region of all that runs, region by region."""
    for region, service in np.argwhere(stated.replicas.T > 0).tolist():
        yield service, region


def _rows(problem: Problem, stated: PackingStatement) -> Iterator[dict[str, Any]]:
    """Yield one object for each region and service."""
    for service, region in _places(stated):
        yield {
            "region": problem.axes.regions[region],
            "service": problem.axes.services[service],
            "planned": int(stated.replicas[service, region]),
            "whole": _plain(stated.whole, service, region),
            "server_lost": _plain(stated.server_lost, service, region),
        }


def _plain(limits: ReplicaLimits, service: int, region: int) -> dict[str, Any]:
    """Return the limits of one place."""
    return {
        "guaranteed": int(limits.guaranteed[service, region]),
        "at_best": int(limits.at_best[service, region]),
        "attained": bool(limits.attained[service, region]),
    }


def _stuck(problem: Problem, stated: PackingStatement) -> Iterator[str]:
    """Say where a planned pod may stay pending by the limit that the plan was made with.

    At best, what no packing was found for is a finding, also where the search was cut short.
    """
    lost, at_best = problem.survive_server_loss, problem.packing == "at_best"
    limits = stated.server_lost if lost else stated.whole
    most = limits.at_best if at_best else limits.guaranteed
    fit = fits(problem, packing_limits(problem), stated.replicas)
    can = "at most find" if at_best else "are sure to find"
    for service, region in _places(stated):
        planned, count = stated.replicas[service, region], most[service, region]
        if not fit[region] if at_best else planned > count:
            yield (
                f"{problem.axes.regions[region]}: {planned} replicas of "
                f"{problem.axes.services[service]} are planned and {count} {can} room"
                f"{' with one server of each pool lost' if lost else ''}"
            )


def _print(scenario: str, made_with: str, rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    say_table(
        f"{scenario}: replicas that the pools hold, all other services as planned; "
        f"−1: with one server of each pool lost; the plan was made within the limit {made_with}",
        HEADS,
        [
            (*(row[key] for key in HEADS[:3]), *_cells(row["whole"]), *_cells(row["server_lost"]))
            for row in rows
        ],
        left=2,
    )


def _cells(limits: dict[str, Any]) -> tuple[str, str]:
    """Write both limits; a bound that no packing is known to reach is marked."""
    mark = "" if limits["attained"] else "≤ "
    return str(limits["guaranteed"]), f"{mark}{limits['at_best']}"

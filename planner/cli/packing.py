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
        say_json({"scenario": read.scenario.scenario, "limits": rows, "findings": stuck})
    else:
        _print(read.scenario.scenario, rows)
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
    """Say where some order of arrival may leave a planned pod pending."""
    lost = problem.survive_server_loss
    limits = stated.server_lost if lost else stated.whole
    for service, region in _places(stated):
        planned, most = stated.replicas[service, region], limits.guaranteed[service, region]
        if planned > most:
            yield (
                f"{problem.axes.regions[region]}: {planned} replicas of "
                f"{problem.axes.services[service]} are planned and {most} are sure to find room"
                f"{' with one server of each pool lost' if lost else ''}"
            )


def _print(scenario: str, rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    say_table(
        f"{scenario}: replicas that the pools hold, all other services as planned; "
        "−1: with one server of each pool lost",
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

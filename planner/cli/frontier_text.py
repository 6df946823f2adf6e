"""A frontier as it is printed, and for programs: tables, one plain object, CSV."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from planner.cli.console import ELSEWHERE, say, say_table
from planner.report.answers import Answer
from planner.report.frontier_chart import AXIS_WORDS, WORDS
from planner.studies.frontier import Frontier, FrontierLevel

HOW = {
    "mean": "each point by ε-constraint: no plan of its level within its mean latency is cheaper "
    "than the bound, and none that costs no more is nearer beyond the gap",
    "p95": "each point by ε-constraint: no plan of its level whose 95th percentile of all requests "
    "is within its cap (at the ceiling's load, on a grid with steps of 3 %) is cheaper than the "
    "bound; of those that cost no more it has the least mean latency",
}


def frontier_answer(found: Frontier, places: Sequence[str]) -> Answer:
    """Return what a program wants to know of a frontier.

    Parameters
    ----------
    found : Frontier
        The frontier.
    places : sequence of str
        Where each point's plan is written, below the output folder.

    Returns
    -------
    dict
        ``scenario, latency, method, points, levels``; a level without points says why, and one
        that a limit or Ctrl-C ended that it was stopped.
    """
    rows = found.table.to_dict(orient="records")
    return {
        "scenario": found.scenario.scenario,
        "latency": found.latency,
        "method": HOW[found.latency],
        "points": [
            {**{str(key): _plain(value) for key, value in row.items()}, "plan": place}
            for row, place in zip(rows, places, strict=True)
        ],
        "levels": [
            {
                "survive": level.survive,
                "points": len(level.points),
                "missing": None if level.missing is None else str(level.missing),
                "stopped": level.stopped,
            }
            for level in found.levels
        ],
    }


def _plain(value: Any) -> Any:
    """Return a value that JSON has: what is not known, or beyond every limit, is None."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def points_csv(found: Frontier, places: Sequence[str]) -> str:
    """Return the table of points as CSV text, with the place of each plan.

    Parameters
    ----------
    found : Frontier
        The frontier.
    places : sequence of str
        Where each point's plan is written.
    """
    return found.table.assign(plan=list(places)).to_csv(index=False, lineterminator="\n")


def print_frontier(found: Frontier) -> None:
    """Print a frontier."""
    against = AXIS_WORDS[found.latency]
    say(f"{found.scenario.scenario}: cost against {against} for each level of survival")
    say(HOW[found.latency])
    say("")
    for level in found.levels:
        if level.points:
            _print_level(level)
        else:
            say(f"{_head(level)}: {level.missing}")
            say("")
    if not found.proven:
        say(ELSEWHERE)


def _head(level: FrontierLevel) -> str:
    """Name a level."""
    return f"{level.survive} ({WORDS[level.survive]})"


def _print_level(level: FrontierLevel) -> None:
    """Print the curve of a level."""
    say_table(
        _head(level),
        ["cost, USD a month", "bound", "gap", "mean, ms", "p95, ms", "regions", "replicas", ""],
        (
            [
                f"{p.cost_usd_month:,.2f}",
                f"{p.bound:,.2f}",
                f"{p.gap:.1e}",
                f"{p.mean_latency_ms:.2f}",
                f"{p.p95_ms:.1f}",
                len(p.plan.active_regions),
                int(p.plan.replicas.to_numpy().sum()),
                _marks(p.knee, p.plan.proof.status),
            ]
            for p in level.points
        ),
        left=0,
    )
    if level.stopped:
        say("stopped early: points may be missing, and those marked are not proven to the gap")
        say("")


def _marks(knee: bool, status: str) -> str:
    """Say what is special about a point."""
    return ", ".join(["knee"] * knee + ["stopped early"] * (status == "limit"))

"""A sweep as it is printed, and for programs: outcomes, the objective, what moves it, the pace."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from planner.cli.console import counted, say, say_table
from planner.report.answers import Answer
from planner.studies.sweep import Pace, Sweep
from planner.studies.sweep_tables import OBJECTIVE

MANY = 10_000

WORDS = {
    "optimal": "a plan, proven to the gap",
    "limit": "stopped at the time limit",
    "infeasible": "no plan keeps every promise",
    "invalid": "no valid scenario",
    "failed": "something went wrong",
}


def sweep_answer(found: Sweep, folder: Path) -> Answer:
    """Return what a program wants to know of a sweep.

    Parameters
    ----------
    found : Sweep
        The sweep.
    folder : Path
        Where its rows are.

    Returns
    -------
    dict
        ``scenario, variation, variants, rows, interrupted, counts, objective, drivers, folder``;
        what is not known is None.
    """
    drivers = found.drivers.to_dict(orient="records")
    return {
        "scenario": found.scenario.scenario,
        "variation": found.variants.variation.variation,
        "variants": len(found.variants),
        "rows": len(found.rows),
        "interrupted": found.interrupted,
        "counts": found.counts,
        OBJECTIVE: _spread(found),
        "drivers": [{str(key): _plain(value) for key, value in row.items()} for row in drivers],
        "folder": str(folder),
    }


def _plain(value: Any) -> Any:
    """Return a value that JSON has: what is not known is None."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _spread(found: Sweep) -> dict[str, float] | None:
    """Return least, middle and largest objective; None where no variant has a plan."""
    each = [row.figures[OBJECTIVE] for row in found.rows if OBJECTIVE in row.figures]
    if not each:
        return None
    return {"low": min(each), "median": float(np.median(each)), "high": max(each)}


def print_sweep(found: Sweep) -> None:
    """Print a sweep."""
    fields = counted(len(found.variants.varied), "varied field")
    rows, every = len(found.rows), len(found.variants)
    of = "" if rows == every else f" of {every:,}"
    name = found.variants.variation.variation
    variants = "variant" if every == 1 else "variants"
    say(f"{found.scenario.scenario}, {name}: {rows:,}{of} {variants}, {fields}")
    say("")
    say_table(
        "Outcomes",
        ["status", "what it means", "variants"],
        ((status, WORDS[status], f"{count:,}") for status, count in found.counts.items()),
        left=2,
    )
    spread = _spread(found)
    if spread is not None:
        low, median, high = (f"{spread[key]:,.2f}" for key in ("low", "median", "high"))
        range_text = low if low == high else f"{low} to {high}, median {median}"
        say(f"objective, USD a month: {range_text}")
        say("")
    if found.rows:
        _print_drivers(found)


def _print_drivers(found: Sweep) -> None:
    """Print what moves the objective, and what leaves no plan."""
    say_table(
        "Rank correlation with the objective, strongest first, and with having no plan",
        ["varied", "fields", "range", "objective", "no plan"],
        (
            (name, fields, _range(low, high), _signed(moves), _signed(breaks))
            for name, fields, low, high, moves, breaks in found.drivers.itertuples(index=False)
        ),
    )
    planned = sum(OBJECTIVE in row.figures for row in found.rows)
    if planned >= 3:
        chance = f"±{min(1.0, 1.96 / math.sqrt(planned - 1)):.2f}"
        say(f"with {planned:,} plans, a correlation within {chance} may be chance")
        say("")


def _range(low: Any, high: Any) -> str:
    """Write the ends of a range; a dash where there is no order."""
    return "–" if low is None or low != low else f"{low:.3g} to {high:.3g}"


def _signed(value: float) -> str:
    """Write a correlation with its sign; a dash where there is none."""
    return "–" if math.isnan(value) else f"{value:+.2f}"


def pace_line(pace: Pace) -> str:
    """Say how fast rows came, and how long ten thousand would take.

    Examples
    --------
    >>> pace_line(Pace(rows=100, wall_s=80.0, work_s=160.0))
    '100 variants in 80 s, 0.62 a second and core; 10,000 would take 2 h 13 min'
    """
    return (
        f"{counted(pace.rows, 'variant')} in {duration(pace.wall_s)}, "
        f"{pace.rows_per_core_s:.2f} a second and core; "
        f"{MANY:,} would take {duration(pace.seconds_for(MANY))}"
    )


def duration(seconds: float) -> str:
    """Write a time for people.

    Examples
    --------
    >>> duration(7.2), duration(80), duration(600), duration(8000), duration(200_000)
    ('7.2 s', '80 s', '10 min', '2 h 13 min', '2 d 7 h')
    """
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"

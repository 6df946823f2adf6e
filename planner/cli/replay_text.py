"""An event replayed, and predictions beside reported figures, as they are printed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from planner.cli.console import say, say_table
from planner.cli.failure_answer import figure_text
from planner.simulation.chronicle import Timeline
from planner.studies.replays import Replay
from planner.studies.reported import Comparison
from planner.studies.sensitivity import Sensitivity

MOST_ORIGINS = 8
NEGLIGIBLE_SHARE = 1e-3


def print_replay(replay: Replay) -> None:
    """Print what happens after an event, and what it costs."""
    found = replay.timeline
    say(f"{replay.name}, from {_clock(found.start_s)} UTC for {_length(found.duration_s)}")
    rows = ((_since(t, found.duration_s), text) for t, text in found.events)
    say_table("", ["after", "what happens"], rows, left=2)
    _print_totals(found)
    _print_origins(found)
    say(_recovered(found))
    if found.metastable:
        say("overload stays although first attempts alone would fit (metastable)")
    say("")


def _recovered(found: Timeline) -> str:
    """Say when it is over; where the event's own steady state loses too, that it is not."""
    if math.isnan(found.recovery_s):
        return "never recovered (within 0.1 % of the state's own loss)"
    when = _length(found.recovery_s)
    stays = found.staying_share
    if stays < NEGLIGIBLE_SHARE or found.recovery_s >= found.duration_s:
        return f"recovered (within 0.1 % of the state's own loss) after {when}"
    since = f"from {when} on" if found.recovery_s > 0 else "from the start"
    return f"steady {since}: {100 * stays:.1f} % of the requests fail as long as it lasts"


def _print_totals(found: Timeline) -> None:
    """Print requests by service."""
    rows = []
    parts = (found.event, found.gap, found.after)
    offered, slow, failed = (
        np.sum([getattr(part, name).sum(axis=1) for part in parts], axis=0)
        for name in ("offered", "slow", "failed")
    )
    for s, name in enumerate(found.axes.services):
        rows.append(_row(name, offered[s], slow[s], failed[s]))
    rows.append(_row("all", offered.sum(), slow.sum(), failed.sum()))
    say_table(
        "Requests from the loss to an hour after the return",
        ["service", "requests", "slow", "failed", "failed, %"],
        rows,
    )


def _row(name: str, offered: float, slow: float, failed: float) -> list[str]:
    """Return one line of requests."""
    share = 100 * failed / offered if offered > 0 else 0.0
    return [name, f"{offered:,.0f}", f"{slow:,.0f}", f"{failed:,.0f}", f"{share:.3f}"]


def _print_origins(found: Timeline) -> None:
    """Print the origins that lose most."""
    parts = (found.event, found.gap, found.after)
    failed = np.sum([part.failed.sum(axis=0) for part in parts], axis=0)
    most = [o for o in np.argsort(-failed, kind="stable")[:MOST_ORIGINS] if failed[o] >= 1]
    if most:
        lost = ", ".join(f"{found.axes.origins[o]} {failed[o]:,.0f}" for o in most)
        say(f"failed requests by origin: {lost}")


def _clock(second: float) -> str:
    """Write a second of the day."""
    minutes = int(second // 60)
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _since(second: float, duration_s: float) -> str:
    """Write when something happens; shortly after the return, how long after it.

    Examples
    --------
    >>> _since(32, 7200), _since(7200, 7200), _since(7225, 7200), _since(7900, 7200)
    ('32 s', '120 min', '120 min + 25 s', '132 min')
    """
    late = second - duration_s
    if duration_s >= 600 and 0.5 <= late < 600:
        return f"{_length(duration_s)} + {late:.0f} s"
    return _length(second)


def _length(seconds: float) -> str:
    """Write a stretch of time.

    Examples
    --------
    >>> _length(75), _length(7200), _length(4233600)
    ('75 s', '120 min', '49 days')
    """
    if seconds < 600:
        return f"{seconds:.0f} s"
    if seconds < 2 * 86400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 86400:.0f} days"


def print_comparisons(compared: Sequence[Comparison], moved: Sequence[Sensitivity]) -> None:
    """Print predictions beside reported figures, why they differ, and what moves them most."""
    if not compared:
        return
    say_table(
        "Predicted and reported; nothing is fitted",
        ["figure", "predicted", "reported", "other starts"],
        (
            [
                row.figure,
                figure_text(row.figure, row.predicted),
                figure_text(row.figure, row.reported),
                ", ".join(
                    f"{name}: {figure_text(row.figure, v)}" for name, v in row.beside.items()
                ),
            ]
            for row in compared
        ),
        left=4,
    )
    for row in compared:
        say(f"  {row.figure}: {row.why}")
    if moved:
        say("")
        say("what moves them most, made a tenth larger:")
    for change in moved:
        was, now = (figure_text(change.figure, value) for value in (change.before, change.after))
        say(f"  {change.figure}: {change.assumption} ({was} becomes {now})")

"""The hour after a failure, and the hour after its return, as one chart."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes

from planner.problem.arrays import Floats
from planner.report.drawn_names import drawn
from planner.report.style import FAINT, INK, in_our_style, own_axes, wrapped
from planner.simulation.chronicle import Timeline

FAILED, SLOW = "#d55e00", "#f7c59a"
BREAK_MIN = 4.0
TICKS_MIN = (0, 10, 20, 30, 40, 50, 60)
WIDTH_IN, HEIGHT_IN, LINE_IN = 12.0, 4.8, 0.155
LINE_CHARACTERS = 58
NEGLIGIBLE_SHARE = 1e-3
TOGETHER_MIN = 1.6
"""Moments so close have one number."""


@in_our_style
def timeline(result: Timeline, name: str = "", *, ax: Axes | None = None) -> Axes:
    """Draw the share of requests that fails and that is late, minute by minute.

    Parameters
    ----------
    result : Timeline
        From `planner.simulation.timeline`.
    name : str
        What happened, for the title.
    ax : Axes, optional
        Where to draw; a figure of its own without it.

    Returns
    -------
    Axes
        Percent of all requests, failed below and late on top of it; what the steady state loses
        as a dashed line; numbered moments, with their sentences beside the chart.

    Notes
    -----
    Between the first horizon and the return nothing is drawn: two slanted strokes stand for it.
    """
    moments = _moments(result)
    lines = sum(text.count("\n") + 1 for _, text in moments)
    ax = own_axes(WIDTH_IN, max(HEIGHT_IN, 1.1 + LINE_IN * lines)) if ax is None else ax
    table = result.table
    offered = np.maximum(table["offered_rps"].to_numpy(), 1e-300)
    failed, slow, steady = (
        100 * table[column].to_numpy() / offered
        for column in ("failed_rps", "slow_rps", "steady_failed_rps")
    )
    x = _places(result, result.seconds)
    for part in _parts(result):
        ax.fill_between(x[part], failed[part], color=FAILED, linewidth=0, label="failed")
        top = failed[part] + slow[part]
        ax.fill_between(x[part], failed[part], top, color=SLOW, linewidth=0, label="late")
        ax.plot(x[part], steady[part], color=INK, linewidth=1, linestyle="--", label="steady loss")
    most = max(float((failed + slow).max()), 1.0)
    ax.set_ylim(0, min(1.18 * most, 112.0))
    _mark_moments(ax, moments)
    _mark_return(ax, result)
    ax.set_xlim(x[0], x[-1])
    ax.set_ylabel("% of requests")
    ax.grid(axis="y")
    handles, labels = ax.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    ax.legend(
        unique.values(), unique.keys(), loc="center right", ncols=1, frameon=True, edgecolor="none"
    )
    ax.set_title(wrapped(ax, _finding(result, drawn(name, ""))))
    return ax


def _parts(result: Timeline) -> list[slice]:
    """Return the steps of the event, and those after the return."""
    back = int(np.searchsorted(result.seconds, result.duration_s - 1e-9))
    parts = [slice(0, back), slice(back, result.seconds.size)]
    return [part for part in parts if part.stop > part.start]


def _places(result: Timeline, seconds: Floats) -> Floats:
    """Return where seconds stand on the axis, minutes with the gap cut out."""
    first = _parts(result)[0]
    end = float(result.seconds[first.stop - 1] + result.step_s[first.stop - 1])
    cut = max(result.duration_s - end, 0.0)
    shift = cut / 60 - BREAK_MIN if cut > 0 else 0.0
    inside = np.clip(seconds, 0.0, None)
    place: Floats = np.where(inside >= result.duration_s, inside / 60 - shift, inside / 60)
    return place


def _mark_return(ax: Axes, result: Timeline) -> None:
    """Write minutes under the axis, from the beginning and from the end."""
    back = float(_places(result, np.array([result.duration_s]))[0])
    last = float(_places(result, result.seconds[-1:])[0])
    ticks = [float(m) for m in TICKS_MIN if m < back - BREAK_MIN - 1]
    names = [f"{m:.0f}" for m in ticks]
    if last > back:
        after = [m for m in TICKS_MIN if back + m <= last]
        ticks += [back + m for m in after]
        names += [f"+{m}" if m else "over" for m in after]
        ax.axvline(back, color=INK, linewidth=1)
    ax.set_xticks(ticks, names)
    ax.set_xlabel("minutes after it begins · minutes after it is over")
    if result.duration_s > result.seconds[_parts(result)[0].stop - 1] + 2 * result.step_s[0]:
        middle = back - BREAK_MIN / 2
        ax.text(middle, 0, "//", ha="center", va="center", color=INK, clip_on=False, fontsize=12)


def _moments(result: Timeline) -> list[tuple[float, str]]:
    """Return where moments stand on the axis and what happens then, close ones together."""
    places = _places(result, np.array([second for second, _ in result.events]))
    groups: list[tuple[float, list[str]]] = []
    for place, (second, text) in zip(places.tolist(), result.events, strict=True):
        if not groups or place - groups[-1][0] > TOGETHER_MIN:
            groups.append((place, []))
        number = f"{len(groups)}" if not groups[-1][1] else " "
        line = textwrap.fill(
            f"{_when(second)}: {text}",
            LINE_CHARACTERS,
            initial_indent=f"{number:<3}",
            subsequent_indent="     ",
        )
        groups[-1][1].append(line)
    return [(place, "\n".join(lines)) for place, lines in groups]


def _mark_moments(ax: Axes, moments: list[tuple[float, str]]) -> None:
    """Mark the moments with numbers, and write what happens beside the chart."""
    top = ax.get_xaxis_transform()
    for number, (place, _) in enumerate(moments, start=1):
        ax.axvline(place, color=FAINT, linewidth=0.6, alpha=0.7)
        mark = f" {number}"
        ax.text(place, 0.99, mark, transform=top, ha="left", va="top", fontsize=8, color=INK)
    lines = "\n".join(text for _, text in moments)
    ax.text(1.015, 1.0, lines, transform=ax.transAxes, va="top", fontsize=7.5, color=INK)


def _when(second: float) -> str:
    """Write a moment."""
    if second < 600:
        return f"{second:.0f} s"
    return f"{second / 60:.0f} min" if second < 2 * 86400 else f"{second / 86400:.0f} days"


def _finding(result: Timeline, name: str) -> str:
    """Say what the chart shows."""
    lost = result.lost_requests
    amount = f"{lost / 1e6:.2f} million" if lost >= 1e6 else f"{lost:,.0f}"
    what = "nothing is lost" if lost < 0.5 else f"{amount} requests lost, {_end(result)}"
    return f"{name + ': ' if name else ''}{what}"


def _end(result: Timeline) -> str:
    """Say when it is over; where the steady state loses too, that it is not."""
    if np.isnan(result.recovery_s):
        return "not recovered"
    stays = result.staying_share
    if stays < NEGLIGIBLE_SHARE or result.recovery_s >= result.duration_s:
        return f"over after {_when(result.recovery_s)}"
    since = f" from {_when(result.recovery_s)} on" if result.recovery_s > 0 else ""
    return f"{100 * stays:.1f} % of all{since} while it lasts"

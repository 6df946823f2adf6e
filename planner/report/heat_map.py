"""Round trips from every origin to every region, as a heat map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from planner.model.plan import Plan
from planner.problem.arrays import Floats, Ints, Problem
from planner.report.drawn_names import drawn, drawn_regions
from planner.report.style import INK, in_our_style, own_axes, region_colours, wrapped
from planner.report.tables import main_regions

MOST_ORIGINS = 60
DARKEST_MS = 350.0
WHITE_FROM_SHARE = 0.72  # of the darkest; from there white has the better contrast
SHADES = LinearSegmentedColormap.from_list(
    "round trips", ["#f7fbff", "#d3e4f3", "#9dcae1", "#539dcc", "#1d6cb1", "#08306b"]
)


@in_our_style
def rtt_heat_map(problem: Problem, plan: Plan | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw the median round trip from every origin to every region.

    Parameters
    ----------
    problem : Problem
        Where the round trips stand.
    plan : Plan, optional
        With it, origins are grouped by the region that serves most of them, which is framed.
    ax : Axes, optional
        Where to draw; a figure of its own without it.

    Returns
    -------
    Axes
        Origins down, regions across, ms in each cell; of more than 60 origins those with most
        requests.
    """
    rows = _rows(problem, plan)
    rtt_ms = problem.rtt_ms[rows.origin]
    size = (2.6 + 1.05 * rtt_ms.shape[1], 1.6 + 0.19 * len(rtt_ms))
    ax = own_axes(*size) if ax is None else ax
    finite = rtt_ms[np.isfinite(rtt_ms)]
    top = min(max(float(finite.max(initial=1.0)), 1.0), DARKEST_MS)
    ax.pcolormesh(rtt_ms, cmap=SHADES, vmin=0, vmax=top, edgecolors="white", linewidth=0.6)
    _write_cells(ax, rtt_ms, top)
    _frame_serving(ax, rows, list(region_colours(problem.axes.regions).values()))
    _name_rows_and_columns(ax, rows, problem)
    ax.set_title(wrapped(ax, _finding(problem, plan)))
    return ax


@dataclass(frozen=True)
class _Rows:
    """Origins in the order in which they are shown, and the region of each."""

    origin: Ints
    region: Ints


def _serving(problem: Problem, plan: Plan | None) -> Ints:
    """Return the region that serves most of each origin, without a plan the nearest."""
    nearest: Ints = problem.rtt_ms.argmin(axis=1)
    if plan is None:
        return nearest
    main, regions = main_regions(plan), problem.axes.regions
    return np.array(
        [
            regions.index(region) if (region := main.get(origin)) else nearest[i]
            for i, origin in enumerate(problem.axes.origins)
        ]
    )


def _requests_rps(problem: Problem) -> Floats:
    """Return the mean requests per second of each origin, all services."""
    requests: Floats = problem.demand_rps.sum(axis=0).mean(axis=1)
    return requests


def _rows(problem: Problem, plan: Plan | None) -> _Rows:
    """Return the origins with most requests, by region and, within one, nearest first."""
    most = np.argsort(-_requests_rps(problem), kind="stable")[:MOST_ORIGINS]
    region = _serving(problem, plan)[most]
    order = np.lexsort((problem.rtt_ms[most, region], region))
    return _Rows(most[order], region[order])


def _write_cells(ax: Axes, rtt_ms: Floats, top: float) -> None:
    """Write each round trip into its cell, dark on light and light on dark."""
    for (i, j), value in np.ndenumerate(rtt_ms):
        text = f"{value:.0f}" if np.isfinite(value) else "cut"
        colour = "white" if value > WHITE_FROM_SHARE * top else INK
        ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=7.5, color=colour)


def _frame_serving(ax: Axes, rows: _Rows, colours: list[str]) -> None:
    """Frame the cell of the region that serves each origin, in the region's colour."""
    boxes = [Rectangle((j + 0.03, i + 0.06), 0.94, 0.88) for i, j in enumerate(rows.region)]
    edges = [colours[j] for j in rows.region]
    ax.add_collection(
        PatchCollection(boxes, facecolors="none", edgecolors=edges, linewidths=1.8, zorder=3)
    )


def _name_rows_and_columns(ax: Axes, rows: _Rows, problem: Problem) -> None:
    """Write names of origins and regions, first row on top."""
    scenario, count = problem.scenario, len(problem.axes.regions)
    regions = drawn_regions(scenario) if scenario else {r: r for r in problem.axes.regions}
    codes = [problem.axes.origins[o] for o in rows.origin]
    names = [drawn(scenario.origins[code].name, code) if scenario else code for code in codes]
    ax.set_xticks(np.arange(count) + 0.5, [regions[r] for r in problem.axes.regions])
    ax.set_yticks(np.arange(len(names)) + 0.5, names, fontsize=8)
    ax.set_ylim(len(names), 0)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    colours = region_colours(problem.axes.regions)
    for label, colour in zip(ax.get_xticklabels(), colours.values(), strict=True):
        label.set(color=colour, fontweight="bold", fontsize=9)
    ax.set_xlabel("median round trip, ms", fontsize=8.5)


def _finding(problem: Problem, plan: Plan | None) -> str:
    """Say how near the requests are to the region that serves them."""
    rps = _requests_rps(problem)
    own = problem.rtt_ms[np.arange(len(rps)), _serving(problem, plan)]
    order = np.argsort(own, kind="stable")
    part = np.cumsum(rps[order]) / max(float(rps.sum()), 1e-12)
    half, most = (own[order][np.searchsorted(part, share - 1e-9)] for share in (0.5, 0.9))
    region = "nearest region" if plan is None else "region that serves them"
    return (
        f"Half of the requests come from within {half:.0f} ms of the {region}, "
        f"90 % from within {most:.0f} ms"
    )

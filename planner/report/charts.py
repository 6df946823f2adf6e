"""Charts of a plan and of its problem; each takes `ax` and returns it, none shows anything."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from planner.model.plan import Plan
from planner.report.drawn_names import drawn_regions
from planner.report.failure_matrix import failure_matrix
from planner.report.heat_map import rtt_heat_map
from planner.report.maps import region_map
from planner.report.style import FAINT, INK, in_our_style, own_axes, region_colours, wrapped
from planner.report.timeline_chart import timeline

__all__ = ["failure_matrix", "region_map", "replicas", "rtt_heat_map", "timeline"]

MOST_BARS, MOST_NAMED = 60, 5
CONTROLLERS = {"kubefed": "KubeFed", "karmada": "Karmada"}


@in_our_style
def replicas(plan: Plan, *, ax: Axes | None = None) -> Axes:
    """Draw the replicas of each service in each region, with the weights that produce them.

    Parameters
    ----------
    plan : Plan
        The plan.
    ax : Axes, optional
        Where to draw; a figure of its own without it.

    Returns
    -------
    Axes
        Bars grouped by service; over each bar its replicas and, below them, its weight.
    """
    table, weights = plan.replicas, plan.weights
    count = table.shape[0] * table.shape[1]
    ax = own_axes(min(max(6.5, 0.55 * count + 1.5), 16.0), 4.6) if ax is None else ax
    colours, names = region_colours(table.columns), drawn_regions(plan.scenario)
    width = 0.84 / table.shape[1]
    for j, region in enumerate(table.columns):
        x = np.arange(len(table)) + (j - (table.shape[1] - 1) / 2) * width
        ax.bar(x, table[region], width * 0.92, color=colours[region], label=names[region])
        if count <= MOST_BARS:
            _write_bars(ax, x, table[region], weights[region])
    ax.set_xticks(np.arange(len(table)), table.index, fontsize=10)
    ax.tick_params(axis="x", length=0)
    ax.set_ylim(0, max(float(table.to_numpy().max()), 1.0) * 1.2)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel("replicas")
    ax.grid(axis="y")
    ax.set_title(wrapped(ax, _replica_finding(plan)))
    ax.set_xlabel(f"w: weight for {CONTROLLERS[plan.scenario.federation.controller]}", color=FAINT)
    ax.legend(loc="upper right", ncols=min(table.shape[1], 6), handlelength=1.0, columnspacing=1.2)
    return ax


def _write_bars(ax: Axes, x: np.ndarray, counts: pd.Series[int], weights: pd.Series[int]) -> None:
    """Write replicas and weight over each bar."""
    for place, count, weight in zip(x, counts, weights, strict=True):
        if count == 0:
            ax.annotate(
                "0",
                (place, 0),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=FAINT,
            )
            continue
        ax.annotate(
            f"w {weight}",
            (place, count),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
            color=FAINT,
        )
        ax.annotate(
            f"{count}",
            (place, count),
            xytext=(0, 12),
            textcoords="offset points",
            ha="center",
            fontsize=9.5,
            fontweight="bold",
            color=INK,
        )


def _replica_finding(plan: Plan) -> str:
    """Say how many replicas stand where."""
    names = drawn_regions(plan.scenario)
    totals = plan.replicas.sum().sort_values(ascending=False, kind="stable")
    counts = [(names[str(region)], int(n)) for region, n in totals.items() if n > 0]
    parts = [f"{name} {n}" for name, n in counts[:MOST_NAMED]]
    if rest := counts[MOST_NAMED:]:
        parts.append(f"{len(rest)} more {sum(n for _, n in rest)}")
    return f"{int(totals.sum())} replicas: {', '.join(parts)}"

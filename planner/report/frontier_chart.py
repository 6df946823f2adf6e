"""Cost against latency, one curve for each level of survival."""

from __future__ import annotations

from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import StrMethodFormatter

from planner.report.style import FAINT, INK, PALETTE, in_our_style, own_axes, wrapped

WORDS = {
    "none": "nothing lost",
    "N-1": "any one region lost",
    "N-2": "any two regions lost",
    "risk-groups": "any one risk group cut",
}
"""Level of survival to what its plans hold in."""

AXIS_WORDS = {"mean": "mean latency", "p95": "the 95th percentile of all requests"}
"""Kind of latency to its words."""

_COLUMN = {"mean": "mean_latency_ms", "p95": "p95_ms"}

COLOURS = dict(zip(WORDS, PALETTE, strict=False))
MARKERS = dict(zip(WORDS, "osD^", strict=True))
WIDTHS = {"none": 3.2}
"""Curves that coincide shall both be seen: the first is drawn below and wider."""


@in_our_style
def frontier_chart(
    table: pd.DataFrame,
    name: str = "",
    *,
    latency: Literal["mean", "p95"] = "mean",
    ax: Axes | None = None,
) -> Axes:
    """Draw the frontier.

    Parameters
    ----------
    table : DataFrame
        One row a point, by level and increasing cost: ``survive, cost_usd_month, mean_latency_ms,
        knee``; for the 95th percentile ``p95_ms`` too.
    name : str
        Scenario, for the title.
    latency : {'mean', 'p95'}
        What cost was traded against.
    ax : Axes, optional
        Where to draw; a figure of its own without it.

    Returns
    -------
    Axes
        Dollars across, milliseconds up; a step is what the plan at its left end gives until a
        dearer plan is known to be nearer. The knee of each curve is ringed.

    Notes
    -----
    Levels that no plan keeps have no rows and so no curve.  Where ``epsilon_ms`` is given, only a
    row without it is the least cost of its level: a curve that was stopped early may lack it.
    """
    ax = own_axes(8.4, 4.8) if ax is None else ax
    for level, points in table.groupby("survive", sort=False):
        _draw(ax, str(level), points, _COLUMN[latency])
    ax.set_xlabel("cost of regions and replicas, USD a month")
    words = {"mean": "mean latency weighted with demand, ms", "p95": f"{AXIS_WORDS['p95']}, ms"}
    ax.set_ylabel(words[latency])
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.grid()
    ax.margins(0.06, 0.1)
    ax.legend(loc="upper right", title="holds with")
    ax.set_title(wrapped(ax, _finding(table, name, _COLUMN[latency])))
    return ax


def _draw(ax: Axes, level: str, points: pd.DataFrame, column: str) -> None:
    """Draw the curve of a level and ring its knee."""
    colour = COLOURS.get(level, INK)
    cost, latency = points["cost_usd_month"], points[column]
    width = WIDTHS.get(level, 1.3)
    ax.step(cost, latency, where="post", color=colour, linewidth=width, alpha=0.45)
    ax.plot(
        cost,
        latency,
        color=colour,
        marker=MARKERS.get(level, "o"),
        markersize=4.2 + width / 2,
        linestyle="none",
        label=WORDS.get(level, level),
    )
    for _, knee in points[points["knee"]].iterrows():
        at = (float(knee["cost_usd_month"]), float(knee[column]))
        ax.plot(*at, marker="o", markersize=13, markerfacecolor="none", color=colour)
        ax.annotate(
            f"knee: {at[0]:,.0f} USD, {at[1]:.1f} ms",
            at,
            xytext=(9, 8),
            textcoords="offset points",
            color=FAINT,
            fontsize=8.5,
        )


def _finding(table: pd.DataFrame, name: str, column: str) -> str:
    """Say what survival adds to the least cost; without that, where the curves end."""
    start = f"{name}: " if name else ""
    uncapped = table["epsilon_ms"].isna() if "epsilon_ms" in table else table["knee"].notna()
    least = table[uncapped].groupby("survive", sort=False)["cost_usd_month"].min()
    if "none" in least and "N-1" in least:
        more = 100 * (least["N-1"] / max(least["none"], 1e-9) - 1)
        return f"{start}to survive any region costs {more:.0f} % more"
    if set(table["survive"]) - set(least.index):
        return f"{start}cost against latency; a curve without its least cost was stopped early"
    ends = table[column]
    return f"{start}{ends.max():.0f} ms at least cost, {ends.min():.0f} ms at most"

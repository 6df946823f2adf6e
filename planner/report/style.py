"""The look of figures: colours by region, a figure to draw in, files of a figure."""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import ParamSpec

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.style import context

STYLE = Path(__file__).with_name("planner.mplstyle")

INK = "#1f1f1f"
FAINT = "#6b6b6b"

PALETTE = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9"),
    *("#882255", "#999933", "#332288", "#AA4499", "#44AA99", "#661100"),
)
"""Okabe and Ito's colours without black and yellow, then Paul Tol's muted ones: told apart by
colour-blind readers, in this order."""

P = ParamSpec("P")


def region_colours(regions: Iterable[str]) -> dict[str, str]:
    """Return the colour of each region: the same in every figure of a scenario.

    Parameters
    ----------
    regions : iterable of str
        The scenario's regions, in its order.

    Returns
    -------
    dict of str to str
        Region to colour, ``#rrggbb``; after twelve regions the colours start again.

    References
    ----------
    M. Okabe and K. Ito, "Color Universal Design", 2008; P. Tol, "Colour schemes",
    SRON/EPS/TN/09-002.

    Examples
    --------
    >>> region_colours(["taipei", "tokyo"])
    {'taipei': '#0072B2', 'tokyo': '#E69F00'}
    """
    return {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(regions)}


def in_our_style(draw: Callable[P, Axes]) -> Callable[P, Axes]:
    """Let a chart draw with the project's style sheet and leave the caller's settings alone."""

    @wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Axes:
        with context(STYLE):
            return draw(*args, **kwargs)

    return styled


def own_axes(width_in: float, height_in: float) -> Axes:
    """Return axes in a figure of their own.

    Parameters
    ----------
    width_in, height_in : float
        Size of the figure, inches.

    Returns
    -------
    Axes
        Known to pyplot where the caller works with pyplot (so a notebook shows it), else free of
        any global state.
    """
    pyplot = sys.modules.get("matplotlib.pyplot")
    size = (width_in, height_in)
    figure: Figure = pyplot.figure(figsize=size) if pyplot else Figure(figsize=size)
    if pyplot is None:
        FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained")
    axes: Axes = figure.add_subplot()
    return axes


def settle(axes: Axes) -> None:
    """Lay the figure out once and for all, so that places in pixels stay what they are."""
    figure = axes.get_figure(root=True)
    engine = figure.get_layout_engine() if figure else None
    if figure is not None and isinstance(engine, ConstrainedLayoutEngine):
        engine.execute(figure)
        figure.set_layout_engine(None)  # "none" would leave a placeholder that draws twice
    axes.apply_aspect()


def wrapped(axes: Axes, title: str, size_pt: float = 11.5) -> str:
    """Break a title so that it is no wider than the axes.

    Parameters
    ----------
    axes : Axes
        Under the title.
    title : str
        One line.
    size_pt : float
        Its size, points.

    Returns
    -------
    str
        One or more lines.
    """
    figure = axes.get_figure(root=True)
    width_in = axes.get_position().width * (figure.get_figwidth() if figure else 6.0)
    return textwrap.fill(title, max(24, int(width_in * 72.0 / (0.62 * size_pt))))


def figure_files(figures: Mapping[str, Axes]) -> dict[str, bytes]:
    """Return each figure as PNG and SVG, without dates: the same figure gives the same SVG.

    Parameters
    ----------
    figures : mapping of str to Axes
        File name without its ending to the axes whose figure is wanted.

    Returns
    -------
    dict of str to bytes
        File name to content.
    """
    files = {}
    with context(STYLE):
        for name, axes in figures.items():
            for ending in ("png", "svg"):
                files[f"{name}.{ending}"] = _rendered(axes, ending)
    return files


def _rendered(axes: Axes, ending: str) -> bytes:
    """Draw one figure into memory."""
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("`axes` must belong to a figure")
    buffer = io.BytesIO()
    metadata = {"Date": None} if ending == "svg" else {"Software": None}
    settle(axes)
    figure.savefig(buffer, format=ending, metadata=metadata)
    return buffer.getvalue()

"""What each failure state does to each service, as a matrix."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from planner.problem.arrays import Floats
from planner.report.drawn_names import drawn
from planner.report.style import FAINT, INK, in_our_style, own_axes, wrapped
from planner.simulation.assessment import Assessment

MOST_STATES = 40
CELL_IN, LETTER_IN, TITLE_LETTER_IN = 1.05, 0.085, 0.105
WHITE_FROM_SHARE = 0.55
SHADES = LinearSegmentedColormap.from_list("unserved", ["#f4f6f5", "#f7c59a", "#d55e00", "#7a2f00"])


@in_our_style
def failure_matrix(result: Assessment, *, ax: Axes | None = None) -> Axes:
    """Draw the share of each service's demand that each failure state leaves unserved.

    Parameters
    ----------
    result : Assessment
        The judge's replay of a plan.
    ax : Axes, optional
        Where to draw; a figure of its own without it.

    Returns
    -------
    Axes
        States down, services across, percent in each cell; the last column is the largest 95th
        percentile over its limit in promised states.  Promised states stand first; of more than
        40 states those that lose most.

    Notes
    -----
    Each service is shown in its own worst hour, so a row does not add up to one moment.  What is
    cut off beyond 40 states is in `Assessment.failure_matrix`.
    """
    state = _shown(result)
    share = result.failure_matrix.to_numpy()[state]
    services = list(result.axes.services)
    names = [drawn(result.axes.states[k], f"state {k}") for k in state.tolist()]
    own = CELL_IN * (len(services) + 1)
    if ax is None:
        ax = own_axes(0.6 + LETTER_IN * max(map(len, names)) + own, 1.8 + 0.27 * len(state))
        title = textwrap.fill(_finding(result), max(24, int(own / TITLE_LETTER_IN)))
    else:
        title = wrapped(ax, _finding(result))
    ax.pcolormesh(share, cmap=SHADES, vmin=0, vmax=max(float(share.max(initial=0.0)), 0.01))
    _write_cells(ax, share, result.p95_over_limit[state])
    promised = result.must_survive[state]
    ax.set_yticks(np.arange(len(state)) + 0.5, names)
    for label, kept in zip(ax.get_yticklabels(), promised, strict=True):
        label.set(color=INK if kept else FAINT, fontweight="bold" if kept else "normal")
    columns = [*services, "p95 / limit"]
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns)
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    ax.set_xlim(0, len(columns))
    ax.set_ylim(len(state), 0)
    if promised.any() and not promised.all():
        ax.axhline(float(promised.sum()), color=INK, linewidth=1.2)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("unserved in the worst hour, % of its demand\nbold: promised states")
    ax.set_title(title)
    return ax


def _shown(result: Assessment) -> np.ndarray:
    """Return the states to show: promised ones first, each part by what it costs in expectation.

    Events without a rate have no probability: they stand behind, by what they lose.
    """
    lost, expected = result.unserved_share, result.lost_requests_month
    order = np.lexsort((np.arange(lost.size), -lost, -expected, ~result.must_survive))
    return order[:MOST_STATES]


def _write_cells(ax: Axes, share: Floats, p95_over_limit: Floats) -> None:
    """Write percent into each cell and the ratio of p95 to its limit beside them."""
    top = max(float(share.max(initial=0.0)), 0.01)
    for (row, column), value in np.ndenumerate(share):
        dark = value > WHITE_FROM_SHARE * top
        text = "0" if value == 0 else f"{100 * value:.1f}"
        ax.text(
            column + 0.5, row + 0.5, text, color="white" if dark else INK, ha="center", va="center"
        )
    for row, ratio in enumerate(p95_over_limit):
        text = "–" if np.isnan(ratio) else f"{ratio:.2f}"
        ax.text(share.shape[1] + 0.5, row + 0.5, text, color=FAINT, ha="center", va="center")


def _finding(result: Assessment) -> str:
    """Say what the matrix shows."""
    promised = result.unserved_share[result.must_survive]
    if promised.max(initial=0.0) > 0:
        return f"Promised states lose up to {100 * promised.max():.1f} % of all demand"
    count, others = int(result.must_survive.sum()), result.unserved_share[~result.must_survive]
    kept = f"Nothing lost in {count} promised state{'s' if count != 1 else ''}"
    if others.max(initial=0.0) > 0:
        return f"{kept}; elsewhere up to {100 * others.max():.0f} % of all demand"
    return kept

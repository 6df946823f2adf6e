"""Where labels go so that none lies on another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

Place = Sequence[float] | NDArray[np.float64]

DIRECTIONS = (
    *((1.0, 0.0), (-1.0, 0.0), (0.9, -0.3), (0.9, 0.3), (-0.9, -0.3), (-0.9, 0.3)),
    *((0.0, 1.0), (0.0, -1.0), (0.7, -0.7), (0.7, 0.7), (-0.7, -0.7), (-0.7, 0.7)),
)
"""Right, left, then round the mark; unit steps from the marked place."""

_HORIZONTAL = {1: "left", 0: "center", -1: "right"}
_VERTICAL = {1: "bottom", 0: "center", -1: "top"}


class Labels:
    """Labels of one chart: each goes to the first free place beside its mark.

    Parameters
    ----------
    axes : Axes
        Where they are drawn; its limits must be final.
    taken : iterable of Bbox
        What must not be covered, pixels.
    """

    def __init__(self, axes: Axes, taken: Iterable[Bbox] = ()) -> None:
        self._axes = axes
        self._taken = [np.array(box.extents) for box in taken]
        figure = axes.get_figure(root=True)
        if figure is None:
            raise ValueError("`axes` must belong to a figure")
        self._renderer = _renderer(*figure.bbox.size, figure.dpi)
        self._point_px = figure.dpi / 72.0

    def keep_clear(self, place: Place, radius_pt: float) -> None:
        """Mark a disc, centred in data coordinates with a radius in points, as taken."""
        self._taken.append(np.array(self._disc(place, radius_pt).extents))

    def put(
        self,
        place: Place,
        text: str,
        *,
        away_pt: float,
        needed: bool = False,
        directions: Sequence[tuple[float, float]] = DIRECTIONS,
        **look: Any,
    ) -> Text | None:
        """Write a label beside a place.

        Parameters
        ----------
        place : (float, float)
            The place, data coordinates.
        text : str
            What to write.
        away_pt : float
            Distance of the label from the place, points.
        needed : bool
            Whether to write it even where nothing is free; otherwise it is left out.
        directions : sequence of (float, float)
            Where to try, in order.
        **look
            How to write it, as in `Axes.annotate`.

        Returns
        -------
        Text or None
            The label; None where it was left out.
        """
        label = self._axes.annotate(
            text, (place[0], place[1]), xytext=(0, 0), textcoords="offset points", **look
        )
        size = label.get_window_extent(self._renderer)
        at = self._axes.transData.transform((place[0], place[1]))
        boxes = {d: self._box(at, size, d, away_pt) for d in directions}
        covered = {d: self._covered(box) for d, box in boxes.items()}
        best = min(covered, key=lambda d: covered[d])
        if covered[best] > 0 and not needed:
            label.remove()
            return None
        _move(label, best, away_pt)
        self._taken.append(np.array(boxes[best].extents))
        return label

    def _box(self, at: Place, size: Bbox, direction: tuple[float, float], away_pt: float) -> Bbox:
        """Return where a label of some size would lie, pixels."""
        dx, dy = direction
        x = at[0] + dx * away_pt * self._point_px + size.width * (_sign(dx) - 1) / 2
        y = at[1] + dy * away_pt * self._point_px + size.height * (_sign(dy) - 1) / 2
        return Bbox.from_bounds(x, y, size.width, size.height).padded(self._point_px)

    def _covered(self, box: Bbox) -> float:
        """Return how much of a box is taken or off the axes, square pixels."""
        own, inside = np.array(box.extents), np.array([self._axes.bbox.extents])
        off = box.width * box.height - _overlap(own, inside)
        return off + _overlap(own, np.array(self._taken).reshape(-1, 4))

    def _disc(self, place: Place, radius_pt: float) -> Bbox:
        """Return the square round a disc, pixels."""
        x, y = self._axes.transData.transform((place[0], place[1]))
        radius = radius_pt * self._point_px
        return Bbox.from_extents(x - radius, y - radius, x + radius, y + radius)


def _renderer(width: float, height: float, dpi: float) -> RendererBase:
    """Return what measures text."""
    renderer: RendererBase = RendererAgg(width, height, dpi)  # type: ignore[no-untyped-call]
    return renderer


def _sign(step: float) -> int:
    """Return -1, 0 or 1; small steps count as none."""
    return (step > 0.1) - (step < -0.1)


def _move(label: Text, direction: tuple[float, float], away_pt: float) -> None:
    """Set a label in a direction from its place."""
    dx, dy = direction
    label.set_position((dx * away_pt, dy * away_pt))
    label.set_horizontalalignment(_HORIZONTAL[_sign(dx)])  # type: ignore[arg-type]
    label.set_verticalalignment(_VERTICAL[_sign(dy)])  # type: ignore[arg-type]


def _overlap(one: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return the area that one box shares with others, boxes as x0, y0, x1, y1."""
    sides = np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2])
    return float(np.clip(sides, 0.0, None).prod(axis=1).sum())

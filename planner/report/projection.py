"""The sheet a world map is drawn on: Equal Earth about a meridian of choice, cut at its back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planner.io.datasets import read_table

Floats = NDArray[np.float64]

_A = (1.340264, -0.081106, 0.000893, 0.003796)
_ROOT = np.sqrt(3.0) / 2.0


@dataclass(frozen=True)
class Sheet:
    """A map sheet.

    Attributes
    ----------
    centre_deg : float
        Longitude in the middle, degrees; the sheet is cut 180 degrees from it.
    """

    centre_deg: float = 160.0

    def offsets_deg(self, longitude_deg: ArrayLike) -> Floats:
        """Return longitudes as degrees from the middle, in [-180, 180)."""
        offset = np.asarray(longitude_deg, dtype=np.float64) - self.centre_deg
        turned: Floats = (offset + 180.0) % 360.0 - 180.0
        return turned

    def points(self, longitude_deg: ArrayLike, latitude_deg: ArrayLike) -> Floats:
        """Return places on the sheet, shape (..., 2)."""
        return equal_earth(self.offsets_deg(longitude_deg), latitude_deg)


def equal_earth(offset_deg: ArrayLike, latitude_deg: ArrayLike) -> Floats:
    r"""Project onto a plane on which equal areas stay equal.

    .. math:: \sin\theta = \tfrac{\sqrt3}{2}\sin\varphi, \quad
              y = \sum_i A_i \theta^{p_i}, \quad
              x = \frac{2\lambda\cos\theta}{\sqrt3\,\mathrm dy/\mathrm d\theta}, \quad
              p = 1, 3, 7, 9

    Parameters
    ----------
    offset_deg : array_like, shape (...)
        Longitude from the central meridian, degrees.
    latitude_deg : array_like, shape (...)
        Latitude, degrees.

    Returns
    -------
    ndarray, shape (..., 2)
        Places in radii of the globe: about ±2.71 across and ±1.32 up.

    References
    ----------
    B. Šavrič, T. Patterson, B. Jenny, "The Equal Earth map projection", International Journal of
    Geographical Information Science 33(3), 2019, equations 1 to 4.

    Examples
    --------
    >>> equal_earth(180.0, 0.0).round(4).tolist()
    [2.7066, 0.0]
    >>> equal_earth(0.0, 90.0).round(4).tolist()
    [0.0, 1.3174]
    """
    lam = np.radians(np.asarray(offset_deg, dtype=np.float64))
    theta = np.arcsin(_ROOT * np.sin(np.radians(np.asarray(latitude_deg, dtype=np.float64))))
    t2 = theta * theta
    t6 = t2 * t2 * t2
    a, b, c, d = _A
    y = theta * (a + b * t2 + t6 * (c + d * t2))
    slope = a + 3 * b * t2 + t6 * (7 * c + 9 * d * t2)
    x = lam * np.cos(theta) / (_ROOT * slope)
    return np.stack(np.broadcast_arrays(x, y), axis=-1)


def great_circle(
    longitude_a_deg: float,
    latitude_a_deg: float,
    longitude_b_deg: float,
    latitude_b_deg: float,
    steps: int = 60,
) -> tuple[Floats, Floats]:
    """Return points of the shortest way between two places.

    Parameters
    ----------
    longitude_a_deg, latitude_a_deg, longitude_b_deg, latitude_b_deg : float
        The two ends, degrees.
    steps : int
        Number of points.

    Returns
    -------
    longitude_deg, latitude_deg : ndarray, shape (steps,)
        From the first end to the second, evenly spaced.

    Notes
    -----
    Between antipodes every way is shortest; one of them is returned.

    Examples
    --------
    The way from Taipei to Los Angeles passes far north of both:

    >>> _, latitude_deg = great_circle(121.53, 25.05, -118.24, 34.05)
    >>> latitude_deg.max().round(1).item()
    49.1
    """
    lon = np.radians([longitude_a_deg, longitude_b_deg])
    lat = np.radians([latitude_a_deg, latitude_b_deg])
    ends = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    angle = np.arccos(np.clip(ends[0] @ ends[1], -1.0, 1.0))
    part = np.linspace(0.0, 1.0, steps)[:, None]
    if angle < 1e-9:
        way = np.repeat(ends[:1], steps, axis=0)
    else:
        way = (np.sin((1 - part) * angle) * ends[0] + np.sin(part * angle) * ends[1]) / np.sin(
            angle
        )
    return np.degrees(np.arctan2(way[:, 1], way[:, 0])), np.degrees(
        np.arctan2(way[:, 2], np.hypot(way[:, 0], way[:, 1]))
    )


def cut_line(offset_deg: Floats, latitude_deg: Floats) -> list[Floats]:
    """Return a line on the sheet, in two pieces where it leaves one edge and enters the other.

    Parameters
    ----------
    offset_deg, latitude_deg : ndarray, shape (N,)
        Points in turn; offsets in [-180, 180).

    Returns
    -------
    list of ndarray, shape (M, 2)
        Projected pieces of two points and more.
    """
    jumps = np.flatnonzero(np.abs(np.diff(offset_deg)) > 180.0) + 1
    pieces = np.split(equal_earth(offset_deg, latitude_deg), jumps)
    return [piece for piece in pieces if len(piece) > 1]


def cut_ring(offset_deg: Floats, latitude_deg: Floats) -> list[Floats]:
    """Return a closed outline on the sheet, cut in two where the sheet's back runs through it.

    Parameters
    ----------
    offset_deg, latitude_deg : ndarray, shape (N,)
        Corners in turn; offsets in [-180, 180).

    Returns
    -------
    list of ndarray, shape (M, 2)
        Projected outlines.
    """
    if np.ptp(offset_deg) <= 180.0:
        return [equal_earth(offset_deg, latitude_deg)]
    flat = np.stack([np.degrees(np.unwrap(np.radians(offset_deg))), latitude_deg], axis=1)
    outlines = []
    for turn in (-360.0, 0.0, 360.0):
        moved = flat + np.array([turn, 0.0])
        inside = _clipped(_clipped(moved, -180.0, 1.0), 180.0, -1.0)
        if len(inside) >= 3:
            outlines.append(equal_earth(inside[:, 0], inside[:, 1]))
    return outlines


def _clipped(ring: Floats, edge_deg: float, side: float) -> Floats:
    """Cut a ring at a meridian and keep the part on one side (Sutherland and Hodgman)."""
    kept: list[Floats] = []
    for i, corner in enumerate(ring):
        before = ring[i - 1]
        is_in, was_in = side * (corner[0] - edge_deg) >= 0, side * (before[0] - edge_deg) >= 0
        if is_in != was_in:
            part = (edge_deg - before[0]) / (corner[0] - before[0])
            kept.append(before + part * (corner - before))
        if is_in:
            kept.append(corner)
    return np.array(kept).reshape(-1, 2)


@cache
def coastline(centre_deg: float) -> tuple[tuple[str, ...], tuple[Floats, ...]]:
    """Return the outlines of all countries on a sheet.

    Parameters
    ----------
    centre_deg : float
        Longitude in the middle, degrees.

    Returns
    -------
    countries : tuple of str
        ISO 3166-1 alpha-2 code of each outline; empty where there is none.
    outlines : tuple of ndarray, shape (M, 2)
        Projected outlines.

    References
    ----------
    Natural Earth, countries at 1:110 million, public domain (``datasets/SOURCES.md``).
    """
    sheet = Sheet(centre_deg)
    table = read_table("coastline")
    countries, outlines = [], []
    for country, corners in zip(table.country, table.corners_deg, strict=True):
        ring = np.array(corners.split(), dtype=np.float64).reshape(-1, 2)
        for outline in cut_ring(sheet.offsets_deg(ring[:, 0]), ring[:, 1]):
            countries.append(str(country))
            outlines.append(outline)
    return tuple(countries), tuple(outlines)

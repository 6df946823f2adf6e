"""The measured sites around places: which stand there, which are nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planner.geo import great_circle_km
from planner.model.rtt_tables import Bools, Floats, Ints, RttTables

METRO_KM = 70.0
"""A site this near stands for the place itself."""

NEIGHBOURS = 6
"""Sites of each kind that are looked at around a place."""


@dataclass(frozen=True, eq=False)
class Places:
    """Where the ends of round trips are.

    Attributes
    ----------
    latitude_deg, longitude_deg : ndarray, shape (n,)
        Coordinates, degrees.
    metro : ndarray of str, shape (n,)
        Metro code, or empty where none is known.
    """

    latitude_deg: Floats
    longitude_deg: Floats
    metro: NDArray[np.str_]


def places(
    latitude_deg: ArrayLike, longitude_deg: ArrayLike, metro: Sequence[str] | None = None
) -> Places:
    """Check coordinates and metro codes and align them.

    Parameters
    ----------
    latitude_deg, longitude_deg : array_like, shape (n,)
        Coordinates, degrees.
    metro : sequence of str, optional, length n
        Metro codes as in ``sites.csv``; empty where a place has none.

    Returns
    -------
    Places
        The places.

    Raises
    ------
    ValueError
        If lengths differ or a coordinate is out of range or not a number.

    Examples
    --------
    >>> places([25.05], [121.53], ["TPE"]).metro.item()
    'TPE'
    """
    latitude = np.atleast_1d(np.asarray(latitude_deg, dtype=np.float64))
    longitude = np.atleast_1d(np.asarray(longitude_deg, dtype=np.float64))
    codes = np.asarray([""] * len(latitude) if metro is None else list(metro), dtype=np.str_)
    if not latitude.shape == longitude.shape == codes.shape or latitude.ndim != 1:
        raise ValueError(
            "`latitude_deg`, `longitude_deg` and `metro` must be one-dimensional and equally long"
        )
    if not ((np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)).all():
        raise ValueError("`latitude_deg` must be in [-90, 90] and `longitude_deg` in [-180, 180]")
    return Places(latitude, longitude, codes)


@dataclass(frozen=True, eq=False)
class Ends:
    """Nearest sites of one kind around each place, nearest first.

    Attributes
    ----------
    site : ndarray of int, shape (..., k)
        Index of the site in `RttTables`.
    away_km : ndarray, shape (..., k)
        Its distance from the place, km; infinite for a site that is left out.
    here : ndarray of bool, shape (..., k)
        Whether it stands for the place: within 70 km, or in the same metro.
    """

    site: Ints
    away_km: Floats
    here: Bools

    def __getitem__(self, key: Any) -> Ends:
        """Pick or reshape the places, not the neighbours."""
        return Ends(self.site[key], self.away_km[key], self.here[key])


@dataclass(frozen=True, eq=False)
class Vicinity:
    """Sites of every kind around each place."""

    probes: Ends
    clouds: Ends
    people: Ends

    def __getitem__(self, key: Any) -> Vicinity:
        """Pick or reshape the places."""
        return Vicinity(self.probes[key], self.clouds[key], self.people[key])


def vicinity(tables: RttTables, where: Places, left_out: Ints | None = None) -> Vicinity:
    """Find the sites around places.

    Parameters
    ----------
    tables : RttTables
        The measured round trips.
    where : Places
        n places.
    left_out : ndarray of int, shape (n,), optional
        For each place a site that is to be treated as if it did not exist.

    Returns
    -------
    Vicinity
        The six nearest sites of each kind (all where there are fewer), shapes (n, k).
    """
    kinds = (tables.probes, tables.clouds, tables.people)
    return Vicinity(*(_ends(tables, kind, where, left_out) for kind in kinds))


def _ends(tables: RttTables, kind: Ints, where: Places, left_out: Ints | None) -> Ends:
    """Nearest sites of one kind."""
    away = great_circle_km(
        where.latitude_deg[:, None],
        where.longitude_deg[:, None],
        tables.latitude_deg[kind],
        tables.longitude_deg[kind],
    )
    same_metro = (where.metro[:, None] == tables.metro[kind]) & (where.metro[:, None] != "")
    if left_out is not None:
        gone = kind == left_out[:, None]
        away, same_metro = np.where(gone, np.inf, away), same_metro & ~gone
    # Sites of the place's own metro come first, however far they stand from its centre.
    order = np.lexsort((away, ~same_metro), axis=-1)[:, :NEIGHBOURS]
    near = np.take_along_axis(away, order, axis=-1)
    named = np.take_along_axis(same_metro, order, axis=-1)
    return Ends(kind[order], near, named | (near <= METRO_KM))

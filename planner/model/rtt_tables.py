"""Measured round trips as aligned arrays: what an estimate stands on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from planner.geo import great_circle_km

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SAME_METRO, ANY = "same metro", "any"
PEOPLE = ("country", "city")


@dataclass(frozen=True, eq=False)
class RttTables:
    """Sites, the median round trips between them, and the lines for all other pairs.

    Attributes
    ----------
    site : ndarray of str, shape (N,)
        Site ids, as in ``sites.csv``.
    latitude_deg, longitude_deg : ndarray, shape (N,)
        Coordinates, degrees.
    metro : ndarray of str, shape (N,)
        Metro code, or empty.
    continent : ndarray of int, shape (N,)
        Row and column of the line classes below.
    probes, clouds, people : ndarray of int
        Indices of the ping servers, of the cloud regions, and of countries and cities.
    rtt_ms : ndarray, shape (N, N)
        Median round trip, ms, symmetric; NaN where nothing was measured. The diagonal of probes
        and clouds holds the round trip inside a metro.
    jitter_ms : ndarray, shape (N, N)
        Standard deviation of the round trip, ms; NaN where unknown.
    distance_km : ndarray, shape (N, N)
        Great-circle distance, km.
    intercept_ms, slope_ms_per_km, line_jitter_ms : ndarray, shape (C, C)
        Line of the median round trip on distance for each pair of continents.
    same_metro_ms, same_metro_jitter_ms : float
        Median round trip inside a metro and its jitter, ms.
    """

    site: NDArray[np.str_]
    latitude_deg: Floats
    longitude_deg: Floats
    metro: NDArray[np.str_]
    continent: Ints
    probes: Ints
    clouds: Ints
    people: Ints
    rtt_ms: Floats
    jitter_ms: Floats
    distance_km: Floats
    intercept_ms: Floats
    slope_ms_per_km: Floats
    line_jitter_ms: Floats
    same_metro_ms: float
    same_metro_jitter_ms: float

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)


def rtt_tables(
    sites: pd.DataFrame, rtt: pd.DataFrame, factors: pd.DataFrame, lines: pd.DataFrame
) -> RttTables:
    """Align the tables of measured round trips and convert every statistic to a median.

    Parameters
    ----------
    sites : DataFrame
        Columns `site`, `kind` (probe, cloud, country, city; others are left out), `continent`,
        `metro`, `latitude_deg`, `longitude_deg`.
    rtt : DataFrame
        Columns `from_site`, `to_site`, `rtt_ms`, `jitter_ms`, `source`, `statistic`; one row an
        unordered pair.
    factors : DataFrame
        Columns `source`, `statistic`, `to_median_factor`.
    lines : DataFrame
        Columns `continent_a`, `continent_b`, `intercept_ms`, `slope_ms_per_km`, `jitter_ms`; the
        rows "any" and "same metro" are needed.

    Returns
    -------
    RttTables
        Read-only arrays.

    Raises
    ------
    ValueError
        If a site is named twice, a round trip names an unknown site or is not positive, or a
        statistic has no factor.
    """
    used = sites[sites["kind"].isin(("probe", "cloud", *PEOPLE))].reset_index(drop=True)
    index = pd.Index(used["site"])
    if not index.is_unique:
        raise ValueError("`sites` must name every site once")
    a, b = (index.get_indexer(pd.Index(rtt[end])) for end in ("from_site", "to_site"))
    if (a < 0).any() or (b < 0).any():
        raise ValueError("`rtt` must name only sites that `sites` has")
    median = _medians(rtt, factors)
    metro_line = _row(lines, SAME_METRO)
    kind = used["kind"].to_numpy(dtype=str)
    servers = np.flatnonzero(np.isin(kind, ("probe", "cloud")))
    continents, continent = np.unique(used["continent"].to_numpy(dtype=str), return_inverse=True)
    inside_ms, inside_jitter_ms = (float(metro_line[c]) for c in ("intercept_ms", "jitter_ms"))
    latitude, longitude = _floats(used, "latitude_deg"), _floats(used, "longitude_deg")
    return RttTables(
        site=used["site"].to_numpy(dtype=str),
        latitude_deg=latitude,
        longitude_deg=longitude,
        metro=used["metro"].to_numpy(dtype=str),
        continent=continent.astype(np.int64),
        probes=np.flatnonzero(kind == "probe"),
        clouds=np.flatnonzero(kind == "cloud"),
        people=np.flatnonzero(np.isin(kind, PEOPLE)),
        rtt_ms=_matrix(len(used), a, b, median, servers, inside_ms),
        jitter_ms=_matrix(len(used), a, b, _floats(rtt, "jitter_ms"), servers, inside_jitter_ms),
        distance_km=great_circle_km(latitude[:, None], longitude[:, None], latitude, longitude),
        intercept_ms=_classes(lines, "intercept_ms", continents),
        slope_ms_per_km=_classes(lines, "slope_ms_per_km", continents),
        line_jitter_ms=_classes(lines, "jitter_ms", continents),
        same_metro_ms=inside_ms,
        same_metro_jitter_ms=inside_jitter_ms,
    )


def _floats(table: pd.DataFrame, column: str) -> Floats:
    """One column as floats."""
    return table[column].to_numpy(dtype=np.float64, copy=True)


def _medians(rtt: pd.DataFrame, factors: pd.DataFrame) -> Floats:
    """Round trips times the factor of their source and statistic."""
    value = _floats(rtt, "rtt_ms")
    if not (value > 0).all():
        raise ValueError("`rtt_ms` must be positive")
    factor = np.full(len(rtt), np.nan)
    for row in factors.to_dict("records"):
        own = (rtt["source"] == row["source"]) & (rtt["statistic"] == row["statistic"])
        factor[own.to_numpy()] = row["to_median_factor"]
    if np.isnan(factor).any():
        raise ValueError("`factors` must have every source and statistic of `rtt`")
    median: Floats = value * factor
    return median


def _matrix(
    size: int, a: NDArray[np.intp], b: NDArray[np.intp], value: Floats, own: Ints, own_value: float
) -> Floats:
    """Values of unordered pairs as a symmetric matrix."""
    matrix = np.full((size, size), np.nan)
    matrix[a, b] = matrix[b, a] = value
    matrix[own, own] = own_value
    return matrix


def _row(lines: pd.DataFrame, name: str) -> pd.Series[float]:
    """Find the one row of a class that is not a pair of continents."""
    found = lines[lines["continent_a"] == name]
    if len(found) != 1:
        raise ValueError(f"`lines` must have one row {name!r}")
    return found.iloc[0]


def _classes(lines: pd.DataFrame, column: str, continents: NDArray[np.str_]) -> Floats:
    """One coefficient for every pair of continents; the line of any pair where none is given."""
    size = len(continents)
    matrix = np.full((size, size), float(_row(lines, ANY)[column]))
    place = pd.Index(continents)
    a, b = (place.get_indexer(pd.Index(lines[f"continent_{end}"])) for end in "ab")
    known = (a >= 0) & (b >= 0)
    matrix[a[known], b[known]] = matrix[b[known], a[known]] = _floats(lines, column)[known]
    return matrix

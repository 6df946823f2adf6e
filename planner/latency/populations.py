"""Round trips of whole countries: a small distribution over the cities where people live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from planner.geo import great_circle_km
from planner.latency.rtt import RttEstimate, estimate
from planner.latency.vicinity import places
from planner.model.rtt_tables import Floats, RttTables

LABEL_KM = 50.0
"""An origin this near to its country's label point means the whole country."""


@dataclass(frozen=True, eq=False)
class OriginPoints:
    """Where the people of each origin are.

    Attributes
    ----------
    latitude_deg, longitude_deg : ndarray, shape (O, P)
        Points, degrees; the heaviest first. Where an origin has fewer than P points, its first is
        repeated with weight 0.
    weight_share : ndarray, shape (O, P)
        Share of the origin's people at each point; every row sums to 1.
    """

    latitude_deg: Floats
    longitude_deg: Floats
    weight_share: Floats

    def __post_init__(self) -> None:
        for value in vars(self).values():
            value.setflags(write=False)


@dataclass(frozen=True, eq=False)
class OriginRtt:
    """Round trips between the points of origins and regions.

    Attributes
    ----------
    rtt_ms : ndarray, shape (O, P, R)
        Median round trip, ms.
    jitter_ms : ndarray, shape (O, P, R)
        Standard deviation of single round trips, ms.
    method : ndarray of int8, shape (O, P, R)
        `RttMethod` of each entry.
    weight_share : ndarray, shape (O, P)
        Share of the origin's people at each point.
    """

    rtt_ms: Floats
    jitter_ms: Floats
    method: NDArray[np.int8]
    weight_share: Floats

    @property
    def mean_ms(self) -> Floats:
        """Mean over the people of an origin, ms, shape (O, R)."""
        mean: Floats = np.einsum("op,opr->or", self.weight_share, self.rtt_ms)
        return mean

    @property
    def main_method(self) -> NDArray[np.int8]:
        """Method of the heaviest point, shape (O, R)."""
        return self.method[:, 0]

    def quantile_ms(self, probability: float) -> Floats:
        """Least round trip that this share of an origin's people do not exceed.

        Parameters
        ----------
        probability : float
            In (0, 1]; 0.5 is the median.

        Returns
        -------
        ndarray, shape (O, R)
            Round trip, ms.

        Raises
        ------
        ValueError
            If `probability` is outside (0, 1].
        """
        if not 0 < probability <= 1:
            raise ValueError("`probability` must be in (0, 1]")
        order = np.argsort(self.rtt_ms, axis=1, kind="stable")
        weight = np.broadcast_to(self.weight_share[:, :, None], self.rtt_ms.shape)
        reached = np.cumsum(np.take_along_axis(weight, order, 1), axis=1)
        # A tenth of a millionth forgives shares that sum to 1 only in decimals.
        first = (reached >= probability - 1e-7).argmax(axis=1)[:, None]
        ordered = np.take_along_axis(self.rtt_ms, order, 1)
        quantile: Floats = np.take_along_axis(ordered, first, 1)[:, 0]
        return quantile


def origin_points(
    country: Sequence[str],
    latitude_deg: ArrayLike,
    longitude_deg: ArrayLike,
    *,
    origins: pd.DataFrame,
    cities: pd.DataFrame,
) -> OriginPoints:
    """Replace origins that mean a whole country by the cities where its people live.

    An origin within 50 km of its country's label point means the whole country: it becomes the
    country's largest city or, above 50 million internet users, its six largest cities with their
    weights. Any other origin is the point that it says it is.

    Parameters
    ----------
    country : sequence of str, length O
        ISO 3166-1 alpha-2 codes; empty or unknown codes keep their point.
    latitude_deg, longitude_deg : array_like, shape (O,)
        Points of the origins, degrees.
    origins : DataFrame
        ``origins.csv``: `country`, `latitude_deg`, `longitude_deg` (the label point).
    cities : DataFrame
        ``cities.csv``: `country`, `latitude_deg`, `longitude_deg`, `weight_share`.

    Returns
    -------
    OriginPoints
        Arrays of shape (O, P), P being the most points that one of these origins has.

    Raises
    ------
    ValueError
        If lengths differ or a coordinate is out of range.

    Notes
    -----
    Cities stand for the whole country by the population of all cities of 300,000 and more near to
    them: villages, and who of the city's people is online, are not modelled.

    Examples
    --------
    >>> from planner.io.datasets import read_table
    >>> tables = {"origins": read_table("origins"), "cities": read_table("cities")}
    >>> points = origin_points(["TW", "JP"], [23.65, 36.06], [120.87, 138.06], **tables)
    >>> points.weight_share[:, :2].tolist()
    [[1.0, 0.0], [0.515, 0.168]]
    """
    own = places(latitude_deg, longitude_deg, country)  # checks lengths and ranges
    codes = own.metro
    whole = _means_country(codes, own.latitude_deg, own.longitude_deg, origins)
    columns = ["latitude_deg", "longitude_deg", "weight_share"]
    people = {code: rows[columns].to_numpy(float) for code, rows in cities.groupby("country")}
    points = [
        people[code] if all_of_it and code in people else np.array([[latitude, longitude, 1.0]])
        for code, all_of_it, latitude, longitude in zip(
            codes.tolist(), whole, own.latitude_deg, own.longitude_deg, strict=True
        )
    ]
    return _padded(points)


def _means_country(
    codes: NDArray[np.str_], latitude: Floats, longitude: Floats, origins: pd.DataFrame
) -> NDArray[np.bool_]:
    """Whether each point is its country's label point."""
    label = origins.set_index("country")[["latitude_deg", "longitude_deg"]].reindex(codes)
    away = great_circle_km(latitude, longitude, label.iloc[:, 0], label.iloc[:, 1])
    near: NDArray[np.bool_] = away <= LABEL_KM  # NaN for an unknown code is not near
    return near


def _padded(points: list[Floats]) -> OriginPoints:
    """Stack points, heaviest first, repeating the first with weight 0."""
    most = max((len(one) for one in points), default=1)
    stacked = np.empty((len(points), most, 3))
    for row, one in enumerate(points):
        ordered = one[np.argsort(-one[:, 2], kind="stable")]
        stacked[row] = ordered[0] * (1.0, 1.0, 0.0)
        stacked[row, : len(ordered)] = ordered
    latitude, longitude, weight = (stacked[:, :, column].copy() for column in range(3))
    return OriginPoints(latitude, longitude, weight / weight.sum(axis=1, keepdims=True))


def origin_rtt(
    tables: RttTables,
    points: OriginPoints,
    latitude_deg: ArrayLike,
    longitude_deg: ArrayLike,
    metro: Sequence[str] | None = None,
) -> OriginRtt:
    """Estimate the round trips between every point of every origin and every region.

    Parameters
    ----------
    tables : RttTables
        The measured round trips.
    points : OriginPoints
        Where the people are, shape (O, P).
    latitude_deg, longitude_deg : array_like, shape (R,)
        Regions, degrees.
    metro : sequence of str, optional, length R
        Metro codes of the regions; empty where a region has none.

    Returns
    -------
    OriginRtt
        Arrays of shape (O, P, R).

    Raises
    ------
    ValueError
        If lengths differ or a coordinate is out of range.

    Notes
    -----
    See `planner.latency.rtt.estimate` for the ladder and its errors.

    Examples
    --------
    >>> from planner.io.datasets import read_rtt_tables, read_table
    >>> tables = {"origins": read_table("origins"), "cities": read_table("cities")}
    >>> points = origin_points(["JP"], [36.06], [138.06], **tables)
    >>> rtt = origin_rtt(read_rtt_tables(), points, [35.68, 1.35], [139.77, 103.82])
    >>> rtt.mean_ms.round(0).tolist()
    [[7.0, 80.0]]
    """
    found = estimate(
        tables,
        points.latitude_deg.ravel(),
        points.longitude_deg.ravel(),
        latitude_deg,
        longitude_deg,
        b_metro=metro,
    )
    shape = (*points.weight_share.shape, found.rtt_ms.shape[1])
    return OriginRtt(
        found.rtt_ms.reshape(shape),
        found.jitter_ms.reshape(shape),
        found.method.reshape(shape),
        points.weight_share,
    )


def region_rtt(
    tables: RttTables,
    latitude_deg: ArrayLike,
    longitude_deg: ArrayLike,
    metro: Sequence[str] | None = None,
) -> RttEstimate:
    """Estimate the round trips between regions; a region reaches itself in no time.

    Parameters
    ----------
    tables : RttTables
        The measured round trips.
    latitude_deg, longitude_deg : array_like, shape (R,)
        Regions, degrees.
    metro : sequence of str, optional, length R
        Metro codes; empty where a region has none.

    Returns
    -------
    RttEstimate
        Symmetric arrays of shape (R, R).

    Raises
    ------
    ValueError
        If lengths differ or a coordinate is out of range.

    Examples
    --------
    >>> from planner.io.datasets import read_rtt_tables
    >>> region_rtt(read_rtt_tables(), [25.05, 1.35], [121.53, 103.82]).rtt_ms.round(1).tolist()
    [[0.0, 53.8], [53.8, 0.0]]
    """
    ends = (latitude_deg, longitude_deg)
    found = estimate(tables, *ends, *ends, a_metro=metro, b_metro=metro)
    other = 1.0 - np.eye(len(found.rtt_ms))
    return RttEstimate(found.rtt_ms * other, found.jitter_ms * other, found.method)

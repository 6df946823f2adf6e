"""Round trips between places: measured where possible, estimated by a ladder elsewhere.

The rungs, first that holds:

1. *measured*: city pings between servers that stand for both places (within 70 km, or in the same
   metro); both places in one metro take the median inside metros;
2. *other source*: the same metro pair between cloud regions (p50);
3. *nearest site*: pairs of ping servers near the two places, moved by 1.8 × 0.0098 ms per km of
   the difference of the great circles; the median of the five pairs with the least offset;
4. *best case*: from a country or a city to a cloud region, where no server is within 2,000 km;
5. *distance line*: the line of the pair of continents.

Every statistic is converted to a median when the tables are built. Nothing is below 0.0098 ms/km.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planner.geo import fibre_floor_ms, great_circle_km
from planner.latency.vicinity import METRO_KM, Ends, Places, Vicinity, places, vicinity
from planner.model.rtt_tables import Bools, Floats, Ints, RttTables
from planner.units import FIBRE_RTT_MS_PER_KM

STRETCH = 1.8
"""Detour of routes over the great circle, by which a neighbour's round trip is moved."""

PAIRS = 5
"""Neighbouring pairs whose median is taken."""

REACH_KM = 2000.0
"""Beyond this the line of the class is no worse than the nearest server."""


class RttMethod(IntEnum):
    """How a round trip was had, best first."""

    MEASURED = 0
    SAME_METRO = 1
    OTHER_SOURCE = 2
    NEAREST_SITE = 3
    BEST_CASE = 4
    DISTANCE_LINE = 5

    @property
    def label(self) -> str:
        """The name for people, such as "nearest site"."""
        return self.name.lower().replace("_", " ")


LABELS = np.array([method.label for method in RttMethod])


@dataclass(frozen=True, eq=False)
class RttEstimate:
    """Round trips with their spread and how each was had.

    Attributes
    ----------
    rtt_ms : ndarray, shape (...)
        Median round trip, ms.
    jitter_ms : ndarray, shape (...)
        Standard deviation of single round trips, ms.
    method : ndarray of int8, shape (...)
        A `RttMethod` for every entry.
    """

    rtt_ms: Floats
    jitter_ms: Floats
    method: NDArray[np.int8]

    def __post_init__(self) -> None:
        for value in vars(self).values():
            value.setflags(write=False)

    @property
    def method_label(self) -> NDArray[np.str_]:
        """Names of the methods, shape (...)."""
        labels: NDArray[np.str_] = LABELS[self.method]
        return labels


@dataclass(frozen=True, eq=False)
class LeaveOut:
    """Measurements that an estimate must not use, so that it can be judged by them.

    Attributes
    ----------
    a_site, b_site : ndarray of int, shape (..., 1)
        The pair of sites that is left out.
    """

    a_site: Ints
    b_site: Ints

    def bars(self, a: Ints, b: Ints) -> Bools:
        """Whether candidate pairs are the one left out, in either direction."""
        ahead: Bools = (a == self.a_site) & (b == self.b_site)
        back: Bools = (a == self.b_site) & (b == self.a_site)
        return ahead | back


def estimate(
    tables: RttTables,
    a_latitude_deg: ArrayLike,
    a_longitude_deg: ArrayLike,
    b_latitude_deg: ArrayLike,
    b_longitude_deg: ArrayLike,
    *,
    a_metro: Sequence[str] | None = None,
    b_metro: Sequence[str] | None = None,
) -> RttEstimate:
    r"""Return the median round trip between every place of `a` and every place of `b`.

    The third rung takes the median, over the five pairs of ping servers (i, j) with the least sum
    of distances to a and b, of

    .. math:: t_{ij} + 1.8 \cdot 0.0098 \, (d_{ab} - d_{ij})

    with t the median round trip in ms and d great-circle distances in km.

    Parameters
    ----------
    tables : RttTables
        The measured round trips (`planner.io.datasets.read_rtt_tables`).
    a_latitude_deg, a_longitude_deg : array_like, shape (n,)
        Places at one end, degrees.
    b_latitude_deg, b_longitude_deg : array_like, shape (m,)
        Places at the other end, degrees.
    a_metro, b_metro : sequence of str, optional, lengths n and m
        Metro codes as in ``sites.csv``; empty where a place has none. A site of the same metro
        stands for the place even beyond 70 km.

    Returns
    -------
    RttEstimate
        Arrays of shape (n, m).

    Raises
    ------
    ValueError
        If lengths differ or a coordinate is out of range.

    Notes
    -----
    Leaving out one of the 29,800 measured city pairs, the ladder without it is wrong by 5.8 % in
    the median and 26 % at the 90th percentile; leaving out a whole server, by 7.3 % and 30 %, and
    inside Asia by 17 % and 71 %. It fails where routing is not geography: between neighbours
    without a short path (Hong Kong and Shenzhen, 115 ms over 30 km), and where a server does not
    stand where its owner says. The pings are of 2020, between servers in data centres: an access
    network (a home or mobile connection) comes on top.

    Best cases from countries and cities come late on purpose: held against pings that were left
    out they are wrong by 13 to 17 % in the median, the nearest site by 6 to 14 %, at every
    distance of that site.

    References
    ----------
    V. Paxson, "End-to-end routing behavior in the Internet", IEEE/ACM Trans. Networking 5(5),
    1997, pp. 601-615 (paths are not symmetric and not shortest). Figures: `datasets/SOURCES.md`.

    Examples
    --------
    >>> from planner.io.datasets import read_rtt_tables
    >>> taipei_tokyo = estimate(read_rtt_tables(), [25.05], [121.53], [35.68], [139.77])
    >>> taipei_tokyo.rtt_ms.round(1).item(), taipei_tokyo.method_label.item()
    (32.8, 'measured')
    """
    a = places(a_latitude_deg, a_longitude_deg, a_metro)
    b = places(b_latitude_deg, b_longitude_deg, b_metro)
    distance = great_circle_km(
        a.latitude_deg[:, None], a.longitude_deg[:, None], b.latitude_deg, b.longitude_deg
    )
    near_a = vicinity(tables, a)[:, None]
    near_b = vicinity(tables, b)[None, :]
    return climb(tables, near_a, near_b, distance, _one_metro(a, b, distance))


def _one_metro(a: Places, b: Places, distance_km: Floats) -> Bools:
    """Whether two places are in one metro by their codes, or by their distance without codes."""
    both_named = (a.metro[:, None] != "") & (b.metro != "")
    return np.where(both_named, a.metro[:, None] == b.metro, distance_km <= METRO_KM)


def climb(
    tables: RttTables,
    a: Vicinity,
    b: Vicinity,
    distance_km: Floats,
    one_metro: Bools,
    leave_out: LeaveOut | None = None,
) -> RttEstimate:
    """Try the rungs in order for pairs of places whose vicinities broadcast.

    Parameters
    ----------
    tables : RttTables
        The measured round trips.
    a, b : Vicinity
        Sites around the ends; leading shapes broadcast to (...).
    distance_km : ndarray, shape (...)
        Great-circle distance between the ends, km.
    one_metro : ndarray of bool, shape (...)
        Whether both ends are in one metro.
    leave_out : LeaveOut, optional
        Measurements not to use.

    Returns
    -------
    RttEstimate
        Arrays of shape (...).
    """
    probes = _candidates(tables, a.probes, b.probes, leave_out)
    rungs = [
        _measured(tables, probes, RttMethod.MEASURED),
        _measured(tables, _candidates(tables, a.clouds, b.clouds), RttMethod.OTHER_SOURCE),
        _same_metro(tables, one_metro),
        _nearest(tables, probes, distance_km),
        _measured(tables, _candidates(tables, a.people, b.clouds), RttMethod.BEST_CASE),
        _measured(tables, _candidates(tables, a.clouds, b.people), RttMethod.BEST_CASE),
        _line(tables, a.probes, b.probes, distance_km),
    ]
    rtt = np.full(distance_km.shape, np.nan)
    jitter, method = rtt.copy(), np.zeros(rtt.shape, dtype=np.int8)
    for rung in rungs:
        open_ = np.isnan(rtt)
        method = np.where(open_, rung.method, method)
        rtt = np.where(open_, rung.rtt_ms, rtt)
        jitter = np.where(np.isnan(jitter) & ~np.isnan(rtt), rung.jitter_ms, jitter)
    return RttEstimate(np.maximum(rtt, fibre_floor_ms(distance_km)), jitter, method)


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Measured pairs of sites around pairs of places, shape (..., pairs)."""

    a_site: Ints
    b_site: Ints
    rtt_ms: Floats
    away_km: Floats  # of both sites together; infinite where the pair cannot be used
    reach_km: Floats
    here: Bools


def _candidates(
    tables: RttTables, a: Ends, b: Ends, leave_out: LeaveOut | None = None
) -> _Candidates:
    """Combine the sites around both ends."""
    i, j = _combined(a.site, b.site)
    away_a, away_b = _combined(a.away_km, b.away_km)
    here_a, here_b = _combined(a.here, b.here)
    value = tables.rtt_ms[i, j]
    if leave_out is not None:
        value = np.where(leave_out.bars(i, j), np.nan, value)
    away = np.where(np.isnan(value), np.inf, away_a + away_b)
    return _Candidates(i, j, value, away, np.maximum(away_a, away_b), here_a & here_b)


def _combined(a: NDArray[Any], b: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """All pairs of the last axes, flattened into one."""
    left, right = np.broadcast_arrays(a[..., :, None], b[..., None, :])
    shape = (*left.shape[:-2], left.shape[-2] * left.shape[-1])
    return left.reshape(shape), right.reshape(shape)


def _measured(tables: RttTables, pairs: _Candidates, method: RttMethod) -> RttEstimate:
    """Measured round trip of the pair of sites that stands for both places, NaN without one."""
    away = np.where(pairs.here, pairs.away_km, np.inf)
    tied = away == away.min(axis=-1, keepdims=True)
    best = np.where(tied, pairs.rtt_ms, np.inf).argmin(axis=-1)[..., None]
    found = np.isfinite(np.take_along_axis(away, best, -1))[..., 0]
    i = np.take_along_axis(pairs.a_site, best, -1)[..., 0]
    j = np.take_along_axis(pairs.b_site, best, -1)[..., 0]
    code = np.where(i == j, RttMethod.SAME_METRO, method).astype(np.int8)
    return RttEstimate(
        np.where(found, tables.rtt_ms[i, j], np.nan),
        np.where(found, tables.jitter_ms[i, j], np.nan),
        code,
    )


def _same_metro(tables: RttTables, one_metro: Bools) -> RttEstimate:
    """Round trip inside a metro without servers of its own."""
    rtt = np.where(one_metro, tables.same_metro_ms, np.nan)
    jitter = np.where(one_metro, tables.same_metro_jitter_ms, np.nan)
    return RttEstimate(rtt, jitter, _all(rtt, RttMethod.SAME_METRO))


def _nearest(tables: RttTables, pairs: _Candidates, distance_km: Floats) -> RttEstimate:
    """Median of the nearest measured pairs, each moved by the difference of the distances."""
    away = np.where(pairs.reach_km <= REACH_KM, pairs.away_km, np.inf)
    order = np.lexsort((pairs.rtt_ms, away), axis=-1)[..., :PAIRS]
    usable = np.isfinite(np.take_along_axis(away, order, -1))
    i = np.take_along_axis(pairs.a_site, order, -1)
    j = np.take_along_axis(pairs.b_site, order, -1)
    offset = distance_km[..., None] - tables.distance_km[i, j]
    moved = tables.rtt_ms[i, j] + STRETCH * FIBRE_RTT_MS_PER_KM * offset
    rtt = _median(np.where(usable, moved, np.nan))
    jitter = _median(np.where(usable, tables.jitter_ms[i, j], np.nan))
    return RttEstimate(rtt, jitter, _all(rtt, RttMethod.NEAREST_SITE))


def _line(tables: RttTables, a: Ends, b: Ends, distance_km: Floats) -> RttEstimate:
    """Line of the pair of continents of the nearest servers."""
    i, j = tables.continent[a.site[..., 0]], tables.continent[b.site[..., 0]]
    rtt = tables.intercept_ms[i, j] + tables.slope_ms_per_km[i, j] * distance_km
    jitter = np.broadcast_to(tables.line_jitter_ms[i, j], rtt.shape).copy()
    return RttEstimate(rtt, jitter, _all(rtt, RttMethod.DISTANCE_LINE))


def _median(values: Floats) -> Floats:
    """Median over the last axis of the numbers in it; NaN where there is none."""
    count = np.sum(~np.isnan(values), axis=-1, keepdims=True)
    ordered = np.sort(values, axis=-1)  # NaN sorts last
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, -1)
    high = np.take_along_axis(ordered, np.maximum(count, 1) // 2, -1)
    middle: Floats = ((low + high) / 2)[..., 0]
    return middle


def _all(like: Floats, method: RttMethod) -> NDArray[np.int8]:
    """One method everywhere."""
    return np.full(like.shape, method, dtype=np.int8)

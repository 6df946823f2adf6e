"""How wrong the estimated round trips are: every measured pair in turn left out and estimated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.latency.rtt import LeaveOut, RttEstimate, RttMethod, climb
from planner.latency.vicinity import METRO_KM, Places, vicinity
from planner.model.rtt_tables import Floats, Ints, RttTables

CHUNK = 5000


@dataclass(frozen=True, eq=False)
class RttErrors:
    """Estimates of measured pairs that had to do without their own measurement.

    Attributes
    ----------
    a_site, b_site : ndarray of int, shape (pairs,)
        Indices of the ping servers in `RttTables`.
    measured_ms, estimated_ms : ndarray, shape (pairs,)
        Median round trips, ms.
    method : ndarray of int8, shape (pairs,)
        `RttMethod` of the estimate.
    """

    a_site: Ints
    b_site: Ints
    measured_ms: Floats
    estimated_ms: Floats
    method: NDArray[np.int8]

    @property
    def relative_error_share(self) -> Floats:
        """Absolute error over the measured value, shape (pairs,)."""
        error: Floats = np.abs(self.estimated_ms - self.measured_ms) / self.measured_ms
        return error

    def quantile_share(self, probability: float) -> float:
        """Quantile of the relative error over all pairs."""
        return float(np.quantile(self.relative_error_share, probability))

    @property
    def method_share(self) -> dict[str, float]:
        """Share of the pairs that each method estimated."""
        count = np.bincount(self.method, minlength=len(RttMethod)) / len(self.method)
        return {RttMethod(code).label: float(share) for code, share in enumerate(count) if share}


def leave_pair_out(tables: RttTables, *, least_km: float = 100.0) -> RttErrors:
    """Estimate every measured city pair without its own measurement.

    Parameters
    ----------
    tables : RttTables
        The measured round trips.
    least_km : float
        Pairs of ping servers nearer than this are not judged, km.

    Returns
    -------
    RttErrors
        One entry an unordered pair.

    Examples
    --------
    >>> from planner.io.datasets import read_rtt_tables
    >>> errors = leave_pair_out(read_rtt_tables())
    >>> len(errors.measured_ms), errors.quantile_share(0.5) < 0.10
    (29800, True)
    """
    a, b = _pairs(tables, least_km)
    return _errors(tables, a, b, whole_site=False)


def leave_site_out(tables: RttTables, *, least_km: float = 100.0) -> RttErrors:
    """Estimate every measured city pair as if its first server did not exist.

    Parameters
    ----------
    tables : RttTables
        The measured round trips.
    least_km : float
        Pairs of ping servers nearer than this are not judged, km.

    Returns
    -------
    RttErrors
        Two entries an unordered pair: either server left out.
    """
    a, b = _pairs(tables, least_km)
    return _errors(tables, np.concatenate([a, b]), np.concatenate([b, a]), whole_site=True)


def _pairs(tables: RttTables, least_km: float) -> tuple[Ints, Ints]:
    """All measured unordered pairs of ping servers that are far enough apart."""
    low, high = np.triu_indices(len(tables.probes), 1)
    a, b = tables.probes[low], tables.probes[high]
    judged = ~np.isnan(tables.rtt_ms[a, b]) & (tables.distance_km[a, b] >= least_km)
    return a[judged], b[judged]


def _errors(tables: RttTables, a: Ints, b: Ints, *, whole_site: bool) -> RttErrors:
    """Climb the ladder for pairs of servers, a chunk at a time to keep memory small."""
    chunks = [slice(start, start + CHUNK) for start in range(0, len(a), CHUNK)]
    found = [_blind(tables, a[chunk], b[chunk], whole_site) for chunk in chunks]
    estimated = np.concatenate([one.rtt_ms for one in found])
    method = np.concatenate([one.method for one in found])
    return RttErrors(a, b, tables.rtt_ms[a, b], estimated, method)


def _blind(tables: RttTables, a: Ints, b: Ints, whole_site: bool) -> RttEstimate:
    """Estimate pairs of servers without their measurement, or without the first server."""
    distance = tables.distance_km[a, b]
    gone = a if whole_site else None
    near_a, near_b = (vicinity(tables, _places(tables, ends), gone) for ends in (a, b))
    out = LeaveOut(a[:, None], b[:, None])
    return climb(tables, near_a, near_b, distance, distance <= METRO_KM, out)


def _places(tables: RttTables, ends: Ints) -> Places:
    """Where servers stand."""
    return Places(tables.latitude_deg[ends], tables.longitude_deg[ends], tables.metro[ends])

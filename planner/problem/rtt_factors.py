"""Factors on round trips: a network that is so much slower, or quicker."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from planner.geo import fibre_floor_ms, great_circle_km
from planner.model.scenario import Scenario
from planner.problem.arrays import Floats, Ints


def with_origin_factors(
    scenario: Scenario, rtt_ms: Floats, latitude_deg: Floats, longitude_deg: Floats
) -> Floats:
    """Multiply the round trips of origins' points by the scenario's factors.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    rtt_ms : ndarray, shape (O, P, R)
        Normal round trips, ms.
    latitude_deg, longitude_deg : ndarray, shape (O, P)
        The points, degrees.

    Returns
    -------
    ndarray, shape (O, P, R)
        Milliseconds; none becomes faster than light in fibre, none that was before is slowed.
    """
    if not scenario.rtt_factor:
        return rtt_ms
    factor = _table(scenario, list(scenario.origins))
    latitude, longitude = _places(scenario)
    away = great_circle_km(latitude_deg[..., None], longitude_deg[..., None], latitude, longitude)
    return _multiplied(rtt_ms, factor[:, None], fibre_floor_ms(away))


def with_region_factors(scenario: Scenario, rtt_ms: Floats) -> Floats:
    """Multiply the round trips between regions by the scenario's factors.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    rtt_ms : ndarray, shape (R, R)
        Normal round trips, ms.

    Returns
    -------
    ndarray, shape (R, R)
        Milliseconds.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> scenario = read_scenario("taiwan")
    >>> slow = scenario.model_copy(update={"rtt_factor": {"taipei": {"tokyo": 1.5}}})
    >>> with_region_factors(slow, np.full((4, 4), 200.0))[[0, 2], [2, 0]]
    array([300., 300.])
    """
    if not scenario.rtt_factor:
        return rtt_ms
    return _multiplied(rtt_ms, _between(scenario), fibre_floor_ms(_apart_km(scenario)))


def with_link_factors(scenario: Scenario, ends: Ints, rtt_ms: Floats) -> Floats:
    """Multiply the round trips that links state for themselves by the factors of their ends.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    ends : ndarray of int, shape (L, 2)
        Regions that each link joins.
    rtt_ms : ndarray, shape (L,)
        Milliseconds; NaN where a link states none.

    Returns
    -------
    ndarray, shape (L,)
        Milliseconds.
    """
    if not scenario.rtt_factor:
        return rtt_ms
    pair = ends[:, 0], ends[:, 1]
    floor = fibre_floor_ms(_apart_km(scenario)[pair])
    return _multiplied(rtt_ms, _between(scenario)[pair], floor)


def _between(scenario: Scenario) -> Floats:
    """Return the factors between regions, which hold both ways, shape (R, R)."""
    factor = _table(scenario, list(scenario.regions))
    return np.where(factor == 1.0, factor.T, factor)


def _table(scenario: Scenario, starts: list[str]) -> Floats:
    """Return the factors from some places to all regions."""
    regions = list(scenario.regions)
    factor = np.ones((len(starts), len(regions)))
    for row, start in enumerate(starts):
        for end, value in (scenario.rtt_factor or {}).get(start, {}).items():
            factor[row, regions.index(end)] = value
    return factor


def _places(scenario: Scenario) -> tuple[Floats, Floats]:
    """Return where the regions are, degrees."""
    regions = scenario.regions.values()
    return (
        np.array([r.latitude_deg for r in regions]),
        np.array([r.longitude_deg for r in regions]),
    )


def _apart_km(scenario: Scenario) -> Floats:
    """Return the great-circle distances between regions, shape (R, R)."""
    latitude, longitude = _places(scenario)
    return great_circle_km(latitude[:, None], longitude[:, None], latitude, longitude)


def _multiplied(rtt_ms: Floats, factor: Floats, floor_ms: ArrayLike) -> Floats:
    """Multiply; what gets quicker stops at light in fibre, or where it was if that is quicker."""
    moved = rtt_ms * factor
    least = np.minimum(rtt_ms, floor_ms)
    result: Floats = np.where(factor < 1.0, np.maximum(moved, least), moved)
    return result

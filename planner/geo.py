"""Great circles on a sphere and the light-speed floor of a round trip."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planner.units import FIBRE_RTT_MS_PER_KM

EARTH_RADIUS_KM = 6371.0


def great_circle_km(
    latitude_a_deg: ArrayLike,
    longitude_a_deg: ArrayLike,
    latitude_b_deg: ArrayLike,
    longitude_b_deg: ArrayLike,
) -> NDArray[np.float64]:
    r"""Return the great-circle distance between points on the sphere.

    .. math:: d = 2R \arcsin\sqrt{\sin^2(\Delta\varphi/2)
              + \cos\varphi_a \cos\varphi_b \sin^2(\Delta\lambda/2)}

    Parameters
    ----------
    latitude_a_deg, longitude_a_deg, latitude_b_deg, longitude_b_deg : array_like, shape (...)
        Coordinates in degrees; the four shapes broadcast.

    Returns
    -------
    ndarray, shape (...)
        Distance, km, on a sphere of radius 6371.0 km.

    Notes
    -----
    The haversine form keeps its precision for near points; against the ellipsoid the sphere is
    wrong by up to 0.5 %.

    References
    ----------
    R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68(2), 1984, p. 159.

    Examples
    --------
    Taipei to Tokyo:

    >>> great_circle_km(25.05, 121.53, 35.68, 139.77).round(0).item()
    2106.0
    """
    phi_a, phi_b = np.radians(latitude_a_deg), np.radians(latitude_b_deg)
    half_phi = (phi_b - phi_a) / 2
    half_lambda = (np.radians(longitude_b_deg) - np.radians(longitude_a_deg)) / 2
    inside = np.sin(half_phi) ** 2 + np.cos(phi_a) * np.cos(phi_b) * np.sin(half_lambda) ** 2
    distance: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(inside, 0, 1)))
    return distance


def fibre_floor_ms(distance_km: ArrayLike) -> NDArray[np.float64]:
    """Return the least possible round trip over `distance_km` of fibre, ms.

    Examples
    --------
    >>> fibre_floor_ms(1000.0).round(6).item()
    9.8
    """
    return np.asarray(distance_km, dtype=np.float64) * FIBRE_RTT_MS_PER_KM

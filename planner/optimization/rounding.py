"""One capacity cut of a set of regions, exact or divided and rounded up.

The kernel knows no model.

References
----------
V. Chvátal, "Edmonds polytopes and a hierarchy of combinatorial problems", Discrete Mathematics 4,
1973, doi 10.1016/0012-365X(73)90167-2 (the rounding).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Cut:
    """A row ``coefficient · n ≥ right_side`` over the regions, and where it comes from.

    Attributes
    ----------
    coefficient : ndarray, shape (R,)
        What one replica in each region adds; 0 outside the set.
    right_side : float
        Demand, or its rounding.
    hour : int
        Hour whose demand it is.
    regions : ndarray of bool, shape (R,)
        The set ``T``.
    """

    coefficient: Floats
    right_side: float
    hour: int
    regions: Bools


def divisors(rate_rps: Floats) -> list[float]:
    """Return the divisors that are tried for rounding.

    Parameters
    ----------
    rate_rps : ndarray, shape (R,)
        Capacity of one replica in each region.

    Returns
    -------
    list of float
        None (0), and each distinct positive rate.

    Examples
    --------
    >>> divisors(np.array([3.0, 0.0, 2.0, 3.0]))
    [0.0, 2.0, 3.0]
    """
    return [0.0, *np.unique(rate_rps[rate_rps > 0]).tolist()]


def rounded_cut(
    rate_rps: Floats, regions: Bools, demand_rps: float, hour: int, divisor: float
) -> Cut:
    """Return the cut of a set of regions, divided and rounded up.

    Parameters
    ----------
    rate_rps : ndarray, shape (R,)
        Capacity of one replica in each region.
    regions : ndarray of bool, shape (R,)
        The set.
    demand_rps : float
        What only the set may serve.
    hour : int
        Hour whose demand it is.
    divisor : float
        What both sides are divided by; 0 for the exact cut.

    Returns
    -------
    Cut
        Of a divisor that divides everything, the exact cut again.

    Examples
    --------
    >>> cut = rounded_cut(np.array([3.0, 3.0]), np.array([True, True]), 10.0, 0, 3.0)
    >>> cut.coefficient.tolist(), cut.right_side
    ([1.0, 1.0], 4.0)
    """
    if divisor == 0:
        return Cut(np.where(regions, rate_rps, 0.0), float(demand_rps), hour, regions)
    rounded = np.where(regions, np.ceil(rate_rps / divisor - 1e-12), 0.0)
    return Cut(rounded, float(np.ceil(demand_rps / divisor - 1e-9)), hour, regions)


def rounded_cuts(rate_rps: Floats, regions: Bools, demand_rps: float, hour: int) -> list[Cut]:
    """Return the exact cut of a set of regions and its roundings.

    Parameters
    ----------
    rate_rps : ndarray, shape (R,)
        Capacity of one replica in each region.
    regions : ndarray of bool, shape (R,)
        The set.
    demand_rps : float
        What only the set may serve.
    hour : int
        Hour whose demand it is.

    Returns
    -------
    list of Cut
        One for each divisor.

    Examples
    --------
    >>> both = np.array([True, True])
    >>> [(c.coefficient.tolist(), c.right_side) for c in rounded_cuts(3.0 * both, both, 10.0, 0)]
    [([3.0, 3.0], 10.0), ([1.0, 1.0], 4.0)]
    """
    return [rounded_cut(rate_rps, regions, demand_rps, hour, one) for one in divisors(rate_rps)]

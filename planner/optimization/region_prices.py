r"""Prices of full regions from a smoothed dual of the transportation problem.

.. math:: L_T(\pi) = \sum_o d_o\,\operatorname{softmin}_r(c_{or} + \pi_r)
          + s\,\operatorname{softmin}_r \pi_r - \sum_r u_r \pi_r,\qquad
          \operatorname{softmin}_r x_r = -T \ln \sum_r e^{-x_r / T}

with demand ``d``, capacity ``u``, spare capacity ``s = Σu − Σd`` (an origin that goes anywhere at
no cost) and cost ``c``.  For a temperature ``T → 0`` this is the dual itself.  The function is
concave with a Hessian of R × R, so Newton's method needs a few passes over the costs for each
temperature; the temperature is halved, first on a sample of the demand, then on all of it.

Products are sparse or plain loops: a threaded product of narrow matrices waits for its threads
longer than it works when the machine has other work.

References
----------
R. Cominetti and J. San Martín, "Asymptotic analysis of the exponential penalty trajectory in linear
programming", Mathematical Programming 67, 1994, doi 10.1007/BF01582220.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from planner.optimization.rows import Floats, Ints
from planner.optimization.stopping import NEVER, Stop

BLOCK = 4096
"""Origins that are priced at once, so that no copy of the whole cost matrix is made."""

SHARPNESS = 12.0
"""An origin is undecided while its second choice is within so many temperatures of its first."""

_SAMPLE = 25
"""Sampled pieces of demand for each region."""

_PASSES = 8
"""Newton steps at most for a temperature."""

_WARMEST, _COARSE, _COLDEST = 2.0**-5, 2.0**-8, 2.0**-17
"""Temperatures over the spread of the costs: the first, the last on the sample, the last of all."""

_TINY = 1e-3
"""Shares below this are left out of the curvature."""

_IMBALANCE = 1e-3
"""Share of the capacity by which loads may miss it before the next temperature."""


@dataclass(frozen=True)
class Transport:
    """Origins, regions and what it costs to serve one from the other.

    Attributes
    ----------
    demand : ndarray, shape (O,)
        Demand of each origin.
    capacity : ndarray, shape (R,)
        Capacity of each region, in the unit of demand.
    cost : ndarray, shape (O, R)
        Cost of a unit of demand; infinite where the region may not serve the origin.
    """

    demand: Floats
    capacity: Floats
    cost: Floats

    @cached_property
    def spread(self) -> float:
        """By how much the costs of one block of origins differ, at most; 1 where they are equal."""
        parts = [self.cost[part] for part in blocks(self.demand.size)]
        return max(float(np.ptp(part[np.isfinite(part)])) for part in parts) or 1.0

    def bound(self, least: Floats, price: Floats) -> float:
        """Return the value of the dual.

        Parameters
        ----------
        least : ndarray, shape (O,)
            Least cost of each origin with the prices.
        price : ndarray, shape (R,)
            Price of each region, not negative.

        Returns
        -------
        float
            No placement costs less.
        """
        return float(self.demand @ least - self.capacity @ price)


@dataclass(frozen=True)
class _Point:
    """Value, slope and curvature of the smoothed dual, and how many origins are undecided."""

    price: Floats
    value: float
    slope: Floats
    curvature: Floats
    undecided: int


def smoothed_prices(transport: Transport, stop: Stop = NEVER) -> tuple[Floats, float]:
    """Return prices near the best ones, and the temperature at which they were found.

    Parameters
    ----------
    transport : Transport
        A feasible problem.
    stop : Stop
        When to stop.

    Returns
    -------
    price : ndarray, shape (R,)
        Non-negative, the least is 0.
    temperature : float
        Unit of cost; prices miss the best ones by a few of it.

    Notes
    -----
    Where the problem is not feasible, prices of what is too full grow without being useful.

    Examples
    --------
    Everybody is nearer to the first region, by 0 to 10; it holds half of them, so it costs 5.

    >>> farther = np.linspace(0.0, 10.0, 1001)
    >>> cost = np.stack([np.ones(1001), 1.0 + farther], axis=1)
    >>> price, _ = smoothed_prices(Transport(np.ones(1001), np.array([500.5, 900.0]), cost))
    >>> [round(float(p), 1) for p in price]
    [5.0, 0.0]
    """
    spread, sample = transport.spread, _sample(transport)
    price, before = np.zeros(transport.capacity.size), transport.demand.size + 1
    temperature = spread * _WARMEST
    while temperature > spread * _COLDEST and not stop.passed():
        coarse = temperature > spread * _COARSE
        point = _balanced(sample if coarse else transport, price, temperature)
        price = point.price
        if not coarse and _settled(point.undecided, before, transport.demand.size):
            break
        before = before if coarse else point.undecided
        temperature /= 2
    return price - price.min(), temperature


def _settled(undecided: int, before: int, origins: int) -> bool:
    """Return whether cooling further would not decide many more origins."""
    few = undecided <= max(4000, origins // 8)
    return few or 0.95 * before < undecided < 0.5 * origins


def blocks(origins: int) -> Iterator[slice]:
    """Cut the origins into blocks.

    Parameters
    ----------
    origins : int
        How many there are.

    Yields
    ------
    slice
        At most `BLOCK` of them.

    Examples
    --------
    >>> list(blocks(5000))
    [slice(0, 4096, None), slice(4096, 5000, None)]
    """
    for first in range(0, origins, BLOCK):
        yield slice(first, min(first + BLOCK, origins))


def _sample(transport: Transport) -> Transport:
    """Return equal pieces of the demand, spread over the regions' surroundings."""
    pieces = min(_SAMPLE * transport.capacity.size, transport.demand.size)
    nearest: Ints = transport.cost.argmin(axis=1)
    order = np.argsort(nearest, kind="stable")
    reached = np.cumsum(transport.demand[order])
    at = np.searchsorted(reached, (np.arange(pieces) + 0.5) / pieces * reached[-1])
    demand = np.full(pieces, reached[-1] / pieces)
    return Transport(demand, transport.capacity, transport.cost[order[at]])


def _balanced(transport: Transport, price: Floats, temperature: float) -> _Point:
    """Return prices at which loads meet capacities, nearly."""
    total = float(transport.capacity.sum())
    here = _evaluated(transport, price, temperature)
    for _ in range(_PASSES):
        if np.abs(here.slope).sum() <= _IMBALANCE * total:
            break
        here = _climbed(transport, here, temperature)
    return here


def _climbed(transport: Transport, here: _Point, temperature: float) -> _Point:
    """Take one Newton step, shortened until it climbs."""
    size = here.price.size
    ridge = 1e-9 * np.trace(here.curvature) / size + 1e-12 * transport.capacity.sum() / temperature
    step = np.linalg.solve(here.curvature + ridge * np.eye(size), here.slope)
    step *= min(1.0, 20 * temperature / float(np.abs(step).max()))
    climb = float(here.slope @ step)
    for length in 0.4 ** np.arange(6):
        there = _evaluated(transport, here.price + length * step, temperature)
        if there.value >= here.value + 1e-4 * length * climb - 1e-11 * abs(here.value):
            break
    return there


def _evaluated(transport: Transport, price: Floats, temperature: float) -> _Point:
    """Return the smoothed dual at a price, in one pass over the costs."""
    size = transport.capacity.size
    load, square = np.zeros(size), np.zeros((size, size))
    value, undecided = -float(transport.capacity @ price), 0
    for demand, cost in _priced(transport, price):
        least, total = _soften(cost, temperature)
        value += float(demand @ (least - temperature * np.log(total)))
        undecided += int((total > 1 + np.exp(-SHARPNESS)).sum())
        load += np.einsum("o,or->r", demand, cost)
        square += _square(cost, demand)
    curvature = (np.diag(load) - square) / temperature
    return _Point(price, value, load - transport.capacity, curvature, undecided)


def _square(share: Floats, demand: Floats) -> Floats:
    """Return Σ d p pᵀ over the origins, without tiny shares, which cost time and turn no step."""
    kept = csr_array(np.where(share > _TINY, share, 0.0))
    kept.data *= np.repeat(np.sqrt(demand), np.diff(kept.indptr))
    square: Floats = (kept.T @ kept).toarray()
    return square


def _priced(transport: Transport, price: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Yield demand and cost with prices, block by block; last the spare capacity as an origin."""
    for part in blocks(transport.demand.size):
        yield transport.demand[part], transport.cost[part] + price
    spare = max(0.0, float(transport.capacity.sum() - transport.demand.sum()))
    yield np.array([spare]), price[None].copy()


def _soften(cost: Floats, temperature: float) -> tuple[Floats, Floats]:
    """Turn costs into shares in place; return the least cost and the sum before scaling."""
    least: Floats = cost.min(axis=1)
    cost -= least[:, None]
    cost *= -1 / temperature
    np.exp(cost, out=cost)
    total: Floats = cost.sum(axis=1)
    cost /= total[:, None]
    return least, total

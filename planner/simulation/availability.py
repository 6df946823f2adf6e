r"""Availability: steady states by probability, and what each event loses before it is steady.

.. math::
   A_{so} = \sum_k p_k\,(1 - \ell_{kso}) - \sum_m \nu_m\,\frac{X_{mso}}{N_{so}}

with the probability p and the steady loss ℓ of state k, events per year ν and requests X that each
loses beyond the steady states, and requests a year N.  The probability of states left out counts as
down in `low` and as up in `high`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from planner.problem.arrays import Floats
from planner.units import HOURS_PER_YEAR, MINUTES_PER_YEAR, SECONDS_PER_HOUR

NORMAL_QUANTILE = 1.959963984540054
"""Of the standard normal distribution at 97.5 %."""


@dataclass(frozen=True, eq=False)
class Transients:
    """What events lose before they are steady; rows are components.

    Attributes
    ----------
    events_per_year : ndarray, shape (M,)
        How often each begins.
    lost_requests : ndarray, shape (M, S, O)
        Requests that it then loses beyond the steady states.
    """

    events_per_year: Floats
    lost_requests: Floats


@dataclass(frozen=True, eq=False)
class Availability:
    """Share of requests that are served, over all states.

    Attributes
    ----------
    services, origins : tuple of str
        Names.
    low, high : ndarray, shape (S,)
        By service, over all origins.
    origin_low, origin_high : ndarray, shape (S, O)
        By service and origin; NaN where nobody asks.
    transient_share : ndarray, shape (S,)
        Part of a service's requests that is lost before states are steady; it is in both ends.
    uncovered_probability : float
        Probability of the states left out.
    kind : {'bound', 'confidence'}
        Bounds where states are enumerated; a 95 % confidence interval where they are sampled.
    """

    services: tuple[str, ...]
    origins: tuple[str, ...]
    low: Floats
    high: Floats
    origin_low: Floats
    origin_high: Floats
    transient_share: Floats
    uncovered_probability: float
    kind: Literal["bound", "confidence"]

    def __post_init__(self) -> None:
        for value in (self.low, self.high, self.origin_low, self.origin_high, self.transient_share):
            value.flags.writeable = False

    @property
    def table(self) -> pd.DataFrame:
        """One row a service: interval, nines, minutes a year, and what transients take."""
        columns = {
            "low": self.low,
            "high": self.high,
            "low_nines": nines(self.low),
            "high_nines": nines(self.high),
            "low_minutes_year": minutes_per_year(self.low),
            "high_minutes_year": minutes_per_year(self.high),
            "transient_share": self.transient_share,
        }
        return pd.DataFrame(columns, index=pd.Index(self.services, name="service"))

    @property
    def origin_table(self) -> pd.DataFrame:
        """Lower end by service and origin."""
        rows = pd.Index(self.services, name="service")
        return pd.DataFrame(
            self.origin_low, index=rows, columns=pd.Index(self.origins, name="origin")
        )


def nines(availability: Floats) -> Floats:
    """Return an availability as a number of nines, −log₁₀(1 − A).

    Examples
    --------
    >>> nines(np.array([0.99, 0.9996, 1.0])).round(2).tolist()
    [2.0, 3.4, inf]
    """
    with np.errstate(divide="ignore"):
        count: Floats = -np.log10(np.maximum(1 - availability, 0.0))
    return count


def minutes_per_year(availability: Floats) -> Floats:
    """Return an availability as minutes a year in which nothing is served.

    Examples
    --------
    >>> minutes_per_year(np.array([0.999])).round(1).tolist()
    [525.6]
    """
    minutes: Floats = (1 - availability) * MINUTES_PER_YEAR
    return minutes


def availability(
    services: tuple[str, ...],
    origins: tuple[str, ...],
    *,
    mean_rps: Floats,
    probability: Floats,
    loss_share: Floats,
    uncovered_probability: float,
    samples: int = 0,
    transients: Transients | None = None,
) -> Availability:
    """Return the share of requests that are served, as an interval.

    Parameters
    ----------
    services, origins : tuple of str
        Names along S and O.
    mean_rps : ndarray, shape (S, O)
        Demand, mean over the hours, requests per second.
    probability : ndarray, shape (K,)
        Probability of each state; of sampled states, their frequency.
    loss_share : ndarray, shape (K, S, O)
        Part of the requests that is lost in the steady state, weighted with demand over the hours.
    uncovered_probability : float
        Probability of the states left out.
    samples : int
        Number of draws; 0 where states are enumerated.
    transients : Transients or None
        What events lose beyond that; None for nothing.

    Returns
    -------
    Availability
        By service, and by service and origin.

    Raises
    ------
    ValueError
        If probabilities do not fit together, or a share is outside [0, 1].

    Notes
    -----
    Each loss is counted once: transients hold only what exceeds the steady loss, until the repair.
    Components that fail in a state in which something else is down are taken to lose what they lose
    with everything else up.  The confidence interval is that of a mean of independent draws,
    mean ± 1.96 σ / √n, within [0, 1]; where all draws lost alike it is the rule of three, 3/n.  It
    says nothing of errors in rates.

    Examples
    --------
    A region that is down 0.1 % of the time and holds half of the requests, which are lost; twice a
    year 100 s of all requests are lost besides, and 0.01 % of the probability is not covered.

    >>> found = availability(
    ...     ("api",),
    ...     ("TW",),
    ...     mean_rps=np.array([[10.0]]),
    ...     probability=np.array([0.9989, 0.001]),
    ...     loss_share=np.array([[[0.0]], [[0.5]]]),
    ...     uncovered_probability=0.0001,
    ...     transients=Transients(np.array([2.0]), np.array([[[1000.0]]])),
    ... )
    >>> found.low.round(6).tolist(), found.high.round(6).tolist(), found.kind
    ([0.999394], [0.999494], 'bound')
    """
    _check(probability, loss_share, uncovered_probability)
    lost = np.einsum("k,kso->so", probability, loss_share)
    gone = _transient_share(mean_rps, transients)
    if samples:
        spread = _half_width(probability, loss_share, lost, samples)
        ends = 1 - lost - gone - spread, 1 - lost - gone + spread
    else:
        ends = 1 - lost - gone - uncovered_probability, 1 - lost - gone
    by_service = _service_ends(mean_rps, probability, loss_share, gone, ends, samples)
    asked = mean_rps > 0
    return Availability(
        services=services,
        origins=origins,
        low=by_service[0],
        high=by_service[1],
        origin_low=np.where(asked, np.clip(ends[0], 0.0, 1.0), np.nan),
        origin_high=np.where(asked, np.clip(ends[1], 0.0, 1.0), np.nan),
        transient_share=_over_origins(gone, mean_rps),
        uncovered_probability=uncovered_probability,
        kind="confidence" if samples else "bound",
    )


def _check(probability: Floats, loss_share: Floats, uncovered: float) -> None:
    """Raise where probabilities or shares do not fit together."""
    total = float(probability.sum()) + uncovered
    if (probability < 0).any() or not 0 <= uncovered <= 1 or abs(total - 1) > 1e-6:
        raise ValueError(
            f"`probability` and `uncovered_probability` must be at least 0 and sum to 1: {total}"
        )
    if (loss_share < -1e-9).any() or (loss_share > 1 + 1e-9).any():
        raise ValueError("`loss_share` must be within [0, 1]")


def _transient_share(mean_rps: Floats, transients: Transients | None) -> Floats:
    """Return the part of a year's requests that transients lose, shape (S, O)."""
    if transients is None:
        return np.zeros_like(mean_rps)
    year = mean_rps * SECONDS_PER_HOUR * HOURS_PER_YEAR
    lost = np.einsum("m,mso->so", transients.events_per_year, transients.lost_requests)
    share: Floats = np.divide(lost, year, out=np.zeros_like(lost), where=year > 0)
    return share


def _half_width(probability: Floats, loss: Floats, mean: Floats, samples: int) -> Floats:
    """Return half the width of the confidence interval of a mean of draws."""
    variance = np.einsum("k,k...->...", probability, (loss - mean) ** 2)
    width = NORMAL_QUANTILE * np.sqrt(variance / max(samples - 1, 1))
    return np.where(variance > 0, width, min(3.0 / samples, 1.0))


def _service_ends(
    mean_rps: Floats,
    probability: Floats,
    loss_share: Floats,
    gone: Floats,
    ends: tuple[Floats, Floats],
    samples: int,
) -> tuple[Floats, Floats]:
    """Return both ends by service, over all origins."""
    if not samples:
        low, high = (_over_origins(end, mean_rps) for end in ends)
        return np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
    loss = np.stack([_over_origins(state, mean_rps) for state in loss_share])
    mean = probability @ loss
    spread = _half_width(probability, loss, mean, samples)
    middle = 1 - mean - _over_origins(gone, mean_rps)
    return np.clip(middle - spread, 0.0, 1.0), np.clip(middle + spread, 0.0, 1.0)


def _over_origins(share: Floats, mean_rps: Floats) -> Floats:
    """Return shares weighted with demand, shape (S,)."""
    total = mean_rps.sum(axis=1)
    weighted = (share * mean_rps).sum(axis=1)
    mean: Floats = np.divide(weighted, total, out=np.zeros_like(total), where=total > 0)
    return mean

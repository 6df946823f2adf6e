r"""The tail: how much demand is lost on average in the worst part of the time.

.. math:: \mathrm{CVaR}_\beta = \min_\alpha\; \alpha + \frac{1}{1-\beta}
          \sum_k p_k \max(0,\, L_k - \alpha)

with the probability ``p_k`` of failure state ``k`` and the part ``L_k`` of all demand that is lost
in it, hours weighted alike.  It is the mean loss of the worst ``1 − β`` of the time, so it comes
from sorting alone: states are taken from the worst on until their probabilities make up ``1 − β``.

References
----------
R. T. Rockafellar and S. Uryasev, "Conditional value-at-risk for general loss distributions",
Journal of Banking & Finance 26, 2002, doi 10.1016/S0378-4266(02)00271-6.
J. Bogle et al., "TEAVAR: Striking the Right Utilization-Availability Balance in WAN Traffic
Engineering", SIGCOMM 2019, doi 10.1145/3341302.3342069.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Floats
from planner.simulation.assessment import Assessment

PLANNED_CAUSES = ("no_region", "cut", "service", "inadmissible", "capacity")
"""Causes of loss that a plan decides on: too small a region, or none that may serve."""


@dataclass(frozen=True, eq=False)
class Tail:
    """What is lost in the worst part of the time.

    Attributes
    ----------
    beta : float
        The tail is the worst ``1 − beta`` of the time.
    low, high : float
        Conditional value at risk, part of all demand; the probability of states left out counts as
        no loss in `low` and as loss of everything in `high`.
    quantile : float
        Loss that is not exceeded but in the tail (value at risk), at the high end.
    loss_share : ndarray, shape (K,)
        Part of all demand that each state loses.
    weight : ndarray, shape (K,)
        Part of the tail that each state takes at the high end; with the states left out they sum
        to 1.
    uncovered_probability : float
        Probability of the states left out.
    """

    beta: float
    low: float
    high: float
    quantile: float
    loss_share: Floats
    weight: Floats
    uncovered_probability: float

    def __post_init__(self) -> None:
        for value in (self.loss_share, self.weight):
            value.flags.writeable = False

    @property
    def contribution(self) -> Floats:
        """What each state adds to `high`, shape (K,); states left out add the rest."""
        part: Floats = self.weight * self.loss_share
        return part


def tail_of(loss_share: Floats, probability: Floats, beta: float) -> Tail:
    """Return the conditional value at risk of losses, as an interval.

    Parameters
    ----------
    loss_share : ndarray, shape (K,)
        Part of all demand that each state loses, 0 to 1.
    probability : ndarray, shape (K,)
        Probability of each state; what is missing to 1 is that of states left out.
    beta : float
        The tail is the worst ``1 − beta`` of the time; in [0, 1).

    Returns
    -------
    Tail
        The interval, and which states make it.

    Raises
    ------
    ValueError
        If shares or probabilities are outside their ranges, or the states left out are more
        probable than the tail: the high end would be 1 whatever the plan.

    Notes
    -----
    A mean over the tail, so a state that fills only part of it counts in part; beyond the tail
    nothing is seen.

    Examples
    --------
    One hour in a thousand half of the demand is lost, in another hour a tenth; 0.0002 is not known.

    >>> tail = tail_of(np.array([0.0, 0.5, 0.1]), np.array([0.9978, 0.001, 0.001]), beta=0.998)
    >>> round(tail.low, 6), round(tail.high, 6), tail.quantile
    (0.3, 0.39, 0.1)
    >>> tail.weight.round(6).tolist()
    [0.0, 0.5, 0.4]
    """
    missing = max(0.0, 1.0 - float(probability.sum()))
    _check(loss_share, probability, beta, missing)
    room = 1.0 - beta
    weight = _worst_first(loss_share, probability, max(0.0, room - missing)) / room
    calm = _worst_first(loss_share, probability, room) / room
    used = loss_share[weight > 0]
    return Tail(
        beta=beta,
        low=float(calm @ loss_share),
        high=min(1.0, float(weight @ loss_share) + missing / room),
        quantile=float(used.min()) if used.size else 1.0,
        loss_share=loss_share.copy(),
        weight=weight,
        uncovered_probability=missing,
    )


def _worst_first(loss_share: Floats, probability: Floats, room: float) -> Floats:
    """Return how much of each state's probability fits when the worst are taken first."""
    order = np.argsort(-loss_share, kind="stable")
    before = np.cumsum(probability[order]) - probability[order]
    taken = np.empty(order.size)
    taken[order] = np.clip(room - before, 0.0, probability[order])
    return taken


def _check(loss_share: Floats, probability: Floats, beta: float, missing: float) -> None:
    """Raise where the figures do not fit together."""
    if not 0 <= beta < 1:
        raise ValueError("`beta` must be in [0, 1)")
    if loss_share.shape != probability.shape or not np.isfinite(loss_share).all():
        raise ValueError("`loss_share` must be finite and have the shape of `probability`")
    if (probability < 0).any() or float(probability.sum()) > 1 + 1e-9:
        raise ValueError("`probability` must be at least 0 and sum to at most 1")
    if (loss_share < -1e-9).any() or (loss_share > 1 + 1e-9).any():
        raise ValueError("`loss_share` must be within [0, 1]")
    if missing > (1 - beta) * (1 + 1e-9):
        raise ValueError(
            f"`beta` must be at most {1 - missing:.9g}: states left out have probability "
            f"{missing:.3g}, the tail only {1 - beta:.3g}"
        )


def lost_share(found: Assessment, causes: Sequence[str] | None = PLANNED_CAUSES) -> Floats:
    r"""Return the part of all demand that each state loses, hours weighted alike.

    .. math:: L_k = \sum_{soh} \text{lost}_{ksoh} \Big/ \sum_{sh} D_{ksh}

    Parameters
    ----------
    found : Assessment
        What the replay found.
    causes : sequence of str, optional
        Causes that count, of `planner.simulation.lost.CAUSES`; None for all.

    Returns
    -------
    ndarray, shape (K,)
        0 to 1; 0 where nobody asks.
    """
    if causes is None:
        lost = found.lost.total.sum(axis=(1, 2, 3))
    else:
        lost = sum(
            (getattr(found.lost, cause).sum(axis=(1, 2, 3)) for cause in causes),
            np.zeros(len(found.axes.states)),
        )
    demand = found.service_demand_rps.sum(axis=(1, 2))
    part = np.divide(lost, demand, out=np.zeros_like(lost), where=demand > 0)
    share: Floats = np.clip(part, 0.0, 1.0)
    return share

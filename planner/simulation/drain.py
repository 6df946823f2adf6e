r"""How requests leave a region after DNS is told to send them elsewhere.

Before the new answer is out, at :math:`T_0 = D + P` (detection and publication), all requests still
go to the old region; then, with :math:`x = t - T_0`,

.. math::
   S(t) = (1 - v)\,\max(0, 1 - x / \text{TTL}) + v\,\min(1, e^{-(x - \text{TTL}) / \tau}) :

busy resolvers hold answers whose age is uniform, and a share :math:`v` of requests comes through
resolvers that keep answers beyond their time, exponentially long.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from planner.problem.arrays import Floats
from planner.problem.recovery import Steering

PHASES = 40
"""Midpoints over which the phase of the health checks is averaged."""

LATTICE = 11
"""Prime to `PHASES`; pairs the phases of loss and return."""


def stale_share(since_s: ArrayLike, steering: Steering) -> Floats:
    r"""Return the share of requests that still follow the old answer.

    .. math:: (1 - v)\,\max(0, 1 - x/\text{TTL}) + v\,\min(1, e^{-(x-\text{TTL})/\tau})

    Parameters
    ----------
    since_s : array_like
        Seconds x since the new answer was published; 1 before that.
    steering : Steering
        TTL, violation share v and mean violation τ.

    Returns
    -------
    ndarray
        Share, of the same shape.

    Notes
    -----
    v = 0.108 and τ = 522 s are fitted to two figures of one study (TTL 20 s: 10 % of requests after
    60 s, 2 % of users after 15 min), of which the first counts requests and the second users: a
    choice of the model.  Resolvers are taken to be busy, so that caches never run empty.

    References
    ----------
    Flavel, Mani and Maltz, "Re-evaluating the responsiveness of DNS-based network control", IEEE
    LANMAN 2014, doi:10.1109/LANMAN.2014.7028641.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.recovery import recovery
    >>> steering = recovery(read_scenario("taiwan")).steering
    >>> stale_share([-1.0, 0.0, 15.0, 30.0, 900.0], steering).round(3).tolist()
    [1.0, 1.0, 0.554, 0.108, 0.02]
    """
    since = np.asarray(since_s, dtype=np.float64)
    ttl, violation = steering.ttl_s, steering.violation_share
    caches = np.clip(1 - since / ttl, 0.0, 1.0) if ttl > 0 else np.where(since < 0, 1.0, 0.0)
    tail = np.exp(-np.maximum(since - ttl, 0.0) / steering.violation_s)
    share: Floats = np.where(since < 0, 1.0, (1 - violation) * caches + violation * tail)
    return share


def expected_share(t_s: ArrayLike, steering: Steering, duration_s: float = np.inf) -> Floats:
    """Return the expected share of requests that go to a lost region, also after its return.

    Parameters
    ----------
    t_s : array_like
        Seconds since the region was lost.
    steering : Steering
        Health checks and DNS.
    duration_s : float
        Seconds until the region is back; inf for never.

    Returns
    -------
    ndarray
        Share, of the same shape: S(t) averaged over the phase of the checks, uniform in one
        interval; after the return it grows back to 1.

    Notes
    -----
    An outage that ends before the last of the checks has failed moves nobody; for some phases it
    may, for others not.  The phases of loss and return are taken to be independent.

    Examples
    --------
    Answers are out after 27 to 37 s; half an hour later next to nobody is left.

    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.recovery import recovery
    >>> steering = recovery(read_scenario("taiwan")).steering
    >>> expected_share([20.0, 47.0, 1800.0], steering).round(3).tolist()
    [1.0, 0.554, 0.004]
    >>> expected_share([18.0, 600.0], steering, duration_s=20.0).tolist()
    [1.0, 1.0]
    """
    t = np.asarray(t_s, dtype=np.float64)
    moved = np.zeros_like(t)
    for noticed_s, return_s in _phases(steering):
        if noticed_s < duration_s:
            published_s = noticed_s + steering.publication_s
            back_s = duration_s + return_s + steering.publication_s
            gone = 1 - stale_share(np.minimum(t, back_s) - published_s, steering)
            moved += gone * stale_share(t - back_s, steering)
    mean: Floats = 1 - moved / PHASES
    return mean


def _phases(steering: Steering) -> list[tuple[float, float]]:
    """Return equally probable pairs of seconds until a loss and until a return are noticed."""
    place = np.arange(PHASES)
    # A lattice: both coordinates are midpoints of equal parts, and hardly depend on each other.
    loss, back = (place + 0.5) / PHASES, (place * LATTICE % PHASES + 0.5) / PHASES
    interval = steering.check_interval_s
    loss_s = interval * (steering.check_failures - 1 + loss) + steering.check_timeout_s
    back_s = interval * (steering.check_successes - 1 + back)
    return list(zip(loss_s.tolist(), back_s.tolist(), strict=True))


def linger(share: Floats, step_s: Floats, lifetime_s: float) -> Floats:
    """Return the share of requests that still use a region that DNS drains while it works.

    Parameters
    ----------
    share : ndarray, shape (T,)
        Share whose resolvers still answer with it; does not rise.
    step_s : ndarray, shape (T,)
        Seconds from each time to the next.
    lifetime_s : float
        Mean life of an open connection, exponential.

    Returns
    -------
    ndarray, shape (T,)
        Share, not below `share`.

    Examples
    --------
    All answers change at once after a second; connections of 100 s last on.

    >>> linger(np.array([1.0, 0.0, 0.0]), np.ones(3), 100.0).round(4).tolist()
    [1.0, 1.0, 0.99]
    """
    kept, open_share = np.empty_like(share), 0.0
    for place, now in enumerate(share):
        left = share[place - 1] - now if place else 0.0
        decay = np.exp(-step_s[place - 1] / lifetime_s) if place and lifetime_s > 0 else 0.0
        open_share = open_share * decay + max(left, 0.0) * (lifetime_s > 0)
        kept[place] = now + open_share
    return np.minimum(kept, 1.0)


def lost_request_s(steering: Steering) -> float:
    r"""Return the request-seconds lost for each request per second that went to a lost region.

    .. math:: \int_0^\infty S\,dt = T_0 + (1 - v)\,\frac{\text{TTL}}{2} + v\,(\text{TTL} + \tau)

    Parameters
    ----------
    steering : Steering
        Health checks and DNS.

    Returns
    -------
    float
        Seconds; `T_0` is the mean detection plus publication.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.recovery import recovery
    >>> round(lost_request_s(recovery(read_scenario("taiwan")).steering), 1)
    105.0
    """
    start_s = steering.detection_s + steering.publication_s
    v, ttl = steering.violation_share, steering.ttl_s
    return start_s + (1 - v) * ttl / 2 + v * (ttl + steering.violation_s)

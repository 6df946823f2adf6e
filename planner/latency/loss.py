"""What lost packets cost: retransmission rounds, each after a timeout that doubles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SEGMENT_BYTES = 1460.0
"""Payload of a TCP segment in an Ethernet frame: 1,500 less two headers of 20 bytes."""

LEAST_TIMEOUT_MS = 200.0
"""Least retransmission timeout above the round trip: Linux's TCP_RTO_MIN (RFC 6298 asks 1 s)."""

FIRST_TIMEOUT_MS = 1000.0
"""Timeout of a lost SYN, of which no round trip is known (RFC 6298, section 2.1)."""

ROUNDS = 6
"""Rounds told apart; the last stands for all later ones."""


@dataclass(frozen=True)
class Recovery:
    """Delays of loss recovery and their probabilities.

    Attributes
    ----------
    delay_ms : ndarray, shape (..., J)
        Delay with 1, 2, ... rounds of transmission, ms.
    probability : ndarray, shape (..., J)
        Their probabilities; the sum over the last axis is 1.
    """

    delay_ms: NDArray[np.float64]
    probability: NDArray[np.float64]

    @property
    def mean_ms(self) -> NDArray[np.float64]:
        """Mean delay, ms, shape (...)."""
        mean: NDArray[np.float64] = (self.delay_ms * self.probability).sum(axis=-1)
        return mean


def segments(payload_kib: ArrayLike) -> NDArray[np.float64]:
    """Return how many TCP segments carry a payload, at least one.

    Parameters
    ----------
    payload_kib : array_like
        Size of the response, KiB.

    Returns
    -------
    ndarray
        Whole numbers.

    Examples
    --------
    >>> segments([0.0, 1.0, 20.0]).tolist()
    [1.0, 1.0, 15.0]
    """
    payload = np.asarray(payload_kib, dtype=np.float64)
    count: NDArray[np.float64] = np.maximum(np.ceil(payload * 1024 / SEGMENT_BYTES), 1.0)
    return count


def recovery(loss_share: ArrayLike, count: ArrayLike, timeout_ms: ArrayLike) -> Recovery:
    r"""Return how long the recovery of lost segments delays a response.

    .. math:: P(J \le j) = (1 - p^j)^n, \qquad \text{delay} = \text{RTO} \, (2^{J-1} - 1)

    Parameters
    ----------
    loss_share : array_like, shape (...)
        Share p of packets lost, each on its own, from 0 to 1; all arguments broadcast.
    count : array_like, shape (...)
        Segments n of the response, at least 1.
    timeout_ms : array_like, shape (...)
        First retransmission timeout RTO, ms; for a response the round trip + `LEAST_TIMEOUT_MS`.

    Returns
    -------
    Recovery
        Delays and probabilities of 1 to `ROUNDS` rounds, the last standing for all later ones.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Notes
    -----
    Every segment that is lost waits for a timeout: right for the tail of a short response, too slow
    where duplicate acknowledgements trigger a fast retransmission, and too quick in that slow start
    after a loss and lost acknowledgements are left out.  Losses in bursts spare most responses and
    hit some harder.

    References
    ----------
    RFC 6298, "Computing TCP's Retransmission Timer", 2011; N. Cardwell, S. Savage, T. Anderson,
    "Modeling TCP Latency", INFOCOM 2000.

    Examples
    --------
    Two segments, one in ten lost: 0.9² arrive at once, 0.99² after at most one timeout of 250 ms.

    >>> found = recovery(0.1, 2, 250.0)
    >>> found.delay_ms[:3].tolist(), found.probability[:2].round(4).tolist()
    ([0.0, 250.0, 750.0], [0.81, 0.1701])
    """
    p, n, timeout = (np.asarray(x, dtype=np.float64) for x in (loss_share, count, timeout_ms))
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("`loss_share` must lie between 0 and 1.")
    if not (n >= 1).all():
        raise ValueError("`count` must be at least 1.")
    if not (timeout >= 0).all():
        raise ValueError("`timeout_ms` must be at least 0.")
    p, n, timeout = (x[..., None] for x in np.broadcast_arrays(p, n, timeout))
    rounds = np.arange(1, ROUNDS + 1)
    within = (1 - p**rounds) ** n
    within[..., -1] = 1.0
    probability = np.diff(within, axis=-1, prepend=0.0)
    delay = timeout * (2.0 ** (rounds - 1) - 1)
    return Recovery(delay, probability)

"""Where the formulas for waits hold, where a recursion replaces them, and what to say beyond."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

FORMULA_CV2 = 1.0
"""Up to this squared coefficient of variation the scaled exponential wait is within 10 %."""

SIMULATED_CV2 = 4.0
"""Up to this one the recursion is within 10 %; beyond it waits are too long to be sampled well."""


def is_simulated(arrival_cv2: ArrayLike, service_cv2: ArrayLike) -> NDArray[np.bool_]:
    """Return where waits come from the recursion: one coefficient above 1, none above 4.

    Parameters
    ----------
    arrival_cv2, service_cv2 : array_like, shape (...)
        Squared coefficients of variation of the times between arrivals and of the service.

    Returns
    -------
    ndarray of bool, shape (...)
        False where the formulas of `planner.latency.queueing` are used.

    Notes
    -----
    Above 4 the formulas are used again and tails may be 40 % off: see `queueing_warnings`.

    Examples
    --------
    >>> is_simulated([1.0, 1.0, 2.0, 1.0], [1.0, 2.0, 0.0, 5.0]).tolist()
    [False, True, True, False]
    """
    larger = np.maximum(arrival_cv2, service_cv2)
    return np.asarray((larger > FORMULA_CV2) & (larger <= SIMULATED_CV2))


def queueing_warnings(
    arrival_cv2: Sequence[float], service_cv2: Sequence[float], names: Sequence[str]
) -> tuple[str, ...]:
    """Return a sentence for every service whose tails nothing here predicts well.

    Parameters
    ----------
    arrival_cv2, service_cv2 : sequence of float, length S
        Squared coefficients of variation of the times between requests and of the service.
    names : sequence of str, length S
        Names of the services.

    Returns
    -------
    tuple of str
        At most two sentences a service, in their order.

    Raises
    ------
    ValueError
        If the arguments differ in length.

    Examples
    --------
    >>> for sentence in queueing_warnings([1.0, 9.0], [6.0, 1.0], ["api", "feed"]):
    ...     print(sentence)
    service 'api': squared coefficient of variation 6 of the service time is above 4, \
tails may be 40 % off; simulate it
    service 'feed': squared coefficient of variation 9 of the time between requests is above 4, \
waits may be several times as long; simulate it
    """
    if not len(arrival_cv2) == len(service_cv2) == len(names):
        raise ValueError("`arrival_cv2`, `service_cv2` and `names` must have one length.")
    found = []
    for name, arrival, service in zip(names, arrival_cv2, service_cv2, strict=True):
        if service > SIMULATED_CV2:
            found.append(_sentence(name, service, "service time", "tails may be 40 % off"))
        if arrival > SIMULATED_CV2:
            error = "waits may be several times as long"
            found.append(_sentence(name, arrival, "time between requests", error))
    return tuple(found)


def _sentence(name: str, cv2: float, what: str, error: str) -> str:
    """Return one warning."""
    start = f"service '{name}': squared coefficient of variation {cv2:g} of the {what}"
    return f"{start} is above {SIMULATED_CV2:g}, {error}; simulate it"

"""When a search may stop: the time that is left and the gap that is closed."""

from __future__ import annotations

import time


def left_s(deadline: float) -> float:
    """Return the seconds until a deadline, a little where it has passed.

    Parameters
    ----------
    deadline : float
        Time, as `time.perf_counter`.

    Returns
    -------
    float
        Seconds, at least 0.05: the solver shall return something.
    """
    return max(0.05, deadline - time.perf_counter())


def closed(objective: float | None, bound: float, gap: float) -> bool:
    """Return whether a plan is proven to within a relative gap.

    Parameters
    ----------
    objective : float or None
        What the plan costs, US dollars a month; None where there is none.
    bound : float
        Proven lower bound, US dollars a month.
    gap : float
        Relative gap asked for.

    Returns
    -------
    bool
        False without a plan.

    Examples
    --------
    >>> closed(100.0, 99.5, 0.01), closed(100.0, 98.0, 0.01), closed(None, 98.0, 0.01)
    (True, False, False)
    """
    return objective is not None and objective - bound <= gap * max(abs(objective), 1e-9)

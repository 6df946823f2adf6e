"""How fast an error budget burns: the windows and factors of multi-window alerts."""

from __future__ import annotations

from dataclasses import dataclass

from planner.errors import UnfaithfulExport

PERIOD_H = 30 * 24.0
"""The budget is that of 30 days."""


@dataclass(frozen=True)
class Burn:
    """One speed at which the budget may not burn.

    Attributes
    ----------
    long_window, short_window : str
        Both must burn: the long one says that it matters, the short one that it still does.
    hours : float
        Length of the long window.
    budget_share : float
        What of the period's budget is gone at the end of it.
    severity : str
        ``critical`` wakes somebody, ``warning`` can wait for the day.
    """

    long_window: str
    short_window: str
    hours: float
    budget_share: float
    severity: str

    @property
    def factor(self) -> float:
        """Errors over those that the objective allows."""
        return self.budget_share * PERIOD_H / self.hours


BURNS = (
    Burn("1h", "5m", 1.0, 0.02, "critical"),
    Burn("6h", "30m", 6.0, 0.05, "critical"),
    Burn("3d", "6h", 72.0, 0.10, "warning"),
)
"""B. Beyer et al. (eds.), The Site Reliability Workbook, O'Reilly 2018, chapter 5, table 5-8."""

WINDOWS = ("5m", "30m", "1h", "6h", "3d")


def burns(objective: float) -> tuple[Burn, ...]:
    r"""Return the burn rates to alert on.

    .. math:: \text{errors} > f\,(1 - A), \qquad
              f = \frac{\text{budget share} \times 720\,\text{h}}{\text{window}}

    Parameters
    ----------
    objective : float
        Availability A, a share.

    Returns
    -------
    tuple of Burn
        Fastest first.

    Raises
    ------
    UnfaithfulExport
        If the fastest could never be reached: all requests failing would burn slower.

    Examples
    --------
    >>> [round(burn.factor, 6) for burn in burns(0.999)]
    [14.4, 6.0, 1.0]
    """
    fastest = max(burn.factor for burn in BURNS)
    if fastest * (1 - objective) >= 1:
        raise UnfaithfulExport(
            f"an availability of {objective:g} is too low for burn-rate alerts: {fastest:g} times "
            f"its errors would be more than all requests; promise more than {1 - 1 / fastest:.4g}"
        )
    return BURNS

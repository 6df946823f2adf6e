"""What the judge found of a solution, as far as a plan document records it."""

from __future__ import annotations

from dataclasses import dataclass

from planner.problem.arrays import Floats


@dataclass(frozen=True)
class Judgement:
    """Findings of the replay, handed to `planner.problem.documents.as_plan`.

    Attributes
    ----------
    region_p95_ms : ndarray, shape (S, R)
        95th percentile of each serving region's users, ms; NaN where it serves none.
    origin_p95_ms : ndarray, shape (S, O)
        95th percentile of each origin's users, ms; NaN where there are none.
    lost_requests_month : float
        Expected requests not served in a month, over all states.
    headroom_factor : float
        Largest factor on all demand that keeps the policy.
    headroom_regions : ndarray, shape (R,)
        The same for each region's own limits; inf where it serves nobody.
    limited_by : str
        What is full at that factor.
    worst_state : str
        The promised state that hurts most.
    worst_unserved_share, worst_p95_over_limit : float
        How much.
    worst_cause : str
        Which service, region and hour.
    """

    region_p95_ms: Floats
    origin_p95_ms: Floats
    lost_requests_month: float
    headroom_factor: float
    headroom_regions: Floats
    limited_by: str
    worst_state: str
    worst_unserved_share: float
    worst_p95_over_limit: float
    worst_cause: str

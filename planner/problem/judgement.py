"""What the judge found of a solution, as far as a plan document records it."""

from __future__ import annotations

from dataclasses import dataclass

from planner.model.hourly import HourlyNeeds, ServiceNeeds
from planner.problem.arrays import Axes, Floats, Ints


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
    normal_replicas : ndarray of int, shape (S, R, H), or None
        Replicas that each hour needs with everything up; None where a balancer steers: its loads
        follow the replicas.
    surviving_replicas : ndarray of int, shape (S, R, H), or None
        Replicas with which every promised state is survived.
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
    normal_replicas: Ints | None = None
    surviving_replicas: Ints | None = None


def hourly_needs(axes: Axes, judgement: Judgement) -> HourlyNeeds | None:
    """Write down what each hour needs, with names.

    Parameters
    ----------
    axes : Axes
        Names along the axes.
    judgement : Judgement
        What the judge found.

    Returns
    -------
    HourlyNeeds or None
        None where the judge cannot say: a balancer's loads follow the replicas.
    """
    normal, surviving = judgement.normal_replicas, judgement.surviving_replicas
    if normal is None or surviving is None:
        return None
    services = {
        name: ServiceNeeds(
            normal=_by_region(axes, normal[s]), survive=_by_region(axes, surviving[s])
        )
        for s, name in enumerate(axes.services)
    }
    return HourlyNeeds(hours_utc=axes.hours, services=services)


def _by_region(axes: Axes, replicas: Ints) -> dict[str, tuple[int, ...]]:
    """Return replicas by region, from shape (R, H)."""
    return {name: tuple(replicas[r].tolist()) for r, name in enumerate(axes.regions)}

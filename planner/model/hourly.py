"""Replicas by the hour: what each hour needs, and the totals and weights that provide it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from planner.model.schema import Count, Document, Flag, Label


def standing(hours_utc: Sequence[int], hour_utc: int) -> int:
    """Return which of the planned hours stands in an hour of the day.

    Parameters
    ----------
    hours_utc : sequence of int
        Planned hours, ascending.
    hour_utc : int
        Hour of the day, 0 to 23, UTC.

    Returns
    -------
    int
        The place of the last one that has begun; before the first one that of the day before.

    Examples
    --------
    >>> [standing((4, 16), hour) for hour in (0, 4, 15, 16)]
    [1, 0, 0, 1]
    """
    begun = sum(hour <= hour_utc for hour in hours_utc)
    return (begun or len(hours_utc)) - 1


class ServiceNeeds(Document):
    """Replicas that one service needs in each hour."""

    normal: dict[Label, tuple[Count, ...]] = Field(
        description="region to replicas whose normal ceiling the load does not exceed, everything "
        "up; at least 1 where the service runs"
    )
    survive: dict[Label, tuple[Count, ...]] = Field(
        description="region to replicas with which every promised state is survived; at least the "
        "service's minimum where it runs"
    )

    def normal_peak(self, region: str) -> int:
        """Return what the region's busiest hour needs with everything up."""
        return max(self.normal.get(region, ()), default=0)

    def most(self, region: str) -> int:
        """Return what the hour that needs most needs to survive every promised state.

        Examples
        --------
        >>> needs = ServiceNeeds(normal={"tpe": (2, 3)}, survive={"tpe": (4, 5)})
        >>> needs.normal_peak("tpe"), needs.most("tpe"), needs.most("tyo")
        (3, 5, 0)
        """
        return max(self.survive.get(region, ()), default=0)


class HourlyNeeds(Document):
    """Replicas that each hour needs, before any controller divides a total."""

    hours_utc: tuple[Count, ...] = Field(description="hours of the day, UTC, along every tuple")
    services: dict[Label, ServiceNeeds] = Field(description="needs by service")


class ServiceHours(Document):
    """One service over the hours of the day."""

    weights: dict[Label, Count] = Field(
        description="region to the weight that stands all day; 0 where the service does not run"
    )
    totals: tuple[Count, ...] = Field(description="replicas over all regions in each hour")
    replicas: dict[Label, tuple[Count, ...]] = Field(
        description="region to what the controller makes of each hour's total"
    )
    exact: Flag = Field(
        description="whether no weights up to the largest need fewer replicas over the hours"
    )


class HourlyReplicas(Document):
    """What a federation controller is told over the day: a schedule of totals."""

    controller: Literal["kubefed", "karmada"] = Field(description="federation controller")
    hours_utc: tuple[Count, ...] = Field(description="hours of the day, UTC, along every tuple")
    services: dict[Label, ServiceHours] = Field(description="schedule by service")

    def total(self, service: str, hour_utc: int) -> int:
        """Return the total of a service from an hour on, until the next one that is planned.

        Parameters
        ----------
        service : str
            Name of the service.
        hour_utc : int
            Hour of the day, 0 to 23, UTC.

        Returns
        -------
        int
            Replicas over all regions; before the first planned hour those of the last one.

        Examples
        --------
        >>> night = ServiceHours(weights={"tpe": 1}, totals=(2, 6), replicas={}, exact=True)
        >>> day = HourlyReplicas(controller="karmada", hours_utc=(4, 16), services={"api": night})
        >>> [day.total("api", hour) for hour in (0, 4, 15, 16)]
        [6, 2, 2, 6]
        """
        return self.services[service].totals[standing(self.hours_utc, hour_utc)]

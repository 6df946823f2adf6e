"""How things fail: rates and repair times, and which kinds of failure are counted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.model.schema import Basis, Document, NonNegative, Positive, Share, Text
from planner.units import HOURS_PER_DAY, HOURS_PER_YEAR

Kind = Literal["region", "pool", "risk_group", "link", "cable", "control_plane", "event"]
"""What a component of the failure model is."""

KINDS: tuple[Kind, ...] = (
    "region",
    "pool",
    "risk_group",
    "link",
    "cable",
    "control_plane",
    "event",
)
PROMISED_KINDS: tuple[Kind, ...] = ("region", "risk_group", "link")
"""The kinds of which a policy can promise that so many may be down."""


class Failure(Document):
    """How often a component fails and how long its repair takes: hours, or a rate and days."""

    mtbf_h: Positive | None = Field(
        default=None, description="mean time from a repair to the next failure, hours"
    )
    mttr_h: Positive | None = Field(default=None, description="mean time to repair, hours")
    rate_per_year: NonNegative | None = Field(
        default=None, description="failures in a year of service, instead of mtbf_h"
    )
    repair_days: Positive | None = Field(
        default=None, description="mean time to repair, days, instead of mttr_h"
    )
    basis: Basis = None

    @property
    def failures_per_hour(self) -> float:
        """Failures in an hour of service, 1 / MTBF."""
        if self.mtbf_h is not None:
            return 1.0 / self.mtbf_h
        return (self.rate_per_year or 0.0) / HOURS_PER_YEAR

    @property
    def repair_h(self) -> float:
        """Mean time to repair, hours."""
        return self.mttr_h if self.mttr_h is not None else (self.repair_days or 0) * HOURS_PER_DAY

    @property
    def unavailability_probability(self) -> float:
        """MTTR / (MTBF + MTTR)."""
        if self.mtbf_h is not None:
            return self.repair_h / (self.mtbf_h + self.repair_h)
        down = self.failures_per_hour * self.repair_h
        return down / (1.0 + down)

    @property
    def events_per_year(self) -> float:
        """How often it happens in a calendar year, 8760 h / (MTBF + MTTR)."""
        return HOURS_PER_YEAR * self.failures_per_hour * (1.0 - self.unavailability_probability)


class Cables(Document):
    """Cable segments that fail one by one; a segment's rate is its length times the rate."""

    segments: tuple[Text, ...] | Literal["all", "none"] = Field(
        default="none",
        description="segments in cable_segments.csv that are counted: 'all', 'none' or names",
    )
    rate_per_1000km_year: NonNegative = Field(
        default=0.15, description="faults in a year of service for each 1000 km of segment"
    )
    repair_days: Positive = Field(default=20.0, description="mean time to repair, days")
    basis: Basis = None


class Failures(Document):
    """How failures that no section of its own describes are counted."""

    servers: Failure | None = Field(
        default=Failure(
            rate_per_year=0.08,
            mttr_h=24.0,
            basis="8 % of servers have a hardware incident in a year (Vishwanath and Nagappan "
            "2010); ours: a day to repair",
        ),
        description="failure of one server, where its pool gives none; null for never",
    )
    links: Failure | None = Field(
        default=None,
        description="failure of one overlay link by itself, where the link gives none",
    )
    cables: Cables = Field(default=Cables(), description="failures of single cable segments")
    control_plane: Failure | None = Field(
        default=Failure(mtbf_h=8760.0, mttr_h=1.0, basis="ours: an hour once a year"),
        description="failure of the federation's control plane by itself; null for never",
    )
    cutoff_probability: Share = Field(
        default=1e-9,
        lt=1,
        description="states that are not more probable are left out and reported",
    )
    basis: Basis = None

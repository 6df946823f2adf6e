"""Named events: bundles of effects that can be replayed, and counted where they have a rate."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from planner.model.failure import Failure
from planner.model.schema import (
    Basis,
    Document,
    Flag,
    Label,
    NonNegative,
    OriginCode,
    Positive,
    Share,
    Text,
)

PositiveShare = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1)]
"""A ratio in (0, 1]."""


class Degradation(Document):
    """Paths that are slower, lossy or narrower; a path is degraded once, however it runs."""

    corridors: tuple[Label, ...] = Field(
        default=(), description="paths that run through one of these corridors in the normal state"
    )
    links: tuple[Label, ...] = Field(default=(), description="these overlay links")
    extra_rtt_ms: NonNegative = Field(default=0.0, description="added to the round trip, ms")
    loss_share: Share = Field(default=0.0, description="share of packets lost, besides the normal")
    capacity_share: PositiveShare = Field(
        default=1.0,
        description="part of a link's capacity, or of the uplink of a path's region, that is left",
    )
    basis: Basis = None


class Crowd(Document):
    """Demand that rises; several crowds multiply."""

    origins: tuple[OriginCode, ...] = Field(default=(), description="whose; all without it")
    services: tuple[Label, ...] = Field(default=(), description="of which services; all without it")
    factor: NonNegative = Field(description="factor on the demand")
    basis: Basis = None


class Event(Document):
    """What happens at once under one name."""

    name: Text | None = Field(default=None, description="name for people")
    starts_utc: Text | None = Field(
        default=None,
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="time of the day at which it begins, UTC; the busiest hour without it",
    )
    duration_min: Positive = Field(description="how long it lasts, minutes")
    regions_down: tuple[Label, ...] = Field(default=(), description="regions that are lost")
    risk_groups_cut: tuple[Label, ...] = Field(default=(), description="risk groups that are lost")
    links_down: tuple[Label, ...] = Field(default=(), description="overlay links that are lost")
    cables_cut: tuple[Text, ...] = Field(
        default=(), description="segments in cable_segments.csv that are cut"
    )
    services_down: tuple[Label, ...] = Field(
        default=(), description="services that fail in every region, such as by a bad release"
    )
    server_share: dict[Label, Share] = Field(
        default={}, description="region to the part of its servers that is left"
    )
    degraded: tuple[Degradation, ...] = Field(default=(), description="paths that are degraded")
    crowds: tuple[Crowd, ...] = Field(default=(), description="demand that rises")
    control_plane_down: Flag = Field(
        default=False, description="whether the federation's control plane is lost"
    )
    failure: Failure | None = Field(
        default=None,
        description="how often it happens; with it, the event is a component of failure states",
    )
    basis: Basis = None

"""What is promised and what it may cost: policy, calendar, cost weights, federation, DNS."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from planner.model.schema import (
    Basis,
    Count,
    Document,
    Flag,
    HostName,
    Label,
    LoadShare,
    NonNegative,
    Positive,
    PositiveCount,
    Text,
)

# The bounds stand in the type: beside `Count`, those of a field are overruled by its own.
UpToTwo = Annotated[int, Field(strict=True, ge=0, le=2)]
UpToThree = Annotated[int, Field(strict=True, ge=0, le=3)]
Growing = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-0.99, le=100)]
Preset = Literal["latency", "cost", "balanced"]


class Survive(Document):
    """Which failure states the plan must hold in: up to so many components of each kind at once."""

    regions: UpToThree = Field(default=0, description="regions lost at once")
    risk_groups: UpToTwo = Field(default=0, description="risk groups lost at once")
    links: UpToTwo = Field(default=0, description="overlay links lost at once")


class Policy(Document):
    """What the plan must keep."""

    survive: Survive = Field(default=Survive(), description="failure states the plan must hold in")
    ceiling_normal_share: LoadShare = Field(
        default=0.6, description="highest utilisation of workers with everything up"
    )
    ceiling_emergency_share: LoadShare = Field(
        default=0.8, description="highest utilisation of workers in a failure state"
    )
    survive_server_loss: Flag = Field(
        default=False,
        description="whether the pods must still fit with one server of each pool lost",
    )
    steering: Literal["static", "adaptive"] = Field(
        default="static",
        description="'static': DNS shares and orders; 'adaptive': a balancer re-routes each state",
    )
    split_origins: Flag = Field(
        default=True, description="whether the DNS target can divide one origin over regions"
    )
    basis: Basis = None


class CostWeights(Document):
    """What latency and lost requests are worth; a preset or figures of one's own."""

    preset: Preset | None = Field(
        default="balanced", description="published triple; null for figures of one's own"
    )
    usd_per_ms: NonNegative | None = Field(
        default=None, description="US dollars a month for each ms of demand-weighted mean latency"
    )
    usd_per_lost_request: NonNegative | None = Field(
        default=None, description="US dollars for each request that is not served"
    )
    cost_factor: NonNegative | None = Field(
        default=None, description="factor on fixed and replica cost"
    )
    basis: Basis = None


PRESETS: dict[str, tuple[float, float, float]] = {
    "latency": (1.0, 500.0, 0.001),
    "cost": (1.0, 0.0, 0.0),
    "balanced": (1.0, 100.0, 0.0001),
}
"""Preset to (cost factor, usd_per_ms, usd_per_lost_request); the figures are ours."""


class Calendar(Document):
    """Which hours are planned for."""

    weekday: Literal[
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
    ] = Field(default="wednesday", description="the weekday whose hours are planned, UTC")
    hours_utc: tuple[Count, ...] = Field(
        default=tuple(range(24)), min_length=1, description="hours of that day, 0 to 23, UTC"
    )
    peak_factor: Positive = Field(
        default=1.0, description="demand of the day planned for over that of a mean day"
    )
    diurnal_profile: Label = Field(
        default="weekday", description="local-time curve in diurnal.csv, mean 1"
    )
    basis: Basis = None


class Growth(Document):
    """How demand grows."""

    share_year: Growing = Field(default=0.0, description="growth of demand in a year")
    from_month: Text = Field(
        default="2027-01",
        pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$",
        description="month of the demand given",
    )
    basis: Basis = None


class Federation(Document):
    """Which controller divides replicas over clusters."""

    controller: Literal["kubefed", "karmada"] = Field(
        default="kubefed", description="federation controller whose arithmetic decides the weights"
    )
    host_region: Label = Field(description="region whose cluster hosts the federation")
    standby_region: Label | None = Field(
        default=None, description="region that takes the control plane over"
    )
    basis: Basis = None


class Dns(Document):
    """How users are steered."""

    zone: HostName = Field(description="zone that holds the host names")
    ttl_s: PositiveCount = Field(default=30, description="time to live of an answer, seconds")
    name_servers: tuple[HostName, ...] = Field(min_length=1, description="name servers of the zone")
    hostmaster: HostName = Field(description="mailbox of the zone, as a DNS name")
    geoip_database: Text = Field(
        default="/etc/coredns/geoip/country.mmdb",
        pattern=r"^/[A-Za-z0-9._/-]+$",
        description="path of the country database in the CoreDNS container",
    )
    external_dns_provider: Literal["cloudflare", "aws"] = Field(
        default="cloudflare", description="provider that ExternalDNS writes to"
    )
    basis: Basis = None

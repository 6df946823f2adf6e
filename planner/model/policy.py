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
    Share,
    Text,
)

# The bounds stand in the type: beside `Count`, those of a field are overruled by its own.
UpToTwo = Annotated[int, Field(strict=True, ge=0, le=2)]
UpToThree = Annotated[int, Field(strict=True, ge=0, le=3)]
UpToFive = Annotated[int, Field(strict=True, ge=1, le=5)]
Percent = Annotated[int, Field(strict=True, ge=1, le=100)]
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
    packing: Literal["guaranteed", "at_best"] | None = Field(
        default=None,
        description="'guaranteed', as without it: the pods fit in whatever order they arrive; "
        "'at_best': somebody can pack them, and the order matters",
    )
    steering: Literal["static", "adaptive"] = Field(
        default="static",
        description="'static': DNS shares and orders; 'adaptive': a balancer re-routes each state",
    )
    split_origins: Flag = Field(
        default=True, description="whether the DNS target can divide one origin over regions"
    )
    relay_margin_ms: NonNegative | None = Field(
        default=10.0,
        description="calls between regions are relayed through a third one where that is quicker "
        "by more than this, ms (ours); null for never",
    )
    replicas: Literal["fixed", "hourly"] | None = Field(
        default=None,
        description="'hourly': replicas follow the day, each hour as many as survive; 'fixed', as "
        "without it: those of the busiest hour all day",
    )
    rented_regions: tuple[Label, ...] | None = Field(
        default=None,
        description="regions whose capacity is rented by the hour, so that hours with fewer "
        "replicas cost less; none without it: servers that are owned cost the same all day",
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
    rebalance: Flag = Field(
        default=True, description="whether the controller divides a lost cluster's replicas anew"
    )
    karmada_failover: Literal["off", "on", "tuned"] = Field(
        default="off",
        description="Karmada's failover: 'off' as installed, 'on' with its four switches, 'tuned' "
        "with shorter timers too",
    )
    redivision_s: NonNegative | None = Field(
        default=None,
        description="seconds from a loss until replicas are divided anew; without it as measured: "
        "KubeFed 63, Karmada 37, or 12 if tuned",
    )
    takeover_s: NonNegative = Field(
        default=1800.0,
        description="seconds from the loss of the host until the standby's control plane runs "
        "(ours: people decide, fence the old host and install)",
    )
    rejoin_s: NonNegative = Field(
        default=600.0, description="seconds more until it has joined the clusters again (ours)"
    )
    basis: Basis = None


class DnsRules(Document):
    """What the DNS target can say about one origin at one host name."""

    kind: Literal["any", "list", "percents"] = Field(
        default="any",
        description="'any': shares at will, each with its own list; 'list': one ordered list of "
        "regions; 'percents': percents on a grid, and a list",
    )
    grid_percent: Percent = Field(default=10, description="step of the percents; divides 100")
    regions: UpToFive = Field(default=3, description="most regions that percents name")
    on_loss: Literal["renormalised", "next"] = Field(
        default="renormalised",
        description="'renormalised': a lost region's percents go to the others in proportion, as "
        "weighted records do; 'next': they go whole to the next of the list",
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
    check_interval_s: Positive = Field(
        default=10.0, description="seconds between two health checks of a region"
    )
    check_failures: PositiveCount = Field(
        default=3, description="failed checks in a row after which a region is down"
    )
    check_successes: PositiveCount = Field(
        default=3, description="good checks in a row after which it is up again"
    )
    check_timeout_s: NonNegative = Field(
        default=2.0, description="seconds after which a check has failed"
    )
    publication_s: NonNegative = Field(
        default=5.0,
        description="seconds until name servers give the new answer; 5 for a zone file that is "
        "reloaded, 60 to 90 more through a ConfigMap",
    )
    ttl_violation_share: Share = Field(
        default=0.108,
        description="share of requests whose resolvers keep answers beyond the TTL; fitted to "
        "Flavel et al. 2014, range 0.05 to 0.2",
    )
    ttl_violation_s: Positive = Field(
        default=522.0, description="mean time by which they exceed it, seconds; from the same fit"
    )
    spill_over: Flag = Field(
        default=False,
        description="whether the target sends what a region turns away on to the next of the "
        "order: a proxying load balancer does, DNS does not",
    )
    external_dns_provider: Literal["cloudflare", "aws"] = Field(
        default="cloudflare", description="provider that ExternalDNS writes to"
    )
    rules: DnsRules | None = Field(
        default=None,
        description="what the target can say about an origin; without it 'any'",
    )
    basis: Basis = None

"""Places and what joins them: regions with their node pools, overlay links, risk groups."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from planner.model.failure import Failure
from planner.model.schema import (
    Address,
    Basis,
    CountryCode,
    Document,
    Flag,
    Label,
    Latitude,
    Longitude,
    MetroCode,
    NonNegative,
    Positive,
    PositiveCount,
    Share,
    Text,
)


class ServerType(Document):
    """A kind of machine."""

    cpu_cores: Positive = Field(description="allocatable Kubernetes CPUs (threads) of one server")
    memory_gib: Positive = Field(description="allocatable memory of one server, GiB")
    pods: PositiveCount = Field(default=110, description="allocatable pods of one server")
    nic_gbps: Positive | None = Field(default=None, description="network card, Gbit/s")
    storage: Text | None = Field(default=None, description="disks, in words")
    cost_usd_month: NonNegative | None = Field(
        default=None,
        description="price of one server, US dollars a month; without it the comparable cloud "
        "type's price in the region's price region is taken",
    )
    comparable_cloud_type: Text | None = Field(
        default=None, description="cloud machine type in prices.csv that stands in for the price"
    )
    comparable_share: Positive = Field(
        default=1.0, description="part of the comparable type's price that this server is worth"
    )
    basis: Basis = None


class NodePool(Document):
    """Servers of one type in one region."""

    server_type: Label = Field(description="key of the server type")
    servers: PositiveCount = Field(description="number of servers the region has or may have")
    failure: Failure | None = Field(
        default=None, description="failure of one server; failures.servers without it"
    )
    basis: Basis = None


class Region(Document):
    """A place with one cluster; a node of the graph."""

    cluster: Label = Field(description="name of its cluster in the federation")
    name: Text | None = Field(default=None, description="name for people")
    country: CountryCode = Field(description="ISO 3166-1 alpha-2 code")
    metro: MetroCode | None = Field(
        default=None, description="metro code in sites.csv, by which measured RTTs are found"
    )
    latitude_deg: Latitude = Field(description="latitude, degrees")
    longitude_deg: Longitude = Field(description="longitude, degrees")
    distribution: Literal["kubeadm", "k3s"] = Field(
        default="k3s", description="Kubernetes distribution of the cluster"
    )
    home: Flag = Field(default=False, description="whether storage of record may live here")
    api_endpoint: Text | None = Field(
        default=None, description="https URL of the cluster's API server, for the federation"
    )
    ingress_addresses: tuple[Address, ...] = Field(
        min_length=1, description="public addresses that DNS hands out for this region"
    )
    uplink_gbps: Positive = Field(description="international capacity towards users, Gbit/s")
    fixed_cost_usd_month: NonNegative = Field(
        default=0.0, description="cost of the region while anything runs there, US dollars a month"
    )
    price_region: Text | None = Field(
        default=None, description="cloud region in prices.csv whose prices compare"
    )
    pools: dict[Label, NodePool] = Field(min_length=1, description="node pools by name")
    failure: Failure = Field(
        default=Failure(mtbf_h=17520.0, mttr_h=4.0, basis="ours"),
        description="failure of the whole region; by default one event of 4 h in two years",
    )
    basis: Basis = None


class Link(Document):
    """An overlay link between two regions; an edge of the graph."""

    from_region: Label = Field(alias="from", description="region at one end")
    to_region: Label = Field(alias="to", description="region at the other end")
    rtt_ms: Positive | None = Field(
        default=None, description="measured round trip, ms; estimated from the tables without it"
    )
    capacity_gbps: Positive | None = Field(default=None, description="capacity, Gbit/s")
    loss_share: Share = Field(default=0.0, description="share of packets lost")
    risk_groups: tuple[Label, ...] = Field(
        default=(), description="risk groups with which the link fails"
    )
    failure: Failure | None = Field(default=None, description="failure of the link on its own")
    basis: Basis = None


class RiskGroup(Document):
    """What fails together: a corridor of cables, a power feed, a provider (SRLG)."""

    name: Text | None = Field(default=None, description="name for people")
    corridor: Label | None = Field(
        default=None, description="corridor in cable_segments.csv whose segments fail with it"
    )
    regions: tuple[Label, ...] = Field(
        default=(), description="regions that are lost with it, such as by one power feed"
    )
    services: tuple[Label, ...] = Field(
        default=(), description="services that fail in every region, such as by one roll-out"
    )
    failure: Failure = Field(description="failure of the whole group at once")
    basis: Basis = None

"""What is asked for: services, and the origins that call them."""

from __future__ import annotations

from pydantic import Field

from planner.model.quantity import Quantity
from planner.model.schema import (
    Basis,
    Count,
    CountryCode,
    Document,
    HostName,
    Label,
    Latitude,
    LoadShare,
    Longitude,
    NonNegative,
    Number,
    Positive,
    PositiveCount,
    Share,
    Text,
)


class LatencyObjective(Document):
    """What users of a service are promised."""

    p95_ms: Positive = Field(description="the 95th percentile promised to users, ms")
    emergency_p95_ms: Positive = Field(
        description="the 95th percentile promised while something is down, ms"
    )


class Retries(Document):
    """Requests that failed and are sent again."""

    attempts: PositiveCount = Field(default=1, description="most retries of one request")
    budget_share: Share = Field(
        default=1.0, description="most retries in a second, as a part of first attempts"
    )
    backoff_s: NonNegative = Field(default=1.0, description="seconds before a retry")


class ColdCache(Document):
    """Replicas that have just started work slower until their caches are filled."""

    factor: Positive = Field(description="service time over the normal one while caches are cold")
    warm_s: Positive = Field(description="seconds until caches are warm")


class Autoscaler(Document):
    """A HorizontalPodAutoscaler in each cluster."""

    target_share: LoadShare = Field(default=0.6, description="utilisation that it aims at")
    sync_s: Positive = Field(default=15.0, description="seconds between two looks")


class Service(Document):
    """One workload."""

    image: Text = Field(description="container image, preferably pinned by digest")
    host: HostName = Field(
        description="host name by which users reach it; shared hosts steer as one"
    )
    port: PositiveCount = Field(default=8080, description="container port")
    cpu: Quantity = Field(description="CPU request of one replica, Kubernetes quantity")
    memory: Quantity = Field(description="memory request of one replica, Kubernetes quantity")
    workers_per_replica: PositiveCount = Field(
        description="requests that one replica serves at once: servers of the queue"
    )
    service_time_ms: Positive = Field(description="mean time one request holds a worker, ms")
    service_cv2: NonNegative = Field(
        default=1.0, description="squared coefficient of variation of the service time"
    )
    arrival_cv2: NonNegative = Field(
        default=1.0, description="squared coefficient of variation of the time between requests"
    )
    payload_kib: NonNegative = Field(description="mean response size, KiB")
    requests_per_user_day: NonNegative = Field(
        description="requests that one user of the platform makes a day"
    )
    new_connection_share: Share = Field(
        default=0.1, description="share of requests that open a new connection"
    )
    setup_round_trips: NonNegative = Field(
        default=2.0,
        description="round trips of a new connection before the request (TCP + TLS 1.3)",
    )
    home_share: Share = Field(
        default=0.0, description="share of calls that must reach the home region"
    )
    home_regions: tuple[Label, ...] = Field(
        default=(), description="regions whose storage may serve those calls, in order"
    )
    objective: LatencyObjective = Field(description="latency promised to users")
    min_replicas: PositiveCount = Field(
        default=1, description="least number of replicas in a region where the service runs"
    )
    max_replicas: PositiveCount = Field(
        default=1000, description="largest number of replicas in a region"
    )
    surge_replicas: Count = Field(
        default=1, description="extra replicas of a rolling update, absolute (maxSurge)"
    )
    allowed_regions: tuple[Label, ...] | None = Field(
        default=None, description="regions in which it may run; all without it"
    )
    pinned_regions: tuple[Label, ...] = Field(
        default=(), description="regions in which it must run"
    )
    promotion_s: NonNegative = Field(
        default=300.0,
        description="seconds from the loss of a home region until the next one serves (ours)",
    )
    startup_s: NonNegative = Field(
        default=60.0, description="seconds until a new replica is ready (ours)"
    )
    connection_lifetime_s: NonNegative = Field(
        default=120.0,
        description="mean life of a connection that a drain leaves open, seconds (ours)",
    )
    timeout_ms: Positive | None = Field(
        default=None,
        description="clients give up after it, ms; without it what exceeds a region is turned away "
        "at once, with it requests queue and the work on late ones is wasted",
    )
    retries: Retries | None = Field(default=None, description="retries; none without it")
    cold_cache: ColdCache | None = Field(default=None, description="cold caches; none without it")
    autoscaler: Autoscaler | None = Field(
        default=None, description="scaling in each cluster; replicas are fixed without it"
    )
    basis: Basis = None


class Origin(Document):
    """A client population, usually a country; a node of the graph."""

    name: Text = Field(description="name for people")
    country: CountryCode = Field(description="ISO 3166-1 alpha-2 code; Namibia is NA")
    latitude_deg: Latitude = Field(description="latitude of its label point, degrees")
    longitude_deg: Longitude = Field(description="longitude of its label point, degrees")
    internet_users: NonNegative = Field(description="people who use the internet")
    propensity_share: Share = Field(description="share of them who use the platform")
    utc_offset_h: Number = Field(description="local time minus UTC, hours")
    residency: dict[Label, tuple[Label, ...]] = Field(
        default={}, description="service to the regions that may serve this origin (data residency)"
    )
    basis: Basis = None

"""What an export needs to know of the platform: networks, ports, probes, storage, versions.

All of it is optional: a plan needs none of it.  An exporter that lacks something lists what is
missing and refuses; nothing is invented.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from planner.model.schema import (
    Address,
    Basis,
    Document,
    Flag,
    Label,
    LoadShare,
    NonNegative,
    Positive,
    PositiveCount,
    Share,
    Text,
)

Cidr = Annotated[str, StringConstraints(strict=True, max_length=49, pattern=r"^[0-9a-f:.]+/\d+$")]
"""A network such as ``10.42.0.0/16``; its form is checked with the cross-checks."""

Port = Annotated[int, Field(strict=True, ge=1, le=65535)]

AsNumber = Annotated[int, Field(strict=True, ge=1, le=4_294_967_294)]
"""A BGP autonomous system; those of the plan are private ones (RFC 6996)."""

UrlPath = Annotated[
    str, StringConstraints(strict=True, max_length=200, pattern=r"^/[A-Za-z0-9._~/-]*$")
]
"""An absolute path of a URL, without a query."""

HostPort = Annotated[
    str,
    StringConstraints(
        strict=True,
        max_length=260,
        pattern=r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]+\]):[0-9]{1,5}$",
    ),
]
"""``host:port``, an IPv6 address in brackets."""

Version = Annotated[
    str, StringConstraints(strict=True, pattern=r"^v?[0-9]+(\.[0-9]+){0,2}([+-][A-Za-z0-9.+-]+)?$")
]
"""A version such as ``1.36.3``, ``v1.36.3+k3s1``."""

Digest = Annotated[str, StringConstraints(strict=True, pattern=r"^sha256:[0-9a-f]{64}$")]

HttpsUrl = Annotated[
    str,
    StringConstraints(
        strict=True,
        max_length=300,
        pattern=r"^(https|oci)://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$",
    ),
]

PinnedImage = Annotated[
    str,
    StringConstraints(
        strict=True,
        max_length=400,
        pattern=r"^[a-z0-9][a-z0-9._/:-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@sha256:[0-9a-f]{64}$",
    ),
]
"""An image with its digest."""

DevicePath = Annotated[
    str, StringConstraints(strict=True, max_length=100, pattern=r"^/dev/[A-Za-z0-9/_.:-]+$")
]


class Server(Document):
    """One machine of a region."""

    address: Address = Field(description="address of the machine inside the region's node_cidr")
    pool: Label = Field(description="its node pool")
    control_plane: Flag = Field(
        default=False, description="whether it runs the cluster's control plane"
    )
    raw_devices: dict[DevicePath, Positive] = Field(
        default={}, description="devices without a file system, for replicated storage: GiB each"
    )


class RegionPlatform(Document):
    """The network of one region and its machines."""

    node_cidr: Cidr | None = Field(default=None, description="addresses of the machines")
    pod_cidr: Cidr | None = Field(default=None, description="addresses of the pods")
    service_cidr: Cidr | None = Field(default=None, description="addresses of cluster services")
    gateway_endpoint: HostPort | None = Field(
        default=None, description="public address and port of the WireGuard gateway"
    )
    gateway_server: Label | None = Field(
        default=None, description="the machine that is the gateway; a key of `servers`"
    )
    as_number: AsNumber | None = Field(
        default=None, description="private BGP autonomous system of the region"
    )
    router_address: Address | None = Field(
        default=None, description="router that MetalLB announces addresses to, for its BGP variant"
    )
    router_as_number: AsNumber | None = Field(default=None, description="that router's AS")
    load_balancer_cidrs: tuple[Cidr, ...] = Field(
        default=(), description="addresses that MetalLB may hand out; the ingress addresses in them"
    )
    api_sans: tuple[Text, ...] = Field(
        default=(), description="further names and addresses in the API server's certificate"
    )
    servers: dict[Label, Server] = Field(default={}, description="machines by name")
    ingress_class: Label | None = Field(
        default=None, description="class of the ingress controller; 'traefik' is what K3s brings"
    )
    basis: Basis = None


class ServicePlatform(Document):
    """What Kubernetes must know of one service besides its size."""

    image_digest: Digest | None = Field(
        default=None, description="digest of the image; its tag may move"
    )
    readiness_path: UrlPath | None = Field(
        default=None, description="path that answers 200 when a replica can serve"
    )
    liveness_path: UrlPath | None = Field(
        default=None, description="path that answers 200 as long as a replica need not be restarted"
    )
    ingress_path: UrlPath | None = Field(
        default=None, description="path prefix below the host; services of one host differ in it"
    )
    metrics_port: Port | None = Field(default=None, description="port with Prometheus metrics")
    metrics_path: UrlPath = Field(default="/metrics", description="path of the metrics")
    run_as_user: PositiveCount | None = Field(
        default=None, description="numeric user of the container, not 0"
    )
    calls: tuple[Label, ...] = Field(
        default=(), description="services that it calls inside the cluster"
    )
    scaler: Literal["pinned", "member", "federated"] = Field(
        default="pinned",
        description="who sets replicas: 'pinned' as planned; 'member' an autoscaler in each "
        "cluster; 'federated' one for all clusters",
    )
    rollout: Flag = Field(
        default=False, description="whether Argo Rollouts replaces the Deployment"
    )
    basis: Basis = None


class Mesh(Document):
    """The WireGuard mesh between the regions' gateways."""

    cidr: Cidr | None = Field(default=None, description="addresses of the gateways in the mesh")
    interface: Annotated[
        str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9_-]{0,14}$")
    ] = Field(default="wg0", description="name of the interface")
    mtu: Annotated[int, Field(strict=True, ge=1280, le=9000)] = Field(
        default=1420, description="largest packet in the tunnel, bytes"
    )
    keepalive_s: Annotated[int, Field(strict=True, ge=0, le=65535)] = Field(
        default=25, description="seconds between keepalives; 0 for none"
    )
    routes: Literal["wireguard", "bgp"] = Field(
        default="wireguard",
        description="who owns the routes: WireGuard's AllowedIPs, or BGP (then Table = off)",
    )
    public_keys: dict[
        Label, Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9+/]{43}=$")]
    ] = Field(default={}, description="region to its gateway's public key, once the host made it")
    basis: Basis = None


class Storage(Document):
    """Replicated storage (Rook, Ceph)."""

    region: Label = Field(description="region whose machines hold it")
    mirror_region: Label | None = Field(
        default=None, description="region that a mirror of it stands in"
    )
    replicas: Annotated[int, Field(strict=True, ge=2, le=5)] = Field(
        default=3, description="copies of every object"
    )
    usable_gib: NonNegative = Field(default=0.0, description="what the services need, GiB")
    full_share: Share = Field(default=0.75, description="share of raw space that may be filled")
    basis: Basis = None


class Monitoring(Document):
    """Prometheus, Alertmanager and Grafana."""

    home: Label | None = Field(default=None, description="region that collects from all others")
    collection: Literal["remote_write", "federation"] = Field(
        default="remote_write", description="how the others' metrics come there"
    )
    remote_write_url: HttpsUrl | None = Field(
        default=None, description="where the others write to, if they do"
    )
    receiver: Label = Field(default="on-call", description="name of Alertmanager's receiver")
    webhook_secret: Label | None = Field(
        default=None, description="Secret whose key 'url' holds the receiver's webhook"
    )
    retention: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]+[hdwy]$")] = Field(
        default="15d", description="how long metrics are kept"
    )
    availability_share: LoadShare | None = Field(
        default=None,
        description="availability promised to users, by which alerts judge errors; what the plan "
        "itself expects without it",
    )
    basis: Basis = None


class Cloudflare(Document):
    """Names in Cloudflare; no secret is one of them."""

    account_id: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{32}$")] | None = (
        Field(default=None, description="account, 32 hex digits")
    )
    zone_id: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{32}$")] | None = (
        Field(default=None, description="zone, 32 hex digits")
    )
    health_path: UrlPath | None = Field(default=None, description="path that monitors ask for")


class Route53(Document):
    """Names in Route53."""

    zone_id: Annotated[str, StringConstraints(strict=True, pattern=r"^Z[A-Z0-9]{5,31}$")] | None = (
        Field(default=None, description="hosted zone")
    )
    health_path: UrlPath | None = Field(default=None, description="path of the health checks")


class Backups(Document):
    """Where the control planes' backups go."""

    bucket: Annotated[
        str, StringConstraints(strict=True, pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    ] = Field(description="bucket of an S3-compatible store")
    endpoint: HttpsUrl = Field(description="address of the store")
    secret: Label = Field(description="Secret that holds its credentials")


class Images(Document):
    """Images of programs that the exports start themselves."""

    kubectl: PinnedImage | None = Field(
        default=None,
        description="image whose program 'kubectl' is in PATH, with its digest; KubeFed's schedule "
        "of totals by the hour runs it",
    )
    basis: Basis = None


class Platform(Document):
    """What exports need besides the plan."""

    versions: dict[Label, Version] = Field(
        default={}, description="component to version, where it is not the default of the exports"
    )
    chart_repositories: dict[Label, HttpsUrl] = Field(
        default={}, description="name of a chart repository to its address, a mirror say"
    )
    mesh: Mesh = Field(default=Mesh(), description="WireGuard mesh")
    regions: dict[Label, RegionPlatform] = Field(default={}, description="regions by id")
    services: dict[Label, ServicePlatform] = Field(default={}, description="services by name")
    storage: Storage | None = Field(default=None, description="replicated storage")
    monitoring: Monitoring = Field(default=Monitoring(), description="metrics and alerts")
    cloudflare: Cloudflare = Field(default=Cloudflare(), description="Cloudflare load balancing")
    route53: Route53 = Field(default=Route53(), description="Route53")
    backups: Backups | None = Field(default=None, description="backups of control planes")
    images: Images | None = Field(
        default=None, description="images of programs that the exports start themselves"
    )
    tls_secret: Label | None = Field(
        default=None, description="Secret with the certificate of the host names"
    )
    routes: Literal["ingress", "gateway"] | None = Field(
        default=None,
        description="what leads users' requests to the services: 'ingress', which is the default, "
        "or 'gateway', the Gateway API",
    )
    ingress_controller_namespace: Label = Field(
        default="kube-system", description="namespace of the ingress controller"
    )
    monitoring_namespace: Label = Field(
        default="monitoring", description="namespace of Prometheus and Grafana"
    )
    basis: Basis = None

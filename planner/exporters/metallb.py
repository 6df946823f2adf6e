"""MetalLB: the public addresses of each cluster's ingress controller, and who announces them."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import PurePosixPath

from planner.errors import UnfaithfulExport
from planner.exporters import naming
from planner.exporters.address_plan import Ip
from planner.exporters.kustomize import kustomization
from planner.exporters.machines import address, require_networks
from planner.exporters.rendering import text
from planner.exporters.requirements import each_region, platform_of, region_platform
from planner.exporters.versions import versions
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan
from planner.model.platform import RegionPlatform

FOLDER = PurePosixPath("network/metallb")
ADDRESS_ANNOTATION = "metallb.io/loadBalancerIPs"

TRAEFIK = "traefik"
"""The ingress class for which the Services are written: their ports go to Traefik's by name."""

_TRAEFIK_PORTS = (("web", 80), ("websecure", 443))


def export_metallb(plan: Plan) -> tuple[Manifest, ...]:
    """Return chart values, the pool, its announcement and the Services that take its addresses.

    Parameters
    ----------
    plan : Plan
        What was decided; its platform knows the addresses that may be handed out.

    Returns
    -------
    tuple of Manifest
        ``clusters/<cluster>/metallb/...`` and a README.

    Raises
    ------
    MissingInputs
        With everything that the scenario does not say.
    UnfaithfulExport
        If DNS hands out an address that MetalLB may not, or versions do not go together.

    Notes
    -----
    The pool holds exactly the addresses that DNS hands out for the region, and gives them only to
    who asks for one by name: a pool of the whole network would hand out any of its addresses, and
    DNS would name another. A Service has one address of each version of IP, so each pair of
    addresses is a Service of its own.
    """
    regions = list(plan.scenario.regions)
    fields = ("node_cidr", "load_balancer_cidrs", "ingress_class")
    speakers = [name for name in regions if _has_router(region_platform(plan, name))]
    bgp = each_region(speakers, "router_address", "router_as_number", "as_number")
    require_networks(plan, "metallb", [*each_region(regions, *fields), *bgp])
    table = versions(plan, ("metallb",))
    _check(plan, regions)
    trees = [manifest for region in regions for manifest in _cluster(plan, region)]
    return (
        *trees,
        Manifest(FOLDER / "README.md", _readme(plan, regions, table["metallb"].version)),
    )


def _has_router(own: RegionPlatform) -> bool:
    """Return whether a region has a router that addresses are announced to."""
    return own.router_address is not None or own.router_as_number is not None


def _check(plan: Plan, regions: Sequence[str]) -> None:
    """Refuse names that cannot stand in a path, and addresses that MetalLB may not hand out."""
    scenario = plan.scenario
    naming.refuse_bad_names(
        {f"regions.{name}.cluster": scenario.regions[name].cluster for name in regions}
        | {"platform.ingress_controller_namespace": platform_of(plan).ingress_controller_namespace}
    )
    outside = []
    for name in regions:
        networks = [ip_network(cidr) for cidr in region_platform(plan, name).load_balancer_cidrs]
        outside += [
            f"  regions.{name}.ingress_addresses: {one} is in none of its load_balancer_cidrs"
            for one in _addresses(plan, name)
            if not any(one in network for network in networks)
        ]
    if outside:
        raise UnfaithfulExport(
            "\n".join(["DNS hands out addresses that MetalLB may not:", *outside])
        )


def _addresses(plan: Plan, region: str) -> list[Ip]:
    """Return the addresses that DNS hands out for a region."""
    texts = plan.scenario.regions[region].ingress_addresses
    path = f"regions.{region}.ingress_addresses"
    return list(dict.fromkeys(address(each, path) for each in texts))


def _cluster(plan: Plan, region: str) -> list[Manifest]:
    """Return the folder of one cluster."""
    own = region_platform(plan, region)
    folder = PurePosixPath("clusters", plan.scenario.regions[region].cluster, "metallb")
    announced = _bgp(own) if _has_router(own) else [_object("L2Advertisement", _pools())]
    pool = _object(
        "IPAddressPool",
        {
            "addresses": [f"{one}/{one.max_prefixlen}" for one in _addresses(plan, region)],
            "autoAssign": False,
            "avoidBuggyIPs": False,
            "serviceAllocation": {
                "priority": 1,
                "namespaces": [platform_of(plan).ingress_controller_namespace],
            },
        },
    )
    files = [Manifest(folder / "pool.yaml", (pool, *announced))]
    if own.ingress_class == TRAEFIK:
        files.append(Manifest(folder / "services.yaml", tuple(_services(plan, region))))
    return [
        kustomization(folder, [manifest.path.name for manifest in files]),
        *files,
        Manifest(folder / "values.yaml", (_values(_has_router(own)),)),
    ]


def _object(kind: str, spec: Document, version: str = "v1beta1") -> Document:
    """Wrap a specification of MetalLB; all of them have the pool's name."""
    return {
        "apiVersion": f"metallb.io/{version}",
        "kind": kind,
        "metadata": {"name": naming.ADDRESS_POOL, "namespace": naming.METALLB_NAMESPACE},
        "spec": spec,
    }


def _pools() -> Document:
    """Name the pool that is announced."""
    return {"ipAddressPools": [naming.ADDRESS_POOL]}


def _bgp(own: RegionPlatform) -> list[Document]:
    """Build the announcement to the region's router."""
    router = address(str(own.router_address), "router_address")
    peer: Document = {
        "myASN": own.as_number,
        "peerASN": own.router_as_number,
        "peerAddress": str(router),
    }
    if router not in ip_network(str(own.node_cidr)) and own.router_as_number != own.as_number:
        peer["ebgpMultiHop"] = True
    return [_object("BGPPeer", peer, "v1beta2"), _object("BGPAdvertisement", _pools())]


def _services(plan: Plan, region: str) -> list[Document]:
    """Build a Service for each address, or pair of an IPv4 and an IPv6 one."""
    addresses = _addresses(plan, region)
    fours = [one for one in addresses if one.version == 4]
    sixes = [one for one in addresses if one.version == 6]
    count = max(len(fours), len(sixes))
    return [
        _service(plan, number + 1, [*fours[number : number + 1], *sixes[number : number + 1]])
        for number in range(count)
    ]


def _service(plan: Plan, number: int, addresses: Sequence[Ip]) -> Document:
    """Build one Service of the ingress controller; it keeps the users' own addresses."""
    both = len(addresses) > 1
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": f"{naming.ADDRESS_POOL}-{number}",
            "namespace": platform_of(plan).ingress_controller_namespace,
            "labels": {naming.PART_OF_LABEL: plan.scenario.scenario},
            "annotations": {ADDRESS_ANNOTATION: ",".join(map(str, addresses))},
        },
        "spec": {
            "type": "LoadBalancer",
            "externalTrafficPolicy": "Local",
            "ipFamilyPolicy": "RequireDualStack" if both else "SingleStack",
            "ipFamilies": [f"IPv{one.version}" for one in addresses],
            "selector": {naming.NAME_LABEL: TRAEFIK},
            "ports": [
                {"name": name, "port": port, "protocol": "TCP", "targetPort": name}
                for name, port in _TRAEFIK_PORTS
            ],
        },
    }


def _values(by_bgp: bool) -> Document:
    """Build the values of the chart; FRR runs only where BGP is spoken."""
    return {
        "crds": {"enabled": True},
        "controller": {"enabled": True},
        "speaker": {"enabled": True, "frr": {"enabled": False}},
        "frrk8s": {"enabled": by_bgp},
    }


def _readme(plan: Plan, regions: Sequence[str], version: str) -> str:
    """Write the order, the checks, and what is not expressed."""
    platform = platform_of(plan)
    return text(
        "metallb.md.j2",
        version=version,
        repository="metallb",
        namespace=naming.METALLB_NAMESPACE,
        pool=naming.ADDRESS_POOL,
        ingress_namespace=platform.ingress_controller_namespace,
        annotation=ADDRESS_ANNOTATION,
        regions=[
            (
                plan.scenario.regions[name].cluster,
                [str(one) for one in _addresses(plan, name)],
                region_platform(plan, name),
                _has_router(region_platform(plan, name)),
            )
            for name in regions
        ],
    )

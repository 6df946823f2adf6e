"""How users' requests come from a cluster's edge to its services: Ingress, or the Gateway API."""

from __future__ import annotations

from collections.abc import Sequence

from planner.exporters import naming
from planner.exporters.policies import services_in
from planner.exporters.requirements import platform_of, region_platform, service_platform
from planner.model.manifest import Document
from planner.model.plan import Plan


def ingress_hosts(plan: Plan, region: str) -> dict[str, tuple[str, ...]]:
    """Return host name to its services in a region, the longest path prefix first.

    Parameters
    ----------
    plan : Plan
        Its platform knows the paths.
    region : str
        Region of a cluster.
    """
    there = services_in(plan, region)
    found = {
        host: tuple(name for name in services if name in there)
        for host, services in naming.hosts(plan).items()
    }
    return {
        host: tuple(sorted(services, key=lambda name: (-len(_path(plan, name)), name)))
        for host, services in found.items()
        if services
    }


def ingresses(plan: Plan, region: str) -> tuple[Document, ...]:
    """Return an Ingress for each host name that a cluster serves.

    Parameters
    ----------
    plan : Plan
        Its platform knows class, paths and the name of the certificate's Secret.
    region : str
        Region of the cluster.

    Returns
    -------
    tuple of dict
        Each with its class, path prefixes, and TLS by name of a Secret.
    """
    return tuple(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": _metadata(plan, host),
            "spec": {
                "ingressClassName": region_platform(plan, region).ingress_class,
                "tls": [{"hosts": [host], "secretName": platform_of(plan).tls_secret}],
                "rules": [{"host": host, "http": {"paths": _paths(plan, services)}}],
            },
        }
        for host, services in ingress_hosts(plan, region).items()
    )


def gateways(plan: Plan, region: str) -> tuple[Document, ...]:
    """Return the same by the Gateway API: a Gateway, and an HTTPRoute for each host name.

    Parameters
    ----------
    plan : Plan
        As for `ingresses`; the class is that of the Gateway.
    region : str
        Region of the cluster.

    Notes
    -----
    The cluster needs the custom resources of the Gateway API (v1) and a controller for the class.
    """
    hosts = ingress_hosts(plan, region)
    listeners = [
        {
            "name": naming.ingress_name(host),
            "hostname": host,
            "port": 443,
            "protocol": "HTTPS",
            "tls": {
                "mode": "Terminate",
                "certificateRefs": [{"kind": "Secret", "name": platform_of(plan).tls_secret}],
            },
            "allowedRoutes": {"namespaces": {"from": "Same"}},
        }
        for host in hosts
    ]
    gateway: Document = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {**_metadata(plan, "services")},
        "spec": {
            "gatewayClassName": region_platform(plan, region).ingress_class,
            "listeners": listeners,
        },
    }
    return (gateway, *(_route(plan, host, services) for host, services in hosts.items()))


def _route(plan: Plan, host: str, services: Sequence[str]) -> Document:
    """Build the route of one host name."""
    section = naming.ingress_name(host)
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": _metadata(plan, host),
        "spec": {
            "parentRefs": [{"name": "services", "sectionName": section}],
            "hostnames": [host],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": _path(plan, name)}}],
                    "backendRefs": [{"name": name, "port": naming.SERVICE_PORT}],
                }
                for name in services
            ],
        },
    }


def _metadata(plan: Plan, host: str) -> Document:
    """Return the metadata of what belongs to a host name."""
    return {
        "name": naming.ingress_name(host),
        "namespace": plan.scenario.namespace,
        "labels": {naming.PART_OF_LABEL: plan.scenario.scenario},
    }


def _paths(plan: Plan, services: Sequence[str]) -> list[Document]:
    """Build the prefixes; the longest that matches wins, in whatever order they stand."""
    return [
        {
            "path": _path(plan, name),
            "pathType": "Prefix",
            "backend": {"service": {"name": name, "port": {"name": naming.PORT_NAME}}},
        }
        for name in services
    ]


def _path(plan: Plan, name: str) -> str:
    """Return the path prefix of a service."""
    return str(service_platform(plan, name).ingress_path)

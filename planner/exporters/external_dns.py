"""ExternalDNS: each cluster's own name, and the steering names with one owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from planner.errors import UnfaithfulExport
from planner.exporters import workload
from planner.exporters.addresses import cluster_name, records, refuse_shared_names
from planner.exporters.kustomize import kustomization
from planner.exporters.realised import HostRules, realised_csv
from planner.exporters.rendering import text
from planner.exporters.route53 import geolocation_endpoints
from planner.exporters.steering import HostSteering, State, first_up, host_steering, promised_states
from planner.exporters.switched import by_main_order, by_weights, realised_facts
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan
from planner.model.scenario import Scenario

FOLDER = PurePosixPath("dns/external-dns")
CHART_VERSION = "1.21.1"
ANNOTATION_PREFIX = "external-dns.kubernetes.io/"
ROLE_LABEL = "dns-role"
CLOUDFLARE_LEAST_TTL_S = 120
"""Least TTL of an unproxied record on a plan that is not Enterprise, as the tutorial states."""

SECRET_KEYS = {
    "cloudflare": {"CF_API_TOKEN": ("cloudflare-api-token", "token")},
    "aws": {
        "AWS_ACCESS_KEY_ID": ("route53-credentials", "access-key-id"),
        "AWS_SECRET_ACCESS_KEY": ("route53-credentials", "secret-access-key"),
    },
}
"""Provider to environment variable to the Secret and its key that hold it."""


def export_external_dns(plan: Plan) -> tuple[Manifest, ...]:
    """Return chart values and DNSEndpoints.

    Each cluster publishes ``<cluster>.<zone>`` with an owner id of its own. The steering names
    have one owner, a release of its own on the cluster that hosts the federation: two owners of
    one name would fight.

    Parameters
    ----------
    plan : Plan
        What was decided.

    Returns
    -------
    tuple of Manifest
        ``clusters/<cluster>/external-dns/...`` and ``dns/external-dns/...``, the latter with a
        DNSEndpoint for every promised state and ``realised.csv``.

    Raises
    ------
    UnfaithfulExport
        If a name lies outside the zone, two names collide, or the provider cannot hold them.

    Notes
    -----
    With Route 53 the steering name has geolocation records, and a divided country is a name of its
    own with weighted records: one kind of policy per name. Cloudflare's provider knows neither;
    there the steering name is a plain record of the region that serves most users.
    """
    _check_names(plan)
    states = promised_states(plan)
    hosts = [host_steering(plan, name) for name in plan.hosts]
    refuse_shared_names(_written(plan, hosts, states))
    folders = [m for c in workload.active_clusters(plan) for m in cluster_folder(plan, c)]
    steering = [m for state in states for m in _steering_folder(plan, hosts, state)]
    rules = [_rules(plan.scenario, host, states) for host in hosts]
    rows, realised = realised_facts(plan, rules, states)
    return (
        *folders,
        *steering,
        Manifest(FOLDER / "values.yaml", (_values(plan.scenario, "steering", owner(plan)),)),
        Manifest(FOLDER / "realised.csv", realised_csv(rows)),
        Manifest(FOLDER / "README.md", _readme(plan, hosts, states, realised)),
    )


def owner(plan: Plan) -> str:
    """Return the owner id of the steering names; it moves with the federation's host."""
    return f"{plan.scenario.scenario}-steering"


def ttl_s(scenario: Scenario) -> int:
    """Return the TTL that the provider takes, seconds."""
    dns = scenario.dns
    least = CLOUDFLARE_LEAST_TTL_S if dns.external_dns_provider == "cloudflare" else 1
    return max(dns.ttl_s, least)


def cluster_folder(plan: Plan, cluster: str) -> tuple[Manifest, ...]:
    """Return what one cluster publishes about itself.

    Parameters
    ----------
    plan : Plan
        What was decided.
    cluster : str
        Name of the cluster.

    Returns
    -------
    tuple of Manifest
        Kustomization, DNSEndpoint and chart values.
    """
    scenario = plan.scenario
    folder = PurePosixPath("clusters", cluster, "external-dns")
    region = workload.region_of_cluster(scenario)[cluster]
    endpoints = address_endpoints(scenario, cluster_name(scenario, cluster), region)
    document = _dns_endpoint(scenario, cluster, "cluster", endpoints)
    owner_id = f"{scenario.scenario}-{cluster}"
    return (
        kustomization(folder, ["endpoints.yaml"]),
        Manifest(folder / "endpoints.yaml", (document,)),
        Manifest(folder / "values.yaml", (_values(scenario, "cluster", owner_id),)),
    )


def address_endpoints(scenario: Scenario, name: str, region: str) -> list[Document]:
    """Return an endpoint for each type of a region's addresses."""
    targets: dict[str, list[str]] = {}
    for kind, address in records(scenario, region):
        targets.setdefault(kind, []).append(address)
    return [
        {"dnsName": name, "recordType": kind, "recordTTL": ttl_s(scenario), "targets": addresses}
        for kind, addresses in targets.items()
    ]


def _dns_endpoint(
    scenario: Scenario, name: str, role: str, endpoints: Sequence[Document]
) -> Document:
    """Wrap endpoints; the label says which release reads them."""
    return {
        "apiVersion": "externaldns.k8s.io/v1alpha1",
        "kind": "DNSEndpoint",
        "metadata": {
            "name": name,
            "namespace": scenario.namespace,
            "labels": {ROLE_LABEL: role, "app.kubernetes.io/part-of": scenario.scenario},
        },
        "spec": {"endpoints": list(endpoints)},
    }


def _values(scenario: Scenario, role: str, owner_id: str) -> Document:
    """Build the values of the official chart for one release."""
    provider = scenario.dns.external_dns_provider
    env: list[Document] = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for name, (secret, key) in SECRET_KEYS[provider].items()
    ]
    if provider == "aws":
        env.append({"name": "AWS_DEFAULT_REGION", "value": "us-east-1"})
    return {
        "provider": {"name": provider},
        "env": env,
        "sources": ["crd"],
        "labelFilter": f"{ROLE_LABEL}={role}",
        "domainFilters": [scenario.dns.zone],
        "managedRecordTypes": ["A", "AAAA", "CNAME"],
        "policy": "sync",
        "registry": "txt",
        "txtOwnerId": owner_id,
        "annotationPrefix": ANNOTATION_PREFIX,
        "interval": "1m",
        "triggerLoopOnEvent": True,
    }


def _steering_folder(
    plan: Plan, hosts: Sequence[HostSteering], state: State
) -> tuple[Manifest, Manifest]:
    """Build the steering names of one state; each state writes the same object."""
    folder = FOLDER / state.name
    endpoints = [e for host in hosts for e in _steering_endpoints(plan.scenario, host, state)]
    document = _dns_endpoint(plan.scenario, "steering", "steering", endpoints)
    files = Manifest(folder / "steering.yaml", (document,))
    return kustomization(folder, ["steering.yaml"]), files


def _steering_endpoints(scenario: Scenario, host: HostSteering, state: State) -> list[Document]:
    """Answer one host name as well as the provider can."""
    if scenario.dns.external_dns_provider == "aws":
        return geolocation_endpoints(scenario, host, state)
    return address_endpoints(scenario, host.host, first_up(host.main_order, state))


def _rules(scenario: Scenario, host: HostSteering, states: Sequence[State]) -> HostRules:
    """Say what the provider then answers for one host name."""
    known = by_weights if scenario.dns.external_dns_provider == "aws" else by_main_order
    return known(host, states)


def _check_names(plan: Plan) -> None:
    """Refuse names that the zone cannot hold."""
    dns = plan.scenario.dns
    for host in plan.hosts:
        if host != dns.zone and not host.endswith(f".{dns.zone}"):
            raise UnfaithfulExport(
                f"host '{host}' lies outside the zone '{dns.zone}', so its provider cannot hold it"
            )
        if host == dns.zone and dns.external_dns_provider == "aws":
            raise UnfaithfulExport(
                f"host '{host}' is the zone itself, where Route 53 allows no CNAME; "
                "use a name below it"
            )


def _written(
    plan: Plan, hosts: Sequence[HostSteering], states: Sequence[State]
) -> dict[str, list[str]]:
    """Return each cluster and host with the names that it writes, in any state."""
    scenario = plan.scenario
    clusters = workload.active_clusters(plan)
    names = {f"cluster '{cluster}'": [cluster_name(scenario, cluster)] for cluster in clusters}
    for host in hosts:
        endpoints = [e for state in states for e in _steering_endpoints(scenario, host, state)]
        names[f"host '{host.host}'"] = [endpoint["dnsName"] for endpoint in endpoints]
    return names


def _readme(
    plan: Plan,
    hosts: Sequence[HostSteering],
    states: Sequence[State],
    realised: Mapping[str, object],
) -> str:
    """Write what to do and what ExternalDNS does not do."""
    scenario = plan.scenario
    standby = scenario.federation.standby_region
    return text(
        "external_dns.md.j2",
        provider=scenario.dns.external_dns_provider,
        chart_version=CHART_VERSION,
        zone=scenario.dns.zone,
        ttl=ttl_s(scenario),
        planned_ttl=scenario.dns.ttl_s,
        prefix=ANNOTATION_PREFIX,
        secrets=sorted(
            {name for name, _ in SECRET_KEYS[scenario.dns.external_dns_provider].values()}
        ),
        owner=owner(plan),
        host=workload.cluster_of(scenario, scenario.federation.host_region),
        standby=workload.cluster_of(scenario, standby) if standby else None,
        names=[cluster_name(scenario, cluster) for cluster in workload.active_clusters(plan)],
        hosts=[(host.host, first_up(host.main_order, states[0])) for host in hosts],
        states=[state.name for state in states],
        **realised,
    )

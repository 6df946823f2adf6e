"""Prometheus: values by cluster, what is scraped, the plan as series, alerts, the contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planner.errors import UnfaithfulExport
from planner.exporters import alerts, naming, workload
from planner.exporters.address_plan import AddressPlan, address_plan
from planner.exporters.kustomize import kustomization
from planner.exporters.measured_series import measured_rules
from planner.exporters.metrics_contract import contract_csv, rows
from planner.exporters.monitoring import (
    ROOT,
    availability_objective,
    folder,
    home_region,
    refuse_hostile_names,
    standby_region,
    watched_regions,
    watched_services,
)
from planner.exporters.planned_series import has_reserve, planned_rules, watched_links
from planner.exporters.prometheus_values import (
    federated,
    prometheus_values,
    remote_write_middleware,
)
from planner.exporters.rendering import text
from planner.exporters.requirements import each_region, platform_of, require
from planner.exporters.scrapes import monitoring_object, namespace, pod_monitors, probes
from planner.exporters.versions import versions
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

TARGET = "prometheus"
MOST_RULES = 1000
"""Rules of one object: the operator copies each into a ConfigMap, and takes half of its 1 MiB."""


@dataclass(frozen=True)
class _Site:
    """What the files of all clusters share.

    Attributes
    ----------
    plan : Plan
        What was decided.
    home : str
        Region that collects from all others.
    objective : float
        Availability that errors are judged by.
    addresses : AddressPlan or None
        Gateways, where there are links.
    """

    plan: Plan
    home: str
    objective: float
    addresses: AddressPlan | None


def export_prometheus(plan: Plan) -> tuple[Manifest, ...]:
    """Return kube-prometheus-stack for each cluster, the rules of the home, and the contract.

    Parameters
    ----------
    plan : Plan
        What was decided.

    Returns
    -------
    tuple of Manifest
        ``monitoring/<cluster>/prometheus/...``, ``monitoring/README.md``, ``metrics.md`` and
        ``metrics.csv``.

    Raises
    ------
    MissingInputs
        With everything that the scenario does not say.
    UnfaithfulExport
        If names cannot be borne, versions do not go together, or the availability is too low to
        alert on.

    Notes
    -----
    All rules run at the home, which has every region's series; only the standby region has a rule
    of its own, that the home has fallen silent. Shares of traffic are compared in the normal state
    and where DNS steers by fixed shares; the reserve for a lost region where the plan keeps one.
    """
    refuse_hostile_names(plan)
    require(plan, TARGET, _inputs(plan))
    _refuse_other_schemes(plan)
    home = home_region(plan, TARGET)
    objective, source = availability_objective(plan, TARGET)
    addresses = address_plan(plan, TARGET) if watched_links(plan, home) else None
    site = _Site(plan, home, objective, addresses)
    version = versions(plan, ("kube-prometheus-stack",))["kube-prometheus-stack"]
    files = [manifest for region in watched_regions(plan, home) for manifest in _tree(site, region)]
    return (
        Manifest(ROOT / "README.md", _readme(site, source, version.version)),
        Manifest(ROOT / "metrics.csv", contract_csv()),
        Manifest(ROOT / "metrics.md", text("metrics.md.j2", rows=rows())),
        *files,
    )


def _inputs(plan: Plan) -> list[str]:
    """Paths below ``platform`` that must be there; with no home yet, for any of the regions."""
    home = platform_of(plan).monitoring.home
    place = home or next(iter(plan.active_regions), "")
    others = [name for name in watched_regions(plan, place) if name != place]
    paths = ["monitoring.home"]
    if others and federated(plan):
        read = others if home else plan.active_regions
        paths += each_region(read, "gateway_server", "servers")
    elif others:
        paths += ["monitoring.remote_write_url"]
    if watched_links(plan, place):
        network = ("node_cidr", "pod_cidr", "service_cidr", "gateway_endpoint")
        paths += ["mesh.cidr", *each_region(plan.scenario.regions, *network, "gateway_server")]
    return paths


def _refuse_other_schemes(plan: Plan) -> None:
    """Refuse an address that metrics cannot be written to."""
    url = platform_of(plan).monitoring.remote_write_url
    if url is not None and not (url.startswith("https://") and url.isprintable()):
        raise UnfaithfulExport(f"platform.monitoring.remote_write_url {url!r} is no https address")


def _tree(site: _Site, region: str) -> list[Manifest]:
    """Return the files of one cluster: values, and the objects beside the chart's."""
    plan, home = site.plan, site.home
    at = folder(plan, region, TARGET)
    objects = {
        "namespace.yaml": (namespace(plan),),
        "pod-monitors.yaml": pod_monitors(plan, region),
        "probes.yaml": probes(plan, region, home, site.addresses),
        "rules.yaml": _rules(site, region),
        "remote-write.yaml": remote_write_middleware(plan, region, home),
    }
    files = [Manifest(at / name, content) for name, content in objects.items() if content]
    return [
        Manifest(at / "values.yaml", (prometheus_values(plan, region, home),)),
        kustomization(at, [manifest.path.name for manifest in files]),
        *files,
    ]


def _rules(site: _Site, region: str) -> tuple[Document, ...]:
    """Return the rules that a cluster's Prometheus evaluates."""
    plan = site.plan
    if region == site.home:
        return (
            *_plan(site),
            _rule(plan, "measured", {"measured": measured_rules(plan)}),
            _rule(plan, "alerts", _alerts(site)),
        )
    if region == standby_region(plan, site.home):
        return (_rule(plan, "standby", {"standby": tuple(alerts.standby_alerts(plan))}),)
    return ()


def _plan(site: _Site) -> list[Document]:
    """Return the plan as series, in as many objects as it takes."""
    rules = planned_rules(site.plan, site.home, site.objective)
    parts = [rules[start : start + MOST_RULES] for start in range(0, len(rules), MOST_RULES)]
    names = ["plan"] if len(parts) == 1 else [f"plan-{n}" for n in range(1, len(parts) + 1)]
    return [_rule(site.plan, name, {name: part}) for name, part in zip(names, parts, strict=True)]


def _alerts(site: _Site) -> dict[str, tuple[Document, ...]]:
    """Return the home's alerts by group, without those that nothing could set off."""
    plan = site.plan
    several = len(watched_regions(plan, site.home)) > 1
    services = bool(watched_services(plan))
    return {
        "drift": tuple(alerts.drift_alerts(plan)),
        "reserve": tuple(alerts.reserve_alerts(plan)) if has_reserve(plan) else (),
        "latency": tuple(alerts.latency_alerts(plan)) if services else (),
        "loss": tuple(alerts.loss_alerts(plan)) if several else (),
        "availability": tuple(alerts.availability_alerts(site.objective)) if services else (),
        "contract": tuple(alerts.absence_alerts(plan, services=services, several=several)),
    }


def _rule(plan: Plan, name: str, groups: Mapping[str, Sequence[Document]]) -> Document:
    """Build a PrometheusRule; group names are unique over all of them."""
    spec = {
        "groups": [
            {"name": f"{naming.MANAGER}-{group}", "rules": list(rules)}
            for group, rules in groups.items()
            if rules
        ]
    }
    return monitoring_object(plan, "PrometheusRule", f"{naming.MANAGER}-{name}", spec)


def _readme(site: _Site, source: str, version: str) -> str:
    """Write order, choices, and what is not expressed."""
    plan = site.plan
    unwatched = [
        name for name in workload.placed_services(plan) if name not in watched_services(plan)
    ]
    regions = watched_regions(plan, site.home)
    return text(
        "monitoring.md.j2",
        version=version,
        release=naming.MONITORING_RELEASE,
        namespace=platform_of(plan).monitoring_namespace,
        home=workload.cluster_of(plan.scenario, site.home),
        standby=standby_region(plan, site.home),
        clusters=[workload.cluster_of(plan.scenario, region) for region in regions],
        federated=federated(plan),
        port=naming.PROMETHEUS_NODE_PORT,
        url=platform_of(plan).monitoring.remote_write_url,
        secret=naming.REMOTE_WRITE_SECRET,
        published=bool(remote_write_middleware(plan, site.home, site.home)),
        objective=f"{site.objective:.6%}",
        source=source,
        reserve=has_reserve(plan),
        static=plan.steering == "static",
        hourly=plan.scenario.policy.replicas == "hourly",
        unwatched=unwatched,
        prober=naming.PROBER,
        prober_port=naming.PROBER_PORT,
    )

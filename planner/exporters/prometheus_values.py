"""Values of the chart kube-prometheus-stack for each cluster."""

from __future__ import annotations

from urllib.parse import urlsplit

from planner.exporters import naming, workload
from planner.exporters.alerts import SCRAPE_INTERVAL_S
from planner.exporters.metrics_contract import CONTRACT
from planner.exporters.monitoring import alerting_regions, watched_regions
from planner.exporters.promql import any_of, duration, label_value
from planner.exporters.requirements import platform_of, region_platform
from planner.exporters.scrapes import monitoring_object, set_label
from planner.model.manifest import Document
from planner.model.plan import Plan

TRAEFIK = "traefik"
MIDDLEWARE = "remote-write"
_INSIDE_K3S = ("kubeControllerManager", "kubeScheduler", "kubeProxy", "kubeEtcd")
"""Parts of the control plane that run inside the one process of K3s and cannot be scraped apart."""


def prometheus_values(plan: Plan, region: str, home: str) -> Document:
    """Return the values for one region's cluster.

    Parameters
    ----------
    plan : Plan
        What was decided.
    region, home : str
        Whose values, and the region that collects from all others.

    Notes
    -----
    External labels are added only to what leaves a Prometheus. So that the rules of the home find
    ``region`` and ``cluster`` on its own series too, both are set at every scrape by a default
    scrape class.
    """
    distribution = plan.scenario.regions[region].distribution
    return {
        "crds": {"enabled": True},
        "prometheus": {"enabled": True, "prometheusSpec": _spec(plan, region, home)}
        | _receiving(plan, region, home),
        "alertmanager": {"enabled": region in alerting_regions(plan, home)},
        "grafana": {"enabled": region == home},
        "nodeExporter": {"enabled": True},
        "kubeStateMetrics": {"enabled": True},
        "kube-state-metrics": {"metricLabelsAllowlist": [f"pods=[{naming.NAME_LABEL}]"]},
    } | {part: {"enabled": False} for part in _INSIDE_K3S if distribution == "k3s"}


def remote_write_middleware(plan: Plan, region: str, home: str) -> tuple[Document, ...]:
    """Return what makes the home's ingress ask writers who they are, where it is Traefik."""
    if not publishes(plan, region, home):
        return ()
    spec = {"basicAuth": {"secret": naming.REMOTE_WRITE_SECRET, "removeHeader": True}}
    return (monitoring_object(plan, "Middleware", MIDDLEWARE, spec, "traefik.io/v1alpha1"),)


def federated(plan: Plan) -> bool:
    """Return whether the home reads from the others, instead of their writing to it."""
    return platform_of(plan).monitoring.collection == "federation"


def _spec(plan: Plan, region: str, home: str) -> Document:
    """Build the specification of Prometheus itself."""
    where = {
        naming.CLUSTER_METRIC_LABEL: workload.cluster_of(plan.scenario, region),
        naming.REGION_METRIC_LABEL: region,
    }
    relabelings = [set_label(label, value) for label, value in where.items()]
    spec: Document = {
        "externalLabels": where,
        "retention": platform_of(plan).monitoring.retention,
        "scrapeInterval": duration(SCRAPE_INTERVAL_S),
        "evaluationInterval": duration(SCRAPE_INTERVAL_S),
        "scrapeClasses": [{"name": "place", "default": True, "relabelings": relabelings}],
    }
    if federated(plan):
        return spec | (
            {"additionalScrapeConfigs": [_federation(plan, home)]} if region == home else {}
        )
    if region == home:
        return spec | {"enableRemoteWriteReceiver": True}
    return spec | {"remoteWrite": [_remote_write(plan)]}


def _names() -> str:
    """Match the metrics of the contract."""
    return any_of(metric.name for metric in CONTRACT)


def _remote_write(plan: Plan) -> Document:
    """Write the contract's metrics, and no others, to the home."""
    secret = naming.REMOTE_WRITE_SECRET
    return {
        "url": str(platform_of(plan).monitoring.remote_write_url),
        "basicAuth": {
            "username": {"name": secret, "key": "username"},
            "password": {"name": secret, "key": "password"},
        },
        "writeRelabelConfigs": [
            {"action": "keep", "sourceLabels": ["__name__"], "regex": _names()}
        ],
    }


def _federation(plan: Plan, home: str) -> Document:
    """Read the contract's metrics from the machines of the other gateways, over the mesh."""
    targets = []
    for region in watched_regions(plan, home):
        own = region_platform(plan, region)
        if region != home:
            address = own.servers[str(own.gateway_server)].address
            host = f"[{address}]" if ":" in address else address
            targets.append(f"{host}:{naming.PROMETHEUS_NODE_PORT}")
    return {
        "job_name": "federate",
        "honor_labels": True,
        "metrics_path": "/federate",
        "params": {"match[]": [f"{{__name__=~{label_value(_names())}}}"]},
        "static_configs": [{"targets": targets}],
    }


def publishes(plan: Plan, region: str, home: str) -> bool:
    """Return whether the home's receiver is published: by Traefik, which can ask for a password."""
    class_name = region_platform(plan, region).ingress_class
    known = platform_of(plan).tls_secret is not None and class_name == TRAEFIK
    return region == home and not federated(plan) and known


def _receiving(plan: Plan, region: str, home: str) -> Document:
    """Build the way into Prometheus: a port on the machines, or the ingress of the receiver."""
    if federated(plan) and region != home:
        port = naming.PROMETHEUS_NODE_PORT
        return {"service": {"type": "NodePort", "nodePort": port}}
    if not publishes(plan, region, home):
        return {}
    split = urlsplit(str(platform_of(plan).monitoring.remote_write_url))
    host, secret = str(split.hostname), str(platform_of(plan).tls_secret)
    middleware = f"{platform_of(plan).monitoring_namespace}-{MIDDLEWARE}@kubernetescrd"
    ingress = {
        "enabled": True,
        "ingressClassName": TRAEFIK,
        "annotations": {
            "traefik.ingress.kubernetes.io/router.entrypoints": "websecure",
            "traefik.ingress.kubernetes.io/router.middlewares": middleware,
        },
        "hosts": [host],
        "paths": [split.path or "/"],
        "pathType": "Exact",
        "tls": [{"hosts": [host], "secretName": secret}],
    }
    return {"ingress": ingress}

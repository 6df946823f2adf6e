"""What is measured, condensed by recording rules into the series that the plan has too."""

from __future__ import annotations

from collections.abc import Iterator

from planner.exporters.burn_rates import WINDOWS
from planner.exporters.metrics_contract import (
    DURATION,
    INGRESS_JOB,
    MESH_JOB,
    POD_LABELS,
    POD_READY,
    POD_SCHEDULED,
    PROBE,
    REQUESTS,
    SERVICE_LABEL,
    STATE_METRICS,
    UP,
)
from planner.exporters.planned_series import record
from planner.exporters.promql import select
from planner.model.manifest import Document
from planner.model.plan import Plan

RATE_WINDOW = "5m"
SHARE_WINDOW = "1h"
"""Small countries need an hour for their shares to mean something."""


def measured_rules(plan: Plan) -> tuple[Document, ...]:
    """Return the recording rules over measured series.

    Parameters
    ----------
    plan : Plan
        Knows the namespace of the services.

    Returns
    -------
    tuple of dict
        In an order in which each uses only those before it.
    """
    return (
        *_places(),
        *_pods(plan),
        *_requests(),
        *_headroom(),
        *_shares(),
        *_errors(),
    )


def _places() -> Iterator[Document]:
    """Condense the probes: a region is reachable while any other reaches it."""
    ingress, mesh = select(PROBE, job=INGRESS_JOB), select(PROBE, job=MESH_JOB)
    yield record(
        "region:reachable:max",
        f'label_replace(max by (to_region) ({ingress}), "region", "$1", "to_region", "(.+)")',
    )
    yield record("link:reachable:max", f"max by (link) ({mesh})")
    seen = select(UP, job=STATE_METRICS)
    yield record("region:samples:age_seconds", f"time() - max by (region) (timestamp({seen}))")


def _pods(plan: Plan) -> Iterator[Document]:
    """Count ready replicas, and the share of pods that the scheduler has placed."""
    namespace = plan.scenario.namespace
    ready = select(POD_READY, namespace=namespace, condition="true")
    placed = select(POD_SCHEDULED, namespace=namespace, condition="true")
    labels = select(POD_LABELS, namespace=namespace)
    named = f'label_replace({labels}, "service", "$1", "{SERVICE_LABEL}", "(.+)")'
    each = "region, namespace, pod"
    yield record(
        "service:replicas:ready",
        f"sum by (region, service) (max by ({each}, service) ({named}) "
        f"* on ({each}) group_left () max by ({each}) ({ready}))",
    )
    yield record(
        "region:scheduled:ratio",
        f"avg by (region) (max by ({each}) ({placed}))",
    )


def _requests() -> Iterator[Document]:
    """Condense load and latency by region and service."""
    yield record(
        "service:requests:rate5m", f"sum by (region, service) (rate({REQUESTS}[{RATE_WINDOW}]))"
    )
    buckets = f"sum by (region, service, le) (rate({DURATION}[{RATE_WINDOW}]))"
    yield record("service:p95_seconds:rate5m", f"histogram_quantile(0.95, {buckets})")


def _headroom() -> Iterator[Document]:
    """Compute what each region would carry after a loss, against what its replicas can."""
    by = "service, country, lost_region"
    rates = f"sum by (service, country, region) (rate({REQUESTS}[{RATE_WINDOW}]))"
    lost = f'sum by ({by}) (label_replace({rates}, "lost_region", "$1", "region", "(.+)"))'
    taken = f"plan:reroute_share:lost * on ({by}) group_left () {lost}"
    yield record(
        "service:load_after_loss:rps",
        f"sum by (service, lost_region, region) ({taken}) "
        "+ on (service, region) group_left () service:requests:rate5m",
    )
    capacity = "service:replicas:ready * on (service) group_left () plan:replica_capacity:rps"
    yield record("service:capacity:rps", capacity)
    yield record(
        "service:headroom_after_loss:ratio",
        "1 / (service:load_after_loss:rps / on (service, region) group_left () "
        "service:capacity:rps)",
    )


def _shares() -> Iterator[Document]:
    """Compute each country's shares by region and their distance from the plan's."""
    by = "region, service, country"
    hourly = f"sum by ({by}) (increase({REQUESTS}[{SHARE_WINDOW}]))"
    yield record(
        "host:requests:increase1h",
        f"sum by (host, country, region) ({hourly} * on (service) group_left (host) "
        "plan:service:host)",
    )
    yield record(
        "host:traffic_share:increase1h",
        "host:requests:increase1h / on (host, country) group_left () "
        "(sum by (host, country) (host:requests:increase1h) > 0)",
    )
    measured, planned = "host:traffic_share:increase1h", "plan:traffic_share:up"
    on = "on (host, country, region)"
    common = (
        f"sum by (host, country) (({measured} < {on} {planned}) or ({planned} <= {on} {measured}))"
    )
    every = f"0 * sum by (host, country) ({measured})"
    known = f"and on (host, country) sum by (host, country) ({planned})"
    yield record("host:traffic_share:distance", f"(1 - ({common} or {every})) {known}")


def _errors() -> Iterator[Document]:
    """Compute the share of requests that failed, over every window of the burn rates."""
    failed = f'{REQUESTS}{{code=~"5.."}}'
    for window in WINDOWS:
        bad, every = (
            f"sum by (service) (rate({series}[{window}]))" for series in (failed, REQUESTS)
        )
        yield record(
            f"service:errors:ratio_rate{window}", f"({bad} or 0 * {every}) / ({every} > 0)"
        )
    bad, every = (
        f"sum by (region) (rate({series}[{RATE_WINDOW}]))" for series in (failed, REQUESTS)
    )
    yield record("region:availability:ratio_rate5m", f"1 - ({bad} or 0 * {every}) / ({every} > 0)")

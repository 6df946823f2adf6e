"""Every metric that a rule or dashboard reads: name, labels, exporter, whether it exists."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Literal

from planner.exporters.promql import select

Scope = Literal["cluster", "service", "ingress", "standby"]


@dataclass(frozen=True)
class Metric:
    """One metric of the contract.

    Attributes
    ----------
    name : str
        Name of the series.
    kind : str
        Counter, gauge or histogram.
    labels : tuple of str
        Labels that rules rely on; all have ``cluster`` and ``region`` besides.
    exporter : str
        What exports it.
    exists : bool
        Whether it comes with the chart; the others are to be instrumented or installed.
    scope : {"cluster", "service", "ingress", "standby"}
        What must have it: every cluster; every service in every region where it runs; every
        region as seen from the others; the region that watches the home.
    meaning : str
        What it counts.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    exporter: str
    exists: bool
    scope: Scope
    meaning: str


REQUESTS = "http_requests_total"
DURATION = "client_request_duration_seconds_bucket"
PROBE = "probe_success"
POD_LABELS = "kube_pod_labels"
POD_READY = "kube_pod_status_ready"
POD_SCHEDULED = "kube_pod_status_scheduled"
UP = "up"
SENT = "prometheus_remote_storage_queue_highest_sent_timestamp_seconds"
NODES = "node_uname_info"
SERVICE_LABEL = "label_app_kubernetes_io_name"

STATE_METRICS = "kube-state-metrics"
MESH_JOB, INGRESS_JOB = "mesh", "ingress"

_COUNTRY = "country of the client (ISO 3166-1), from the same database that DNS steers by"

CONTRACT = (
    Metric(
        UP, "gauge", ("job",), "Prometheus", True, "cluster", "1 where a target answered its scrape"
    ),
    Metric(
        POD_READY,
        "gauge",
        ("namespace", "pod", "condition"),
        STATE_METRICS,
        True,
        "cluster",
        "1 for a pod whose readiness is as `condition` says",
    ),
    Metric(
        POD_LABELS,
        "gauge",
        ("namespace", "pod", SERVICE_LABEL),
        f"{STATE_METRICS}, with metricLabelsAllowlist as the values have it",
        True,
        "cluster",
        "1 for each pod, with the label that names its service",
    ),
    Metric(
        POD_SCHEDULED,
        "gauge",
        ("namespace", "pod", "condition"),
        STATE_METRICS,
        True,
        "cluster",
        "1 for a pod that the scheduler has placed, by `condition`",
    ),
    Metric(
        NODES,
        "gauge",
        ("nodename",),
        "node-exporter",
        True,
        "cluster",
        "1 for each machine",
    ),
    Metric(
        REQUESTS,
        "counter",
        ("service", "code", "country"),
        "the service itself, on its metrics port",
        False,
        "service",
        f"requests answered; `code` is the HTTP status, `country` the {_COUNTRY}; the scrape sets "
        "`service`",
    ),
    Metric(
        DURATION,
        "histogram",
        ("service", "le"),
        "the service itself, from what its clients report",
        False,
        "service",
        "time from a client's request to its answer, network included, as the clients measured it: "
        "the plan's p95 is end to end, a time measured in the server would always be below it",
    ),
    Metric(
        PROBE,
        "gauge",
        ("job", "to_region", "link"),
        "blackbox_exporter, to be installed in every cluster; modules tcp_connect and icmp",
        False,
        "ingress",
        f"1 where a probe was answered; job `{INGRESS_JOB}`: the region `to_region` as seen from "
        f"another; job `{MESH_JOB}`: a link's far gateway",
    ),
    Metric(
        SENT,
        "gauge",
        ("url",),
        "Prometheus, where it writes to the home",
        True,
        "standby",
        "time of the newest sample that the home has accepted",
    ),
)
"""The metrics, in the order in which they are written down."""

BY_NAME = {metric.name: metric for metric in CONTRACT}


def absence(metric: Metric) -> str:
    """Return the expression that yields something wherever a metric should be and is not.

    Parameters
    ----------
    metric : Metric
        One of the contract.

    Returns
    -------
    str
        The metric as a whole by ``absent()``, and by region or service beside what the plan has.

    Examples
    --------
    >>> absence(BY_NAME["node_uname_info"])
    'absent(node_uname_info) or (plan:region:active unless on (region) node_uname_info)'
    """
    if metric.scope == "service":
        have = f"plan:service:watched unless on (region, service) {metric.name}"
    elif metric.scope == "ingress":
        seen = select(metric.name, job=INGRESS_JOB)
        have = (
            "plan:region:probed unless on (region) "
            f'label_replace(max by (to_region) ({seen}), "region", "$1", "to_region", "(.+)")'
        )
    elif metric.scope == "standby":
        return f"absent({metric.name})"
    else:
        have = f"plan:region:active unless on (region) {metric.name}"
    return f"absent({metric.name}) or ({have})"


def contract_csv() -> str:
    """Return the contract as a table for programs."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["name", "kind", "labels", "exporter", "exists", "meaning"])
    for metric in CONTRACT:
        exists = "yes" if metric.exists else "to be instrumented"
        labels = " ".join(_labels(metric))
        writer.writerow([metric.name, metric.kind, labels, metric.exporter, exists, metric.meaning])
    return file.getvalue()


def rows() -> list[tuple[str, str, str, str, str]]:
    """Return the contract as rows of a table for people."""
    return [
        (
            f"`{metric.name}`",
            " ".join(f"`{label}`" for label in _labels(metric)),
            metric.exporter,
            "exists" if metric.exists else "to be instrumented",
            metric.meaning,
        )
        for metric in CONTRACT
    ]


def _labels(metric: Metric) -> tuple[str, ...]:
    """All labels that rules rely on."""
    return ("cluster", "region", *metric.labels)

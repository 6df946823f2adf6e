"""Alerting rules: every threshold is one of the plan's series, every wait one of its times."""

from __future__ import annotations

from collections.abc import Iterator

from planner.exporters.burn_rates import burns
from planner.exporters.metrics_contract import CONTRACT, SENT, absence
from planner.exporters.planned_series import detection_s, settled_s
from planner.exporters.pods import STARTUP_SLACK
from planner.exporters.promql import duration, number
from planner.model.manifest import Document
from planner.model.plan import Plan

SCRAPE_INTERVAL_S = 30
REGION_DOWN = "RegionDown"
CRITICAL, WARNING = "critical", "warning"
CAUSE, SYMPTOM = "cause", "symptom"
EVERYWHERE = "*"
"""Region of alerts about no single one. Without any, Prometheus would send them with its own
external label, and the loss of the home's region would mute them; no region has this name."""

_ALL_UP = "unless on () (region:reachable:max == 0)"


def alert(
    name: str,
    expression: str,
    wait_s: float,
    severity: str,
    kind: str,
    summary: str,
    /,
    **labels: str,
) -> Document:
    """Return an alerting rule.

    Parameters
    ----------
    name, expression : str
        What it is called, and what makes it go off.
    wait_s : float
        Seconds for which the expression must hold.
    severity : {"critical", "warning"}
        Whether it wakes somebody.
    kind : {"cause", "symptom"}
        A cause mutes the symptoms of its region.
    summary : str
        A sentence; Prometheus fills labels and value in.
    **labels : str
        Further labels.
    """
    waits = {"for": duration(wait_s)} if wait_s > 0 else {}
    return {
        "alert": name,
        "expr": expression,
        **waits,
        "labels": {"severity": severity, "kind": kind} | labels,
        "annotations": {"summary": summary},
    }


def start_s(plan: Plan) -> float:
    """Return the seconds after which the slowest service should have started, with slack."""
    slowest = max(service.startup_s for service in plan.scenario.services.values())
    return max(slowest * STARTUP_SLACK, SCRAPE_INTERVAL_S)


def silence_s(plan: Plan) -> float:
    """Return the age of the newest sample from which on a region is silent."""
    return detection_s(plan) + 2 * SCRAPE_INTERVAL_S


def drift_alerts(plan: Plan) -> Iterator[Document]:
    """Yield the alerts on what runs otherwise than planned."""
    ready = "service:replicas:ready"
    yield alert(
        "ReplicasBelowPlan",
        f"({ready} < on (region, service) plan:replicas:fewest) "
        f"or (0 * plan:replicas:fewest unless on (region, service) {ready})",
        start_s(plan),
        CRITICAL,
        SYMPTOM,
        "{{ $labels.service }} has {{ $value }} ready replicas in {{ $labels.region }}, "
        "fewer than planned",
    )
    yield alert(
        "ReplicasAbovePlan",
        f"({ready} > on (region, service) plan:replicas:most) "
        f"or ({ready} > 0 and on (service) plan:replicas:planned "
        "unless on (region, service) plan:replicas:planned)",
        start_s(plan),
        WARNING,
        SYMPTOM,
        "{{ $labels.service }} has {{ $value }} ready replicas in {{ $labels.region }}, "
        "more than planned",
    )
    yield alert(
        "PodsUnscheduled",
        "region:scheduled:ratio < 1",
        start_s(plan),
        CRITICAL,
        SYMPTOM,
        "only {{ $value | humanizePercentage }} of the pods in {{ $labels.region }} have a "
        "machine; the plan places all",
    )
    if plan.steering == "static":
        yield _share_drift(plan)


def _share_drift(plan: Plan) -> Document:
    """Compare countries' shares with the plan's, beyond what resolvers and chance explain."""
    count = "sum by (host, country) (host:requests:increase1h)"
    return alert(
        "TrafficShareDrift",
        "(host:traffic_share:distance > on (host, country) (scalar(plan:traffic_share:tolerance) "
        f"+ sqrt(scalar(plan:traffic_share:noise) / ({count} > 0)))) {_ALL_UP}",
        settled_s(plan),
        WARNING,
        SYMPTOM,
        "{{ $value | humanizePercentage }} of the requests of {{ $labels.country }} for "
        "{{ $labels.host }} are answered by another region than DNS should give",
        region=EVERYWHERE,
    )


def reserve_alerts(plan: Plan) -> Iterator[Document]:
    """Yield the alerts on what would not hold if one more region were lost."""
    yield alert(
        "HeadroomBelowReserve",
        "service:headroom_after_loss:ratio < 1",
        start_s(plan),
        WARNING,
        SYMPTOM,
        "if {{ $labels.lost_region }} were lost now, {{ $labels.service }} in {{ $labels.region }} "
        "would have {{ $value | humanizePercentage }} of the capacity that it would need",
    )


def latency_alerts(plan: Plan) -> Iterator[Document]:
    """Yield the alerts on 95th percentiles: over the plan, and over the promise."""
    p95 = "service:p95_seconds:rate5m"
    yield alert(
        "P95AbovePlan",
        f"({p95} > on (region, service) plan:p95_seconds:planned) {_ALL_UP}",
        settled_s(plan),
        WARNING,
        SYMPTOM,
        "the 95th percentile of {{ $labels.service }} from {{ $labels.region }} is "
        "{{ $value | humanizeDuration }}, above the plan's",
    )
    normal = f"({p95} > on (service) group_left () plan:p95_seconds:normal) {_ALL_UP}"
    emergency = f"({p95} > on (service) group_left () plan:p95_seconds:emergency)"
    yield alert(
        "P95AboveObjective",
        f"({normal}) or {emergency}",
        settled_s(plan),
        CRITICAL,
        SYMPTOM,
        "the 95th percentile of {{ $labels.service }} from {{ $labels.region }} is "
        "{{ $value | humanizeDuration }}, above what is promised",
    )


def loss_alerts(plan: Plan) -> Iterator[Document]:
    """Yield the alerts on lost regions, links and cables."""
    yield alert(
        REGION_DOWN,
        "region:reachable:max == 0",
        detection_s(plan),
        CRITICAL,
        CAUSE,
        "no other region reaches {{ $labels.region }}",
    )
    old = f"region:samples:age_seconds > {number(silence_s(plan))}"
    yield alert(
        "RegionSilent",
        f"({old}) or (plan:region:active unless on (region) region:samples:age_seconds)",
        0,
        WARNING,
        CAUSE,
        "{{ $labels.region }} sends no metrics: its alerts cannot go off",
    )
    dead_end = "(plan:link:end and on (region) region:reachable:max == 0)"
    yield alert(
        "LinkDown",
        f"(link:reachable:max == 0) unless on (link) {dead_end}",
        detection_s(plan),
        WARNING,
        CAUSE,
        "the link {{ $labels.link }} carries nothing, though both its ends are up",
        region=EVERYWHERE,
    )
    down = "(plan:risk_group:link and on (link) link:reachable:max == 0)"
    yield alert(
        "RiskGroupDown",
        f"count by (risk_group) ({down} unless on (link) {dead_end}) "
        "== count by (risk_group) (plan:risk_group:link)",
        detection_s(plan),
        CRITICAL,
        CAUSE,
        "every link through {{ $labels.risk_group }} is down: a cable or more is lost",
        region=EVERYWHERE,
    )


def availability_alerts(objective: float) -> Iterator[Document]:
    """Yield the alerts on the burn of the error budget, each over two windows.

    Parameters
    ----------
    objective : float
        Availability promised, a share.
    """
    budget = "(1 - scalar(plan:availability:objective))"
    for burn in burns(objective):
        windows = [
            f"service:errors:ratio_rate{window} > {number(burn.factor)} * {budget}"
            for window in (burn.long_window, burn.short_window)
        ]
        yield alert(
            "ErrorBudgetBurn",
            f"({windows[0]}) and on (service) ({windows[1]})",
            0,
            burn.severity,
            SYMPTOM,
            "{{ $value | humanizePercentage }} of the requests of {{ $labels.service }} fail over "
            f"{burn.long_window}: {number(burn.factor)} times what its objective allows",
            window=burn.long_window,
            region=EVERYWHERE,
        )


def absence_alerts(plan: Plan, *, services: bool, several: bool) -> Iterator[Document]:
    """Yield an alert for each metric of the contract that the home should have and has not.

    Parameters
    ----------
    plan : Plan
        What was decided.
    services : bool
        Whether any service shows metrics.
    several : bool
        Whether there is more than one region, so that they probe each other.
    """
    needed = {"cluster": True, "service": services, "ingress": several, "standby": False}
    for metric in CONTRACT:
        if needed[metric.scope]:
            yield _absent(plan, metric.name, absence(metric))


def standby_alerts(plan: Plan) -> Iterator[Document]:
    """Yield the alerts of the region that watches the home."""
    yield alert(
        "MonitoringHomeUnreachable",
        f"time() - max({SENT}) > {number(silence_s(plan))}",
        settled_s(plan),
        CRITICAL,
        CAUSE,
        "the home of the monitoring has taken nothing for {{ $value | humanizeDuration }}: its "
        "alerts may be dead",
        region=EVERYWHERE,
    )
    yield _absent(plan, SENT, f"absent({SENT})")


def _absent(plan: Plan, metric: str, expression: str) -> Document:
    """Build the alert on one metric."""
    return alert(
        "MetricAbsent",
        expression,
        start_s(plan),
        WARNING,
        SYMPTOM,
        f"{metric} is missing: what is computed from it cannot be trusted",
        metric=metric,
        region=f'{{{{ or $labels.region "{EVERYWHERE}" }}}}',
    )

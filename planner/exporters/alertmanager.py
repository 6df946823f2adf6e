"""Alertmanager: who is told, what is grouped, and what a cause mutes."""

from __future__ import annotations

from planner.exporters import naming, workload
from planner.exporters.alerts import (
    CAUSE,
    CRITICAL,
    REGION_DOWN,
    SYMPTOM,
    WARNING,
)
from planner.exporters.monitoring import (
    alerting_regions,
    folder,
    home_region,
    refuse_hostile_names,
    standby_region,
)
from planner.exporters.planned_series import detection_s, settled_s
from planner.exporters.promql import duration, label_value
from planner.exporters.rendering import text
from planner.exporters.requirements import platform_of, require
from planner.exporters.versions import versions
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

TARGET = "alertmanager"
SECRETS_FOLDER = "/etc/alertmanager/secrets"
NOBODY = "nobody"
_REPEAT_CRITICAL, _REPEAT_WARNING = "4h", "24h"


def export_alertmanager(plan: Plan) -> tuple[Manifest, ...]:
    """Return Alertmanager's values for the home, and for the standby that watches it.

    Parameters
    ----------
    plan : Plan
        What was decided.

    Returns
    -------
    tuple of Manifest
        ``monitoring/<cluster>/alertmanager/values.yaml`` and a README.

    Raises
    ------
    MissingInputs
        If no home or no Secret of the receiver is named.
    UnfaithfulExport
        If names cannot be borne.

    Notes
    -----
    The configuration stands in the chart's values, not in an AlertmanagerConfig: the operator adds
    a matcher of the object's own namespace to each of those, and alerts of the whole world have
    none.
    """
    refuse_hostile_names(plan)
    require(plan, TARGET, ["monitoring.home", "monitoring.webhook_secret"])
    home = home_region(plan, TARGET)
    monitoring = platform_of(plan).monitoring
    secret = str(monitoring.webhook_secret)
    naming.refuse_bad_names(
        {
            "platform.monitoring.webhook_secret": secret,
            "platform.monitoring.receiver": monitoring.receiver,
        }
    )
    version = versions(plan, ("kube-prometheus-stack",))["kube-prometheus-stack"].version
    values = {
        "alertmanager": {
            "enabled": True,
            "config": alertmanager_config(plan),
            "alertmanagerSpec": {"secrets": [secret]},
        }
    }
    regions = alerting_regions(plan, home)
    at = folder(plan, home, TARGET)
    return (
        Manifest(at / "README.md", _readme(plan, home, version)),
        *(Manifest(folder(plan, each, TARGET) / "values.yaml", (values,)) for each in regions),
    )


def alertmanager_config(plan: Plan) -> Document:
    """Return Alertmanager's own configuration.

    Parameters
    ----------
    plan : Plan
        Names receiver and Secret; its DNS times are how long a group waits for its siblings.
    """
    monitoring = platform_of(plan).monitoring
    receiver = monitoring.receiver
    url_file = f"{SECRETS_FOLDER}/{monitoring.webhook_secret}/url"
    webhook = {"url_file": url_file, "send_resolved": True}
    return {
        "global": {"resolve_timeout": "5m"},
        "route": {
            "receiver": receiver,
            "group_by": ["region"],
            "group_wait": duration(detection_s(plan)),
            "group_interval": duration(max(settled_s(plan), 60.0)),
            "repeat_interval": _REPEAT_WARNING,
            "routes": [
                # Always firing, and of use only to something that misses it.
                {"receiver": NOBODY, "matchers": [_is("alertname", "Watchdog")]},
                {"receiver": NOBODY, "matchers": [_is("alertname", "InfoInhibitor")]},
                {
                    "receiver": receiver,
                    "matchers": [_is("severity", CRITICAL)],
                    "group_wait": "10s",
                    "repeat_interval": _REPEAT_CRITICAL,
                },
            ],
        },
        "inhibit_rules": _inhibitions(),
        "receivers": [{"name": NOBODY}, {"name": receiver, "webhook_configs": [webhook]}],
    }


def _inhibitions() -> list[Document]:
    """Mute what follows from the loss of a region, and the softer twin of a louder alert."""
    down, silent = _is("alertname", REGION_DOWN), _is("alertname", "RegionSilent")
    plan_of, promise = _is("alertname", "P95AbovePlan"), _is("alertname", "P95AboveObjective")
    return [
        _mute([down], [_is("kind", SYMPTOM)], "region"),
        _mute([down], [silent], "region"),
        _mute([silent], [_is("alertname", "MetricAbsent")], "region"),
        _mute([promise], [plan_of], "region", "service"),
        _mute(
            [_is("alertname", "ErrorBudgetBurn"), _is("severity", CRITICAL)],
            [_is("alertname", "ErrorBudgetBurn"), _is("severity", WARNING)],
            "service",
        ),
    ]


def _mute(sources: list[str], targets: list[str], *equal: str) -> Document:
    """Build one inhibition; a missing label equals an empty one, so sources bear all of `equal`."""
    return {"source_matchers": sources, "target_matchers": targets, "equal": list(equal)}


def _is(label: str, value: str) -> str:
    """Write a matcher."""
    return f"{label}={label_value(value)}"


def _readme(plan: Plan, home: str, version: str) -> str:
    """Write who is told what, and what is not expressed."""
    monitoring = platform_of(plan).monitoring
    standby = standby_region(plan, home)
    return text(
        "alertmanager.md.j2",
        version=version,
        release=naming.MONITORING_RELEASE,
        namespace=platform_of(plan).monitoring_namespace,
        receiver=monitoring.receiver,
        secret=monitoring.webhook_secret,
        url_file=f"{SECRETS_FOLDER}/{monitoring.webhook_secret}/url",
        standby=None if standby is None else workload.cluster_of(plan.scenario, standby),
        cause=CAUSE,
        symptom=SYMPTOM,
    )

"""Grafana: values of the chart and dashboards that its sidecar finds."""

from __future__ import annotations

from planner.exporters import naming, workload
from planner.exporters.dashboards import dashboards
from planner.exporters.json_files import json_text
from planner.exporters.kustomize import kustomization
from planner.exporters.monitoring import (
    availability_objective,
    folder,
    home_region,
    refuse_hostile_names,
)
from planner.exporters.rendering import text
from planner.exporters.requirements import platform_of, require
from planner.exporters.versions import versions
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

TARGET = "grafana"
DASHBOARD_LABEL = "grafana_dashboard"


def export_grafana(plan: Plan) -> tuple[Manifest, ...]:
    """Return Grafana's values and dashboards for the home.

    Parameters
    ----------
    plan : Plan
        What was decided.

    Returns
    -------
    tuple of Manifest
        ``monitoring/<home>/grafana/...``: a ConfigMap for each dashboard.

    Raises
    ------
    MissingInputs
        If no home is named, or no availability can be judged by.
    UnfaithfulExport
        If names cannot be borne.

    Notes
    -----
    Dashboards read recorded series only, so that they show what the alerts judge.
    """
    refuse_hostile_names(plan)
    require(plan, TARGET, ["monitoring.home"])
    home = home_region(plan, TARGET)
    objective, _ = availability_objective(plan, TARGET)
    at = folder(plan, home, TARGET)
    version = versions(plan, ("kube-prometheus-stack",))["kube-prometheus-stack"].version
    files = [
        Manifest(at / f"{name}.yaml", (_config_map(plan, name, dashboard),))
        for name, dashboard in dashboards(plan, objective).items()
    ]
    return (
        Manifest(at / "README.md", _readme(plan, home, version)),
        Manifest(at / "values.yaml", (_values(),)),
        kustomization(at, [manifest.path.name for manifest in files]),
        *files,
    )


def _values() -> Document:
    """Build the values: the administrator from a Secret, dashboards from ConfigMaps."""
    return {
        "grafana": {
            "enabled": True,
            "admin": {
                "existingSecret": naming.GRAFANA_SECRET,
                "userKey": "admin-user",
                "passwordKey": "admin-password",
            },
            "sidecar": {
                "dashboards": {
                    "enabled": True,
                    "label": DASHBOARD_LABEL,
                    "labelValue": "1",
                    "searchNamespace": "ALL",
                },
                "datasources": {"enabled": True, "uid": "prometheus"},
            },
        }
    }


def _config_map(plan: Plan, name: str, dashboard: Document) -> Document:
    """Build the ConfigMap of one dashboard."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{naming.MANAGER}-{name}",
            "namespace": platform_of(plan).monitoring_namespace,
            "labels": {DASHBOARD_LABEL: "1", naming.PART_OF_LABEL: plan.scenario.scenario},
        },
        "data": {f"{naming.MANAGER}-{name}.json": json_text(dashboard)},
    }


def _readme(plan: Plan, home: str, version: str) -> str:
    """Write the order, what each dashboard shows, and what is not expressed."""
    return text(
        "grafana.md.j2",
        version=version,
        release=naming.MONITORING_RELEASE,
        cluster=workload.cluster_of(plan.scenario, home),
        namespace=platform_of(plan).monitoring_namespace,
        secret=naming.GRAFANA_SECRET,
        label=DASHBOARD_LABEL,
    )

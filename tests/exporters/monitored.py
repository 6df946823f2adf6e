"""What the tests of the monitoring share: a plan with few figures, its rules read back, PromQL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from planner.exporters.grafana import export_grafana
from planner.exporters.prometheus import export_prometheus
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan
from tests.exporters.platforms import taiwan_plan

HOSTILE = ('a"} or vector(1) #', "b\nc: d", "e`${f}`{{ $labels.g }}", "h/../../i", "'; j", "[[k]]")


def platform_changed(plan: Plan, **parts: Any) -> Plan:
    """Return a plan whose platform says something else."""
    assert plan.scenario.platform is not None
    platform = plan.scenario.platform.model_copy(update=parts)
    return scenario_changed(plan, platform=platform)


def monitoring_changed(plan: Plan, **parts: Any) -> Plan:
    """Return a plan whose monitoring is told something else."""
    assert plan.scenario.platform is not None
    known = plan.scenario.platform.monitoring.model_copy(update=parts)
    return platform_changed(plan, monitoring=known)


def scenario_changed(plan: Plan, **parts: Any) -> Plan:
    """Return a plan of another scenario, unchecked."""
    return plan.model_copy(update={"scenario": plan.scenario.model_copy(update=parts)})


def renamed(members: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """Return a mapping in which one key is another."""
    return {new if name == old else name: value for name, value in members.items()}


def documents(manifests: Iterable[Manifest]) -> Iterator[Document]:
    """Yield every YAML document of some files."""
    for manifest in manifests:
        if not isinstance(manifest.content, str):
            yield from manifest.content


def rules(plan: Plan | None = None) -> list[Document]:
    """Return all recording and alerting rules of an export."""
    return [
        rule
        for document in documents(export_prometheus(plan or taiwan_plan()))
        if document.get("kind") == "PrometheusRule"
        for group in document["spec"]["groups"]
        for rule in group["rules"]
    ]


def recorded(plan: Plan | None = None) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return name and labels of each series of the plan to its value."""
    return {
        (rule["record"], tuple(sorted(rule.get("labels", {}).items()))): float(
            rule["expr"].removeprefix("vector(").removesuffix(")")
        )
        for rule in rules(plan)
        if rule.get("record", "").startswith("plan:")
    }


def alerts(plan: Plan | None = None) -> dict[str, list[Document]]:
    """Return name of an alert to its rules."""
    found: dict[str, list[Document]] = {}
    for rule in rules(plan):
        if "alert" in rule:
            found.setdefault(rule["alert"], []).append(rule)
    return found


def boards(plan: Plan | None = None) -> dict[str, Document]:
    """Return uid to dashboard, read back from the ConfigMaps."""
    texts = [
        text
        for document in documents(export_grafana(plan or taiwan_plan()))
        if document.get("kind") == "ConfigMap"
        for text in document["data"].values()
    ]
    return {board["uid"]: board for board in map(json.loads, texts)}


def expressions(plan: Plan | None = None) -> list[str]:
    """Return every PromQL expression of rules and dashboards."""
    queries = [
        target["expr"]
        for board in boards(plan).values()
        for panel in board["panels"]
        for target in panel["targets"]
    ]
    return [*(rule["expr"] for rule in rules(plan)), *queries]


def selectors(expression: str) -> list[Any]:
    """Return the selectors of an expression, as the parser of another project sees them."""
    parser = pytest.importorskip("promql_parser", reason="pip install promql-parser")
    found: list[Any] = []

    def visit(node: Any) -> bool:
        if isinstance(node, parser.VectorSelector):
            found.append(node)
        if isinstance(node, parser.MatrixSelector):
            found.append(node.vector_selector)
        return True

    parser.walk(parser.parse(expression), visit)
    return found

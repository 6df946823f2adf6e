"""Parts of the clusters' trees by kind, and the Taiwan plan with parts of it replaced."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from planner.model.hourly import HourlyNeeds, ServiceNeeds
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from tests.exporters.ownership import objects
from tests.exporters.platforms import taiwan_plan, with_platform

SERVICES = ("api", "orders", "static")
REGIONS = ("losangeles", "singapore", "taipei", "tokyo")


def of_kind(
    manifests: Iterable[Manifest], kind: str, region: str | None = None
) -> dict[str, dict[str, Any]]:
    """Objects of a kind by name, in one region or anywhere."""
    cluster = taiwan_plan().scenario.regions[region].cluster if region else ""
    return {
        document["metadata"]["name"]: document
        for manifest, document in objects(manifests)
        if document["kind"] == kind and cluster in str(manifest.path)
    }


def changed(plan: Plan, services: dict[str, Any] | None = None, **platform: Any) -> Plan:
    """The plan with parts of its platform replaced, past all checks."""
    known = plan.scenario.platform
    merged = {
        name: service.model_copy(update=(services or {}).get(name, {}))
        for name, service in known.services.items()
    }
    return with_platform(plan, known.model_copy(update={"services": merged, **platform}))


def scenario_changed(plan: Plan, **fields: Any) -> Plan:
    """The plan with fields of its scenario replaced, past all checks."""
    return plan.model_copy(update={"scenario": plan.scenario.model_copy(update=fields)})


def service_changed(plan: Plan, name: str, **fields: Any) -> Plan:
    """The plan with fields of one service of its scenario replaced, past all checks."""
    services = dict(plan.scenario.services)
    services[name] = services[name].model_copy(update=fields)
    return scenario_changed(plan, services=services)


def needing(plan: Plan, spare: dict[str, int] | None) -> Plan:
    """The plan with what its hours need: all replicas to survive, and some fewer with all up."""
    if spare is None:
        return plan.model_copy(update={"needs": None})
    services = {
        name: ServiceNeeds(
            normal={r: (0, n - spare.get(name, 0)) for r, n in service.replicas.items()},
            survive={r: (n, 0) for r, n in service.replicas.items()},
        )
        for name, service in plan.services.items()
    }
    needs = HourlyNeeds(hours_utc=(3, 15), services=services)
    return plan.model_copy(update={"needs": needs})


def pod_of(document: dict[str, Any]) -> dict[str, Any]:
    """The pod of a Deployment, federated or not."""
    spec = document["spec"]
    spec = spec["template"]["spec"] if document["kind"] == "FederatedDeployment" else spec
    return spec["template"]["spec"]


def routes_of(manifests: Iterable[Manifest], region: str) -> dict[tuple[str, str], str]:
    """Host name and path to the service that they lead to."""
    return {
        (rule["host"], path["path"]): path["backend"]["service"]["name"]
        for document in of_kind(manifests, "Ingress", region).values()
        for rule in document["spec"]["rules"]
        for path in rule["http"]["paths"]
    }


def readme_of(manifests: Iterable[Manifest]) -> str:
    """The README of the clusters' trees."""
    return next(str(m.content) for m in manifests if m.path.name == "README.md")

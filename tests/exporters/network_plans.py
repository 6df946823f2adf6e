"""The Taiwan plan with one thing about its machines or networks said otherwise, checks bypassed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from planner.exporters.requirements import platform_of
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from planner.model.platform import Server, Storage
from tests.exporters.platforms import taiwan_plan, with_platform

HOSTILE = (
    "x\n[Peer]\nPublicKey = evil",
    "a'; rm -rf / #",
    "$(id)",
    "../../etc/passwd",
    'a": {b: c}',
    "@{{ 7*7 }}",
    "",
)
"""Names that would leave their field in a configuration, a script, a path or YAML."""


def with_platform_fields(plan: Plan | None = None, **fields: Any) -> Plan:
    plan = plan or taiwan_plan()
    return with_platform(plan, platform_of(plan).model_copy(update=fields))


def with_region(region: str, plan: Plan | None = None, **fields: Any) -> Plan:
    plan = plan or taiwan_plan()
    regions = platform_of(plan).regions
    changed = regions[region].model_copy(update=fields)
    return with_platform_fields(plan, regions=regions | {region: changed})


def with_servers(region: str, servers: dict[str, Server], plan: Plan | None = None) -> Plan:
    return with_region(region, plan, servers=servers)


def with_server(region: str, server: str, plan: Plan | None = None, **fields: Any) -> Plan:
    servers = platform_of(plan or taiwan_plan()).regions[region].servers
    return with_servers(region, servers | {server: servers[server].model_copy(update=fields)}, plan)


def with_mesh(plan: Plan | None = None, **fields: Any) -> Plan:
    mesh = platform_of(plan or taiwan_plan()).mesh
    return with_platform_fields(plan, mesh=mesh.model_copy(update=fields))


def with_storage(plan: Plan | None = None, **fields: Any) -> Plan:
    storage = platform_of(plan or taiwan_plan()).storage or Storage(region="taipei")
    return with_platform_fields(plan, storage=storage.model_copy(update=fields))


def with_place(region: str, plan: Plan | None = None, **fields: Any) -> Plan:
    """Change the region itself, not its platform."""
    plan = plan or taiwan_plan()
    regions = plan.scenario.regions
    changed = regions[region].model_copy(update=fields)
    scenario = plan.scenario.model_copy(update={"regions": regions | {region: changed}})
    return plan.model_copy(update={"scenario": scenario})


def with_hostile_region(name: str) -> Plan:
    """The plan with the region and platform of Tokyo under a hostile name."""
    plan = taiwan_plan()

    def renamed(mapping: Any) -> Any:
        return {name if key == "tokyo" else key: value for key, value in mapping.items()}

    platform = platform_of(plan)
    changed = platform.model_copy(update={"regions": renamed(platform.regions)})
    scenario = plan.scenario.model_copy(
        update={"regions": renamed(plan.scenario.regions), "platform": changed}
    )
    return plan.model_copy(update={"scenario": scenario})


def by_path(manifests: Iterable[Manifest]) -> dict[str, Manifest]:
    found: dict[str, Manifest] = {}
    for manifest in manifests:
        assert str(manifest.path) not in found, manifest.path
        found[str(manifest.path)] = manifest
    return found


def documents(manifests: Iterable[Manifest], path: str) -> list[dict[str, Any]]:
    content = by_path(manifests)[path].content
    assert not isinstance(content, str)
    return list(content)


def objects(manifests: Iterable[Manifest]) -> list[dict[str, Any]]:
    """Every Kubernetes object, kustomizations and values left out."""
    return [
        document
        for manifest in manifests
        if not isinstance(manifest.content, str)
        for document in manifest.content
        if document.get("kind", "Kustomization") != "Kustomization"
    ]

"""The Taiwan plan in every mode that makes further kinds of objects, with what is then exported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from planner.exporters import TARGETS
from planner.exporters.external_dns import export_external_dns
from planner.exporters.kubefed import export_kubefed
from planner.exporters.kubernetes import export_kubernetes
from planner.exporters.writer_rows import Federation
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from planner.model.platform import Server
from tests.exporters.hourly_plans import hourly_plan
from tests.exporters.network_plans import (
    with_mesh,
    with_platform_fields,
    with_region,
    with_servers,
    with_storage,
)
from tests.exporters.ownership import variant
from tests.exporters.platforms import taiwan_plan

ROUTER = {"router_address": "10.12.0.1", "router_as_number": 64602}


def karmada_moving() -> Plan:
    """Karmada that moves a lost share: with Rollouts every state fits the pools."""
    return variant("karmada", rollout=True, karmada_failover="tuned")


def karmada_rebalancing() -> Plan:
    """Karmada that divides replicas and moves them; each region's pools are made to hold all."""
    plan = variant("karmada", karmada_failover="tuned")
    services = {
        name: service.model_copy(
            update={"max_replicas": dict.fromkeys(service.max_replicas, service.total)}
        )
        for name, service in plan.services.items()
    }
    return plan.model_copy(update={"services": services})


def calling_abroad() -> Plan:
    """The service 'orders' is called from two regions where it does not run."""
    plan = variant("karmada")
    orders = plan.services["orders"]
    replicas = {r: n if r in ("taipei", "singapore") else 0 for r, n in orders.replicas.items()}
    fewer = orders.model_copy(
        update={
            "replicas": replicas,
            "weights": orders.weights | {"karmada": replicas},
            "total": sum(replicas.values()),
        }
    )
    return plan.model_copy(update={"services": plan.services | {"orders": fewer}})


def mirrored() -> Plan:
    """The storage has a mirror in Tokyo."""
    servers = {
        f"edge-{number}": Server(
            address=f"10.12.0.1{number}",
            pool="edge",
            control_plane=number == 1,
            raw_devices={"/dev/disk/by-id/nvme-a": 3000.0},
        )
        for number in (1, 2, 3)
    }
    return with_storage(with_servers("tokyo", servers), mirror_region="tokyo")


def read_from_home() -> Plan:
    """The home reads the metrics of the others."""
    known = taiwan_plan().scenario.platform.monitoring
    return with_platform_fields(monitoring=known.model_copy(update={"collection": "federation"}))


PLANS: dict[str, Callable[[], Plan]] = {
    "kubefed": taiwan_plan,
    "kubefed, autoscaler in each cluster": lambda: variant("kubefed", "member"),
    "kubefed, by the hour": hourly_plan,
    "kubefed, rollouts": lambda: variant("kubefed", rollout=True),
    "karmada": lambda: variant("karmada"),
    "karmada, autoscaler in each cluster": lambda: variant("karmada", "member"),
    "karmada, autoscaler over all clusters": lambda: variant("karmada", "federated"),
    "karmada, by the hour": lambda: hourly_plan("karmada"),
    "karmada, rollouts, moving": karmada_moving,
    "karmada, moving": karmada_rebalancing,
    "karmada, calls abroad": calling_abroad,
    "routes by BGP": lambda: with_mesh(routes="bgp"),
    "addresses by BGP": lambda: with_region("tokyo", **ROUTER),
    "another ingress class": lambda: with_region("taipei", ingress_class="other"),
    "Gateway API": lambda: with_platform_fields(routes="gateway"),
    "mirrored storage": mirrored,
    "metrics are read": read_from_home,
}
"""What makes kinds of objects, or files, come and go."""


@cache
def exported(name: str) -> tuple[Plan, tuple[Manifest, ...]]:
    """Return plan and files of all targets, the other controller's left out."""
    plan = PLANS[name]()
    controller = plan.scenario.federation.controller
    other = {"kubefed": "karmada", "karmada": "kubefed"}[controller]
    trees = {m.path: m for key, export in TARGETS.items() if key != other for m in export(plan)}
    return plan, tuple(trees[path] for path in sorted(trees))


def applied_together() -> Iterator[tuple[str, Plan, Federation, tuple[Manifest, ...]]]:
    """Yield every set of files that is applied together, and who propagates."""
    for name in PLANS:
        plan, manifests = exported(name)
        yield name, plan, plan.scenario.federation.controller, manifests
    yield "kubefed, pinned", taiwan_plan(), "kubefed", export_kubefed(taiwan_plan(), pin=True)
    for scaler in ("pinned", "member"):
        plan = variant(scaler=scaler)
        alone = (*export_kubernetes(plan, federation="none"), *export_external_dns(plan))
        yield f"no federation, {scaler}", plan, "none", tuple({m.path: m for m in alone}.values())


def documents_of(manifests: tuple[Manifest, ...]) -> Iterator[tuple[Manifest, dict[str, Any]]]:
    """Yield every document with its file."""
    for manifest in manifests:
        if not isinstance(manifest.content, str):
            yield from ((manifest, document) for document in manifest.content)

"""Calls to a service of another cluster: exported there, imported here, let through on both sides.

Karmada copies the endpoints of the clusters that run a service to those that only call it, as
``derived-<service>``.  The pods are then called directly, over the mesh.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from planner.errors import UnfaithfulExport
from planner.exporters import naming, workload
from planner.exporters.address_plan import AddressPlan, address_plan
from planner.exporters.policies import unreachable_calls
from planner.model.manifest import Document
from planner.model.plan import Plan

KINDS = ("serviceexports.multicluster.x-k8s.io", "serviceimports.multicluster.x-k8s.io")
PREFIX = "derived-"
"""Before the name of a service where it is imported."""

_POLICY = "policy.karmada.io/v1alpha1"
_SERVICES = "multicluster.x-k8s.io/v1alpha1"


@dataclass(frozen=True)
class RemoteCall:
    """A service that is called from regions where it does not run.

    Attributes
    ----------
    called : str
        The service.
    callers : tuple of str
        Services that call it from there.
    providers, consumers : tuple of str
        Regions where it runs, and where it is called without running.
    """

    called: str
    callers: tuple[str, ...]
    providers: tuple[str, ...]
    consumers: tuple[str, ...]


def remote_calls(plan: Plan) -> dict[str, RemoteCall]:
    """Return called service to who calls it from another cluster; empty without a platform.

    Parameters
    ----------
    plan : Plan
        Its platform says which services call which.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for region in plan.active_regions if plan.scenario.platform else ():
        for caller, called in unreachable_calls(plan, region):
            found.setdefault(called, []).append((caller, region))
    return {
        called: RemoteCall(
            called=called,
            callers=_once(caller for caller, _ in pairs),
            providers=_running(plan, called),
            consumers=_once(region for _, region in pairs),
        )
        for called, pairs in found.items()
        if _running(plan, called)
    }


def export_call(plan: Plan, call: RemoteCall, target: str) -> tuple[Document, ...]:
    """Return what makes a service reachable from clusters that only call it.

    Parameters
    ----------
    plan : Plan
        What was decided, with its platform.
    call : RemoteCall
        One of `remote_calls`.
    target : str
        What is exported, for the sentence if something is missing.

    Returns
    -------
    tuple of dict
        A ServiceExport and a NetworkPolicy for the clusters that run it, a ServiceImport and a
        NetworkPolicy for those that call it, and a PropagationPolicy for each of the two sides.

    Raises
    ------
    MissingInputs
        If the mesh or the networks of these regions are not known.
    UnfaithfulExport
        If a service has the name of one of the policies.

    Notes
    -----
    Network plugins may give a packet that leaves the cluster the address of its machine, so both
    networks of a calling region are let in.
    """
    outward, inward = f"{call.called}-export", f"{call.called}-import"
    taken = {outward, inward} & set(workload.placed_services(plan))
    if taken:
        raise UnfaithfulExport(
            f"the service '{min(taken)}' has the name of a policy for calls to '{call.called}'; "
            "rename one"
        )
    regions = (*call.providers, *call.consumers)
    addresses = address_plan(plan, target, regions)
    return (
        _object(plan, _SERVICES, "ServiceExport", call.called, {}),
        _let_in(plan, call, addresses, outward),
        _propagation(plan, outward, "ServiceExport", call.called, call.providers),
        _object(plan, _SERVICES, "ServiceImport", call.called, _import()),
        _let_out(plan, call, addresses, inward),
        _propagation(plan, inward, "ServiceImport", call.called, call.consumers),
    )


def export_kinds(plan: Plan, calls: Iterable[RemoteCall]) -> Document:
    """Return the policy that brings both kinds to every cluster that needs one of them.

    Parameters
    ----------
    plan : Plan
        Knows the clusters.
    calls : iterable of RemoteCall
        All of them.
    """
    used = {region for call in calls for region in (*call.providers, *call.consumers)}
    regions = [region for region in plan.scenario.regions if region in used]
    kind = "CustomResourceDefinition"
    return {
        "apiVersion": _POLICY,
        "kind": "ClusterPropagationPolicy",
        "metadata": {
            "name": "remote-calls",
            "labels": {naming.PART_OF_LABEL: plan.scenario.scenario},
        },
        "spec": {
            "resourceSelectors": [
                {"apiVersion": "apiextensions.k8s.io/v1", "kind": kind, "name": name}
                for name in KINDS
            ],
            "placement": _placement(plan, regions),
        },
    }


def _once(values: Iterable[str]) -> tuple[str, ...]:
    """Drop repetitions, in order."""
    return tuple(dict.fromkeys(values))


def _running(plan: Plan, name: str) -> tuple[str, ...]:
    """Return the regions where a service runs."""
    service = plan.services.get(name)
    replicas = {} if service is None else service.replicas
    return tuple(region for region in plan.scenario.regions if replicas.get(region, 0) > 0)


def _object(plan: Plan, version: str, kind: str, name: str, spec: Document) -> Document:
    """Build an object of a service; a ServiceExport has no specification."""
    metadata = {
        "name": name,
        "namespace": plan.scenario.namespace,
        "labels": {naming.PART_OF_LABEL: plan.scenario.scenario},
    }
    document = {"apiVersion": version, "kind": kind, "metadata": metadata}
    return document | ({"spec": spec} if spec else {})


def _import() -> Document:
    """Take the port of the Service over; its name ties endpoints to it."""
    port = {"name": naming.PORT_NAME, "port": naming.SERVICE_PORT, "protocol": "TCP"}
    return {"type": "ClusterSetIP", "ports": [port]}


def _propagation(
    plan: Plan, name: str, kind: str, called: str, regions: tuple[str, ...]
) -> Document:
    """Send one side's two objects to its clusters."""
    selectors = [
        {"apiVersion": _SERVICES, "kind": kind, "name": called},
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "name": name},
    ]
    spec = {"resourceSelectors": selectors, "placement": _placement(plan, regions)}
    return _object(plan, _POLICY, "PropagationPolicy", name, spec)


def _placement(plan: Plan, regions: Iterable[str]) -> Document:
    """Name the clusters of some regions."""
    names = [workload.cluster_of(plan.scenario, region) for region in regions]
    return {"clusterAffinity": {"clusterNames": names}}


def _let_in(plan: Plan, call: RemoteCall, addresses: AddressPlan, name: str) -> Document:
    """Let the called pods be reached from the calling regions."""
    known = [addresses.regions[region] for region in call.consumers]
    blocks = [_block(cidr) for one in known for cidr in (one.pod_cidr, one.node_cidr)]
    spec = {
        "podSelector": {"matchLabels": naming.labels(plan.scenario, call.called)},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": blocks, "ports": [_port(plan, call.called)]}],
    }
    return _object(plan, "networking.k8s.io/v1", "NetworkPolicy", name, spec)


def _let_out(plan: Plan, call: RemoteCall, addresses: AddressPlan, name: str) -> Document:
    """Let the callers reach the pods of the regions that run the service."""
    blocks = [_block(addresses.regions[region].pod_cidr) for region in call.providers]
    callers = {"key": naming.NAME_LABEL, "operator": "In", "values": list(call.callers)}
    spec = {
        "podSelector": {
            "matchLabels": {naming.PART_OF_LABEL: plan.scenario.scenario},
            "matchExpressions": [callers],
        },
        "policyTypes": ["Egress"],
        "egress": [{"to": blocks, "ports": [_port(plan, call.called)]}],
    }
    return _object(plan, "networking.k8s.io/v1", "NetworkPolicy", name, spec)


def _block(cidr: str) -> Document:
    """Name a network."""
    return {"ipBlock": {"cidr": cidr}}


def _port(plan: Plan, name: str) -> Document:
    """Name the port of a service's pods."""
    return {"protocol": "TCP", "port": plan.scenario.services[name].port}

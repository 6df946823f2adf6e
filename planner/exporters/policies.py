"""What holds in one cluster only: network policies, quota, budgets, priorities and rights."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from planner.exporters import naming, workload
from planner.exporters.address_plan import NETWORK_FIELDS, AddressPlan, address_plan
from planner.exporters.hours import disruptable
from planner.exporters.requirements import each_region, platform_of, service_platform
from planner.model.manifest import Document
from planner.model.plan import Plan

NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""The API server puts it on every namespace."""

DNS_NAMESPACE = "kube-system"
DNS_LABELS = {"k8s-app": "kube-dns"}
"""CoreDNS bears this label under kubeadm and K3s alike."""

DNS_PORT = 53

_SUFFIXES = ("", "Ki", "Mi", "Gi", "Ti")


def services_in(plan: Plan, region: str) -> tuple[str, ...]:
    """Return the services that have replicas in a region, in the scenario's order."""
    return tuple(
        name
        for name in workload.placed_services(plan)
        if plan.services[name].replicas.get(region, 0) > 0
    )


def home_regions(plan: Plan, name: str) -> tuple[str, ...]:
    """Return the regions whose storage a service calls, none where it calls none."""
    service = plan.scenario.services[name]
    return service.home_regions if service.home_share > 0 else ()


def network_inputs(plan: Plan) -> list[str]:
    """Return the paths below ``platform`` that the network policies of a plan need."""
    homes = dict.fromkeys(
        home for name in workload.placed_services(plan) for home in home_regions(plan, name)
    )
    return ["mesh.cidr", *each_region(homes, *NETWORK_FIELDS)] if homes else []


def network_policies(plan: Plan, region: str, target: str) -> tuple[Document, ...]:
    """Return the network policies of a cluster: nothing passes but what is named.

    Parameters
    ----------
    plan : Plan
        Its platform says who calls whom and where the ingress controller and Prometheus stand.
    region : str
        Region of the cluster.
    target : str
        What is exported, for the sentence if something is missing.

    Returns
    -------
    tuple of dict
        One that denies everything, then one for each service: in from the ingress controller, from
        services that call it, and to its metrics from Prometheus; out to the cluster's DNS, to
        services that it calls, and to the networks of the regions that hold its storage.

    Raises
    ------
    MissingInputs
        If a region that holds storage has no networks.

    Notes
    -----
    The kubelet's probes come from the node, which network plugins let through. The ports of the
    storage are not known, so all of them are open towards those networks.
    """
    everything: Document = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    services = services_in(plan, region)
    homes = tuple(dict.fromkeys(home for name in services for home in home_regions(plan, name)))
    addresses = address_plan(plan, target, homes) if homes else None
    return (
        _policy(plan, "default-deny", everything),
        *(_service_policy(plan, region, name, addresses) for name in services),
    )


def unreachable_calls(plan: Plan, region: str) -> Iterator[tuple[str, str]]:
    """Yield caller and called where a service of a region calls one that is not there."""
    services = services_in(plan, region)
    for name in services:
        for called in service_platform(plan, name).calls:
            if called not in services:
                yield name, called


def resource_quota(plan: Plan, region: str) -> Document:
    """Return the quota of the namespace: all services at their largest, each rolling at once.

    Parameters
    ----------
    plan : Plan
        Its `max_replicas` are what the pools hold.
    region : str
        Region of the cluster.

    Returns
    -------
    dict
        Requests of CPU and memory, and pods: the sum of (largest number + surge) × request.
    """
    cpu, memory, pods = Fraction(0), Fraction(0), 0
    for name in services_in(plan, region):
        planned, service = plan.services[name], plan.scenario.services[name]
        count = max(planned.replicas[region], planned.max_replicas.get(region, 0))
        count += service.surge_replicas
        pods += count
        cpu += count * service.cpu.value
        memory += count * service.memory.value
    hard = {
        "requests.cpu": _cpu(cpu),
        "requests.memory": _memory(memory),
        "pods": str(pods),
    }
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": _metadata(plan, "services"),
        "spec": {"hard": hard},
    }


def disruption_budget(plan: Plan, region: str, name: str) -> Document:
    """Return the budget of a service: what its normal peak hour can spare, at least one pod.

    Parameters
    ----------
    plan : Plan
        What was decided.
    region : str
        Region of the cluster.
    name : str
        The service.
    """
    document = workload.disruption_budget(plan.scenario, name, disruptable(plan, name, region))
    document["spec"]["unhealthyPodEvictionPolicy"] = "AlwaysAllow"
    return document


def priority_classes() -> tuple[Document, ...]:
    """Return the priority classes of a cluster: the services' reserve outranks batch work."""
    return (
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": naming.RESERVE_PRIORITY},
            "value": naming.RESERVE_PRIORITY_VALUE,
            "globalDefault": False,
            "description": "services; their reserve for failures is lent to nobody",
        },
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": naming.BATCH_PRIORITY},
            "value": naming.BATCH_PRIORITY_VALUE,
            "globalDefault": False,
            "preemptionPolicy": "Never",
            "description": "batch work; it gives way to services",
        },
    )


def rights(plan: Plan, name: str) -> tuple[Document, Document]:
    """Return Role and RoleBinding of a service: it may ask the API server for nothing."""
    api = "rbac.authorization.k8s.io"
    role = {
        "apiVersion": f"{api}/v1",
        "kind": "Role",
        "metadata": workload.metadata(plan.scenario, name),
        "rules": [],
    }
    binding = {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": workload.metadata(plan.scenario, name),
        "roleRef": {"apiGroup": api, "kind": "Role", "name": name},
        "subjects": [
            {
                "kind": "ServiceAccount",
                "name": naming.service_account(name),
                "namespace": plan.scenario.namespace,
            }
        ],
    }
    return role, binding


def _cpu(cores: Fraction) -> str:
    """Write CPUs as the API server does, rounded up to thousandths."""
    thousandths = -(-cores * 1000 // 1)
    return f"{thousandths}m" if thousandths % 1000 else f"{thousandths // 1000}"


def _memory(size: Fraction) -> str:
    """Write bytes as the API server does, with the largest suffix that divides them."""
    count, power = -(-size // 1), 0
    while count and count % 1024 == 0 and power < len(_SUFFIXES) - 1:
        count, power = count // 1024, power + 1
    return f"{count}{_SUFFIXES[power]}"


def _metadata(plan: Plan, name: str) -> Document:
    """Return the metadata of what belongs to no single service."""
    return {
        "name": name,
        "namespace": plan.scenario.namespace,
        "labels": {naming.PART_OF_LABEL: plan.scenario.scenario},
    }


def _policy(plan: Plan, name: str, spec: Document) -> Document:
    """Wrap a policy."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(plan, name),
        "spec": spec,
    }


def _service_policy(plan: Plan, region: str, name: str, addresses: AddressPlan | None) -> Document:
    """Build what one service lets in and out."""
    spec = {
        "podSelector": {"matchLabels": naming.labels(plan.scenario, name)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": list(_ingress(plan, region, name)),
        "egress": list(_egress(plan, region, name, addresses)),
    }
    # The prefix keeps a service of the name 'default-deny' from taking that policy's place.
    return _policy(plan, f"service-{name}", spec)


def _ingress(plan: Plan, region: str, name: str) -> Iterator[Document]:
    """Let in users by the ingress controller, callers, and Prometheus."""
    platform, service = platform_of(plan), plan.scenario.services[name]
    callers = [
        _pods(plan, other)
        for other in services_in(plan, region)
        if name in service_platform(plan, other).calls
    ]
    users = _namespace(platform.ingress_controller_namespace)
    yield {"from": [users, *callers], "ports": [_port(service.port)]}
    metrics = service_platform(plan, name).metrics_port
    if metrics is not None:
        yield {"from": [_namespace(platform.monitoring_namespace)], "ports": [_port(metrics)]}


def _egress(
    plan: Plan, region: str, name: str, addresses: AddressPlan | None
) -> Iterator[Document]:
    """Let out to DNS, to services of the cluster that are called, and to the storage."""
    dns = _namespace(DNS_NAMESPACE) | {"podSelector": {"matchLabels": dict(DNS_LABELS)}}
    yield {"to": [dns], "ports": [_port(DNS_PORT, "UDP"), _port(DNS_PORT)]}
    there = services_in(plan, region)
    for called in service_platform(plan, name).calls:
        if called in there:
            port = plan.scenario.services[called].port
            yield {"to": [_pods(plan, called)], "ports": [_port(port)]}
    for home in home_regions(plan, name):
        cidrs = addresses.regions[home].routed_cidrs if addresses is not None else ()
        yield {"to": [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]}


def _pods(plan: Plan, name: str) -> Document:
    """Select the pods of a service in this namespace."""
    return {"podSelector": {"matchLabels": naming.labels(plan.scenario, name)}}


def _namespace(name: str) -> Document:
    """Select a namespace by name."""
    return {"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: name}}}


def _port(number: int, protocol: str = "TCP") -> Document:
    """Name a port of a pod."""
    return {"protocol": protocol, "port": number}


def budgets(plan: Plan, region: str) -> tuple[Document, ...]:
    """Return the budgets of a cluster's services.

    Parameters
    ----------
    plan : Plan
        What was decided.
    region : str
        Region of the cluster.
    """
    return tuple(disruption_budget(plan, region, name) for name in services_in(plan, region))

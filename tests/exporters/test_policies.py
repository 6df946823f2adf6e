"""What holds in one cluster: who may talk to whom, quota, budgets, priorities and rights."""

import re
from fractions import Fraction
from itertools import product

import pytest

from planner.exporters.address_plan import address_plan
from planner.exporters.kubernetes import export_kubernetes
from planner.model.quantity import parse_quantity
from tests.exporters.cluster_trees import (
    REGIONS,
    SERVICES,
    changed,
    needing,
    of_kind,
    pod_of,
    readme_of,
)
from tests.exporters.platforms import taiwan_plan


def test_accounts_may_do_nothing():
    manifests = export_kubernetes(taiwan_plan(), federation="none")
    for name in SERVICES:
        assert of_kind(manifests, "Role", "tokyo")[name]["rules"] == []
        binding = of_kind(manifests, "RoleBinding", "tokyo")[name]
        assert binding["roleRef"]["name"] == name
        account = of_kind(manifests, "ServiceAccount", "tokyo")[name]
        assert account["automountServiceAccountToken"] is False
        pod = pod_of(of_kind(manifests, "Deployment", "tokyo")[name])
        assert binding["subjects"] == [
            {"kind": "ServiceAccount", "namespace": "prod-api", "name": pod["serviceAccountName"]}
        ]


@pytest.mark.parametrize("region", REGIONS)
def test_the_quota_holds_all_services_at_their_largest_while_each_rolls(region):
    plan = taiwan_plan()
    hard = of_kind(export_kubernetes(plan), "ResourceQuota", region)["services"]["spec"]["hard"]
    pods = cpu = memory = Fraction(0)
    for name, planned in plan.services.items():
        service = plan.scenario.services[name]
        for _ in range(planned.max_replicas[region] + service.surge_replicas):
            pods, cpu, memory = pods + 1, cpu + service.cpu.value, memory + service.memory.value
    assert int(hard["pods"]) == pods
    assert parse_quantity(hard["requests.cpu"]).value == cpu
    assert parse_quantity(hard["requests.memory"]).value == memory
    assert re.fullmatch(r"[0-9]+(m|[KMGT]i)?", hard["requests.memory"])


def test_budgets_are_what_the_peak_hour_can_spare_and_none_is_reported():
    plan = needing(taiwan_plan(), {"api": 2})
    manifests = export_kubernetes(plan)
    for region in REGIONS:
        budgets = of_kind(manifests, "PodDisruptionBudget", region)
        assert {n: b["spec"]["maxUnavailable"] for n, b in budgets.items()} == {
            "api": 2,
            "orders": 1,
            "static": 1,
        }
    readme = readme_of(manifests)
    assert readme.count("**No spare**") == 8
    assert "**No spare**: `orders` in `tokyo-edge`" in readme
    unknown = export_kubernetes(needing(plan, None))
    assert {
        b["spec"]["maxUnavailable"] for b in of_kind(unknown, "PodDisruptionBudget").values()
    } == {1}
    assert "does not record the need" in readme_of(unknown)


def test_the_reserve_outranks_batch_and_pods_have_it():
    manifests = export_kubernetes(taiwan_plan(), federation="none")
    classes = of_kind(manifests, "PriorityClass", "tokyo")
    pods = [pod_of(d) for d in of_kind(manifests, "Deployment", "tokyo").values()]
    (used,) = {pod["priorityClassName"] for pod in pods}
    assert classes[used]["value"] > 0 > classes["batch"]["value"]
    assert not any(c["globalDefault"] for c in classes.values())


def _selected(selector, labels):
    return all(labels.get(k) == v for k, v in selector.get("matchLabels", {}).items())


def _passes(rules, way, peer_namespace, peer_labels, port, protocol="TCP"):
    """Kubernetes' own words: a rule passes if one of its peers and one of its ports matches."""
    for rule in rules:
        ports = rule.get("ports")
        if ports and not any((p["port"], p["protocol"]) == (port, protocol) for p in ports):
            continue
        for peer in rule[way]:
            if "ipBlock" in peer:
                continue
            where = peer.get("namespaceSelector")
            same = peer_namespace == "prod-api"
            there = (
                _selected(where, {"kubernetes.io/metadata.name": peer_namespace}) if where else same
            )
            if there and _selected(peer.get("podSelector", {}), peer_labels):
                return True
    return False


def _policies_of(manifests, region, labels):
    policies = of_kind(manifests, "NetworkPolicy", region).values()
    return [p["spec"] for p in policies if _selected(p["spec"]["podSelector"], labels)]


def _rules(policies, way):
    return [rule for policy in policies for rule in policy.get(way, [])]


def test_traffic_between_services_passes_where_one_calls_the_other_and_nowhere_else():
    plan = changed(taiwan_plan(), {"static": {"calls": ("api",)}})
    manifests = export_kubernetes(plan)
    scenario = plan.scenario
    labels = {
        n: {"app.kubernetes.io/name": n, "app.kubernetes.io/part-of": "taiwan"} for n in SERVICES
    }
    for caller, called in product(SERVICES, repeat=2):
        port = scenario.services[called].port
        out = _rules(_policies_of(manifests, "tokyo", labels[caller]), "egress")
        into = _rules(_policies_of(manifests, "tokyo", labels[called]), "ingress")
        wanted = called in scenario.platform.services[caller].calls
        assert _passes(out, "to", "prod-api", labels[called], port) is wanted
        assert _passes(into, "from", "prod-api", labels[caller], port) is wanted
        assert not _passes(into, "from", "prod-api", labels[caller], port + 1)


@pytest.mark.parametrize("name", SERVICES)
def test_the_edge_and_prometheus_come_in_each_to_its_port_and_dns_is_reached(name):
    plan = taiwan_plan()
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "taiwan"}
    policies = _policies_of(export_kubernetes(plan), "losangeles", labels)
    into, out = _rules(policies, "ingress"), _rules(policies, "egress")
    port = plan.scenario.services[name].port
    metrics = plan.scenario.platform.services[name].metrics_port
    assert _passes(into, "from", "kube-system", {}, port)
    assert not _passes(into, "from", "kube-system", {}, metrics)
    assert _passes(into, "from", "monitoring", {}, metrics)
    assert not _passes(into, "from", "monitoring", {}, port)
    assert not _passes(into, "from", "default", {}, port)
    for protocol in ("UDP", "TCP"):
        assert _passes(out, "to", "kube-system", {"k8s-app": "kube-dns"}, 53, protocol)
    assert not _passes(out, "to", "kube-system", {}, 53)


def test_pods_of_nobody_are_closed():
    policies = _policies_of(export_kubernetes(taiwan_plan()), "tokyo", {"app": "stray"})
    assert len(policies) == 1
    assert set(policies[0]["policyTypes"]) == {"Ingress", "Egress"}
    assert not _rules(policies, "ingress") + _rules(policies, "egress")


@pytest.mark.parametrize("name", SERVICES)
def test_storage_is_reached_in_the_home_regions_networks_and_nothing_else_outside(name):
    plan = taiwan_plan()
    service = plan.scenario.services[name]
    policy = of_kind(export_kubernetes(plan), "NetworkPolicy", "losangeles")[f"service-{name}"]
    open_to = {
        peer["ipBlock"]["cidr"]
        for rule in policy["spec"]["egress"]
        for peer in rule["to"]
        if "ipBlock" in peer
    }
    homes = service.home_regions if service.home_share else ()
    addresses = address_plan(plan, "test").regions
    assert open_to == {cidr for home in homes for cidr in addresses[home].routed_cidrs}
    assert (name == "static") == (not open_to)

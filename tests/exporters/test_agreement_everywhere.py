"""Every file of every target in every mode is read back: it names nothing that the others do not.

Addresses, networks, domain names, clusters, machines, AS numbers and series are collected from the
files' text and looked for in the scenario, or in the one file that defines them.
"""

from __future__ import annotations

import json
import re
from functools import cache
from ipaddress import ip_network

import pytest

from planner.exporters import TARGETS
from planner.io.manifests import render
from tests.exporters.variants import PLANS, documents_of, exported

ADDRESS = re.compile(r"(?<![\w./-])(\d{1,3}(?:\.\d{1,3}){3})(/\d{1,2})?(?![\w.]\d|\w)")
DOMAIN = re.compile(r"(?<![\w@.-])((?:[a-z0-9_-]+\.)+company\.com)\b")
ANYWHERE = {"0.0.0.0", "0.0.0.0/0", "127.0.0.1"}
DRAWN = re.compile(r"0\.0\.0\.\d+")
"""Lua of PowerDNS draws an order by such a stand-in; nobody is answered with it."""


@cache
def texts(name):
    """Path to text of every file of a variant."""
    _, manifests = exported(name)
    return {str(m.path): render(m).decode() for m in manifests}


@cache
def by_target(name):
    """Target to the paths that it writes."""
    plan, _ = exported(name)
    controller = plan.scenario.federation.controller
    other = {"kubefed": "karmada", "karmada": "kubefed"}[controller]
    return {
        target: {str(m.path) for m in export(plan)}
        for target, export in TARGETS.items()
        if target != other
    }


def stated_addresses(plan):
    """Every address and network that the scenario states, and what follows from one by counting."""
    scenario, platform = plan.scenario, plan.scenario.platform
    mesh = ip_network(platform.mesh.cidr)
    found = {str(mesh), *(str(mesh[place]) for place in range(1, len(scenario.regions) + 1))}
    for prefix in (mesh.prefixlen, mesh.max_prefixlen):
        found |= {f"{mesh[place]}/{prefix}" for place in range(1, len(scenario.regions) + 1)}
    for region, own in platform.regions.items():
        found |= {own.node_cidr, own.pod_cidr, own.service_cidr, *own.load_balancer_cidrs}
        found |= {server.address for server in own.servers.values()}
        found |= {own.gateway_endpoint.rpartition(":")[0], str(own.router_address)}
        found |= {str(ip_network(own.service_cidr)[10]), str(ip_network(own.service_cidr)[1])}
        addresses = scenario.regions[region].ingress_addresses
        found |= {*addresses, *(f"{address}/32" for address in addresses)}
    return found | ANYWHERE


def stated_domains(plan):
    """Every domain name that the scenario states, and the clusters' own names."""
    scenario, platform = plan.scenario, plan.scenario.platform
    dns = scenario.dns
    found = {*plan.hosts, dns.hostmaster, *dns.name_servers}
    found |= {f"{region.cluster}.{dns.zone}" for region in scenario.regions.values()}
    urls = [region.api_endpoint for region in scenario.regions.values()]
    urls += [platform.monitoring.remote_write_url, platform.backups.endpoint]
    urls += list(platform.chart_repositories.values())
    urls += [service.image for service in scenario.services.values()]
    found |= {name for url in urls if url for name in DOMAIN.findall(url)}
    found |= {name for own in platform.regions.values() for name in own.api_sans}
    return found


@pytest.mark.parametrize("name", PLANS)
def test_every_address_in_every_file_is_the_scenarios(name):
    plan, _ = exported(name)
    known = stated_addresses(plan)
    strange = {
        (path, "".join(found))
        for path, text in texts(name).items()
        for found in ADDRESS.findall(text)
        if "".join(found) not in known
        if not (path == "dns/powerdns/zones.yaml" and DRAWN.fullmatch(found[0]))
    }
    assert strange == set()


@pytest.mark.parametrize("name", PLANS)
def test_every_domain_name_in_every_file_is_the_scenarios_or_lies_below_a_host(name):
    plan, _ = exported(name)
    known = stated_domains(plan)
    strange = {
        (path, found)
        for path, text in texts(name).items()
        for found in DOMAIN.findall(text)
        if found not in known and not any(found.endswith(f".{host}") for host in plan.hosts)
    }
    assert strange == set()


@pytest.mark.parametrize("name", PLANS)
def test_every_cluster_and_machine_in_every_file_is_the_scenarios(name):
    plan, _ = exported(name)
    regions = plan.scenario.regions
    machines = {
        f"{regions[region].cluster}-{server}"
        for region, own in plan.scenario.platform.regions.items()
        for server in own.servers
    }
    stems = "|".join(region.cluster for region in regions.values())
    named = re.compile(rf"(?<![\w.-])(?:{stems})(?:-[a-z0-9]+)*(?![\w-])")
    known = machines | {region.cluster for region in regions.values()}
    more = {found for text in texts(name).values() for found in named.findall(text)} - known
    assert {word for word in more if not word.startswith("taiwan-steering")} == set()
    assert {found for text in texts(name).values() for found in named.findall(text)} >= known


@pytest.mark.parametrize("name", PLANS)
def test_every_as_number_in_every_file_is_the_scenarios(name):
    plan, _ = exported(name)
    own = plan.scenario.platform.regions.values()
    known = {str(r.as_number) for r in own} | {str(r.router_as_number) for r in own}
    label = re.compile(r"(?:\bAS|asNumber:|myASN:|peerASN:) (\d+)")
    found = {found for text in texts(name).values() for found in label.findall(text)}
    assert found <= known
    assert found >= {str(region.as_number) for region in own}


def test_every_target_is_read_back():
    """Each target names a cluster, a service or a host in its files; Rollouts need the second."""
    named = set()
    for name in ("kubefed", "karmada, rollouts, moving"):
        plan, _ = exported(name)
        words = {region.cluster for region in plan.scenario.regions.values()}
        words |= {*plan.hosts, *plan.scenario.services}
        for target, paths in by_target(name).items():
            own = " ".join(texts(name)[path] for path in paths)
            named |= {target} if any(word in own for word in words) else set()
    assert named == set(TARGETS)


@pytest.mark.parametrize("name", PLANS)
def test_every_policy_peer_and_monitor_names_a_service_and_namespace_that_there_is(name):
    plan, manifests = exported(name)
    platform = plan.scenario.platform
    namespaces = {plan.scenario.namespace, platform.monitoring_namespace, "kube-system"}
    for manifest, document in documents_of(manifests):
        text = json.dumps(document)
        services = re.findall(r'"app.kubernetes.io/name": "([^"]+)"', text)
        assert set(services) <= {*plan.scenario.services, "traefik"}, manifest.path
        selected = re.findall(r'"kubernetes.io/metadata.name": "([^"]+)"', text)
        assert set(selected) <= namespaces, manifest.path


@pytest.mark.parametrize("name", PLANS)
def test_ports_of_monitoring_probes_and_mesh_are_the_same_in_every_file(name):
    plan, _ = exported(name)
    files = texts(name)
    everything = "\n".join(files.values())
    assert set(re.findall(r"blackbox-exporter\.monitoring\.svc:(\d+)", everything)) == {"9115"}
    listen = {
        region: re.search(r"^ListenPort = (\d+)$", files[path], re.MULTILINE).group(1)
        for region, path in (
            (region, f"hosts/{place.cluster}/wireguard/wg0.conf.in")
            for region, place in plan.scenario.regions.items()
        )
    }
    for region, own in plan.scenario.platform.regions.items():
        host, _, port = own.gateway_endpoint.rpartition(":")
        assert listen[region] == port
        dialled = re.findall(rf"^Endpoint = {re.escape(host)}:(\d+)$", everything, re.MULTILINE)
        assert set(dialled) == {port}
        assert len(dialled) == len(plan.scenario.regions) - 1


def conditions(name):
    """Service and region to the 95th percentile that a canary is judged by there."""
    plan, manifests = exported(name)
    regions = {place.cluster: region for region, place in plan.scenario.regions.items()}
    return {
        (document["metadata"]["name"], regions[manifest.path.parts[1]]): float(
            re.search(r"<= ([\d.e-]+)", metric["successCondition"]).group(1)
        )
        for manifest, document in documents_of(manifests)
        if document.get("kind") == "AnalysisTemplate"
        for metric in document["spec"]["metrics"]
        if metric["name"] == "p95-region"
    }


def recorded(name, series):
    """Service and region to the value of one of the plan's series."""
    return {
        (rule["labels"]["service"], rule["labels"]["region"]): float(rule["expr"][7:-1])
        for _, document in documents_of(exported(name)[1])
        if document.get("kind") == "PrometheusRule"
        for group in document["spec"]["groups"]
        for rule in group["rules"]
        if rule.get("record") == series
    }


def test_canaries_and_alerts_and_the_runbook_judge_by_the_same_percentile():
    name = "karmada, rollouts, moving"
    judged, alerted = conditions(name), recorded(name, "plan:p95_seconds:planned")
    assert judged == pytest.approx(alerted)
    clusters = {n: region.cluster for n, region in exported(name)[0].scenario.regions.items()}
    for (service, region), seconds in judged.items():
        row = rf"\| {service} \| {clusters[region]} \| \d+ \| {1000 * seconds:.1f} \|"
        assert re.search(row, texts(name)["OPERATIONS.md"])


def test_canaries_ask_the_prometheus_that_the_chart_installs():
    name = "karmada, rollouts, moving"
    (helmfile,) = (
        next(d for m, d in documents_of(exported(name)[1]) if str(m.path) == "helmfile.yaml"),
    )
    release = next(r for r in helmfile["releases"] if r["chart"].endswith("kube-prometheus-stack"))
    address = f"http://{release['name']}-prometheus.{release['namespace']}.svc:9090"
    asked = re.findall(r"address: (http\S+)", "\n".join(texts(name).values()))
    assert set(asked) == {address}


def test_an_address_that_nobody_stated_is_found():
    plan, _ = exported("kubefed")
    assert ADDRESS.findall("AllowedIPs = 10.77.0.0/16, v1.36.3") == [("10.77.0.0", "/16")]
    assert "10.77.0.0/16" not in stated_addresses(plan)
    assert DOMAIN.findall("x evil.company.com. IN A") == ["evil.company.com"]
    assert "evil.company.com" not in stated_domains(plan)


@pytest.mark.parametrize("name", ["kubefed", "routes by BGP"])
def test_every_route_between_regions_has_one_owner_and_none_leads_through_a_third(name):
    """wg-quick's own, those of its hooks, and BGP's: each destination in exactly one of them."""
    plan, manifests = exported(name)
    regions, platform = plan.scenario.regions, plan.scenario.platform.regions
    accepted = {
        (manifest.path.parts[1], document["metadata"]["name"].removeprefix("mesh-")): [
            rule["cidr"] for rule in document["spec"]["importV4"] if rule["action"] == "Accept"
        ]
        for manifest, document in documents_of(manifests)
        if document.get("kind") == "BGPFilter"
    }
    for region, place in regions.items():
        conf = texts(name)[f"hosts/{place.cluster}/wireguard/wg0.conf.in"]
        allowed = {
            peer: cidrs.split(", ")[1:]
            for peer, cidrs in re.findall(r"# (\w+): .*\n(?:.+\n)*?AllowedIPs = (.+)", conf)
        }
        by_hook = re.findall(r"PostUp = ip route replace (\S+) dev", conf)
        owned = [] if "Table = off" in conf else [c for own in allowed.values() for c in own]
        owned += by_hook
        owned += [c for (at, _), own in accepted.items() if at == place.cluster for c in own]
        wanted = [
            cidr
            for other, own in platform.items()
            if other != region
            for cidr in (own.node_cidr, own.pod_cidr, own.service_cidr)
        ]
        assert sorted(owned) == sorted(wanted)
        for other in set(regions) - {region}:
            own = platform[other]
            # What one peer is trusted with is its own region's, so that no third one relays.
            assert allowed[other] == [own.node_cidr, own.pod_cidr, own.service_cidr]
            assert accepted.get((place.cluster, other), [own.pod_cidr, own.service_cidr]) == [
                own.pod_cidr,
                own.service_cidr,
            ]
    readme = texts(name)["network/wireguard/README.md"]
    said = "BGP does not" if name == "routes by BGP" else "`platform.mesh.routes: bgp` would not"
    assert f"{said} change that" in readme

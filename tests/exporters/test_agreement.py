"""All targets read back together: what two of them speak of, they say alike.

Nothing here asks the modules that made the files: numbers and names are taken from one file, or
from the plan, and looked for in the others.
"""

import json
import re
from pathlib import PurePosixPath

import pytest
import yaml

from planner.exporters.naming import KARMADA_STANDBY_CONTEXT
from tests.exporters.cluster_trees import pod_of
from tests.exporters.platforms import taiwan_plan
from tests.exporters.whole import documents_of, every_document, of_kind, text_of, whole

PLAN = taiwan_plan()
PLATFORM = PLAN.scenario.platform
CLUSTERS = {name: region.cluster for name, region in PLAN.scenario.regions.items()}
KUBEADM = {n for n, r in PLAN.scenario.regions.items() if r.distribution == "kubeadm"}
REGIONS = tuple(CLUSTERS)
SERVICES = tuple(PLAN.services)
NAME, PART_OF = "app.kubernetes.io/name", "app.kubernetes.io/part-of"


def networks(region):
    """Pods, services and DNS of a cluster as its installer has them."""
    folder = f"hosts/{CLUSTERS[region]}"
    if region in KUBEADM:
        machine = next(path for path in whole() if re.fullmatch(f"{folder}/.*/init.yaml", path))
        found = {document["kind"]: document for document in documents_of(machine)}
        inside = found["ClusterConfiguration"]["networking"]
        (dns,) = found["KubeletConfiguration"]["clusterDNS"]
        return inside["podSubnet"], inside["serviceSubnet"], dns
    configs = [
        documents_of(path)[0]
        for path in whole()
        if re.fullmatch(f"{folder}/k3s/.*/config.yaml", path)
    ]
    (config,) = {
        (*c["cluster-cidr"], *c["service-cidr"], *c["cluster-dns"])
        for c in configs
        if "cluster-cidr" in c
    }
    return config


def peers(region):
    """AllowedIPs of a gateway by the peer's region."""
    lines = text_of(f"hosts/{CLUSTERS[region]}/wireguard/wg0.conf.in").splitlines()
    found, peer = {}, ""
    for line in lines:
        if line.startswith("# ") and ": " in line:
            peer = line[2:].split(":")[0]
        if line.startswith("AllowedIPs = "):
            found[peer] = line.removeprefix("AllowedIPs = ").split(", ")
    return found


@pytest.mark.parametrize("region", REGIONS)
def test_pod_and_service_networks_agree_from_installer_to_network_policy(region):
    pods, services, dns = networks(region)
    own = PLATFORM.regions[region]
    assert (pods, services) == (own.pod_cidr, own.service_cidr)
    (values,) = documents_of(f"clusters/{CLUSTERS[region]}/calico/values.yaml")
    calico = values["installation"]["calicoNetwork"]
    assert [pool["cidr"] for pool in calico["ipPools"]] == [pods]
    assert calico["nodeAddressAutodetectionV4"]["cidrs"] == [own.node_cidr]
    assert dns.rsplit(".", 1)[0] == services.rsplit(".", 1)[0]
    for other in set(REGIONS) - {region}:
        folder = f"clusters/{CLUSTERS[other]}"
        foreign = {p["metadata"]["name"]: p["spec"]["cidr"] for p in of_kind("IPPool", folder)}
        assert (foreign[f"{region}-pods"], foreign[f"{region}-services"]) == (pods, services)
        assert peers(other)[region][1:] == [own.node_cidr, pods, services]


def test_network_policies_let_out_to_the_homes_of_the_mesh_and_nowhere_else():
    known = {cidr for other in REGIONS for cidr in [*peers(other).values()] for cidr in cidr}
    for name in SERVICES:
        homes = PLAN.scenario.services[name].home_regions
        for region in REGIONS:
            (policy,) = (
                p
                for p in of_kind("NetworkPolicy", f"clusters/{CLUSTERS[region]}/")
                if p["metadata"]["name"] == f"service-{name}"
            )
            blocks = [
                to["ipBlock"]["cidr"]
                for rule in policy["spec"]["egress"]
                for to in rule.get("to", [])
                if "ipBlock" in to
            ]
            assert set(blocks) <= known
            for home in homes:
                assert PLATFORM.regions[home].pod_cidr in blocks
            assert len(blocks) == 4 * len(homes)


@pytest.mark.parametrize("region", REGIONS)
def test_the_mesh_mtu_is_that_of_the_pods(region):
    (mtu,) = re.findall(
        r"^MTU = (\d+)$", text_of(f"hosts/{CLUSTERS[region]}/wireguard/wg0.conf.in"), re.M
    )
    (values,) = documents_of(f"clusters/{CLUSTERS[region]}/calico/values.yaml")
    assert values["installation"]["calicoNetwork"]["mtu"] == int(mtu)


def test_as_numbers_agree_between_calico_and_metallb_and_differ_between_regions():
    numbers = {}
    for region, cluster in CLUSTERS.items():
        (configuration,) = of_kind("BGPConfiguration", f"clusters/{cluster}/")
        numbers[region] = configuration["spec"]["asNumber"]
        for peer in of_kind("BGPPeer", f"clusters/{cluster}/metallb/"):
            assert peer["spec"]["myASN"] == numbers[region]
            assert peer["spec"]["peerASN"] not in numbers.values()
    assert numbers == {region: PLATFORM.regions[region].as_number for region in REGIONS}
    assert len(set(numbers.values())) == len(REGIONS)


@pytest.mark.parametrize("region", REGIONS)
def test_ingress_addresses_are_announced_published_and_checked_alike(region):
    cluster = CLUSTERS[region]
    wanted = sorted(PLAN.scenario.regions[region].ingress_addresses)
    (pool,) = of_kind("IPAddressPool", f"clusters/{cluster}/")
    assert sorted(a.removesuffix("/32") for a in pool["spec"]["addresses"]) == wanted
    services = of_kind("Service", f"clusters/{cluster}/metallb/")
    held = [s["metadata"]["annotations"]["metallb.io/loadBalancerIPs"] for s in services]
    assert sorted(held) == wanted
    (endpoint,) = of_kind("DNSEndpoint", f"clusters/{cluster}/")
    (published,) = endpoint["spec"]["endpoints"]
    assert sorted(published["targets"]) == wanted
    pool = json.loads(text_of(f"dns/cloudflare/api/pools/{region}.json"))
    assert sorted(origin["address"] for origin in pool["origins"]) == wanted
    for path in ("dns/gdnsd/config", "dns/powerdns/zones.yaml"):
        content = whole()[path].content
        words = content if isinstance(content, str) else yaml.safe_dump_all(content, width=10**6)
        assert all(address in words for address in wanted), path


def test_host_names_agree_between_ingress_and_every_dns_target():
    hosts = {service.host for service in PLAN.scenario.services.values()}
    for cluster in CLUSTERS.values():
        rules = {
            rule["host"]
            for ingress in of_kind("Ingress", f"clusters/{cluster}/")
            for rule in ingress["spec"]["rules"]
        }
        assert rules == hosts
    (zones,) = documents_of("dns/powerdns/zones.yaml")
    folder = "dns/cloudflare/api/load-balancers/"
    balancers = [json.loads(text_of(p))["name"] for p in whole() if p.startswith(folder)]
    gdnsd = {PurePosixPath(p).name for p in whole() if p.startswith("dns/gdnsd/zones/")}
    views = {
        PurePosixPath(p).name.rpartition(".")[0].rpartition(".")[0]
        for p in whole()
        if p.startswith("dns/coredns/zones/up/")
    }
    steering = {
        endpoint["dnsName"]
        for document in of_kind("DNSEndpoint", "dns/external-dns/up/")
        for endpoint in document["spec"]["endpoints"]
    }
    for found in ({d["domain"] for d in zones["domains"]}, set(balancers), gdnsd, views, steering):
        assert found == hosts
    assert all(host.endswith(f".{PLAN.scenario.dns.zone}") for host in hosts)


def test_clusters_have_one_name_everywhere():
    names = set(CLUSTERS.values())
    folders = {path.split("/")[1] for path in whole() if path.startswith(("clusters/", "hosts/"))}
    assert folders - {"README.md"} == names
    assert {d["metadata"]["name"] for d in of_kind("KubeFedCluster")} == names
    for document in of_kind("ReplicaSchedulingPreference"):
        assert set(document["spec"]["clusters"]) <= names
    for document in of_kind("PropagationPolicy"):
        assert set(document["spec"]["placement"]["clusterAffinity"]["clusterNames"]) <= names
    (helmfile,) = documents_of("helmfile.yaml")
    assert {release["kubeContext"] for release in helmfile["releases"]} == names
    commands = " ".join(str(m.content) for m in whole().values() if isinstance(m.content, str))
    contexts = set(re.findall(r"--context[ =]([A-Za-z0-9-]+)", commands))
    # Karmada's own API server is no cluster of the plan; the standby's has a context of its own.
    assert contexts - {"CLUSTER", "OLD", KARMADA_STANDBY_CONTEXT} == names


@pytest.mark.parametrize("region", REGIONS)
def test_metrics_bear_the_names_that_rules_compare_them_by(region):
    (values,) = documents_of(f"monitoring/{CLUSTERS[region]}/prometheus/values.yaml")
    labels = values["prometheus"]["prometheusSpec"]["externalLabels"]
    assert labels == {"cluster": CLUSTERS[region], "region": region}
    (config,) = {
        path
        for path in whole()
        if re.fullmatch(f"hosts/{CLUSTERS[region]}/(k3s|kubeadm)/.*-1/(config|init).yaml", path)
    }
    assert f"topology.kubernetes.io/region={region}" in str(documents_of(config))


def federated(name):
    """The pod of a service as KubeFed and as Karmada have it."""
    found = [d for d in of_kind("FederatedDeployment") if d["metadata"]["name"] == name]
    found += [d for d in of_kind("Deployment") if d["metadata"]["name"] == name]
    assert len(found) == 2
    return [pod_of(document) for document in found]


@pytest.mark.parametrize("name", SERVICES)
def test_ports_agree_from_container_to_ingress_policy_and_monitor(name):
    wanted = PLAN.scenario.services[name].port
    metrics = PLATFORM.services[name].metrics_port
    for pod in federated(name):
        (container,) = pod["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports == {"http": wanted, "metrics": metrics}
        for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
            if probe in container:
                assert ports[container[probe]["httpGet"]["port"]] == wanted
        assert container["image"].endswith(PLATFORM.services[name].image_digest)
    services = [d for d in of_kind("Service", "federation/") if d["metadata"]["name"] == name]
    services += [
        {"spec": d["spec"]["template"]["spec"]}
        for d in of_kind("FederatedService")
        if d["metadata"]["name"] == name
    ]
    assert len(services) == 2
    for service in services:
        targets = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
        assert set(targets.values()) <= set(ports)
        (inside,) = {p["port"] for p in service["spec"]["ports"] if p["name"] == "http"}
        backends = {
            path["backend"]["service"]["port"].get("number", inside)
            for ingress in of_kind("Ingress")
            for rule in ingress["spec"]["rules"]
            for path in rule["http"]["paths"]
            if path["backend"]["service"]["name"] == name
        }
        assert backends == {inside}
    opened = {
        port["port"]
        for policy in of_kind("NetworkPolicy")
        if policy["metadata"]["name"] == f"service-{name}"
        for rule in policy["spec"]["ingress"]
        for port in rule["ports"]
    }
    assert opened == {wanted, metrics}
    for monitor in of_kind("PodMonitor"):
        if monitor["metadata"]["name"] == name:
            assert {e["port"] for e in monitor["spec"]["podMetricsEndpoints"]} == {"metrics"}


def test_every_selector_finds_the_labels_of_the_pods():
    labels = {name: {NAME: name, PART_OF: PLAN.scenario.scenario} for name in SERVICES}
    deployments = of_kind("FederatedDeployment") + of_kind("Deployment")
    for document in deployments:
        spec = document["spec"]
        spec = spec["template"]["spec"] if document["kind"].startswith("Fed") else spec
        own = labels[document["metadata"]["name"]]
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"] == own
    for kind in ("PodDisruptionBudget", "PodMonitor"):
        for document in of_kind(kind):
            name = document["metadata"]["name"]
            assert document["spec"]["selector"]["matchLabels"] == labels[name]
    for _, document in every_document():
        known = document.get("metadata", {}).get("labels", {}).get(PART_OF)
        assert known in (None, PLAN.scenario.scenario)


def recorded(series):
    """Values of a series of the plan, by service and region."""
    found = {}
    for document in of_kind("PrometheusRule", f"monitoring/{CLUSTERS['taipei']}/"):
        for group in document["spec"]["groups"]:
            for rule in group["rules"]:
                if rule.get("record") == series:
                    value = re.fullmatch(r"vector\((.+)\)", rule["expr"]).group(1)
                    key = (rule["labels"]["service"], rule["labels"]["region"])
                    found[key] = float(value)
    return found


def test_thresholds_of_alerts_and_of_the_roll_out_are_the_federations_replicas():
    planned = recorded("plan:replicas:planned")
    totals = {d["metadata"]["name"]: d for d in of_kind("ReplicaSchedulingPreference")}
    operations = text_of("OPERATIONS.md")
    for name in SERVICES:
        assert totals[name]["spec"]["totalReplicas"] == sum(
            count for (service, _), count in planned.items() if service == name
        )
        for region, cluster in CLUSTERS.items():
            count = planned.get((name, region), 0)
            assert count == PLAN.services[name].replicas[region]
            if count:
                assert f"| {name} | {cluster} | {count:.0f} |" in operations


def test_quotas_hold_what_budgets_and_replicas_ask_for():
    for region, cluster in CLUSTERS.items():
        (quota,) = of_kind("ResourceQuota", f"clusters/{cluster}/")
        pods = sum(service.replicas[region] for service in PLAN.services.values())
        assert int(quota["spec"]["hard"]["pods"]) >= pods


def test_versions_agree_between_installers_charts_and_the_runbook():
    operations = text_of("OPERATIONS.md")
    rows = {
        cells[1].strip(): cells[2].strip()
        for line in operations.splitlines()
        if len(cells := line.split("|")) == 7
    }
    for document in of_kind("ClusterConfiguration", "hosts/"):
        assert document["kubernetesVersion"] == f"v{rows['kubernetes']}"
    (helmfile,) = documents_of("helmfile.yaml")
    for release in helmfile["releases"]:
        assert release["version"] in rows.values()
    (kubefed,) = documents_of("federation/kubefed/values.yaml")
    assert kubefed["controllermanager"]["controller"]["tag"].removeprefix("v") == rows["kubefed"]
    assert rows["k3s"] in text_of("hosts/tokyo-edge/k3s/README.md")


def test_namespaces_of_charts_and_objects_agree():
    (helmfile,) = documents_of("helmfile.yaml")
    homes = {release["name"]: release["namespace"] for release in helmfile["releases"]}
    for release, kind, folder in (
        ("metallb", "IPAddressPool", "clusters/"),
        ("kubefed", "KubeFedCluster", "federation/"),
        ("kube-prometheus-stack", "PodMonitor", "monitoring/"),
    ):
        assert {d["metadata"]["namespace"] for d in of_kind(kind, folder)} == {homes[release]}
    opened = {
        source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for policy in of_kind("NetworkPolicy")
        for rule in policy["spec"].get("ingress", [])
        for source in rule["from"]
        if "namespaceSelector" in source
    }
    assert opened == {"kube-system", homes["kube-prometheus-stack"]}

"""kubeadm's configuration says what the scenario says, and nothing that kubeadm would refuse."""

import pytest

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.kubeadm import export_kubeadm
from tests.exporters.network_plans import (
    HOSTILE,
    by_path,
    documents,
    with_place,
    with_platform_fields,
    with_region,
    with_server,
)
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan

FOLDER = "hosts/taiwan-master/kubeadm"


def init(plan):
    return documents(export_kubeadm(plan), f"{FOLDER}/main-1/init.yaml")


def test_only_kubeadm_clusters_are_written_one_file_a_machine():
    assert set(by_path(export_kubeadm(taiwan_plan()))) == {
        f"{FOLDER}/{name}"
        for name in (
            "main-1/init.yaml",
            "main-2/join.yaml",
            "main-3/join.yaml",
            "hand-on.sh",
            "README.md",
        )
    }


def test_networks_endpoint_and_certificate_are_the_scenarios():
    plan = taiwan_plan()
    own = plan.scenario.platform.regions["taipei"]
    _, cluster, kubelet = init(plan)
    assert cluster["networking"]["podSubnet"] == own.pod_cidr
    assert cluster["networking"]["serviceSubnet"] == own.service_cidr
    assert cluster["controlPlaneEndpoint"] == "taiwan-master.company.com:6443"
    assert f"https://{cluster['controlPlaneEndpoint']}" == (
        plan.scenario.regions["taipei"].api_endpoint
    )
    assert cluster["kubernetesVersion"] == "v1.36.3"
    names = cluster["apiServer"]["certSANs"]
    assert "10.99.0.1" in names
    assert {server.address for server in own.servers.values()} <= set(names)
    assert set(own.api_sans) <= set(names)
    assert len(names) == len(set(names))
    assert kubelet["clusterDNS"] == ["10.50.0.10"]
    assert kubelet["maxPods"] == plan.scenario.server_types["dual-gold-6348"].pods


def test_every_machine_registers_with_its_address_and_labels_and_no_taint():
    manifests = export_kubeadm(taiwan_plan())
    for server, machine in taiwan_plan().scenario.platform.regions["taipei"].servers.items():
        kind = "init" if server == "main-1" else "join"
        document = documents(manifests, f"{FOLDER}/{server}/{kind}.yaml")[0]
        own = document["nodeRegistration"]
        assert own["name"] == f"taiwan-master-{server}"
        assert own["taints"] == []
        assert {"name": "node-ip", "value": machine.address} in own["kubeletExtraArgs"]
        labels = "topology.kubernetes.io/region=taipei,planner/pool=main"
        assert {"name": "node-labels", "value": labels} in own["kubeletExtraArgs"]


def test_a_worker_joins_without_a_control_plane():
    manifests = export_kubeadm(with_server("taipei", "main-3", control_plane=False))
    worker = documents(manifests, f"{FOLDER}/main-3/join.yaml")[0]
    plane = documents(manifests, f"{FOLDER}/main-2/join.yaml")[0]
    assert "controlPlane" not in worker
    assert plane["controlPlane"]["localAPIEndpoint"]["advertiseAddress"] == "10.10.0.12"
    script = by_path(manifests)[f"{FOLDER}/hand-on.sh"].content
    assert "certificates 10.10.0.12" in script
    assert "certificates 10.10.0.13" not in script
    assert "discover 10.10.0.13" in script
    assert "An even number" in by_path(manifests)[f"{FOLDER}/README.md"].content


def test_an_older_kubernetes_gets_the_older_form_and_a_warning():
    versions = {"kubernetes": "1.28.15", "k3s": "v1.28.15+k3s1"}
    manifests = export_kubeadm(with_platform_fields(versions=versions))
    first = documents(manifests, f"{FOLDER}/main-1/init.yaml")[0]
    assert first["apiVersion"] == "kubeadm.k8s.io/v1beta3"
    assert first["nodeRegistration"]["kubeletExtraArgs"]["node-ip"] == "10.10.0.11"
    assert "end of life" in by_path(manifests)[f"{FOLDER}/README.md"].content


def test_no_secret_is_in_a_file():
    for path, manifest in by_path(export_kubeadm(taiwan_plan())).items():
        if path.endswith(".yaml"):
            text = str(manifest.content)
            assert "token" not in text
            assert "certificateKey" not in text
            assert "caCertHashes" not in text


def test_a_single_machine_has_nothing_to_hand_on():
    servers = taiwan_plan().scenario.platform.regions["taipei"].servers
    manifests = export_kubeadm(with_region("taipei", servers={"main-1": servers["main-1"]}))
    assert set(by_path(manifests)) == {f"{FOLDER}/main-1/init.yaml", f"{FOLDER}/README.md"}


def test_missing_inputs_are_named_together():
    plan = with_place("taipei", bare_taiwan_plan(), api_endpoint=None)
    with pytest.raises(MissingInputs) as error:
        export_kubeadm(plan)
    missing = error.value.missing["kubeadm"]
    assert "platform.mesh.cidr" in missing
    assert "platform.regions.taipei.pod_cidr" in missing
    assert "platform.regions.taipei.servers" in missing
    assert "regions.taipei.api_endpoint" in missing
    assert not any("tokyo" in path for path in missing)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"pod_cidr": "10.40.0.0/23"}, "has no /24 for each of 3 machines"),
        ({"pod_cidr": "10.40.0.0/25"}, "has no /24 for each of 3 machines"),
        ({"service_cidr": "10.32.0.0/11"}, "larger than /12"),
    ],
)
def test_networks_that_the_controllers_refuse_are_refused(fields, sentence):
    with pytest.raises(UnfaithfulExport, match=sentence):
        export_kubeadm(with_region("taipei", **fields))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused(name):
    server = taiwan_plan().scenario.platform.regions["taipei"].servers["main-1"]
    with pytest.raises(UnfaithfulExport):
        export_kubeadm(with_region("taipei", servers={name: server}, gateway_server=name))
    with pytest.raises(UnfaithfulExport):
        export_kubeadm(with_place("taipei", cluster=name))
    with pytest.raises(UnfaithfulExport):
        export_kubeadm(with_server("taipei", "main-2", address=name))


def test_it_is_written_alike_every_time():
    assert export_kubeadm(taiwan_plan()) == export_kubeadm(taiwan_plan())

"""K3s' files have the keys of their role, the scenario's networks, and no secret."""

import csv

import pytest

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.k3s import export_k3s
from tests.conformance.schemas import shared
from tests.exporters.network_plans import (
    HOSTILE,
    by_path,
    documents,
    with_place,
    with_region,
    with_server,
)
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan

EDGES = {"singapore": "singapore-edge", "tokyo": "tokyo-edge", "losangeles": "losangeles-edge"}
TYPES = {"bool": bool, "int": int, "string": str, "list": list}


def config(plan, cluster, server):
    return documents(export_k3s(plan), f"hosts/{cluster}/k3s/{server}/config.yaml")[0]


def flags():
    with shared("reference", "charts", "k3s_flags.csv").open(newline="") as file:
        return {row["key"]: row for row in csv.DictReader(file)}


def wrong_keys(document, role):
    table = flags()
    return [
        key
        for key, value in document.items()
        if key not in table
        or table[key]["role"] not in (role, "both")
        or not isinstance(value, TYPES[table[key]["type"]])
    ]


def test_every_key_exists_for_its_role_with_its_type():
    seen = 0
    for region, cluster in EDGES.items():
        for server, machine in taiwan_plan().scenario.platform.regions[region].servers.items():
            role = "server" if machine.control_plane else "agent"
            assert wrong_keys(config(taiwan_plan(), cluster, server), role) == []
            seen += 1
    assert seen == 9


@pytest.mark.parametrize(
    ("key", "value", "role"),
    [
        ("disable", ["servicelb"], "agent"),
        ("no-deploy", ["servicelb"], "server"),
        ("cluster-cidr", "10.0.0.0/8", "server"),
    ],
)
def test_a_wrong_key_is_found(key, value, role):
    assert wrong_keys({key: value}, role) == [key]


def test_networks_are_the_scenarios_and_overlap_nowhere():
    seen = set()
    for region, cluster in EDGES.items():
        own = taiwan_plan().scenario.platform.regions[region]
        server = config(taiwan_plan(), cluster, "edge-1")
        assert server["cluster-cidr"] == [own.pod_cidr]
        assert server["service-cidr"] == [own.service_cidr]
        assert server["cluster-dns"][0].startswith(own.service_cidr.rpartition(".")[0])
        seen |= {own.pod_cidr, own.service_cidr}
    assert len(seen) == 2 * len(EDGES)


def test_servers_leave_load_balancing_to_metallb_and_the_network_to_calico():
    server = config(taiwan_plan(), "tokyo-edge", "edge-1")
    assert server["disable"] == ["servicelb"]
    assert server["flannel-backend"] == "none"
    assert server["disable-network-policy"] is True
    assert "cluster-init" not in server
    assert server["tls-san"] == ["tokyo-edge.company.com", "10.99.0.3", "10.12.0.11"]


def test_the_bundled_ingress_goes_where_another_one_is_asked_for():
    server = config(with_region("tokyo", ingress_class="nginx"), "tokyo-edge", "edge-1")
    assert server["disable"] == ["servicelb", "traefik"]


def test_agents_join_the_first_server_with_the_agents_token():
    agent = config(taiwan_plan(), "singapore-edge", "edge-3")
    assert agent["server"] == "https://10.11.0.11:6443"
    assert agent["token-file"].endswith("/agent-token")
    assert agent["node-label"] == ["topology.kubernetes.io/region=singapore", "planner/pool=edge"]
    assert "node-external-ip" not in agent


def test_only_the_gateway_has_the_address_of_the_endpoint():
    assert config(taiwan_plan(), "tokyo-edge", "edge-1")["node-external-ip"] == ["192.0.2.2"]
    named = with_region("tokyo", gateway_endpoint="gw.company.com:51820")
    assert "node-external-ip" not in config(named, "tokyo-edge", "edge-1")


def test_several_servers_keep_an_etcd_and_agree_on_what_must_be_alike():
    plan = with_server("singapore", "edge-2", control_plane=True)
    first = config(plan, "singapore-edge", "edge-1")
    second = config(plan, "singapore-edge", "edge-2")
    assert first["cluster-init"] is True
    assert "server" not in first
    assert second["server"] == "https://10.11.0.11:6443"
    alike = {key for key, row in flags().items() if "same value on all servers" in row["note"]}
    assert {k: v for k, v in first.items() if k in alike} == {
        k: v for k, v in second.items() if k in alike
    }
    readme = by_path(export_k3s(plan))["hosts/singapore-edge/k3s/README.md"].content
    assert "An even number" in readme


def test_no_token_is_in_a_file():
    for path, manifest in by_path(export_k3s(taiwan_plan())).items():
        if path.endswith("config.yaml"):
            assert not {"token", "agent-token"} & set(manifest.content[0])


def test_missing_inputs_are_named_together():
    plan = with_place("tokyo", bare_taiwan_plan(), api_endpoint=None)
    with pytest.raises(MissingInputs) as error:
        export_k3s(plan)
    missing = error.value.missing["k3s"]
    assert "regions.tokyo.api_endpoint" in missing
    assert all(f"platform.regions.{r}.service_cidr" in missing for r in EDGES)
    assert not any("taipei" in path for path in missing)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused(name):
    server = taiwan_plan().scenario.platform.regions["tokyo"].servers["edge-1"]
    with pytest.raises(UnfaithfulExport):
        export_k3s(with_region("tokyo", servers={name: server}, gateway_server=name))
    with pytest.raises(UnfaithfulExport):
        export_k3s(with_place("tokyo", cluster=name))
    with pytest.raises(UnfaithfulExport):
        export_k3s(with_server("tokyo", "edge-2", address=name))


def test_it_is_written_alike_every_time():
    assert export_k3s(taiwan_plan()) == export_k3s(taiwan_plan())

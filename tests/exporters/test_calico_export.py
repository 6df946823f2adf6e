"""Calico knows every region's networks, gives out its own alone, and peers as the mesh says."""

from ipaddress import ip_address, ip_network

import jsonschema
import pytest

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.calico import export_calico
from tests.conformance.schemas import unknown_values, validate
from tests.exporters.network_plans import (
    HOSTILE,
    by_path,
    documents,
    objects,
    with_hostile_region,
    with_mesh,
    with_place,
    with_platform_fields,
    with_region,
)
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan

FREE = ("installation.calicoNetwork.containerIPForwarding", "installation.calicoNetwork.nodeA")
"""Fields of the Installation that the chart passes on without naming them."""


@pytest.fixture(scope="module")
def by_bgp():
    return with_mesh(routes="bgp")


def folder(plan, region):
    return f"clusters/{plan.scenario.regions[region].cluster}/calico"


def kinds(plan, region, kind):
    found = [
        document
        for path, manifest in by_path(export_calico(plan)).items()
        if path.startswith(folder(plan, region)) and not isinstance(manifest.content, str)
        for document in manifest.content
        if document.get("kind") == kind
    ]
    return {document["metadata"]["name"]: document["spec"] for document in found}


def test_every_object_fits_its_schema(by_bgp):
    seen = set()
    for document in [*objects(export_calico(by_bgp)), *objects(export_calico(taiwan_plan()))]:
        if "apiVersion" in document:
            validate(document)
            seen.add(document["kind"])
    assert seen == {"BGPConfiguration", "BGPFilter", "BGPPeer", "IPPool"}


def test_a_wrong_field_is_refused_by_the_schema(by_bgp):
    peer = next(d for d in objects(export_calico(by_bgp)) if d.get("kind") == "BGPPeer")
    with pytest.raises(jsonschema.ValidationError):
        validate(peer | {"spec": peer["spec"] | {"nextHopMode": "self"}})


def test_every_value_exists_in_the_chart():
    for region in taiwan_plan().scenario.regions:
        values = documents(
            export_calico(taiwan_plan()), f"{folder(taiwan_plan(), region)}/values.yaml"
        )[0]
        unknown = unknown_values("tigera-operator", values)
        free = [path for path in unknown if path.startswith(FREE)]
        # Keys of a list's entries that the table does not name are allowed there.
        assert set(unknown) - set(free) <= {"installation.calicoNetwork.ipPools[].name"}


def test_the_cluster_gives_out_its_own_pods_alone():
    plan = taiwan_plan()
    for region, own in plan.scenario.platform.regions.items():
        values = documents(export_calico(plan), f"{folder(plan, region)}/values.yaml")[0]
        network = values["installation"]["calicoNetwork"]
        assert [pool["cidr"] for pool in network["ipPools"]] == [own.pod_cidr]
        assert network["mtu"] == plan.scenario.platform.mesh.mtu
        assert network["ipPools"][0]["encapsulation"] == "None"
        assert network["nodeAddressAutodetectionV4"] == {"cidrs": [own.node_cidr]}


def test_nothing_between_regions_is_masqueraded_or_given_out():
    plan = taiwan_plan()
    for region in plan.scenario.regions:
        pools = kinds(plan, region, "IPPool")
        wanted = {
            cidr
            for other, own in plan.scenario.platform.regions.items()
            if other != region
            for cidr in (own.pod_cidr, own.service_cidr)
        }
        assert {pool["cidr"] for pool in pools.values()} == wanted
        assert all(pool["disabled"] and not pool["natOutgoing"] for pool in pools.values())


def test_small_networks_have_small_blocks():
    plan = with_region("tokyo", service_cidr="10.52.0.0/28")
    assert kinds(plan, "taipei", "IPPool")["tokyo-services"]["blockSize"] == 28
    assert kinds(plan, "taipei", "IPPool")["tokyo-pods"]["blockSize"] == 26


def test_wireguards_routes_need_no_peers():
    assert kinds(taiwan_plan(), "tokyo", "BGPPeer") == {}
    assert kinds(taiwan_plan(), "tokyo", "BGPConfiguration")["default"] == {
        "asNumber": 64603,
        "nodeToNodeMeshEnabled": True,
    }


def test_gateways_peer_with_each_other_from_both_ends(by_bgp):
    place = {name: number for number, name in enumerate(by_bgp.scenario.regions, start=1)}
    regions = by_bgp.scenario.platform.regions
    mesh = ip_network(by_bgp.scenario.platform.mesh.cidr)
    for region, own in regions.items():
        peers = kinds(by_bgp, region, "BGPPeer")
        assert set(peers) == {f"mesh-{other}" for other in regions if other != region}
        for other in regions:
            if other == region:
                continue
            peer = peers[f"mesh-{other}"]
            assert ip_address(peer["peerIP"]) == mesh[place[other]]
            assert peer["asNumber"] == regions[other].as_number
            cluster = by_bgp.scenario.regions[region].cluster
            assert peer["node"] == f"{cluster}-{own.gateway_server}"
        configuration = kinds(by_bgp, region, "BGPConfiguration")["default"]
        assert configuration["asNumber"] == own.as_number
        assert configuration["serviceClusterIPs"] == [{"cidr": own.service_cidr}]


def decided(rules, cidr):
    """What the first rule that matches says; an export that none matches is Calico's own choice."""
    network = ip_network(cidr)
    for rule in rules:
        if "cidr" not in rule or network.subnet_of(ip_network(rule["cidr"])):
            return rule["action"]
    return "calico"


def test_each_region_tells_of_itself_and_is_believed_of_that_alone(by_bgp):
    regions = by_bgp.scenario.platform.regions
    for region in regions:
        for other in regions:
            if other == region:
                continue
            spec = kinds(by_bgp, region, "BGPFilter")[f"mesh-{other}"]
            for about, network in regions.items():
                for cidr in (network.pod_cidr, network.service_cidr):
                    outward = decided(spec["exportV4"], cidr)
                    assert outward == ("calico" if about == region else "Reject")
                    inward = decided(spec["importV4"], cidr)
                    assert inward == ("Accept" if about == other else "Reject")
            assert decided(spec["importV4"], "0.0.0.0/0") == "Reject"
            # A rule that accepts on the way out would release routes that Calico holds back.
            assert all(rule["action"] == "Reject" for rule in spec["exportV4"])


def test_kustomizations_list_the_objects_and_no_values():
    listed = documents(
        export_calico(taiwan_plan()), "clusters/tokyo-edge/calico/kustomization.yaml"
    )
    assert listed[0]["resources"] == ["bgp.yaml", "ippools.yaml"]


def test_missing_inputs_are_named_together():
    with pytest.raises(MissingInputs) as error:
        export_calico(bare_taiwan_plan())
    missing = error.value.missing["calico"]
    assert "platform.regions.tokyo.as_number" in missing
    assert "platform.regions.taipei.pod_cidr" in missing


def test_versions_that_do_not_go_together_are_refused():
    with pytest.raises(UnfaithfulExport, match="calico"):
        export_calico(
            with_platform_fields(versions={"kubernetes": "1.27.0", "k3s": "v1.27.0+k3s1"})
        )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused(name):
    for plan in (
        with_hostile_region(name),
        with_place("tokyo", cluster=name),
        with_region("tokyo", pod_cidr=name),
        with_place("tokyo", api_endpoint=f"https://{name}"),
    ):
        with pytest.raises(UnfaithfulExport):
            export_calico(plan)


def test_it_is_written_alike_every_time(by_bgp):
    assert export_calico(by_bgp) == export_calico(by_bgp)

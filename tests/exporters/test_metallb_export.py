"""MetalLB hands out exactly the addresses that DNS hands out, and announces them."""

import jsonschema
import pytest

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.metallb import export_metallb
from tests.conformance.schemas import unknown_values, validate
from tests.exporters.network_plans import (
    HOSTILE,
    by_path,
    documents,
    objects,
    with_place,
    with_platform_fields,
    with_region,
)
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan


def tree(plan, region):
    cluster = plan.scenario.regions[region].cluster
    pool = documents(export_metallb(plan), f"clusters/{cluster}/metallb/pool.yaml")
    return {document["kind"]: document for document in pool}


def services(plan, region):
    cluster = plan.scenario.regions[region].cluster
    return documents(export_metallb(plan), f"clusters/{cluster}/metallb/services.yaml")


def test_every_object_fits_its_schema():
    seen = set()
    for document in objects(export_metallb(taiwan_plan())):
        if "apiVersion" in document:
            validate(document)
            seen.add(document["kind"])
    assert seen == {"IPAddressPool", "L2Advertisement", "BGPPeer", "BGPAdvertisement", "Service"}


def test_a_wrong_field_is_refused_by_the_schema():
    pool = tree(taiwan_plan(), "taipei")["IPAddressPool"]
    with pytest.raises(jsonschema.ValidationError):
        validate(pool | {"spec": {"addresses": "203.0.113.10/32"}})


def test_every_value_exists_in_the_chart():
    for place in taiwan_plan().scenario.regions.values():
        path = f"clusters/{place.cluster}/metallb/values.yaml"
        values = documents(export_metallb(taiwan_plan()), path)[0]
        assert unknown_values("metallb", values) == []
        assert "configInline" not in values


def test_pool_and_services_have_the_addresses_of_dns():
    plan = taiwan_plan()
    for region, place in plan.scenario.regions.items():
        pool = tree(plan, region)["IPAddressPool"]["spec"]
        assert pool["addresses"] == [f"{one}/32" for one in place.ingress_addresses]
        assert pool["autoAssign"] is False
        asked = [
            service["metadata"]["annotations"]["metallb.io/loadBalancerIPs"]
            for service in services(plan, region)
        ]
        assert asked == list(place.ingress_addresses)
        assert {service["metadata"]["namespace"] for service in services(plan, region)} == set(
            pool["serviceAllocation"]["namespaces"]
        )


def test_an_address_of_each_version_shares_a_service():
    plan = with_place(
        "tokyo",
        with_region("tokyo", load_balancer_cidrs=("192.0.2.8/29", "2001:db8::/64")),
        ingress_addresses=("192.0.2.10", "2001:db8::a", "192.0.2.11"),
    )
    first, second = services(plan, "tokyo")
    assert first["metadata"]["annotations"]["metallb.io/loadBalancerIPs"] == (
        "192.0.2.10,2001:db8::a"
    )
    assert first["spec"]["ipFamilyPolicy"] == "RequireDualStack"
    assert second["spec"]["ipFamilies"] == ["IPv4"]
    assert "2001:db8::a/128" in tree(plan, "tokyo")["IPAddressPool"]["spec"]["addresses"]


def test_a_region_with_a_router_announces_by_bgp_and_others_by_layer_2():
    plan = taiwan_plan()
    own = plan.scenario.platform.regions["taipei"]
    by_bgp = tree(plan, "taipei")
    assert "L2Advertisement" not in by_bgp
    assert by_bgp["BGPPeer"]["apiVersion"] == "metallb.io/v1beta2"
    assert by_bgp["BGPPeer"]["spec"] == {
        "myASN": own.as_number,
        "peerASN": own.router_as_number,
        "peerAddress": own.router_address,
    }
    by_arp = tree(plan, "tokyo")
    assert set(by_arp) == {"IPAddressPool", "L2Advertisement"}
    for name, bgp in (("taiwan-master", True), ("tokyo-edge", False)):
        values = documents(export_metallb(plan), f"clusters/{name}/metallb/values.yaml")[0]
        assert values["frrk8s"]["enabled"] is bgp
        assert values["speaker"]["frr"]["enabled"] is False


def test_a_router_outside_the_machines_network_is_several_hops_away():
    plan = with_region("taipei", router_address="203.0.113.1")
    assert tree(plan, "taipei")["BGPPeer"]["spec"]["ebgpMultiHop"] is True


def test_another_ingress_class_gets_no_services_and_is_told_so():
    manifests = export_metallb(with_region("tokyo", ingress_class="nginx"))
    assert "clusters/tokyo-edge/metallb/services.yaml" not in by_path(manifests)
    assert "no Services are written" in by_path(manifests)["network/metallb/README.md"].content


def test_addresses_that_metallb_may_not_hand_out_are_refused_together():
    plan = with_region("tokyo", load_balancer_cidrs=("192.0.2.16/29",))
    plan = with_place("taipei", plan, ingress_addresses=("203.0.113.99",))
    with pytest.raises(UnfaithfulExport) as error:
        export_metallb(plan)
    assert "regions.tokyo.ingress_addresses: 192.0.2.10" in str(error.value)
    assert "regions.taipei.ingress_addresses: 203.0.113.99" in str(error.value)


def test_missing_inputs_are_named_together():
    with pytest.raises(MissingInputs) as error:
        export_metallb(bare_taiwan_plan())
    missing = error.value.missing["metallb"]
    assert "platform.regions.tokyo.load_balancer_cidrs" in missing
    assert "platform.regions.taipei.ingress_class" in missing
    half = with_region("tokyo", with_region("taipei", as_number=None), router_address="10.12.0.1")
    with pytest.raises(MissingInputs) as error:
        export_metallb(half)
    assert error.value.missing["metallb"] == (
        "platform.regions.taipei.as_number",
        "platform.regions.tokyo.router_as_number",
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused(name):
    for plan in (
        with_place("tokyo", cluster=name),
        with_place("tokyo", ingress_addresses=(name,)),
        with_region("taipei", router_address=name),
        with_region("taipei", load_balancer_cidrs=(name,)),
        with_platform_fields(ingress_controller_namespace=name),
    ):
        with pytest.raises((UnfaithfulExport, MissingInputs)):
            export_metallb(plan)


def test_it_is_written_alike_every_time():
    assert export_metallb(taiwan_plan()) == export_metallb(taiwan_plan())

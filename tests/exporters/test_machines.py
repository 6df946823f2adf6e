"""Machines and endpoints as the installers see them."""

import pytest

from planner.errors import UnfaithfulExport
from planner.exporters.machines import api_endpoint, certificate_names, machines, require_networks
from tests.exporters.network_plans import HOSTILE, with_place, with_region, with_server
from tests.exporters.platforms import taiwan_plan


def test_a_machine_knows_its_node_pool_and_pods():
    first = machines(taiwan_plan(), "tokyo")[0]
    assert first.node == "tokyo-edge-edge-1"
    assert first.pods == taiwan_plan().scenario.server_types["edge-32c"].pods
    assert first.labels == {"topology.kubernetes.io/region": "tokyo", "planner/pool": "edge"}


def test_a_region_without_a_control_plane_is_refused():
    with pytest.raises(UnfaithfulExport, match="no machine runs the control plane"):
        machines(with_server("tokyo", "edge-1", control_plane=False), "tokyo")


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://a.company.com:6443", ("a.company.com", 6443)),
        ("https://a.company.com/", ("a.company.com", 443)),
        ("https://[2001:db8::1]:6443", ("2001:db8::1", 6443)),
        ("https://[2001:db8::1]", ("2001:db8::1", 443)),
    ],
)
def test_endpoints_are_read(url, endpoint):
    assert api_endpoint(with_place("tokyo", api_endpoint=url), "tokyo") == endpoint


@pytest.mark.parametrize(
    "url",
    ["http://a.company.com", "https://a:0", "https://a:65536", "https://a/x", "a:6443", *HOSTILE],
)
def test_what_is_no_endpoint_is_refused(url):
    with pytest.raises(UnfaithfulExport, match="api_endpoint"):
        api_endpoint(with_place("tokyo", api_endpoint=url), "tokyo")


@pytest.mark.parametrize("name", [*HOSTILE, "a b", "-a"])
def test_hostile_names_in_the_certificate_are_refused(name):
    plan = with_region("tokyo", api_sans=(name,))
    with pytest.raises(UnfaithfulExport, match="api_sans"):
        certificate_names(plan, "tokyo", machines(plan, "tokyo")[0].address)


@pytest.mark.parametrize(
    "endpoint", ["a:0", "a:65536", "a", "a b:1", "x\n[Peer]:51820", "[zz]:1", "$(id):51820"]
)
def test_a_gateways_endpoint_that_is_none_is_refused(endpoint):
    plan = with_region("tokyo", gateway_endpoint=endpoint)
    with pytest.raises(UnfaithfulExport, match=r"tokyo\.gateway_endpoint"):
        require_networks(plan, "test", ["mesh.cidr"])


def test_networks_that_are_none_are_named_together():
    plan = with_region("tokyo", with_region("taipei", pod_cidr="10.0.0.1/8"), service_cidr="x")
    with pytest.raises(UnfaithfulExport) as error:
        require_networks(plan, "test", ["mesh.cidr"])
    assert "taipei.pod_cidr" in str(error.value)
    assert "tokyo.service_cidr" in str(error.value)

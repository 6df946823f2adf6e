"""The address plan and the table of versions: one truth, all that is missing, no clash."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from itertools import combinations

import pytest

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.address_plan import NETWORK_FIELDS, address_plan
from planner.exporters.requirements import require
from planner.exporters.versions import COMPONENTS, versions
from planner.model.platform import Mesh, Platform
from tests.exporters.platforms import (
    bare_taiwan_plan,
    taiwan_plan,
    taiwan_platform,
    with_platform,
)


def test_every_region_has_its_own_addresses() -> None:
    plan = taiwan_plan()
    found = address_plan(plan, "wireguard")
    assert list(found.regions) == list(plan.scenario.regions)
    mesh = ip_network(found.mesh_cidr)
    addresses = [region.mesh_address for region in found.regions.values()]
    assert len(set(addresses)) == len(addresses)
    assert all(address in mesh for address in addresses)
    carried = [ip_network(c) for r in found.regions.values() for c in r.routed_cidrs]
    assert not any(a.overlaps(b) for a, b in combinations(carried, 2))
    for region in found.regions.values():
        assert region.dns_address in ip_network(region.service_cidr)
        assert region.gateway_address in ip_network(region.node_cidr)
        assert ip_address(region.endpoint_host) not in mesh
        assert region.endpoint_port == 51820
    assert [r.region for r in found.others("tokyo")] == ["taipei", "singapore", "losangeles"]


def test_everything_that_is_missing_is_named_at_once() -> None:
    plan = bare_taiwan_plan()
    with pytest.raises(MissingInputs) as caught:
        address_plan(plan, "wireguard")
    assert len(caught.value.missing["wireguard"]) == 1 + 4 * len(NETWORK_FIELDS)
    for path in ("platform.mesh.cidr", "platform.regions.losangeles.gateway_server"):
        assert path in str(caught.value)


def test_what_is_given_is_not_missing() -> None:
    plan = taiwan_plan()
    require(plan, "kubernetes", ["services.api.image_digest", "regions.taipei.servers"])
    with pytest.raises(MissingInputs, match=r"platform\.regions\.tokyo\.router_address"):
        require(plan, "metallb", ["regions.taipei.router_address", "regions.tokyo.router_address"])


def test_a_mesh_that_is_too_small_is_refused() -> None:
    platform = taiwan_platform().model_copy(update={"mesh": Mesh(cidr="10.99.0.0/30")})
    with pytest.raises(UnfaithfulExport, match="no room for 4 gateways"):
        address_plan(with_platform(taiwan_plan(), platform), "wireguard")


def chosen(**picked: str) -> Platform:
    return taiwan_platform().model_copy(
        update={"versions": {name.replace("_", "-"): v for name, v in picked.items()}}
    )


def test_versions_go_together_by_default() -> None:
    table = versions(taiwan_plan())
    assert table == dict(COMPONENTS)


def test_an_old_kubernetes_is_possible_where_components_allow_it() -> None:
    plan = with_platform(taiwan_plan(), chosen(kubernetes="1.28.15", k3s="v1.28.15+k3s1"))
    assert versions(plan, ("kubernetes", "k3s", "metallb"))["kubernetes"].version == "1.28.15"
    with pytest.raises(UnfaithfulExport, match=r"rook-ceph v1\.20\.6 runs on Kubernetes 1\.31"):
        versions(plan)


@pytest.mark.parametrize(
    ("picked", "words"),
    [
        ({"kubernetis": "1.36.3"}, "no such component"),
        ({"metallb": "0.13.0"}, "written for 0.16.1"),
        ({"kubernetes": "1.36.3", "k3s": "v1.33.1+k3s1"}, "more than one series apart"),
        ({"kubernetes": "1.20.1", "k3s": "v1.20.1+k3s1"}, "not on kubernetes 1.20"),
    ],
)
def test_versions_that_clash_are_refused(picked: dict[str, str], words: str) -> None:
    with pytest.raises(UnfaithfulExport, match=words):
        versions(with_platform(taiwan_plan(), chosen(**picked)))

"""The fence before all targets: a text that its field does not allow reaches no file."""

import pytest

from planner.errors import UnfaithfulExport
from planner.exporters import TARGETS, export_each
from planner.exporters.forms import refuse_bad_forms
from tests.exporters.network_plans import with_mesh, with_place, with_region, with_server
from tests.exporters.plans import small_plan
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan
from tests.exporters.variants import PLANS


@pytest.mark.parametrize("name", PLANS)
def test_what_was_read_is_let_through(name):
    refuse_bad_forms(PLANS[name]())


def test_a_plan_without_a_platform_is_let_through():
    refuse_bad_forms(bare_taiwan_plan())
    refuse_bad_forms(small_plan())


def test_every_fault_is_named_with_its_path():
    plan = with_region("tokyo", pod_cidr="10.42.0.0/16; id", ingress_class="a b")
    plan = with_server("tokyo", "edge-2", plan, address="10.12.0.256")
    plan = with_place("tokyo", plan, ingress_addresses=("192.0.2.10", "here"))
    plan = with_mesh(plan, cidr="10.99.0.0/33")
    with pytest.raises(UnfaithfulExport) as refusal:
        refuse_bad_forms(plan)
    for path in (
        "platform.regions.tokyo.pod_cidr: '10.42.0.0/16; id'",
        "platform.regions.tokyo.ingress_class: 'a b'",
        "platform.regions.tokyo.servers.edge-2.address: '10.12.0.256'",
        "regions.tokyo.ingress_addresses: 'here'",
        "platform.mesh.cidr: '10.99.0.0/33'",
    ):
        assert f"{path} cannot stand there" in str(refusal.value)


def test_a_key_of_a_mapping_of_texts_is_judged_too():
    platform = taiwan_plan().scenario.platform
    changed = platform.model_copy(update={"versions": {"a: b\n": "1.36.3"}})
    scenario = taiwan_plan().scenario.model_copy(update={"platform": changed})
    with pytest.raises(UnfaithfulExport, match=r"platform\.versions"):
        refuse_bad_forms(taiwan_plan().model_copy(update={"scenario": scenario}))


def test_no_target_writes_anything_then():
    done = export_each(with_region("tokyo", gateway_endpoint="gw:51820\nPostUp = id"))
    assert done.manifests == ()
    assert set(done.refusals) == set(TARGETS)

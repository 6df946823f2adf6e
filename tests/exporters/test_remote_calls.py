"""Calls to a service of another cluster, by Karmada: exported there, imported here."""

import kubernetes_validate
import pytest

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.karmada import export_karmada
from planner.exporters.remote_calls import remote_calls
from tests.conformance.schemas import KUBERNETES_VERSION, validate
from tests.exporters.cluster_trees import changed
from tests.exporters.ownership import variant, writers
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan


def without_orders(*regions):
    """The Taiwan plan under Karmada; api calls orders, which does not run in some regions."""
    plan = variant("karmada")
    orders = plan.services["orders"]
    replicas = {r: 0 if r in regions else n for r, n in orders.replicas.items()}
    weights = orders.weights | {"karmada": replicas}
    fewer = orders.model_copy(
        update={"replicas": replicas, "weights": weights, "total": sum(replicas.values())}
    )
    return plan.model_copy(update={"services": plan.services | {"orders": fewer}})


@pytest.fixture(scope="module")
def documents():
    manifests = export_karmada(without_orders("tokyo", "losangeles"))
    return [d for m in manifests if not isinstance(m.content, str) for d in m.content]


def named(documents, kind, name):
    (one,) = [
        d for d in documents if (d.get("kind"), d.get("metadata", {}).get("name")) == (kind, name)
    ]
    return one


def placed(document):
    return document["spec"]["placement"]["clusterAffinity"]["clusterNames"]


def test_a_plan_in_which_every_call_stays_at_home_needs_nothing():
    assert remote_calls(variant("karmada")) == {}
    assert remote_calls(taiwan_plan()) == {}
    assert remote_calls(bare_taiwan_plan()) == {}


def test_providers_export_and_consumers_import(documents):
    assert placed(named(documents, "PropagationPolicy", "orders-export")) == [
        "taiwan-master",
        "singapore-edge",
    ]
    assert placed(named(documents, "PropagationPolicy", "orders-import")) == [
        "tokyo-edge",
        "losangeles-edge",
    ]
    policy = named(documents, "ClusterPropagationPolicy", "remote-calls")
    assert set(placed(policy)) == {
        "taiwan-master",
        "singapore-edge",
        "tokyo-edge",
        "losangeles-edge",
    }
    for side, kind in (("export", "ServiceExport"), ("import", "ServiceImport")):
        selectors = named(documents, "PropagationPolicy", f"orders-{side}")["spec"]
        for selector in selectors["resourceSelectors"]:
            named(documents, selector["kind"], selector["name"])
        assert selectors["resourceSelectors"][0]["kind"] == kind


def test_the_port_is_that_of_the_service(documents):
    (port,) = named(documents, "Service", "orders")["spec"]["ports"][:1]
    (imported,) = named(documents, "ServiceImport", "orders")["spec"]["ports"]
    assert (imported["name"], imported["port"]) == (port["name"], port["port"])


def test_networks_are_those_of_the_platform(documents):
    regions = taiwan_plan().scenario.platform.regions
    (entry,) = named(documents, "NetworkPolicy", "orders-export")["spec"]["ingress"]
    assert {b["ipBlock"]["cidr"] for b in entry["from"]} == {
        cidr
        for region in ("tokyo", "losangeles")
        for cidr in (regions[region].pod_cidr, regions[region].node_cidr)
    }
    (entry,) = named(documents, "NetworkPolicy", "orders-import")["spec"]["egress"]
    assert {b["ipBlock"]["cidr"] for b in entry["to"]} == {
        regions[region].pod_cidr for region in ("taipei", "singapore")
    }
    assert entry["ports"] == [
        {"protocol": "TCP", "port": taiwan_plan().scenario.services["orders"].port}
    ]


def test_documents_fit_the_schemas(documents):
    kinds = ("ServiceExport", "ServiceImport", "ClusterPropagationPolicy", "NetworkPolicy")
    checked = [d for d in documents if d.get("kind") in (*kinds, "PropagationPolicy")]
    for document in checked:
        if document["kind"] == "NetworkPolicy":
            kubernetes_validate.validate(document, KUBERNETES_VERSION, strict=True)
        else:
            validate(document)
    assert {d["kind"] for d in checked} == {*kinds, "PropagationPolicy"}


def test_no_object_has_two_writers():
    plan = without_orders("tokyo")
    found = writers(plan, export_karmada(plan))
    at_members = {
        key: files for key, files in found.items() if key[0] != "the API server of Karmada"
    }
    assert all(len(files) == 1 for files in at_members.values())


def test_the_readme_names_the_callers_and_the_name_to_call():
    (readme,) = [
        m.content for m in export_karmada(without_orders("tokyo")) if m.path.name == "README.md"
    ]
    assert "- api in tokyo: `orders` does not run there" in readme
    assert "`http://derived-orders.prod-api.svc`" in readme


def test_unknown_networks_are_refused_together():
    plan = without_orders("tokyo")
    regions = plan.scenario.platform.regions
    blank = {name: region.model_copy(update={"pod_cidr": None}) for name, region in regions.items()}
    with pytest.raises(MissingInputs) as refused:
        export_karmada(changed(plan, regions=blank))
    assert set(refused.value.missing["karmada"]) == {
        f"platform.regions.{name}.pod_cidr" for name in regions
    }


def test_a_service_with_the_name_of_a_policy_is_refused():
    plan = without_orders("tokyo")
    scenario = plan.scenario
    name = "orders-export"
    services = scenario.services | {name: scenario.services["static"]}
    known = scenario.platform.services | {name: scenario.platform.services["static"]}
    platform = scenario.platform.model_copy(update={"services": known})
    scenario = scenario.model_copy(update={"services": services, "platform": platform})
    both = plan.services | {name: plan.services["static"]}
    with pytest.raises(UnfaithfulExport, match="has the name of a policy"):
        export_karmada(plan.model_copy(update={"scenario": scenario, "services": both}))

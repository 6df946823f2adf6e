"""Karmada: what the scheduler makes of the documents is the plan, however ties fall."""

import pytest

from planner.errors import UnfaithfulExport
from planner.exporters import export
from planner.federation.karmada import webster
from tests.exporters.plans import REGIONS, REPLICAS, read, small_data, small_plan

CLUSTERS = {region: cluster for region, (cluster, *_) in REGIONS.items()}


def found(plan):
    return {
        str(m.path.relative_to("federation/karmada")): m.content for m in export(plan, "karmada")
    }


def by_kind(documents):
    return {document["kind"]: document for document in documents}


@pytest.mark.parametrize("service", REPLICAS)
@pytest.mark.parametrize("descending", [False, True])
def test_weights_and_template_reproduce_the_plan(service, descending):
    documents = by_kind(found(small_plan())[f"services/{service}.yaml"])
    placement = documents["PropagationPolicy"]["spec"]["placement"]
    weights = {
        entry["targetCluster"]["clusterNames"][0]: entry["weight"]
        for entry in placement["replicaScheduling"]["weightPreference"]["staticWeightList"]
    }
    total = documents["Deployment"]["spec"]["replicas"]
    want = {CLUSTERS[region]: n for region, n in REPLICAS[service].items() if n}
    assert total == sum(want.values())
    assert webster(total, weights, descending=descending) == want
    assert placement["clusterAffinity"]["clusterNames"] == list(want)


def test_the_policy_selects_deployment_and_service():
    policy = by_kind(found(small_plan())["services/api.yaml"])["PropagationPolicy"]
    selected = {(s["kind"], s["name"]) for s in policy["spec"]["resourceSelectors"]}
    assert selected == {("Deployment", "api"), ("Service", "api")}


def test_a_tie_that_only_one_order_decides_rightly_is_refused():
    data = small_data()
    names = [
        "taipei",
        "singapore",
        "tokyo",
    ]  # by cluster: singapore-edge, taiwan-master, tokyo-edge
    data["services"]["api"] |= {
        "total": 4,
        "replicas": {"taipei": 1, "singapore": 2, "tokyo": 1},
        "weights": {"kubefed": {}, "karmada": dict.fromkeys(names, 1)},
    }
    with pytest.raises(UnfaithfulExport, match="Karmada would place the service 'api'"):
        export(read(data), "karmada")


def test_replicas_without_a_weight_are_refused_because_karmada_refuses_0():
    data = small_data()
    data["services"]["api"]["weights"]["karmada"]["tokyo"] = 0
    with pytest.raises(UnfaithfulExport, match=r"nothing in 'tokyo-edge' without a weight"):
        export(read(data), "karmada")


def test_overrides_tell_the_region_and_never_touch_replicas():
    documents = by_kind(found(small_plan())["services/orders.yaml"])
    rules = documents["OverridePolicy"]["spec"]["overrideRules"]
    told = {}
    for rule in rules:
        (cluster,) = rule["targetCluster"]["clusterNames"]
        (change,) = rule["overriders"]["plaintext"]
        assert change["path"] == "/spec/template/spec/containers/0/env"
        told[cluster] = {entry["name"]: entry["value"] for entry in change["value"]}
    assert told == {
        CLUSTERS[region]: {"REGION": region} for region, n in REPLICAS["orders"].items() if n
    }
    assert "replicas" not in str(documents["OverridePolicy"])
    # `add` on that path must create it, not replace a list of the template.
    template = documents["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert "env" not in template


def test_edges_are_pulled_and_the_main_cluster_is_pushed():
    script = found(small_plan())["register.sh"]
    assert "\npush taiwan-master taipei\n" in script
    assert "\npull tokyo-edge tokyo\n" in script

"""KubeFed: what the controller makes of the documents is the plan."""

import pytest

from planner.errors import UnfaithfulExport
from planner.exporters import export
from planner.exporters.preferences import preferences
from planner.federation.kubefed import Preference, divide
from tests.exporters.plans import REGIONS, REPLICAS, read, small_data, small_plan

CLUSTERS = {region: cluster for region, (cluster, *_) in REGIONS.items()}


def found(plan, **options):
    return {
        str(m.path.relative_to("federation/kubefed")): m.content
        for m in export(plan, "kubefed", **options)
    }


def by_kind(documents):
    return {document["kind"]: document for document in documents}


def divided(preference, available):
    spec = preference["spec"]
    return divide(
        spec["totalReplicas"],
        {
            name: Preference(e["weight"], e.get("minReplicas", 0), e.get("maxReplicas"))
            for name, e in spec["clusters"].items()
        },
        available,
        key=f"prod-api/{preference['metadata']['name']}",
    )[0]


@pytest.mark.parametrize("service", REPLICAS)
def test_the_preference_reproduces_the_plan_and_bounds_hold_after_a_loss(service):
    documents = by_kind(found(small_plan())[f"services/{service}.yaml"])
    preference = documents["ReplicaSchedulingPreference"]
    assert preference["spec"]["rebalance"] is True
    want = {CLUSTERS[region]: n for region, n in REPLICAS[service].items()}
    assert divided(preference, CLUSTERS.values()) == want
    for lost in CLUSTERS.values():
        left = [cluster for cluster in CLUSTERS.values() if cluster != lost]
        assert all(n <= 20 for n in divided(preference, left).values())


@pytest.mark.parametrize("rebalance", [True, False])
def test_preferences_are_those_of_the_document_and_rebalance_is_the_scenarios(rebalance):
    data = small_data()
    data["scenario"]["federation"]["rebalance"] = rebalance
    plan = read(data)
    files = found(plan)
    for name in REPLICAS:
        spec = by_kind(files[f"services/{name}.yaml"])["ReplicaSchedulingPreference"]["spec"]
        assert spec["rebalance"] is rebalance
        written = {
            c: (e["weight"], e.get("minReplicas", 0), e.get("maxReplicas"))
            for c, e in spec["clusters"].items()
        }
        asked = preferences(plan, name)
        assert written == {c: (p.weight, p.min_replicas, p.max_replicas) for c, p in asked.items()}
    readme = " ".join(files["README.md"].split())
    assert ("KubeFed divides again" in readme) is rebalance
    assert ("stays where it is" in readme) is not rebalance


def test_the_preference_decides_alone():
    for name in REPLICAS:
        documents = by_kind(found(small_plan())[f"services/{name}.yaml"])
        assert documents["FederatedDeployment"]["spec"].keys() == {"template"}
        assert documents["FederatedDeployment"]["spec"]["template"]["spec"]["replicas"] > 0
        keys = documents["ReplicaSchedulingPreference"]["spec"]["clusters"].keys()
        placed = documents["FederatedService"]["spec"]["placement"]["clusters"]
        assert [entry["name"] for entry in placed] == list(keys)


def test_minimums_stand_only_where_the_split_is_still_the_plans():
    data = small_data()
    data["services"]["api"] |= {
        "replicas": dict.fromkeys(REGIONS, 4),
        "total": 16,
        "weights": {c: dict.fromkeys(REGIONS, 1) for c in ("kubefed", "karmada")},
    }
    preference = found(read(data))["services/api.yaml"][2]
    assert {e["minReplicas"] for e in preference["spec"]["clusters"].values()} == {2}
    uneven = found(small_plan())["services/api.yaml"][2]
    assert not any("minReplicas" in e for e in uneven["spec"]["clusters"].values())
    with_minimum = {n: e | {"minReplicas": 1} for n, e in uneven["spec"]["clusters"].items()}
    changed = uneven | {"spec": uneven["spec"] | {"clusters": with_minimum}}
    want = {CLUSTERS[region]: n for region, n in REPLICAS["api"].items()}
    assert divided(changed, CLUSTERS.values()) != want


@pytest.mark.parametrize(
    "change",
    [
        {"weights": {"kubefed": {"taipei": 1, "singapore": 1, "tokyo": 1}, "karmada": {}}},
        {"max_replicas": {"taipei": 3}},
        {"total": 16},
        {"weights": {"kubefed": {}, "karmada": {}}},
    ],
)
def test_a_plan_that_the_controller_would_not_follow_is_refused(change):
    data = small_data()
    data["services"]["api"] |= change
    with pytest.raises(UnfaithfulExport, match=r"KubeFed would place the service 'api' as .*plan"):
        export(read(data), "kubefed")


def test_pinning_writes_the_true_form_of_overrides_and_no_preference():
    documents = by_kind(found(small_plan(), pin=True)["services/orders.yaml"])
    assert documents.keys() == {"FederatedDeployment", "FederatedService"}
    spec = documents["FederatedDeployment"]["spec"]
    assert spec["overrides"] == [
        {
            "clusterName": CLUSTERS[region],
            "clusterOverrides": [{"path": "/spec/replicas", "value": count}],
        }
        for region, count in REPLICAS["orders"].items()
        if count
    ]
    placed = [entry["name"] for entry in spec["placement"]["clusters"]]
    assert placed == ["taiwan-master", "singapore-edge", "tokyo-edge"]


def test_pinning_needs_no_weights_but_refuses_a_wrong_total_of_nothing():
    data = small_data()
    data["services"]["api"]["weights"] = {"kubefed": {}, "karmada": {}}
    documents = by_kind(found(read(data), pin=True)["services/api.yaml"])
    assert len(documents["FederatedDeployment"]["spec"]["overrides"]) == 4


def test_the_namespace_is_federated_inside_itself_wherever_something_may_run():
    core, federated = found(small_plan())["namespace.yaml"]
    assert core["metadata"]["name"] == "prod-api"
    assert federated["metadata"] == {"name": "prod-api", "namespace": "prod-api"}
    placed = [entry["name"] for entry in federated["spec"]["placement"]["clusters"]]
    assert placed == list(CLUSTERS.values())


def test_clusters_are_joined_by_name_and_those_without_endpoint_are_labelled_by_the_script():
    files = found(small_plan())
    clusters = {d["metadata"]["name"]: d for d in files["clusters.yaml"]}
    assert "tokyo-edge" not in clusters
    assert clusters["taiwan-master"]["spec"]["apiEndpoint"] == "https://taiwan-master.mesh:6443"
    assert clusters["taiwan-master"]["metadata"]["labels"] == {
        "topology.kubernetes.io/region": "taipei"
    }
    script = files["join.sh"]
    for cluster in CLUSTERS.values():
        assert f"\njoin {cluster}\n" in script
    assert "\nlabel tokyo-edge topology.kubernetes.io/region=tokyo\n" in script

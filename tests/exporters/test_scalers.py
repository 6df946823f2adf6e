"""Who sets replicas: bounds from the plan, divisions that fit, schedules in time."""

import pytest

from planner.errors import UnfaithfulExport
from planner.exporters.karmada import RETAIN_LABEL, export_karmada
from planner.exporters.kubefed import export_kubefed
from planner.exporters.kubernetes import export_kubernetes
from planner.exporters.scalers import UIDS, largest_total, member_autoscaler
from planner.federation.karmada import divide_static
from tests.conformance.schemas import validate
from tests.exporters.cluster_trees import (
    REGIONS,
    SERVICES,
    needing,
    of_kind,
    readme_of,
    scenario_changed,
    service_changed,
)
from tests.exporters.hourly_plans import hourly_plan, night_total
from tests.exporters.ownership import objects, variant
from tests.exporters.platforms import taiwan_plan

CLUSTERS = {name: region.cluster for name, region in taiwan_plan().scenario.regions.items()}


def weights_of(manifests, name):
    spec = of_kind(manifests, "PropagationPolicy")[name]["spec"]["placement"]
    return {
        entry["targetCluster"]["clusterNames"][0]: entry["weight"]
        for entry in spec["replicaScheduling"]["weightPreference"]["staticWeightList"]
    }


@pytest.mark.parametrize("rollout", [False, True])
@pytest.mark.parametrize("region", REGIONS)
def test_an_autoscaler_in_a_cluster_goes_from_the_plan_to_what_the_pools_hold(region, rollout):
    plan = variant(scaler="member", rollout=rollout)
    scalers = of_kind(export_kubernetes(plan), "HorizontalPodAutoscaler", region)
    assert set(scalers) == set(SERVICES)
    for name, scaler in scalers.items():
        spec, planned = scaler["spec"], plan.services[name]
        needed = plan.needs.services[name].most(region) if plan.needs else planned.replicas[region]
        assert spec["minReplicas"] == min(needed, planned.replicas[region])
        assert spec["maxReplicas"] == planned.max_replicas[region]
        assert spec["scaleTargetRef"]["kind"] == ("Rollout" if rollout else "Deployment")
        (metric,) = spec["metrics"]
        share = plan.scenario.services[name].autoscaler.target_share
        assert metric["resource"]["target"]["averageUtilization"] == 100 * share


def test_an_autoscaler_in_a_cluster_keeps_what_the_neediest_hour_needs_and_not_more():
    plan = needing(variant(scaler="member"), {"api": 3})
    needs = plan.needs.services["api"]
    fewer = {r: (1, n[0] - 2) for r, n in needs.survive.items()}
    changed = needs.model_copy(update={"survive": fewer})
    plan = plan.model_copy(
        update={
            "needs": plan.needs.model_copy(
                update={"services": plan.needs.services | {"api": changed}}
            )
        }
    )
    manifests = export_kubernetes(plan)
    for region in REGIONS:
        planned = plan.services["api"].replicas[region]
        scaler = of_kind(manifests, "HorizontalPodAutoscaler", region)["api"]["spec"]
        assert scaler["minReplicas"] == planned - 2
        # Of the two that may be missing, three were spare: one is left.
        budget = of_kind(manifests, "PodDisruptionBudget", region)["api"]["spec"]
        assert budget["maxUnavailable"] == 1


def test_without_an_autoscaler_in_the_scenario_there_is_a_sentence():
    plan = service_changed(variant(scaler="member"), "orders", autoscaler=None)
    with pytest.raises(UnfaithfulExport, match=r"needs services\.orders\.autoscaler"):
        export_kubernetes(plan)
    with pytest.raises(UnfaithfulExport, match="describe it there"):
        member_autoscaler(plan, "tokyo", "orders")


def test_kubefed_retains_what_the_clusters_autoscalers_set_and_prefers_nothing():
    plan = variant(scaler="member")
    manifests = export_kubefed(plan)
    assert of_kind(manifests, "ReplicaSchedulingPreference") == {}
    for name, document in of_kind(manifests, "FederatedDeployment").items():
        spec = document["spec"]
        assert spec["retainReplicas"] is True
        assert "overrides" not in spec  # an override would win over what is retained
        assert {c["name"] for c in spec["placement"]["clusters"]} == set(CLUSTERS.values())
        assert spec["template"]["spec"]["replicas"] == min(plan.services[name].replicas.values())
    assert "retainReplicas" in readme_of(manifests)


def test_karmada_retains_what_the_clusters_autoscalers_set_and_divides_nothing():
    plan = variant("karmada", "member")
    manifests = export_karmada(plan)
    for name in SERVICES:
        deployment = of_kind(manifests, "Deployment")[name]
        assert deployment["metadata"]["labels"][RETAIN_LABEL] == "true"
        assert RETAIN_LABEL not in deployment["spec"]["selector"]["matchLabels"]
        policy = of_kind(manifests, "PropagationPolicy")[name]["spec"]["placement"]
        assert "replicaScheduling" not in policy
        assert set(policy["clusterAffinity"]["clusterNames"]) == set(CLUSTERS.values())
        override = of_kind(manifests, "OverridePolicy")[name]
        assert "/spec/replicas" not in str(override)


@pytest.mark.parametrize("name", SERVICES)
def test_one_autoscaler_over_all_goes_from_the_plan_to_the_last_total_that_fits(name):
    plan = variant("karmada", "federated")
    manifests = export_karmada(plan)
    spec = of_kind(manifests, "FederatedHPA")[name]["spec"]
    assert "replicas" not in of_kind(manifests, "Deployment")[name]["spec"]
    assert spec["minReplicas"] == plan.services[name].total
    weights = weights_of(manifests, name)
    held = {CLUSTERS[region]: n for region, n in plan.services[name].max_replicas.items()}

    def fits(total):
        return all(
            count <= held[cluster]
            for uid in UIDS
            for cluster, count in divide_static(total, weights, uid=uid).items()
        )

    totals = range(spec["minReplicas"], sum(held.values()) + 1)
    assert spec["maxReplicas"] == max(total for total in totals if fits(total))


def test_a_schedule_sets_the_least_of_the_autoscaler_or_else_the_total():
    plan = service_changed(hourly_plan("karmada"), "static", autoscaler=None)
    manifests = export_karmada(plan)
    for _, document in objects(manifests):
        validate(document)
    crons = of_kind(manifests, "CronFederatedHPA")
    for name, field, kind in (
        ("api", "targetMinReplicas", "FederatedHPA"),
        ("static", "targetReplicas", "Deployment"),
    ):
        spec, total = crons[name]["spec"], plan.services[name].total
        assert spec["scaleTargetRef"]["kind"] == kind
        assert [(rule["schedule"], rule[field]) for rule in spec["rules"]] == [
            ("0 0 * * *", night_total(plan, name)),
            ("58 7 * * *", total),
        ]
    assert set(of_kind(manifests, "FederatedHPA")) == {"api", "orders"}
    assert of_kind(manifests, "Deployment")["static"]["spec"]["replicas"] == (
        plan.services["static"].total
    )


def test_neither_autoscaler_nor_schedule_is_refused():
    plan = service_changed(variant("karmada", "federated"), "api", autoscaler=None)
    with pytest.raises(UnfaithfulExport, match="no totals by the hour"):
        export_karmada(plan)


def test_kubefed_says_that_it_has_no_autoscaler_over_clusters():
    with pytest.raises(UnfaithfulExport, match="KubeFed has no autoscaler over clusters"):
        export_kubefed(variant("kubefed", "federated"))
    with pytest.raises(UnfaithfulExport, match="KubeFed has no autoscaler over clusters"):
        export_kubernetes(variant("kubefed", "federated"))
    with pytest.raises(UnfaithfulExport, match="nothing is federated"):
        export_kubernetes(variant("kubefed", "federated"), federation="none")
    beside = export_kubefed(variant("karmada", "federated"))  # the one that is not applied
    preferences = of_kind(beside, "ReplicaSchedulingPreference")
    assert {n: p["spec"]["totalReplicas"] for n, p in preferences.items()} == {
        name: service.total for name, service in taiwan_plan().services.items()
    }
    assert "the plan's total stands all day" in readme_of(beside)


@pytest.mark.parametrize("exporter", [export_kubefed, export_karmada])
def test_a_rollout_leaves_the_deployment_out_and_nothing_divides(exporter):
    manifests = exporter(variant(exporter.__name__.removeprefix("export_"), rollout=True))
    kinds = {document["kind"] for _, document in objects(manifests)}
    assert not kinds & {
        "Deployment",
        "FederatedDeployment",
        "ReplicaSchedulingPreference",
        "OverridePolicy",
    }
    assert kinds & {"Service", "FederatedService"}
    assert "replicaScheduling" not in str([d for _, d in objects(manifests)])
    assert "a Rollout in each cluster" in readme_of(manifests)


def test_a_rollout_with_one_autoscaler_over_all_is_refused():
    plan = variant("karmada", "federated", rollout=True)
    for export in (export_kubernetes, export_karmada, export_kubefed):
        with pytest.raises(UnfaithfulExport, match="no federation divides"):
            export(plan)


def test_a_division_in_a_promised_state_that_the_pools_do_not_hold_is_refused():
    export_karmada(variant("karmada", karmada_failover="off"))
    with pytest.raises(UnfaithfulExport, match=r"in the state 'lost\.\w+'; its pools hold \d+"):
        export_karmada(variant("karmada", karmada_failover="on"))
    plan = variant("karmada", karmada_failover="on")
    roomy = {
        name: service.model_copy(update={"max_replicas": dict.fromkeys(REGIONS, 60)})
        for name, service in plan.services.items()
    }
    plan = plan.model_copy(update={"services": roomy})
    export_karmada(plan)
    weights = {CLUSTERS[region]: n for region, n in plan.services["api"].replicas.items()}
    most = largest_total(plan, "api", weights)
    for lost in (None, *weights):
        left = {cluster: weight for cluster, weight in weights.items() if cluster != lost}
        assert max(divide_static(most, left).values()) <= 60


def test_a_division_that_nobody_is_left_to_make_need_not_fit():
    plan = variant("karmada", karmada_failover="on", host_region="taipei", standby_region=None)
    weights = {CLUSTERS[region]: n for region, n in plan.services["api"].replicas.items()}
    total, lost = plan.services["api"].total, CLUSTERS["taipei"]
    most = dict.fromkeys(REGIONS, 0)
    for gone in {*weights} - {lost}:
        left = {cluster: weight for cluster, weight in weights.items() if cluster != gone}
        for uid in UIDS:
            division = divide_static(total, left, uid=uid)
            most = {r: max(n, division.get(CLUSTERS[r], 0)) for r, n in most.items()}
    without = divide_static(total, {c: w for c, w in weights.items() if c != lost})
    assert any(without.get(CLUSTERS[region], 0) > n for region, n in most.items())
    service = plan.services["api"].model_copy(update={"max_replicas": most})
    tight = plan.model_copy(update={"services": plan.services | {"api": service}})
    assert largest_total(tight, "api", weights) == total
    federation = plan.scenario.federation.model_copy(update={"standby_region": "tokyo"})
    with pytest.raises(UnfaithfulExport, match=r"in the state 'lost\.taipei'"):
        largest_total(scenario_changed(tight, federation=federation), "api", weights)

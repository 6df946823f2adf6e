"""Karmada's failover: four switches or none, shares that fit, and a way back that waits."""

import pytest

from planner.errors import UnfaithfulExport
from planner.exporters.karmada import export_karmada, static_weights
from planner.exporters.karmada_failover import after_loss, patience_s
from planner.exporters.kubefed import export_kubefed
from planner.federation.karmada import divide_static
from tests.conformance.schemas import unknown_values, validate
from tests.exporters.ownership import variant
from tests.exporters.platforms import bare_taiwan_plan
from tests.exporters.scripts import Bench, shellcheck

FOLDER = "federation/karmada/failover"
FAILBACK, ALLOW = f"{FOLDER}/failback.sh", f"{FOLDER}/allow-taints.sh"
CLUSTERS = ["taiwan-master", "singapore-edge", "tokyo-edge", "losangeles-edge"]


def roomy(scaler="pinned", rollout=False, **federation):
    """The Taiwan plan under Karmada, with pools that hold what moves."""
    plan = variant("karmada", scaler, rollout, **{"karmada_failover": "on"} | federation)
    services = {
        name: service.model_copy(
            update={"max_replicas": {r: 10 * n for r, n in service.max_replicas.items()}}
        )
        for name, service in plan.services.items()
    }
    return plan.model_copy(update={"services": services})


@pytest.fixture(scope="module")
def manifests():
    return export_karmada(roomy())


def files(manifests):
    return {str(m.path): m.content for m in manifests}


def policies(manifests):
    return {
        d["metadata"]["name"]: d["spec"]
        for m in manifests
        if not isinstance(m.content, str)
        for d in m.content
        if d.get("kind") == "PropagationPolicy"
    }


def manager(manifests):
    (values,) = files(manifests)["federation/karmada/values.yaml"]
    return values["controllerManager"]


def test_off_is_off_everywhere():
    manifests = export_karmada(roomy(karmada_failover="off"))
    assert not any(path.startswith(FOLDER) for path in files(manifests))
    assert manager(manifests) == {"replicaCount": 2}
    for spec in policies(manifests).values():
        assert "failover" not in spec
        assert "clusterTolerations" not in spec["placement"]


def test_without_a_platform_nothing_changes():
    plan = bare_taiwan_plan()
    federation = plan.scenario.federation.model_copy(update={"karmada_failover": "tuned"})
    scenario = plan.scenario.model_copy(update={"federation": federation})
    assert export_karmada(plan.model_copy(update={"scenario": scenario})) == export_karmada(plan)


def test_on_turns_all_four_switches(manifests):
    assert manager(manifests)["featureGates"] == {"Failover": True}
    arguments = manager(manifests)["extraCommandArgs"]
    assert arguments == {"enable-no-execute-taint-eviction": "true"}
    assert "--allow-no-execute-taint-policy=true" in files(manifests)[ALLOW]
    (policy,) = files(manifests)[f"{FOLDER}/taint-policy.yaml"]
    (taint,) = policy["spec"]["taints"]
    assert taint == {"key": "site-down", "effect": "NoExecute"}
    # Without the second the taint would never go away.
    for condition, operator in (("addOnConditions", "NotIn"), ("removeOnConditions", "In")):
        assert policy["spec"][condition] == [
            {"conditionType": "Ready", "operator": operator, "statusValues": ["True"]}
        ]
    assert policy["spec"]["targetClusters"]["clusterNames"] == CLUSTERS


def test_tuned_shortens_the_timers_as_measured():
    assert manager(export_karmada(roomy(karmada_failover="tuned")))["extraCommandArgs"] == {
        "enable-no-execute-taint-eviction": "true",
        "cluster-status-update-frequency": "5s",
        "cluster-failure-threshold": "10s",
        "cluster-success-threshold": "10s",
        "cluster-monitor-grace-period": "20s",
    }


@pytest.mark.parametrize(
    ("mode", "wanted", "tolerated"),
    [("on", None, 0), ("on", 37.0, 0), ("on", 97.0, 60), ("tuned", 60.0, 48), ("on", 5.0, 0)],
)
def test_the_plans_time_of_redivision_is_kept_by_a_toleration(mode, wanted, tolerated):
    plan = roomy(karmada_failover=mode, redivision_s=wanted)
    assert patience_s(plan) == tolerated
    manifests = export_karmada(plan)
    for spec in policies(manifests).values():
        found = spec["placement"].get("clusterTolerations", [])
        assert [t["tolerationSeconds"] for t in found] == [tolerated] * bool(tolerated)
    early = "That cannot be had" in files(manifests)[f"{FOLDER}/README.md"]
    assert early == (wanted == 5.0)


@pytest.mark.parametrize(("scaler", "rollout"), [("member", False), ("pinned", True)])
def test_what_is_not_divided_never_moves_and_is_never_deleted(scaler, rollout):
    manifests = export_karmada(roomy(scaler, rollout))
    for spec in policies(manifests).values():
        (toleration,) = spec["placement"]["clusterTolerations"]
        assert "tolerationSeconds" not in toleration
        assert "failover" not in spec
    assert FAILBACK not in files(manifests)
    assert f"{FOLDER}/rebalance.yaml" not in files(manifests)


def test_what_each_loss_leaves_is_the_schedulers_division():
    plan = roomy()
    readme = files(export_karmada(plan))[f"{FOLDER}/README.md"]
    for name, service in plan.services.items():
        weights = static_weights(plan, name)
        rows = list(after_loss(plan, name, weights))
        assert [lost for lost, *_ in rows] == CLUSTERS
        for lost, had, left in rows:
            others = {c: w for c, w in weights.items() if c != lost}
            divided = divide_static(service.total, others, uid="a")
            assert sum(divided.values()) == service.total
            assert ", ".join(f"{c} {n}" for c, n in divided.items()) in left
            assert f"| `{name}` | {lost} | {had} | {left} |" in readme


def test_shares_that_the_pools_do_not_hold_are_refused():
    with pytest.raises(UnfaithfulExport, match=r"in the state 'lost\.taipei'; its pools hold"):
        export_karmada(variant("karmada", karmada_failover="on"))


def test_the_rebalancer_names_what_is_divided_and_is_not_applied_with_the_rest(manifests):
    (rebalancer,) = files(manifests)[f"{FOLDER}/rebalance.yaml"]
    assert [w["name"] for w in rebalancer["spec"]["workloads"]] == ["api", "orders", "static"]
    (kustomization,) = files(manifests)[f"{FOLDER}/kustomization.yaml"]
    assert kustomization["resources"] == ["taint-policy.yaml"]


def test_documents_fit_the_schemas_and_the_chart(manifests):
    for manifest in manifests:
        if isinstance(manifest.content, str) or manifest.path.name in ("kustomization.yaml",):
            continue
        for document in manifest.content:
            if manifest.path.name == "values.yaml":
                # Keys of the map of arguments are flags, not values.
                flags = document["controllerManager"]["extraCommandArgs"]
                known = {f"controllerManager.extraCommandArgs.{flag}" for flag in flags}
                known |= {"controllerManager.featureGates.Failover"}
                assert set(unknown_values("karmada", document)) <= known
            else:
                validate(document)


def test_kubefed_says_how_a_region_comes_back_on_a_known_platform_only():
    with_platform, without = export_kubefed(variant("kubefed")), export_kubefed(bare_taiwan_plan())
    sentence = "## When a cluster comes back"
    assert sentence in files(with_platform)["federation/kubefed/README.md"]
    assert sentence not in files(without)["federation/kubefed/README.md"]


def test_the_same_plan_gives_the_same_files(manifests):
    assert export_karmada(roomy()) == manifests


def test_scripts_pass_shellcheck(tmp_path, manifests):
    shellcheck(tmp_path, [m for m in manifests if "failover" in m.path.parts])


def test_the_webhooks_switch_is_turned_once_and_only_when_asked(tmp_path, manifests):
    bench = Bench(tmp_path, manifests)
    bench.answer({"get deployment": (0, '["/bin/karmada-webhook"]')})
    assert bench.run(ALLOW).returncode == 0
    assert bench.changes() == []
    assert bench.run(ALLOW, "--execute").returncode == 0
    (patch,) = bench.changes()
    assert "--context taiwan-master --namespace karmada-system patch deployment" in patch
    bench.answer({"get deployment": (0, '["--allow-no-execute-taint-policy=true"]')})
    assert bench.run(ALLOW, "--execute").returncode == 0
    assert bench.changes() == []


CLEAN = {"conditions": (0, "True")}


def test_a_clean_cluster_gets_its_replicas_back_only_when_asked(tmp_path, manifests):
    bench = Bench(tmp_path, manifests)
    bench.answer(CLEAN)
    done = bench.run(FAILBACK, "tokyo-edge")
    assert (done.returncode, bench.changes()) == (0, [])
    assert "tokyo-edge: clean" in done.stdout
    assert bench.run(FAILBACK, "--execute", "tokyo-edge").returncode == 0
    deleted, applied = bench.changes()
    assert "delete workloadrebalancers.apps.karmada.io return-to-plan" in deleted
    assert applied.endswith("rebalance.yaml")


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"conditions": (0, "False")}, "it is not Ready"),
        ({"conditions": (0, "")}, "it is not Ready"),
        (CLEAN | {".spec.taints": (0, "other site-down")}, "it bears the taint site-down"),
        (CLEAN | {"deletionTimestamp": (0, "2026-01-01T00:00:00Z")}, "old Works"),
    ],
)
@pytest.mark.parametrize("words", [[], ["--execute"]])
def test_nothing_moves_back_while_anything_old_is_left(tmp_path, manifests, answers, reason, words):
    bench = Bench(tmp_path, manifests)
    bench.answer(answers)
    done = bench.run(FAILBACK, *words, "tokyo-edge", FAILBACK_WAIT_S="0", FAILBACK_POLL_S="0")
    assert (done.returncode, bench.changes()) == (1, [])
    assert reason in done.stdout


def test_an_api_server_that_fails_is_not_taken_for_a_clean_cluster(tmp_path, manifests):
    bench = Bench(tmp_path, manifests)
    bench.answer(CLEAN | {"deletionTimestamp": (1, "")})
    done = bench.run(FAILBACK, "--execute", "tokyo-edge", FAILBACK_WAIT_S="0")
    assert done.returncode != 0
    assert bench.changes() == []


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (FAILBACK, []),
        (FAILBACK, ["--force", "tokyo-edge"]),
        (FAILBACK, ["--execute"]),
        (FAILBACK, ["tokyo"]),
        (ALLOW, ["--force"]),
        (ALLOW, ["--execute", "--execute"]),
    ],
)
def test_unknown_words_are_refused(tmp_path, manifests, script, words):
    bench = Bench(tmp_path, manifests)
    done = bench.run(script, *words)
    assert (done.returncode, bench.calls) == (2, [])
    assert "usage:" in done.stderr

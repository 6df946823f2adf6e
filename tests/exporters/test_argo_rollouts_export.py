"""Rollouts: the plan's replicas and percentiles, whole pods, one region after another."""

import math
import re

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import MissingInputs, PlannerError, UnfaithfulExport
from planner.exporters.argo_rollouts import export_argo_rollouts, region_order
from planner.exporters.canary import canary_pods, canary_steps
from planner.exporters.karmada import export_karmada
from planner.exporters.kubernetes import export_kubernetes
from tests.conformance.schemas import shared, strict, unknown_values
from tests.exporters.cluster_trees import changed, scenario_changed
from tests.exporters.ownership import variant, writers
from tests.exporters.platforms import taiwan_plan, with_platform
from tests.exporters.scripts import Bench, shellcheck

SCRIPT = "docs/rollouts/rollout.sh"


@pytest.fixture(scope="module")
def plan():
    return variant("karmada", "pinned", True)


@pytest.fixture(scope="module")
def manifests(plan):
    return export_argo_rollouts(plan)


def found(manifests, kind):
    """Objects of a kind by cluster and service."""
    return {
        (m.path.parts[1], document["metadata"]["name"]): document
        for m in manifests
        if not isinstance(m.content, str)
        for document in m.content
        if document.get("kind") == kind
    }


def placed(plan):
    return {
        (plan.scenario.regions[region].cluster, name): (region, count)
        for name, service in plan.services.items()
        for region, count in service.replicas.items()
        if count
    }


def controller_pods(replicas, weight, surge):
    """The controller's rule in its own order and its own floating point."""
    exact = replicas * weight / 100
    above, below = math.ceil(exact), math.floor(exact)
    tied = math.modf(replicas * (weight / 100))[0] == 0.5
    whole = weight in (0, 100) or (replicas == 1 and surge == 0)
    options = []
    if above < replicas or whole:
        options.append((above, replicas))
    if not tied and (below != 0 or whole):
        options.append((below, replicas))
    if surge:
        options.append((above, replicas + 1))
        if math.modf((replicas + 1) * (weight / 100))[0] != 0.5 and (below != 0 or whole):
            options.append((below, replicas + 1))
    best = options[0] if options else (0, replicas)
    for option in options[1:]:
        off, least = (abs(c * 100 / t - weight) for c, t in (option, best))
        if off < least:
            best = option
    return best[0], best[1] - best[0]


def test_weights_mean_the_pods_that_the_controller_would_start():
    for surge in (0, 1, 2):
        for replicas in range(1, 151):
            for weight in range(101):
                want = controller_pods(replicas, weight, surge)
                assert canary_pods(replicas, weight, surge) == want, (replicas, weight, surge)


@given(st.integers(1, 250), st.integers(0, 3))
def test_steps_rise_keep_both_versions_and_state_their_own_ratio(replicas, surge):
    steps = canary_steps(replicas, surge)
    assert [s.weight for s in steps] == sorted({s.weight for s in steps})
    assert [s.canary for s in steps] == sorted({s.canary for s in steps})
    for step in steps:
        assert canary_pods(replicas, step.weight, surge) == (step.canary, step.stable)
        assert step.canary
        assert step.stable
        assert replicas <= step.canary + step.stable <= replicas + bool(surge)
        # A percent is the finest grain that a Rollout has.
        ratio = 100 * step.canary / (step.canary + step.stable)
        assert abs(ratio - step.weight) < 1 or step.weight == 1
    assert bool(steps) == (replicas > 1 or surge > 0)


def test_each_cluster_has_the_replicas_of_the_plan(plan, manifests):
    rollouts = found(manifests, "Rollout")
    assert {key: r["spec"]["replicas"] for key, r in rollouts.items()} == {
        key: count for key, (_, count) in placed(plan).items()
    }


def test_the_pod_is_that_of_the_deployment(plan, manifests):
    deployed = {
        d["metadata"]["name"]: d
        for m in export_kubernetes(variant("karmada"), federation="none")
        if not isinstance(m.content, str)
        for d in m.content
        if d.get("kind") == "Deployment"
    }
    for (_, name), rollout in found(manifests, "Rollout").items():
        (container,) = rollout["spec"]["template"]["spec"]["containers"]
        assert [e["name"] for e in container["env"]] == ["REGION"]
        bare = {k: v for k, v in container.items() if k != "env"}
        want = deployed[name]["spec"]["template"]
        assert [bare] == want["spec"]["containers"]
        assert rollout["spec"]["template"]["metadata"] == want["metadata"]
        assert rollout["spec"]["selector"] == deployed[name]["spec"]["selector"]


def test_an_autoscaler_keeps_the_replicas_to_itself():
    for rollout in found(
        export_argo_rollouts(variant("karmada", "member", True)), "Rollout"
    ).values():
        assert "replicas" not in rollout["spec"]


def test_every_step_is_judged_before_the_next(plan, manifests):
    for (cluster, name), rollout in found(manifests, "Rollout").items():
        canary = rollout["spec"]["strategy"]["canary"]
        surge = plan.scenario.services[name].surge_replicas
        weights = [s["setWeight"] for s in canary["steps"][::2]]
        assert weights == [s.weight for s in canary_steps(placed(plan)[cluster, name][1], surge)]
        for step in canary["steps"][1::2]:
            (template,) = step["analysis"]["templates"]
            assert (cluster, template["templateName"]) in found(manifests, "AnalysisTemplate")
        assert canary["maxSurge"] == surge


def test_thresholds_are_the_plans(plan, manifests):
    for (cluster, name), template in found(manifests, "AnalysisTemplate").items():
        region = placed(plan)[cluster, name][0]
        metrics = {m["name"]: m for m in template["spec"]["metrics"]}
        for metric in ("p95-canary", "p95-region"):
            limit = float(metrics[metric]["successCondition"].rpartition(" ")[2])
            assert limit == pytest.approx(plan.services[name].p95_ms[region] / 1000, rel=1e-8)
            assert metrics[metric]["failureCondition"].endswith(f"> {limit:.9g}")
        assert f'region="{region}"' in metrics["p95-region"]["provider"]["prometheus"]["query"]


def test_the_error_threshold_follows_the_availability_that_is_promised(plan):
    known = plan.scenario.platform
    monitoring = known.monitoring.model_copy(update={"availability_share": 0.999})
    stricter = with_platform(plan, known.model_copy(update={"monitoring": monitoring}))
    for template in found(export_argo_rollouts(stricter), "AnalysisTemplate").values():
        errors = template["spec"]["metrics"][0]
        assert errors["name"] == "errors-canary"
        # 14.4 times what an availability of 99.9 % allows.
        assert float(errors["successCondition"].rpartition(" ")[2]) == pytest.approx(0.0144)


def test_without_data_a_canary_waits_unless_nobody_is_served_there(plan):
    service = plan.services["api"]
    p95 = {region: ms for region, ms in service.p95_ms.items() if region != "tokyo"}
    quiet = plan.model_copy(
        update={"services": plan.services | {"api": service.model_copy(update={"p95_ms": p95})}}
    )
    templates = found(export_argo_rollouts(quiet), "AnalysisTemplate")
    emergency = plan.scenario.services["api"].objective.emergency_p95_ms / 1000
    for metric in templates["tokyo-edge", "api"]["spec"]["metrics"]:
        assert metric["successCondition"].startswith("len(result) == 0 || isNaN(result[0]) || ")
        if metric["name"].startswith("p95"):
            assert metric["successCondition"].endswith(f"<= {emergency:.9g}")
    for metric in templates["taiwan-master", "api"]["spec"]["metrics"]:
        assert metric["successCondition"].startswith("len(result) > 0 && !isNaN(result[0]) && ")
        assert metric["failureCondition"].startswith("len(result) > 0 && !isNaN(result[0]) && ")


def test_the_home_region_comes_last_and_the_least_used_first(plan):
    assert region_order(plan, "api") == ("tokyo", "losangeles", "singapore", "taipei")
    for name in plan.services:
        order = region_order(plan, name)
        assert order[-1] == plan.scenario.federation.host_region
        assert set(order) == {r for r, n in plan.services[name].replicas.items() if n}


def test_documents_fit_the_published_schemas(manifests):
    schemas = {}
    for path in shared("crds", "argo-rollouts").glob("*.yaml"):
        crd = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        schema = strict(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        schemas[crd["spec"]["names"]["kind"]] = jsonschema.Draft4Validator(schema)
    for kind in ("Rollout", "AnalysisTemplate"):
        documents = found(manifests, kind).values()
        assert documents
        for document in documents:
            schemas[kind].validate(document)
            wrong = document | {"spec": document["spec"] | {"metricz": []}}
            with pytest.raises(jsonschema.ValidationError):
                schemas[kind].validate(wrong)


def test_chart_values_exist(manifests):
    values = [m.content[0] for m in manifests if m.path.name == "values.yaml"]
    assert len(values) == 4
    for one in values:
        assert unknown_values("argo-rollouts", one) == []


def test_karmada_learns_what_a_rollout_is_and_kubefed_is_told_nothing(manifests):
    (interpreter,) = found(manifests, "ResourceInterpreterCustomization").values()
    assert interpreter["spec"]["target"] == {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
    }
    functions = {
        "replicaResource": "GetReplicas",
        "replicaRevision": "ReviseReplica",
        "healthInterpretation": "InterpretHealth",
        "statusAggregation": "AggregateStatus",
    }
    for name, rule in interpreter["spec"]["customizations"].items():
        assert f"function {functions[name]}(" in rule["luaScript"]
    other = export_argo_rollouts(variant("kubefed", "pinned", True))
    assert found(other, "ResourceInterpreterCustomization") == {}


@pytest.mark.parametrize("scaler", ["pinned", "member"])
def test_no_object_has_a_second_writer_beside_the_other_trees(scaler):
    plan = variant("karmada", scaler, True)
    trees = [*export_kubernetes(plan), *export_karmada(plan), *export_argo_rollouts(plan)]
    every = writers(plan, {m.path: m for m in trees}.values())
    assert {key: files for key, files in every.items() if len(files) > 1} == {}
    assert any(kind == "Rollout" for _, _, kind, *_ in every)


def test_a_plan_without_rollouts_gets_a_readme_that_says_so():
    (readme,) = export_argo_rollouts(taiwan_plan())
    assert "No service of this plan is rolled out by canary" in readme.content


def test_missing_inputs_are_listed_together(plan):
    known = plan.scenario.platform
    cost = plan.cost.model_copy(update={"lost_requests_month": 0.0})
    bare = changed(
        plan.model_copy(update={"cost": cost}),
        {"api": {"readiness_path": None, "metrics_port": None}},
        monitoring=known.monitoring.model_copy(update={"home": None}),
    )
    with pytest.raises(MissingInputs) as refused:
        export_argo_rollouts(bare)
    assert refused.value.missing["argo_rollouts"] == (
        "platform.monitoring.availability_share",
        "platform.monitoring.home",
        "platform.services.api.metrics_port",
        "platform.services.api.readiness_path",
    )


def test_an_availability_that_no_burn_can_exceed_is_refused(plan):
    known = plan.scenario.platform
    low = known.monitoring.model_copy(update={"availability_share": 0.5})
    with pytest.raises(UnfaithfulExport, match="too low"):
        export_argo_rollouts(with_platform(plan, known.model_copy(update={"monitoring": low})))


@pytest.mark.parametrize("name", ['api"} or vector(0) #', "api; rm -rf /", "$(reboot)", "a\nb: c"])
def test_hostile_names_are_refused(plan, name):
    for hostile in (
        scenario_changed(plan, namespace=name),
        scenario_changed(
            plan, services=plan.scenario.services | {name: plan.scenario.services["api"]}
        ),
    ):
        with pytest.raises(PlannerError):
            export_argo_rollouts(hostile)


def test_the_same_plan_gives_the_same_files(plan, manifests):
    assert export_argo_rollouts(plan) == manifests


def test_scripts_pass_shellcheck(tmp_path, manifests):
    shellcheck(tmp_path, manifests)


def test_without_execute_nothing_is_called(tmp_path, plan, manifests):
    bench = Bench(tmp_path, manifests)
    done = bench.run(SCRIPT, "api")
    assert (done.returncode, bench.calls) == (0, [])
    clusters = re.findall(r"clusters/([^/]+)/", done.stdout)
    order = [plan.scenario.regions[r].cluster for r in region_order(plan, "api")]
    assert clusters == order
    for line in done.stdout.splitlines():
        assert (
            bench.root / line.split("would apply ")[1].split(" to ")[0].split("an export/")[1]
        ).exists()


def test_regions_follow_each_other_and_a_bad_one_stops_the_rest(tmp_path, manifests):
    bench = Bench(tmp_path, manifests)
    bench.answer({".metadata.generation": (0, "7"), ".status.phase": (0, "7 Healthy")})
    done = bench.run(SCRIPT, "--execute", "api")
    assert done.returncode == 0
    applied = [call.split()[2] for call in bench.changes()]
    assert applied == ["tokyo-edge", "losangeles-edge", "singapore-edge", "taiwan-master"]
    bench.answer(
        {
            ".metadata.generation": (0, "7"),
            "losangeles-edge --namespace prod-api get": (0, "7 Degraded"),
            ".status.phase": (0, "7 Healthy"),
        }
    )
    done = bench.run(SCRIPT, "--execute", "api")
    assert done.returncode == 1
    assert "api in losangeles-edge is not healthy" in done.stderr
    assert [call.split()[2] for call in bench.changes()] == ["tokyo-edge", "losangeles-edge"]


def test_an_old_status_is_not_taken_for_the_new_one(tmp_path, manifests):
    bench = Bench(tmp_path, manifests)
    bench.answer({".metadata.generation": (0, "8"), ".status.phase": (0, "7 Healthy")})
    done = bench.run(SCRIPT, "--execute", "api", ROLLOUT_WAIT_S="0", ROLLOUT_POLL_S="0")
    assert done.returncode == 1


@pytest.mark.parametrize("words", [["--force"], ["nothing"], ["api", "--execute"], ["*"]])
def test_unknown_words_are_refused(tmp_path, manifests, words):
    bench = Bench(tmp_path, manifests)
    done = bench.run(SCRIPT, *words)
    assert (done.returncode, bench.calls) == (2, [])
    assert "usage:" in done.stderr

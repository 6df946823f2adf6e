"""Totals that follow the day: set in time, divided as planned, within the pools, by one writer."""

from __future__ import annotations

import json
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import MissingInputs, UnfaithfulExport
from planner.exporters.clusters import export_clusters
from planner.exporters.failover import export_failover
from planner.exporters.hours import (
    as_scheduled,
    fewest_replicas,
    schedule_of,
    spare_replicas,
    stands_all_day,
)
from planner.exporters.karmada import export_karmada, static_weights
from planner.exporters.kubefed import export_kubefed
from planner.exporters.kubefed_hours import _job_name
from planner.exporters.kubernetes import export_kubernetes
from planner.exporters.operations import export_operations
from planner.exporters.planned_series import planned_rules
from planner.exporters.preflight import missing_inputs
from planner.exporters.schedules import ahead, schedule_rules, settings
from planner.exporters.workload import region_of_cluster
from planner.federation.karmada import divide_static
from planner.federation.kubefed import Preference, divide
from planner.model.plan import Plan
from tests.exporters.cluster_trees import (
    REGIONS,
    SERVICES,
    needing,
    of_kind,
    readme_of,
    scenario_changed,
)
from tests.exporters.hourly_plans import DAY, HOURS, IMAGE, hourly_plan, night_total
from tests.exporters.ownership import objects
from tests.exporters.platforms import bare_taiwan_plan, taiwan_plan, with_platform

DAY_MINUTES = 1440
DAYS = st.lists(st.integers(1, 9), min_size=24, max_size=24)


def needed_at(totals: list[int], minute: int, lead: int) -> int:
    """What the pods of a minute, and those that must be started then, ask for."""
    return max(totals[(m // 60) % 24] for m in range(minute, minute + lead + 1))


@given(DAYS, st.integers(0, 7000))
def test_at_every_minute_the_schedule_holds_the_least_that_is_ready_in_time(
    totals: list[int], startup_s: int
) -> None:
    rules, lead = dict(schedule_rules(totals, startup_s)), -(-startup_s // 60) + 1
    if not rules:
        assert {needed_at(totals, minute, lead) for minute in range(DAY_MINUTES)} == {totals[0]}
        return
    in_force = rules[max(rules)]  # the last of the day before
    for minute in range(DAY_MINUTES):
        in_force = rules.get(minute, in_force)
        assert in_force == needed_at(totals, minute, lead)


@given(DAYS, st.integers(0, 7000), st.integers(0, 23))
def test_settings_hold_it_too_and_an_hour_that_is_missed_is_made_good_by_the_next(
    totals: list[int], startup_s: int, missed: int
) -> None:
    lead = -(-startup_s // 60) + 1
    found = settings(totals, startup_s)
    at = {hour * 60 + minute: total for (minute, total), hours in found.items() for hour in hours}
    assert sum(map(len, found.values())) == len(at)
    assert all(hour * 60 in at for hour in range(24))
    for skipped in (None, missed):
        done = {minute: total for minute, total in at.items() if minute // 60 != skipped}
        in_force = done[max(done)]
        for minute in range(DAY_MINUTES):
            in_force = done.get(minute, in_force)
            if minute // 60 != skipped:
                assert in_force == needed_at(totals, minute, lead)


def jobs_of(manifests: Any) -> list[dict[str, Any]]:
    """The jobs that set totals."""
    return list(of_kind(manifests, "CronJob").values())


def set_by(job: dict[str, Any]) -> tuple[str, int]:
    """The service whose total a job sets, and to what."""
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    command = container["command"]
    patch = next(word for word in command if word.startswith("--patch="))
    place = command.index("replicaschedulingpreferences.scheduling.kubefed.io")
    change = json.loads(patch.removeprefix("--patch="))
    return command[place + 1], change["spec"]["totalReplicas"]


def test_kubefeds_jobs_set_every_hours_total_before_it_is_needed() -> None:
    plan = hourly_plan("kubefed")
    at: dict[str, dict[int, int]] = {name: {} for name in SERVICES}
    for job in jobs_of(export_kubefed(plan)):
        kubernetes_validate.validate(job, "1.36", strict=True)
        minute, hours = job["spec"]["schedule"].removesuffix(" * * *").split(" ")
        name, total = set_by(job)
        for hour in hours.split(","):
            assert at[name].setdefault(60 * int(hour) + int(minute), total) == total
    for name in SERVICES:
        night, day = night_total(plan, name), plan.services[name].total
        want = {60 * hour: day if hour in DAY else night for hour in HOURS}
        assert at[name] == want | {7 * 60 + 58: day}


def test_the_jobs_may_change_these_preferences_and_nothing_else() -> None:
    plan = hourly_plan("kubefed")
    manifests = export_kubefed(plan)
    (hours,) = (m for m in manifests if m.path.name == "hours.yaml")
    account, role, binding, *jobs = hours.content
    assert role["rules"] == [
        {
            "apiGroups": ["scheduling.kubefed.io"],
            "resources": ["replicaschedulingpreferences"],
            "resourceNames": list(SERVICES),
            "verbs": ["get", "patch"],
        }
    ]
    subject = {"kind": "ServiceAccount"} | {
        key: account["metadata"][key] for key in ("name", "namespace")
    }
    assert binding["subjects"] == [subject]
    assert binding["metadata"]["namespace"] == plan.scenario.namespace
    for document in hours.content:
        kubernetes_validate.validate(document, "1.36", strict=True)
    for job in jobs:
        pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] == account["metadata"]["name"]
        assert job["metadata"]["namespace"] == account["metadata"]["namespace"]
        assert [c["image"] for c in pod["containers"]] == [IMAGE]


@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_from_the_documents_alone_each_hour_has_what_it_needs(controller: str) -> None:
    plan = hourly_plan(controller)
    manifests = {"kubefed": export_kubefed, "karmada": export_karmada}[controller](plan)
    regions = region_of_cluster(plan.scenario)
    for name, needs in plan.needs.services.items():
        hours = plan.hourly.services[name]
        for place, total in enumerate(hours.totals):
            if controller == "karmada":
                split = divide_static(total, static_weights(plan, name))
            else:
                spec = of_kind(manifests, "ReplicaSchedulingPreference")[name]["spec"]
                stated = {
                    cluster: Preference(e["weight"], e.get("minReplicas", 0), e["maxReplicas"])
                    for cluster, e in spec["clusters"].items()
                }
                key = f"{plan.scenario.namespace}/{name}"
                split, _ = divide(total, stated, regions, key=key)
            for cluster, region in regions.items():
                assert split[cluster] >= needs.survive[region][place]
                assert split[cluster] <= plan.services[name].max_replicas[region]


def with_hours(plan: Plan, name: str, **fields: Any) -> Plan:
    """The plan with parts of a service's schedule replaced, past all checks."""
    service = plan.hourly.services[name].model_copy(update=fields)
    hourly = plan.hourly.model_copy(update={"services": plan.hourly.services | {name: service}})
    return plan.model_copy(update={"hourly": hourly})


def smaller_pools(plan: Plan, name: str, most: dict[str, int]) -> Plan:
    """The plan with pools that hold less of one service."""
    service = plan.services[name].model_copy(update={"max_replicas": most})
    return plan.model_copy(update={"services": plan.services | {name: service}})


def test_an_hours_total_that_karmada_moves_beyond_the_pools_is_refused() -> None:
    roomy = hourly_plan("karmada", karmada_failover="on")
    for name in SERVICES:
        total = roomy.services[name].total
        roomy = smaller_pools(roomy, name, dict.fromkeys(REGIONS, total))
    export_karmada(roomy)
    planned = roomy.services["api"].replicas
    tight = smaller_pools(roomy, "api", dict(planned))
    sentence = r"in the state 'lost\.\w+'; its pools hold \d+, with the total \d+ of \d\d:00 UTC"
    with pytest.raises(UnfaithfulExport, match=sentence):
        export_karmada(tight)
    # The day's total alone: by night the pools hold what Karmada moves.
    losses = [
        divide_static(night_total(roomy, "api"), {c: w for c, w in weights.items() if c != lost})
        for weights in [static_weights(roomy, "api")]
        for lost in weights
    ]
    regions = region_of_cluster(roomy.scenario)
    most = {regions[c]: max(loss.get(c, 0) for loss in losses) for c in regions}
    with pytest.raises(UnfaithfulExport, match=r"of 08:00 UTC"):
        export_karmada(smaller_pools(roomy, "api", most))


def test_kubefed_is_refused_hours_that_it_would_divide_otherwise() -> None:
    plan = hourly_plan("kubefed")
    rows = dict(plan.hourly.services["api"].replicas)
    rows["taipei"], rows["tokyo"] = (
        tuple(n + d for n in rows[r]) for r, d in (("taipei", 1), ("tokyo", -1))
    )
    moved = with_hours(plan, "api", replicas=rows)
    moved = moved.model_copy(update={"needs": None})
    with pytest.raises(UnfaithfulExport, match="KubeFed would place the service 'api'"):
        export_kubefed(moved)


@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_hours_that_do_not_survive_are_refused(controller: str) -> None:
    plan = hourly_plan(controller)
    needs = plan.needs.services["orders"]
    more = {r: (*row[:5], row[5] + 1, *row[6:]) for r, row in needs.survive.items()}
    changed = needs.model_copy(update={"survive": more})
    services = plan.needs.services | {"orders": changed}
    plan = plan.model_copy(update={"needs": plan.needs.model_copy(update={"services": services})})
    export = {"kubefed": export_kubefed, "karmada": export_karmada}[controller]
    with pytest.raises(UnfaithfulExport, match=r"at 05:00 UTC the plan has \d+ replicas"):
        export(plan)


@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_a_larger_total_that_comes_early_holds_what_the_hour_before_needs(controller: str) -> None:
    plan = hourly_plan(controller)
    last = min(DAY) - 1
    row = plan.hourly.services["orders"].replicas["tokyo"]
    more = (*row[:last], row[last + 1] + 1, *row[last + 1 :])
    replicas = plan.hourly.services["orders"].replicas | {"tokyo": more}
    needs = plan.needs.services["orders"]
    survive = needs.survive | {"tokyo": more}
    services = plan.needs.services | {"orders": needs.model_copy(update={"survive": survive})}
    plan = with_hours(plan, "orders", replicas=replicas)
    plan = plan.model_copy(update={"needs": plan.needs.model_copy(update={"services": services})})
    sentence = (
        f"at {last:02d}:00 UTC, once the total of {last + 1:02d}:00 UTC is in force, the plan"
    )
    export = {"kubefed": export_kubefed, "karmada": export_karmada}[controller]
    with pytest.raises(UnfaithfulExport, match=sentence):
        export(plan)


@given(DAYS, st.integers(0, 20_000))
def test_hours_ahead_are_those_whose_totals_the_schedule_sets(
    totals: list[int], startup_s: int
) -> None:
    changes = sorted(schedule_rules(totals, startup_s))
    level = changes[-1][1] if changes else totals[0]
    in_force: dict[int, set[int]] = {hour: set() for hour in HOURS}
    at = dict(changes)
    for minute in range(DAY_MINUTES):
        level = at.get(minute, level)
        in_force[minute // 60].add(level)
    for hour in HOURS:
        groups = [group for group in ahead(HOURS, startup_s) if group[0] == hour]
        found = {max(totals[place] for place in group) for group in groups}
        assert found <= in_force[hour] <= found | {totals[hour]}


def test_an_image_that_is_missing_is_said_before_anything_is_planned() -> None:
    plan = hourly_plan("kubefed")
    platform = plan.scenario.platform.model_copy(update={"images": None})
    with pytest.raises(MissingInputs, match=r"platform\.images\.kubectl"):
        export_kubefed(with_platform(plan, platform))
    scenario = with_platform(plan, platform).scenario
    missing, certain = missing_inputs(scenario, ["kubefed"])
    assert missing == {"kubefed": ("platform.images.kubectl",)}
    assert certain
    export_kubefed(taiwan_plan())  # nobody asks for it where totals stand all day


def test_a_schedule_that_cannot_be_had_is_refused_with_what_to_write() -> None:
    plan = hourly_plan("kubefed")
    without = plan.model_copy(update={"hourly": None})
    with pytest.raises(UnfaithfulExport, match="plan again"):
        export_kubefed(without)
    federation = plan.scenario.federation.model_copy(update={"rebalance": False})
    with pytest.raises(UnfaithfulExport, match=r"federation\.rebalance"):
        export_kubefed(scenario_changed(without, federation=federation))


def test_the_other_controllers_tree_keeps_the_plans_total() -> None:
    for controller, export, kind in (
        ("kubefed", export_karmada, "Deployment"),
        ("karmada", export_kubefed, "ReplicaSchedulingPreference"),
    ):
        plan = hourly_plan(controller)
        services = {
            name: service.model_copy(update={"autoscaler": None})
            for name, service in plan.scenario.services.items()
        }
        manifests = export(scenario_changed(plan, services=services))
        kinds = {document["kind"] for _, document in objects(manifests)}
        assert not kinds & {"CronJob", "CronFederatedHPA", "FederatedHPA"}
        field = {"Deployment": "replicas"}.get(kind, "totalReplicas")
        for name, document in of_kind(manifests, kind).items():
            assert document["spec"][field] == plan.services[name].total


@pytest.mark.parametrize("controller", ["kubefed", "karmada"])
def test_pinned_replicas_stay_all_day_and_the_readme_says_so(controller: str) -> None:
    plan = hourly_plan(controller)
    platform = plan.scenario.platform
    pinned = {n: s.model_copy(update={"scaler": "pinned"}) for n, s in platform.services.items()}
    plan = with_platform(plan, platform.model_copy(update={"services": pinned, "images": None}))
    manifests = {"kubefed": export_kubefed, "karmada": export_karmada}[controller](plan)
    kinds = {document["kind"] for _, document in objects(manifests)}
    assert not kinds & {"CronJob", "CronFederatedHPA"}
    assert "their totals stand all day" in readme_of(manifests)


def with_scaler(plan: Plan, names: tuple[str, ...], **fields: Any) -> Plan:
    """The plan with some services scaled otherwise."""
    platform = plan.scenario.platform
    changed = {n: platform.services[n].model_copy(update=fields) for n in names}
    services = platform.services | changed
    return with_platform(plan, platform.model_copy(update={"services": services}))


def test_what_stays_all_day_is_told_with_its_reason() -> None:
    plan = hourly_plan("karmada")
    assert list(stands_all_day(plan)) == []
    mixed = with_scaler(plan, ("api",), scaler="member")
    mixed = with_scaler(mixed, ("orders",), scaler="member", rollout=True)
    assert [schedule_of(mixed, name, "karmada") is None for name in ("api", "orders")] == [True] * 2
    by_cluster, rollout = sorted(stands_all_day(mixed))
    assert by_cluster.startswith("api: ")
    assert "the scaler is 'member'" in by_cluster
    assert rollout.startswith("orders: ")
    assert "a Rollout stands in each cluster" in rollout
    without = scenario_changed(plan, platform=None)
    (every,) = stands_all_day(without)
    assert all(name in every for name in SERVICES)
    assert "the scaler is 'pinned'" in every
    fixed = without.scenario.policy.model_copy(update={"replicas": "fixed"})
    assert list(stands_all_day(scenario_changed(without, policy=fixed))) == []


def test_budgets_spare_what_the_worst_hour_spares() -> None:
    plan = hourly_plan("kubefed")
    budgets = of_kind(export_kubernetes(plan), "PodDisruptionBudget")
    assert {b["spec"]["maxUnavailable"] for b in budgets.values()} == {1}
    for name in SERVICES:
        for region in REGIONS:
            held = plan.hourly.services[name].replicas[region]
            needed = plan.needs.services[name].normal[region]
            worst = min(h - n for h, n in zip(held, needed, strict=True))
            assert spare_replicas(plan, name, region) == worst == 1
            assert fewest_replicas(plan, name, region) == min(held)


def test_without_a_platform_budgets_spare_the_same() -> None:
    plan = needing(bare_taiwan_plan(), {"api": 2, "static": 1})
    budgets = [d for _, d in objects(export_clusters(plan)) if d["kind"] == "PodDisruptionBudget"]
    assert {(b["metadata"]["name"], b["spec"]["maxUnavailable"]) for b in budgets} == {
        ("api", 2),
        ("orders", 1),
        ("static", 1),
    }


def test_alerts_expect_the_smallest_hour_at_least() -> None:
    plan = hourly_plan("karmada")
    rules = planned_rules(plan, "taipei", 0.999)
    for name, value in (("planned", max), ("fewest", min)):
        found = {
            (r["labels"]["service"], r["labels"]["region"]): r["expr"]
            for r in rules
            if r["record"] == f"plan:replicas:{name}"
        }
        assert found == {
            (service, region): f"vector({value(row)})"
            for service, hours in plan.hourly.services.items()
            for region, row in hours.replicas.items()
        }


def test_the_standby_takes_the_schedule_over() -> None:
    script = next(
        str(m.content)
        for m in export_failover(hourly_plan("kubefed"))
        if m.path.name == "take-over-kubefed.sh"
    )
    assert "federation/kubefed/hours.yaml" in script
    plain = {m.path.name: m for m in export_failover(taiwan_plan())}
    assert "hours.yaml" not in str(plain["take-over-kubefed.sh"].content)


def test_the_plan_as_it_starts_has_the_largest_total() -> None:
    plan = hourly_plan("kubefed")
    assert as_scheduled(taiwan_plan(), "kubefed") is taiwan_plan()
    for name, service in as_scheduled(plan, "kubefed").services.items():
        assert service.total == max(plan.hourly.services[name].totals)
        assert service.total == sum(service.replicas.values())


def test_names_of_jobs_stay_short_and_apart() -> None:
    names = [_job_name(f"{'a' * 60}{end}", 58, 1_000_000) for end in "xyz"]
    assert len(set(names)) == 3
    assert all(len(name) <= 52 for name in names)


def test_operations_name_what_no_server_can_be_drained_of_at_the_peak() -> None:
    plan = needing(taiwan_plan(), {"api": 2})
    (operations,) = export_operations(plan)
    text = str(operations.content)
    part = text[text.index("## Draining a server") : text.index("## Back to the plan before")]
    assert "| orders | taiwan-master, singapore-edge, tokyo-edge, losangeles-edge |" in part
    assert "| api |" not in part
    (roomy,) = export_operations(needing(plan, dict.fromkeys(SERVICES, 1)))
    assert "Draining a server" not in str(roomy.content)

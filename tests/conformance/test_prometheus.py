"""Exported rules and dashboards before Prometheus's own judge: promtool."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from planner.exporters.metrics_contract import (
    CONTRACT,
    DURATION,
    INGRESS_JOB,
    MESH_JOB,
    POD_LABELS,
    POD_READY,
    POD_SCHEDULED,
    PROBE,
    REQUESTS,
    SENT,
    STATE_METRICS,
    UP,
)
from planner.exporters.monitoring import availability_objective
from planner.exporters.prometheus import export_prometheus
from planner.model.manifest import Document
from planner.model.plan import Plan
from tests.conformance.healthy_world import (
    Series,
    changed,
    durations,
    pod,
    sent,
    series,
    without,
    world,
)
from tests.conformance.tools import run, tool
from tests.exporters.monitored import alerts, documents, expressions
from tests.exporters.platforms import taiwan_plan

STEP_S = 30
LENGTH_S = 1500
World = list[Series]
Case = tuple[str, Callable[[Plan, World], World], set[str]]


def rule_groups(plan: Plan, *, standby: bool = False) -> list[Document]:
    """Return the groups of the home's rules, or of those of the region that watches it."""
    return [
        group
        for document in documents(export_prometheus(plan))
        if document.get("kind") == "PrometheusRule"
        if document["metadata"]["name"].endswith("standby") == standby
        for group in document["spec"]["groups"]
    ]


def replica_lost(plan: Plan, found: World) -> World:
    where = {"region": "tokyo", "pod": "api-0"}
    return changed(found, POD_READY, {"value": 0.0}, **where)


def service_lost(plan: Plan, found: World) -> World:
    for number in range(plan.services["orders"].replicas["tokyo"]):
        for metric in (POD_READY, POD_LABELS, POD_SCHEDULED):
            found = without(found, metric, region="tokyo", pod=f"orders-{number}")
    return found


def replicas_besides(plan: Plan, found: World) -> World:
    most = plan.scenario.services["api"].surge_replicas + 1
    return [*found, *(s for n in range(most) for s in pod(plan, "tokyo", "api", 900 + n))]


def surge(plan: Plan, found: World) -> World:
    return [*found, *pod(plan, "tokyo", "api", 900)]


def pod_pending(plan: Plan, found: World) -> World:
    where = {"region": "tokyo", "pod": "api-0"}
    return changed(found, POD_SCHEDULED, {"value": 0.0}, **where)


def japan_elsewhere(plan: Plan, found: World) -> World:
    labels = {"service": "api", "country": "JP"}
    rest = without(found, REQUESTS, **labels)
    wrong = series(REQUESTS, 0, 1.0, region="losangeles", service="api", country="JP", code="200")
    return [*rest, wrong]


def crowded(plan: Plan, found: World) -> World:
    """Singapore has as many requests as all its replicas carry: without it others have too many."""
    crowd = series(
        REQUESTS, 0, 26 * 80.0, region="singapore", service="api", country="SG", code="200"
    )
    return [*without(found, REQUESTS, region="singapore", service="api"), crowd]


def slower_than_planned(plan: Plan, found: World) -> World:
    return [
        *without(found, DURATION, region="taipei", service="api"),
        *quantile_at(plan.services["api"].p95_ms["taipei"] / 1000 * 1.02),
    ]


def quantile_at(p95_s: float) -> list[Series]:
    """Return a histogram of Taipei whose 95th percentile is this, all in one narrow bucket."""
    edges = (
        ("0.01", 0.0),
        (f"{p95_s:.6f}", 100.0),
        (f"{p95_s * 1.0001:.6f}", 100.0),
        ("+Inf", 100.0),
    )
    narrow = (f"{p95_s * 0.9999:.6f}", 0.0)
    return [
        series(DURATION, 0, growth, region="taipei", service="api", le=bound)
        for bound, growth in (edges[0], narrow, *edges[1:])
    ]


def slower_than_promised(plan: Plan, found: World) -> World:
    rest = without(found, DURATION, region="taipei", service="api")
    return [*rest, *durations("taipei", "api", 10.0, quick=False)]


def between_promises(plan: Plan, found: World) -> World:
    """Above what is promised in peace, below the promise while Tokyo is down."""
    own = plan.scenario.services["api"].objective
    middle = (own.p95_ms + own.emergency_p95_ms) / 2000
    rest = without(region_down(plan, found), DURATION, region="taipei", service="api")
    return [*rest, *quantile_at(middle)]


def region_down(plan: Plan, found: World) -> World:
    return changed(found, PROBE, {"value": 0.0}, job=INGRESS_JOB, to_region="tokyo")


def seen_by_one(plan: Plan, found: World) -> World:
    down = region_down(plan, found)
    return changed(down, PROBE, {"value": 1.0}, job=INGRESS_JOB, to_region="tokyo", region="taipei")


def silent(plan: Plan, found: World) -> World:
    return without(found, UP, region="tokyo")


def link_down(plan: Plan, found: World) -> World:
    return changed(found, PROBE, {"value": 0.0}, job=MESH_JOB, link="taipei-losangeles")


def link_down_one_way(plan: Plan, found: World) -> World:
    where = {"link": "taipei-losangeles", "region": "taipei"}
    return changed(found, PROBE, {"value": 0.0}, job=MESH_JOB, **where)


def cable_cut(plan: Plan, found: World) -> World:
    for name, link in plan.scenario.links.items():
        if "south-china-sea" in link.risk_groups:
            found = changed(found, PROBE, {"value": 0.0}, job=MESH_JOB, link=name)
    return found


def failing(share: float) -> Callable[[Plan, World], World]:
    def fail(plan: Plan, found: World) -> World:
        labels = {"region": "tokyo", "service": "static", "country": "JP"}
        total = sum(s.per_s for s in found if s.metric == REQUESTS and s["service"] == "static")
        bad = series(REQUESTS, 0, total * share, **labels, code="503")
        return [*found, bad]

    return fail


def absent(metric: str, **labels: str) -> Callable[[Plan, World], World]:
    return lambda plan, found: without(found, metric, **labels)


CASES: list[Case] = [
    ("healthy", lambda plan, found: found, set()),
    ("replica lost", replica_lost, {"ReplicasBelowPlan"}),
    ("service lost", service_lost, {"ReplicasBelowPlan"}),
    ("replicas besides", replicas_besides, {"ReplicasAbovePlan"}),
    ("a rolling update", surge, set()),
    ("pod pending", pod_pending, {"PodsUnscheduled"}),
    ("country elsewhere", japan_elsewhere, {"TrafficShareDrift"}),
    ("crowded", crowded, {"HeadroomBelowReserve"}),
    ("slower than planned", slower_than_planned, {"P95AbovePlan"}),
    ("slower than promised", slower_than_promised, {"P95AbovePlan", "P95AboveObjective"}),
    ("slower in an emergency", between_promises, {"RegionDown"}),
    ("region down", region_down, {"RegionDown"}),
    ("region seen by one other", seen_by_one, set()),
    ("region silent", silent, {"RegionSilent", "MetricAbsent"}),
    ("link down", link_down, {"LinkDown", "RiskGroupDown"}),
    ("link down one way", link_down_one_way, set()),
    ("cable cut", cable_cut, {"LinkDown", "RiskGroupDown"}),
    ("errors", failing(0.05), {"ErrorBudgetBurn"}),
    ("few errors", failing(0.0001), set()),
]
"""What happens, and exactly which alerts go off."""

ABSENT: dict[str, set[str]] = {
    POD_LABELS: {"ReplicasBelowPlan"},
    POD_READY: {"ReplicasBelowPlan"},
    UP: {"RegionSilent"},
}
"""What else goes off without a metric."""


def unit_test(
    name: str, found: World, want: set[str], *, of: str = "", by: str = "alertname"
) -> dict[str, Any]:
    """Return a test of promtool: which alerts fire at the end, no more and no fewer."""
    steps = LENGTH_S // STEP_S
    return {
        "name": name,
        "interval": f"{STEP_S}s",
        "input_series": [
            {"series": s.selector, "values": f"{s.value:g}+{s.per_s * STEP_S:g}x{steps}"}
            for s in found
        ],
        "promql_expr_test": [
            {
                "expr": f'group by ({by}) (ALERTS{{alertstate="firing"{of}}})',
                "eval_time": f"{LENGTH_S}s",
                "exp_samples": [
                    {"labels": f'{{{by}="{value}"}}', "value": 1} for value in sorted(want)
                ],
            },
            # An alert without a region would be sent with that of the home.
            {
                "expr": 'ALERTS{region=""}',
                "eval_time": f"{LENGTH_S}s",
                "exp_samples": [],
            },
        ],
    }


def promtool_test(folder: Path, groups: list[Document], tests: list[dict[str, Any]]) -> Any:
    """Run unit tests against rules."""
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}))
    suite = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": f"{STEP_S}s",
        "group_eval_order": [group["name"] for group in groups],
        "tests": tests,
    }
    (folder / "tests.yaml").write_text(yaml.safe_dump(suite))
    return run([tool("promtool"), "test", "rules", folder / "tests.yaml"], timeout_s=500)


def assert_passed(result: Any) -> None:
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]


@pytest.mark.parametrize("standby", [False, True], ids=["home", "standby"])
def test_every_rule_is_one(tmp_path, standby):
    groups = rule_groups(taiwan_plan(), standby=standby)
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": groups}))
    assert_passed(run([tool("promtool"), "check", "rules", path]))
    groups[-1]["rules"][-1]["expr"] += " > on ("
    path.write_text(yaml.safe_dump({"groups": groups}))
    refused = run([tool("promtool"), "check", "rules", path])
    assert refused.returncode != 0
    assert "could not parse expression" in refused.stdout + refused.stderr


def parsed(folder: Path, found: list[str]) -> Any:
    """Let promtool parse expressions."""
    rules = [{"record": f"parsed:{n}", "expr": expression} for n, expression in enumerate(found)]
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "parsed", "rules": rules}]}))
    return run([tool("promtool"), "check", "rules", path])


def test_every_expression_of_rules_and_dashboards_parses(tmp_path):
    found = expressions()
    result = parsed(tmp_path, found)
    assert_passed(result)
    assert re.search(rf"{len(found)} rules found", result.stdout + result.stderr)


def test_an_expression_of_a_dashboard_that_is_mutated_is_refused(tmp_path):
    *others, last = expressions()
    assert last.count("(") > 0
    refused = parsed(tmp_path, [*others, last.replace("(", "((", 1)])
    assert refused.returncode != 0
    assert "could not parse expression" in refused.stdout + refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("name", "happens", "want"), CASES, ids=[case[0] for case in CASES])
def test_exactly_the_alerts_of_what_happens_go_off(tmp_path, name, happens, want):
    plan = taiwan_plan()
    tests = [unit_test(name, happens(plan, world(plan)), want)]
    assert_passed(promtool_test(tmp_path, rule_groups(plan), tests))


@pytest.mark.slow
@pytest.mark.parametrize("metric", [m.name for m in CONTRACT if m.scope != "standby"])
def test_a_metric_that_is_absent_is_missed_everywhere_and_in_one_region(tmp_path, metric):
    plan = taiwan_plan()
    where = {"to_region": "tokyo"} if metric == PROBE else {"region": "tokyo"}
    tests = [
        unit_test(f"{metric} in {place}", absent(metric, **labels)(plan, world(plan)), want)
        for place, labels in (("no place", {}), ("one region", where))
        for want in [{"MetricAbsent"} | ABSENT.get(metric, set()) | side_effects(metric, labels)]
    ]
    assert_passed(promtool_test(tmp_path, rule_groups(plan), tests))


def side_effects(metric: str, labels: dict[str, str]) -> set[str]:
    """Without Tokyo's requests its countries are answered elsewhere, as far as anybody can see."""
    return {"TrafficShareDrift"} if metric == REQUESTS and labels else set()


def test_the_watcher_of_the_home_alarms_when_it_takes_nothing(tmp_path):
    groups = rule_groups(taiwan_plan(), standby=True)
    tests = [
        unit_test("writes", [sent(5.0)], set()),
        unit_test("late", [sent(600.0)], {"MonitoringHomeUnreachable"}),
        unit_test("nothing", [series(UP, job=STATE_METRICS)], {"MetricAbsent"}),
    ]
    assert_passed(promtool_test(tmp_path, groups, tests))


def test_the_judge_refuses_a_rule_that_never_fires(tmp_path):
    groups = rule_groups(taiwan_plan(), standby=True)
    for rule in groups[0]["rules"]:
        rule["expr"] = rule["expr"].replace(SENT, f"{SENT}_x")
    tests = [unit_test("late", [sent(600.0)], {"MonitoringHomeUnreachable"})]
    refused = promtool_test(tmp_path, groups, tests)
    assert refused.returncode != 0
    assert "FAILED" in refused.stdout + refused.stderr


def test_the_judge_refuses_an_alert_that_nobody_expects(tmp_path):
    groups = rule_groups(taiwan_plan(), standby=True)
    refused = promtool_test(tmp_path, groups, [unit_test("late", [sent(600.0)], set())])
    assert refused.returncode != 0
    assert "MonitoringHomeUnreachable" in refused.stdout + refused.stderr


def test_every_alert_has_a_case_in_which_it_goes_off():
    fired = set().union(*(want for _, _, want in CASES))
    assert fired | {"MonitoringHomeUnreachable"} == set(alerts())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("burn", "want"), [(0.8, set()), (3.0, {"3d"}), (8.0, {"6h", "3d"}), (20.0, {"1h", "6h", "3d"})]
)
def test_each_window_of_the_error_budget_has_its_speed(tmp_path, burn, want):
    plan = taiwan_plan()
    share = burn * (1 - availability_objective(plan, "prometheus")[0])
    # Failed requests come on top of the others.
    found = failing(share / (1 - share))(plan, world(plan))
    of = ',alertname="ErrorBudgetBurn"'
    tests = [unit_test(f"{burn} times", found, want, of=of, by="window")]
    assert_passed(promtool_test(tmp_path, rule_groups(plan), tests))

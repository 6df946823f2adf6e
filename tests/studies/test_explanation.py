"""Explanations of whole plans, and savings against programs with every row."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.errors import InvalidPlan
from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.model.plan import Plan
from planner.model.policy import CostWeights, DnsRules
from planner.model.scenario import Scenario
from planner.optimization.resolved import Interval, Value
from planner.optimization.stopping import Stop
from planner.problem.arrays import Problem
from planner.problem.build import build_problem
from planner.problem.documents import solution_of
from planner.studies.effort import Effort
from planner.studies.explanation import Explanation, explain_plan
from planner.studies.main_job import optimize
from planner.studies.savings import Saving, find_savings
from tests.oracles import extensive_form


def built(scenario: Scenario) -> Problem:
    return build_problem(scenario, failure_states(scenario))


@pytest.fixture(scope="module")
def explained(small_plan: Plan) -> Explanation:
    return explain_plan(small_plan, savings=True)


def test_every_service_and_region_has_a_witness_or_an_excuse(explained: Explanation) -> None:
    table = explained.table
    places = list(zip(table.service, table.region, strict=True))
    plan = explained.plan
    assert places == [(s, r) for s in plan.services for r in plan.scenario.regions]
    for row in table.itertuples():
        assert row.replicas == plan.services[row.service].replicas.get(row.region, 0)
        assert row.without < row.replicas or row.replicas == 0
        assert row.why
    assert explained.proven


def test_a_scenario_with_every_limit_wide_is_told_that_nothing_helps(
    explained: Explanation,
) -> None:
    table = explained.savings_table
    assert len(table) == 6 + 3 + 2 + 2
    assert set(table.means) == {"changes nothing"}


def test_no_edit_is_a_scenario_that_would_be_refused(small_plan: Plan) -> None:
    for normal, emergency, count in ((0.8, 0.8, 1), (0.79, 0.8, 2), (0.795, 0.8, 1)):
        policy = small_plan.scenario.policy.model_copy(
            update={"ceiling_normal_share": normal, "ceiling_emergency_share": emergency}
        )
        scenario = small_plan.scenario.model_copy(update={"policy": policy})
        found = explain_plan(optimize(built(scenario)), savings=True)
        names = [s.change for s in found.savings if " ceiling " in s.change]
        assert len(names) == count
        for name in names:
            raised = edited(scenario, name).policy
            assert raised.ceiling_normal_share <= raised.ceiling_emergency_share


def tight(plan: Plan) -> Scenario:
    """The small scenario with small servers, a narrow uplink and dear latency."""
    scenario = plan.scenario
    kind = scenario.server_types["edge-16c"].model_copy(
        update={"cpu_cores": 6.0, "memory_gib": 30.0}
    )
    regions = dict(scenario.regions)
    regions["taipei"] = regions["taipei"].model_copy(update={"uplink_gbps": 0.04})
    return scenario.model_copy(
        update={
            "server_types": {"edge-16c": kind},
            "regions": regions,
            "cost": CostWeights(
                preset=None, usd_per_ms=20.0, usd_per_lost_request=0.0001, cost_factor=1.0
            ),
        }
    )


def edited(scenario: Scenario, change: str) -> Scenario:
    """Make the edit that a saving names, by hand."""
    words = change.split()
    if words[0] == "one":
        region, pool = words[-1].split("/")
        row = scenario.regions[region].pools[pool]
        more = 1 if words[2] == "more" else -1
        pools = {pool: row.model_copy(update={"servers": row.servers + more})}
        return with_region(scenario, region, pools=pools)
    if words[0] == "uplink":
        wide = scenario.regions[words[2]].uplink_gbps * 1.1
        return with_region(scenario, words[2], uplink_gbps=wide)
    if words[1] == "ceiling":
        field = f"ceiling_{words[0]}_share"
        share = getattr(scenario.policy, field) + 0.01
        policy = scenario.policy.model_copy(update={field: share})
        return scenario.model_copy(update={"policy": policy})
    service = scenario.services[words[3]]
    limit = service.objective.emergency_p95_ms + 5
    objective = service.objective.model_copy(update={"emergency_p95_ms": limit})
    services = {**scenario.services}
    services[words[3]] = service.model_copy(update={"objective": objective})
    return scenario.model_copy(update={"services": services})


def with_region(scenario: Scenario, name: str, **update: object) -> Scenario:
    region = scenario.regions[name].model_copy(update=update)
    return scenario.model_copy(update={"regions": {**scenario.regions, name: region}})


def written_out(scenario: Scenario) -> float:
    """The optimum by the whole program, which counts hours from 0."""
    problem = built(scenario)
    axes = replace(problem.axes, hours=tuple(range(problem.demand_rps.shape[2])))
    return extensive_form.solve(replace(problem, axes=axes))[0]


def test_what_each_edit_saves_agrees_with_the_whole_program(small_plan: Plan) -> None:
    scenario = tight(small_plan)
    plan = optimize(built(scenario), gap=1e-6)
    found = explain_plan(plan, savings=True, gap=1e-6)
    before = written_out(scenario)
    assert before == pytest.approx(found.value.objective, rel=1e-5)
    assert {s.solved for s in found.savings} == {True, False}
    saved = 0
    for saving in found.savings:
        after = written_out(edited(scenario, saving.change))
        assert np.isfinite(after) == saving.feasible, saving.change
        if saving.feasible:
            low, high = saving.dearer.low - 1e-2, saving.dearer.high + 1e-2
            assert low <= after - before <= high, saving.change
            assert saving.dearer.high - saving.dearer.low < 0.1
        saved += saving.dearer.high < -0.01
    assert saved > 0


def test_sentences_say_what_an_interval_means() -> None:
    def said(low: float, high: float, *, feasible: bool = True) -> str:
        return Saving("x", Interval(low, high), solved=True, feasible=feasible).sentence

    assert said(-325.0, -310.0) == "saves 310.00 to 325.00 USD a month"
    assert said(-0.9, 0.0) == "saves at most 0.90 USD a month, if anything"
    assert said(310.0, 325.0) == "costs 310.00 to 325.00 USD a month more"
    assert said(0.0, 0.9) == "costs at most 0.90 USD a month more, if anything"
    assert said(-1.0, 2.0) == "saves at most 1.00 and costs at most 2.00 USD a month more"
    assert said(0.0, 0.0) == "changes nothing"
    assert said(np.inf, np.inf, feasible=False) == "no plan keeps every promise"
    assert said(5.0, np.inf, feasible=False) == "no plan was found in time"


def test_bare_arrays_have_no_edits(explained: Explanation) -> None:
    bare = replace(explained.problem, scenario=None)
    effort = Effort(1e-4, 1.0, 0, Stop(1.0), lambda _: None)
    with pytest.raises(ValueError, match="scenario"):
        find_savings(bare, np.zeros((2, 3), np.int64), Value(1.0, 1.0), effort)


def test_ctrl_c_ends_it_with_what_is_known(small_plan: Plan) -> None:
    def step(doing: str) -> None:
        if doing == "why so many: api in tokyo":
            signal.raise_signal(signal.SIGINT)

    found = explain_plan(small_plan, savings=True, step=step)
    assert found.interrupted
    assert not found.proven
    assert len(found.witnesses) == 3
    assert found.savings == ()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_plan_that_was_edited_down_is_refused(small_plan: Plan) -> None:
    service = small_plan.services["api"]
    fewer = service.model_copy(update={"replicas": dict.fromkeys(service.replicas, 1)})
    plan = small_plan.model_copy(update={"services": {**small_plan.services, "api": fewer}})
    with pytest.raises(InvalidPlan, match="do not carry every promised state"):
        explain_plan(plan)


def test_a_plan_made_for_another_objective_is_measured_against_the_best(small_plan: Plan) -> None:
    proof = small_plan.proof.model_copy(update={"objective": 1.0, "bound": 1.0})
    found = explain_plan(small_plan.model_copy(update={"proof": proof}))
    assert found.remeasured
    assert not explain_plan(small_plan).remeasured
    problem = built(small_plan.scenario)
    assert found.value.objective == pytest.approx(
        solution_of(problem, small_plan).objective, rel=1e-4
    )


def test_rules_that_allow_anything_change_nothing(small_plan: Plan) -> None:
    dns = small_plan.scenario.dns.model_copy(update={"rules": DnsRules(kind="any")})
    plan = optimize(built(small_plan.scenario.model_copy(update={"dns": dns})))
    found = explain_plan(plan)
    assert not found.remeasured
    assert not found.ruled
    assert found.value == Value(plan.proof.objective, plan.proof.bound)


def test_where_rules_bind_all_is_measured_against_free_shares(busy: Path) -> None:
    scenario = read_scenario(busy)
    dns = scenario.dns.model_copy(update={"rules": DnsRules(kind="list")})
    plan = optimize(built(scenario.model_copy(update={"dns": dns})))
    found, free = explain_plan(plan), optimize(built(scenario))
    assert found.ruled
    assert not found.remeasured
    assert found.value.objective == pytest.approx(free.proof.objective, rel=1e-4)
    assert found.value.objective < plan.proof.objective - 1


def test_where_a_balancer_steers_nothing_is_printed_of_uplinks(small_plan: Plan) -> None:
    policy = small_plan.scenario.policy.model_copy(update={"steering": "adaptive"})
    plan = optimize(built(small_plan.scenario.model_copy(update={"policy": policy})))
    found = explain_plan(plan)
    assert found.uplink_usd_month_per_gbps is None
    assert all(w.kinds for w in found.witnesses)


def test_an_unused_region_says_what_using_it_costs(small_plan: Plan) -> None:
    scenario = with_region(small_plan.scenario, "tokyo", fixed_cost_usd_month=90_000.0)
    found = explain_plan(optimize(built(scenario)))
    assert set(found.unused_regions) == {"tokyo"}
    dearer = found.unused_regions["tokyo"]
    assert dearer is not None
    assert 80_000 < dearer.low <= dearer.high < 100_000
    kinds = {e.kind for e in found.excuses if found.problem.axes.regions[e.region] == "tokyo"}
    assert kinds == {"cost"}

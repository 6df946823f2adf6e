"""What studies do not look at is refused before anything is solved, with the cure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from planner.failures.states import failure_states
from planner.model.plan import Plan
from planner.model.policy import DnsRules
from planner.model.scenario import Scenario
from planner.problem.build import build_problem
from planner.problem.refusals import refuse_rules_and_packing
from planner.studies.frontier import trace_frontier
from planner.studies.hardware import choose_hardware
from planner.studies.main_job import optimize
from planner.studies.regret import minimise_regret
from planner.studies.suited import Study, unsuited
from planner.studies.tail_risk import minimise_tail_risk

FUNCTIONS: Mapping[Study, Callable[[Scenario], object]] = {
    "frontier": trace_frontier,
    "risk": minimise_tail_risk,
    "regret": minimise_regret,
    "hardware": choose_hardware,
}
CURES = {
    "steering": "set policy.steering to 'static'",
    "replicas": "set policy.replicas to 'fixed'",
    "packing": "set policy.packing to 'guaranteed'",
    "rules": "set dns.rules.kind to 'any'",
}
REFUSED = [
    *((study, what) for study in ("frontier", "risk", "regret") for what in CURES),
    *(("hardware", what) for what in ("packing", "rules")),
]
VALUES = {"steering": "adaptive", "replicas": "hourly", "packing": "at_best"}


def changed(scenario: Scenario, what: str) -> Scenario:
    if what == "rules":
        dns = scenario.dns.model_copy(update={"rules": DnsRules(kind="list")})
        return scenario.model_copy(update={"dns": dns})
    policy = scenario.policy.model_copy(update={what: VALUES[what]})
    return scenario.model_copy(update={"policy": policy})


@pytest.mark.parametrize(("study", "what"), REFUSED)
def test_the_function_refuses_with_the_cure(small_plan: Plan, study: Study, what: str) -> None:
    with pytest.raises(ValueError, match=CURES[what]):
        FUNCTIONS[study](changed(small_plan.scenario, what))


@pytest.mark.parametrize(
    ("study", "what"),
    [
        *(("hardware", what) for what in ("steering", "replicas")),
        *(("from", what) for what in ("steering", "replicas", "packing")),
    ],
)
def test_what_is_looked_at_is_not_refused(small_plan: Plan, study: Study, what: str) -> None:
    assert unsuited(changed(small_plan.scenario, what), study) is None


def test_a_target_that_can_say_anything_is_suited(small_plan: Plan) -> None:
    dns = small_plan.scenario.dns.model_copy(update={"rules": DnsRules(kind="any")})
    scenario = small_plan.scenario.model_copy(update={"dns": dns})
    assert all(unsuited(scenario, study) is None for study in (*FUNCTIONS, "from"))


def test_no_plan_of_rules_is_kept_near_another(small_plan: Plan) -> None:
    scenario = changed(small_plan.scenario, "rules")
    problem = build_problem(scenario, failure_states(scenario))
    with pytest.raises(ValueError, match=CURES["rules"]):
        optimize(problem, previous=small_plan)


def test_programs_refuse_what_they_do_not_know(small_plan: Plan) -> None:
    problem = build_problem(small_plan.scenario, failure_states(small_plan.scenario))
    refuse_rules_and_packing(replace(problem, rules=DnsRules()), "it")
    with pytest.raises(ValueError, match="it knows shares at will only"):
        refuse_rules_and_packing(replace(problem, rules=DnsRules(kind="list")), "it")
    with pytest.raises(ValueError, match="it knows the guaranteed packing limit only"):
        refuse_rules_and_packing(replace(problem, packing="at_best"), "it")

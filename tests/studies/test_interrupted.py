"""One Ctrl-C ends a whole study with what was found; no step of it then begins a long search."""

from __future__ import annotations

import math
import signal
from pathlib import Path
from typing import Any

import pytest

from planner.errors import Infeasible, SolverStopped
from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.model.hourly import ServiceHours
from planner.model.plan import Plan
from planner.model.scenario import Scenario
from planner.optimization import stable
from planner.optimization.epsilon import Least
from planner.optimization.stopping import Stop
from planner.problem.arrays import Problem, Solution
from planner.problem.build import build_problem
from planner.studies import axes, hourly, main_job, regret, tail_risk

SMALL = Path(__file__).parents[1] / "data" / "good" / "small.yaml"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return read_scenario(SMALL)


@pytest.fixture(scope="module")
def problem(scenario: Scenario) -> Problem:
    return build_problem(scenario, failure_states(scenario))


def pressed_in_the_first_solve(monkeypatch: pytest.MonkeyPatch, module: Any) -> list[Stop | None]:
    """Let Ctrl-C come as the first solve of a module ends; return the stops of its solves."""
    whole, stops = module.solve, list[Stop | None]()

    def pressed(*arguments: Any, **settings: Any) -> Solution:
        found: Solution = whole(*arguments, **settings)
        stops.append(settings.get("stop"))
        if len(stops) == 1:
            signal.raise_signal(signal.SIGINT)
        return found

    monkeypatch.setattr(module, "solve", pressed)
    return stops


def heard(stop: Stop | None) -> bool:
    return stop is not None and stop.interrupted


def test_regret_asks_no_demand_after_it(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    stops = pressed_in_the_first_solve(monkeypatch, regret)
    study = regret.minimise_regret(scenario, step=steps.append)
    assert heard(stops[0])
    assert not any("demand" in step and "least cost" in step for step in steps)
    assert not study.proven
    assert study.plan.proof.status == "limit"
    assert (study.plan.replicas.to_numpy() == study.found.replicas).all()
    assert all(each.low == 0 and math.isfinite(each.high) for each in study.found.best)
    assert study.found.table.max() == pytest.approx(study.regret.high)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_regret_keeps_what_it_knows_of_the_demands_before_it(scenario: Scenario) -> None:
    steps: list[str] = []

    def step(text: str) -> None:
        steps.append(text)
        if text.startswith("the least cost of demand 2"):
            signal.raise_signal(signal.SIGINT)

    study = regret.minimise_regret(scenario, step=step)
    assert not any(text.startswith("the least cost of demand 3") for text in steps)
    assert study.found.best[0].low > 0
    assert {each.low for each in study.found.best[2:]} == {0.0}
    assert not study.proven


def test_the_tail_is_then_that_of_the_cheapest_plan(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops = pressed_in_the_first_solve(monkeypatch, tail_risk)
    study = tail_risk.minimise_tail_risk(scenario, beta=0.99)
    assert heard(stops[0])
    assert not study.proven
    assert math.isfinite(study.bound)
    assert math.isfinite(study.gap)
    assert study.least.plan.proof.status == "limit"
    assert study.least.cost_usd_month <= study.budget_usd_month * (1 + 1e-6)


def test_no_search_for_a_nearer_plan_begins_after_it(
    problem: Problem, small_plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops = pressed_in_the_first_solve(monkeypatch, stable)
    second: list[Stop] = []
    whole = stable._static

    def looked(*arguments: Any) -> stable.Stable:
        second.append(next(each for each in arguments if isinstance(each, Stop)))
        return whole(*arguments)

    monkeypatch.setattr(stable, "_static", looked)
    plan = main_job.optimize(problem, previous=small_plan)
    assert heard(stops[0])
    assert [each.interrupted for each in second] == [True]
    assert plan.stability is not None


def test_no_advice_is_sought_after_it(problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    stops: list[Stop] = []

    def without_plan(*_: object, **__: object) -> Solution:
        signal.raise_signal(signal.SIGINT)
        raise Infeasible(["nothing fits"], [])

    def advised(_: Problem, error: Infeasible, stop: Stop, *__: object) -> Infeasible:
        stops.append(stop)
        return error

    monkeypatch.setattr(main_job, "solve", without_plan)
    monkeypatch.setattr(main_job, "advised", advised)
    with pytest.raises(Infeasible, match="nothing fits"):
        main_job.optimize(problem)
    assert [stop.passed() for stop in stops] == [True]


def test_hours_keep_the_weights_compared_by_then(
    problem: Problem, small_plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = hourly.service_hours

    def pressed(*arguments: Any) -> tuple[ServiceHours, str | None]:
        signal.raise_signal(signal.SIGINT)
        monkeypatch.setattr(hourly, "service_hours", whole)
        return whole(*arguments)

    monkeypatch.setattr(hourly, "service_hours", pressed)
    found = hourly.plan_hours(problem, small_plan)
    assert found.interrupted
    assert hourly.INTERRUPTED in found.findings
    assert not found.missed
    assert set(found.hourly.services) == set(problem.axes.services)
    assert not any(hours.exact for hours in found.hourly.services.values())


def test_a_percentile_that_was_not_reached_is_no_proof_that_there_is_no_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(axes, "any_plan", lambda *_: Least(None, 5.0))
    axis = axes.tail_axis(None, gap=0.1, time_limit_s=1.0, stop=Stop(1.0))  # type: ignore[arg-type]
    with pytest.raises(SolverStopped, match="before the search"):
        axis.nearest()

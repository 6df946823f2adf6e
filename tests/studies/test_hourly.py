"""Replicas that follow the day: the controller's own arithmetic, the judge, and what is saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from planner.errors import UnfaithfulExport
from planner.exporters import export
from planner.exporters.hours import schedule_of
from planner.failures.states import failure_states
from planner.federation import karmada, kubefed
from planner.io.scenarios import read_scenario
from planner.model.hourly import ServiceHours
from planner.model.plan import Plan
from planner.optimization.division_weights import Compared
from planner.problem.arrays import Problem
from planner.problem.build import build_problem
from planner.problem.documents import solution_of
from planner.simulation.replay import simulate
from planner.studies import hour_division
from planner.studies.hourly import HourPlan, at_hour, plan_hours
from planner.studies.main_job import optimize
from planner.units import HOURS_PER_MONTH

SMALL = Path(__file__).parents[1] / "data" / "good" / "small.yaml"
Controller = Literal["kubefed", "karmada"]
CONTROLLERS: tuple[Controller, ...] = ("kubefed", "karmada")
LARGEST = 6


@pytest.fixture(scope="module")
def problem() -> Problem:
    scenario = read_scenario(SMALL)
    return build_problem(scenario, failure_states(scenario))


@pytest.fixture(scope="module")
def plan(problem: Problem) -> Plan:
    return optimize(problem)


@pytest.fixture(scope="module", params=CONTROLLERS)
def found(request: pytest.FixtureRequest, problem: Problem, plan: Plan) -> HourPlan:
    return plan_hours(problem, plan, controller=request.param, largest_weight=LARGEST)


def changed(plan: Plan, section: str, **values: Any) -> Plan:
    """Return a plan whose scenario says something else."""
    part = getattr(plan.scenario, section).model_copy(update=values)
    return plan.model_copy(update={"scenario": plan.scenario.model_copy(update={section: part})})


def divided(found: HourPlan, name: str, hours: ServiceHours, total: int) -> dict[str, int]:
    """Divide with the scalar divider and the exported bounds, by region."""
    scenario, service = found.plan.scenario, found.plan.services[name]
    cluster = {r: scenario.regions[r].cluster for r, w in hours.weights.items() if w}
    weights = {cluster[r]: hours.weights[r] for r in cluster}
    if found.hourly.controller == "karmada":
        split = karmada.divide_static(total, weights)
    else:
        preferences = {
            cluster[r]: kubefed.Preference(
                hours.weights[r], scenario.services[name].min_replicas, service.max_replicas[r]
            )
            for r in cluster
        }
        key = f"{scenario.namespace}/{name}"
        split, _ = kubefed.divide(total, preferences, preferences, key=key)
    return {r: split.get(cluster.get(r, ""), 0) for r in hours.weights}


def needs(problem: Problem, plan: Plan) -> np.ndarray[Any, Any]:
    """Return what each hour needs in plain arithmetic, shape (S, R, H)."""
    solution = solution_of(problem, plan)
    load = simulate(problem, solution).load_rps
    most = np.zeros(load.shape[1:], np.int64)
    for k in np.flatnonzero(problem.must_survive):
        ceiling = problem.ceiling_normal_share if k == 0 else problem.ceiling_emergency_share
        each = load[k] / (problem.rps_per_replica[:, :, None] * ceiling)
        most = np.maximum(most, np.ceil(each - 1e-6).astype(np.int64))
    least = np.where(solution.replicas > 0, problem.min_replicas, 0)
    return np.maximum(most, least[:, :, None])


def test_every_hour_is_what_the_controller_makes_of_its_total(found: HourPlan) -> None:
    for name, hours in found.hourly.services.items():
        for place, total in enumerate(hours.totals):
            split = divided(found, name, hours, total)
            assert split == {r: row[place] for r, row in hours.replicas.items()}
            assert sum(split.values()) == total


def test_every_total_is_the_least_that_holds(found: HourPlan, problem: Problem, plan: Plan) -> None:
    wanted = needs(problem, plan)
    for s, (name, hours) in enumerate(found.hourly.services.items()):
        for place, total in enumerate(hours.totals):
            need = wanted[s, :, place].tolist()
            have = [row[place] for row in hours.replicas.values()]
            assert all(h >= n for h, n in zip(have, need, strict=True))
            for fewer in range(sum(need), total):
                split = list(divided(found, name, hours, fewer).values())
                if found.hourly.controller == "kubefed":
                    assert any(h < n for h, n in zip(split, need, strict=True))


def test_the_judge_finds_every_promise_kept_in_every_hour(found: HourPlan) -> None:
    assert found.missed == ()
    assert found.findings == ()


def test_no_hour_has_more_than_the_fixed_plan_and_some_have_less(found: HourPlan) -> None:
    sums = [
        (sum(hours.totals), len(hours.totals) * found.plan.services[name].total)
        for name, hours in found.hourly.services.items()
    ]
    assert all(hourly <= fixed for hourly, fixed in sums)
    assert any(hourly < fixed for hourly, fixed in sums)


def test_the_exports_of_an_hour_agree_with_the_controller(found: HourPlan) -> None:
    for place in range(len(found.hourly.hours_utc)):
        stands = at_hour(found.plan, found.hourly, place)
        assert export(stands, [found.hourly.controller])


def test_owned_servers_save_nothing_and_rented_ones_by_the_hour(
    problem: Problem, plan: Plan
) -> None:
    owned = plan_hours(problem, plan, largest_weight=LARGEST)
    assert owned.saving.usd_month.sum() == 0
    regions = tuple(plan.scenario.regions)
    rented = plan_hours(
        problem, changed(plan, "policy", rented_regions=regions), largest_weight=LARGEST
    )
    fixed = solution_of(problem, plan).replicas
    usd, hours = 0.0, 0.0
    for s, schedule in enumerate(rented.hourly.services.values()):
        for r, region in enumerate(regions):
            for count in schedule.replicas[region]:
                part = (int(fixed[s, r]) - count) / len(schedule.totals)
                usd += part * float(problem.cost_usd_month[s, r])
                hours += part * HOURS_PER_MONTH
    assert rented.saving.usd_month.sum() == pytest.approx(usd)
    assert rented.saving.replica_hours_month.sum() == pytest.approx(hours)
    assert usd > 0


def test_a_total_saves_for_as_long_as_it_stands(problem: Problem, plan: Plan) -> None:
    uneven = replace(problem, axes=replace(problem.axes, hours=(2, 20, 21, 22)))
    found = plan_hours(uneven, plan, largest_weight=LARGEST)
    fewer = [
        service.total - found.hourly.total(name, hour)
        for name, service in found.plan.services.items()
        for hour in range(24)
    ]
    assert found.saving.replica_hours_month.sum() == pytest.approx(
        sum(fewer) * HOURS_PER_MONTH / 24
    )


def test_a_judge_that_sees_too_few_replicas_says_so(
    problem: Problem, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def starved(problem: Problem, plan: Plan, *rest: Any) -> tuple[ServiceHours, None]:
        regions = problem.axes.regions
        name = problem.axes.services[rest[0]]
        ones = {r: int(plan.services[name].replicas.get(r, 0) > 0) for r in regions}
        hours = len(problem.axes.hours)
        return (
            ServiceHours(
                weights=ones,
                totals=(sum(ones.values()),) * hours,
                replicas={r: (n,) * hours for r, n in ones.items()},
                exact=False,
            ),
            None,
        )

    monkeypatch.setattr("planner.studies.hourly.service_hours", starved)
    found = plan_hours(problem, plan, controller="karmada")
    assert any("UTC" in sentence for sentence in found.missed)


def test_services_whose_exports_stay_all_day_are_told(problem: Problem, plan: Plan) -> None:
    assert plan.scenario.platform is None
    hourly = changed(plan, "policy", replicas="hourly")
    (told,) = plan_hours(problem, hourly, largest_weight=LARGEST).findings
    assert told.startswith("api, orders: nothing is exported by the hour, so its saving is not had")
    assert all(schedule_of(hourly, name, "kubefed") is None for name in hourly.services)


def test_totals_that_need_more_than_fixed_ones_are_told(
    problem: Problem, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def more(problem: Problem, plan: Plan, service: int, *_: Any) -> tuple[ServiceHours, None]:
        hours, finding = hour_division.service_hours(problem, plan, service, *_)
        if service == 0:
            totals = tuple(plan.services["api"].total + place for place in range(4))
            hours = hours.model_copy(update={"totals": totals})
        return hours, finding

    monkeypatch.setattr("planner.studies.hourly.service_hours", more)
    (told,) = plan_hours(problem, plan, largest_weight=LARGEST).findings
    fixed = plan.services["api"].total * 24
    assert told == (
        f"api: totals by the hour add up to {fixed + 36} replica-hours a day, more than the "
        f"{fixed} of the plan's total: fixed replicas are fewer"
    )


def test_a_later_total_that_starves_the_hour_before_it_is_told(
    problem: Problem, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def starved(problem: Problem, plan: Plan, service: int, *_: Any) -> tuple[ServiceHours, None]:
        fixed = plan.services[problem.axes.services[service]]
        few = dict.fromkeys(problem.axes.regions, 1) | {"taipei": fixed.total}
        rows = {r: (fixed.replicas[r], few[r], *[fixed.replicas[r]] * 2) for r in few}
        totals = tuple(map(sum, zip(*rows.values(), strict=True)))
        weights = fixed.weights["kubefed"]
        return ServiceHours(weights=weights, totals=totals, replicas=rows, exact=False), None

    monkeypatch.setattr("planner.studies.hourly.service_hours", starved)
    missed = plan_hours(problem, plan, controller="kubefed").missed
    assert any(told.startswith("02:00 UTC, once a later total is in force, ") for told in missed)
    assert not any(told.startswith("20:00 UTC") for told in missed)


def test_kubefed_that_may_not_rebalance_is_refused(problem: Problem, plan: Plan) -> None:
    with pytest.raises(UnfaithfulExport, match="rebalance"):
        plan_hours(problem, changed(plan, "federation", rebalance=False), controller="kubefed")


def test_an_adaptive_plan_is_refused(problem: Problem, plan: Plan) -> None:
    with pytest.raises(ValueError, match="steer"):
        plan_hours(problem, plan.model_copy(update={"steering": "adaptive"}))


def test_a_lost_region_whose_replicas_fit_nowhere_is_told(problem: Problem, plan: Plan) -> None:
    services = {
        name: service.model_copy(update={"max_replicas": dict(service.replicas)})
        for name, service in plan.services.items()
    }
    tight = changed(
        plan.model_copy(update={"services": services}), "federation", karmada_failover="on"
    )
    found = plan_hours(problem, tight, controller="karmada", largest_weight=LARGEST)
    assert any("divides anew" in sentence for sentence in found.findings)


@pytest.mark.parametrize(("every", "words"), [(True, "up to 6 hold"), (False, "(not all were)")])
def test_no_weights_are_said_to_be_none_only_where_all_were_compared(
    problem: Problem, plan: Plan, monkeypatch: pytest.MonkeyPatch, every: bool, words: str
) -> None:
    monkeypatch.setattr(
        hour_division, "division_weights", lambda *_, **__: Compared(None, every=every)
    )
    found = plan_hours(problem, plan, controller="karmada", largest_weight=LARGEST)
    assert found.findings
    assert all(words in sentence for sentence in found.findings)


def test_a_service_that_nobody_calls_has_no_fewer_possible(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    text = SMALL.read_text(encoding="utf-8")
    file.write_text(text.replace("requests_per_user_day: 4.0", "requests_per_user_day: 0.0"))
    scenario = read_scenario(file)
    problem = build_problem(scenario, failure_states(scenario))
    orders = plan_hours(problem, optimize(problem)).hourly.services["orders"]
    assert set(orders.totals) == {0}
    assert orders.exact

"""Predictions beside reported figures: each recomputed from what it is about."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from planner.model.events import Crowd, Event
from planner.model.plan import OrderedShare, Plan
from planner.model.reported import Reported, ReportedFigure
from planner.model.scenario import digest
from planner.studies.failures import FailureStudy, study_failures
from planner.studies.replays import Replay, replay_events
from planner.studies.reported import Before, Comparison, side_by_side

FIGURES: Mapping[str, float | str] = {
    "geoip_hit_share": 0.987,
    "failed_share": 0.064,
    "failed_share.orders": 0.064,
    "failed_share.nothing": 0.064,
    "mean_latency_change_share": -0.326,
    "availability_share": 0.9996,
    "p95_ms.api.TW": 48.0,
    "p95_ms.api.XX": 48.0,
    "p95_ms.api": 48.0,
    "rtt_ms.taipei.tokyo": 12.0,
    "rtt_ms.taipei": 12.0,
    "rtt_ms.taipei.nowhere": 12.0,
    "replica_share.taipei.singapore": 0.6,
    "replica_share.taipei.nowhere": 0.6,
    "serving_region.JP": "tokyo",
    "serving_region.XX": "tokyo",
}


def reporting(plan: Plan, name: str = "small") -> Plan:
    """Return the plan on a scenario with an incident and figures that somebody reported."""
    figures = {
        key: ReportedFigure(why=f"made up: {key}", **_given(value))
        for key, value in FIGURES.items()
    }
    crowd = Event(starts_utc="08:00", duration_min=90.0, crowds=(Crowd(factor=3.0),))
    scenario = plan.scenario.model_copy(
        update={
            "scenario": name,
            "events": {"crowd": crowd},
            "reported": Reported(incident="crowd", figures=figures),
        }
    )
    return plan.model_copy(update={"scenario": scenario, "scenario_digest": digest(scenario)})


def _given(value: float | str) -> dict[str, float | str]:
    return {"text" if isinstance(value, str) else "value": value}


@pytest.fixture(scope="module")
def study(small_plan: Plan) -> FailureStudy:
    return study_failures(reporting(small_plan), order=1)


@pytest.fixture(scope="module")
def incident(study: FailureStudy) -> Replay:
    return replay_events(study.plan, ["crowd"])


@pytest.fixture(scope="module")
def alone(study: FailureStudy, incident: Replay) -> dict[str, Comparison]:
    return {row.figure: row for row in side_by_side(study, incident, [])}


def test_every_figure_has_a_row_in_the_scenarios_order(alone: dict[str, Comparison]) -> None:
    assert list(alone) == list(FIGURES)
    for name, row in alone.items():
        assert row.reported == FIGURES[name]
        assert row.why == f"made up: {name}"
        assert row.beside == {}


def test_what_is_not_modelled_or_not_there_has_no_prediction(alone: dict[str, Comparison]) -> None:
    without = {name for name, row in alone.items() if row.predicted is None}
    assert without == {
        *("geoip_hit_share", "failed_share.nothing", "mean_latency_change_share"),
        *("p95_ms.api.XX", "p95_ms.api", "rtt_ms.taipei", "rtt_ms.taipei.nowhere"),
        *("replica_share.taipei.nowhere", "serving_region.XX"),
    }


def test_the_failed_share_is_that_of_the_incident_until_it_is_over(
    alone: dict[str, Comparison], incident: Replay
) -> None:
    found = incident.timeline
    assert found.gap.offered.sum() > 0  # half an hour beyond the hour that is looked at
    failed, offered = (
        getattr(found.event, name).sum(axis=1) + getattr(found.gap, name).sum(axis=1)
        for name in ("failed", "offered")
    )
    row = found.axes.services.index("orders")
    assert alone["failed_share.orders"].predicted == pytest.approx(failed[row] / offered[row])
    assert alone["failed_share"].predicted == pytest.approx(failed.sum() / offered.sum())
    assert 0.1 < failed.sum() / offered.sum() < 0.9
    # Not diluted by the quiet hour after it.
    assert found.lost_requests == pytest.approx(failed.sum() + found.after.failed.sum())


def test_without_an_incident_nothing_is_said_of_failures(study: FailureStudy) -> None:
    rows = {row.figure: row.predicted for row in side_by_side(study, None, [])}
    assert rows["failed_share"] is rows["failed_share.orders"] is None
    assert rows["availability_share"] is not None


def test_availability_weighs_services_by_their_requests(
    alone: dict[str, Comparison], study: FailureStudy
) -> None:
    asked = study.problem.demand_rps.sum(axis=(1, 2))
    wanted = (study.availability.low * asked).sum() / asked.sum()
    assert alone["availability_share"].predicted == pytest.approx(wanted, abs=1e-12)
    assert study.availability.low.min() <= wanted <= study.availability.low.max()


def test_latency_round_trips_and_replicas_are_read_off(
    alone: dict[str, Comparison], study: FailureStudy
) -> None:
    normal = study.normal.origin
    assert normal is not None
    origin = study.problem.axes.origins.index("TW")
    assert alone["p95_ms.api.TW"].predicted == normal.p95_ms[0, 0, origin]
    assert alone["rtt_ms.taipei.tokyo"].predicted == 33.0  # the scenario says so
    counts = study.plan.replicas.sum()
    wanted = counts["taipei"] / (counts["taipei"] + counts["singapore"])
    assert alone["replica_share.taipei.singapore"].predicted == pytest.approx(wanted)


def test_the_serving_region_weighs_host_names_by_their_requests(study: FailureStudy) -> None:
    """Ten times the requests go to api, so what orders alone does counts for a tenth."""
    scenario = study.plan.scenario
    orders = scenario.services["orders"].model_copy(update={"host": "orders.example.com"})
    apart = scenario.model_copy(update={"services": {**scenario.services, "orders": orders}})
    half = (
        OrderedShare(share=0.6, order=("tokyo", "taipei")),
        OrderedShare(share=0.4, order=("taipei", "tokyo")),
    )
    whole = (OrderedShare(share=1.0, order=("taipei", "tokyo")),)
    old = study.plan.hosts["api.example.com"]
    hosts = {
        "api.example.com": {**old, "JP": half},
        "orders.example.com": {**old, "JP": whole},
    }
    plan = study.plan.model_copy(
        update={"scenario": apart, "scenario_digest": digest(apart), "hosts": hosts}
    )
    rows = {row.figure: row for row in side_by_side(study_failures(plan, order=0), None, [])}
    share = 100 * 0.6 * 40 / 44
    assert rows["serving_region.JP"].predicted == f"tokyo ({share:.0f} %)"


def test_the_first_state_before_is_compared_with_and_others_stand_beside(
    study: FailureStudy, incident: Replay, small_plan: Plan
) -> None:
    now = study.plan.cost.mean_latency_ms
    slow, quick = _once(small_plan, "slow", 2 * now), _once(small_plan, "quick", now / 2)
    before = [Before(slow, None), Before(quick, incident)]
    rows = {row.figure: row for row in side_by_side(study, incident, before)}
    change = rows["mean_latency_change_share"]
    assert change.predicted == pytest.approx(-0.5)
    assert change.beside == {"quick": pytest.approx(1.0)}
    # The first has no incident, and this plan's own is not taken for it.
    assert rows["failed_share"].predicted is None
    failed = rows["failed_share"].beside["quick"]
    assert isinstance(failed, float)
    assert failed > 0
    # What is about this plan alone has nothing beside it.
    assert rows["availability_share"].beside == {}
    assert rows["p95_ms.api.TW"].predicted == pytest.approx(
        float(study.normal.table("origin")["p95_ms"]["all up", "api", "TW"])
    )


def _once(plan: Plan, name: str, mean_ms: float) -> Plan:
    """Return a plan under another name, with its mean latency said to be something else."""
    cost = plan.cost.model_copy(update={"mean_latency_ms": mean_ms})
    return reporting(plan, name).model_copy(update={"cost": cost})


def test_a_scenario_that_reports_nothing_has_no_rows(small_plan: Plan) -> None:
    assert side_by_side(study_failures(small_plan, order=0), None, []) == ()


def test_predictions_are_finite(alone: dict[str, Comparison]) -> None:
    for row in alone.values():
        assert not isinstance(row.predicted, float) or np.isfinite(row.predicted)

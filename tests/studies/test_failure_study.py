"""The failure study: its figures recomputed from their parts, and what it says of promises."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

from planner.failures.components import Components
from planner.model.events import Event
from planner.model.plan import Plan
from planner.model.scenario import Scenario, digest
from planner.problem.division import divided_replicas
from planner.studies.failures import FailureStudy, study_failures
from planner.studies.replays import replay_events
from planner.units import HOURS_PER_YEAR, SECONDS_PER_HOUR


@pytest.fixture(scope="module")
def study(small_plan: Plan) -> FailureStudy:
    return study_failures(small_plan)


def on(plan: Plan, scenario: Scenario) -> Plan:
    return plan.model_copy(update={"scenario": scenario, "scenario_digest": digest(scenario)})


def busier(plan: Plan, factor: float) -> Plan:
    more = plan.scenario.calendar.peak_factor * factor
    calendar = plan.scenario.calendar.model_copy(update={"peak_factor": more})
    return on(plan, plan.scenario.model_copy(update={"calendar": calendar}))


def test_all_states_to_the_second_order_are_there(study: FailureStudy) -> None:
    parts, found = (
        study.states.components,
        {frozenset(np.flatnonzero(row)) for row in study.states.down},
    )
    cutoff = study.plan.scenario.failures.cutoff_probability
    wanted = {frozenset[int]()}
    for order in (1, 2):
        for chosen in combinations(range(len(parts)), order):
            if (
                len({parts.block[n] for n in chosen}) == order
                and _probability(parts, chosen) > cutoff
            ):
                wanted.add(frozenset(chosen))
    assert found == wanted
    for row, probability in zip(study.states.down, study.states.probability, strict=True):
        assert probability == pytest.approx(
            _probability(parts, tuple(np.flatnonzero(row))), rel=1e-9
        )


def _probability(parts: Components, down: tuple[int, ...]) -> float:
    """Multiply over blocks: one that is down, or none of the block."""
    total = 1.0
    for block in np.unique(parts.block):
        mine = [n for n in down if parts.block[n] == block]
        idle = float(parts.idle_probability[parts.block == block][0])
        total *= float(parts.unavailability[mine[0]]) if mine else idle
    return total


def test_availability_is_what_its_parts_say(study: FailureStudy) -> None:
    assessment, found = study.assessment, study.availability
    for s, service in enumerate(found.services):
        asked = study.problem.demand_rps[s].sum()
        lost = sum(
            float(p) * float(assessment.lost.total[k, s].sum()) / asked
            for k, p in enumerate(study.states.probability)
        )
        high = 1 - lost - found.transient_share[s]
        assert found.high[s] == pytest.approx(high, abs=1e-12), service
        assert found.low[s] == pytest.approx(high - study.states.uncovered_probability, abs=1e-12)
    assert found.kind == "bound"


def test_a_higher_order_narrows_the_interval_from_both_ends(small_plan: Plan) -> None:
    studies = [study_failures(small_plan, order=order).availability for order in (0, 1, 2)]
    for wide, narrow in pairwise(studies):
        assert (narrow.low >= wide.low).all()
        assert (narrow.high <= wide.high).all()


def test_transients_are_those_of_timelines_begun_at_every_hour(study: FailureStudy) -> None:
    """Losses of regions and of servers with their repair times, replayed from each hour on."""
    plan, parts = study.plan, study.states.components
    lost = np.zeros(2)
    for n, kind in enumerate(parts.kinds):
        if kind not in ("region", "pool"):
            continue
        effect = _effect(study, n)
        excess = np.mean(
            [
                _excess_requests(plan, effect, float(parts.repair_h[n]), hour)
                for hour in study.problem.axes.hours
            ],
            axis=0,
        )
        lost += float(parts.events_per_year[n]) * excess
    year = study.problem.demand_rps.mean(axis=2).sum(axis=1) * SECONDS_PER_HOUR * HOURS_PER_YEAR
    # Steps of 5 s there and of 1 s here.
    assert study.availability.transient_share == pytest.approx(lost / year, rel=0.05)


def _effect(study: FailureStudy, component: int) -> dict[str, Any]:
    """What a component takes, as an event says it; each region of the scenario has one pool."""
    effects, states = study.states.components.effects, study.states
    down = np.flatnonzero(effects.region_down[component])
    share = effects.server_share[component]
    (pool,) = np.flatnonzero(share < 1) if not down.size else (0,)
    if down.size or share[pool] == 0:
        name = states.regions[down[0]] if down.size else states.pools[pool].split("/")[0]
        return {"regions_down": (name,)}
    return {"server_share": {states.pools[pool].split("/")[0]: float(share[pool])}}


def _excess_requests(plan: Plan, effect: dict[str, Any], repair_h: float, hour: int) -> np.ndarray:
    event = Event(starts_utc=f"{hour:02d}:00", duration_min=60 * repair_h, **effect)
    scenario = plan.scenario.model_copy(update={"events": {"lost": event}})
    found = replay_events(on(plan, scenario), ["lost"]).timeline
    total: np.ndarray = found.excess_requests.sum(axis=1)
    return total


def test_what_runs_is_what_the_controller_makes(study: FailureStudy) -> None:
    division = divided_replicas(study.problem, study.plan)
    whole = ~study.states.down[:, study.states.components.of_kind("pool")].any(axis=1)
    assert np.array_equal(study.assessment.replicas[whole], division.replicas[whole])
    assert study.findings == division.findings
    assert (study.assessment.replicas[~whole] <= division.replicas[~whole]).all()


def test_a_kept_plan_names_the_state_that_sizes_it(study: FailureStudy) -> None:
    assert study.missed == ()
    assert study.worst.measure == "used_share"
    assert 0.9 < study.worst.value <= 1 + 1e-9
    used = (
        study.assessment.load_rps
        / (study.problem.rps_per_replica * study.plan.replicas.to_numpy() + 1e-300)[
            None, :, :, None
        ]
    )
    over_ceiling = used / study.problem.ceiling_share[:, None, None, None]
    assert over_ceiling[study.states.must_survive].max() == pytest.approx(
        study.worst.value, rel=0.01
    )


def test_more_demand_breaks_the_promise_and_the_worst_is_the_largest_loss(small_plan: Plan) -> None:
    found = study_failures(busier(small_plan, 2.0), order=1)
    assert found.worst.measure == "unserved_share"
    table, promised = found.assessment.failure_matrix, found.assessment.states.query("promised")
    assert found.worst.state == promised.unserved_share.idxmax()
    assert found.worst.value == pytest.approx(table.loc[found.worst.state, found.worst.service])
    assert found.worst.value == pytest.approx(table.loc[found.worst.state].max())
    broken = promised.index[promised.unserved_share > 1e-9]
    assert [sentence.partition(": ")[0] for sentence in found.missed] == list(broken)


def test_a_broken_latency_objective_is_missed_without_a_loss(small_plan: Plan) -> None:
    api = small_plan.scenario.services["api"]
    tight = api.model_copy(update={"objective": api.objective.model_copy(update={"p95_ms": 50.0})})
    services = {**small_plan.scenario.services, "api": tight}
    found = study_failures(
        on(small_plan, small_plan.scenario.model_copy(update={"services": services})), order=1
    )
    assert (found.worst.state, found.worst.service) == ("all up", "api")
    assert found.worst.measure == "p95_over_limit"
    p95_ms = np.nanmax(found.assessment.state_p95_ms[0, 0])
    assert found.worst.value == pytest.approx(p95_ms / 50.0)
    (sentence,) = found.missed
    assert sentence == f"all up: a 95th percentile is at {100 * p95_ms / 50:.0f} % of its limit"
    assert found.assessment.unserved_share[found.states.must_survive].max() < 1e-9


def test_samples_follow_their_seed_and_enclose_what_is_enumerated(
    small_plan: Plan, study: FailureStudy
) -> None:
    drawn = [study_failures(small_plan, samples=20_000, seed=seed) for seed in (3, 3, 4)]
    assert drawn[0].states.names == drawn[1].states.names
    assert np.array_equal(drawn[0].availability.low, drawn[1].availability.low)
    assert not np.array_equal(drawn[0].states.probability, drawn[2].states.probability)
    for found in drawn:
        assert found.availability.kind == "confidence"
        assert found.states.probability.sum() == pytest.approx(1.0)
        assert (found.availability.low <= study.availability.low).all()
        assert (found.availability.high >= study.availability.high).all()


def test_each_step_is_told(small_plan: Plan) -> None:
    told: list[str] = []
    study_failures(small_plan, order=0, step=told.append)
    assert told == [
        *("failure states", "problem in 4 states", "steady states"),
        *("response times", "transients", "done"),
    ]


def test_too_many_states_are_refused_with_number_and_cure(small_plan: Plan) -> None:
    failures = small_plan.scenario.failures
    every = failures.model_copy(
        update={
            "cables": failures.cables.model_copy(update={"segments": "all"}),
            "cutoff_probability": 0.0,
        }
    )
    plan = on(small_plan, small_plan.scenario.model_copy(update={"failures": every}))
    with pytest.raises(ValueError, match=r"[\d,]{9,} failure states .* lower `order`"):
        study_failures(plan, order=20)


def test_lost_packets_are_a_finding_and_no_broken_promise(small_plan: Plan) -> None:
    """The optimiser knows of no loss: what only lost packets make late is said, not missed."""
    scenario = small_plan.scenario
    links = {n: x.model_copy(update={"loss_share": 0.3}) for n, x in scenario.links.items()}
    clean = study_failures(small_plan, order=1)
    p95_ms = float(np.nanmax(clean.assessment.state_p95_ms[0, 0]))
    api = scenario.services["api"]
    limit = api.objective.model_copy(update={"p95_ms": 1.05 * p95_ms})
    services = {**scenario.services, "api": api.model_copy(update={"objective": limit})}
    changed = scenario.model_copy(update={"links": links, "services": services})
    found = study_failures(on(small_plan, changed), order=1)
    assert found.missed == ()
    assert found.assessment.p95_over_limit[0] > 1
    assert any(sentence.startswith("packets lost") for sentence in found.findings)

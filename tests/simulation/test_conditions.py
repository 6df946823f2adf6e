"""Failure states with everything that may go wrong, against plain loops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from planner.problem.arrays import Floats, Ints, Problem, Solution
from planner.simulation.assessment import Assessment
from planner.simulation.replay import simulate
from tests.oracles import means_loop
from tests.oracles.carried import carried_rps
from tests.oracles.conditions import troubled
from tests.oracles.instances import random_problem
from tests.oracles.replay_loop import CAUSES, replay
from tests.oracles.solutions import random_solution

Rules = dict[str, Any]


def cells(found: Mapping[Any, float], shape: tuple[int, ...]) -> Floats:
    array = np.zeros(shape)
    for place, value in found.items():
        array[place] += value
    return array


def drawn(seed: int, trouble: bool = True) -> tuple[Problem, Solution, Ints]:
    """Return a problem, a solution and replicas by state."""
    problem = random_problem(seed)
    solution = random_solution(problem, seed, plenty=2)
    rng = np.random.default_rng(seed + 1)
    replicas = rng.integers(0, 9, (len(problem.axes.states), *solution.replicas.shape))
    return troubled(problem, seed) if trouble else problem, solution, replicas


def assert_same(found: Assessment, problem: Problem, solution: Solution, rules: Rules) -> None:
    loop = replay(problem, solution, **rules)
    carried = carried_rps(found)
    assert carried == pytest.approx(cells(loop.taken, carried.shape), rel=1e-9, abs=1e-9)
    for cause in CAUSES:
        booked = getattr(found.lost, cause)
        assert booked == pytest.approx(cells(loop.lost[cause], booked.shape), abs=1e-8), cause
    assert (found.replicas == cells(loop.replicas, found.replicas.shape)).all()
    if found.links is not None:
        loads = cells(loop.link_gbps, found.links.load_gbps.shape)
        assert found.links.load_gbps == pytest.approx(loads, rel=1e-9, abs=1e-12)
        full = (found.links.headroom_factor < 1 - 1e-6).any(axis=(1, 2))
        assert (full == (found.lost.link.sum(axis=(1, 2, 3)) > 0)).all()
        assert (found.links.overload_gbps[~full] <= 1e-6 * loads.max(initial=1e-9)).all()
    by_origin, by_region = means_loop.means(problem, loop)
    for mean, sums, others in (
        (found.means.origin_ms, by_origin, (3, 4)),
        (found.means.region_ms, by_region, (2, 4)),
    ):
        served = cells({at: rps for at, (_, rps) in sums.items()}, mean.shape)
        plain = cells({at: time / rps for at, (time, rps) in sums.items()}, mean.shape)
        assert np.isnan(mean[carried.sum(axis=others) == 0]).all()
        # Between nothing and 1e-9 rps lies what rounding leaves: either side may call it nothing.
        assert mean[served > 1e-9] == pytest.approx(plain[served > 1e-9], rel=1e-9)


@given(seed=st.integers(0, 10**6), late_counts=st.booleans(), spill_over=st.booleans())
@example(seed=20000, late_counts=False, spill_over=True)
def test_the_replay_is_that_of_plain_loops(seed: int, late_counts: bool, spill_over: bool) -> None:
    problem, solution, replicas = drawn(seed)
    rules = {"replicas": replicas, "late_counts": late_counts, "spill_over": spill_over}
    assert_same(simulate(problem, solution, **rules), problem, solution, rules)


@given(seed=st.integers(0, 10**6), late_counts=st.booleans(), spill_over=st.booleans())
def test_it_is_so_without_conditions(seed: int, late_counts: bool, spill_over: bool) -> None:
    problem, solution, _ = drawn(seed, trouble=False)
    rules = {"late_counts": late_counts, "spill_over": spill_over}
    assert_same(simulate(problem, solution, **rules), problem, solution, rules)


def test_every_cause_occurs_and_something_spills() -> None:
    seen, spilled = dict.fromkeys(CAUSES, 0.0), 0
    for seed in range(40):
        problem, solution, replicas = drawn(seed)
        stays = simulate(problem, solution, replicas=replicas, spill_over=False)
        goes_on = simulate(problem, solution, replicas=replicas, spill_over=True)
        for cause in CAUSES:
            seen[cause] += float(getattr(stays.lost, cause).sum())
        assert (goes_on.lost.turned_away <= stays.lost.turned_away + 1e-8).all()
        spilled += goes_on.lost.turned_away.sum() < stays.lost.turned_away.sum() - 1e-6
    assert min(seen.values()) > 0
    assert spilled >= 20


def test_demand_is_either_taken_or_turned_away() -> None:
    for seed in range(20):
        problem, solution, replicas = drawn(seed)
        for spill_over in (False, True):
            found = simulate(problem, solution, replicas=replicas, spill_over=spill_over)
            both = carried_rps(found).sum(axis=3) + found.lost.turned_away
            asked = np.broadcast_to(problem.demand_rps, both.shape)
            if found.demand_factor is not None:
                asked = asked * found.demand_factor[..., None]
            assert both == pytest.approx(asked, abs=1e-8)
            assert (found.unserved_share <= 1 + 1e-9).all()


def test_no_limit_is_exceeded_by_what_is_served() -> None:
    for seed in range(20):
        problem, solution, replicas = drawn(seed)
        found = simulate(problem, solution, replicas=replicas, spill_over=True)
        carried = carried_rps(found)
        most = problem.rps_per_replica * found.replicas * problem.ceiling_emergency_share
        assert (carried.sum(axis=2) <= most[..., None] * (1 + 1e-5) + 1e-9).all()
        gbps = np.einsum("ksorh,s->krh", carried, problem.payload_kib) * 8192 / 1e9
        assert (gbps <= problem.uplink_gbps[:, None] * (1 + 1e-5) + 1e-12).all()


def test_late_requests_are_served_where_late_does_not_count() -> None:
    problem, solution, _ = drawn(3, trouble=False)
    nothing_kept = np.zeros_like(problem.state_admissible)
    nothing_kept[0] = True
    late = replace(problem, state_admissible=nothing_kept, admissible=nothing_kept[0].copy())
    strict, kind = simulate(late, solution), simulate(late, solution, late_counts=False)
    assert strict.lost.inadmissible[1:].sum() > 0
    assert kind.lost.inadmissible.sum() == 0
    served = kind.means.service_ms[problem.must_survive]
    assert np.isfinite(served[~np.isnan(served)]).all()
    promised = kind.state_p95_ms[problem.must_survive]
    assert np.isfinite(promised[~np.isnan(promised)]).all()
    assert (~np.isnan(promised[1:])).any()


def test_replicas_of_another_shape_are_refused() -> None:
    problem, solution, _ = drawn(0)
    with pytest.raises(ValueError, match="`replicas` must have the shape"):
        simulate(problem, solution, replicas=solution.replicas)


def test_a_balancer_knows_the_states_demand_and_replicas() -> None:
    checked = 0
    for seed in range(12):
        problem = troubled(random_problem(seed, steering="adaptive"), seed)
        rng = np.random.default_rng(seed)
        solution = random_solution(problem, seed)
        replicas = rng.integers(0, 9, (len(problem.axes.states), *solution.replicas.shape))
        found = simulate(problem, solution, replicas=replicas, late_counts=False)
        carried = carried_rps(found)
        factor = np.ones(carried.shape[:3]) if found.demand_factor is None else found.demand_factor
        asked = problem.demand_rps * factor[..., None]
        both = carried.sum(axis=3) + found.lost.turned_away
        assert both == pytest.approx(asked, abs=1e-4 * float(asked.max()))
        assert problem.conditions is not None
        nowhere = ~problem.conditions.reachable
        assert carried[nowhere].sum() == 0
        most = problem.rps_per_replica * found.replicas * problem.ceiling_share[:, None, None]
        assert (carried.sum(axis=2) <= most[..., None] * (1 + 1e-5) + 1e-6).all()
        checked += int(found.lost.service.sum() > 0) + int(found.lost.capacity.sum() > 0)
    assert checked >= 8

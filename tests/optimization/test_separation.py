"""Cuts of known sets and of flows: implied by what they come from, and complete."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.optimization import separation as separation_module
from planner.optimization.cuts import SUBSET_LIMIT, group_origins, shortfall_rps
from planner.optimization.master import capacity_rps, state_groups
from planner.optimization.separation import Separation, families, separate_parts
from planner.optimization.set_pool import demand_within
from planner.optimization.stopping import NEVER, Stop
from planner.problem.arrays import Floats, Ints, Problem
from tests.oracles.instances import random_problem


@pytest.fixture(autouse=True, params=[0, 10_000], ids=["by flows", "of all sets"])
def so_many_sets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Find sets that are not known by flows, or among all there are."""
    monkeypatch.setattr(separation_module, "_ALL", request.param)


def drawn(seed: int) -> tuple[Problem, Separation, Floats]:
    """Return a problem of one service, its separation, and replicas that are scarce or not."""
    rng = np.random.default_rng(seed)
    problem = random_problem(
        seed, services=1, origins=6, regions=5, hours=2, order=2, steering="adaptive"
    )
    one = capacity_rps(problem, np.ones_like(problem.min_replicas))[:, 0]
    states = np.flatnonzero(problem.must_survive)
    need = problem.demand_rps[0].sum(axis=0).max() / one[0].mean()
    replicas = rng.random(5) * need * rng.choice([0.3, 1.0, 2.0])
    return problem, Separation(problem, 0, states, one), replicas


def short_rps(problem: Problem, one: Floats, states: Ints, replicas: Floats) -> float:
    """Return the most that no routing can serve in any state, by enumeration of subsets."""
    return max(
        float(shortfall_rps(state_groups(problem, k, 0), one[k], replicas)[0].max())
        for k in states.tolist()
    )


def separated(separation: Separation, replicas: Floats) -> bool:
    """Return whether known sets or flows find a cut that the replicas break."""
    if separation.known(replicas):
        return True
    found, everywhere = separation.of_any_set(replicas, NEVER)
    assert found or everywhere
    return bool(found)


@pytest.mark.parametrize("seed", range(40))
def test_a_cut_is_found_if_and_only_if_some_set_is_broken(seed: int) -> None:
    problem, separation, replicas = drawn(seed)
    one, states = separation.one_rps, separation.states
    whole = np.ceil(replicas)
    short = short_rps(problem, one, states, whole)
    # Rounded cuts cut off no whole replicas that can be routed: exact and rounded agree here.
    if abs(short) > 1e-5 or short <= 0:
        assert separated(separation, whole) == (short > 1e-5)


@pytest.mark.parametrize("seed", range(40))
def test_every_cut_is_implied_by_demand_that_only_its_regions_may_serve(seed: int) -> None:
    problem, separation, replicas = drawn(seed)
    cuts = separation.known(replicas) + separation.of_any_set(replicas, NEVER)[0]
    one, states = separation.one_rps, separation.states
    for cut in cuts:
        implied = []
        for state in states.tolist():
            groups = state_groups(problem, state, 0)
            within = float(demand_within(groups, cut.regions[None]).max())
            rate = np.where(cut.regions, one[state], 0.0)
            every = problem.ceiling_share[state] * problem.rps_per_replica[0]
            for d in (0.0, *np.unique(every)):
                left = rate if d == 0 else np.ceil(rate / d - 1e-12)
                right = within if d == 0 else np.ceil(within / d - 1e-9)
                # A larger coefficient or a smaller right side is only weaker.
                implied.append(
                    bool((cut.coefficient >= left - 1e-9).all() and cut.right_side <= right + 1e-6)
                )
        assert any(implied)


def test_states_that_differ_in_regions_down_alone_are_one_family() -> None:
    problem = random_problem(3, services=1, regions=5, order=2, steering="adaptive")
    allowed = np.ones(problem.state_admissible.shape, dtype=bool)
    problem = replace(problem, state_admissible=allowed, ceiling_emergency_share=0.9)
    states = np.flatnonzero(problem.must_survive)
    found = families(problem, 0, states)
    assert sorted(len(one.state) for one in found) == sorted({1, states.size - 1})
    allowed = allowed.copy()
    allowed[states[-1], 0, 0, 0] = False
    apart = families(replace(problem, state_admissible=allowed), 0, states)
    assert sum(len(one.state) for one in apart) == states.size


@pytest.mark.parametrize("seed", range(20))
def test_parts_of_a_set_add_up_to_its_demand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    allowed = rng.random((6, 8)) < 0.25
    allowed[np.arange(6), rng.integers(0, 8, 6)] = True
    groups = group_origins(allowed, rng.random((6, 2)))
    regions = rng.random(8) < 0.7
    parts = separate_parts(groups.allowed, regions)
    together = sum(demand_within(groups, part[None]) for part in parts)
    assert together + np.zeros((1, 2)) == pytest.approx(demand_within(groups, regions[None]))
    assert all(not (a & b).any() for i, a in enumerate(parts) for b in parts[:i])


def test_flows_that_were_stopped_prove_nothing() -> None:
    _, separation, replicas = drawn(1)
    assert separation.of_any_set(replicas * 1e6, Stop(0.0)) == ([], False)
    assert separation.of_any_set(replicas * 1e6 + 1e6, NEVER) == ([], True)
    assert SUBSET_LIMIT >= 5

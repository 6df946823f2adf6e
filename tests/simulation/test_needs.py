"""Replicas that a state needs: by hand, and against a loop over every place and hour."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.problem.arrays import Floats
from planner.simulation.needs import Need, need_sentence, replicas_needed, sizing_need

NORMAL, EMERGENCY = 0.6, 0.8


def problem_of(rps_per_replica: Floats, promised: list[bool]) -> Any:
    """What is read of a problem; state 0 has the normal ceiling, all others the emergency one."""
    services, regions = rps_per_replica.shape
    return SimpleNamespace(
        rps_per_replica=rps_per_replica,
        must_survive=np.array(promised),
        ceiling_share=np.array([NORMAL] + [EMERGENCY] * (len(promised) - 1)),
        axes=SimpleNamespace(
            services=tuple(f"service{s}" for s in range(services)),
            regions=tuple(f"region{r}" for r in range(regions)),
            states=("all up", *(f"state {k} down" for k in range(1, len(promised)))),
            hours=(2, 8, 21),
        ),
    )


def by_loop(problem: Any, load: Floats, replicas: np.ndarray) -> Need:
    """Look at every promised state, service, region and hour, one after the other."""
    used, needed = {}, {}
    for k, s, r, h in np.ndindex(load.shape):
        if problem.must_survive[k]:
            each = problem.rps_per_replica[s, r] * problem.ceiling_share[k]
            rps, count = load[k, s, r, h], replicas[s, r]
            used[k, s, r, h] = 0.0 if rps == 0 else math.inf if count == 0 else rps / (each * count)
            needed[k, s, r, h] = next(n for n in range(10_000) if n * each >= rps - 1e-6 * each)
    most = max(used.values())
    best, chosen = -1, None
    for place, share in used.items():
        extra = needed[place] - needed[0, *place[1:]]
        if share >= 0.99 * most and extra > best:
            best, chosen = extra, place
    assert chosen is not None
    return Need(*chosen, needed[chosen], needed[0, *chosen[1:]], used[chosen])


@given(st.integers(0, 2**32 - 1))
def test_the_sizing_state_is_that_of_a_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    states, services, regions = rng.integers(1, 4, 3).tolist()
    problem = problem_of(
        rng.uniform(20, 200, (services, regions)), [True, *(rng.random(states) < 0.6).tolist()]
    )
    load = rng.uniform(0, 500, (states + 1, services, regions, 3))
    load *= rng.random(load.shape) < 0.7
    replicas = rng.integers(0, 6, (services, regions))
    found, wanted = sizing_need(problem, load, replicas), by_loop(problem, load, replicas)
    assert (found.state, found.service, found.region, found.hour) == (
        *(wanted.state, wanted.service, wanted.region, wanted.hour),
    )
    assert (found.replicas, found.without) == (wanted.replicas, wanted.without)
    assert found.used_share == pytest.approx(wanted.used_share)


def test_the_state_that_needs_most_beyond_the_normal_one_is_named() -> None:
    # 100 a replica: 60 normally, 80 in an emergency. Normally 720 need 12, with the other lost
    # 1,400 need 18 of the 18 that stand there; at another hour as full, but 3 fewer are added.
    problem = problem_of(np.array([[100.0, 100.0]]), [True, True, False])
    load = np.zeros((3, 1, 2, 3))
    load[0, 0, 1] = [300.0, 900.0, 720.0]
    load[1, 0, 1] = [300.0, 1_400.0, 1_400.0]
    load[2, 0, 1] = 9_000.0  # not promised
    found = sizing_need(problem, load, np.array([[5, 18]]))
    assert found == Need(1, 0, 1, 2, 18, 12, 1400 / (18 * (100 * 0.8)))
    assert need_sentence(problem, found) == (
        "18 replicas of service0 in region1 because state 1 down at 21:00 UTC; without it 12"
    )


def test_the_normal_state_may_size_the_plan() -> None:
    problem = problem_of(np.array([[100.0]]), [True, True])
    load = np.array([[[[100.0, 119.0, 50.0]]], [[[100.0, 119.0, 50.0]]]])
    found = sizing_need(problem, load, np.array([[2]]))
    assert (
        need_sentence(problem, found)
        == "2 replicas of service0 in region0 at 08:00 UTC with everything up"
    )
    assert found.without == found.replicas


def test_a_region_without_replicas_that_is_asked_is_fuller_than_all_others() -> None:
    problem = problem_of(np.array([[100.0, 100.0]]), [True, True])
    load = np.zeros((2, 1, 2, 3))
    load[:, 0, 0] = 1_000.0
    load[1, 0, 1, 1] = 1.0
    found = sizing_need(problem, load, np.array([[1, 0]]))
    assert (found.state, found.region, found.replicas, found.without) == (1, 1, 1, 0)
    assert np.isinf(found.used_share)


def test_nobody_who_asks_needs_nothing() -> None:
    problem = problem_of(np.array([[100.0]]), [True])
    found = sizing_need(problem, np.zeros((1, 1, 1, 3)), np.array([[0]]))
    assert (found.replicas, found.used_share) == (0, 0.0)


@given(st.integers(1, 500), st.floats(1.0, 1e4), st.sampled_from([0.3, 0.6, 0.8, 1.0]))
def test_a_load_that_fills_whole_replicas_needs_no_more(
    count: int, rps: float, ceiling: float
) -> None:
    problem = problem_of(np.array([[rps]]), [True])
    load = np.full((1, 1, 1), count * rps * ceiling)
    assert replicas_needed(problem, load, ceiling).item() == count
    assert replicas_needed(problem, load * (1 + 1e-3), ceiling).item() == count + 1

"""The worst state, its cause, and the tables for people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.problem.arrays import Problem, Solution
from planner.simulation.assessment import Assessment
from planner.simulation.replay import simulate
from tests.oracles.instances import random_problem
from tests.oracles.solutions import random_solution


@pytest.fixture(scope="module")
def judged() -> list[Assessment]:
    problems = [random_problem(seed) for seed in range(12)]
    return [simulate(p, random_solution(p, seed)) for seed, p in enumerate(problems)]


def test_the_worst_state_is_first_by_loss_then_by_delay(judged: list[Assessment]) -> None:
    for found in judged:
        lost = [float(x) if x > 1e-9 else 0.0 for x in found.unserved_share]
        over = np.nan_to_num(found.p95_over_limit, nan=0.0, posinf=np.inf)
        ranked = [
            (lost[k], over[k]) for k in range(len(found.axes.states)) if found.must_survive[k]
        ]
        assert (found.worst.unserved_share, found.worst.p95_over_limit) == max(ranked)


def test_tables_carry_names_and_add_up(judged: list[Assessment]) -> None:
    for found in judged:
        matrix = found.failure_matrix
        assert list(matrix.index) == list(found.axes.states)
        assert list(matrix.columns) == list(found.axes.services)
        # No state loses a larger share of everything than of its worst service.
        assert (found.unserved_share <= matrix.max(axis=1).to_numpy() + 1e-12).all()
        assert found.states["lost_requests_month"].sum() == pytest.approx(
            730
            * 3600
            * sum(
                p * float(lost.sum(axis=(0, 1)).mean())
                for p, lost in zip(found.state_probability, found.lost.total, strict=True)
            )
        )
        assert found.region_p95.shape == found.region_p95_ms.shape
        assert not found.lost.capacity.flags.writeable


def held() -> tuple[Problem, Solution]:
    """Return a problem in which nothing can go wrong, and a solution of it."""
    problem = random_problem(5, services=1, origins=2, regions=2, hours=2, order=1)
    states = len(problem.axes.states)
    problem = replace(
        problem,
        demand_rps=np.array([[[10.0, 20.0], [30.0, 60.0]]]),
        state_admissible=problem.region_up[:, None, None, :]
        & np.ones((states, 1, 2, 2), dtype=bool),
        rps_per_replica=np.full((1, 2), 50.0),
        uplink_gbps=np.full(2, 1e3),
        home_share=np.zeros(1),
    )
    solution = replace(
        random_solution(problem, 0),
        replicas=np.array([[4, 4]]),
        host=np.zeros(2, dtype=np.int64),
        origin=np.arange(2),
        order=np.array([[0, 1], [1, 0]]),
        share=np.ones(2),
    )
    return problem, solution


def test_a_plan_that_holds_is_judged_by_its_delay() -> None:
    problem, solution = held()
    worst = simulate(problem, solution).worst
    assert worst.unserved_share == 0
    assert "95th percentile" in worst.cause
    assert "s0 for o" in worst.cause


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("capacity", "exceed the emergency capacity of r1"),
        ("uplink", "exceed the uplink of r1"),
        ("no_region", "find none of their regions up; r0 serves them normally"),
        ("inadmissible", "are sent where they may not be served; r0 serves them normally"),
        ("home", "need storage of which no home region is left; r0 holds it normally"),
    ],
)
def test_the_cause_names_what_stopped_the_requests(change: str, words: str) -> None:
    problem, solution = held()
    lost_r0 = next(
        k for k, up in enumerate(problem.region_up) if not up[0] and problem.must_survive[k]
    )
    if change == "capacity":
        solution = replace(solution, replicas=np.array([[4, 1]]))
        problem = replace(problem, ceiling_emergency_share=1.0)
        problem = replace(problem, rps_per_replica=np.array([[50.0, 65.0]]))
    elif change == "uplink":
        gbps = problem.payload_kib[0] * 8192 / 1e9
        problem = replace(problem, uplink_gbps=np.array([1e3, 70 * gbps]))
    elif change == "no_region":
        solution = replace(solution, order=np.array([[0, -1], [1, 0]]))
    elif change == "inadmissible":
        allowed = problem.state_admissible.copy()
        allowed[lost_r0, 0, 0, 1] = False
        problem = replace(problem, state_admissible=allowed)
    else:
        home = np.zeros((len(problem.axes.states), 1), dtype=np.int64)
        home[lost_r0] = -1
        problem = replace(problem, home_share=np.array([0.5]), home_region=home)
    worst = simulate(problem, solution).worst
    assert worst.state == problem.axes.states[lost_r0]
    assert words in worst.cause
    assert "01:00 UTC" in worst.cause or change in {"no_region", "inadmissible", "home"}
    assert worst.unserved_share > 0

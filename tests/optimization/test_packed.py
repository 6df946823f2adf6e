"""Plans made with the packing limit at best against every count and every placement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from planner.errors import Infeasible, SolverStopped
from planner.optimization.optimize import solve
from planner.problem import packing, vector_packing
from planner.problem.arrays import NodePools, Problem, Solution
from tests.oracles import brute_force
from tests.oracles.evaluate import evaluate
from tests.oracles.instances import random_problem
from tests.oracles.packing import region_packs

Steering = Literal["static", "adaptive"]


def solved(problem: Problem) -> Solution | None:
    try:
        return solve(problem, gap=1e-9, time_limit_s=60.0, seed=0)
    except Infeasible:
        return None


def crowded(seed: int, steering: Steering) -> Problem:
    """Return a small problem whose few servers are nearly full of pods of odd sizes.

    One region is cheap and too small for everything: what can be packed there decides the cost.
    """
    problem = random_problem(
        seed, steering=steering, services=3, regions=2, hours=1, order=int(seed % 5 == 0)
    )
    rng = np.random.default_rng(seed + 10**6)
    kinds = 1 + seed % 2
    pools = NodePools(
        region=np.repeat(np.arange(2), kinds),
        cpu_cores=rng.integers(9, 16, 2 * kinds).astype(float),
        memory_gib=rng.integers(18, 32, 2 * kinds).astype(float),
        pods=rng.integers(3, 8, 2 * kinds).astype(float),
        servers=rng.integers(1, 3, 2 * kinds) + (kinds == 1),
        server_cost_usd_month=np.zeros(2 * kinds),
        names=tuple(f"r{r}/p{p}" for r in range(2) for p in range(kinds)),
    )
    return replace(
        problem,
        packing="at_best",
        pools=pools,
        survive_server_loss=bool(rng.random() < 0.2),
        cpu_cores=rng.integers(2, 8, 3).astype(float),
        memory_gib=rng.integers(2, 13, 3).astype(float),
        surge_replicas=rng.integers(0, 2, 3) * int(rng.integers(2)),
        cost_usd_month=problem.cost_usd_month * rng.choice([[1.0, 0.3], [1.0, 1.0]]),
        uplink_gbps=np.full(2, 1e6),
    )


def nothing_known_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the rows of rounding, so that cuts and branches find everything."""
    none = (np.zeros((0, 0), np.int64), np.zeros(0, np.int64))
    monkeypatch.setattr(
        packing, "rounding_rows", lambda size, _: (none[0].reshape(0, len(size)), none[1])
    )


def no_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the rows found on the way too, so that only branches are left."""
    nothing_known_at_first(monkeypatch)
    monkeypatch.setattr(vector_packing, "_row", lambda *_: None)


def undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every exact search stop at its limit."""
    no_cuts(monkeypatch)
    monkeypatch.setattr(vector_packing, "_searched", lambda *_: None)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Forget what was answered before and during a test."""
    vector_packing._packed.cache_clear()
    yield
    vector_packing._packed.cache_clear()


@pytest.mark.parametrize("steering", ["static", "adaptive"])
@pytest.mark.parametrize(
    "batch", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 11))]
)
def test_the_optimum_is_that_of_every_count_and_placement(steering: Steering, batch: int) -> None:
    cheaper = 0
    for seed in range(20 + 8 * batch, 20 + 8 * (batch + 1)):
        problem = crowded(seed, steering)
        expected = brute_force.solve(problem)
        found = solved(problem)
        objective = np.inf if found is None else found.objective
        assert objective == pytest.approx(expected, rel=1e-6, abs=1e-6), seed
        if found is None:
            continue
        assert found.bound == pytest.approx(expected, rel=1e-6, abs=1e-6), seed
        for region, replicas in enumerate(found.replicas.T):
            assert region_packs(problem, region, replicas.tolist()), seed
        if steering == "static":
            _, faults = evaluate(problem, found)
            assert faults == [], seed
        sure = brute_force.solve(replace(problem, packing="guaranteed"))
        assert objective <= sure + 1e-6 * abs(objective)
        cheaper += objective < sure - 1e-6 * abs(objective)
    assert cheaper > 0


@pytest.mark.parametrize("steering", ["static", "adaptive"])
@pytest.mark.parametrize("less", [nothing_known_at_first, no_cuts])
def test_cuts_and_branches_alone_find_the_same(
    steering: Steering,
    less: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    less(monkeypatch)
    for seed in (24, 36, 46, 48, 58, 59):
        problem = crowded(seed, steering)
        found = solved(problem)
        objective = np.inf if found is None else found.objective
        assert objective == pytest.approx(brute_force.solve(problem), rel=1e-6, abs=1e-6), seed


def test_what_cannot_be_decided_is_no_plan_and_stays_in_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    undecided(monkeypatch)
    for seed in (24, 26, 48, 59):
        problem = crowded(seed, "static")
        expected = brute_force.solve(problem)
        found = solve(problem, gap=1e-9)
        assert found.bound <= expected + 1e-6 * expected, seed
        assert found.objective >= expected - 1e-6 * expected, seed
        for region, replicas in enumerate(found.replicas.T):
            assert region_packs(problem, region, replicas.tolist()), seed
        assert any("stopped at its limit" in note for note in found.notes), seed
    with pytest.raises(SolverStopped, match="packings"):
        solve(crowded(0, "static"), gap=1e-9)


def classic(packing_limit: Literal["guaranteed", "at_best"]) -> Problem:
    """Two nodes of 10 cores in one region; pods of 5, 5 and 10 are what its demand needs."""
    problem = random_problem(1, services=2, origins=2, regions=1, hours=1, order=0)
    pools = NodePools(
        region=np.array([0]),
        cpu_cores=np.array([10.0]),
        memory_gib=np.array([64.0]),
        pods=np.array([110.0]),
        servers=np.array([2]),
        server_cost_usd_month=np.zeros(1),
        names=("r0/pool",),
    )
    need = np.array([2, 1])
    per_replica = problem.demand_rps.sum(axis=(1, 2)) / (0.7 * need)
    return replace(
        problem,
        packing=packing_limit,
        pools=pools,
        survive_server_loss=False,
        cpu_cores=np.array([5.0, 10.0]),
        memory_gib=np.ones(2),
        surge_replicas=np.zeros(2, np.int64),
        min_replicas=np.ones((2, 1), np.int64),
        max_replicas=np.full((2, 1), 9),
        rps_per_replica=per_replica[:, None] * 1.0001,
        uplink_gbps=np.full(1, 1e6),
        fixed_cost_usd_month=np.zeros(1),
    )


def test_two_nodes_of_ten_cores_hold_five_five_and_ten_at_best_only() -> None:
    found = solve(classic("at_best"))
    assert found.replicas.tolist() == [[2], [1]]
    assert [note for note in found.notes if "the order in which pods start decides" in note]
    with pytest.raises(Infeasible):
        solve(classic("guaranteed"))


def test_one_more_pod_is_infeasible_and_the_way_out_does() -> None:
    problem = classic("at_best")
    more = replace(problem, rps_per_replica=problem.rps_per_replica * 0.9)
    with pytest.raises(Infeasible, match="server") as caught:
        solve(more)
    assert caught.value.ways_out
    roomy = replace(more.pools, servers=more.pools.servers + 3)
    assert solve(replace(more, pools=roomy)).replicas.tolist() == [[3], [2]]

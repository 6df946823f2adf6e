"""What must be true of any optimum: honest bounds, gaps kept, same bytes, and its order."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import Literal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planner.errors import Infeasible, SolverStopped
from planner.optimization.columns import order_columns
from planner.optimization.cuts import group_origins, shortfall_rps
from planner.optimization.milp import Milp, MilpResult
from planner.optimization.optimize import solve
from planner.optimization.placement import place_origins
from planner.optimization.search import search
from planner.optimization.static import static_program
from planner.optimization.stopping import NEVER
from planner.problem.arrays import Problem, Solution
from tests.benchmarks.generators import survivable_capacity
from tests.oracles import extensive_form
from tests.oracles.evaluate import evaluate
from tests.oracles.instances import random_problem

LAST_AXIS_IS_REGIONS = (
    "rtt_ms",
    "state_rtt_ms",
    "latency_ms",
    "region_up",
    "admissible",
    "state_admissible",
    "rps_per_replica",
    "uplink_gbps",
    "min_replicas",
    "max_replicas",
    "pinned",
    "cost_usd_month",
    "fixed_cost_usd_month",
)

SEEDS = st.integers(0, 10_000)
STEERINGS = st.sampled_from(["static", "adaptive"])
TIGHT = 1e-9


def cost(problem: Problem) -> float:
    """Return the optimum, infinity where there is none."""
    try:
        return solve(problem, gap=TIGHT, time_limit_s=30.0).objective
    except Infeasible:
        return float("inf")


def tiny(seed: int, steering: str, *, split: bool | None = None) -> Problem:
    return random_problem(
        seed,
        services=1 + seed % 2,
        origins=3,
        regions=3,
        hours=2,
        steering="static" if steering == "static" else "adaptive",
        split_origins=split,
    )


def feasible(steering: str, *, split: bool = True) -> Problem:
    """Return the first tiny problem that has a plan."""
    drawn = (tiny(seed, steering, split=split) for seed in range(100))
    return next(problem for problem in drawn if np.isfinite(cost(problem)))


def at_most(less: float, more: float) -> bool:
    return less <= more + 1e-6 * max(1.0, abs(more)) if np.isfinite(more) else True


@pytest.mark.parametrize("many", [-1, 10**9])
def test_a_start_that_simplifying_makes_better_is_not_handed_back(
    many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planner.optimization.static.MANY_ENTRIES", many)
    problem = random_problem(136, regions=5, origins=2, services=2, order=0, split_origins=False)
    found = solve(problem, gap=TIGHT, time_limit_s=30.0)
    assert found.status == "optimal"
    assert found.objective == pytest.approx(extensive_form.solve(problem)[0], rel=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SEEDS, STEERINGS, st.floats(1.0, 1.3), st.integers(0, 2))
def test_more_demand_never_costs_less(seed: int, steering: str, factor: float, origin: int) -> None:
    # Without the price of latency: that is one of a mean, which near users lower.
    problem = replace(tiny(seed, steering), usd_per_ms=0.0)
    demand = problem.demand_rps.copy()
    demand[:, origin] *= factor
    assert at_most(cost(problem), cost(replace(problem, demand_rps=demand)))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SEEDS, STEERINGS, st.integers(0, 100))
def test_a_promise_less_never_costs_more(seed: int, steering: str, which: int) -> None:
    # Requests lost in states without promise would be paid for.
    problem = replace(tiny(seed, steering), usd_per_lost_request=0.0)
    promised = np.flatnonzero(problem.must_survive)[1:]
    assume(promised.size > 0)
    fewer = problem.must_survive.copy()
    fewer[promised[which % promised.size]] = False
    assert at_most(cost(replace(problem, must_survive=fewer)), cost(problem))


def relabelled(problem: Problem, order: np.ndarray) -> Problem:
    """Return the problem with its regions in another order."""
    place = np.argsort(order)
    home = np.where(problem.home_region >= 0, place[problem.home_region], -1)
    network, pools = problem.network, problem.pools
    last = {name: getattr(problem, name)[..., order] for name in LAST_AXIS_IS_REGIONS}
    return replace(
        problem,
        **last,
        axes=replace(problem.axes, regions=tuple(problem.axes.regions[r] for r in order)),
        home_region=home,
        pools=replace(pools, region=place[pools.region]),
        network=replace(
            network,
            point_rtt_ms=network.point_rtt_ms[..., order],
            region_rtt_ms=network.region_rtt_ms[np.ix_(order, order)],
        ),
    )


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SEEDS, STEERINGS, st.permutations(range(3)))
def test_names_of_regions_do_not_matter(seed: int, steering: str, order: list[int]) -> None:
    problem = tiny(seed, steering)
    other = cost(relabelled(problem, np.array(order)))
    assert other == pytest.approx(cost(problem), rel=1e-6, abs=1e-6)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SEEDS)
def test_freer_steering_never_costs_more(seed: int) -> None:
    whole = cost(tiny(seed, "static", split=False))
    split = cost(tiny(seed, "static", split=True))
    adaptive = cost(replace(tiny(seed, "static", split=True), steering="adaptive"))
    assert at_most(split, whole)
    assert at_most(adaptive, split)


@cache
def hard(split: bool, steering: Literal["static", "adaptive"] = "static") -> Problem:
    problem = survivable_capacity(1, 8, 40, 2, 1, steering=steering)
    return replace(problem, split_origins=split)


@cache
def best_known() -> tuple[float, float]:
    """Return bound and objective of the hard problem with origins split."""
    found = solve(hard(split=True), gap=1e-3, time_limit_s=60.0)
    return found.bound, found.objective


def test_a_limit_returns_the_best_plan_with_an_honest_bound() -> None:
    bound, objective = best_known()
    problem = hard(split=False)
    found = solve(problem, gap=1e-9, time_limit_s=1.0)
    assert found.status == "limit"
    assert found.seconds < 10
    assert found.gap > 1e-9
    # Whole origins cost at least as much as split ones.
    assert found.objective >= bound - 1e-6
    again, faults = evaluate(problem, found)
    assert faults == []
    assert again == pytest.approx(found.objective, rel=1e-6)
    # A bound of whole origins may not pass a plan of whole origins that is known.
    longer = solve(problem, gap=1e-9, time_limit_s=4.0)
    assert found.bound <= longer.objective
    assert longer.bound <= found.objective
    assert objective >= bound


def test_a_limit_before_the_first_integers_still_finds_an_adaptive_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = survivable_capacity(3, 6, 40, 2, 1, hours=3)
    best = solve(problem, gap=1e-4, time_limit_s=60.0)

    def stopped(self: Milp, time_limit_s: float, gap: float, **start: object) -> MilpResult:
        return MilpResult("limit", None, np.inf, -np.inf)

    monkeypatch.setattr(Milp, "integral", stopped)
    found = solve(problem, gap=1e-4, time_limit_s=60.0)
    assert found.status == "limit"
    assert found.bound <= best.objective
    assert best.bound <= found.objective
    assert found.gap < 0.2
    for state in range(len(problem.axes.states)):
        groups = group_origins(problem.state_admissible[state, 0], problem.demand_rps[0])
        rate = problem.rps_per_replica[0] * problem.region_up[state]
        short, _ = shortfall_rps(groups, rate, found.replicas[0].astype(float))
        assert short.max() <= 1e-6


@pytest.mark.parametrize("steering", ["static", "adaptive"])
@pytest.mark.parametrize("limit_s", [1e-6, 0.004, 0.02])
def test_however_short_the_limit_the_bound_is_below_the_optimum(
    steering: str, limit_s: float
) -> None:
    for seed in range(40, 52):
        problem = tiny(seed, steering)
        optimum, _ = extensive_form.solve(problem)
        try:
            found = solve(problem, gap=TIGHT, time_limit_s=limit_s)
        except SolverStopped:
            continue
        except Infeasible:
            assert np.isinf(optimum), seed
            continue
        assert found.bound <= optimum * (1 + 1e-6) + 1e-6, seed
        assert optimum <= found.objective * (1 + 1e-6) + 1e-6, seed
        if found.status == "optimal":
            assert found.objective == pytest.approx(optimum, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", [5104, 5184, *range(5110, 5125)])
def test_dear_columns_may_still_carry_a_little(seed: int) -> None:
    # In the first two the best plan sends a few per cent of an origin far away to save a replica.
    dear = float(10 ** np.random.default_rng(seed).uniform(-1, 2))
    problem = random_problem(
        seed,
        services=1,
        origins=6,
        regions=3,
        hours=1,
        order=1,
        split_origins=True,
        max_replicas=6,
    )
    problem = replace(problem, usd_per_ms=dear, uplink_gbps=np.full(3, 1e3))
    written, _ = extensive_form.solve(problem)
    assert cost(problem) == pytest.approx(written, rel=1e-7)


@pytest.mark.parametrize("gap", [0.2, 0.05, 5e-3])
@pytest.mark.parametrize("steering", ["static", "adaptive"])
def test_the_gap_asked_for_is_kept(gap: float, steering: Literal["static", "adaptive"]) -> None:
    problem = survivable_capacity(2, 6, 25, 2, 1, steering=steering)
    fine = solve(problem, gap=1e-4, time_limit_s=60.0)
    assert fine.status == "optimal"
    assert fine.gap <= 1e-4
    found = solve(problem, gap=gap, time_limit_s=60.0)
    assert found.status == "optimal"
    assert found.gap <= gap
    assert found.bound <= fine.objective + 1e-6
    assert found.objective >= fine.bound - 1e-6


def in_bytes(solution: Solution) -> dict[str, object]:
    """Return everything but the time it took."""
    values = {f.name: getattr(solution, f.name) for f in fields(solution) if f.name != "seconds"}
    return {k: v.tobytes() if isinstance(v, np.ndarray) else v for k, v in values.items()}


@pytest.mark.parametrize("steering", ["static", "adaptive"])
def test_the_same_input_gives_the_same_bytes(steering: Literal["static", "adaptive"]) -> None:
    for problem in (
        survivable_capacity(3, 6, 25, 2, 1, hours=4, steering=steering),
        feasible(steering),
        feasible(steering, split=False),
    ):
        one, two = (solve(problem, gap=1e-3, time_limit_s=60.0, seed=5) for _ in range(2))
        assert one.status == two.status == "optimal"
        assert in_bytes(one) == in_bytes(two)


@pytest.mark.parametrize("seed", range(5))
def test_another_seed_finds_the_same_optimum(seed: int) -> None:
    problem = feasible("static")
    found = solve(problem, gap=TIGHT, time_limit_s=30.0, seed=seed)
    assert found.seed == seed
    assert found.objective == pytest.approx(cost(problem), rel=1e-8)


@pytest.mark.parametrize("split", [True, False])
def test_shares_are_whole_or_on_a_grid(split: bool) -> None:
    problem = survivable_capacity(4, 5, 12, 1, 1, steering="static")
    found = solve(replace(problem, split_origins=split), gap=1e-2, time_limit_s=20.0)
    total = np.zeros((1, 12))
    np.add.at(total, (found.host, found.origin), found.share)
    assert total == pytest.approx(np.ones((1, 12)), abs=1e-12)
    if not split:
        assert set(found.share.tolist()) == {1.0}
    else:
        units = found.share * 1e4
        assert np.abs(units - np.rint(units)).max() < 1e-6


def test_a_plan_to_start_from_changes_neither_optimum_nor_bound() -> None:
    tried = 0
    for seed in range(2000, 2024):
        problem = replace(random_problem(seed, steering="static"), split_origins=True)
        columns = order_columns(problem)
        if columns.missing.size:
            continue
        least = search(static_program(problem, columns, 0), 1e-9, NEVER).best
        if least is None:
            continue
        for start in (least, place_origins(static_program(problem, columns, 0), 4)):
            found = search(static_program(problem, columns, 0), 1e-9, NEVER, start=start)
            tried += start is not None
            assert found.best is not None, seed
            assert found.best.objective == pytest.approx(least.objective, rel=1e-8), seed
            assert found.bound == pytest.approx(least.objective, rel=1e-8), seed
    assert tried >= 15

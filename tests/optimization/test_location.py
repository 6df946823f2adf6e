"""Facility location: brute force over open sets, OR-Library optima, bounds that are bounds."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from planner.optimization.choice import Choice
from planner.optimization.fixing import fixed, useful
from planner.optimization.lagrangian import ascend, relaxed
from planner.optimization.location import LocationResult, solve
from planner.optimization.location_program import LocationProgram
from planner.optimization.location_tree import explored
from planner.optimization.sites import Sites, sites
from planner.optimization.stopping import NEVER
from tests.benchmarks.or_library import LIBRARY, Instance, cap, pmed, read_cap, read_pmed

Floats = NDArray[np.float64]
SEEDS = st.integers(0, 100_000)
TIGHT = 1e-9
needs_library = pytest.mark.skipif(
    not LIBRARY.is_dir(), reason="the OR-Library files (../shared/benchmarks) are not here"
)


def transport_cost(room: Floats, demand: Floats, cost: Floats) -> float:
    """Return the least cost of serving all customers from open facilities; infinity if none."""
    customers, facilities = cost.shape
    one = np.kron(np.eye(customers), np.ones(facilities))
    load = np.kron(demand, np.eye(facilities))
    limit = np.minimum(room, demand.sum() + 1.0)
    found = linprog(cost.ravel(), A_ub=load, b_ub=limit, A_eq=one, b_eq=np.ones(customers))
    return float(found.fun) if found.status == 0 else float("inf")


def by_brute_force(instance: Instance) -> dict[tuple[int, ...], float]:
    """Return the cost of every open set."""
    count = instance.fixed_cost.size
    sizes = [instance.open_count] if instance.open_count else range(1, count + 1)
    chosen = [one for size in sizes for one in combinations(range(count), size)]
    return {
        one: float(instance.fixed_cost[list(one)].sum())
        + transport_cost(
            instance.capacity[list(one)], instance.demand, instance.assignment_cost[:, list(one)]
        )
        for one in chosen
    }


def drawn(seed: int) -> Instance:
    """Draw a small instance: scarce, ample or no capacities; a free or a given number open."""
    rng = np.random.default_rng(seed)
    customers, facilities = int(rng.integers(1, 7)), int(rng.integers(1, 6))
    demand = rng.integers(0 if rng.random() < 0.2 else 1, 9, customers).astype(float)
    load = max(1.0, demand.sum())
    capacity = np.full(facilities, np.inf)
    if rng.random() < 0.7:
        capacity = rng.integers(1, 9, facilities).astype(float)
        capacity *= np.ceil(load * rng.choice([1.0, 1.5, 3.0]) / capacity.sum())
    fixed_cost = rng.integers(0, 30, facilities).astype(float)
    cost = rng.integers(0, 40, (customers, facilities)).astype(float)
    problem = sites(fixed_cost, capacity, demand, cost)
    given_count = rng.random() < 0.4
    count = int(rng.integers(problem.fewest, facilities + 1)) if given_count else None
    return Instance(str(seed), fixed_cost, capacity, demand, cost, count, np.nan)


def solved(instance: Instance, gap: float = TIGHT) -> LocationResult:
    return solve(
        instance.fixed_cost,
        instance.capacity,
        instance.demand,
        instance.assignment_cost,
        open_count=instance.open_count,
        gap=gap,
        time_limit_s=60.0,
    )


def checked(instance: Instance) -> Sites:
    return sites(
        instance.fixed_cost,
        instance.capacity,
        instance.demand,
        instance.assignment_cost,
        instance.open_count,
    )


def recomputed(instance: Instance, found: LocationResult) -> float:
    """Return the cost of a choice from its shares alone, having checked that they may be so."""
    load = instance.demand @ found.shares
    assert found.shares.min() >= 0
    np.testing.assert_allclose(found.shares.sum(axis=1), 1.0, atol=1e-9)
    assert (load <= instance.capacity * (1 + 1e-6) + 1e-6).all()
    closed = np.setdiff1d(np.arange(instance.fixed_cost.size), found.open)
    assert not found.shares[:, closed].any()
    if instance.open_count is not None:
        assert found.open.size == instance.open_count
    opening = instance.fixed_cost[found.open].sum()
    return float(opening + (instance.assignment_cost * found.shares).sum())


@settings(max_examples=150, deadline=None)
@given(SEEDS)
def test_small_cases_agree_with_trying_every_open_set(seed: int) -> None:
    instance = drawn(seed)
    least = min(by_brute_force(instance).values())
    found = solved(instance)
    assert found.objective == pytest.approx(least, rel=1e-6, abs=1e-6)
    assert found.bound <= least + 1e-6 * max(1.0, least)
    assert found.gap <= 1e-6
    assert recomputed(instance, found) == pytest.approx(found.objective, rel=1e-9, abs=1e-6)


@settings(max_examples=80, deadline=None)
@given(SEEDS, st.floats(0.0, 3.0))
def test_any_prices_give_a_bound_and_fix_nothing_that_is_needed(seed: int, scale: float) -> None:
    instance = drawn(seed)
    costs = by_brute_force(instance)
    problem, least = checked(instance), min(costs.values())
    rng = np.random.default_rng(seed)
    price = scale * rng.random(instance.demand.size) * (1 + problem.cost.max())
    for dual in (
        relaxed(problem, price),
        ascend(problem, price, target=least, iterations=40)[0],
    ):
        assert dual.bound <= least + 1e-6 * max(1.0, least)
        cutoff = least * (1 + rng.random() / 10)
        surely, never = fixed(problem, dual, cutoff)
        for chosen, cost in costs.items():
            if cost <= cutoff:
                assert set(np.flatnonzero(surely)) <= set(chosen)
                assert not never[list(chosen)].any()


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_assignments_that_the_bound_excludes_are_in_no_cheap_choice(seed: int) -> None:
    instance = drawn(seed)
    problem, costs = checked(instance), by_brute_force(instance)
    least = min(costs.values())
    dual, _ = ascend(problem, problem.cost.mean(axis=0), target=least, iterations=60)
    keep = useful(problem, dual, least)
    for chosen in (one for one, cost in costs.items() if cost <= least):
        places = np.array(chosen)
        kept = np.where(keep[places], problem.cost[places], np.inf)
        np.testing.assert_array_equal(kept.min(axis=0), problem.cost[places].min(axis=0))


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.sampled_from([0.0, 0.02]))
def test_the_tree_search_alone_finds_the_optimum(seed: int, gap: float) -> None:
    instance = drawn(seed)
    problem, costs = checked(instance), by_brute_force(instance)
    least = min(costs.values())
    start = relaxed(problem, problem.cost.min(axis=0))
    known = Choice(np.array(max((c, one) for one, c in costs.items() if c < np.inf)[1]))
    known = replace(known, objective=costs[tuple(known.facility.tolist())])
    left = np.arange(problem.capacity.size)
    found = explored(problem, left, start, known, gap=gap, stop=NEVER, nodes=500)
    slack = 1e-6 * max(1.0, least)
    assert costs[tuple(found.facility.tolist())] == pytest.approx(found.objective, abs=slack)
    assert found.bound <= least + slack
    assert found.objective <= least / (1 - gap) + slack
    assert found.objective - found.bound <= gap * found.objective + slack


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_rows_on_demand_reach_the_relaxation_with_all_strong_rows(seed: int) -> None:
    problem = checked(drawn(seed))
    pairs = np.ones(problem.cost.shape, bool)
    on_demand = LocationProgram(problem, pairs, ~pairs).separate(NEVER)
    at_once = LocationProgram(problem, pairs, pairs).separate(NEVER)
    assert on_demand == pytest.approx(at_once, rel=1e-6, abs=1e-5)


def test_the_ascent_comes_near_the_relaxation_with_all_strong_rows() -> None:
    rng = np.random.default_rng(4)
    places, customers = rng.random((30, 2)), rng.random((120, 2))
    cost = np.linalg.norm(customers[:, None] - places, axis=2)
    problem = sites(np.full(30, 2.0), np.full(30, np.inf), np.ones(120), cost)
    pairs = np.ones(problem.cost.shape, bool)
    linear = LocationProgram(problem, pairs, pairs).separate(NEVER)
    dual, _ = ascend(problem, np.sort(cost)[:, 1], target=linear * 1.01, iterations=400)
    assert linear * 0.998 <= dual.bound <= linear * (1 + 1e-9)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_units_and_order_change_nothing(seed: int) -> None:
    instance = drawn(seed)
    first = solved(instance)
    order = np.random.default_rng(seed).permutation(instance.fixed_cost.size)
    other = Instance(
        "scaled",
        instance.fixed_cost[order] * 1000,
        instance.capacity[order] * 7,
        instance.demand * 7,
        instance.assignment_cost[:, order] * 1000,
        instance.open_count,
        np.nan,
    )
    assert solved(other).objective == pytest.approx(1000 * first.objective, rel=1e-6, abs=1e-4)


def test_the_same_input_gives_the_same_bytes() -> None:
    rng = np.random.default_rng(2)
    size = (40, 12)
    given_ = (rng.random(12), np.full(12, 9.0), rng.random(40), rng.random(size))
    one, two = solve(*given_), solve(*given_)
    assert one.shares.tobytes() == two.shares.tobytes()
    assert one.bound == two.bound


def test_a_limit_leaves_a_choice_and_an_honest_gap() -> None:
    rng = np.random.default_rng(7)
    cost = rng.random((150, 60))
    given_ = (rng.random(60) * 3, np.full(60, 9.0), rng.random(150), cost)
    hasty = solve(*given_, gap=0.0, time_limit_s=0.02)
    best = solve(*given_, gap=1e-4, time_limit_s=60.0)
    assert hasty.bound <= best.objective * (1 + 1e-9)
    assert hasty.objective >= best.bound
    assert hasty.gap == pytest.approx((hasty.objective - hasty.bound) / hasty.objective)
    np.testing.assert_allclose(hasty.shares.sum(axis=1), 1.0)


@needs_library
@pytest.mark.parametrize("name", ["cap41", "cap73", "cap103"])
def test_published_optima_of_capacitated_location(name: str) -> None:
    instance = cap(name)
    found = solved(instance, 1e-9)
    assert found.objective == pytest.approx(instance.optimum, abs=0.01)
    assert found.gap <= 1e-9
    assert recomputed(instance, found) == pytest.approx(instance.optimum, abs=0.01)


@needs_library
def test_the_published_optimum_of_a_p_median() -> None:
    instance = pmed("pmed1")
    found = solved(instance)
    assert found.objective == instance.optimum
    assert found.gap <= 1e-9


def test_a_capacitated_file_is_read_by_customer_and_facility() -> None:
    text = "2 3\ncapacity 7.\n20 8\n4\n1 2\n5\n3 4\n6\n5 6.5\n"
    fixed_cost, capacity, demand, cost = read_cap(text, 30)
    assert (fixed_cost.tolist(), capacity.tolist()) == ([7.0, 8.0], [30.0, 20.0])
    assert (demand.tolist(), cost.tolist()) == ([4.0, 5.0, 6.0], [[1, 2], [3, 4], [5, 6.5]])


def test_a_later_line_of_a_p_median_file_takes_the_place_of_an_earlier() -> None:
    distance, medians = read_pmed("3 3 2\n1 2 9\n2 3 4\n2 1 5\n")
    assert medians == 2
    assert distance.tolist() == [[0, 5, 9], [5, 0, 4], [9, 4, 0]]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"fixed_cost": []}, "`fixed_cost` and `demand` must be one-dimensional and not empty"),
        ({"capacity": [1.0]}, "`capacity` must have one value for each"),
        ({"assignment_cost": [[1.0, 2.0]]}, r"shape \(2, 2\), not \(1, 2\)"),
        ({"demand": [1.0, -1.0]}, "`demand` must be finite and not negative"),
        ({"fixed_cost": [1.0, np.inf]}, "`fixed_cost` must be finite"),
        ({"capacity": [np.nan, 1.0]}, "`capacity` must not be negative"),
        ({"capacity": [1.0, 1.0]}, "`capacity` of all facilities together must cover"),
        ({"open_count": 3}, "`open_count` must be from 1 .* to 2"),
        ({"capacity": [3.0, 3.0], "open_count": 1}, "`open_count` must be from 2"),
        ({"open_count": 1.5}, "`open_count` must be a whole number, not 1.5"),
        ({"gap": -1.0}, "`gap` must not be negative"),
        ({"time_limit_s": 0.0}, "`time_limit_s` must be positive"),
    ],
)
def test_bad_arguments_are_refused_with_the_rule(change: dict[str, object], sentence: str) -> None:
    arguments: dict[str, object] = {
        "fixed_cost": [1.0, 2.0],
        "capacity": [9.0, 9.0],
        "demand": [2.0, 3.0],
        "assignment_cost": [[1.0, 2.0], [2.0, 1.0]],
    }
    with pytest.raises(ValueError, match=sentence):
        solve(**(arguments | change))  # type: ignore[arg-type]

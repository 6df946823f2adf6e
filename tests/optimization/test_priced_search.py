"""Columns that are priced in make the same program as all of them listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from planner.errors import Infeasible, TooManyOrders
from planner.optimization import order_counts as counts
from planner.optimization import order_pool, region_subsets
from planner.optimization.columns import OrderColumns, order_columns
from planner.optimization.loads import judge
from planner.optimization.order_counts import can_list, order_counts, promised_depth
from planner.optimization.order_growth import add_missing_columns, priced_program
from planner.optimization.order_pool import OrderPool, worth_pricing
from planner.optimization.region_subsets import within_regions
from planner.optimization.relaxation import add_missing_rows, relax
from planner.optimization.search import search
from planner.optimization.static import static_program
from planner.optimization.static_search import search_static
from planner.optimization.stopping import NEVER, Standing, Stop
from planner.problem.arrays import Problem
from tests.benchmarks.generators import survivable_capacity
from tests.oracles import extensive_form
from tests.oracles.instances import random_problem


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Price columns in however few orders there are."""
    monkeypatch.setattr(order_pool, "_MANY_ORDERS", 0)


def drawn(seed: int) -> Problem:
    """Return a small problem with everything in it, or a larger one with several hours."""
    if seed % 2:
        return random_problem(seed, split_origins=True)
    return random_problem(seed, split_origins=True, regions=4, origins=8)


def grouped(seed: int) -> Problem:
    """Return one in which some states lose a region more and others are not promised.

    So some origins have fewer regions than lists are long, and no promised state follows some lists
    to their ends.
    """
    problem = drawn(seed)
    rng = np.random.default_rng(seed)
    states, regions = problem.region_up.shape
    up, promised = problem.region_up.copy(), problem.must_survive & (rng.random(states) < 0.7)
    more = np.flatnonzero(rng.random(states) < 0.3)
    up[more, rng.integers(regions, size=more.size)] = False
    up[0] = promised[0] = True
    able = problem.state_admissible & up[:, None, None]
    return replace(problem, region_up=up, must_survive=promised, state_admissible=able)


def rows_of(columns: OrderColumns) -> set[tuple[int, ...]]:
    """Return what tells columns apart."""
    table = np.column_stack([columns.host, columns.origin, columns.order])
    return {tuple(row) for row in table.tolist()}


@pytest.mark.parametrize("draw", [drawn, grouped])
@pytest.mark.parametrize("seed", range(40))
def test_the_pool_has_the_orders_that_listing_finds_at_the_same_price(
    seed: int, draw: Callable[[int], Problem]
) -> None:
    problem = draw(seed)
    pool, listed = OrderPool.of(problem), order_columns(problem)
    assert sorted(pool.short.missing.tolist()) == sorted(listed.missing.tolist())
    table = np.column_stack([pool.short.host, pool.short.origin, pool.short.order])
    rows = [tuple(row) for row in table.tolist()]
    usd = dict(zip(rows, pool.short.cost_usd_month.tolist(), strict=True))
    for host, origin, number in np.argwhere(pool.free):
        order = pool.sums.regions(np.array([number]))[0]
        cost = pool.first_usd[host, origin, order[0]]
        if pool.lost_usd is not None:
            cost += pool.lost_usd[host, origin, number]
        usd[(int(host), int(origin), *order.tolist())] = cost
    assert set(usd) == rows_of(listed)
    table = np.column_stack([listed.host, listed.origin, listed.order])
    for row, expected in zip(table.tolist(), listed.cost_usd_month.tolist(), strict=True):
        assert usd[tuple(row)] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("seed", range(60))
def test_the_relaxation_is_that_of_all_orders(seed: int) -> None:
    problem = drawn(seed)
    listed = order_columns(problem)
    if listed.missing.size:
        return
    expected = relax(static_program(problem, listed, 0), NEVER, 1e-9)
    static = priced_program(problem, OrderPool.of(problem), 0)
    found = relax(static, NEVER, 1e-9)
    assert found.status == expected.status
    if expected.status == "optimal":
        assert found.objective == pytest.approx(expected.objective, rel=1e-6)
        assert found.bound == pytest.approx(expected.objective, rel=1e-6)


def test_fewer_columns_do_than_there_are() -> None:
    """And every bound on the way holds."""
    problem = survivable_capacity(1, 12, 60, 1, 2, 2, steering="static", load=0.5)
    listed = order_columns(problem)
    best = relax(static_program(problem, listed, 0), NEVER, 1e-9).objective
    static = priced_program(problem, OrderPool.of(problem), 0)
    bounds, added = [], 1
    while added:
        result = static.program.relaxation(NEVER)
        assert result.x is not None
        added = add_missing_rows(static, result.x, 0.0)
        fresh, result = add_missing_columns(static, result, 1e-9)
        added += fresh
        bounds.append(result.bound)
    assert len(bounds) > 3
    assert max(bounds) <= best * (1 + 1e-7)
    assert relax(static, NEVER, 1e-9).objective == pytest.approx(best, rel=1e-6)
    assert static.columns.host.size < listed.host.size / 2


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("draw", [drawn, grouped])
@pytest.mark.parametrize("seed", range(24))
def test_the_plan_is_that_of_the_extensive_form(seed: int, draw: Callable[[int], Problem]) -> None:
    problem = draw(seed)
    assert worth_pricing(problem)
    expected, replicas = extensive_form.solve(problem)
    if replicas is None:
        with pytest.raises(Infeasible):
            search_static(problem, 1e-6, Stop(60.0), 0)
        return
    found = search_static(problem, 1e-6, Stop(60.0), 0)
    assert found.objective == pytest.approx(expected, rel=3e-6)
    assert found.bound == pytest.approx(expected, rel=3e-6)
    columns = order_columns(problem)
    share = found.candidate(columns).share
    verdict = judge(problem, columns, found.replicas, share)
    assert not verdict.broken(problem)
    assert verdict.objective == pytest.approx(found.objective)


@pytest.mark.usefixtures("always")
def test_a_point_that_the_solver_calls_optimal_may_be_none() -> None:
    """From the last basis one keeps rows only as they are scaled: from no basis there is another.

    The search went on with none until its time was up.
    """
    problem = random_problem(5102, split_origins=True, regions=5, origins=2, hours=1)
    rps = problem.demand_rps * np.array([1.0, 1e-7])[None, :, None]
    rps[0] = 0.0
    with pytest.raises(Infeasible):
        search_static(replace(problem, demand_rps=rps), 1e-6, Stop(20.0), 0)


@pytest.mark.usefixtures("always")
def test_a_plan_of_few_regions_may_have_shorter_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two that may be lost together are dear, and a plan without them needs one backup."""
    monkeypatch.setattr(region_subsets, "_ORDERS", 1)
    problem = survivable_capacity(1, 7, 10, 1, 2, steering="static", load=0.2)
    down, pair = ~problem.region_up, np.arange(7) >= 5
    promised = (down.sum(axis=1) <= 1) | (down == pair).all(axis=1)
    problem = replace(problem, must_survive=promised, fixed_cost_usd_month=np.where(pair, 1e4, 10))
    assert promised_depth(within_regions(problem, ~pair)) < promised_depth(problem)
    found = search_static(problem, 1e-6, Stop(60.0), 0)
    expected = search(static_program(problem, order_columns(problem), 0), 1e-6, Stop(60.0))
    assert expected.best is not None
    assert found.objective == pytest.approx(expected.best.objective, rel=3e-6)
    assert found.bound <= expected.best.objective * (1 + 1e-9)


@pytest.mark.usefixtures("always")
def test_a_search_that_is_stopped_has_a_plan_and_a_bound_that_holds() -> None:
    problem = survivable_capacity(2, 10, 40, 1, 1, steering="static", load=0.5)
    best = search_static(problem, 1e-3, Stop(60.0), 0)
    heard: list[Standing] = []

    def hear(standing: Standing) -> None:
        heard.append(standing)
        if standing.objective is not None:
            stop.interrupt()

    stop = Stop(60.0, hear)
    short = search_static(problem, 1e-9, stop, 0)
    assert len(heard) >= 2
    assert short.bound <= best.objective
    assert best.bound <= short.objective


def test_pricing_is_for_many_orders_of_origins_that_can_be_split() -> None:
    few = survivable_capacity(1, 12, 200, 1, 1, steering="static")
    many = survivable_capacity(1, 30, 60, 1, 1, steering="static")
    anywhere = np.ones_like(many.state_admissible) & many.region_up[:, None, None, :]
    many = replace(many, state_admissible=anywhere)
    assert not worth_pricing(few)
    assert not worth_pricing(replace(many, split_origins=False))
    # Origins of one class are one; those that call at other hours are not.
    assert not worth_pricing(many)
    demand = np.repeat(many.demand_rps, 2, axis=2)
    demand[:, :, 1] *= np.linspace(0.5, 1.5, demand.shape[1])
    assert worth_pricing(replace(many, demand_rps=demand))


@pytest.mark.parametrize("seed", range(4))
def test_few_regions_make_the_problem_in_which_others_do_not_serve(seed: int) -> None:
    problem = survivable_capacity(seed, 7, 12, 2, 2, steering="static", load=0.3)
    kept = np.arange(7) != seed
    less = within_regions(problem, kept)
    assert less.region_up.shape[0] < problem.region_up.shape[0]
    closed = replace(problem, state_admissible=problem.state_admissible & kept)
    values = []
    for each in (less, closed):
        columns = order_columns(each)
        assert not columns.missing.size
        assert seed not in columns.order
        values.append(search(static_program(each, columns, 0), 1e-6, Stop(60.0)).best)
    one, other = values
    assert one is not None
    assert other is not None
    assert one.objective == pytest.approx(other.objective, rel=3e-6)


def test_orders_of_another_program_are_taken_in_once() -> None:
    problem = survivable_capacity(1, 8, 10, 1, 1, steering="static")
    pool, listed = OrderPool.of(problem), order_columns(problem)
    first = pool.start()
    new = pool.take(listed.host, listed.origin, listed.order)
    assert new is not None
    assert rows_of(first) | rows_of(new) == rows_of(listed)
    assert not rows_of(first) & rows_of(new)
    again = pool.take(listed.host, listed.origin, listed.order)
    assert again is not None
    assert not again.host.size
    # A list that some state does not allow, and one that ends too early.
    unable = np.flatnonzero(~problem.admissible[0, 0])[:1]
    order = np.append(unable, listed.order[0, :1])[None]
    assert pool.take(np.array([0]), np.array([0]), order) is None
    assert pool.take(np.array([0]), np.array([0]), np.array([[3, -1]])) is None


def test_orders_that_do_not_fit_are_refused_before_they_are_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = survivable_capacity(1, 6, 10, 1, 2, steering="static")
    count = float(order_counts(problem, 3)[0])
    assert count >= order_columns(problem).host.size
    monkeypatch.setattr(counts, "_MOST_ENTRIES", count * problem.region_up.shape[0] - 1)
    assert not can_list(problem)
    with pytest.raises(TooManyOrders, match=f"{count:,.0f} orders of regions in 22 failure states"):
        order_columns(problem)
    monkeypatch.setattr(counts, "_MOST_ENTRIES", count * problem.region_up.shape[0])
    assert order_columns(problem).host.size


@pytest.mark.usefixtures("always")
def test_why_no_plan_is_possible_is_told_of_the_nearest_regions_where_orders_do_not_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problem = survivable_capacity(1, 7, 10, 1, 1, steering="static")
    anywhere = np.broadcast_to(problem.region_up[:, None, None], problem.state_admissible.shape)
    none = np.zeros_like(problem.max_replicas)
    hopeless = replace(problem, state_admissible=anywhere, max_replicas=none)
    monkeypatch.setattr(counts, "_MOST_ENTRIES", 400 * problem.region_up.shape[0])
    monkeypatch.setattr(region_subsets, "_ORDERS", 200)
    with pytest.raises(Infeasible, match="told of the 5 nearest regions of each origin"):
        search_static(hopeless, 1e-3, Stop(60.0), 0)


@pytest.mark.usefixtures("always")
def test_a_search_that_runs_to_its_end_finds_the_same_again() -> None:
    problem = survivable_capacity(3, 10, 40, 1, 1, steering="static", load=0.5)
    one, other = (search_static(problem, 1e-3, Stop(60.0), 0) for _ in range(2))
    assert one.within(1e-3)
    assert (one.objective, one.bound) == (other.objective, other.bound)
    np.testing.assert_array_equal(one.order, other.order)
    np.testing.assert_array_equal(one.share, other.share)

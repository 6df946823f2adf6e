"""Placed demand against linear programs, minimum cost flows and the conditions of optimality."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from planner.errors import SolverStopped
from planner.optimization import region_prices
from planner.optimization.cuts import Bools
from planner.optimization.region_prices import Transport, smoothed_prices
from planner.optimization.rows import Floats
from planner.optimization.transport import Placement, place
from planner.optimization.undecided import price_in


def drawn(
    seed: int, *, whole: bool = False, masked: bool = False
) -> tuple[Floats, Floats, Floats, Bools]:
    """Return demand, capacity, cost and admissible pairs; about as much demand as capacity."""
    rng = np.random.default_rng(seed)
    origins, regions = int(rng.integers(1, 30)), int(rng.integers(1, 8))
    demand = rng.lognormal(1, 1.5, origins) * (rng.random(origins) < 0.9)
    capacity = rng.lognormal(0, 1, regions) * (rng.random(regions) < 0.9)
    capacity *= demand.sum() / max(capacity.sum(), 1e-9) / rng.choice([0.7, 0.9, 0.99])
    cost = rng.uniform(-5, 100, (origins, regions))
    if whole:
        demand, capacity, cost = np.floor(demand), np.ceil(capacity), np.floor(cost / 10)
    allowed = rng.random((origins, regions)) < (0.6 if masked else 2.0)
    allowed[np.arange(origins), rng.integers(0, regions, origins)] = True
    return demand, capacity, cost, allowed


def program(demand: Floats, capacity: Floats, cost: Floats, allowed: Bools) -> float:
    """Return the optimum of the linear program written out; infinite where there is none."""
    origins, regions = cost.shape
    one_origin = np.repeat(np.eye(origins), regions, axis=1)
    one_region = np.tile(np.eye(regions), origins)
    bounds = [(0, None if may else 0) for may in allowed.ravel()]
    found = linprog(cost.ravel(), one_region, capacity, one_origin, demand, bounds)
    return float(found.fun) if found.status == 0 else np.inf


def is_optimal(
    found: Placement, demand: Floats, capacity: Floats, cost: Floats, allowed: Bools
) -> None:
    """Assert feasibility, and optimality by complementary slackness of the region prices."""
    total = demand.sum() + 1e-9
    share = np.bincount(found.origin, found.share, demand.size)
    np.testing.assert_allclose(share, 1.0, rtol=1e-12)
    assert (found.share > 0).all()
    assert allowed[found.origin, found.region].all()
    flow = demand[found.origin] * found.share
    np.testing.assert_allclose(found.load, np.bincount(found.region, flow, capacity.size))
    assert (found.load <= capacity + 1e-8 * total).all()
    assert (found.region_price >= 0).all()
    full = found.load >= capacity - 1e-7 * total
    np.testing.assert_allclose(found.region_price[~full], 0.0, atol=1e-6)
    paid = np.where(allowed, cost + found.region_price, np.inf)
    dear = paid[found.origin, found.region] - paid[found.origin].min(axis=1)
    np.testing.assert_allclose(dear[flow > 1e-9 * total], 0.0, atol=1e-6)
    proof = demand @ paid.min(axis=1) - capacity @ found.region_price
    assert found.bound <= found.objective
    assert proof == pytest.approx(found.objective, rel=1e-7, abs=1e-6)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), masked=st.booleans())
def test_a_placement_is_the_optimum_of_the_linear_program(seed: int, masked: bool) -> None:
    demand, capacity, cost, allowed = drawn(seed, masked=masked)
    best = program(demand, capacity, cost, allowed)
    if np.isinf(best):
        with pytest.raises(ValueError, match="over the"):
            place(demand, capacity, cost, allowed=allowed)
        return
    found = place(demand, capacity, cost, allowed=allowed, gap=0.0)
    assert found.objective == pytest.approx(best, rel=1e-7, abs=1e-6)
    is_optimal(found, demand, capacity, cost, allowed)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_whole_numbers_cost_what_a_minimum_cost_flow_costs(seed: int) -> None:
    demand, capacity, cost, _ = drawn(seed, whole=True)
    network = nx.DiGraph()
    network.add_node("sink", demand=int(demand.sum()))
    for o, wanted in enumerate(demand):
        network.add_node(("origin", o), demand=-int(wanted))
        for r in range(capacity.size):
            network.add_edge(("origin", o), ("region", r), weight=int(cost[o, r]))
    for r, held in enumerate(capacity):
        network.add_edge(("region", r), "sink", capacity=int(held))
    try:
        best, _ = nx.network_simplex(network)
    except nx.NetworkXUnfeasible:
        with pytest.raises(ValueError, match="over the"):
            place(demand, capacity, cost)
        return
    found = place(demand, capacity, cost, gap=0.0)
    assert found.objective == pytest.approx(best, rel=1e-9, abs=1e-6)
    flow = demand[found.origin] * found.share
    np.testing.assert_allclose(flow, np.round(flow), atol=1e-6)


def large(seed: int, load: float) -> tuple[Floats, Floats, Floats]:
    """Return 5,000 origins × 20 regions, more than a block, in the plane."""
    rng = np.random.default_rng(seed)
    region, origin = rng.random((20, 2)), rng.random((5000, 2))
    cost = 200 * np.linalg.norm(origin[:, None] - region[None], axis=2) + 5
    demand, size = rng.lognormal(0, 1.5, 5000), rng.lognormal(0, 0.7, 20)
    return demand, size * demand.sum() / load / size.sum(), cost


@pytest.mark.parametrize("load", [0.85, 0.97, 1.0])
def test_many_origins_are_proven_with_few_columns_and_few_splits(load: float) -> None:
    demand, capacity, cost = large(1, load)
    found = place(demand, capacity, cost)
    is_optimal(found, demand, capacity, cost, np.ones(cost.shape, dtype=bool))
    assert found.gap <= 1e-6
    assert found.columns < cost.size / 8
    assert found.origin.size < demand.size + capacity.size
    again = place(demand, capacity, cost)
    assert np.array_equal(found.share, again.share)
    assert np.array_equal(found.region_price, again.region_price)


def test_the_price_of_a_region_is_what_more_capacity_saves() -> None:
    demand, capacity, cost = large(2, 0.97)
    found = place(demand, capacity, cost, gap=0.0)
    dear = int(found.region_price.argmax())
    step = 1e-4 * capacity[dear] * np.eye(20)[dear]
    more, less = (place(demand, capacity + s * step, cost, gap=0.0) for s in (1, -1))
    saved = (found.objective - more.objective) / step[dear]
    lost = (less.objective - found.objective) / step[dear]
    assert saved <= found.region_price[dear] + 1e-4
    assert lost >= found.region_price[dear] - 1e-4
    assert saved == pytest.approx(found.region_price[dear], rel=0.02)


def test_smoothed_prices_are_near_the_exact_ones() -> None:
    demand, capacity, cost = large(3, 0.9)
    smooth, temperature = smoothed_prices(Transport(demand, capacity, cost))
    exact = place(demand, capacity, cost, gap=0.0).region_price
    assert np.abs(smooth - exact).max() < 5 * temperature


@pytest.mark.parametrize("bad", ["slope", "curvature"])
def test_the_smoothed_dual_has_the_derivatives_that_it_says(bad: str) -> None:
    demand, capacity, cost = large(4, 0.9)
    some = Transport(demand[:40], capacity * demand[:40].sum() / demand.sum(), cost[:40])
    rng = np.random.default_rng(0)
    at, along = rng.uniform(0, 20, 20), rng.normal(size=20)
    low, here, high = (
        region_prices._evaluated(some, at + h * along, 40.0) for h in (-1e-4, 0, 1e-4)
    )
    if bad == "slope":
        assert (high.value - low.value) / 2e-4 == pytest.approx(here.slope @ along, rel=1e-6)
    else:
        turned = (high.slope - low.slope) / 2e-4
        np.testing.assert_allclose(turned, -here.curvature @ along, atol=2e-3)


def test_bad_prices_are_mended_by_columns_that_join(monkeypatch: pytest.MonkeyPatch) -> None:
    demand, capacity, cost = large(5, 0.97)
    best = place(demand, capacity, cost, gap=0.0)
    monkeypatch.setattr(
        "planner.optimization.transport.smoothed_prices", lambda *_: (np.zeros(20), 0.5)
    )
    found = place(demand, capacity, cost, gap=0.0)
    assert found.rounds > best.rounds
    assert found.objective == pytest.approx(best.objective, rel=1e-9)


def test_equal_costs_let_few_columns_join() -> None:
    transport = Transport(np.ones(3), np.ones(12), np.ones((3, 12)))
    candidate = np.zeros((3, 12), dtype=bool)
    price_in(transport, np.zeros(12), candidate, 1.0)
    assert (candidate.sum(axis=1) == 8).all()
    found = place(np.full(500, 2.0), np.full(40, 25.0), np.full((500, 40), 3.0))
    assert found.objective == pytest.approx(3000.0)


def test_too_much_demand_is_refused_and_the_origins_are_named() -> None:
    cost = np.zeros((4, 3))
    with pytest.raises(ValueError, match=r"all origins, 10, is over .* all regions, 9"):
        place([1.0, 2.0, 3.0, 4.0], [3.0, 3.0, 3.0], cost)
    allowed = np.array([[1, 1, 1], [1, 0, 0], [1, 0, 0], [1, 1, 1]], bool)
    with pytest.raises(ValueError, match=r"origins 1, 2, 5, is over .* serve them, 0: 4"):
        place([1.0, 2.0, 3.0, 1.0], [4.0, 3.0, 3.0], cost, allowed=allowed)
    allowed[2] = False
    with pytest.raises(ValueError, match="no region may serve origins 2"):
        place([1.0, 2.0, 3.0, 1.0], [4.0, 3.0, 3.0], cost, allowed=allowed)


@pytest.mark.parametrize(
    ("demand", "capacity", "cost", "words"),
    [
        ([1.0], [2.0], [[1.0, 2.0]], "a row for each origin"),
        ([-1.0], [2.0], [[1.0]], "`demand` is finite and not negative"),
        ([1.0], [np.inf], [[1.0]], "`capacity` is finite"),
        ([1.0], [2.0], [[np.inf]], "`cost` is finite"),
        ([], [2.0], np.empty((0, 1)), "not empty"),
    ],
)
def test_malformed_arguments_are_refused(
    demand: list[float], capacity: list[float], cost: list[list[float]], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        place(demand, capacity, cost)


def test_without_time_there_is_no_placement() -> None:
    with pytest.raises(SolverStopped):
        place(*large(1, 0.97), time_limit_s=-1.0)

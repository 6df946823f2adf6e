"""Capacity cuts against networkx's flows, against linear programs, and against enumeration."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import networkx as nx
import numpy as np
import pytest
from scipy.optimize import linprog

from planner.optimization import cuts
from planner.optimization.cuts import (
    Bools,
    Floats,
    Groups,
    group_origins,
    minimum_cut,
    shortfall_rps,
    subset_demand,
    subset_sums,
    violated_cuts,
)


def drawn(seed: int, *, hours: int = 1) -> tuple[Groups, Floats, Floats]:
    """Return groups, rates and replicas of a random instance, tight more often than not."""
    rng = np.random.default_rng(seed)
    regions, origins = int(rng.integers(2, 8)), int(rng.integers(2, 15))
    allowed = rng.random((origins, regions)) < rng.uniform(0.2, 0.8)
    allowed[np.arange(origins), rng.integers(0, regions, origins)] = True
    demand = rng.lognormal(2, 1, (origins, hours))
    rate = rng.uniform(5, 20, regions) * (rng.random(regions) < 0.9)
    scale = demand.sum(axis=0).max() / max(rate.sum(), 1.0)
    replicas = rng.uniform(0, 2.4, regions) * scale
    return group_origins(allowed, demand), rate, replicas


def flow_network(allowed: Bools, demand: Floats, capacity: Floats) -> Any:
    graph: Any = nx.DiGraph()
    graph.add_nodes_from(["source", "sink"])
    for g, row in enumerate(allowed):
        graph.add_edge("source", ("group", g), capacity=float(demand[g]))
        for r in np.flatnonzero(row).tolist():
            graph.add_edge(("group", g), ("region", r))
    for r, room in enumerate(capacity):
        graph.add_edge(("region", r), "sink", capacity=float(room))
    return graph


def within(groups: Groups, regions: Bools, hour: int = 0) -> float:
    """Return the demand that only these regions may serve."""
    inside = ~(groups.allowed & ~regions).any(axis=1)
    return float(groups.demand_rps[inside, hour].sum())


def routable(groups: Groups, capacity: Floats) -> bool:
    """Return whether every set of groups finds enough capacity among its regions (Hall)."""
    for count in range(1, len(groups.allowed) + 1):
        for chosen in combinations(range(len(groups.allowed)), count):
            reach = groups.allowed[list(chosen)].any(axis=0)
            demand = groups.demand_rps[list(chosen)].sum(axis=0)
            if demand.max() > capacity[reach].sum() + 1e-9:
                return False
    return True


def least_unserved(groups: Groups, capacity: Floats, hour: int) -> float:
    """Return what the best routing cannot serve, by a linear program."""
    group, region = np.nonzero(groups.allowed)
    by_group = (np.arange(len(groups.allowed))[:, None] == group).astype(float)
    by_region = (np.arange(capacity.size)[:, None] == region).astype(float)
    demand = groups.demand_rps[:, hour]
    found = linprog(
        -np.ones(group.size),
        np.vstack([by_group, by_region]),
        np.concatenate([demand, capacity]),
        method="highs",
    )
    return float(demand.sum() + found.fun)


@pytest.mark.parametrize("seed", range(40))
def test_a_minimum_cut_has_the_value_of_networkx(seed: int) -> None:
    groups, rate, replicas = drawn(seed)
    demand, capacity = groups.demand_rps[:, 0], rate * replicas
    regions = minimum_cut(groups.allowed, demand, capacity)
    graph = flow_network(groups.allowed, demand, capacity)
    value, _ = nx.minimum_cut(graph, "source", "sink")
    flow, _ = nx.maximum_flow(graph, "source", "sink")
    assert value == pytest.approx(flow, rel=1e-9)
    cut = demand.sum() - within(groups, regions) + capacity[regions].sum()
    assert cut == pytest.approx(value, rel=1e-7)


@pytest.mark.parametrize("seed", range(40))
def test_all_subsets_and_flows_separate_alike(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    groups, rate, replicas = drawn(seed, hours=1 + seed % 3)
    by_subset = violated_cuts(groups, rate, replicas, tolerance=1e-6, most=1000)
    monkeypatch.setattr(cuts, "SUBSET_LIMIT", 0)
    by_flow = violated_cuts(groups, rate, replicas, tolerance=1e-6, most=1000)
    exact = [cut for cut in by_subset if np.allclose(cut.coefficient, rate * cut.regions)]
    flows = [cut for cut in by_flow if np.allclose(cut.coefficient, rate * cut.regions)]
    # Roundings of other sets may be broken too; what no routing can serve shows in both or none.
    short, _ = shortfall_rps(groups, rate, replicas)
    broken = short.max() > 1e-6 * max(rate.max(initial=0), 1e-300)
    assert bool(exact) == bool(flows) == broken
    if broken:
        worst = max(cut.right_side - cut.coefficient @ replicas for cut in exact)
        assert worst == pytest.approx(short.max(), rel=1e-9)
        same = max(cut.right_side - cut.coefficient @ replicas for cut in flows)
        assert same == pytest.approx(short.max(), rel=1e-6)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_short_is_what_a_linear_program_leaves(seed: int) -> None:
    groups, rate, replicas = drawn(seed, hours=3)
    short, subset = shortfall_rps(groups, rate, replicas)
    for hour in range(3):
        assert short[hour] == pytest.approx(
            least_unserved(groups, rate * replicas, hour), rel=1e-7, abs=1e-7
        )
        regions = (subset[hour] >> np.arange(rate.size) & 1).astype(bool)
        shown = within(groups, regions, hour) - float((rate * replicas)[regions].sum())
        assert shown == pytest.approx(short[hour], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("by_flow", [False, True])
def test_no_cut_cuts_off_whole_replicas_that_can_be_routed(
    seed: int, by_flow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    allowed = rng.random((5, 3)) < 0.6
    allowed[np.arange(5), rng.integers(0, 3, 5)] = True
    rate = rng.choice([7.0, 10.0, 10.0, 13.5], 3)
    groups = group_origins(allowed, rng.uniform(1, 12, (5, 2)))
    if by_flow:
        monkeypatch.setattr(cuts, "SUBSET_LIMIT", 0)
    found = [
        cut
        for _ in range(12)
        for cut in violated_cuts(groups, rate, rng.uniform(0, 2, 3), tolerance=1e-6, most=50)
    ]
    assert found
    possible = 0
    for whole in product(range(8), repeat=3):
        n = np.array(whole, float)
        if routable(groups, rate * n):
            possible += 1
            for cut in found:
                assert cut.coefficient @ n >= cut.right_side - 1e-9, (whole, cut)
    assert possible > 50


def test_rounding_cuts_more_off() -> None:
    # 25 rps on regions of 10 rps a replica: 2.5 replicas by capacity, 3 whole ones.
    groups = Groups(np.array([[True, True]]), np.array([[25.0]]))
    found = violated_cuts(groups, np.array([10.0, 10.0]), np.array([1.3, 1.3]), tolerance=1e-6)
    assert [(c.coefficient.tolist(), c.right_side) for c in found] == [([1, 1], 3)]


@pytest.mark.parametrize("seed", range(10))
def test_groups_keep_demand_and_have_distinct_regions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    regions = int(rng.integers(1, 20))
    allowed, demand = rng.random((60, regions)) < 0.5, rng.random((60, 4))
    groups = group_origins(allowed, demand)
    assert len({row.tobytes() for row in groups.allowed}) == len(groups.allowed)
    assert {row.tobytes() for row in allowed} == {row.tobytes() for row in groups.allowed}
    for row, kept in zip(groups.allowed, groups.demand_rps, strict=True):
        assert kept == pytest.approx(demand[(allowed == row).all(axis=1)].sum(axis=0))


@pytest.mark.parametrize("seed", range(10))
def test_sums_over_subsets_are_those_of_plain_loops(seed: int) -> None:
    groups, rate, _ = drawn(seed, hours=2)
    demand, sums = subset_demand(groups), subset_sums(rate)
    for subset in range(2**rate.size):
        regions = (subset >> np.arange(rate.size) & 1).astype(bool)
        assert sums[subset] == pytest.approx(rate[regions].sum())
        for hour in range(2):
            assert demand[subset, hour] == pytest.approx(within(groups, regions, hour))
    most, busiest = groups.busiest
    assert most.tolist() == demand.max(axis=1).tolist()
    assert (demand[np.arange(busiest.size), busiest] == most).all()

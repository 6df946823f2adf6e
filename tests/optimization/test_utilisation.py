"""Least utilisation against maximum flows, a program over pairs, and REPETITA's known values."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from planner.optimization.rows import Floats, Ints
from planner.optimization.utilisation import least_utilisation, utilisation_in_failures
from tests.benchmarks.repetita import duplex_failures, read_demands, read_graph, read_network

TOPOLOGIES = Path(__file__).parents[3] / "shared" / "benchmarks" / "topologies"

GRAPH = """NODES 3
label x y
A 0.0 0.0
B 1.0 0.0
C 0.0 1.0

EDGES 4
label src dest weight bw delay
e0 0 1 1 10 3
e1 1 0 1 10 3
e2 1 2 1 20 3
e3 2 1 1 20 3
"""


def drawn(seed: int) -> tuple[Ints, Floats, Floats]:
    """Return a random network, possibly disconnected, possibly with parallel links."""
    rng = np.random.default_rng(seed)
    nodes = int(rng.integers(2, 6))
    links = int(rng.integers(nodes, 4 * nodes))
    tail = rng.integers(0, nodes, links)
    head = (tail + rng.integers(1, nodes, links)) % nodes
    demand = rng.lognormal(0, 1, (nodes, nodes)) * (rng.random((nodes, nodes)) < 0.5)
    return np.stack([tail, head], axis=1), rng.uniform(1, 10, links), demand


def by_pairs(ends: Ints, capacity: Floats, demand: Floats) -> float:
    """Return the optimum with one flow for each pair of nodes; infinite without a path."""
    links, nodes = len(ends), len(demand)
    incidence = np.zeros((nodes, links))
    incidence[ends[:, 0], np.arange(links)] += 1
    incidence[ends[:, 1], np.arange(links)] -= 1
    pairs = [(a, b) for a, b in np.argwhere(demand > 0) if a != b]
    if not pairs:
        return 0.0
    balance = np.zeros((len(pairs), nodes))
    for i, (a, b) in enumerate(pairs):
        balance[i, [a, b]] = demand[a, b], -demand[a, b]
    equal = np.hstack([np.kron(np.eye(len(pairs)), incidence), np.zeros((balance.size, 1))])
    most = np.hstack([np.tile(np.eye(links), len(pairs)), -capacity[:, None]])
    cost = np.eye(1, equal.shape[1], equal.shape[1] - 1)[0]
    found = linprog(cost, most, np.zeros(links), equal, balance.ravel())
    return float(found.fun) if found.status == 0 else np.inf


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_flows_by_source_reach_the_optimum_by_pairs(seed: int) -> None:
    ends, capacity, demand = drawn(seed)
    found = least_utilisation(ends, capacity, demand)
    best = by_pairs(ends, capacity, demand)
    assert found.utilisation == pytest.approx(best, rel=1e-7, abs=1e-9)
    if np.isinf(best):
        return
    assert found.bound == pytest.approx(best, rel=1e-7, abs=1e-9)
    for source, flow in zip(found.source, found.flow, strict=True):
        wanted = demand[source].copy()
        wanted[source] = 0.0
        got = np.bincount(ends[:, 1], flow, len(demand)) - np.bincount(
            ends[:, 0], flow, len(demand)
        )
        got[source] += wanted.sum()
        np.testing.assert_allclose(got, wanted, atol=1e-6)
    full = found.flow.sum(axis=0) >= found.utilisation * capacity * (1 - 1e-6)
    np.testing.assert_allclose(found.link_price[~full], 0.0, atol=1e-9)
    if best > 0:
        assert found.link_price @ capacity == pytest.approx(1.0)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_one_demand_uses_its_maximum_flow(seed: int) -> None:
    ends, capacity, demand = drawn(seed)
    network = nx.DiGraph()
    network.add_nodes_from(range(len(demand)))
    for (a, b), room in zip(ends.tolist(), capacity, strict=True):
        held = network.get_edge_data(a, b, {"capacity": 0.0})["capacity"]
        network.add_edge(a, b, capacity=held + room)
    most = nx.maximum_flow_value(network, 0, 1)
    only = np.zeros_like(demand)
    only[0, 1] = 7.0
    found = least_utilisation(ends, capacity, only)
    assert found.utilisation == (pytest.approx(7.0 / most, rel=1e-7) if most > 0 else np.inf)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_failure_is_the_network_without_its_links(seed: int) -> None:
    ends, capacity, demand = drawn(seed)
    failures = [(), *duplex_failures(ends), ()]
    found = utilisation_in_failures(ends, capacity, demand, failures)
    whole = found[0].utilisation
    for down, one in zip(failures, found, strict=True):
        up = np.setdiff1d(np.arange(len(ends)), down)
        assert one.utilisation >= whole * (1 - 1e-9)
        if up.size:
            alone = least_utilisation(ends[up], capacity[up], demand)
            assert one.utilisation == pytest.approx(alone.utilisation, rel=1e-7, abs=1e-9)
            assert one.bound == pytest.approx(alone.utilisation, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("seed", [4, 11, 16])
@pytest.mark.parametrize("factor", [1e-12, 1e-8, 1e9])
def test_links_may_be_all_but_empty_or_far_too_full(seed: int, factor: float) -> None:
    ends, capacity, demand = drawn(seed)
    plain = least_utilisation(ends, capacity, demand)
    scaled = least_utilisation(ends, capacity, demand * factor)
    assert 0 < plain.utilisation < np.inf
    assert scaled.utilisation == pytest.approx(plain.utilisation * factor, rel=1e-7)
    assert scaled.bound == pytest.approx(plain.utilisation * factor, rel=1e-7)
    assert scaled.link_price @ capacity == pytest.approx(1.0)


def test_the_price_of_a_link_is_what_more_capacity_is_worth() -> None:
    ends, capacity, demand = drawn(11)
    found = least_utilisation(ends, capacity, demand)
    link = int(found.link_price.argmax())
    more = capacity + 1e-5 * np.eye(len(ends))[link]
    lowered = found.utilisation - least_utilisation(ends, more, demand).utilisation
    assert lowered == pytest.approx(1e-5 * found.link_price[link] * found.utilisation, rel=1e-2)


def test_the_text_format_is_read() -> None:
    ends, capacity = read_graph(GRAPH)
    assert ends.tolist() == [[0, 1], [1, 0], [1, 2], [2, 1]]
    assert capacity.tolist() == [10, 10, 20, 20]
    demand = read_demands("DEMANDS 2\nlabel src dest bw\nd0 0 2 5\nd1 2 0 4\n", 3)
    assert least_utilisation(ends, capacity, demand).utilisation == pytest.approx(0.5)
    assert duplex_failures(ends) == [(0, 1), (2, 3)]
    with pytest.raises(ValueError, match="EDGES has 5 lines"):
        read_graph(GRAPH.replace("EDGES 4", "EDGES 5"))


@pytest.mark.skipif(not TOPOLOGIES.exists(), reason="the topologies are not here")
@pytest.mark.parametrize("name", ["Abilene", "BtAsiaPac", "DeutscheTelekom"])
@pytest.mark.parametrize("demand_set", [0, 1])
def test_repetita_demands_are_scaled_to_nine_tenths(name: str, demand_set: int) -> None:
    lines = (TOPOLOGIES / "reference-values.csv").read_text(encoding="utf-8").splitlines()
    known = {(f[0], f[1]): float(f[5]) for f in (line.split(",") for line in lines[1:])}
    found = least_utilisation(*read_network(TOPOLOGIES, name, demand_set))
    assert found.utilisation == pytest.approx(known[f"repetita-{name}", str(demand_set)], abs=1e-6)
    assert found.bound == pytest.approx(found.utilisation, rel=1e-9)


@pytest.mark.parametrize(
    ("ends", "capacity", "demand", "words"),
    [
        ([(0, 2)], [1.0], np.zeros((2, 2)), "names nodes"),
        ([(0, 1)], [0.0], np.zeros((2, 2)), "positive"),
        ([(0, 1)], [1.0], np.zeros((2, 3)), "square"),
        ([(0, 1)], [1.0, 2.0], np.zeros((2, 2)), "one figure for each link"),
        ([(0, 1)], [1.0], np.full((2, 2), -1.0), "not negative"),
    ],
)
def test_malformed_networks_are_refused(
    ends: list[tuple[int, int]], capacity: list[float], demand: Floats, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        least_utilisation(ends, capacity, demand)

"""Repaired shortest paths against networkx, state by state."""

from __future__ import annotations

import tracemalloc
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.latency.graph import Graph
from planner.latency.shortest_paths import BLOCK_BYTES, distances_ms, next_edge, shortest_paths
from planner.latency.trees import crosses, shortest_trees
from tests.oracles.paths_loop import all_pairs_ms, simple_all_pairs_ms

Array = np.ndarray[Any, Any]


def drawn(seed: int, nodes: int, edges: int, *, whole_numbers: bool = False) -> Graph:
    """A random multigraph; whole weights make ties, and few edges leave parts of their own."""
    rng = np.random.default_rng(seed)
    a = rng.integers(nodes, size=edges)
    b = (a + rng.integers(1, nodes, size=edges)) % nodes
    weight = rng.integers(1, 5, edges).astype(float) if whole_numbers else rng.uniform(1, 50, edges)
    return Graph(nodes, np.column_stack([a, b]), weight)


def to_order_2(edges: int) -> Array:
    """Every state with up to two edges down."""
    sets = [c for size in range(3) for c in combinations(range(edges), size)]
    return np.array([[e not in lost for e in range(edges)] for lost in sets])


def walked_ms(graph: Graph, source: int, node: int, edge: Array, weight_ms: Array) -> float:
    """Length of the way back from a node, edge by edge."""
    length, steps = 0.0, 0
    while node != source:
        length += float(weight_ms[edge[node]])
        node = int(graph.ends[edge[node]].sum()) - node
        steps += 1
        assert steps < graph.nodes
    return length


def test_all_states_to_order_2_of_8_nodes_agree_with_networkx() -> None:
    graph = drawn(3, 8, 14)
    up = to_order_2(14)
    found = distances_ms(graph, shortest_trees(graph, range(8)), up)
    weight = np.where(up, graph.weight_ms, np.inf)
    np.testing.assert_allclose(found, all_pairs_ms(8, graph.ends, weight), atol=1e-9)
    assert np.isinf(found).any()
    assert len(np.unique(found, axis=0)) > 20


def test_the_two_loops_agree_with_one_another() -> None:
    ends = np.array([(a, b) for a in range(6) for b in range(a) if (a + b) % 3])
    weight = np.random.default_rng(2).uniform(1, 9, len(ends))
    up = to_order_2(len(ends))
    simple = simple_all_pairs_ms(6, ends, weight, up)
    np.testing.assert_array_equal(simple, all_pairs_ms(6, ends, np.where(up, weight, np.inf)))


@given(
    st.integers(0, 2**32),
    st.integers(2, 9),
    st.integers(0, 20),
    st.floats(0, 0.6),
    st.floats(0, 0.6),
    st.booleans(),
)
def test_random_states_agree_with_networkx(
    seed: int, nodes: int, edges: int, down: float, longer: float, whole: bool
) -> None:
    graph = drawn(seed, nodes, edges, whole_numbers=whole)
    rng = np.random.default_rng(seed + 1)
    up = rng.random((12, edges)) >= down
    extra = np.where(rng.random(up.shape) < longer, rng.integers(1, 9, up.shape), 0.0)
    sources = rng.permutation(nodes)[: 1 + nodes // 2]
    trees = shortest_trees(graph, sources)
    weight = np.where(up, graph.weight_ms + extra, np.inf)
    expected = all_pairs_ms(nodes, graph.ends, weight)[:, sources]
    found = distances_ms(graph, trees, up, extra_ms=extra)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    paths = shortest_paths(graph, trees, weight)
    np.testing.assert_array_equal(paths.distance_ms, found)
    edge = next_edge(graph, trees, up, extra_ms=extra)
    np.testing.assert_array_equal(paths.parent_edge, edge)
    np.testing.assert_array_equal(edge < 0, np.isinf(found) | (found == 0))
    for k, row, node in np.argwhere(edge >= 0):
        length = walked_ms(graph, int(sources[row]), int(node), edge[k, row], weight[k])
        assert length == pytest.approx(found[k, row, node], abs=1e-9)


@given(st.integers(0, 2**32))
def test_a_repair_gives_to_the_bit_what_starting_afresh_gives(seed: int) -> None:
    graph = drawn(seed, 9, 18, whole_numbers=seed % 2 == 0)
    up = np.random.default_rng(seed).random((6, 18)) < 0.7
    trees = shortest_trees(graph, range(9))
    distance, edge = distances_ms(graph, trees, up), next_edge(graph, trees, up)
    for k, row in enumerate(up):
        left = Graph(9, graph.ends[row], graph.weight_ms[row])
        afresh = shortest_trees(left, range(9))
        np.testing.assert_array_equal(distance[k], afresh.distance_ms)
        kept = np.append(np.flatnonzero(row), -1)
        np.testing.assert_array_equal(edge[k], kept[afresh.parent_edge])


@given(st.integers(0, 2**32), st.floats(0, 1))
def test_a_path_crosses_marked_edges_if_its_walk_does(seed: int, share: float) -> None:
    graph = drawn(seed, 8, 11, whole_numbers=True)
    trees = shortest_trees(graph, range(8))
    mask = np.random.default_rng(seed).random(11) < share
    found = crosses(trees, mask)
    for source, node in np.ndindex(8, 8):
        at, over = node, False
        while (edge := int(trees.parent_edge[source, at])) >= 0:
            over |= bool(mask[edge])
            at = int(graph.ends[edge].sum()) - at
        assert found[source, node] == over
        assert at == (source if np.isfinite(trees.distance_ms[source, node]) else node)


def test_of_equal_ways_the_lowest_edge_counts() -> None:
    ends = np.array([[0, 2], [0, 1], [1, 2], [1, 2], [0, 1]])
    graph = Graph(3, ends, np.array([4.0, 2.0, 2.0, 2.0, 2.0]))
    trees = shortest_trees(graph, [0])
    up = np.array([[True] * 5, [False, False, True, True, True], [False, True, False, True, True]])
    edge = next_edge(graph, trees, up)[:, 0]
    assert edge.tolist() == [[-1, 1, 0], [-1, 4, 2], [-1, 1, 3]]


def test_states_in_blocks_are_the_same_states() -> None:
    graph = drawn(5, 8, 14)
    up = np.repeat(to_order_2(14), 3, axis=0)[np.random.default_rng(5).permutation(318)]
    trees = shortest_trees(graph, [4, 4, 0])
    found = distances_ms(graph, trees, up)
    np.testing.assert_array_equal(found, np.vstack([distances_ms(graph, trees, [u]) for u in up]))
    np.testing.assert_array_equal(found[:, 0], found[:, 1])


def test_states_that_break_everything_stay_within_the_memory_of_a_block() -> None:
    graph = drawn(11, 60, 200)
    trees = shortest_trees(graph, range(60))
    extra = np.random.default_rng(11).uniform(0.1, 9, (600, 200))
    tracemalloc.start()
    found = distances_ms(graph, trees, np.ones(extra.shape, dtype=bool), extra_ms=extra)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < found.nbytes + 4 * extra.nbytes + BLOCK_BYTES
    expected = all_pairs_ms(60, graph.ends, graph.weight_ms + extra[-2:])
    np.testing.assert_allclose(found[-2:], expected, atol=1e-9)


def test_graphs_without_edges_states_or_sources_have_their_answer() -> None:
    bare = Graph(2, np.zeros((0, 2), dtype=np.int64), np.zeros(0))
    trees = shortest_trees(bare, [1])
    assert distances_ms(bare, trees, np.ones((2, 0), bool)).tolist() == [[[np.inf, 0.0]]] * 2
    assert crosses(trees, np.zeros(0, bool)).tolist() == [[False, False]]
    graph = drawn(1, 4, 5)
    assert distances_ms(graph, shortest_trees(graph, []), np.ones((3, 5), bool)).shape == (3, 0, 4)
    assert distances_ms(graph, shortest_trees(graph, [0]), np.ones((0, 5))).shape == (0, 1, 4)


def test_what_is_not_a_graph_or_a_state_is_refused() -> None:
    ends, weight = np.array([[0, 1]]), np.array([1.0])
    with pytest.raises(ValueError, match="`weight_ms` must be from 1e-06 to 1e"):
        Graph(2, ends, np.array([0.0]))
    with pytest.raises(ValueError, match="`weight_ms` must be from"):
        Graph(2, ends, np.array([np.nan]))
    with pytest.raises(ValueError, match="`ends` must be nodes"):
        Graph(1, ends, weight)
    with pytest.raises(ValueError, match="`ends` must join two nodes"):
        Graph(2, np.array([[1, 1]]), weight)
    with pytest.raises(ValueError, match="`ends` must have two nodes"):
        Graph(2, np.array([[0, 1], [0, 1]]), weight)
    graph = Graph(2, ends, weight)
    with pytest.raises(ValueError, match="`sources` must be nodes"):
        shortest_trees(graph, [2])
    trees = shortest_trees(graph, [0])
    with pytest.raises(ValueError, match="`edge_up` must have one column"):
        distances_ms(graph, trees, [[True, True]])
    with pytest.raises(ValueError, match="`extra_ms` must have the shape"):
        next_edge(graph, trees, [[True]], extra_ms=[1.0])
    with pytest.raises(ValueError, match="`extra_ms` must be from 0"):
        distances_ms(graph, trees, [[True]], extra_ms=[[-1.0]])
    with pytest.raises(ValueError, match="`weight_ms` must not be less"):
        shortest_paths(graph, trees, [[0.5]])
    with pytest.raises(ValueError, match="`weight_ms` must have one column"):
        shortest_paths(graph, trees, [0.5])
    with pytest.raises(ValueError, match="`edge_mask` must have one value"):
        crosses(trees, [True, False])

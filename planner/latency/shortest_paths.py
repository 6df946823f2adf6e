"""Shortest paths in many failure states of one graph: only what a state breaks is repaired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from planner.latency.cables import Floats, Ints
from planner.latency.graph import MOST_MS, Graph, arcs_of
from planner.latency.relaxation import nearest_edge, relax
from planner.latency.trees import Trees, below

Number = TypeVar("Number", bound=np.generic)

BLOCK_BYTES = 128 * 2**20
"""Scratch memory that a block of states may take."""

ARC_BYTES = 160
"""Scratch memory of an arc while it is relaxed, at most."""


@dataclass(frozen=True, eq=False)
class Paths:
    """Shortest paths in each state.

    Attributes
    ----------
    distance_ms : ndarray, shape (K, n, N)
        From each source to each node, ms; infinite where they are parted.
    parent_edge : ndarray of int, shape (K, n, N)
        Last edge on the way from the source to the node; -1 at the source and where parted. The
        edge before it is that of its other end.
    """

    distance_ms: Floats
    parent_edge: Ints


def distances_ms(
    graph: Graph, trees: Trees, edge_up: ArrayLike, *, extra_ms: ArrayLike | None = None
) -> Floats:
    """Return the shortest distances in each state.

    Parameters
    ----------
    graph : Graph
        The graph.
    trees : Trees
        Its trees from the sources that matter.
    edge_up : array_like of bool, shape (K, E)
        Whether each edge is up in each state.
    extra_ms : array_like, shape (K, E), optional
        What each edge is longer by in each state, ms; not negative.

    Returns
    -------
    ndarray, shape (K, n, N)
        From each source to each node, ms; infinite where they are parted.

    Raises
    ------
    ValueError
        If a shape does not fit, or `extra_ms` is negative or more than 1e6.

    Notes
    -----
    Equal states are computed once. In a state, only trees that use an edge that is down or longer
    change, and in them only the nodes below that edge: these are relaxed from their neighbours
    that keep their distance, all states and trees at once, in blocks of bounded memory. The
    result has K · n · N floats; what it is for should be taken from it before the next thousand
    states. A state that touches every tree costs as much as starting afresh.

    Examples
    --------
    >>> from planner.latency.trees import shortest_trees
    >>> graph = Graph(3, np.array([[0, 1], [1, 2], [0, 2]]), np.array([5.0, 2.0, 9.0]))
    >>> trees = shortest_trees(graph, [0])
    >>> distances_ms(graph, trees, [[True, False, True], [False, True, False]]).tolist()
    [[[0.0, 5.0, 9.0]], [[0.0, inf, inf]]]
    """
    weight, state = _distinct_weights(graph, edge_up, extra_ms)
    return _spread(_repaired(graph, trees, weight, with_edges=False).distance_ms, state)


def next_edge(
    graph: Graph, trees: Trees, edge_up: ArrayLike, *, extra_ms: ArrayLike | None = None
) -> Ints:
    """Return the edge with which the shortest path to each node ends, in each state.

    Parameters
    ----------
    graph : Graph
        The graph.
    trees : Trees
        Its trees from the sources that matter.
    edge_up : array_like of bool, shape (K, E)
        Whether each edge is up in each state.
    extra_ms : array_like, shape (K, E), optional
        What each edge is longer by in each state, ms; not negative.

    Returns
    -------
    ndarray of int, shape (K, n, N)
        The next edge on the way from the node back to the source, the lowest of equals; -1 at the
        source and where they are parted.

    Raises
    ------
    ValueError
        If a shape does not fit, or `extra_ms` is negative or more than 1e6.

    Examples
    --------
    >>> from planner.latency.trees import shortest_trees
    >>> graph = Graph(3, np.array([[0, 1], [1, 2], [0, 2]]), np.array([5.0, 2.0, 9.0]))
    >>> next_edge(graph, shortest_trees(graph, [0]), [[True, True, True], [True, False, True]])
    array([[[-1,  0,  1]],
           [[-1,  0,  2]]])
    """
    weight, state = _distinct_weights(graph, edge_up, extra_ms)
    return _spread(_repaired(graph, trees, weight, with_edges=True).parent_edge, state)


def shortest_paths(graph: Graph, trees: Trees, weight_ms: ArrayLike) -> Paths:
    """Return distances and paths in each state together.

    Parameters
    ----------
    graph : Graph
        The graph.
    trees : Trees
        Its trees from the sources that matter.
    weight_ms : array_like, shape (K, E)
        Length of each edge in each state, ms: never less than in `graph`; infinite where it is
        down.

    Returns
    -------
    Paths
        The same as `distances_ms` and `next_edge`, computed once.

    Raises
    ------
    ValueError
        If a shape does not fit or a weight is less than the graph's.

    Examples
    --------
    >>> from planner.latency.trees import shortest_trees
    >>> graph = Graph(3, np.array([[0, 1], [1, 2], [0, 2]]), np.array([5.0, 2.0, 9.0]))
    >>> paths = shortest_paths(graph, shortest_trees(graph, [0]), [[5.0, 8.0, 9.0]])
    >>> paths.distance_ms.tolist(), paths.parent_edge.tolist()
    ([[[0.0, 5.0, 9.0]]], [[[-1, 0, 2]]])
    """
    weight = np.array(weight_ms, dtype=np.float64)
    if weight.ndim != 2 or weight.shape[1] != len(graph.ends):
        raise ValueError("`weight_ms` must have one column an edge")
    if not ((weight >= graph.weight_ms) & ((weight <= 2 * MOST_MS) | np.isinf(weight))).all():
        raise ValueError("`weight_ms` must not be less than in `graph`, nor finite above 2e6")
    first, state = _distinct(weight)
    found = _repaired(graph, trees, weight[first], with_edges=True)
    return Paths(_spread(found.distance_ms, state), _spread(found.parent_edge, state))


def _distinct_weights(
    graph: Graph, edge_up: ArrayLike, extra_ms: ArrayLike | None
) -> tuple[Floats, Ints]:
    """Return the weights of the states that differ, and which of them each state is."""
    up = np.asarray(edge_up, dtype=np.bool_)
    if up.ndim != 2 or up.shape[1] != len(graph.ends):
        raise ValueError("`edge_up` must have one column an edge")
    bits = np.packbits(up, axis=1)
    if extra_ms is None:
        first, state = _distinct(bits)
        return np.where(up[first], graph.weight_ms, np.inf), state
    extra = np.asarray(extra_ms, dtype=np.float64)
    if extra.shape != up.shape:
        raise ValueError("`extra_ms` must have the shape of `edge_up`")
    if not ((extra >= 0) & (extra <= MOST_MS)).all():
        raise ValueError(f"`extra_ms` must be from 0 to {MOST_MS:g}")
    first, state = _distinct(np.hstack([bits, np.ascontiguousarray(extra).view(np.uint8)]))
    return np.where(up[first], graph.weight_ms + extra[first], np.inf), state


def _distinct(rows: NDArray[np.generic]) -> tuple[Ints, Ints]:
    """Return the first of each kind of row, in order, and the kind of every row."""
    if not rows.shape[1]:
        return np.arange(min(len(rows), 1)), np.zeros(len(rows), dtype=np.int64)
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.itemsize * rows.shape[1])))
    _, first, kind = np.unique(keys.ravel(), return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[kind]


def _spread(values: NDArray[Number], state: Ints) -> NDArray[Number]:
    """Return the values of every state from those of the states that differ."""
    return values if len(values) == len(state) else values[state]


def _repaired(graph: Graph, trees: Trees, weight_ms: Floats, *, with_edges: bool) -> Paths:
    """Return distances, and the edges where wanted, in states that differ."""
    arcs = arcs_of(graph)
    distance = np.empty((len(weight_ms), *trees.order.shape))
    edges = np.empty(distance.shape if with_edges else (0, 0, 0), dtype=np.int64)
    one = len(trees.sources) * (len(arcs.tail) + graph.nodes)
    block = max(1, BLOCK_BYTES // max(one * ARC_BYTES, 1))
    for start in range(0, len(weight_ms), block):
        part = slice(start, start + block)
        weight, reach = weight_ms[part], distance[part]
        reach[:] = trees.distance_ms
        touched = below(trees, weight != graph.weight_ms)
        reach.reshape(-1)[touched] = np.inf
        relax(arcs, weight, reach, touched)
        if with_edges:
            edges[part] = trees.parent_edge
            edges[part].reshape(-1)[touched] = nearest_edge(arcs, weight, reach, touched)
    return Paths(distance, edges)

"""Shortest-path trees with everything up, and what stands below an edge in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from planner.latency.cables import Bools, Floats, Ints
from planner.latency.graph import Graph, arcs_of
from planner.latency.relaxation import nearest_edge, ranges, relax


@dataclass(frozen=True, eq=False)
class Trees:
    """Shortest-path trees with everything up.

    Attributes
    ----------
    sources : ndarray of int, shape (n,)
        The root of each tree.
    distance_ms : ndarray, shape (n, N)
        Distance of each node from the root, ms; infinite where there is no path.
    parent_edge : ndarray of int, shape (n, N)
        Last edge on the path to each node, the lowest of equals; -1 at the root and where there is
        no path.
    below_edge : ndarray of int, shape (E, n)
        The node at the far end of each edge in each tree; -1 where the tree does not use it.
    order : ndarray of int, shape (n, N)
        Nodes in depth-first order: a node, then all its descendants.
    place, size : ndarray of int, shape (n, N)
        Where each node stands in `order`, and how many nodes its subtree has, itself included.
    """

    sources: Ints
    distance_ms: Floats
    parent_edge: Ints
    below_edge: Ints
    order: Ints
    place: Ints
    size: Ints

    def __post_init__(self) -> None:
        for value in vars(self).values():
            value.setflags(write=False)


def shortest_trees(graph: Graph, sources: ArrayLike) -> Trees:
    """Return the shortest-path trees of a graph with everything up.

    Parameters
    ----------
    graph : Graph
        The graph.
    sources : array_like of int, shape (n,)
        Roots, one tree each.

    Returns
    -------
    Trees
        Read-only arrays.

    Raises
    ------
    ValueError
        If a source is not a node.

    Examples
    --------
    >>> from planner.latency.graph import Graph
    >>> graph = Graph(3, np.array([[0, 1], [1, 2], [0, 2]]), np.array([5.0, 2.0, 9.0]))
    >>> trees = shortest_trees(graph, [0])
    >>> trees.distance_ms.tolist(), trees.parent_edge.tolist()
    ([[0.0, 5.0, 7.0]], [[-1, 0, 1]])
    """
    roots = np.array(sources, dtype=np.int64).reshape(-1)
    if ((roots < 0) | (roots >= graph.nodes)).any():
        raise ValueError("`sources` must be nodes, from 0 to `nodes` - 1")
    rows = np.arange(len(roots))
    distance = np.full((1, len(roots), graph.nodes), np.inf)
    distance[0, rows, roots] = 0.0
    others = np.flatnonzero(distance != 0.0)
    arcs, weight = arcs_of(graph), graph.weight_ms[None]
    relax(arcs, weight, distance, others)
    parent_edge = np.full(distance.size, -1, dtype=np.int64)
    parent_edge[others] = nearest_edge(arcs, weight, distance, others)
    parent_edge = parent_edge.reshape(distance.shape[1:])
    below_edge = np.full((len(graph.ends), len(roots)), -1, dtype=np.int64)
    row, node = np.nonzero(parent_edge >= 0)
    below_edge[parent_edge[row, node], row] = node
    order, place, size = _depth_first(graph, distance[0], parent_edge)
    return Trees(roots, distance[0], parent_edge, below_edge, order, place, size)


def _depth_first(graph: Graph, distance_ms: Floats, parent_edge: Ints) -> tuple[Ints, Ints, Ints]:
    """Return nodes in depth-first order, the place of each and the size of its subtree."""
    nodes = np.arange(graph.nodes)
    parent = np.full(parent_edge.shape, -1, dtype=np.int64)
    row, node = np.nonzero(parent_edge >= 0)
    parent[row, node] = graph.ends[parent_edge[row, node]].sum(axis=1) - node
    outward = np.argsort(distance_ms, axis=1, kind="stable")
    size = _sizes(parent, outward)
    place = _places(parent, outward, size)
    order = np.empty(parent.shape, dtype=np.int64)
    np.put_along_axis(order, place, np.broadcast_to(nodes, parent.shape), axis=1)
    return order, place, size


def _sizes(parent: Ints, outward: Ints) -> Ints:
    """Return how many nodes each subtree has, the farthest nodes counted first."""
    rows = np.arange(len(parent))
    size = np.ones(parent.shape, dtype=np.int64)
    for node in outward.T[::-1]:
        above = parent[rows, node]
        inner = above >= 0
        size[rows[inner], above[inner]] += size[rows, node][inner]
    return size


def _places(parent: Ints, outward: Ints, size: Ints) -> Ints:
    """Return where each node stands in depth-first order; nodes without a path come last."""
    rows = np.arange(len(parent))
    place = np.zeros(parent.shape, dtype=np.int64)
    free = np.zeros((len(parent), parent.shape[1] + 1), dtype=np.int64)
    for node in outward.T:
        above = parent[rows, node]
        place[rows, node] = free[rows, above]
        free[rows, above] += size[rows, node]
        free[rows, node] = place[rows, node] + 1
    return place


def below(trees: Trees, chosen: Bools) -> Ints:
    """Return which nodes hang on chosen edges.

    Parameters
    ----------
    trees : Trees
        n trees of N nodes.
    chosen : ndarray of bool, shape (K, E)
        Sets of edges.

    Returns
    -------
    ndarray of int, shape (m,)
        Flat positions in an array of shape (K, n, N), ascending: the nodes whose path from the
        root of the tree runs over one of the edges of the set.

    Examples
    --------
    >>> from planner.latency.graph import Graph
    >>> graph = Graph(3, np.array([[0, 1], [1, 2], [0, 2]]), np.array([5.0, 2.0, 9.0]))
    >>> below(shortest_trees(graph, [0]), np.array([[True, False, False], [False, True, True]]))
    array([1, 2, 5])
    """
    trees_count, nodes = trees.order.shape
    edge_set, edge = np.nonzero(chosen)
    tops = trees.below_edge[edge]
    pair, row = np.nonzero(tops >= 0)
    top = tops[pair, row]
    count = trees.size[row, top]
    at = ranges(row * nodes + trees.place[row, top], count)
    start = np.repeat((edge_set[pair] * trees_count + row) * nodes, count)
    marked = np.zeros(len(chosen) * trees_count * nodes, dtype=np.bool_)
    marked[start + trees.order.reshape(-1)[at]] = True
    return np.flatnonzero(marked)


def crosses(trees: Trees, edge_mask: ArrayLike) -> Bools:
    """Return whether shortest paths with everything up run over any of the marked edges.

    Parameters
    ----------
    trees : Trees
        n trees of N nodes.
    edge_mask : array_like of bool, shape (E,)
        The marked edges.

    Returns
    -------
    ndarray of bool, shape (n, N)
        Whether the path from the source to the node does; False where there is none.

    Raises
    ------
    ValueError
        If the shape does not fit.

    Examples
    --------
    >>> from planner.latency.graph import Graph
    >>> graph = Graph(3, np.array([[0, 1], [1, 2], [0, 2]]), np.array([5.0, 2.0, 9.0]))
    >>> crosses(shortest_trees(graph, [0, 2]), [True, False, False]).tolist()
    [[False, True, True], [True, False, False]]
    """
    mask = np.asarray(edge_mask, dtype=np.bool_)
    if mask.shape != (len(trees.below_edge),):
        raise ValueError("`edge_mask` must have one value an edge")
    over = np.zeros(trees.order.shape, dtype=np.bool_)
    over.reshape(-1)[below(trees, mask[None])] = True
    return over

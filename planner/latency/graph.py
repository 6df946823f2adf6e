"""An undirected graph as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.latency.cables import Floats, Ints

LEAST_MS, MOST_MS = 1e-6, 1e6
"""Between these weights no sum of a path swallows an edge, so ways back never look free."""


@dataclass(frozen=True, eq=False)
class Graph:
    """An undirected graph; several edges may join the same two nodes.

    Attributes
    ----------
    nodes : int
        Number of nodes N.
    ends : ndarray of int, shape (E, 2)
        Nodes at both ends of each edge.
    weight_ms : ndarray, shape (E,)
        Length of each edge with everything up, ms, from 1e-6 to 1e6.

    Raises
    ------
    ValueError
        If a shape does not fit, an end is not a node, an edge ends where it began, or a weight
        lies outside its range.

    Examples
    --------
    >>> Graph(3, np.array([[0, 1], [1, 2]]), np.array([5.0, 2.0])).nodes
    3
    """

    nodes: int
    ends: Ints
    weight_ms: Floats

    def __post_init__(self) -> None:
        if self.ends.shape != (len(self.weight_ms), 2):
            raise ValueError("`ends` must have two nodes for every `weight_ms`")
        if ((self.ends < 0) | (self.ends >= self.nodes)).any():
            raise ValueError("`ends` must be nodes, from 0 to `nodes` - 1")
        if (self.ends[:, 0] == self.ends[:, 1]).any():
            raise ValueError("`ends` must join two nodes each")
        if not ((self.weight_ms >= LEAST_MS) & (self.weight_ms <= MOST_MS)).all():
            raise ValueError(f"`weight_ms` must be from {LEAST_MS:g} to {MOST_MS:g}")


@dataclass(frozen=True, eq=False)
class Arcs:
    """Both directions of every edge, by the node they lead to, then by edge.

    Attributes
    ----------
    start, degree : ndarray of int, shape (N,)
        Where each node's arcs begin, and how many there are.
    tail : ndarray of int, shape (2E,)
        The node that the arc comes from.
    edge : ndarray of int, shape (2E,)
        Its edge.
    """

    start: Ints
    degree: Ints
    tail: Ints
    edge: Ints


def arcs_of(graph: Graph) -> Arcs:
    """Return the arcs of a graph, sorted so that the first of equals is the lowest edge.

    Parameters
    ----------
    graph : Graph
        The graph.

    Returns
    -------
    Arcs
        Two arcs an edge.

    Examples
    --------
    >>> arcs_of(Graph(3, np.array([[0, 1], [1, 2]]), np.array([5.0, 2.0]))).tail.tolist()
    [1, 0, 2, 1]
    """
    edges = len(graph.ends)
    head, tail = graph.ends.T.ravel(), graph.ends[:, ::-1].T.ravel()
    edge = np.tile(np.arange(edges), 2)
    order = np.lexsort((edge, head))
    degree = np.bincount(head, minlength=graph.nodes).astype(np.int64)
    return Arcs(degree.cumsum() - degree, degree, tail[order], edge[order])

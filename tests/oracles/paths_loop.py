"""Shortest paths under failure in plain loops: one networkx graph a state."""

from __future__ import annotations

import networkx as nx
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def all_pairs_ms(nodes: int, ends: NDArray[np.int64], weight_ms: Array) -> Array:
    """Return distances [K, N, N] by Dijkstra; weights [K, E], infinite where an edge is down."""
    graph: nx.MultiGraph[int] = nx.MultiGraph()
    graph.add_nodes_from(range(nodes))
    for number, (a, b) in enumerate(ends):
        graph.add_edge(int(a), int(b), number)
    return np.array([_distances(nodes, _state(graph, weights)) for weights in weight_ms])


def _state(whole: nx.MultiGraph[int], weights: Array) -> nx.MultiGraph[int]:
    """Return the graph of one state."""
    graph = whole.copy()
    for a, b, e in whole.edges(keys=True):
        if np.isinf(weights[e]):
            graph.remove_edge(a, b, e)
        else:
            graph.edges[a, b, e]["rtt_ms"] = float(weights[e])
    return graph


def _distances(nodes: int, graph: nx.Graph[int]) -> Array:
    """Return distances [N, N] in one state."""
    found = np.full((nodes, nodes), np.inf)
    for a, reached in nx.all_pairs_dijkstra_path_length(graph, weight="rtt_ms"):
        for b, distance in reached.items():
            found[a, b] = distance
    return found


def simple_all_pairs_ms(
    nodes: int, ends: NDArray[np.int64], weight_ms: Array, up: NDArray[np.bool_]
) -> Array:
    """Return the same on a simple graph, quicker: edges that are down are taken and put back."""
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(nodes))
    edges = [(int(a), int(b), float(w)) for (a, b), w in zip(ends, weight_ms, strict=True)]
    graph.add_weighted_edges_from(edges, weight="rtt_ms")
    found = []
    for row in up:
        lost = [edges[e] for e in np.flatnonzero(~row)]
        graph.remove_edges_from([(a, b) for a, b, _ in lost])
        found.append(_distances(nodes, graph))
        graph.add_weighted_edges_from(lost, weight="rtt_ms")
    return np.array(found)

"""Bellman-Ford on one graph in many states at once, for the nodes that need it only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.latency.cables import Floats, Ints
from planner.latency.graph import Arcs


def ranges(start: Ints, length: Ints) -> Ints:
    """Return the numbers of several ranges, one after the other.

    Parameters
    ----------
    start, length : ndarray of int, shape (n,)
        First number and count of each range.

    Returns
    -------
    ndarray of int, shape (sum of `length`,)
        The numbers.

    Examples
    --------
    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    before = length.cumsum() - length
    return np.repeat(start - before, length) + np.arange(length.sum())


def relax(arcs: Arcs, weight_ms: Floats, distance_ms: Floats, open_at: Ints) -> None:
    r"""Find the distances of some nodes from those that stand, in place.

    .. math:: d_v = \min_{e = (u, v)} (d_u + w_e)

    once over all arcs into the open nodes, and then over the arcs from open nodes whose distance
    fell, until none falls.

    Parameters
    ----------
    arcs : Arcs
        The graph, N nodes.
    weight_ms : ndarray, shape (K, E)
        Length of each edge in each state, ms; infinite where it is down.
    distance_ms : ndarray, shape (K, n, N)
        Distance of each node in each state from each source, ms; infinite where it is open.
        Contiguous; written.
    open_at : ndarray of int, shape (m,)
        Positions in the flat `distance_ms` that are open, ascending.

    Examples
    --------
    >>> from planner.latency.graph import Graph, arcs_of
    >>> arcs = arcs_of(Graph(3, np.array([[0, 1], [1, 2]]), np.array([5.0, 2.0])))
    >>> distance_ms = np.array([[[0.0, np.inf, np.inf]]])
    >>> relax(arcs, np.array([[5.0, 2.0]]), distance_ms, np.array([1, 2]))
    >>> distance_ms.ravel().tolist()
    [0.0, 5.0, 7.0]
    """
    flat = distance_ms.reshape(-1)
    open_at, into = _arcs_into(arcs, weight_ms, distance_ms.shape, open_at)
    if not open_at.size:
        return
    nearest = np.minimum.reduceat(flat[into.tail_at] + into.weight_ms, into.first)
    flat[open_at] = nearest
    place = np.full(flat.size, -1, dtype=np.int32)
    place[open_at] = np.arange(len(open_at))
    source = place[into.tail_at]
    inner = np.flatnonzero((source >= 0) & np.isfinite(into.weight_ms))
    target = np.repeat(np.arange(len(open_at)), into.count)[inner]
    _settle(nearest, source[inner].astype(np.int64), target, into.weight_ms[inner])
    flat[open_at] = nearest


def _settle(nearest: Floats, source: Ints, target: Ints, weight_ms: Floats) -> None:
    """Relax arcs (sorted by target) between open nodes until no distance falls, in place."""
    fell = np.isfinite(nearest)
    while True:
        live = np.flatnonzero(fell[source])
        if not live.size:
            return
        heads = target[live]
        first = np.flatnonzero(np.diff(heads, prepend=-1))
        found = np.minimum.reduceat(nearest[source[live]] + weight_ms[live], first)
        heads = heads[first]
        better = found < nearest[heads]
        nearest[heads[better]] = found[better]
        fell = np.zeros(len(nearest), dtype=np.bool_)
        fell[heads[better]] = True


@dataclass(frozen=True, eq=False)
class _Into:
    """Arcs into open nodes: place of the tail, weight, edge; where each node's begin."""

    tail_at: Ints
    weight_ms: Floats
    edge: Ints
    first: Ints
    count: Ints


def _arcs_into(
    arcs: Arcs, weight_ms: Floats, shape: tuple[int, ...], open_at: Ints
) -> tuple[Ints, _Into]:
    """Return the open nodes that have arcs, and these."""
    row, node = np.divmod(open_at, shape[2])
    count = arcs.degree[node]
    arc = ranges(arcs.start[node], count)
    edge = arcs.edge[arc]
    edges = weight_ms.shape[1]
    weight = weight_ms.reshape(-1)[np.repeat(row // shape[1] * edges, count) + edge]
    tail_at = np.repeat(row * shape[2], count) + arcs.tail[arc]
    has = count > 0
    kept = count[has]
    return open_at[has], _Into(tail_at, weight, edge, kept.cumsum() - kept, kept)


def nearest_edge(arcs: Arcs, weight_ms: Floats, distance_ms: Floats, open_at: Ints) -> Ints:
    """Return the last edge on the shortest path to some nodes, the lowest of equals.

    Parameters
    ----------
    arcs : Arcs
        The graph, N nodes.
    weight_ms : ndarray, shape (K, E)
        Length of each edge in each state, ms; infinite where it is down.
    distance_ms : ndarray, shape (K, n, N)
        Shortest distances as `relax` left them, ms.
    open_at : ndarray of int, shape (m,)
        Positions in the flat `distance_ms`, no source among them.

    Returns
    -------
    ndarray of int, shape (m,)
        Edge; -1 where the node is not reached.
    """
    flat = distance_ms.reshape(-1)
    found = np.full(len(open_at), -1, dtype=np.int64)
    reached = np.flatnonzero(np.isfinite(flat[open_at]))
    if not reached.size:
        return found
    at, into = _arcs_into(arcs, weight_ms, distance_ms.shape, open_at[reached])
    none = weight_ms.shape[1]
    tight = flat[into.tail_at] + into.weight_ms == np.repeat(flat[at], into.count)
    found[reached] = np.minimum.reduceat(np.where(tight, into.edge, none), into.first)
    return found

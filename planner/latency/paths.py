"""Detours on the graph of submarine cables when corridors of them are cut.

The graph is schematic and its round trips are floors, so only their difference is used:
RTT_k = RTT_0 + (g_k − g_0).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from planner.geo import great_circle_km
from planner.latency.cables import Bools, CableGraph, Floats, Ints

ATTACH_KM = 4000.0
"""Farther from every metro, the link that never fails would be more of the path than the cables."""


def corridors_down(
    graph: CableGraph, group_corridors: Sequence[str | None], group_up: ArrayLike
) -> Bools:
    """Translate risk groups that are down into corridors that are cut.

    Parameters
    ----------
    graph : CableGraph
        The cables.
    group_corridors : sequence of str or None, length G
        Corridor of each risk group; None, or one without a segment, cuts nothing.
    group_up : array_like of bool, shape (K, G)
        Whether the group is up in the state (`FailureStates.group_up`).

    Returns
    -------
    ndarray of bool, shape (K, C)
        Whether the corridor is cut in the state.
    """
    down = ~np.asarray(group_up, dtype=np.bool_)
    cut = np.zeros((len(down), len(graph.corridors)), dtype=np.bool_)
    for group, corridor in enumerate(group_corridors):
        if corridor in graph.corridors:
            cut[:, graph.corridors.index(corridor)] |= down[:, group]
    return cut


def detour_ms(
    graph: CableGraph,
    corridors_down: ArrayLike,
    from_points: ArrayLike,
    to_points: ArrayLike,
    attach_km: float = ATTACH_KM,
) -> Floats:
    r"""Return what a cut of corridors adds to round trips.

    .. math:: \Delta_k = g_k - g_0

    with g the shortest path between the metros nearest to both ends, in that state and with all
    corridors up. Points are attached to their metro by a link that never fails and cancels out.

    Parameters
    ----------
    graph : CableGraph
        The cables.
    corridors_down : array_like of bool, shape (K, C)
        Which corridors are cut in each state.
    from_points, to_points : array_like, shapes (n, 2) and (m, 2)
        Latitude and longitude of both ends, degrees.
    attach_km : float, default: 4000
        Points farther than this from every metro are not modelled.

    Returns
    -------
    ndarray, shape (K, n, m)
        Detour, ms; infinite where the cut parts the two, 0 where they are not `modelled`.

    Raises
    ------
    ValueError
        If a shape does not fit.

    Notes
    -----
    A cut takes whole corridors, and what is left carries everything: no congestion. Land routes
    and cables that the table lacks do not exist, so a detour may be too long, and a pair parted
    that is not. Europe, Oceania and South America are out of reach of the table's metros.

    Examples
    --------
    Taipei to Manila without the Luzon Strait:

    >>> from planner.io.datasets import read_table
    >>> from planner.latency.cables import cable_graph
    >>> graph = cable_graph(read_table("cable_segments"), read_table("sites"))
    >>> cut = [[corridor == "luzon-strait" for corridor in graph.corridors]]
    >>> detour_ms(graph, cut, [[25.05, 121.53]], [[14.6, 120.98]]).round(1).item()
    39.5
    """
    cut = np.asarray(corridors_down, dtype=np.bool_)
    if cut.ndim != 2 or cut.shape[1] != len(graph.corridors):
        raise ValueError("`corridors_down` must have one column a corridor")
    a, b = (_nearest(graph, points, attach_km) for points in (from_points, to_points))
    normal = _between(graph, a, b, np.ones(len(graph.segments), dtype=np.bool_))
    known = np.isfinite(normal)
    alive = ~(cut.astype(np.int64) @ graph.runs_through.T.astype(np.int64) > 0)
    distinct, state = np.unique(alive, axis=0, return_inverse=True)
    added = np.zeros((len(distinct), *normal.shape))
    for k, up in enumerate(distinct):
        added[k][known] = _between(graph, a, b, up)[known] - normal[known]
    detour: Floats = added[state.ravel()]
    return detour


def modelled(
    graph: CableGraph,
    from_points: ArrayLike,
    to_points: ArrayLike,
    attach_km: float = ATTACH_KM,
) -> Bools:
    """Return which pairs have a path with all corridors up; the others keep their RTT always.

    Parameters
    ----------
    graph : CableGraph
        The cables.
    from_points, to_points : array_like, shapes (n, 2) and (m, 2)
        Latitude and longitude of both ends, degrees.
    attach_km : float, default: 4000
        Points farther than this from every metro are not modelled.

    Returns
    -------
    ndarray of bool, shape (n, m)
        False where a detour of 0 means "not modelled".
    """
    a, b = (_nearest(graph, points, attach_km) for points in (from_points, to_points))
    everything = np.ones(len(graph.segments), dtype=np.bool_)
    reached: Bools = np.isfinite(_between(graph, a, b, everything))
    return reached


def _nearest(graph: CableGraph, points: ArrayLike, attach_km: float) -> Ints:
    """Index of the metro nearest to each point; -1 where none is near enough."""
    where = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    away = great_circle_km(where[:, :1], where[:, 1:], graph.latitude_deg, graph.longitude_deg)
    return np.where(away.min(axis=1) <= attach_km, away.argmin(axis=1), -1)


def _between(graph: CableGraph, a: Ints, b: Ints, up: Bools) -> Floats:
    """Shortest round trips from metros `a` to metros `b` over the segments that are up, ms."""
    size = len(graph.metros)
    direct = np.full((size, size), np.inf)
    ends = graph.ends[up]
    np.minimum.at(direct, (ends.min(axis=1), ends.max(axis=1)), graph.rtt_ms[up])
    row, column = np.nonzero(np.isfinite(direct))
    edges = csr_array((direct[row, column], (row, column)), shape=(size, size))
    sources, place = np.unique(np.maximum(a, 0), return_inverse=True)
    shortest = dijkstra(edges, directed=False, indices=sources)[place][:, b]
    return np.where((a[:, None] >= 0) & (b >= 0), shortest, np.inf)

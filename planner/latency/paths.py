"""Detours on the graph of submarine cables when corridors of them are cut.

The graph is schematic and its round trips are floors, so only their difference is used:
RTT_k = RTT_0 + (g_k − g_0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from planner.geo import fibre_floor_ms, great_circle_km
from planner.latency.cables import Bools, CableGraph, Floats, Ints
from planner.latency.graph import Graph
from planner.latency.shortest_paths import distances_ms
from planner.latency.trees import Trees, crosses, shortest_trees
from planner.overlaps import overlaps

ATTACH_KM = 4000.0
"""Farther from every metro, the link that never fails would be more of the path than the cables."""

NEARLY_AS_NEAR = 1.25
"""Users are attached to all metros up to so many times as far as their nearest (ours): those of
Delhi reach Singapore without Hong Kong, which is nearer only across the Himalaya."""

ROUNDING_MS = 1e-9
MOST_METROS = 4
"""Metros that one point is attached to at most, the nearest first."""


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
    *,
    segments_down: ArrayLike | None = None,
) -> Floats:
    r"""Return what a cut of corridors and of single cables adds to round trips.

    .. math:: \Delta_k = g_k - g_0

    with g the shortest path in that state and with everything up. The first points are attached to
    their nearest metro and to those `NEARLY_AS_NEAR`, the second ones to their nearest, by links
    that never fail.

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
    segments_down : array_like of bool, shape (K, N), optional
        Which segments are cut by themselves in each state, besides those of the corridors.

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

    Taipei to Hong Kong without the three cables of 7.9 ms:

    >>> lost = ("eac-c2c-tpe-hkg", "sjc2-tpe-hkg", "smw3-tpe-hkg")
    >>> down = [[segment in lost for segment in graph.segments]]
    >>> none = [[False] * len(graph.corridors)]
    >>> there = [[22.32, 114.17]]
    >>> detour_ms(graph, none, [[25.05, 121.53]], there, segments_down=down).round(1).item()
    2.6
    """
    down = _segments_down(graph, corridors_down, segments_down)
    ways = _ways(graph, from_points, to_points, attach_km)
    base = _shortest(ways, ways.trees.distance_ms[None])
    reach = _shortest(ways, distances_ms(ways.cables, ways.trees, ~down))
    known = np.isfinite(base) & ways.attached
    detour: Floats = np.subtract(reach, base, where=known, out=np.zeros_like(reach))
    # What an attachment adds to both cancels out but for its rounding.
    return np.where(detour > ROUNDING_MS, detour, 0.0)


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
    ways = _ways(graph, from_points, to_points, attach_km)
    reached = np.isfinite(_shortest(ways, ways.trees.distance_ms[None]))[0]
    joined: Bools = reached & ways.attached
    return joined


def crossings(
    graph: CableGraph,
    corridors: ArrayLike,
    from_points: ArrayLike,
    to_points: ArrayLike,
    attach_km: float = ATTACH_KM,
) -> Bools:
    """Return which pairs normally run through one of the chosen corridors.

    Parameters
    ----------
    graph : CableGraph
        The cables.
    corridors : array_like of bool, shape (C,)
        The chosen corridors.
    from_points, to_points : array_like, shapes (n, 2) and (m, 2)
        Latitude and longitude of both ends, degrees.
    attach_km : float, default: 4000
        Points farther than this from every metro are not modelled.

    Returns
    -------
    ndarray of bool, shape (n, m)
        Whether the shortest path with everything up uses a segment that runs through one of them;
        False where the pair is not `modelled`.

    Raises
    ------
    ValueError
        If the shape does not fit.

    Notes
    -----
    Of cables of equal length between two metros the first of the table counts, though in truth
    traffic takes several: a corridor that only some of them share is found or missed whole.

    Examples
    --------
    From Taipei, Manila lies behind the Luzon Strait and Tokyo does not:

    >>> from planner.io.datasets import read_table
    >>> from planner.latency.cables import cable_graph
    >>> graph = cable_graph(read_table("cable_segments"), read_table("sites"))
    >>> strait = [corridor == "luzon-strait" for corridor in graph.corridors]
    >>> crossings(graph, strait, [[25.05, 121.53]], [[14.6, 120.98], [35.68, 139.77]]).tolist()
    [[True, False]]
    """
    chosen = np.asarray(corridors, dtype=np.bool_)
    if chosen.shape != (len(graph.corridors),):
        raise ValueError("`corridors` must have one value a corridor")
    ways = _ways(graph, from_points, to_points, attach_km)
    over = crosses(ways.trees, graph.runs_through[:, chosen].any(axis=1))
    each = [
        ways.trees.distance_ms[tree[:, None], ways.metro] + attach[:, None]
        for tree, attach in zip(ways.tree.T, ways.attach_ms.T, strict=True)
    ]
    taken = ways.tree[np.arange(len(ways.tree))[:, None], np.argmin(each, axis=0)]
    through: Bools = over[taken, ways.metro] & ways.attached
    return through


def _segments_down(
    graph: CableGraph, corridors_down: ArrayLike, segments_down: ArrayLike | None
) -> Bools:
    """Return which segments are cut in each state, with their corridor or by themselves."""
    cut = np.asarray(corridors_down, dtype=np.bool_)
    if cut.ndim != 2 or cut.shape[1] != len(graph.corridors):
        raise ValueError("`corridors_down` must have one column a corridor")
    down: Bools = overlaps(cut, graph.runs_through) > 0
    if segments_down is None:
        return down
    alone = np.asarray(segments_down, dtype=np.bool_)
    if alone.shape != down.shape:
        raise ValueError("`segments_down` must have a row a state and a column a segment")
    return down | alone


@dataclass(frozen=True, eq=False)
class _Ways:
    """Trees from the metros of one side, who is attached to what, and pairs that are.

    The tree and the attachment, ms, of each of the first points' metros are (n, M'); an attachment
    is infinite where a point has fewer metros.
    """

    cables: Graph
    trees: Trees
    tree: Ints
    attach_ms: Floats
    metro: Ints
    attached: Bools


def _ways(
    graph: CableGraph, from_points: ArrayLike, to_points: ArrayLike, attach_km: float
) -> _Ways:
    """Attach both sides to their metros and find the normal paths from the first."""
    (near, near_ms), (end, end_ms) = (
        _metros(graph, points, attach_km, most)
        for points, most in ((from_points, MOST_METROS), (to_points, 1))
    )
    cables = Graph(len(graph.metros), graph.ends, graph.rtt_ms)
    sources, tree = np.unique(near, return_inverse=True)
    attached = np.isfinite(near_ms[:, :1]) & np.isfinite(end_ms[:, 0])
    return _Ways(
        cables,
        shortest_trees(cables, sources),
        tree.reshape(near.shape),
        near_ms,
        end[:, 0],
        attached,
    )


def _metros(
    graph: CableGraph, points: ArrayLike, attach_km: float, most: int
) -> tuple[Ints, Floats]:
    """Return the metros of each point, the nearest first, and the way there, ms."""
    where = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    away = great_circle_km(where[:, :1], where[:, 1:], graph.latitude_deg, graph.longitude_deg)
    order = np.argsort(away, axis=1, kind="stable")[:, :most]
    km = np.take_along_axis(away, order, axis=1)
    near = (km <= NEARLY_AS_NEAR * km[:, :1]) & (km[:, :1] <= attach_km)
    return order, np.where(near, fibre_floor_ms(km), np.inf)


def _shortest(ways: _Ways, distance_ms: Floats) -> Floats:
    """Return the shortest way of every pair by any of its metros, ms, shape (K, n, m)."""
    states, trees, metros = distance_ms.shape
    flat = distance_ms.reshape(states, trees * metros)
    best = np.full((states, len(ways.tree), len(ways.metro)), np.inf)
    for tree, attach in zip(ways.tree.T, ways.attach_ms.T, strict=True):
        pair = tree[:, None] * metros + ways.metro
        np.minimum(best, flat.take(pair, axis=1) + attach[:, None], out=best)
    return best

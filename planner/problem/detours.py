"""What failure states do to paths: detours where cables are cut, degraded corridors and links.

Many states leave the same paths. They are found first, as situations, and everything is worked out
once for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planner.failures.known import FailureStates
from planner.latency.cables import CableGraph
from planner.latency.paths import corridors_down, crossings, detour_ms
from planner.model.events import Degradation
from planner.model.scenario import Scenario
from planner.problem.arrays import Bools, Floats, Ints
from planner.problem.cables import cables_in_service
from planner.problem.sizes import refuse_paths


@dataclass(frozen=True)
class Places:
    """Where paths begin and end, degrees.

    Attributes
    ----------
    points : ndarray, shape (n, 2)
        Latitude and longitude of all points of all origins.
    regions : ndarray, shape (R, 2)
        Latitude and longitude of the regions.
    """

    points: Floats
    regions: Floats


@dataclass(frozen=True)
class Detours:
    """What is added to and taken from paths, by situation; situation 0 is the normal one.

    Attributes
    ----------
    situation : ndarray of int, shape (K,)
        The situation of each state.
    point_ms, region_ms, link_ms : ndarray, shapes (U, n, R), (U, R, R) and (U, L)
        Added to round trips from points, between regions and over links, ms; inf where a cut parts
        the two ends.
    point_loss_share, point_capacity_share : ndarray, shape (U, n, R), or None
        Packets lost, and part of the capacity that is left; None where nothing is degraded.
    link_loss_share, link_capacity_share : ndarray, shape (U, L)
        The same for links.
    """

    situation: Ints
    point_ms: Floats
    region_ms: Floats
    link_ms: Floats
    point_loss_share: Floats | None
    point_capacity_share: Floats | None
    link_loss_share: Floats
    link_capacity_share: Floats


@dataclass(frozen=True)
class _Degraded:
    """One degradation: the situations in which it lasts and the paths that it is about."""

    part: Degradation
    lasts: Bools
    points: Bools
    regions: Bools
    links: Bools


def detours(scenario: Scenario, states: FailureStates, places: Places) -> Detours:
    """Find what each state does to paths.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    states : FailureStates
        Its failure states.
    places : Places
        Ends of the paths.

    Returns
    -------
    Detours
        Every situation once.

    Raises
    ------
    ValueError
        If the paths of so many situations would not fit.

    Notes
    -----
    A path counts as degraded if its shortest way over the cables, with everything up, runs through
    one of the corridors; where the graph has no way it is not. A link is degraded where it is named
    or where the path between its ends is, once by each degradation.
    """
    graph = cables_in_service()
    corridors = [group.corridor for group in scenario.risk_groups.values()]
    cut = corridors_down(graph, corridors, states.group_up)
    segments = states.segments_down(graph.segments)
    parts = list(_parts(states))
    on = states.down[:, [n for n, _ in parts]]
    first, situation = _situations(np.hstack([cut, segments, on]))
    refuse_paths(len(first), len(places.points), len(places.regions))
    point, region = _added(graph, places, cut[first], segments[first])
    degraded = [
        _degraded(scenario, graph, places, part, on[first, d]) for d, (_, part) in enumerate(parts)
    ]
    ends = link_ends(scenario)
    link = region[:, ends[:, 0], ends[:, 1]]
    for one in degraded:
        for added, paths in ((point, one.points), (region, one.regions), (link, one.links)):
            added += np.multiply.outer(one.lasts * one.part.extra_rtt_ms, paths)
    return Detours(
        situation,
        point,
        region,
        link,
        *_point_shares(degraded, point.shape),
        *_link_shares(degraded, link.shape),
    )


def _parts(states: FailureStates) -> Iterator[tuple[int, Degradation]]:
    """Every degradation with the component that brings it, where that is ever down."""
    for n in np.flatnonzero(states.down.any(axis=0)).tolist():
        yield from ((n, part) for part in states.components.effects.degraded[n])


def _situations(what: Bools) -> tuple[Ints, Ints]:
    """Return a state of each distinct row and the distinct row of each state; none down is 0."""
    # Rows that are all False sort first, and state 0 is one of them.
    _, first, situation = np.unique(
        np.packbits(what, axis=1), axis=0, return_index=True, return_inverse=True
    )
    return first.astype(np.int64), situation.ravel().astype(np.int64)


def _added(graph: CableGraph, places: Places, cut: Bools, segments: Bools) -> tuple[Floats, Floats]:
    """Return the detours from points and between regions, ms."""
    shape = (len(cut), len(places.points), len(places.regions))
    if not cut.any() and not segments.any():
        return np.zeros(shape), np.zeros((shape[0], shape[2], shape[2]))
    found = (
        detour_ms(graph, cut, ends, places.regions, segments_down=segments)
        for ends in (places.points, places.regions)
    )
    point, region = (np.array(one) for one in found)
    return point, region


def _degraded(
    scenario: Scenario, graph: CableGraph, places: Places, part: Degradation, lasts: Bools
) -> _Degraded:
    """Find the paths that one degradation is about."""
    chosen = [corridor in part.corridors for corridor in graph.corridors]
    points, regions = (
        crossings(graph, chosen, ends, places.regions) for ends in (places.points, places.regions)
    )
    # There and back are one path, even where two ways are equally short.
    both: Bools = regions | regions.T
    ends = link_ends(scenario)
    named = np.array([name in part.links for name in scenario.links], dtype=np.bool_)
    return _Degraded(part, lasts, points, both, named | both[ends[:, 0], ends[:, 1]])


def link_ends(scenario: Scenario) -> Ints:
    """Return the regions that each link joins.

    Parameters
    ----------
    scenario : Scenario
        The input.

    Returns
    -------
    ndarray of int, shape (L, 2)
        Indices along ``R``.
    """
    place = {name: r for r, name in enumerate(scenario.regions)}
    ends = [(place[x.from_region], place[x.to_region]) for x in scenario.links.values()]
    return np.array(ends, dtype=np.int64).reshape(-1, 2)


def _point_shares(
    degraded: list[_Degraded], shape: tuple[int, ...]
) -> tuple[Floats | None, Floats | None]:
    """Return loss and capacity left on paths of points; None where all of it is as ever."""
    loss = [x for x in degraded if x.part.loss_share > 0 and x.points.any()]
    narrow = [x for x in degraded if x.part.capacity_share < 1 and x.points.any()]
    kept, left = np.ones(shape if loss else 0), np.ones(shape if narrow else 0)
    for one in loss:
        kept *= np.where(one.lasts[:, None, None] & one.points, 1 - one.part.loss_share, 1.0)
    for one in narrow:
        left *= np.where(one.lasts[:, None, None] & one.points, one.part.capacity_share, 1.0)
    return 1 - kept if loss else None, left if narrow else None


def _link_shares(degraded: list[_Degraded], shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return loss and capacity left on links."""
    kept, left = np.ones(shape), np.ones(shape)
    for one in degraded:
        here = one.lasts[:, None] & one.links
        kept *= np.where(here, 1 - one.part.loss_share, 1.0)
        left *= np.where(here, one.part.capacity_share, 1.0)
    return 1 - kept, left

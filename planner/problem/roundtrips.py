"""Round trips of a scenario in every failure state: measured, estimated, and with detours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.failures.states import FailureStates
from planner.geo import fibre_floor_ms, great_circle_km
from planner.io.datasets import read_rtt_tables, read_table
from planner.latency.cables import CableGraph, cable_graph
from planner.latency.paths import corridors_down, detour_ms
from planner.latency.populations import OriginPoints, origin_points, origin_rtt, region_rtt
from planner.model.scenario import Scenario
from planner.problem.arrays import Floats, Network

# Ours, after the AWS matrix: p10, p90, p99 of a pair lie at 0.988, 1.025, 1.051 of its median.
JITTER_FACTOR = (0.988, 1.0, 1.025, 1.051)
JITTER_SHARE = (0.2, 0.6, 0.18, 0.02)

STRETCH_FACTOR, DETOUR_FACTOR, DETOUR_MS = 4.0, 1.5, 30.0
"""A path to the nearest region is remarked on from so many times light in fibre on, and so much
slower than to another region, in ratio and in ms (ours)."""


@dataclass(frozen=True)
class RoundTrips:
    """Round trips of a scenario.

    Attributes
    ----------
    point_rtt_ms : ndarray, shape (K, O, P, R)
        From each point of each origin in each state, ms; inf where the path is cut.
    mean_ms : ndarray, shape (K, O, R)
        Mean over the points, ms.
    region_rtt_ms : ndarray, shape (K, R, R)
        Between regions, ms.
    network : Network
        The normal state's round trips with shares of points, jitter and connections.
    warnings : tuple of str
        What was noticed.
    """

    point_rtt_ms: Floats
    mean_ms: Floats
    region_rtt_ms: Floats
    network: Network
    warnings: tuple[str, ...]


def round_trips(scenario: Scenario, states: FailureStates) -> RoundTrips:
    """Estimate all round trips of a scenario, the scenario's own figures first.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    states : FailureStates
        Its failure states.

    Returns
    -------
    RoundTrips
        Round trips in every state.

    Notes
    -----
    A state's round trip is the normal one plus the detour on the graph of cables in service
    (planned systems are left out); the mean over points is inf where any of them is cut off.
    """
    latitude = np.array([r.latitude_deg for r in scenario.regions.values()])
    longitude = np.array([r.longitude_deg for r in scenario.regions.values()])
    points = _points(scenario)
    point, between = _undisturbed(scenario, points, latitude, longitude)
    at = np.stack([latitude, longitude], axis=1)
    places = np.stack([points.latitude_deg.ravel(), points.longitude_deg.ravel()], axis=1)
    added, parted = _detours(scenario, states, places, at)
    state_point = point[None] + added.reshape(-1, *point.shape)
    state_between = between[None] + parted
    share = np.array(points.weight_share)
    state_mean = _mean(state_point, share)
    return RoundTrips(
        point_rtt_ms=state_point,
        mean_ms=state_mean,
        region_rtt_ms=state_between,
        network=_network(scenario, point, share, between),
        warnings=(
            *_parted(states, state_between),
            *_detoured(scenario, points, at, state_mean[0]),
        ),
    )


def _points(scenario: Scenario) -> OriginPoints:
    """Return where the users of each origin are."""
    origins = list(scenario.origins.values())
    return origin_points(
        [o.country for o in origins],
        [o.latitude_deg for o in origins],
        [o.longitude_deg for o in origins],
        origins=read_table("origins"),
        cities=read_table("cities"),
    )


def _undisturbed(
    scenario: Scenario, points: OriginPoints, latitude_deg: Floats, longitude_deg: Floats
) -> tuple[Floats, Floats]:
    """Return the normal state's round trips: points to regions [O, P, R], regions [R, R], ms."""
    metro, tables = [r.metro or "" for r in scenario.regions.values()], read_rtt_tables()
    found = origin_rtt(tables, points, latitude_deg, longitude_deg, metro)
    between = region_rtt(tables, latitude_deg, longitude_deg, metro)
    return (
        _own_origins(scenario, np.array(found.rtt_ms)),
        _own_regions(scenario, np.array(between.rtt_ms)),
    )


def _mean(point_rtt_ms: Floats, share: Floats) -> Floats:
    """Return the mean over points with a share, inf where one of them is cut off."""
    used = np.where(share[None, :, :, None] > 0, point_rtt_ms, 0.0)
    mean: Floats = (used * share[None, :, :, None]).sum(axis=2)
    return mean


def _network(scenario: Scenario, point: Floats, share: Floats, between: Floats) -> Network:
    """Gather what the network adds before any queue."""
    services = list(scenario.services.values())
    return Network(
        point_rtt_ms=point,
        point_share=share,
        region_rtt_ms=between,
        new_connection_share=np.array([s.new_connection_share for s in services]),
        setup_round_trips=np.array([s.setup_round_trips for s in services]),
        jitter_factor=np.array(JITTER_FACTOR),
        jitter_share=np.array(JITTER_SHARE),
    )


def _own_origins(scenario: Scenario, rtt_ms: Floats) -> Floats:
    """Put the scenario's own round trips of origins in place."""
    regions = list(scenario.regions)
    for o, origin in enumerate(scenario.origins):
        for region, rtt in scenario.rtt_ms.get(origin, {}).items():
            rtt_ms[o, :, regions.index(region)] = rtt
    return rtt_ms


def _own_regions(scenario: Scenario, rtt_ms: Floats) -> Floats:
    """Put the scenario's own round trips between regions in place, links and table."""
    regions = list(scenario.regions)
    own = [(x.from_region, x.to_region, x.rtt_ms) for x in scenario.links.values()]
    own += [(a, b, rtt) for a in regions for b, rtt in scenario.rtt_ms.get(a, {}).items()]
    for one, other, rtt in own:
        if rtt is not None and one != other:
            a, b = regions.index(one), regions.index(other)
            rtt_ms[a, b] = rtt_ms[b, a] = rtt
    return rtt_ms


def _detours(
    scenario: Scenario, states: FailureStates, places: Floats, regions: Floats
) -> tuple[Floats, Floats]:
    """Return what each state adds: places to regions [K, n, R], between regions [K, R, R]."""
    corridors = [g.corridor for g in scenario.risk_groups.values()]
    if states.group_up.all() or not any(corridors):
        k = len(states.names)
        return np.zeros((k, len(places), len(regions))), np.zeros((k, len(regions), len(regions)))
    graph = _cables_in_service()
    cut = corridors_down(graph, corridors, states.group_up)
    return detour_ms(graph, cut, places, regions), detour_ms(graph, cut, regions, regions)


def _cables_in_service() -> CableGraph:
    """Return the graph of cables, planned systems left out."""
    segments = read_table("cable_segments")
    return cable_graph(segments[segments["status"] != "planned"], read_table("sites"))


def _parted(states: FailureStates, region_rtt_ms: Floats) -> tuple[str, ...]:
    """Name the states in which regions are parted."""
    parted = np.isinf(region_rtt_ms).any(axis=(1, 2))
    names = [states.names[k] for k in np.flatnonzero(parted)]
    if not names:
        return ()
    return (f"regions are cut off from one another in: {', '.join(names)}",)


def _detoured(
    scenario: Scenario, points: OriginPoints, regions: Floats, rtt_ms: Floats
) -> tuple[str, ...]:
    """Name the origins whose path to the nearest region is far slower than to another one."""
    away = great_circle_km(
        points.latitude_deg[:, :, None],
        points.longitude_deg[:, :, None],
        regions[None, None, :, 0],
        regions[None, None, :, 1],
    )
    mean_km = np.einsum("op,opr->or", points.weight_share, away)
    nearest, rows = mean_km.argmin(axis=1), np.arange(len(rtt_ms))
    near, best = rtt_ms[rows, nearest], rtt_ms.min(axis=1)
    far = near > STRETCH_FACTOR * fibre_floor_ms(mean_km[rows, nearest])
    odd = np.flatnonzero(far & (near > DETOUR_FACTOR * best) & (near - best > DETOUR_MS))
    if not odd.size:
        return ()
    names = ", ".join(list(scenario.origins)[o] for o in odd)
    return (
        f"the nearest region is not the quickest by far for {names}: measured public paths can be "
        "badly routed; put measurements of your own into rtt_ms",
    )

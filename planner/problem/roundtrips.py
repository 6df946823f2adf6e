"""Round trips of a scenario in every failure state: measured, estimated, and with detours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from planner.failures.known import FailureStates
from planner.geo import fibre_floor_ms, great_circle_km
from planner.io.datasets import read_rtt_tables, read_table
from planner.latency.populations import OriginPoints, origin_points, origin_rtt, region_rtt
from planner.model.scenario import Scenario
from planner.problem.arrays import Floats, Ints, Network
from planner.problem.conditions import Tunnels
from planner.problem.detours import Detours, Places, detours
from planner.problem.overlay import between_regions
from planner.problem.rtt_factors import with_origin_factors, with_region_factors

# Ours, after the AWS matrix: p10, p90, p99 of a pair lie at 0.988, 1.025, 1.051 of its median.
JITTER_FACTOR = (0.988, 1.0, 1.025, 1.051)
JITTER_SHARE = (0.2, 0.6, 0.18, 0.02)

ROUNDING = 1e-9
"""Share of an origin's users that is nobody."""

STRETCH_FACTOR, DETOUR_FACTOR, DETOUR_MS = 4.0, 1.5, 30.0
"""A path to the nearest region is remarked on from so many times light in fibre on, and so much
slower than to another region, in ratio and in ms (ours)."""


@dataclass(frozen=True)
class RoundTrips:
    """Round trips of a scenario.

    Attributes
    ----------
    situation : ndarray of int, shape (K,)
        Which row of the arrays along ``U`` holds in each state; many states have the same paths.
    point_rtt_ms : ndarray, shape (U, O, P, R)
        From each point of each origin, ms; inf where the path is cut.
    mean_ms : ndarray, shape (U, O, R)
        Mean over the points, ms.
    loss_share : ndarray, shape (U, O, R), or None
        Share of packets lost, mean over the points; None for none.
    uplink_share : ndarray, shape (U, O, R), or None
        Part of the region's uplink that is left to paths degraded like this one; None for all.
    cut_share : ndarray, shape (U, O, R), or None
        Part of an origin's users whose path is cut while others' is not; None for nobody.
    region_rtt_ms : ndarray, shape (K, R, R)
        Between regions in each state, over the tunnels where the scenario has any, ms.
    tunnels : Tunnels or None
        The tunnels.
    network : Network
        The normal state's round trips with shares of points, jitter and connections.
    warnings : tuple of str
        What was noticed.
    """

    situation: Ints
    point_rtt_ms: Floats
    mean_ms: Floats
    loss_share: Floats | None
    uplink_share: Floats | None
    cut_share: Floats | None
    region_rtt_ms: Floats
    tunnels: Tunnels | None
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
    (planned systems are left out) and what degrades the path; the mean adds the mean detour of the
    points that are not cut off, and is inf where all are. An origin's paths have less of an uplink
    where most of its users have.
    """
    latitude = np.array([r.latitude_deg for r in scenario.regions.values()])
    longitude = np.array([r.longitude_deg for r in scenario.regions.values()])
    points = _points(scenario)
    point, between = _undisturbed(scenario, points, latitude, longitude)
    at = np.stack([latitude, longitude], axis=1)
    places = np.stack([points.latitude_deg.ravel(), points.longitude_deg.ravel()], axis=1)
    added = detours(scenario, states, Places(places, at))
    calls = between_regions(scenario, states, between, added)
    every = point + added.point_ms.reshape(-1, *point.shape)
    share = np.array(points.weight_share)
    mean, cut = _mean(every, share)
    loss, uplink = _degraded(added, share)
    return RoundTrips(
        situation=added.situation,
        point_rtt_ms=every,
        mean_ms=mean,
        loss_share=loss,
        uplink_share=uplink,
        cut_share=cut,
        region_rtt_ms=calls.rtt_ms,
        tunnels=calls.tunnels,
        network=_network(scenario, point, share, between),
        warnings=(*calls.warnings, *_detoured(scenario, points, at, mean[0])),
    )


def _degraded(added: Detours, share: Floats) -> tuple[Floats | None, Floats | None]:
    """Return loss and the part of the uplink left, by origin: mean loss, and what most users have.

    The median over an origin's points, weighted with their users, is the part of the uplink that at
    least half of them have no more of.
    """
    loss = uplink = None
    if added.point_loss_share is not None:
        lost = added.point_loss_share.reshape(-1, *share.shape, added.point_ms.shape[2])
        loss = np.einsum("uopr,op->uor", lost, share)
    if added.point_capacity_share is not None:
        left = added.point_capacity_share.reshape(-1, *share.shape, added.point_ms.shape[2])
        uplink = _median(left, share)
    return loss, uplink


def _median(left: Floats, share: Floats) -> Floats:
    """Return the weighted median over the points, the lower one of two."""
    order = np.argsort(left, axis=2, kind="stable")
    weight = np.take_along_axis(np.broadcast_to(share[None, :, :, None], left.shape), order, axis=2)
    middle = (np.cumsum(weight, axis=2) >= 0.5 - 1e-9).argmax(axis=2)
    ranked = np.take_along_axis(left, order, axis=2)
    median: Floats = np.take_along_axis(ranked, middle[:, :, None], axis=2)[:, :, 0]
    return median


def _points(scenario: Scenario) -> OriginPoints:
    """Return where the users of each origin are."""
    return _points_of(
        tuple((o.country, o.latitude_deg, o.longitude_deg) for o in scenario.origins.values())
    )


@lru_cache(maxsize=8)
def _points_of(origins: tuple[tuple[str, float, float], ...]) -> OriginPoints:
    """Return where users are; of many variants of a scenario the places are the same."""
    country, latitude, longitude = zip(*origins, strict=True)
    tables = {"origins": read_table("origins"), "cities": read_table("cities")}
    return origin_points(country, latitude, longitude, **tables)


def _undisturbed(
    scenario: Scenario, points: OriginPoints, latitude_deg: Floats, longitude_deg: Floats
) -> tuple[Floats, Floats]:
    """Return the normal state's round trips: points to regions [O, P, R], regions [R, R], ms."""
    metro, tables = [r.metro or "" for r in scenario.regions.values()], read_rtt_tables()
    found = origin_rtt(tables, points, latitude_deg, longitude_deg, metro)
    between = region_rtt(tables, latitude_deg, longitude_deg, metro)
    point = _own_origins(scenario, np.array(found.rtt_ms))
    pairs = _own_regions(scenario, np.array(between.rtt_ms))
    return (
        with_origin_factors(scenario, point, points.latitude_deg, points.longitude_deg),
        with_region_factors(scenario, pairs),
    )


def _mean(point_rtt_ms: Floats, share: Floats) -> tuple[Floats, Floats | None]:
    """Return the mean over points that are not cut, inf where all are, and the part that is cut."""
    weight = np.broadcast_to(share[None, :, :, None], point_rtt_ms.shape)
    joined = np.where(np.isfinite(point_rtt_ms), weight, 0.0)
    left = joined.sum(axis=2)
    normal = np.einsum("op,opr->or", share, np.where(share[..., None] > 0, point_rtt_ms[0], 0.0))
    added = np.subtract(
        point_rtt_ms, point_rtt_ms[0], out=np.zeros_like(point_rtt_ms), where=joined > 0
    )
    detour = np.divide(
        (added * joined).sum(axis=2), left, out=np.full_like(left, np.inf), where=left > ROUNDING
    )
    cut = np.where((left > ROUNDING) & (left < 1 - ROUNDING), 1.0 - left, 0.0)
    return normal + detour, cut if cut.any() else None


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

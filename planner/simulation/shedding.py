"""What limits let through, and what they turn away."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints
from planner.simulation.flows import Flows
from planner.simulation.lost import CAUSES
from planner.simulation.setting import Setting
from planner.units import gbps_from_payload

TOLERANCE = 1e-6
"""Relative excess over a limit that counts as none: solvers keep limits to about that."""

CAPACITY, PATH, UPLINK = (CAUSES.index(cause) for cause in ("capacity", "path", "uplink"))


def accepted(load: Floats, most: Floats) -> Floats:
    """Return the part of a load that a limit lets through.

    Parameters
    ----------
    load : ndarray
        What arrives.
    most : ndarray
        The limit, in the same unit; it broadcasts.

    Returns
    -------
    ndarray
        1 where the load is within `TOLERANCE` of the limit, else limit over load.

    Examples
    --------
    >>> accepted(np.array([50.0, 200.0]), np.array([100.0, 100.0])).tolist()
    [1.0, 0.5]
    """
    within = load <= most * (1 + TOLERANCE)
    part: Floats = np.divide(most, load, out=np.ones_like(load), where=~within)
    return part


def gathered(place: Ints, values: Floats, size: int) -> Floats:
    """Add up rows by place.

    Parameters
    ----------
    place : ndarray of int, shape (F,)
        Where each row belongs.
    values : ndarray, shape (F, H)
        What is added up.
    size : int
        Number of places.

    Returns
    -------
    ndarray, shape (size, H)
        Sums.
    """
    columns = [np.bincount(place, values[:, h], size) for h in range(values.shape[1])]
    return np.stack(columns, axis=1).astype(np.float64, copy=False)


@dataclass(frozen=True)
class Refused:
    """What a limit turns away.

    Attributes
    ----------
    row : ndarray of int, shape (f,)
        Rows of the flows.
    cause : int or ndarray of int, shape (f,)
        Index in `CAUSES`.
    rps : ndarray, shape (f, H)
        Requests per second.
    """

    row: Ints
    cause: int | Ints
    rps: Floats


@dataclass
class Room:
    """Room that is left in some states, before and after each round of requests.

    Attributes
    ----------
    states : ndarray of int, shape (K',)
        Which states.
    capacity_rps : ndarray, shape (K', S, R, H)
        What replicas still take at the emergency ceiling.
    uplink_gbps : ndarray, shape (K', R, H)
        What uplinks still carry.
    arrived_rps : ndarray, shape (K', S, R, H)
        What has arrived so far, taken or not.
    traffic_gbps : ndarray, shape (K', R, H)
        Traffic so far of what the replicas take.
    bundle : ndarray of int, shape (K', O, R), or None
        Number of the bundle of equally degraded paths, -1 for none.
    bundle_gbps : ndarray, shape (B, H)
        What each bundle still carries.
    """

    states: Ints
    capacity_rps: Floats
    uplink_gbps: Floats
    arrived_rps: Floats
    traffic_gbps: Floats
    bundle: Ints | None = None
    bundle_gbps: Floats = field(default_factory=lambda: np.zeros((0, 1)))


def room_of(setting: Setting, states: Ints) -> Room:
    """Return the room in some states before anything is sent.

    Parameters
    ----------
    setting : Setting
        What holds.
    states : ndarray of int, shape (K',)
        Which states.

    Returns
    -------
    Room
        Replicas at the emergency ceiling in every state, uplinks, bundles of degraded paths.
    """
    problem, hours = setting.problem, setting.problem.demand_rps.shape[2]
    full = problem.rps_per_replica * setting.replicas[states]
    most = full * problem.ceiling_emergency_share * problem.region_up[states][:, None]
    shape = (*most.shape, hours)
    uplink = np.broadcast_to(problem.uplink_gbps[:, None], (states.size, shape[2], hours))
    room = Room(
        states=states,
        capacity_rps=np.broadcast_to(most[..., None], shape).copy(),
        uplink_gbps=uplink.copy(),
        arrived_rps=np.zeros(shape),
        traffic_gbps=np.zeros(uplink.shape),
    )
    share = None if problem.conditions is None else problem.conditions.uplink_share
    if share is not None:
        _bundle(room, share[states], problem.uplink_gbps, hours)
    return room


def _bundle(room: Room, share: Floats, uplink_gbps: Floats, hours: int) -> None:
    """Give numbers to the bundles of paths to one region that are degraded alike."""
    state, origin, region = np.nonzero(share < 1)
    if not state.size:
        return
    part = share[state, origin, region]
    kinds, number = np.unique(np.stack([state, region, part]), axis=1, return_inverse=True)
    room.bundle = np.full(share.shape, -1, dtype=np.int64)
    room.bundle[state, origin, region] = number.ravel()
    most = kinds[2] * uplink_gbps[kinds[1].astype(np.int64)]
    room.bundle_gbps = np.repeat(most[:, None], hours, axis=1)


def admit(
    setting: Setting, room: Room, flows: Flows, offered_rps: Floats
) -> tuple[Floats, list[Refused]]:
    """Let in what replicas, degraded paths and uplinks bear, and take it from the room.

    Parameters
    ----------
    setting : Setting
        What holds.
    room : Room
        What is left; changed.
    flows : Flows
        Rows of requests.
    offered_rps : ndarray, shape (F, H)
        Their rates, requests per second.

    Returns
    -------
    kept_rps : ndarray, shape (F, H)
        What is served.
    refused : list of Refused
        What is not, and why.

    Notes
    -----
    The excess falls on all origins of a region alike, that of degraded paths on all services and
    origins that share them, that over an uplink on all services.
    """
    services, regions = room.capacity_rps.shape[1:3]
    at = flows.state - room.states[0]
    cell = (at * services + flows.service) * regions + flows.region
    load = gathered(cell, offered_rps, at_most(room)).reshape(room.capacity_rps.shape)
    taken = accepted(load, room.capacity_rps)
    kept, refused = _let_through(taken, cell, offered_rps, CAPACITY, [])
    inside = load * taken
    if room.bundle is not None:
        before = kept
        kept, refused = _through_bundles(setting, room, flows, at, kept, refused)
        inside = inside - gathered(cell, before - kept, at_most(room)).reshape(inside.shape)
    gbps = gbps_from_payload(1.0, 1.0) * setting.problem.payload_kib
    traffic = np.einsum("s,ksrh->krh", gbps, inside)
    through = accepted(traffic, room.uplink_gbps)
    kept, refused = _let_through(through, at * regions + flows.region, kept, UPLINK, refused)
    room.arrived_rps += load
    room.traffic_gbps += traffic
    room.capacity_rps = np.maximum(room.capacity_rps - inside * through[:, None], 0.0)
    room.uplink_gbps = np.maximum(room.uplink_gbps - traffic * through, 0.0)
    return kept, refused


def at_most(room: Room) -> int:
    """Return the number of pairs of service and region over all states of a room.

    Parameters
    ----------
    room : Room
        The room.

    Returns
    -------
    int
        K' · S · R.
    """
    return int(np.prod(room.capacity_rps.shape[:3]))


def _let_through(
    part: Floats, place: Ints, rps: Floats, cause: int, refused: list[Refused]
) -> tuple[Floats, list[Refused]]:
    """Keep a part of each row by its place, and note what is turned away."""
    part = part.reshape(-1, rps.shape[1])
    full: Bools = np.any(part < 1, axis=1)
    if not full.any():
        return rps, refused
    row = np.flatnonzero(full[place])
    kept = rps.copy()
    kept[row] *= part[place[row]]
    return kept, [*refused, Refused(row, cause, rps[row] * (1 - part[place[row]]))]


def _through_bundles(
    setting: Setting, room: Room, flows: Flows, at: Ints, rps: Floats, refused: list[Refused]
) -> tuple[Floats, list[Refused]]:
    """Shed what degraded paths cannot carry together."""
    assert room.bundle is not None
    number = room.bundle[at, flows.origin, flows.region]
    row = np.flatnonzero(number >= 0)
    payload = setting.problem.payload_kib[flows.service[row]]
    gbps = gbps_from_payload(1.0, 1.0) * payload[:, None] * rps[row]
    traffic = gathered(number[row], gbps, len(room.bundle_gbps))
    part = accepted(traffic, room.bundle_gbps)
    room.bundle_gbps = np.maximum(room.bundle_gbps - traffic * part, 0.0)
    kept, shed = _let_through(part, number[row], rps[row], PATH, [])
    out = rps.copy()
    out[row] = kept
    return out, [*refused, *(Refused(row[x.row], x.cause, x.rps) for x in shed)]

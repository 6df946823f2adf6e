"""What regions and their uplinks let through of the requests that arrive in one moment.

Arrays may have leading axes (times, starting hours); the last two are services and regions, or
services and cells (`planner.simulation.hour.cohorts`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.problem.recovery import Recovery
from planner.simulation.hour.cohorts import EVENT, NORMAL, Cohorts
from planner.simulation.shedding import accepted
from planner.units import gbps_from_payload


@dataclass(frozen=True, eq=False)
class Room:
    """What limits requests, besides replicas.

    Attributes
    ----------
    queued : ndarray of bool, shape (S,)
        Whether requests of the service wait in line; others are turned away above the ceiling.
    ceiling_share : float
        Highest utilisation at which nobody is turned away.
    gbps_per_rps : ndarray, shape (S,)
        Traffic of one request per second, Gbit/s.
    uplink_gbps : ndarray, shape (R,)
        Capacity of each region's uplink.
    cell_gbps : ndarray, shape (2, P)
        Capacity of each cell, by `EVENT` and `NORMAL`; inf where the uplink alone counts.
    cell_region : ndarray of int, shape (P,)
        Region of each cell.
    in_region : ndarray, shape (P, R)
        1 where the cell is of the region, else 0.
    """

    queued: Bools
    ceiling_share: float
    gbps_per_rps: Floats
    uplink_gbps: Floats
    cell_gbps: Floats
    cell_region: Ints
    in_region: Floats


def room(problem: Problem, recovery: Recovery, way: Cohorts) -> Room:
    """Return what limits requests, besides replicas.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    recovery : Recovery
        Timeouts.
    way : Cohorts
        Cells.

    Returns
    -------
    Room
        Limits in the event and with everything up.
    """
    regions = len(problem.axes.regions)
    limit = np.full((2, way.cell_region.size), np.inf)
    narrow = way.cell_share * problem.uplink_gbps[way.cell_region]
    limit[EVENT] = np.where(way.cell_share < 1, narrow, np.inf)
    limit[NORMAL] = np.inf
    return Room(
        queued=np.isfinite(recovery.timeout_s),
        ceiling_share=problem.ceiling_emergency_share,
        gbps_per_rps=gbps_from_payload(1.0, 1.0) * problem.payload_kib,
        uplink_gbps=problem.uplink_gbps,
        cell_gbps=limit,
        cell_region=way.cell_region,
        in_region=np.eye(regions)[way.cell_region],
    )


@dataclass(frozen=True, eq=False)
class Admitted:
    """What gets in, and what that leaves.

    Attributes
    ----------
    part : ndarray, shape (..., S, P)
        Part of what arrives in each cell that is let through.
    load_rps : ndarray, shape (..., S, R)
        Requests per second that arrive at each region.
    taken_rps : ndarray, shape (..., S, R)
        Of these, those that its replicas take.
    gbps : ndarray, shape (..., P)
        Traffic of each cell.
    """

    part: Floats
    load_rps: Floats
    taken_rps: Floats
    gbps: Floats


def admitted(
    arrivals_rps: Floats, full_rps: Floats, limits: Room, phase: int, used: Admitted | None = None
) -> Admitted:
    """Return what replicas and uplinks let through.

    Parameters
    ----------
    arrivals_rps : ndarray, shape (..., S, P)
        Requests per second that arrive in each cell.
    full_rps : ndarray, shape (..., S, R)
        What the replicas complete at full utilisation.
    limits : Room
        The other limits.
    phase : int
        `EVENT` or `NORMAL`.
    used : Admitted or None
        What has been let in before and takes room.

    Returns
    -------
    Admitted
        Parts, loads and traffic.

    Notes
    -----
    As in the steady state: the excess over replicas falls on all origins of a region alike, that
    over an uplink on all services alike.  A narrow cell is looked at before the whole uplink.
    Queued services are never turned away by replicas; no more than these complete is sent.
    """
    load = arrivals_rps @ limits.in_region
    most = full_rps * np.where(limits.queued, 1.0, limits.ceiling_share)[:, None]
    cell_gbps, uplink_gbps = limits.cell_gbps[phase], limits.uplink_gbps
    if used is not None:
        most = np.maximum(most - used.taken_rps, 0.0)
        cell_gbps = np.maximum(cell_gbps - used.gbps, 0.0)
        uplink_gbps = np.maximum(uplink_gbps - used.gbps @ limits.in_region, 0.0)
    taken = accepted(load, most)
    sent = arrivals_rps * taken[..., limits.cell_region]
    gbps = np.einsum("s,...sp->...p", limits.gbps_per_rps, sent)
    narrow = accepted(gbps, cell_gbps)
    gbps = gbps * narrow
    wide = accepted(gbps @ limits.in_region, uplink_gbps)[..., limits.cell_region]
    enters = np.where(limits.queued[:, None], 1.0, taken)[..., limits.cell_region]
    return Admitted(
        part=enters * (narrow * wide)[..., None, :],
        load_rps=load,
        taken_rps=load * taken,
        gbps=gbps * wide,
    )

"""The steady state: what each region receives, takes and turns away in each failure state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Floats, Problem, Solution
from planner.simulation.assessment import Lost
from planner.simulation.routing import Routing
from planner.units import gbps_from_payload

TOLERANCE = 1e-6
"""Relative excess over a limit that counts as none: solvers keep limits to about that."""


@dataclass(frozen=True)
class Steady:
    """Flows of the steady state.

    Attributes
    ----------
    carried_rps : ndarray, shape (K, S, O, R, H)
        Requests per second of each origin that each region takes.
    load_rps : ndarray, shape (K, S, R, H)
        Requests per second that arrive at each region.
    utilisation_share : ndarray, shape (K, S, R, H)
        Load over what the replicas complete at full utilisation; inf where there are none.
    uplink_share : ndarray, shape (K, R, H)
        Traffic of what the replicas take over the uplink's capacity.
    lost : Lost
        What is not served, and why.
    """

    carried_rps: Floats
    load_rps: Floats
    utilisation_share: Floats
    uplink_share: Floats
    lost: Lost


def steady_state(problem: Problem, solution: Solution, routing: Routing) -> Steady:
    """Load the regions, turn away what exceeds them, and book what is lost to its cause.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    solution : Solution
        Replicas.
    routing : Routing
        Where demand goes in each state.

    Returns
    -------
    Steady
        Flows in every state and hour.

    Notes
    -----
    What exceeds the *emergency* ceiling is turned away in every state, the normal one included:
    between the two ceilings a promise is broken but everybody is served.  The excess falls on all
    origins of a region alike, that over an uplink on all services alike.
    """
    demand = problem.demand_rps
    sent = demand[None, :, :, None, :] * routing.share
    load = sent.sum(axis=2)
    full_rps = (problem.rps_per_replica * solution.replicas)[None, :, :, None]
    most_rps = full_rps * problem.ceiling_emergency_share * problem.region_up[:, None, :, None]
    taken = _accepted(load, most_rps)
    gbps_per_rps = gbps_from_payload(1.0, 1.0) * problem.payload_kib
    uplink_share = np.einsum("s,ksrh->krh", gbps_per_rps, load * taken)
    uplink_share = uplink_share / problem.uplink_gbps[:, None]
    through = _accepted(uplink_share, np.ones(1))[:, None]
    carried = sent * (taken * through)[:, :, None]
    lost = Lost(
        no_region=demand * routing.no_region,
        inadmissible=demand * routing.inadmissible,
        capacity=demand * routing.capacity + np.einsum("ksorh,ksrh->ksoh", sent, 1 - taken),
        uplink=demand * routing.uplink + np.einsum("ksorh,ksrh->ksoh", sent, taken * (1 - through)),
        home=_homeless_share(problem)[:, :, None, None] * carried.sum(axis=3),
    )
    utilisation = np.divide(load, full_rps, out=np.full_like(load, np.inf), where=full_rps > 0)
    return Steady(carried, load, np.where(load > 0, utilisation, 0.0), uplink_share, lost)


def _homeless_share(problem: Problem) -> Floats:
    """Return the share of calls that need a home region while none is left, shape (K, S)."""
    return np.where(problem.home_region < 0, problem.home_share, 0.0)


def _accepted(load: Floats, most: Floats) -> Floats:
    """Return the part of a load that a limit lets through, 1 within `TOLERANCE`."""
    within = load <= most * (1 + TOLERANCE)
    part = np.divide(most, load, out=np.ones_like(load), where=~within)
    return np.where(within, 1.0, part)

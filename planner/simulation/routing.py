"""Where demand goes in each failure state under the plan's own shares and orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Floats, Ints, Problem, Solution


@dataclass(frozen=True)
class Routing:
    """Parts of each origin's demand, by where they go; the last axis is hours, or 1 for all alike.

    Attributes
    ----------
    share : ndarray, shape (K, S, O, R, H or 1)
        Part sent to each region that may serve it.
    no_region, inadmissible : ndarray, shape (K, S, O, H or 1)
        Part for which no region is up, and part sent where it may not be served.
    capacity, uplink : ndarray, shape (K, S, O, H or 1)
        Part that a balancer turns away for want of capacity or uplink; 0 where DNS steers.
    """

    share: Floats
    no_region: Floats
    inadmissible: Floats
    capacity: Floats
    uplink: Floats


def static_routing(problem: Problem, solution: Solution) -> Routing:
    """Follow each share to the first region of its order that is up.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    solution : Solution
        Shares and orders.

    Returns
    -------
    Routing
        The same in every hour.

    Notes
    -----
    DNS is taken to have drained: every resolver follows the order that the state asks for.  A share
    that reaches a region which may not serve it is lost there; it does not go on to the next.
    """
    states, regions = problem.region_up.shape
    services, origins, _ = problem.demand_rps.shape
    sent = np.zeros((states, services, origins, regions + 1))
    first = _first_up(solution.order, problem)
    for service, host in enumerate(problem.host_of_service):
        mine = solution.host == host
        place = solution.origin[mine][None] * (regions + 1) + first[:, mine]
        place = place + np.arange(states)[:, None] * origins * (regions + 1)
        part = np.broadcast_to(solution.share[mine], place.shape)
        count = np.bincount(place.ravel(), part.ravel(), states * origins * (regions + 1))
        sent[:, service] = count.reshape(states, origins, regions + 1)
    share = np.where(problem.state_admissible, sent[..., :-1], 0.0)
    inadmissible = sent[..., :-1].sum(axis=3) - share.sum(axis=3)
    nothing = np.maximum(1.0 - sent[..., :-1].sum(axis=3), 0.0)
    none = np.zeros((states, services, origins, 1))
    return Routing(
        share=share[..., None],
        no_region=np.where(nothing > 1e-9, nothing, 0.0)[..., None],
        inadmissible=np.where(inadmissible > 1e-9, inadmissible, 0.0)[..., None],
        capacity=none,
        uplink=none,
    )


def _first_up(order: Ints, problem: Problem) -> Ints:
    """Return the first region of each order that is up, R where none is, shape (K, C)."""
    states, regions = problem.region_up.shape
    alive = np.concatenate([problem.region_up, np.zeros((states, 1), dtype=bool)], axis=1)
    up = alive[:, order]
    place = up.argmax(axis=2)
    found = np.take_along_axis(np.broadcast_to(order, up.shape), place[..., None], axis=2)[..., 0]
    return np.where(up.any(axis=2), found, regions)

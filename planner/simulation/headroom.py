"""Headroom: the largest factor on all demand with which the plan still keeps the policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from planner.problem.arrays import Floats, Ints, Problem, Solution
from planner.simulation.assessment import Assessment
from planner.units import gbps_from_payload


@dataclass(frozen=True)
class Margin:
    """How much more demand a plan bears.

    Attributes
    ----------
    factor : float
        Largest factor on all demand that keeps every promise; inf without demand.
    regions : ndarray, shape (R,)
        The same for each region's own limits alone; inf where it serves nobody.
    limited_by : str
        What is full at that factor.
    """

    factor: float
    regions: Floats
    limited_by: str


def headroom(problem: Problem, solution: Solution, assessment: Assessment) -> Margin:
    """Return how much more demand a plan bears.

    With static steering loads grow in proportion, so the factor is the least ratio of capacity to
    load over promised states, services, regions, hours and uplinks.  With adaptive steering it is
    the least over promised states and hours of a linear program's largest factor.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    solution : Solution
        What was decided.
    assessment : Assessment
        The judge's replay of it.

    Returns
    -------
    Margin
        Factor, by region and in all, and what limits it.
    """
    capacity = _capacity_rps(problem, solution)
    states = np.flatnonzero(problem.must_survive)
    load = assessment.load_rps[states]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(load > 1e-9, capacity[states][..., None] / load, np.inf)
        share = assessment.uplink_share[states]
        uplink = np.where(share > 1e-12, 1 / share, np.inf)
    regions = np.minimum(ratio.min(axis=(0, 1, 3)), uplink.min(axis=(0, 2)))
    if problem.steering == "adaptive":
        return _adaptive(problem, capacity, regions)
    return Margin(float(regions.min()), regions, _limit(problem, states, ratio, uplink))


def _capacity_rps(problem: Problem, solution: Solution) -> Floats:
    """Return what each region may carry in each state, shape (K, S, R)."""
    full = problem.rps_per_replica * solution.replicas
    capacity: Floats = problem.ceiling_share[:, None, None] * full * problem.region_up[:, None, :]
    return capacity


def _limit(problem: Problem, states: Ints, ratio: Floats, uplink: Floats) -> str:
    """Name what is full first."""
    axes = problem.axes
    if min(ratio.min(), uplink.min()) == np.inf:
        return "nothing: there is no demand"
    if ratio.min() <= uplink.min():
        k, s, r, h = np.unravel_index(int(ratio.argmin()), ratio.shape)
        what = f"replicas of {axes.services[s]}"
    else:
        k, r, h = np.unravel_index(int(uplink.argmin()), uplink.shape)
        what = "uplink"
    state = axes.states[int(states[k])]
    return f"{what} in {axes.regions[r]}, state '{state}', {axes.hours[h]:02d}:00 UTC"


def _adaptive(problem: Problem, capacity: Floats, regions: Floats) -> Margin:
    """Return the least over states and hours of the largest factor that can be re-routed."""
    factor, limit = np.inf, "nothing: there is no demand"
    for state in np.flatnonzero(problem.must_survive).tolist():
        for hour in range(problem.demand_rps.shape[2]):
            found = _largest_factor(problem, state, hour, capacity[state])
            if found < factor:
                factor = found
                at = f"{problem.axes.hours[hour]:02d}:00 UTC"
                limit = f"capacity in state '{problem.axes.states[state]}', {at}"
    return Margin(factor, regions, limit)


def _largest_factor(problem: Problem, state: int, hour: int, capacity_rps: Floats) -> float:
    """Solve ``max φ`` with ``φ·D`` routed within capacities and uplinks."""
    demand = problem.demand_rps[:, :, hour]
    if demand.sum() <= 0:
        return np.inf
    allowed = problem.state_admissible[state] & problem.region_up[state] & (demand > 0)[..., None]
    s, o, r = np.nonzero(allowed)
    pair, row = np.unique(s * demand.shape[1] + o, return_inverse=True)
    called = np.flatnonzero(demand.ravel() > 0)
    if pair.size < called.size:
        return 0.0
    size = s.size
    ones = np.ones(size)
    equal = coo_array(
        (
            np.concatenate([ones, -demand.ravel()[pair]]),
            (
                np.concatenate([row, np.arange(pair.size)]),
                np.concatenate([np.arange(size), np.full(pair.size, size)]),
            ),
        ),
        shape=(pair.size, size + 1),
    )
    gbps = gbps_from_payload(1.0, 1.0) * problem.payload_kib[s]
    places = capacity_rps.size
    above = coo_array(
        (
            np.concatenate([ones, gbps]),
            (
                np.concatenate([s * capacity_rps.shape[1] + r, places + r]),
                np.concatenate([np.arange(size), np.arange(size)]),
            ),
        ),
        shape=(places + problem.uplink_gbps.size, size + 1),
    )
    cost = np.zeros(size + 1)
    cost[-1] = -1.0
    result = linprog(
        cost,
        A_ub=above.tocsr(),
        b_ub=np.concatenate([capacity_rps.ravel(), problem.uplink_gbps]),
        A_eq=equal.tocsr(),
        b_eq=np.zeros(pair.size),
        method="highs",
    )
    return float(-result.fun)

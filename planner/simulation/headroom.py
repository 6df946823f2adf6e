"""Headroom: the largest factor on all demand with which the plan still keeps the policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array

from planner.problem.arrays import Floats, Ints, Problem
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


def headroom(problem: Problem, assessment: Assessment) -> Margin:
    r"""Return how much more demand a plan bears.

    With static steering loads grow in proportion, so the factor is the least ratio of capacity to
    load over promised states, services, regions, hours and uplinks.  With adaptive steering it is
    the least over promised states and hours of a linear program's largest factor.

    .. math:: \varphi = \min_{k, s, r, h} \frac{\text{ceiling}_k\, \mu_{sr}\, n_{sr}}{L_{ksrh}}

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    assessment : Assessment
        The judge's replay of the plan.

    Returns
    -------
    Margin
        Factor, by region and in all, and what limits it.

    Notes
    -----
    All demand grows alike: one origin or service that grows alone may fill a region sooner.
    Latency is kept because it is promised at the ceilings.  Degraded paths and tunnels between
    regions are not looked at.
    """
    capacity = _capacity_rps(problem, assessment.replicas)
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


def _capacity_rps(problem: Problem, replicas: Ints) -> Floats:
    """Return what each region may carry in each state, shape (K, S, R)."""
    full = problem.rps_per_replica * replicas
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
    if problem.conditions is not None and problem.conditions.demand_factor is not None:
        demand = demand * problem.conditions.demand_factor[state]
    if demand.sum() <= 0:
        return np.inf
    allowed = problem.state_admissible[state] & problem.region_up[state] & (demand > 0)[..., None]
    if not allowed.any(axis=2)[demand > 0].all():
        return 0.0
    s, o, r = np.nonzero(allowed)
    size = s.size
    cost = np.zeros(size + 1)
    cost[-1] = -1.0
    called = int((demand > 0).sum())
    result = linprog(
        cost,
        A_ub=_room_rows(problem, s, r, capacity_rps.size),
        b_ub=np.concatenate([capacity_rps.ravel(), problem.uplink_gbps]),
        A_eq=_demand_rows(demand, s, o),
        b_eq=np.zeros(called),
        method="highs",
    )
    return float(-result.fun)


def _demand_rows(demand_rps: Floats, service: Ints, origin: Ints) -> csr_array:
    """Return rows "what is routed of a demand − φ·demand"; φ is the last column."""
    pair, row = np.unique(service * demand_rps.shape[1] + origin, return_inverse=True)
    size = service.size
    value = np.concatenate([np.ones(size), -demand_rps.ravel()[pair]])
    at = np.concatenate([row, np.arange(pair.size)])
    column = np.concatenate([np.arange(size), np.full(pair.size, size)])
    return coo_array((value, (at, column)), shape=(pair.size, size + 1)).tocsr()


def _room_rows(problem: Problem, service: Ints, region: Ints, places: int) -> csr_array:
    """Return rows of load by service and region, then of traffic by region."""
    size, regions = service.size, problem.uplink_gbps.size
    gbps = gbps_from_payload(1.0, 1.0) * problem.payload_kib[service]
    value = np.concatenate([np.ones(size), gbps])
    at = np.concatenate([service * regions + region, places + region])
    column = np.concatenate([np.arange(size), np.arange(size)])
    return coo_array((value, (at, column)), shape=(places + regions, size + 1)).tocsr()

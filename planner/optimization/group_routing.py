"""The normal state's routing where latency has no price: group by group, as near as room allows."""

from __future__ import annotations

import numpy as np

from planner.errors import PlannerError
from planner.optimization.master import capacity_rps
from planner.optimization.milp import Milp
from planner.optimization.rows import rows
from planner.optimization.stopping import NEVER
from planner.problem.arrays import Bools, Floats, Ints, Problem


def routing_by_group(problem: Problem, replicas: Ints) -> Floats:
    """Route the normal state with the least mean latency, alike for origins with like regions.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    replicas : ndarray of int, shape (S, R)
        Replicas with which it can be routed, whatever the uplinks carry.

    Returns
    -------
    ndarray, shape (S, O, R, H)
        Shares.

    Raises
    ------
    PlannerError
        If some demand cannot be routed.

    Notes
    -----
    One transport program for each service and hour over groups of origins: the best routing of
    single origins may be nearer still, and costs the same.
    """
    capacity = capacity_rps(problem, replicas)[0]
    services, origins, hours = problem.demand_rps.shape
    routing = np.zeros((services, origins, capacity.shape[1], hours))
    for service in range(services):
        allowed = problem.state_admissible[0, service] & problem.region_up[0]
        open_, member = np.unique(allowed, axis=0, return_inverse=True)
        member = member.reshape(-1)
        for hour in range(hours):
            rps = problem.demand_rps[service, :, hour]
            demand = np.bincount(member, rps, len(open_)).astype(float)
            weighted = np.zeros(open_.shape)
            np.add.at(weighted, member, rps[:, None] * problem.latency_ms[service])
            cost = weighted / np.maximum(demand, 1e-300)[:, None]
            shares = _shares(open_, demand, cost, capacity[service])
            routing[service, :, :, hour] = np.where((rps > 0)[:, None], shares[member], 0.0)
    return routing


def _shares(allowed: Bools, demand: Floats, cost: Floats, capacity: Floats) -> Floats:
    """Return the cheapest shares of each group that capacity lets, shape (G, R)."""
    group, region = np.nonzero(allowed & (demand > 0)[:, None])
    shares = np.zeros(allowed.shape)
    if not group.size:
        return shares
    program = Milp()
    flow = program.add_columns(cost[group, region] * demand[group], 0.0, np.inf)
    calls, row = np.unique(group, return_inverse=True)
    ones = np.ones(calls.size)
    program.add_rows(rows(ones, ones, row, flow, np.ones(flow.size)))
    scale = max(float(capacity.max()), 1e-300)
    none = np.full(capacity.size, -np.inf)
    program.add_rows(rows(none, capacity / scale, region, flow, demand[group] / scale))
    found = program.relaxation(NEVER)
    if found.x is None:
        raise PlannerError("the replicas of the plan cannot carry the normal state")
    shares[group, region] = np.clip(found.x[flow], 0.0, 1.0)
    total: Floats = shares.sum(axis=1, keepdims=True)
    return shares / np.maximum(total, 1e-300)

r"""Shared uplinks under adaptive steering: cuts from the duals of each state's transport program.

In state ``k`` and hour ``h`` all services share the uplinks, so minimum cuts of single services do
not suffice.  The elastic transport program

.. math:: \min \sum_{s,g} u_{sg} \quad\text{s.t.}\quad \sum_r x_{sgr} + u_{sg} = D_{sg},\;
          \sum_g x_{sgr} \le \mu_{sr} n_{sr},\; \sum_{s,g} p_s x_{sgr} \le U_r

is zero exactly if the state can be routed.  With the duals ``α ≤ 1`` of demand, ``β ≤ 0`` of
capacity and ``γ ≤ 0`` of uplinks, ``Σ β μ n ≤ −Σ α D − Σ γ U`` must hold for every ``n`` that keeps
the state (a Benders feasibility cut).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.optimization.cuts import Groups
from planner.optimization.master import state_groups
from planner.optimization.milp import Milp
from planner.optimization.rows import rows
from planner.optimization.stopping import NEVER, Stop
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.units import gbps_from_payload

_TOLERANCE = 1e-7


@dataclass(frozen=True)
class _Transport:
    """The elastic transport program of one state and hour, and which rows are what."""

    program: Milp
    demand_rps: Floats
    served: Ints
    capacity: Ints


def uplink_cuts(
    problem: Problem,
    states: Ints,
    replicas: Floats,
    one_rps: Floats,
    append: Callable[[Floats, float], None],
    stop: Stop = NEVER,
) -> int:
    """Append the Benders cuts that the replicas break; return how many.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    states : ndarray of int
        Promised states to look at.
    replicas : ndarray, shape (S, R)
        Replicas, possibly fractional.
    one_rps : ndarray, shape (K, S, R)
        Capacity of one replica in each state.
    append : callable
        Takes ``coefficient[S, R]`` and ``right side`` of ``coefficient · n ≥ right side``.
    stop : Stop
        When to stop; nothing is proven then.

    Returns
    -------
    int
        Number of cuts appended.

    Notes
    -----
    One linear program for each state and hour in which an uplink could be full.  Duals hold to
    the solver's tolerance, so a shortfall below 1e-7 of the demand passes as none.

    References
    ----------
    J. F. Benders, "Partitioning procedures for solving mixed-variables programming problems",
    Numerische Mathematik 4, 1962, doi 10.1007/BF01386316.
    """
    if not _some_may_bind(problem):
        return 0
    added = 0
    for state in states.tolist():
        if stop.passed():
            break
        groups = [state_groups(problem, state, s) for s in range(replicas.shape[0])]
        for hour in np.flatnonzero(may_bind(problem, groups)).tolist():
            added += _cut(problem, groups, hour, replicas, one_rps[state], append)
    return added


def _some_may_bind(problem: Problem) -> bool:
    """Return whether all demand together would fill the smallest uplink: a quick look."""
    rate = gbps_from_payload(1.0, 1.0) * problem.payload_kib
    gbps = np.einsum("s,soh->h", rate, problem.demand_rps)
    return bool(gbps.max(initial=0.0) > problem.uplink_gbps.min(initial=np.inf))


def may_bind(problem: Problem, groups: list[Groups]) -> Bools:
    """Return the hours in which some uplink could be full.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    groups : list of Groups
        Groups of origins in a state, one for each service.

    Returns
    -------
    ndarray of bool, shape (H,)
        False where no routing at all fills one.
    """
    gbps = np.zeros((problem.uplink_gbps.size, problem.demand_rps.shape[2]))
    for service, group in enumerate(groups):
        rate = gbps_from_payload(1.0, float(problem.payload_kib[service]))
        gbps += rate * (group.allowed.T @ group.demand_rps)
    full: Bools = np.any(gbps > problem.uplink_gbps[:, None], axis=0)
    return full


def _cut(
    problem: Problem,
    groups: list[Groups],
    hour: int,
    replicas: Floats,
    one_rps: Floats,
    append: Callable[[Floats, float], None],
) -> int:
    """Solve one transport program and append its cut where something is unserved."""
    transport = _transport(problem, groups, hour, one_rps * replicas)
    demand, full = transport.demand_rps, problem.uplink_gbps
    result = transport.program.relaxation(Stop(60.0))
    if result.row_dual is None or result.objective <= _TOLERANCE * max(1.0, demand.sum()):
        return 0
    served, capacity = transport.served, transport.capacity
    alpha, beta = result.row_dual[served], result.row_dual[capacity].reshape(replicas.shape)
    gamma = result.row_dual[capacity.size + served.size :]
    append(-beta * one_rps, float(alpha @ demand + gamma @ full))
    return 1


def _transport(problem: Problem, groups: list[Groups], hour: int, room_rps: Floats) -> _Transport:
    """Build the transport program; `room_rps` is what each service and region may carry, (S, R)."""
    services, regions = room_rps.shape
    program = Milp()
    demand = np.concatenate([g.demand_rps[:, hour] for g in groups])
    service = np.repeat(np.arange(services), [g.allowed.shape[0] for g in groups])
    group, region = np.nonzero(np.concatenate([g.allowed for g in groups]))
    flow = program.add_columns(np.zeros(group.size), 0.0, np.inf)
    unserved = program.add_columns(np.ones(demand.size), 0.0, np.inf)
    served = program.add_rows(
        rows(
            demand,
            demand,
            np.concatenate([group, np.arange(demand.size)]),
            np.concatenate([flow, unserved]),
            np.ones(flow.size + unserved.size),
        )
    )
    room = room_rps.ravel()
    place = service[group] * regions + region
    capacity = program.add_rows(rows(room * 0 - np.inf, room, place, flow, np.ones(flow.size)))
    gbps = gbps_from_payload(1.0, 1.0) * problem.payload_kib[service[group]]
    full = problem.uplink_gbps
    program.add_rows(rows(full * 0 - np.inf, full, region, flow, gbps))
    return _Transport(program, demand, served, capacity)

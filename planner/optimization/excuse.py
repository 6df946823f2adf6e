"""Why a service does not run in a region: it may not, cannot, or would cost more.

What lists, limits and pools forbid is read off the arrays.  Whatever is left is tried: the service
is made to run there, everything else is free, and what that costs more is an interval from both
gaps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from planner.optimization.columns import OrderColumns
from planner.optimization.limits import kept_out
from planner.optimization.resolved import Interval, Value, dearer, with_service
from planner.problem.arrays import Bools, Problem
from planner.problem.packing import packing_limits, replica_bounds
from planner.problem.reach import reachable_p95_ms

Kind = Literal[
    "lists", "uncalled", "latency", "barred", "orders", "pools", "promises", "cost", "unknown"
]


@dataclass(frozen=True)
class TooFar:
    """The origin that misses its limit by least.

    Attributes
    ----------
    origin : int
        Which origin.
    needed_ms, limit_ms : float
        The 95th percentile that the region could offer it with everything up, and the wider of the
        normal and the emergency limit.
    """

    origin: int
    needed_ms: float
    limit_ms: float


@dataclass(frozen=True)
class Excuse:
    """Why a service does not run in a region.

    Attributes
    ----------
    service, region : int
        Which.
    kind : str
        'lists': its own list or every origin's residency keeps it out; 'uncalled': no origin calls
        it; 'latency': no origin may be served within its limits; 'barred': none may be served for
        another reason, such as home calls; 'orders': no list of regions with this one in it keeps
        the limits of all services of the host in every promised state; 'pools': not even the least
        replicas fit; 'promises': with it no plan keeps every promise; 'cost': a plan with it costs
        more; 'unknown': a limit came before any plan with it.
    too_far : TooFar or None
        The nearest miss, for 'latency'.
    dearer : Interval or None
        How much dearer the best plan with it is, for 'cost', US dollars a month.
    """

    service: int
    region: int
    kind: Kind
    too_far: TooFar | None = None
    dearer: Interval | None = None


def excuse(
    problem: Problem,
    columns: OrderColumns | None,
    service: int,
    region: int,
    value: Value,
    cheapest: Callable[[Problem], Value],
) -> Excuse:
    """Return why a service does not run in a region.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    columns : OrderColumns or None
        Its order columns; None where a balancer steers.
    service, region : int
        Which; the plan has no replica there.
    value : Value
        What the plan costs.
    cheapest : callable
        Problem to what its best plan costs, such as `planner.optimization.resolved.cheapest` with
        its gap and limit.

    Returns
    -------
    Excuse
        The first that holds, in the order in which `Excuse` names them.
    """
    barred = _barred(problem, columns, service, region)
    if barred is not None:
        return barred
    found = cheapest(with_service(problem, service, region))
    if found.feasible:
        return Excuse(service, region, "cost", dearer=dearer(found, value))
    return Excuse(service, region, "promises" if found.bound == np.inf else "unknown")


def _barred(
    problem: Problem, columns: OrderColumns | None, service: int, region: int
) -> Excuse | None:
    """Return the excuse that needs no solve, if there is one."""
    calls = problem.demand_rps[service].max(axis=1) > 0
    out = np.array([kept_out(problem, service, o)[region] for o in range(calls.size)])
    if problem.max_replicas[service, region] == 0 or (calls.any() and out[calls].all()):
        return Excuse(service, region, "lists")
    if not calls.any():
        return Excuse(service, region, "uncalled")
    served = problem.state_admissible[problem.must_survive][:, service, :, region].any(axis=0)
    if not (served & calls).any():
        too_far = _nearest_miss(problem, service, region, calls & ~out)
        return Excuse(service, region, "latency" if too_far else "barred", too_far)
    if columns is not None and not _named(problem, columns, service, region).any():
        return Excuse(service, region, "orders")
    if replica_bounds(problem, packing_limits(problem))[service, region] == 0:
        return Excuse(service, region, "pools")
    return None


def _nearest_miss(problem: Problem, service: int, region: int, asked: Bools) -> TooFar | None:
    """Return the origin that misses the wider limit by least; None where it is not the limit."""
    limit = float(max(problem.limit_ms[service], problem.emergency_limit_ms[service]))
    reach = np.where(asked, reachable_p95_ms(problem, 0, service)[:, region], np.inf)
    origin = int(reach.argmin())
    if not np.isfinite(reach[origin]) or reach[origin] <= limit:
        return None
    return TooFar(origin, float(reach[origin]), limit)


def _named(problem: Problem, columns: OrderColumns, service: int, region: int) -> Bools:
    """Return the order columns of the service's host in which the region serves, shape (C,)."""
    serves = (columns.serve[problem.must_survive] == region).any(axis=0)
    calls = problem.demand_rps[service].max(axis=1) > 0
    mine = columns.host == problem.host_of_service[service]
    named: Bools = serves & mine & calls[columns.origin]
    return named

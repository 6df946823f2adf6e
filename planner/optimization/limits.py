"""The latency limits with which an origin would have an order of regions to follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from planner.optimization.columns import first_up
from planner.optimization.order_counts import promised_depth
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.problem.reach import reachable_p95_ms


@dataclass(frozen=True)
class NeededLimit:
    """A limit that is too tight: what it is, and what would do.

    Attributes
    ----------
    service, state : int
        Service, and the state that asks for most; 0 means the normal limit.
    limit_ms, needed_ms : float
        The limit and the least one that would do, ms.
    """

    service: int
    state: int
    limit_ms: float
    needed_ms: float


def needed_limits(problem: Problem, host: int, origin: int) -> list[NeededLimit]:
    """Return the limits that must be loosened for an order to exist, with the least excess.

    An order needs a first region that keeps the normal limit, and in every other promised state
    its first region that is up must keep the emergency limit.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    host, origin : int
        A host name and an origin for which no order column exists.

    Returns
    -------
    list of NeededLimit
        All of them together do; empty where no limit helps.

    Notes
    -----
    The order with the least sum of excesses is chosen; another may ask for less of one service and
    more of another.  All R!/(R−D)! orders are looked at.
    """
    calls = problem.demand_rps[:, origin].max(axis=1) > 0
    services = np.flatnonzero((problem.host_of_service == host) & calls)
    states = np.flatnonzero(problem.must_survive)
    if _deserted(problem, states, services, origin):
        return []
    reach = _reaches(problem, states, services, origin)
    regions = problem.region_up.shape[1]
    orders = np.array(list(permutations(range(regions), min(promised_depth(problem) + 1, regions))))
    serve = first_up(orders, problem.region_up[states])
    # Shape (K, S, P): what each state asks of each order.
    asked = np.stack([reach[k][:, serve[k]] for k in range(states.size)])
    asked[:, :, (serve < 0).any(axis=0)] = np.inf
    return _least(problem, services, states, asked)


def _deserted(problem: Problem, states: Ints, services: Ints, origin: int) -> bool:
    """Return whether in some state no limit helps: nobody is up, allowed and reached by a path."""
    reached = np.isfinite(problem.state_rtt_ms[states, origin]) & problem.region_up[states]
    allowed = np.stack([~kept_out(problem, int(s), origin) for s in services])
    homeless = (problem.home_region[states] < 0) & (problem.home_share > 0)
    nobody = ~(reached[:, None, :] & allowed[None]).any(axis=2)
    return bool((nobody | homeless[:, services]).any())


def _reaches(problem: Problem, states: Ints, services: Ints, origin: int) -> Floats:
    """Return `_reach` of each state and service, shape (K, S, R); equal states are asked once."""
    known: dict[tuple[object, ...], Floats] = {}
    found = []
    for state in states.tolist():
        for service in services.tolist():
            key = (
                service,
                state == 0,
                int(problem.home_region[state, service]),
                problem.state_rtt_ms[state, origin].tobytes(),
                problem.region_rtt_ms(state).tobytes(),
                problem.region_up[state].tobytes(),
                problem.state_admissible[state, service, origin].tobytes(),
            )
            if key not in known:
                known[key] = _reach(problem, state, service, origin)
            found.append(known[key])
    return np.stack(found).reshape(states.size, services.size, -1)


def _reach(problem: Problem, state: int, service: int, origin: int) -> Floats:
    """Return the least limit each region could keep for one origin, inf where it may not serve."""
    one, network = slice(origin, origin + 1), problem.network
    alone = replace(
        problem,
        network=replace(
            network,
            point_rtt_ms=network.point_rtt_ms[one],
            point_share=network.point_share[one],
        ),
        rtt_ms=problem.rtt_ms[one],
        state_rtt_ms=problem.state_rtt_ms[:, one],
    )
    reach = reachable_p95_ms(alone, state, service)[0]
    limit = (problem.limit_ms if state == 0 else problem.emergency_limit_ms)[service]
    # What keeps the limit and is not admissible all the same is barred by something else.
    barred = (reach <= limit) & ~problem.state_admissible[state, service, origin]
    barred |= ~problem.region_up[state] | kept_out(problem, service, origin)
    return np.where(barred, np.inf, reach)


def kept_out(problem: Problem, service: int, origin: int) -> Bools:
    """Return the regions that residency or the service's own list keeps out.

    Parameters
    ----------
    problem : Problem
        The problem as arrays; of bare arrays only `max_replicas` is known.
    service, origin : int
        Which service and origin.

    Returns
    -------
    ndarray of bool, shape (R,)
        True where the region may never serve the origin, whatever its latency.
    """
    out: Bools = problem.max_replicas[service] == 0
    if problem.scenario is not None:
        axes = problem.axes
        allowed = problem.scenario.origins[axes.origins[origin]].residency
        if (kept := allowed.get(axes.services[service])) is not None:
            out = out | ~np.isin(np.array(axes.regions), kept)
    return out


def _least(problem: Problem, services: Ints, states: Ints, asked: Floats) -> list[NeededLimit]:
    """Pick the order with the least excess over the limits and say what it asks for."""
    normal, worst = asked[0], np.zeros(asked.shape[1:], np.int64)
    emergency = np.full_like(normal, -np.inf)
    if states.size > 1:
        worst = asked[1:].argmax(axis=0) + 1
        emergency = asked[1:].max(axis=0)
    limit, other = problem.limit_ms[services], problem.emergency_limit_ms[services]
    # The emergency limit is never below the normal one.
    emergency = np.where(normal > other[:, None], np.maximum(normal, emergency), emergency)
    over = np.maximum(normal - limit[:, None], 0) + np.maximum(emergency - other[:, None], 0)
    best = int(over.sum(axis=0).argmin())
    if not np.isfinite(over[:, best]).all():
        return []
    found = []
    for i, service in enumerate(services.tolist()):
        if normal[i, best] > limit[i]:
            found.append(NeededLimit(service, 0, float(limit[i]), float(normal[i, best])))
        if states.size > 1 and emergency[i, best] > other[i]:
            state = int(states[worst[i, best]])
            needed = float(emergency[i, best])
            found.append(NeededLimit(service, state, float(other[i]), needed))
    return found

"""Order columns in plain loops: which lists exist, who serves them, what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

from planner.problem.arrays import Problem

SECONDS_PER_MONTH = 730 * 3600


@dataclass(frozen=True)
class Column:
    """An ordered list that an origin's demand at a host may follow.

    Attributes
    ----------
    serves : tuple
        ``serves[k][i]``: region of state ``k`` for the i-th service of the host; None if unserved.
    cost_usd : float
        US dollars a month if all of the origin's demand follows it.
    """

    host: int
    origin: int
    order: tuple[int, ...]
    services: tuple[int, ...]
    serves: tuple[tuple[int | None, ...], ...]
    cost_usd: float


def called_pairs(problem: Problem) -> list[tuple[int, int, tuple[int, ...]]]:
    """Return (host, origin, services of the host that the origin calls)."""
    pairs = []
    for host in range(len(problem.axes.hosts)):
        for origin in range(len(problem.axes.origins)):
            services = tuple(
                s
                for s in range(len(problem.axes.services))
                if problem.host_of_service[s] == host and max(problem.demand_rps[s, origin]) > 0
            )
            if services:
                pairs.append((host, origin, services))
    return pairs


def depth(problem: Problem) -> int:
    """Return the most regions down in a promised state."""
    states = range(len(problem.axes.states))
    return max(int((~problem.region_up[k]).sum()) for k in states if problem.must_survive[k])


def columns_of(problem: Problem, host: int, origin: int, services: tuple[int, ...]) -> list[Column]:
    """Return every column of a host and origin that keeps the promised states."""
    allowed = [
        r
        for r in range(len(problem.axes.regions))
        if any(
            all(problem.state_admissible[k, s, origin, r] for s in services)
            for k in range(len(problem.axes.states))
            if problem.must_survive[k]
        )
    ]
    length = min(depth(problem) + 1, len(allowed))
    found = []
    for order in permutations(allowed, length) if length else ():
        serves = tuple(
            _serving(problem, k, origin, order, services) for k in range(len(problem.axes.states))
        )
        if all(None not in row for row, p in zip(serves, problem.must_survive, strict=True) if p):
            cost = _cost_usd(problem, origin, services, serves)
            found.append(Column(host, origin, order, services, serves, cost))
    return found


def _serving(
    problem: Problem, state: int, origin: int, order: tuple[int, ...], services: tuple[int, ...]
) -> tuple[int | None, ...]:
    """Return the first region of the order that is up, None where it is missing or inadmissible."""
    first = next((r for r in order if problem.region_up[state, r]), None)
    if first is None:
        return (None,) * len(services)
    return tuple(
        first if problem.state_admissible[state, s, origin, first] else None for s in services
    )


def _cost_usd(
    problem: Problem,
    origin: int,
    services: tuple[int, ...],
    serves: tuple[tuple[int | None, ...], ...],
) -> float:
    """Return latency cost in the normal state plus demand lost for want of a region."""
    hours = len(problem.axes.hours)
    total_rps = float(problem.demand_rps.sum()) / hours
    cost = 0.0
    for i, s in enumerate(services):
        rps = float(problem.demand_rps[s, origin].sum()) / hours
        latency_ms = float(problem.latency_ms[s, origin, serves[0][i]])
        cost += problem.usd_per_ms * rps * latency_ms / total_rps
        for k, row in enumerate(serves):
            if row[i] is None:
                cost += lost_usd_per_rps(problem, k) * rps
    return cost


def lost_usd_per_rps(problem: Problem, state: int) -> float:
    """Return what one request per second not served in the state costs, US dollars a month."""
    each = problem.usd_per_lost_request * problem.state_probability[state]
    return float(each) * SECONDS_PER_MONTH

r"""The packing limit at best: what a region's servers hold if somebody packs them perfectly.

Between the guaranteed limit (`planner.problem.packing`), true in any order of arrival, and this one
the order decides: two servers of 10 cores hold pods of 10, 5 and 5 cores in this order, but when
the small ones come first and are spread, the big one stays pending.  With ``x_ti`` pods of service
``t`` on server ``i`` and the pods of all other services given, the most pods of ``s`` are

.. math:: \max \sum_i x_{si} \quad\text{s.t.}\quad \sum_i x_{ti} = P_t \;(t \ne s),\quad
          \sum_t c_t x_{ti} \le C_i,\; \sum_t m_t x_{ti} \le M_i,\; \sum_t x_{ti} \le Q_i,\;
          x_{ti} \in \mathbb N

a vector bin packing.  Equal servers are told apart by nothing, so they are taken in order of
``x_si``; millicores and bytes are divided by their greatest common divisor, which rounds capacities
down to what can be filled and leaves whole numbers that are checked exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp
from scipy.sparse import csr_array

from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.problem.packing import PackingLimits, in_any_order, packing_limits
from planner.problem.vector_packing import alone
from planner.problem.whole_units import pod_sizes, servers_of

NODE_LIMIT = 20_000
"""Branch-and-bound nodes a search; a count, not a time, so that the same input gives the same."""

_INFEASIBLE = 2
_SLACK = 1e-6


@dataclass(frozen=True)
class ReplicaLimits:
    """The most replicas of each service in each region, all other services as planned.

    Attributes
    ----------
    guaranteed : ndarray of int, shape (S, R)
        Any order of arrival places them all.
    at_best : ndarray of int, shape (S, R)
        No packing places more.
    attained : ndarray of bool, shape (S, R)
        Whether a packing with `at_best` was found; False where the search stopped at its limit and
        only knows that there is no better one.
    """

    guaranteed: Ints
    at_best: Ints
    attained: Bools


@dataclass(frozen=True)
class PackingStatement:
    """What the pools hold, stated twice, with every server and with one of each pool lost.

    Attributes
    ----------
    replicas : ndarray of int, shape (S, R)
        As planned.
    whole, server_lost : ReplicaLimits
        With every server; with one server of each pool lost.
    """

    replicas: Ints
    whole: ReplicaLimits
    server_lost: ReplicaLimits


def packing_statement(problem: Problem, replicas: Ints) -> PackingStatement:
    """Return both packing limits of every service that runs, in every region.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    replicas : ndarray of int, shape (S, R)
        Replicas as planned.

    Returns
    -------
    PackingStatement
        Limits in replicas; the pods of every service's rollout find room besides. 0 where the
        service does not run, and where not even the others fit.

    Notes
    -----
    Looks at CPU, memory and the number of pods, as the guaranteed limit does.

    Examples
    --------
    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.build import build_problem
    >>> scenario = read_scenario("taiwan")
    >>> problem = build_problem(scenario, failure_states(scenario))
    >>> whole = packing_statement(problem, problem.min_replicas).whole
    >>> bool((whole.guaranteed <= whole.at_best).all())
    True
    """
    return PackingStatement(
        replicas=replicas,
        whole=_limits(replace(in_any_order(problem), survive_server_loss=False), replicas),
        server_lost=_limits(replace(in_any_order(problem), survive_server_loss=True), replicas),
    )


def most_pods(sizes: Ints, pods: Ints, service: int, servers: Ints) -> tuple[int, bool] | None:
    """Return the most pods of one service that servers hold beside given pods of the others.

    Parameters
    ----------
    sizes : ndarray of int, shape (S, Q)
        What one pod of each service takes of each resource.
    pods : ndarray of int, shape (S,)
        Pods of each service; that of `service` is not read.
    service : int
        Whose pods are counted.
    servers : ndarray of int, shape (I, Q)
        What each server has; equal ones in a row.

    Returns
    -------
    tuple of (int, bool), or None
        The most pods, and whether a packing with so many was found; None where not even the others
        fit.

    Notes
    -----
    Bin packing is hard: a search that reaches `NODE_LIMIT` returns its bound, which may be more
    than any packing holds, also where not even the others fit.

    Examples
    --------
    >>> cores, two = np.array([[5], [10]]), np.array([[10], [10]])
    >>> most_pods(cores, np.array([2, 0]), 1, two)
    (1, True)
    """
    runs = np.flatnonzero((pods > 0) | (np.arange(pods.size) == service))
    counted = int(np.flatnonzero(runs == service)[0])
    size, room = _reduced(sizes[runs], servers)
    if not room.size:
        return None if (np.delete(pods[runs], counted) > 0).any() else (0, True)
    answer = _solve(size, pods[runs], counted, room)
    if answer.status == _INFEASIBLE:
        return None
    bound = _bound(answer, size, pods[runs], counted, room)
    if answer.x is None:
        return bound, False
    placed = np.rint(answer.x).astype(np.int64).reshape(len(runs), -1)
    return bound, bool(placed[counted].sum() == bound and _holds(placed, size, room))


def _limits(problem: Problem, replicas: Ints) -> ReplicaLimits:
    """Return both limits for the servers that the problem counts on."""
    rows, sizes = packing_limits(problem), pod_sizes(problem)
    found = ReplicaLimits(
        np.zeros_like(replicas), np.zeros_like(replicas), np.ones(replicas.shape, np.bool_)
    )
    for region in range(replicas.shape[1]):
        servers = servers_of(problem, region)
        pods = np.where(replicas[:, region] > 0, replicas[:, region] + problem.surge_replicas, 0)
        for service in np.flatnonzero(pods):
            surge = int(problem.surge_replicas[service])
            sure = _guaranteed(rows, region, pods, int(service))
            best = most_pods(sizes, pods, int(service), servers)
            most, attained = (0, True) if best is None else best
            found.guaranteed[service, region] = max(sure - surge, 0)
            found.at_best[service, region] = max(most - surge, 0)
            found.attained[service, region] = attained
    return found


def _guaranteed(limits: PackingLimits, region: int, pods: Ints, service: int) -> int:
    """Return the most pods of a service that keep every row of the guaranteed limit."""
    others = np.where(np.arange(pods.size) == service, 0, pods)
    rows = np.flatnonzero(pods)
    weight, room = limits.weight[region, rows], limits.room[region, rows]
    if not np.isfinite(room).all():
        return 0
    most = np.floor((room - weight @ others + 1e-9) / weight[:, service])
    return int(max(most.min(), 0))


def _reduced(sizes: Ints, servers: Ints) -> tuple[Ints, Ints]:
    """Measure each resource in the greatest common divisor of what pods take of it."""
    unit = np.maximum(np.gcd.reduce(sizes, axis=0), 1)
    return sizes // unit, servers // unit


def _solve(size: Ints, pods: Ints, counted: int, room: Ints) -> OptimizeResult:
    """Search the packing with the most pods of one service; columns are service by server."""
    services, servers = len(size), len(room)
    each, ones = np.eye(services), np.ones((1, servers))
    given = np.delete(pods, counted)
    rows = [
        LinearConstraint(csr_array(np.kron(size.T, np.eye(servers))), ub=room.T.ravel()),
        LinearConstraint(csr_array(np.kron(np.delete(each, counted, 0), ones)), given, given),
        LinearConstraint(csr_array(np.kron(each[[counted]], _falling(room))), lb=0),
    ]
    return milp(
        -np.repeat(each[counted], servers),
        integrality=np.ones(services * servers),
        bounds=Bounds(0, alone(size, room).ravel()),
        constraints=[row for row in rows if row.A.shape[0]],
        options={"node_limit": NODE_LIMIT, "mip_rel_gap": 0.0},
    )


def _bound(answer: OptimizeResult, size: Ints, pods: Ints, counted: int, room: Ints) -> int:
    """Return the search's bound, or that of one large server where it has none or a worse one."""
    others = np.delete(pods, counted) @ np.delete(size, counted, 0)
    taken = size[counted] > 0
    large = int(((room.sum(axis=0) - others)[taken] // size[counted][taken]).min())
    found = answer.mip_dual_bound
    if found is None or not np.isfinite(found):
        return max(large, 0)
    return max(min(large, int(np.floor(-found + _SLACK))), 0)


def _falling(room: Ints) -> Floats:
    """Return rows that let counts only fall along equal servers."""
    servers = len(room)
    equal = np.flatnonzero((room[1:] == room[:-1]).all(axis=1))
    rows = np.zeros((equal.size, servers))
    rows[np.arange(equal.size), equal], rows[np.arange(equal.size), equal + 1] = 1, -1
    return rows


def _holds(placed: Ints, size: Ints, room: Ints) -> bool:
    """Return whether a placement, service by server, keeps every server's room exactly."""
    return bool((placed.T @ size <= room).all())

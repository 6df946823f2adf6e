r"""The packing limits: what fits a region's servers in any order of arrival, or packed at best.

A pod of service ``s`` finds no room only if every server is blocked for it: by CPU (used more than
``C_i − c_s``), by memory (more than ``M_i − m_s``) or by pods (``Q_i``).  With the pods of all
services, those of a rolling update included, ``P_t = n_t + surge_t``, no order of arrival can block
every server as long as

.. math:: \sum_t P_t \Bigl(\tfrac{c_t}{F} + \tfrac{m_t}{G} + \tfrac1Q\Bigr)
          - \Bigl(\tfrac{c_s}{F} + \tfrac{m_s}{G} + \tfrac1Q\Bigr) \le \sum_i w_i,
          \qquad w_i = \min\Bigl(\tfrac{F_i}{F}, \tfrac{G_i}{G}, \tfrac{Q_i}{Q}\Bigr)

with ``F_i = max(C_i − c_s, min_t c_t)``, ``G_i`` likewise for memory (both 0 where the server is
too small for ``s``), and ``F, G, Q`` their maxima over the region's servers: equal servers give
``U_cpu/(C−c) + U_mem/(M−m) + U_pods/P ≤ nodes`` over all other pods.  A server with less room than
the smallest request is blocked by any pod at all, hence the lower limit on ``F_i``.

That is the guaranteed limit.  At best, pods need only be packable: rows that every packing keeps
(`planner.problem.packing_rows`) loosen that to something linear, and `fits` packs what keeps them
(`planner.problem.vector_packing`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.problem.packing_rows import rounding_rows
from planner.problem.vector_packing import alone, packed
from planner.problem.whole_units import pod_sizes, servers_of


@dataclass(frozen=True)
class PackingLimits:
    """Rows of the packing limit by region (axis ``M``): as many as services, or as packing needs.

    Attributes
    ----------
    weight : ndarray, shape (R, M, S)
        ``weight[r, s, t]``: what one pod of ``t`` takes while ``s`` comes last; at best of row
        ``s``.
    room : ndarray, shape (R, M)
        Right side: ``Σ_i w_i`` plus the weight of the last pod itself; -inf where no server of the
        region can hold the service, inf in rows that say nothing.
    worth : ndarray, shape (N, M)
        What one server of each pool adds to the room: ``w_i``; 0 at best.
    by_last : bool
        Whether row ``s`` holds only where service ``s`` runs; at best every row always holds.
    """

    weight: Floats
    room: Floats
    worth: Floats
    by_last: bool = True

    def rows(self, runs: Bools) -> Bools:
        """Return the rows that hold where services run, (..., R, M); `runs` is (..., S, R)."""
        return runs.swapaxes(-1, -2) if self.by_last else np.ones(self.room.shape, np.bool_)

    def used(self, pods: Floats | Ints) -> Floats:
        """Return what pods (..., S, R) take of each row, shape (..., R, M)."""
        taken: Floats = np.einsum("rmt,...tr->...rm", self.weight, pods)
        return taken

    @property
    def own(self) -> Floats:
        """What the last pod itself takes of each row; at best the largest. Shape (R, M)."""
        own: Floats = np.diagonal(self.weight, axis1=1, axis2=2)
        return own if self.by_last else self.weight.max(axis=2)


def in_any_order(problem: Problem) -> Problem:
    """Return the problem with the guaranteed packing limit.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    Problem
        Every plan of it is one of the given problem too.
    """
    return replace(problem, packing="guaranteed", packing_cuts=None)


def packing_limits(problem: Problem) -> PackingLimits:
    """Return the rows of the packing limit that the problem asks for, for every region.

    Parameters
    ----------
    problem : Problem
        The problem as arrays; one server of each pool is taken away where its policy says so.

    Returns
    -------
    PackingLimits
        Weights and room.

    Notes
    -----
    The guaranteed limit is sufficient, not necessary: a scheduler that packs well holds more.  At
    best the rows are necessary, not sufficient: `fits` asks more.  Only CPU, memory and the number
    of pods are looked at; affinities, taints and disks are not.

    Examples
    --------
    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.build import build_problem
    >>> scenario = read_scenario("taiwan")
    >>> problem = build_problem(scenario, failure_states(scenario))
    >>> limits = packing_limits(problem)
    >>> fits(problem, limits, problem.min_replicas)
    array([ True,  True,  True,  True])
    >>> fits(problem, limits, 100 * problem.min_replicas)
    array([False, False, False, False])
    """
    if problem.packing == "at_best":
        return _rows_at_best(problem)
    services, regions = len(problem.axes.services), len(problem.axes.regions)
    weight = np.zeros((regions, services, services))
    room = np.full((regions, services), -np.inf)
    worth = np.zeros((problem.pools.region.size, services))
    servers = problem.pools.servers - (1 if problem.survive_server_loss else 0)
    for region in range(regions):
        mine = (problem.pools.region == region) & (servers > 0)
        for last in range(services):
            if mine.any():
                row, each = _row(problem, mine, last)
                weight[region, last], worth[mine, last] = row, each
                if each.any():
                    room[region, last] = each @ servers[mine] + row[last]
    return PackingLimits(weight, room, worth)


def _rows_at_best(problem: Problem) -> PackingLimits:
    """Return rows that every packing keeps, those that a search has found among them."""
    regions, sizes = range(len(problem.axes.regions)), pod_sizes(problem)
    each = [rounding_rows(sizes, servers_of(problem, region)) for region in regions]
    for cut in problem.packing_cuts or ():
        weight, room = each[cut.region]
        each[cut.region] = np.vstack([weight, cut.weight]), np.append(room, cut.room)
    most = max(1, *(len(room) for _, room in each))
    limits = PackingLimits(
        np.zeros((len(regions), most, len(sizes))),
        np.full((len(regions), most), np.inf),
        np.zeros((problem.pools.region.size, most)),
        by_last=False,
    )
    for region, (weight, room) in enumerate(each):
        # Parts of the room: bytes in millions of millions are no numbers for a solver.
        limits.weight[region, : len(room)] = weight / np.maximum(room, 1)[:, None]
        limits.room[region, : len(room)] = room > 0
    return limits


def _row(problem: Problem, mine: Bools, last: int) -> tuple[Floats, Floats]:
    """Return weights and each pool's worth in one region with `last` coming last."""
    pools, cpu, memory = problem.pools, problem.cpu_cores, problem.memory_gib
    free_cpu = _free(pools.cpu_cores[mine], cpu, last)
    free_memory = _free(pools.memory_gib[mine], memory, last)
    pods = pools.pods[mine]
    if not ((free_cpu > 0) & (free_memory > 0) & (pods > 0)).any():
        return np.zeros(cpu.size), np.zeros(pods.size)
    weight = cpu / free_cpu.max() + memory / free_memory.max() + 1 / pods.max()
    each = np.minimum(free_cpu / free_cpu.max(), free_memory / free_memory.max())
    return weight, np.minimum(each, pods / pods.max())


def _free(capacity: Floats, request: Floats, last: int) -> Floats:
    """Return how much may be used on each server before the last pod no longer fits."""
    free = np.maximum(capacity - request[last], request.min())
    return np.where(capacity < request[last], 0.0, free)


def fits(problem: Problem, limits: PackingLimits, replicas: Ints) -> Bools:
    """Return whether the replicas fit each region as the problem asks, surge included.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    limits : PackingLimits
        Its packing limits.
    replicas : ndarray of int, shape (S, R)
        Replicas.

    Returns
    -------
    ndarray of bool, shape (R,)
        True where every pod finds room whatever the order, or at best where a packing was found.

    Notes
    -----
    With the guaranteed limit, False does not mean that the pods cannot be placed, only that some
    order of arrival may strand one; see `packing_limits` for an example.  At best it is False also
    where the search for a packing stopped at its limit.  A problem with `packing_cuts` is asked
    for its rows alone.
    """
    ok = keeps_rows(problem, limits, replicas)
    if problem.packing == "at_best" and problem.packing_cuts is None:
        sizes = pod_sizes(problem)
        pods = replicas + problem.surge_replicas[:, None] * (replicas > 0)
        for region in np.flatnonzero(ok):
            servers = servers_of(problem, int(region))
            ok[region] = packed(sizes, pods[:, region], servers).can is True
    return ok


def keeps_rows(problem: Problem, limits: PackingLimits, replicas: Floats | Ints) -> Bools:
    """Return whether the replicas keep each region's rows of the packing limit, surge included.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    limits : PackingLimits
        Its packing limits.
    replicas : ndarray, shape (S, R)
        Replicas, possibly fractional.

    Returns
    -------
    ndarray of bool, shape (R,)
        With the guaranteed limit what `fits` says; at best it may be True where nobody can pack.

    Notes
    -----
    See `packing_limits` for an example.
    """
    runs = replicas > 0
    pods = replicas + problem.surge_replicas[:, None] * runs
    within = limits.used(pods) <= limits.room + 1e-9
    kept: Bools = np.all(within | ~limits.rows(runs), axis=1)
    return kept


def replica_bounds(problem: Problem, limits: PackingLimits) -> Ints:
    r"""Return the most replicas of each service that a region could hold alone.

    .. math:: \Bigl\lfloor \frac{\text{room}_{rs}}{w_{rss}} \Bigr\rfloor - \text{surge}_s

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    limits : PackingLimits
        Its packing limits.

    Returns
    -------
    ndarray of int, shape (S, R)
        At most `max_replicas`; 0 where not even `min_replicas` fit.

    Notes
    -----
    A bound on each service by itself: all of them together fit only if `fits` says so.
    """
    pods = _alone(limits) if limits.by_last else _alone_at_best(problem)
    bound = np.clip(pods - problem.surge_replicas[:, None], 0, problem.max_replicas)
    return np.where(bound >= problem.min_replicas, bound, 0)


def _alone(limits: PackingLimits) -> Ints:
    """Return the most pods of each service alone by the row of its own, shape (S, R)."""
    own = limits.own
    with np.errstate(divide="ignore", invalid="ignore"):
        pods = np.where(np.isfinite(limits.room) & (own > 0), limits.room / own, 0.0)
    most: Ints = np.floor(np.minimum(pods, 1e15) + 1e-9).T.astype(np.int64)
    return most


def _alone_at_best(problem: Problem) -> Ints:
    """Return the most pods of each service alone, server by server, shape (S, R)."""
    sizes, regions = pod_sizes(problem), range(len(problem.axes.regions))
    each = [alone(sizes, servers_of(problem, region)).sum(axis=1) for region in regions]
    return np.stack(each, axis=1)


def largest_replicas(problem: Problem, limits: PackingLimits, replicas: Ints) -> Ints:
    """Return replicas that the pools still hold with all services at these maxima together.

    Every service grows by the same factor as far as the pools allow, then one replica at a time
    in the order of the services; never below `replicas`, never above `max_replicas`.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    limits : PackingLimits
        Its packing limits.
    replicas : ndarray of int, shape (S, R)
        Replicas that fit.

    Returns
    -------
    ndarray of int, shape (S, R)
        Maxima; 0 where the service does not run.

    Notes
    -----
    Replicas that do not fit come back unchanged, and the last few places go to the services named
    first.
    """
    largest = np.array(replicas)
    for region in range(replicas.shape[1]):
        low, high = 1.0, 1e6
        while high / low > 1 + 1e-6:
            middle = np.sqrt(low * high)
            trial = np.minimum((replicas * middle).astype(np.int64), problem.max_replicas)
            low, high = (middle, high) if fits(problem, limits, trial)[region] else (low, middle)
        grown = np.minimum(
            (replicas[:, region] * low).astype(np.int64), problem.max_replicas[:, region]
        )
        largest[:, region] = np.maximum(grown, replicas[:, region])
        _fill(problem, limits, largest, region)
    return largest


def _fill(problem: Problem, limits: PackingLimits, largest: Ints, region: int) -> None:
    """Add single replicas in the order of the services while they fit."""
    grew = True
    while grew:
        grew = False
        for service in np.flatnonzero(largest[:, region] > 0):
            if largest[service, region] >= problem.max_replicas[service, region]:
                continue
            largest[service, region] += 1
            if fits(problem, limits, largest)[region]:
                grew = True
            else:
                largest[service, region] -= 1

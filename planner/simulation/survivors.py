"""Replicas that still run where some of a region's servers are lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.problem.arrays import Ints, Problem
from planner.problem.packing import PackingLimits, fits, packing_limits


def surviving_replicas(problem: Problem, replicas: Ints) -> Ints:
    r"""Return the replicas that the servers left in each state hold.

    .. math:: n'_{sr} = \lfloor \varphi_{kr} n_{sr} \rfloor, \quad
        \varphi_{kr} = \max \{\varphi \le 1 : \text{the pods fit the servers left}\}

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    replicas : ndarray of int, shape (K, S, R)
        What is asked to run in each state.

    Returns
    -------
    ndarray of int, shape (K, S, R)
        The same where a region has all its servers.

    Notes
    -----
    By the packing limit that plans are made with, without a rollout's surge and with no further
    server lost: the guaranteed one is true in any order of arrival, so a scheduler that packs well
    may hold more; at best, one that does not may hold fewer.  All services of a region shrink
    alike: priorities and preemption are not modelled.

    Examples
    --------
    Without conditions nothing is lost.

    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.build import build_problem
    >>> scenario = read_scenario("taiwan")
    >>> problem = replace(build_problem(scenario, failure_states(scenario)), conditions=None)
    >>> every = np.repeat(problem.min_replicas[None], len(problem.axes.states), axis=0)
    >>> bool((surviving_replicas(problem, every) == every).all())
    True
    """
    share = None if problem.conditions is None else problem.conditions.server_share
    if share is None or (share >= 1).all():
        return replicas
    left = np.floor(share * problem.pools.servers + 1e-9).astype(np.int64)
    out = replicas.copy()
    for region in range(replicas.shape[2]):
        mine = problem.pools.region == region
        hit = np.flatnonzero((share[:, mine] < 1).any(axis=1))
        if hit.size:
            asked = np.concatenate([left[hit][:, mine], replicas[hit, :, region]], axis=1)
            kinds, kind = np.unique(asked, axis=0, return_inverse=True)
            kept = np.array([_kept(problem, region, row) for row in kinds])
            out[hit, :, region] = kept[kind.ravel()]
    return out


def _kept(problem: Problem, region: int, asked: Ints) -> Ints:
    """Return what fits one region; `asked` is servers left by pool, then replicas by service."""
    mine = problem.pools.region == region
    servers, replicas = np.zeros_like(problem.pools.servers), asked[mine.sum() :]
    servers[mine] = asked[: mine.sum()]
    small = replace(
        problem,
        pools=replace(problem.pools, servers=servers),
        survive_server_loss=False,
        surge_replicas=np.zeros_like(problem.surge_replicas),
    )
    return _largest(small, packing_limits(small), region, replicas)


def _largest(problem: Problem, limits: PackingLimits, region: int, replicas: Ints) -> Ints:
    """Find the largest common factor by halving the list of those at which a replica goes."""
    steps = [np.arange(1, n + 1) / n for n in replicas.tolist() if n > 0]
    factors = np.unique(np.concatenate([np.zeros(1), *steps]))
    low, high = 0, factors.size
    trial = np.zeros((replicas.size, len(problem.axes.regions)), dtype=np.int64)
    while high - low > 1:
        middle = (low + high) // 2
        trial[:, region] = np.floor(factors[middle] * replicas + 1e-9)
        low, high = (middle, high) if fits(problem, limits, trial)[region] else (low, middle)
    kept: Ints = np.floor(factors[low] * replicas + 1e-9).astype(np.int64)
    return kept

"""Servers and pods in whole numbers: millicores, bytes and pods, as Kubernetes counts them."""

from __future__ import annotations

import numpy as np

from planner.problem.arrays import Ints, Problem

_PER_CORE, _PER_GIB = 1000, 2**30
_SLACK = 1e-6


def servers_of(problem: Problem, region: int) -> Ints:
    """Return what each server of a region has, one of each pool lost where the policy says so.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    region : int
        Region.

    Returns
    -------
    ndarray of int, shape (I, 3)
        Millicores, bytes and pods; rounded down. Servers of a pool stand in a row.
    """
    pools = problem.pools
    mine = np.flatnonzero(pools.region == region)
    left = np.maximum(pools.servers[mine] - (1 if problem.survive_server_loss else 0), 0)
    table = np.column_stack(
        (
            pools.cpu_cores[mine] * _PER_CORE,
            pools.memory_gib[mine] * _PER_GIB,
            pools.pods[mine],
        )
    )
    return np.repeat(np.floor(table + _SLACK).astype(np.int64), left, axis=0)


def pod_sizes(problem: Problem) -> Ints:
    """Return what a pod of each service takes.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    ndarray of int, shape (S, 3)
        Millicores, bytes and one pod; rounded up, as Kubernetes does.
    """
    table = np.column_stack((problem.cpu_cores * _PER_CORE, problem.memory_gib * _PER_GIB))
    whole = np.ceil(table - _SLACK).astype(np.int64)
    return np.column_stack((whole, np.ones(len(whole), np.int64)))

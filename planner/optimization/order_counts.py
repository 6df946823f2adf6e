"""Who may serve the origins of each host name, in how many orders, and whether these fit."""

from __future__ import annotations

import numpy as np

from planner.errors import TooManyOrders
from planner.problem.arrays import Bools, Floats, Problem

_MOST_ENTRIES = 200_000_000
"""Columns times states that are held at most: 400 MB."""


def host_calls(problem: Problem) -> Bools:
    """Return which origins call which host names.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    ndarray of bool, shape (G, O)
        True where any service of the host has demand in some hour.
    """
    called = np.zeros((len(problem.axes.hosts), len(problem.axes.origins)), bool)
    np.logical_or.at(called, problem.host_of_service, problem.demand_rps.max(axis=2) > 0)
    return called


def host_admissible(problem: Problem) -> Bools:
    """Return which regions may serve an origin all services of a host name that it calls.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    ndarray of bool, shape (K, G, O, R)
        In each state.
    """
    hosts = len(problem.axes.hosts)
    k, _, o, r = problem.state_admissible.shape
    valid = np.ones((k, hosts, o, r), bool)
    calls = problem.demand_rps.max(axis=2) > 0
    for service, host in enumerate(problem.host_of_service):
        silent = ~calls[service][:, None]
        valid[:, host] &= problem.state_admissible[:, service] | silent
    return valid


def order_counts(problem: Problem, length: int) -> Floats:
    """Return how many orders of regions the origins of each host name have.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    length : int
        Regions of an order.

    Returns
    -------
    ndarray, shape (G,)
        At most: orders that some promised state does not allow are counted in.
    """
    allowed = host_admissible(problem)[problem.must_survive].any(axis=0).sum(axis=2)
    each = host_calls(problem).astype(float)
    for place in range(length):
        each *= np.maximum(allowed - place, 1)
    count: Floats = each.sum(axis=1)
    return count


def promised_depth(problem: Problem) -> int:
    """Return the largest number of regions down in a promised state.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    int
        0 where only the normal state is promised.
    """
    down = (~problem.region_up).sum(axis=1)
    return int(down[problem.must_survive].max(initial=0))


def can_list(problem: Problem) -> bool:
    """Return whether all orders of a problem fit, with who serves them in each state.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    bool
        True where they do.
    """
    states, regions = problem.region_up.shape
    length = promised_depth(problem) + 1
    pairs = len(problem.axes.hosts) * len(problem.axes.origins)
    anywhere = np.maximum(regions - np.arange(length), 1).prod(dtype=float)
    if pairs * anywhere * states <= _MOST_ENTRIES:
        return True  # Whatever is admissible: that takes longer to look at.
    return bool(order_counts(problem, length).sum() * states <= _MOST_ENTRIES)


def refuse_many(problem: Problem) -> None:
    """Raise where the orders of a problem do not fit.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Raises
    ------
    TooManyOrders
        If who serves them in each state would not fit.
    """
    if not can_list(problem):
        count = order_counts(problem, promised_depth(problem) + 1).sum()
        raise TooManyOrders(
            f"{count:,.0f} orders of regions in {problem.region_up.shape[0]:,} failure states are "
            "too many to list; allow fewer regions (allowed_regions, p95_ms), promise to survive "
            "less, or leave origins split and dns.rules at any: `planner optimize` needs no list "
            "then"
        )

"""What the services behind a host name allow together: an origin follows one order for all."""

from __future__ import annotations

import numpy as np

from planner.problem.arrays import Bools, Problem


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

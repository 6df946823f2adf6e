r"""How much of each uplink a choice of orders or rules takes, and what is too much.

.. math:: u_{krh} = \sum_s \text{load}_{ksrh} \frac{g_s}{U_r}, \qquad
          \text{excess} = \sum_r \max_{k,h} \max(0, u_{krh} - 1)

with :math:`g_s` the Gbit/s of one request per second and :math:`U_r` the uplink.  Searches that
make plans without a solver pay for the excess, so that it goes away where that is possible at all.
"""

from __future__ import annotations

import numpy as np

from planner.problem.arrays import Floats, Ints, Problem
from planner.units import gbps_from_payload


def uplink_part(problem: Problem) -> Floats:
    """Return the part of an uplink that one request per second takes.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    ndarray, shape (S, R)
        0 where all requests together do not fill the uplink.

    Examples
    --------
    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.build import build_problem
    >>> scenario = read_scenario("taiwan")
    >>> problem = build_problem(scenario, failure_states(scenario))
    >>> (uplink_part(problem) > 0).all(axis=0).tolist()
    [True, True, True, True]
    """
    part = gbps_from_payload(1.0, 1.0) * problem.payload_kib[:, None] / problem.uplink_gbps
    most = (problem.demand_rps.sum(axis=1).T @ part).max(axis=0)
    kept: Floats = np.where(most > 1.0, part, 0.0)
    return kept


def uplink_use(part: Floats, load: Floats) -> Floats:
    """Return how much of each uplink loads take.

    Parameters
    ----------
    part : ndarray, shape (S, R)
        Part of the uplink that one request per second takes.
    load : ndarray, shape (K, S, R, H)
        Loads, requests per second.

    Returns
    -------
    ndarray, shape (K, R, H)
        1 is all of an uplink.
    """
    used: Floats = np.einsum("ksrh,sr->krh", load, part)
    return used


def excess_with_each(part: Floats, load: Floats, more: Floats, mine: Ints, serve: Ints) -> Floats:
    """Return the excess of all uplinks where the demand of each of some orders is added.

    Parameters
    ----------
    part : ndarray, shape (S, R)
        Part of the uplink that one request per second takes.
    load : ndarray, shape (K, S, R, H)
        Loads without it, requests per second.
    more : ndarray, shape (N, H)
        What is added of some of the services, requests per second.
    mine : ndarray of int, shape (N,)
        Which services.
    serve : ndarray of int, shape (K, M)
        Region that serves each order in each state.

    Returns
    -------
    ndarray, shape (M,)
        Sums over regions of their largest excess, in uplinks.

    Examples
    --------
    >>> load, more = np.full((1, 1, 2, 1), 8.0), np.full((1, 1), 3.0)
    >>> serve = np.array([[0, 1]])
    >>> excess_with_each(np.array([[0.1, 0.05]]), load, more, np.array([0]), serve).round(
    ...     6
    ... ).tolist()
    [0.1, 0.0]
    """
    used = uplink_use(part, load)
    most = np.repeat(used.max(axis=(0, 2))[None], serve.shape[1], axis=0)
    state, member = np.indices(serve.shape)
    added = (part[mine].T @ more)[serve]
    np.maximum.at(most, (member, serve), (used[state, serve] + added).max(axis=2))
    excess: Floats = np.maximum(most - 1.0, 0.0).sum(axis=1)
    return excess

r"""Origins that may use the same regions as one: only where their demand goes first differs.

What follows an order loads its regions alike whosever it is.  So origins of a class ``q``, which
may use the same regions and whose demand has the same profile over the services and hours of each
host name, need only one share ``λ`` of each order, beside the first regions ``x`` of each origin:

.. math:: \sum_r x_{or} = 1, \quad \sum_{o \in q} \frac{D_o}{D_q}\, x_{or}
          = \sum_{c \in q:\, \text{first}(c) = r} \lambda_c ,

because what an order costs depends on its first region, and beyond it on nothing but what nobody
serves.  With ``A`` regions an origin and ``D`` places that is ``A`` columns for each origin and
``A!/(A−D)!`` for each class, instead of so many for each origin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.problem.arrays import Floats, Ints, Problem

_DIGITS = 12
"""Profiles of demand that agree to so many digits are the same."""

_DECADES = 3.0
"""Demand of a class differs by so many powers of ten at most: the solver's tolerance would swallow
an origin that is a billionth of its class."""


@dataclass(frozen=True)
class MergedOrigins:
    """Classes of origins, and the problem in which each is one origin.

    Attributes
    ----------
    each : Problem
        The problem with all origins.
    problem : Problem
        The problem of the classes; latency has no price there.
    of : ndarray of int, shape (O,)
        Class of each origin.
    part : ndarray, shape (G, O)
        Part of its class's demand at each host name.
    """

    each: Problem
    problem: Problem
    of: Ints
    part: Floats


def merged_origins(problem: Problem) -> MergedOrigins:
    """Merge origins with the same admissible regions and the same profiles of demand.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    MergedOrigins
        Where no two origins are alike each is a class: so it is mostly where the hour matters.

    Examples
    --------
    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.build import build_problem
    >>> scenario = read_scenario("taiwan")
    >>> merged = merged_origins(build_problem(scenario, failure_states(scenario)))
    >>> len(merged.problem.axes.origins) <= len(merged.each.axes.origins)
    True
    """
    total = np.zeros((len(problem.axes.hosts), len(problem.axes.origins)))
    np.add.at(total, problem.host_of_service, problem.demand_rps.sum(axis=2))
    _, first, of = np.unique(_key(problem, total), axis=0, return_index=True, return_inverse=True)
    of = of.reshape(-1)
    whole = total @ (of[:, None] == np.arange(first.size))
    part = total / np.maximum(whole[:, of], 1e-300)
    return MergedOrigins(problem, _classes(problem, first, of), of, part)


def _key(problem: Problem, total: Floats) -> Ints:
    """Return what origins of a class have in common, as bytes: one row an origin."""
    origins = total.shape[1]
    profile = problem.demand_rps / np.maximum(total[problem.host_of_service], 1e-300)[:, :, None]
    profile = np.moveaxis(np.round(profile, _DIGITS), 1, 0).reshape(origins, -1)
    size = np.floor(np.log10(np.where(total > 0, total, 1.0)) / _DECADES).T
    numbers = np.ascontiguousarray(np.concatenate([profile, size], axis=1))
    admissible = np.moveaxis(problem.state_admissible, 2, 0).reshape(origins, -1)
    calls = np.moveaxis(problem.demand_rps > 0, 1, 0).reshape(origins, -1)
    flags = np.packbits(np.concatenate([admissible, calls], axis=1), axis=1)
    return np.concatenate([flags, numbers.view(np.uint8)], axis=1)


def _classes(problem: Problem, first: Ints, of: Ints) -> Problem:
    """Return the problem of the classes: each is its first origin with the demand of all."""
    member = (of == np.arange(first.size)[:, None]).astype(float)
    network = problem.network
    return replace(
        problem,
        axes=replace(problem.axes, origins=tuple(problem.axes.origins[o] for o in first)),
        demand_rps=np.einsum("qo,soh->sqh", member, problem.demand_rps),
        rtt_ms=problem.rtt_ms[first],
        state_rtt_ms=problem.state_rtt_ms[:, first],
        latency_ms=problem.latency_ms[:, first],
        admissible=problem.admissible[:, first],
        state_admissible=problem.state_admissible[:, :, first],
        usd_per_ms=0.0,
        network=replace(
            network,
            point_rtt_ms=network.point_rtt_ms[first],
            point_share=network.point_share[first],
        ),
        conditions=None,
        scenario=None,
    )

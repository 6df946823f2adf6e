r"""Origins that may use the same regions as one: only where their demand goes first differs.

What follows an order loads its regions alike whosever it is.  So origins of a class ``T``, which
may use the same regions and whose demand has the same profile over the services and hours of each
host name, need only one share ``λ`` of each order, beside the first regions ``x`` of each origin:

.. math:: \sum_r x_{or} = 1, \quad \sum_{o \in T} \frac{D_o}{D_T}\, x_{or}
          = \sum_{c \in T:\, \text{first}(c) = r} \lambda_c ,

because what an order costs depends on its first region, and beyond it on nothing but what nobody
serves.  With ``A`` regions an origin and ``D`` places that is ``A`` columns for each origin and
``A!/(A−D)!`` for each class, instead of so many for each origin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem

_DIGITS = 12
"""Profiles of demand that agree to so many digits are the same."""


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
        One class an origin where no two are alike: over many hours hardly any are.
    """
    by_host = _by_host(problem)
    total = np.einsum("gs,soh->go", by_host, problem.demand_rps)
    behind = np.maximum(total[problem.host_of_service], 1e-300)
    profile = np.round(problem.demand_rps / behind[:, :, None], _DIGITS)
    origins = total.shape[1]
    admissible = np.moveaxis(problem.state_admissible, 2, 0).reshape(origins, -1)
    demand = np.ascontiguousarray(np.moveaxis(profile, 1, 0).reshape(origins, -1))
    key = np.concatenate([np.packbits(admissible, axis=1), demand.view(np.uint8)], axis=1)
    _, first, of = np.unique(key, axis=0, return_index=True, return_inverse=True)
    of = of.reshape(-1)
    whole = total @ (of[:, None] == np.arange(first.size))
    part = total / np.maximum(whole[:, of], 1e-300)
    return MergedOrigins(problem, _classes(problem, first, of), of, part)


def _by_host(problem: Problem) -> Bools:
    """Return which services stand behind each host name, shape (G, S)."""
    hosts = np.arange(len(problem.axes.hosts))
    by_host: Bools = problem.host_of_service == hosts[:, None]
    return by_host


def _classes(problem: Problem, first: Ints, of: Ints) -> Problem:
    """Return the problem of the classes: each is its first origin with the demand of all."""
    member = (of == np.arange(first.size)[:, None]).astype(float)
    demand = np.einsum("to,soh->sth", member, problem.demand_rps)
    network = problem.network
    return replace(
        problem,
        axes=replace(problem.axes, origins=tuple(problem.axes.origins[o] for o in first)),
        demand_rps=demand,
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

"""What order columns put on each region in each failure state, and where that is too much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.columns import OrderColumns, lost_usd_per_rps
from planner.optimization.master import capacity_rps, fixed_and_replica_usd
from planner.problem.arrays import Floats, Ints, Problem
from planner.units import gbps_from_payload

TOLERANCE = 1e-7
"""Relative overload that counts as none: the solver's own feasibility tolerance."""


@dataclass(frozen=True)
class Verdict:
    """A choice of replicas and shares, judged by the builder itself.

    Attributes
    ----------
    load_rps : ndarray, shape (K, S, R, H)
        Load of every region.
    overload : ndarray, shape (K, S, R, H)
        Relative excess over capacity, in units of the capacity of one replica.
    uplink_overload : ndarray, shape (K, R, H)
        Relative excess over the uplink.
    objective : float
        US dollars a month, overload in unpromised states included.
    """

    load_rps: Floats
    overload: Floats
    uplink_overload: Floats
    objective: float

    def broken(self, problem: Problem) -> bool:
        """Return whether a promised state is overloaded.

        Parameters
        ----------
        problem : Problem
            The problem that was judged.

        Returns
        -------
        bool
            True where some excess is more than ten times `TOLERANCE`.
        """
        promised = problem.must_survive
        worst = max(
            self.overload[promised].max(initial=0.0),
            self.uplink_overload[promised].max(initial=0.0),
        )
        return bool(worst > TOLERANCE * 10)


def loads_rps(problem: Problem, columns: OrderColumns, share: Floats) -> Floats:
    r"""Return the load of every region in every state.

    .. math:: L_{ksrh} = \sum_{c:\, \text{serve}(k, c) = r} \text{share}_c\, D_{s\,o(c)\,h}

    over the columns of the service's host whose region may serve it in the state.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    columns : OrderColumns
        Its order columns.
    share : ndarray, shape (C,)
        Part of the demand of its host and origin on each column.

    Returns
    -------
    ndarray, shape (K, S, R, H)
        Requests per second.

    Notes
    -----
    What finds no admissible region is nowhere in it: a state that is not promised may look idle.
    """
    states, regions = problem.region_up.shape
    services, _, hours = problem.demand_rps.shape
    load = np.zeros((states, services, regions, hours))
    used = np.flatnonzero(share > 0)
    all_regions, all_states = np.arange(regions)[None, :, None], np.arange(states)[:, None]
    for service, host in enumerate(problem.host_of_service):
        mine = used[columns.host[used] == host]
        origin, serve = columns.origin[mine], columns.serve[:, mine]
        rps = problem.demand_rps[service, origin] * share[mine, None]
        served = problem.state_admissible[all_states, service, origin, serve] & (serve >= 0)
        # One product for all states: far cheaper than scattered additions.
        lands = (serve[:, None, :] == all_regions) & served[:, None, :]
        load[:, service] = lands.astype(float) @ rps
    return load


def judge(
    problem: Problem, columns: OrderColumns, replicas: Ints | Floats, share: Floats
) -> Verdict:
    """Evaluate replicas and shares exactly, in every state and hour.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    columns : OrderColumns
        Its order columns.
    replicas : ndarray, shape (S, R)
        Replicas, fractional in a relaxation.
    share : ndarray, shape (C,)
        Part of the demand on each column.

    Returns
    -------
    Verdict
        Loads, overloads and the true objective.

    Notes
    -----
    What exceeds an uplink in a state that is not promised is not priced, only told.
    """
    load = loads_rps(problem, columns, share)
    capacity = capacity_rps(problem, replicas)[..., None]
    one = np.maximum(capacity_rps(problem, np.ones(replicas.shape)), 1e-300)[..., None]
    excess = np.maximum(load - capacity, 0.0)
    gbps = np.einsum("s,ksrh->krh", gbps_from_payload(1.0, 1.0) * problem.payload_kib, load)
    over = np.maximum(gbps / problem.uplink_gbps[None, :, None] - 1, 0.0)
    lost = lost_usd_per_rps(problem) * ~problem.must_survive
    lost_usd = float(lost @ excess.sum(axis=(1, 2)).mean(axis=1))
    fixed, running = fixed_and_replica_usd(problem, replicas)
    steering = float(columns.cost_usd_month @ share)
    return Verdict(load, excess / one, over, fixed + running + steering + lost_usd)


def needed_replicas(problem: Problem, load: Floats) -> Ints:
    r"""Return the fewest replicas that carry the loads in every promised state.

    .. math:: n_{sr} = \max\Bigl(\text{min}_{sr},
              \Bigl\lceil \max_{k,h} \frac{L_{ksrh}}{\mu_{sr}\,\text{ceiling}_k} \Bigr\rceil\Bigr)

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    load : ndarray, shape (K, S, R, H)
        Load of every region, requests per second.

    Returns
    -------
    ndarray of int, shape (S, R)
        Replicas; 0 where nothing arrives and the service is not pinned.

    Notes
    -----
    Neither `max_replicas` nor the pools are looked at: the result may not fit.

    Examples
    --------
    650 requests per second for the first service in the first region, 100 a replica at a ceiling of
    0.6:

    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.build import build_problem
    >>> scenario = read_scenario("taiwan")
    >>> problem = build_problem(scenario, failure_states(scenario))
    >>> load = np.zeros((13, 3, 4, 24))
    >>> load[0, 0, 0] = 650.0
    >>> needed_replicas(problem, load)
    array([[11, 0, 0, 0],
           [ 0, 0, 0, 0],
           [ 0, 0, 0, 0]])
    """
    promised = problem.must_survive
    one = capacity_rps(problem, np.ones_like(problem.min_replicas))[promised]
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(one > 0, load[promised].max(axis=3) / one, 0.0)
    count = np.ceil(each.max(axis=0) - TOLERANCE)
    runs = (count > 0) | problem.pinned
    needed: Ints = np.where(runs, np.maximum(count, problem.min_replicas), 0).astype(np.int64)
    return needed

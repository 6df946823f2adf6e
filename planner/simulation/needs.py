"""How many replicas a state needs, and how many without it: what sizes a region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Floats, Ints, Problem

ROUNDING = 1e-6
"""Part of a replica by which a load may exceed a whole number of them: solvers' rounding."""

NEARLY = 0.01


@dataclass(frozen=True)
class Need:
    """Where a state is tightest.

    Attributes
    ----------
    state, service, region, hour : int
        Indices of the state, service, region and hour in which least is left.
    replicas : int
        Replicas that the state needs there.
    without : int
        Replicas that the normal state needs there at the same hour.
    used_share : float
        Load over what the planned replicas may carry at the state's ceiling.
    """

    state: int
    service: int
    region: int
    hour: int
    replicas: int
    without: int
    used_share: float


def replicas_needed(problem: Problem, load_rps: Floats, ceiling_share: float) -> Ints:
    r"""Return the fewest replicas whose ceiling a load does not exceed.

    .. math:: n_{srh} = \lceil L_{srh} / (\mu_{sr} \, \text{ceiling}) \rceil

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    load_rps : ndarray, shape (S, R, H)
        Requests per second that arrive.
    ceiling_share : float
        Highest utilisation.

    Returns
    -------
    ndarray of int, shape (S, R, H)
        Replicas.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> problem = SimpleNamespace(rps_per_replica=np.full((1, 2), 100.0))
    >>> replicas_needed(problem, np.array([[[160.0], [161.0]]]), 0.8).ravel().tolist()
    [2, 3]
    """
    replicas = load_rps / (problem.rps_per_replica[:, :, None] * ceiling_share)
    needed: Ints = np.ceil(replicas - ROUNDING).astype(np.int64)
    return needed


def state_needs(problem: Problem, load_rps: Floats, replicas: Ints) -> Ints:
    """Return the replicas that each promised state needs in each hour.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    load_rps : ndarray, shape (K, S, R, H)
        Requests per second that arrive at each region.
    replicas : ndarray of int, shape (S, R)
        Replicas as planned.

    Returns
    -------
    ndarray of int, shape (K, S, R, H)
        The fewest whose ceiling the loads do not exceed; a region that runs a service keeps its
        minimum. 0 where the region is down, and in states that are not promised.
    """
    needed = np.stack(
        [
            replicas_needed(problem, rps, float(problem.ceiling_share[k]))
            for k, rps in enumerate(load_rps)
        ]
    )
    least = np.where(replicas > 0, problem.min_replicas, 0)
    needed = np.maximum(needed, least[None, :, :, None]) * problem.region_up[:, None, :, None]
    needed[~problem.must_survive] = 0
    return needed


def normal_needs(problem: Problem, load_rps: Floats, replicas: Ints) -> Ints:
    """Return the replicas that each hour needs with everything up.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    load_rps : ndarray, shape (S, R, H)
        Requests per second that arrive at each region in the normal state.
    replicas : ndarray of int, shape (S, R)
        Replicas as planned.

    Returns
    -------
    ndarray of int, shape (S, R, H)
        The fewest whose ceiling the loads do not exceed, at least 1 where the service runs; the
        service's minimum is a reserve and not in it.
    """
    needed = replicas_needed(problem, load_rps, float(problem.ceiling_share[0]))
    return np.maximum(needed, (replicas > 0)[:, :, None])


def sizing_need(problem: Problem, load_rps: Floats, replicas: Ints) -> Need:
    """Return the promised state, service, region and hour that size the plan most.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    load_rps : ndarray, shape (K, S, R, H)
        Requests per second that arrive at each region.
    replicas : ndarray of int, shape (S, R)
        Replicas as planned.

    Returns
    -------
    Need
        Of all within 1 % of the fullest, the one that needs most replicas beyond those of the
        normal state; the first of several equal ones.

    Notes
    -----
    Full is the ratio of the load to what the replicas may carry at the state's ceiling; a region
    without replicas that is asked for any is fuller than all others.
    """
    states = np.flatnonzero(problem.must_survive)
    load, ceiling = load_rps[states], problem.ceiling_share[states]
    room = problem.rps_per_replica * replicas * ceiling[:, None, None]
    used = np.divide(
        load, room[..., None], out=np.full_like(load, np.inf), where=room[..., None] > 0
    )
    used = np.where(load > 0, used, 0.0)
    needed = np.stack(
        [replicas_needed(problem, rps, float(c)) for rps, c in zip(load, ceiling, strict=True)]
    )
    extra = np.where(used >= (1 - NEARLY) * used.max(), needed - needed[0], -1)
    k, service, region, hour = (int(i) for i in np.unravel_index(extra.argmax(), extra.shape))
    return Need(
        state=int(states[k]),
        service=service,
        region=region,
        hour=hour,
        replicas=int(needed[k, service, region, hour]),
        without=int(needed[0, service, region, hour]),
        used_share=float(used[k, service, region, hour]),
    )


def need_sentence(problem: Problem, need: Need) -> str:
    """Say what a state needs where, and what without it.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    need : Need
        From `sizing_need`.

    Returns
    -------
    str
        Such as "18 replicas of api in tokyo because taipei down at 21:00 UTC; without it 13".
    """
    axes = problem.axes
    what = f"{need.replicas} replicas of {axes.services[need.service]}"
    place = f"in {axes.regions[need.region]}"
    when = f"at {axes.hours[need.hour]:02d}:00 UTC"
    if need.state == 0:
        return f"{what} {place} {when} with everything up"
    return f"{what} {place} because {axes.states[need.state]} {when}; without it {need.without}"

"""Calls to home regions over the tunnels between regions: what each link carries and drops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.problem.conditions import Tunnels
from planner.simulation.shedding import accepted
from planner.units import gbps_from_payload


@dataclass(frozen=True)
class LinkLoads:
    """What the tunnels are asked to carry.

    Attributes
    ----------
    links : tuple of str
        Names along ``L``.
    load_gbps : ndarray, shape (K, L, H)
        Both directions together, Gbit/s.
    capacity_gbps : ndarray, shape (K, L)
        What each carries, Gbit/s; inf where the scenario says nothing, 0 where it is down.
    """

    links: tuple[str, ...]
    load_gbps: Floats
    capacity_gbps: Floats

    @property
    def overload_gbps(self) -> Floats:
        """What exceeds the capacity, Gbit/s, shape (K, L, H)."""
        over: Floats = np.maximum(self.load_gbps - self.capacity_gbps[:, :, None], 0.0)
        return over

    @property
    def headroom_factor(self) -> Floats:
        """Factor on its traffic at which each link is full, shape (K, L, H); inf without any."""
        capacity = np.broadcast_to(self.capacity_gbps[:, :, None], self.load_gbps.shape)
        none = np.full(self.load_gbps.shape, np.inf)
        factor: Floats = np.divide(capacity, self.load_gbps, out=none, where=self.load_gbps > 0)
        return factor


def to_home_ms(problem: Problem, states: Ints) -> Floats:
    """Return the round trip from each region to the home region of each service.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    states : ndarray of int, shape (K',)
        Which states.

    Returns
    -------
    ndarray, shape (K', S, R)
        Milliseconds; inf where no path leads there, 0 where there is no home region.
    """
    home = problem.home_region[states]
    if problem.state_region_rtt_ms is None:
        way = problem.network.region_rtt_ms.T[home]
    else:
        # The two lists of indices come first: (K', S, R), regions last.
        way = problem.state_region_rtt_ms[states[:, None], :, home]
    return np.where(home[:, :, None] >= 0, way, 0.0)


def homeless_share(problem: Problem, states: Ints) -> Floats:
    """Return the share of calls that need a home region while none is left or can be reached.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    states : ndarray of int, shape (K',)
        Which states.

    Returns
    -------
    ndarray, shape (K', S, R)
        Share of all calls, by the region that serves them.
    """
    parted = ~np.isfinite(to_home_ms(problem, states))
    gone = parted | (problem.home_region[states] < 0)[:, :, None]
    share: Floats = np.where(gone, problem.home_share[:, None], 0.0)
    return share


def home_calls(
    problem: Problem, tunnels: Tunnels, states: Ints, carried_rps: Floats
) -> tuple[Floats, Floats]:
    """Send home calls over the tunnels.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    tunnels : Tunnels
        Its overlay.
    states : ndarray of int, shape (K',)
        Which states.
    carried_rps : ndarray, shape (K', S, R, H)
        Requests per second that each region takes.

    Returns
    -------
    load_gbps : ndarray, shape (K', L, H)
        What each link is asked to carry, both directions together.
    kept : ndarray, shape (K', S, R, H)
        Part of a region's home calls that gets through.

    Notes
    -----
    A call carries the service's payload once.  What a link cannot carry is lost on all calls over
    it alike; of several links that are too full the fullest decides.
    """
    calling = (problem.home_share > 0)[None, :, None] & np.isfinite(to_home_ms(problem, states))
    home = problem.home_region[states][:, :, None]
    away = calling & (home >= 0) & (home != np.arange(carried_rps.shape[2]))
    state, service, region = np.nonzero(away & (carried_rps > 0).any(axis=3))
    gbps = gbps_from_payload(1.0, 1.0) * problem.payload_kib * problem.home_share
    traffic = gbps[service][:, None] * carried_rps[state, service, region]
    end = problem.home_region[states[state], service]
    steps = _steps(tunnels, states[state], region, end)
    load = np.zeros((states.size, len(tunnels.links), carried_rps.shape[3]))
    for row, link in steps:
        np.add.at(load, (state[row], link), traffic[row])
    most = np.broadcast_to(tunnels.capacity_gbps[states][:, :, None], load.shape)
    through = accepted(load, most)
    part = np.ones_like(traffic)
    for row, link in steps:
        part[row] = np.minimum(part[row], through[state[row], link])
    kept = np.ones_like(carried_rps)
    kept[state, service, region] = part
    return load, kept


def path_loss_share(tunnels: Tunnels, state: Ints, start: Ints, end: Ints) -> Floats:
    r"""Return the share of packets that the tunnels from region to region lose.

    .. math:: 1 - \prod_{l \in \text{path}} (1 - p_l)

    Parameters
    ----------
    tunnels : Tunnels
        The overlay.
    state, start, end : ndarray of int, shape (F,)
        State, first and last region of each row; -1 for no last one.

    Returns
    -------
    ndarray, shape (F,)
        Share; 0 where no path is walked.
    """
    passed = np.ones(state.size)
    for row, link in _steps(tunnels, state, start, np.where(end < 0, start, end)):
        passed[row] *= 1 - tunnels.loss_share[state[row], link]
    return 1 - passed


def _steps(tunnels: Tunnels, state: Ints, start: Ints, end: Ints) -> list[tuple[Ints, Ints]]:
    """Walk all pairs together: for each step the rows still on their way and their next links."""
    steps, at = [], start.copy()
    row, chosen = np.arange(state.size), tunnels.next_link
    for _ in range(tunnels.rtt_ms.shape[1] - 1):
        going: Bools = at[row] != end[row]
        row = row[going]
        link, chosen = chosen[state[row], at[row], end[row]], tunnels.way_link
        row, link = row[link >= 0], link[link >= 0]
        if not row.size:
            break
        steps.append((row, link))
        at[row] = tunnels.ends[link].sum(axis=1) - at[row]
    return steps

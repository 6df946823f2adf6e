"""The course of a failure: what happens when, whatever the load."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem, Solution
from planner.problem.recovery import Recovery
from planner.simulation.drain import expected_share, linger
from planner.simulation.hour.cohorts import EVENT, NORMAL

EVICTION_S = 350.0
"""Kubernetes' defaults: a node that does not report is not ready after 50 s (40 before 1.32), and
its pods are replaced after 300 s more."""


@dataclass(frozen=True, eq=False)
class Clock:
    """The times that are looked at: from the loss on, and again from the return on.

    Attributes
    ----------
    seconds : ndarray, shape (T,)
        Beginning of each step, seconds since the loss.
    step_s : ndarray, shape (T,)
        Its length.
    phase : ndarray of int, shape (T,)
        `EVENT` or `NORMAL`.
    duration_s : float
        Seconds from the loss to the return.
    gap_s : float
        Seconds before the return that are not looked at.
    """

    seconds: Floats
    step_s: Floats
    phase: Ints
    duration_s: float
    gap_s: float

    @property
    def middle_s(self) -> Floats:
        """Middle of each step, seconds since the loss, shape (T,)."""
        return self.seconds + self.step_s / 2

    @property
    def first_back(self) -> int:
        """Index of the first step after the return."""
        return int(np.searchsorted(self.phase, NORMAL))


def clock(duration_s: float, horizon_s: float, step_s: float) -> Clock:
    """Return the times that are looked at.

    Parameters
    ----------
    duration_s : float
        Seconds from the loss to the return, above 0.
    horizon_s : float
        Seconds looked at after the loss, and after the return, above 0.
    step_s : float
        Seconds between two looks, above 0.

    Returns
    -------
    Clock
        Two stretches; they join where the event is no longer than the horizon.

    Raises
    ------
    ValueError
        If a time is not above 0 and finite.

    Examples
    --------
    >>> found = clock(duration_s=100.0, horizon_s=2.0, step_s=1.0)
    >>> found.seconds.tolist(), found.gap_s
    ([0.0, 1.0, 100.0, 101.0], 98.0)
    """
    for name, value in (
        ("duration_s", duration_s),
        ("horizon_s", horizon_s),
        ("step_s", step_s),
    ):
        if not 0 < value < np.inf:
            raise ValueError(f"`{name}` must be above 0 and finite, not {value}")
    shown_s = min(duration_s, horizon_s)
    first = np.arange(0.0, shown_s, step_s)
    second = duration_s + np.arange(0.0, horizon_s, step_s)
    length = np.full(first.size + second.size, step_s)
    length[first.size - 1] = shown_s - first[-1]
    return Clock(
        seconds=np.concatenate([first, second]),
        step_s=length,
        phase=np.repeat([EVENT, NORMAL], [first.size, second.size]),
        duration_s=duration_s,
        gap_s=max(duration_s - horizon_s, 0.0),
    )


@dataclass(frozen=True, eq=False)
class Course:
    """What happens when; seconds since the loss, inf for never.

    Attributes
    ----------
    lost : ndarray of bool, shape (R,)
        Regions that the event takes away.
    server_share : ndarray, shape (R,)
        Part of each region's servers that is left, by CPU.
    control_lost : bool
        Whether the control plane is lost.
    control_s : float
        When it runs and has joined the clusters; 0 where it is not lost.
    divided_s : float
        When replicas are divided anew; inf where the event ends before.
    returns : bool
        Whether users go back to the returning region: its replicas must be there.
    restored_s : float
        When replicas are divided as before.
    """

    lost: Bools
    server_share: Floats
    control_lost: bool
    control_s: float
    divided_s: float
    returns: bool
    restored_s: float


def course(problem: Problem, recovery: Recovery, state: int, duration_s: float) -> Course:
    """Return what happens when.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    recovery : Recovery
        How long everything takes.
    state : int
        The failure state.
    duration_s : float
        Seconds until it is over.

    Returns
    -------
    Course
        Times of control plane and replicas.

    Notes
    -----
    The controller acts only while its control plane runs: with the host lost, after the standby has
    taken over and joined the clusters again, and never without a standby that is up.  It then
    notices a lost cluster like any other, so its whole delay follows.
    """
    control = recovery.control
    up = problem.region_up[state]
    lost = problem.region_up[0] & ~up
    conditions = problem.conditions
    runs = bool(up[control.host]) and (conditions is None or bool(conditions.control_up[state]))
    standby = control.standby >= 0 and bool(up[control.standby])
    taken_over_s = control.takeover_s + control.rejoin_s if standby else np.inf
    control_s = 0.0 if runs else taken_over_s
    divided_s = control_s + control.redivision_s if lost.any() else np.inf
    moved = divided_s < duration_s
    stays_away = moved and not np.isfinite(control.restored_s)
    return Course(
        lost=lost,
        server_share=_server_share(problem, state),
        control_lost=not runs,
        control_s=control_s,
        divided_s=divided_s if moved else np.inf,
        returns=not stays_away,
        restored_s=duration_s + control.ready_s + control.restored_s if moved else duration_s,
    )


def _server_share(problem: Problem, state: int) -> Floats:
    """Return the part of each region's CPUs that is left, shape (R,)."""
    conditions, pools = problem.conditions, problem.pools
    regions = len(problem.axes.regions)
    if conditions is None or conditions.server_share is None:
        return np.ones(regions)
    cpu = pools.servers * pools.cpu_cores
    whole = np.bincount(pools.region, cpu, regions)
    left = np.bincount(pools.region, cpu * conditions.server_share[state], regions)
    share: Floats = np.divide(left, whole, out=np.ones(regions), where=whole > 0)
    return share


def old_share(time: Clock, way: Course, recovery: Recovery) -> Floats:
    """Return the share of requests that follow the old answer of DNS.

    Parameters
    ----------
    time : Clock
        Times.
    way : Course
        What happens when.
    recovery : Recovery
        Health checks, DNS and connections.

    Returns
    -------
    ndarray, shape (T, S)
        Of those whose region is lost: all at first, few in the end, and all again after the return,
        once connections to the region that is drained have ended.
    """
    until = time.duration_s if way.returns else np.inf
    share = expected_share(time.middle_s, recovery.steering, until)
    out = np.repeat(share[:, None], recovery.startup_s.size, axis=1)
    back = time.first_back
    if way.returns:
        for life in np.unique(recovery.connection_lifetime_s):
            kept = 1 - linger(1 - share[back:], time.step_s[back:], float(life))
            out[back:, recovery.connection_lifetime_s == life] = kept[:, None]
    return out


def home_serves(time: Clock, problem: Problem, recovery: Recovery, state: int) -> Bools:
    """Return whether a home region serves each service.

    Parameters
    ----------
    time : Clock
        Times.
    problem : Problem
        The problem as arrays.
    recovery : Recovery
        How long a promotion takes.
    state : int
        The failure state.

    Returns
    -------
    ndarray of bool, shape (T, S)
        False from the loss of a home region until the next is promoted; True again at its return.
    """
    normal, now = problem.home_region[0], problem.home_region[state]
    needed = problem.home_share > 0
    promoted = (now >= 0) & (time.middle_s[:, None] >= recovery.promotion_s)
    meanwhile = np.where(normal == now, now >= 0, promoted)
    serves = np.where(time.phase[:, None] == NORMAL, normal >= 0, meanwhile)
    out: Bools = serves | ~needed
    return out


@dataclass(frozen=True, eq=False)
class Running:
    """Replicas that are ready, and those of them whose caches are cold.

    Attributes
    ----------
    ready, cold : ndarray, shape (T, S, R)
        Replicas; fractions are expected values.
    """

    ready: Floats
    cold: Floats


def running(
    time: Clock, way: Course, recovery: Recovery, solution: Solution, after: Ints
) -> Running:
    """Return the replicas that run at each time.

    Parameters
    ----------
    time : Clock
        Times.
    way : Course
        What happens when.
    recovery : Recovery
        How long everything takes.
    solution : Solution
        Replicas planned.
    after : ndarray of int, shape (S, R)
        Replicas as the controller leaves them in the failure state.

    Returns
    -------
    Running
        Replicas by service and region.

    Notes
    -----
    A returning region has its replicas at once and cold.  KubeFed then deletes and creates a part
    of them anew (`Control.recreated_share`, as an expected value), if it had divided them.  Karmada
    leaves them where they went.  With servers lost, the same part of a region's replicas is gone
    until Kubernetes has replaced those that fit.
    """
    t, planned = time.middle_s[:, None, None], solution.replicas.astype(float)
    startup, warm = recovery.startup_s[:, None], recovery.warm_s[:, None]
    grow, shrink = np.maximum(after - planned, 0), np.maximum(planned - after, 0)
    started = way.divided_s + startup
    ready = planned + grow * (t >= started) - shrink * (t >= way.divided_s)
    cold = grow * ((t >= started) & (t < started + warm))
    ready, cold = _with_servers_lost(ready, cold, t, way, recovery, planned, after)
    ready, cold = np.where(way.lost, 0.0, ready), np.where(way.lost, 0.0, cold)
    if way.returns:
        ready, cold = _restored(ready, cold, time, way, recovery, planned)
    return Running(ready, cold)


def _with_servers_lost(
    ready: Floats,
    cold: Floats,
    t: Floats,
    way: Course,
    recovery: Recovery,
    planned: Floats,
    after: Ints,
) -> tuple[Floats, Floats]:
    """Take replicas of lost servers away until Kubernetes has replaced them."""
    few = (way.server_share < 1) & ~way.lost
    if not few.any():
        return ready, cold
    startup, warm = recovery.startup_s[:, None], recovery.warm_s[:, None]
    kept = np.minimum(np.floor(planned * way.server_share + 1e-9), after)
    replaced = EVICTION_S + startup
    new = (after - kept) * (t >= replaced)
    young = new * (t < replaced + warm)
    return np.where(few, kept + new, ready), np.where(few, young, cold)


def _restored(
    ready: Floats,
    cold: Floats,
    time: Clock,
    way: Course,
    recovery: Recovery,
    planned: Floats,
) -> tuple[Floats, Floats]:
    """Bring the returning region and the original division back."""
    t, back = time.middle_s[:, None, None], time.duration_s
    startup, warm = recovery.startup_s[:, None], recovery.warm_s[:, None]
    control, moved = recovery.control, np.isfinite(way.divided_s)
    late = np.where(planned > ready, startup, 0.0) + way.restored_s
    survivors = np.where((t >= back) & (t >= late), planned, ready)
    share = control.recreated_share if moved else 0.0
    gone, born = back + control.ready_s, back + control.ready_s + control.gap_s + startup
    absent = share * ((t >= gone) & (t < born))
    young = (1 - share) * (t < back + warm) + share * np.where(t < gone, t < back + warm, 0)
    young = young + share * ((t >= born) & (t < born + warm))
    is_back = way.lost & (t >= back)
    returned = np.where(is_back, planned * (1 - absent), survivors)
    return returned, np.where(is_back, planned * young, np.minimum(cold, returned))

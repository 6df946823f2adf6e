"""The hour after: what is served, slow and failed, second by second, after a loss and a return.

Requests are fluid: per second, cohort by cohort.  What is followed is which answer of DNS they
have, which replicas run, what exceeds these, and what is sent again.
"""

from __future__ import annotations

import numpy as np

from planner.problem.arrays import Bools, Floats, Ints, Problem, Solution
from planner.problem.recovery import Recovery
from planner.simulation.chronicle import Timeline, Totals, recovery_second
from planner.simulation.hour.attempts import Passage, Scene
from planner.simulation.hour.cohorts import EVENT, NORMAL
from planner.simulation.hour.course import Clock, clock
from planner.simulation.hour.daytime import busiest_second
from planner.simulation.hour.happenings import happenings
from planner.simulation.hour.lateness import Lateness, lateness
from planner.simulation.hour.outcome import Outcome, outcome
from planner.simulation.hour.overload import overloads, stuck
from planner.simulation.hour.passage import passage
from planner.simulation.hour.stage import (
    Stage,
    as_it_goes,
    as_settled,
    cohort_rps,
    gap_clock,
    stage,
    times_of_day,
)
from planner.simulation.transients import by_origin, failing, unsettled

_RECOVERED = {
    False: "recovered: no more fails than in the steady state",
    True: "steady: what fails from here on fails as long as it lasts",
}

RECOVERED_SHARE = 1e-3
"""Failed share above the state's own at which it counts as recovered."""


def timeline(
    problem: Problem,
    solution: Solution,
    recovery: Recovery,
    *,
    state: int,
    duration_s: float,
    replicas_after: Ints | None = None,
    start_s: float | None = None,
    horizon_s: float = 3600.0,
    step_s: float = 1.0,
) -> Timeline:
    r"""Return what happens after a failure, second by second.

    .. math::
       \text{failed}_o(t) = \sum_{s,c} D_{so}(t)\,\lambda_c\,\bigl[S(t)\,f_{\text{old}(c)}(t)
       + (1 - S(t))\,f_{\text{new}(c)}(t)\bigr]

    with the share S of requests that follow the old answer of DNS, and the part f of what arrives
    at a region that is lost there, after retries.

    Parameters
    ----------
    problem : Problem
        The problem as arrays; state 0 is the normal one.
    solution : Solution
        Replicas, shares and orders.
    recovery : Recovery
        How long everything takes.
    state : int
        The failure state.
    duration_s : float
        Seconds until the event is over.
    replicas_after : ndarray of int, shape (S, R), or None
        Replicas as the controller leaves them in the state; None for those planned.
    start_s : float or None
        Second of the day at which it begins, UTC; None for the busiest hour.
    horizon_s : float
        Seconds that are looked at after the loss, and again after the return.
    step_s : float
        Length of a step.

    Returns
    -------
    Timeline
        In each step, served + slow + failed = demand.

    Raises
    ------
    ValueError
        If the state is not a failure state of the problem, or a time is not above 0.

    Notes
    -----
    Between two horizons, long events lose what their steady state loses, and what is still due
    then: in steps of 300 s, without retries, and for a day at most.  A region that is lost fails
    what is sent to it; regions that stay answer health checks however overloaded they are, as DNS
    that looks at a health page sees them.  A loss of paths, packets or servers moves nobody.  Calls
    to a home region fail until the next one is promoted.  The autoscaler is bounded by
    `max_replicas`, not by the servers.

    Examples
    --------
    Everybody in Taipei, Singapore as backup: with Taipei down, all fail until DNS has moved.

    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.build import build_problem
    >>> from planner.problem.recovery import recovery
    >>> scenario = read_scenario("taiwan")
    >>> problem = build_problem(scenario, failure_states(scenario))
    >>> host, origin = (index.ravel() for index in np.indices((2, 47)))
    >>> solution = Solution(
    ...     replicas=problem.max_replicas,
    ...     host=host,
    ...     origin=origin,
    ...     order=np.tile([0, 1], (94, 1)),
    ...     share=np.ones(94),
    ...     routing=None,
    ...     objective=0.0,
    ...     bound=0.0,
    ...     status="limit",
    ...     solver="by hand",
    ...     seed=0,
    ...     seconds=0.0,
    ... )
    >>> found = timeline(
    ...     problem,
    ...     solution,
    ...     recovery(scenario),
    ...     state=problem.axes.states.index("taipei down"),
    ...     duration_s=600.0,
    ... )
    >>> share = found.table["failed_rps"] / found.table["offered_rps"]
    >>> share.loc[[0.0, 20.0]].round(3).tolist()
    [1.0, 1.0]
    >>> [text for second, text in found.events if second == 32]
    ['name servers give the next region of each order']
    """
    start = busiest_second(problem) if start_s is None else start_s
    act = stage(
        problem,
        solution,
        recovery,
        state=state,
        after=replicas_after,
        duration_s=duration_s,
        start_s=start,
    )
    time = clock(duration_s, horizon_s, step_s)
    at = times_of_day(problem, time, np.array([start]))
    scene = as_it_goes(act, time, cohort_rps(act, time, at))
    found = passage(scene)
    late = _late(act, found)
    gone = outcome(act, scene, found, at, late)
    settled = as_settled(act, time, scene.first_rps)
    calm = passage(settled)
    steady = outcome(act, settled, calm, at, None)
    last = time.first_back - 1
    excess = failing(scene, found)[last] - failing(settled, calm)[last]
    gap = _gap(act, scene, start, late, unsettled(act, scene, found, excess, np.array([start])))
    return _told(act, start, scene, found, gone, steady, gap)


def _late(act: Stage, found: Passage) -> tuple[Lateness, Lateness]:
    """Tabulate who is late in the event and with everything up."""
    running = np.where(found.replicas > 0, found.replicas, np.inf).min(axis=(0, 1))
    fewest = np.where(np.isfinite(running), running, 1.0)
    most = np.maximum(found.replicas.max(axis=(0, 1)), fewest)
    used = _used(act)
    return (
        lateness(act.problem, act.state, fewest, most, used[EVENT]),
        lateness(act.problem, 0, fewest, most, used[NORMAL]),
    )


def _used(act: Stage) -> Bools:
    """Return which regions are asked by which origins, by phase, shape (2, S, O, R)."""
    way = act.way
    used = np.zeros((2, *act.problem.latency_ms.shape), dtype=bool)
    service, region = way.service[way.row_cohort], np.append(way.cell_region, 0)
    for cells in (way.before, way.after, way.next_before, way.next_after):
        for phase in (EVENT, NORMAL):
            cell = cells[phase, way.row_cohort]
            known = cell < way.cell_region.size
            place = (service[known], way.row_origin[known], region[cell[known]])
            used[(phase, *place)] = True
    return used


def _gap(
    act: Stage, scene: Scene, start_s: float, late: tuple[Lateness, Lateness], more: Floats
) -> Totals:
    """Return the requests of the time that is not looked at; `more` [C, H] seconds fail besides."""
    shape = act.demand.shape[1:3]
    if scene.time.gap_s <= 0:
        return Totals(*(np.zeros(shape) for _ in range(4)))
    time = gap_clock(scene.time)
    at = times_of_day(act.problem, time, np.array([start_s]))
    settled = as_settled(act, time, cohort_rps(act, time, at))
    gone = outcome(act, settled, passage(settled), at, late)
    stays = by_origin(act, np.stack([more, np.zeros_like(more)]))
    failed = np.minimum(gone.failed[EVENT] + stays, gone.offered[EVENT])
    slow = np.minimum(gone.slow[EVENT], gone.offered[EVENT] - failed)
    return Totals(gone.offered[EVENT], slow, failed, gone.failed[EVENT])


def _told(
    act: Stage,
    start_s: float,
    scene: Scene,
    found: Passage,
    gone: Outcome,
    steady: Outcome,
    gap: Totals,
) -> Timeline:
    """Put the timeline together."""
    time = scene.time
    excess = gone.failed_rps.sum(axis=1) - steady.failed_rps.sum(axis=1)
    within = excess <= RECOVERED_SHARE * np.maximum(gone.offered_rps.sum(axis=1), 1e-300)
    told = [*happenings(act, time.duration_s), *overloads(scene, found, act.problem.axes)]
    recovered = recovery_second(time, within)
    if 0 < recovered < np.inf:
        told.append((recovered, _RECOVERED[_stays(time, steady, recovered)]))
    full, taken = found.full_rps[:, 0], found.taken_rps[:, 0]
    event, after = (
        Totals(gone.offered[p], gone.slow[p], gone.failed[p], steady.failed[p])
        for p in (EVENT, NORMAL)
    )
    return Timeline(
        axes=act.problem.axes,
        start_s=start_s,
        duration_s=time.duration_s,
        seconds=time.seconds,
        step_s=time.step_s,
        offered_rps=gone.offered_rps,
        served_rps=gone.offered_rps - gone.slow_rps - gone.failed_rps,
        slow_rps=gone.slow_rps,
        failed_rps=gone.failed_rps,
        service_offered_rps=gone.service_offered_rps,
        service_slow_rps=gone.service_slow_rps,
        service_failed_rps=gone.service_failed_rps,
        steady_failed_rps=steady.failed_rps.sum(axis=1),
        replicas=found.replicas[:, 0].copy(),
        utilisation_share=np.divide(taken, full, out=np.zeros_like(taken), where=full > 0),
        event=event,
        gap=gap,
        after=after,
        recovery_s=recovered,
        metastable=bool(stuck(scene, found).any()),
        events=tuple(sorted(told, key=lambda one: one[0])),
    )


def _stays(time: Clock, steady: Outcome, recovered_s: float) -> bool:
    """Return whether the event's own steady state loses requests, too, at its recovery."""
    steps = (time.phase == EVENT) & (time.seconds >= recovered_s)
    lost, asked = (rps[steps].sum() for rps in (steady.failed_rps, steady.offered_rps))
    return bool(lost >= RECOVERED_SHARE * max(float(asked), 1e-300))

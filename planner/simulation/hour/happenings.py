"""The events of a timeline, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planner.problem.arrays import Ints
from planner.problem.recovery import Recovery
from planner.simulation.hour.course import EVICTION_S
from planner.simulation.hour.stage import Stage

Happening = tuple[float, str]
"""Seconds since the loss, and what happens then."""


def happenings(act: Stage, duration_s: float) -> tuple[Happening, ...]:
    """Return what happens whatever the load, in order of time.

    Parameters
    ----------
    act : Stage
        The event.
    duration_s : float
        How long it lasts, seconds.

    Returns
    -------
    tuple of (float, str)
        Seconds since the loss, and a sentence.

    Examples
    --------
    See `planner.simulation.timeline.timeline`.
    """
    names = _names(act, act.run.lost)
    told = [(0.0, _beginning(act, names)), (duration_s, _ending(names))]
    for part in (_dns, _control, _replicas, _homes, _servers, _return):
        told += part(act, duration_s)
    return tuple(sorted(((float(s), text) for s, text in told), key=lambda told: told[0]))


def _names(act: Stage, chosen: object) -> str:
    """Return regions in words."""
    picked = [r for r, up in zip(act.problem.axes.regions, np.asarray(chosen), strict=True) if up]
    return " and ".join([", ".join(picked[:-1]), picked[-1]] if len(picked) > 1 else picked)


def _beginning(act: Stage, names: str) -> str:
    """Say how it begins."""
    state = act.problem.axes.states[act.state]
    if not names:
        return f"{state}: no region is lost, so health checks pass and DNS moves nobody"
    return f"{state}: {names} lost; requests that go there fail"


def _ending(names: str) -> str:
    """Say how it ends."""
    return f"{names} back" if names else "over: everything is as before"


def _dns(act: Stage, duration_s: float) -> Iterator[Happening]:
    """Tell of health checks and DNS."""
    steering, lost = act.recovery.steering, act.run.lost
    if not lost.any():
        return
    names, seen = _names(act, lost), steering.detection_s
    if seen >= duration_s:
        yield duration_s, "over before the checks have failed often enough: DNS moves few or nobody"
        return
    out = seen + steering.publication_s
    yield seen, f"{steering.check_failures} checks of {names} in a row have failed (on average)"
    yield out, "name servers give the next region of each order"
    if steering.ttl_s > 0:
        yield (
            out + steering.ttl_s,
            f"the TTL of {steering.ttl_s:g} s is over; {100 * steering.violation_share:.1f} % of "
            f"requests still follow the old answer, for {steering.violation_s:g} s on average",
        )
    if act.run.returns:
        back = duration_s + steering.return_detection_s
        yield back, f"{steering.check_successes} checks of {names} in a row are good (on average)"
        yield (
            back + steering.publication_s,
            f"name servers give {names} again; open connections stay where they are until they end",
        )


def _control(act: Stage, duration_s: float) -> Iterator[Happening]:
    """Tell of the control plane."""
    run, control = act.run, act.recovery.control
    if not run.control_lost:
        return
    host = act.problem.axes.regions[control.host]
    yield 0.0, f"the control plane in {host} is lost: pods run on, and nothing is divided anew"
    if not np.isfinite(run.control_s):
        yield 0.0, "no standby can take it over"
    elif run.control_s < duration_s:
        standby = act.problem.axes.regions[control.standby]
        yield control.takeover_s, f"{standby} has taken the control plane over"
        yield run.control_s, f"the control plane in {standby} has joined the clusters again"
    else:
        yield duration_s, f"the control plane in {host} runs again before it was taken over"


def _replicas(act: Stage, duration_s: float) -> Iterator[Happening]:
    """Tell of replicas divided anew."""
    run, control = act.run, act.recovery.control
    if not run.lost.any():
        return
    if not np.isfinite(run.divided_s):
        never = not np.isfinite(control.redivision_s)
        why = "as it is installed" if never else "before the event is over"
        yield duration_s, f"{control.controller} has not divided the replicas anew {why}"
        return
    more = int(_more(act).sum())
    yield run.divided_s, f"{control.controller} divides the replicas anew: {more} more elsewhere"
    if more:
        some = _more(act).any(axis=1)
        ready = run.divided_s + float(act.recovery.startup_s[some].max())
        if ready < duration_s:
            yield ready, f"these {more} replicas are ready"


def _more(act: Stage) -> Ints:
    """Return replicas that the controller adds in regions that are up, shape (S, R)."""
    more: Ints = np.maximum(act.after - act.solution.replicas, 0) * ~act.run.lost
    return more


def _homes(act: Stage, duration_s: float) -> Iterator[Happening]:
    """Tell of storage that is lost and promoted."""
    problem, recovery = act.problem, act.recovery
    for s, name in enumerate(problem.axes.services):
        normal, now = int(problem.home_region[0, s]), int(problem.home_region[act.state, s])
        if problem.home_share[s] <= 0 or normal == now or normal < 0 or act.run.lost.all():
            continue
        share, home = f"{100 * problem.home_share[s]:.0f} %", problem.axes.regions[normal]
        yield 0.0, f"{share} of the calls of {name} need storage in {home} and fail"
        if now >= 0 and recovery.promotion_s[s] < duration_s:
            yield (
                float(recovery.promotion_s[s]),
                f"storage of {name} in {problem.axes.regions[now]} is promoted",
            )
        yield duration_s, f"storage of {name} is in {home} again (the switch back loses nothing)"


def _servers(act: Stage, duration_s: float) -> Iterator[Happening]:
    """Tell of servers lost and their pods replaced."""
    few = (act.run.server_share < 1) & ~act.run.lost
    if not few.any():
        return
    names = _names(act, few)
    yield 0.0, f"servers of {names} are lost, and the replicas on them"
    replaced = EVICTION_S + float(act.recovery.startup_s.max())
    if replaced < duration_s:
        yield replaced, f"Kubernetes has replaced those that fit on the servers left in {names}"


def _return(act: Stage, duration_s: float) -> Iterator[Happening]:
    """Tell of the return and what it costs."""
    run, recovery = act.run, act.recovery
    control = recovery.control
    if not run.lost.any():
        return
    names, moved = _names(act, run.lost), np.isfinite(run.divided_s)
    own = int(act.solution.replicas[:, run.lost].sum())
    if not moved:
        yield duration_s, f"the {own} replicas of {names} run again{_cold(recovery)}"
        return
    ready = duration_s + control.ready_s
    if run.returns:
        anew = control.recreated_share * own
        yield (
            ready,
            f"kubefed deletes and creates anew about {anew:.0f} of the {own} replicas of {names}: "
            f"gone for {control.gap_s:g} s and their start-up{_cold(recovery)}",
        )
        yield run.restored_s, "replicas are divided as before"
        return
    yield (
        ready,
        f"karmada leaves {int(_more(act).sum())} replicas where they went; {names} stays empty and "
        "DNS does not go back until a WorkloadRebalancer has run",
    )
    yield (
        ready + control.double_s,
        f"until now up to {own} old replicas of {names} have run beside those that replaced them",
    )


def _cold(recovery: Recovery) -> str:
    """Say whether caches are cold."""
    warm = float(recovery.warm_s.max())
    return f", with cold caches for {warm:g} s" if warm > 0 else ""

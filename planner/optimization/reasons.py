"""Witnesses and excuses as sentences that a design meeting understands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from planner.optimization.excuse import Excuse
from planner.optimization.resolved import Interval, from_to
from planner.optimization.witness import StateHour, Witness
from planner.problem.arrays import Problem

_CENT = 0.01

_UNPROVEN = " (a limit came before all of it was found)"


def witness_reason(problem: Problem, found: Witness) -> str:
    """Say why a count is what it is.

    Parameters
    ----------
    problem : Problem
        The problem.
    found : Witness
        What one replica fewer violates.

    Returns
    -------
    str
        Such as "needed by 'tokyo down' at 12:00 UTC. Without that 13".
    """
    parts = []
    if "minimum" in found.kinds:
        parts.append(_minimum(problem, found))
    if "load" in found.kinds and found.dearer is None:
        parts.append(f"needed by {_loads(problem, found)}")
    if "packing" in found.kinds:
        parts.append("no other region has room for one more")
    if found.dearer is not None:
        parts.append(_dearer(problem, found))
    text = ", and ".join(parts)
    # A least count that is not proven may be far too low: better none than that.
    return text + (_without(problem, found) if found.proven else _UNPROVEN)


def _minimum(problem: Problem, found: Witness) -> str:
    """Say which rule forbids fewer."""
    if found.replicas == 1:
        return "it must run here (pinned_regions)"
    return f"no fewer may run (min_replicas {problem.min_replicas[found.service, found.region]})"


def _loads(problem: Problem, found: Witness) -> str:
    """Name the states and hours that need the count, those of one state together."""
    texts = []
    for state in found.states:
        own = [one for one in found.sets if {k for k, _ in one} == {state}]
        alone = sorted(problem.axes.hours[one[0][1]] for one in own if len(one) == 1)
        hours = [written_hours(alone)] if alone else []
        hours += [_hours_with(problem, one) for one in own if len(one) > 1]
        if hours:
            texts.append(f"'{problem.axes.states[state]}' at {', '.join(hours)}")
    for one in found.sets:
        states = dict.fromkeys(k for k, _ in one)
        if len(states) > 1:
            own = [tuple(at for at in one if at[0] == state) for state in states]
            members = [
                f"'{problem.axes.states[part[0][0]]}' at {_hours_with(problem, part)}"
                for part in own
            ]
            texts.append(" with ".join(members))
    return "; ".join(texts)


def _hours_with(problem: Problem, one: Iterable[StateHour]) -> str:
    """Write hours that need the count only together."""
    return " with ".join(f"{problem.axes.hours[h]:02d}:00" for _, h in one) + " UTC"


def written_hours(hours: Sequence[int]) -> str:
    """Write hours of the day, those that follow one another as one range.

    Parameters
    ----------
    hours : sequence of int
        In order.

    Examples
    --------
    >>> written_hours([3]), written_hours([0, 1, 2, 9])
    ('03:00 UTC', '00:00 to 02:00 and 09:00 UTC')
    """
    runs: list[list[int]] = []
    for hour in hours:
        if runs and hour == runs[-1][-1] + 1:
            runs[-1].append(hour)
        else:
            runs.append([hour])
    return f"{_listed(_run(run) for run in runs)} UTC"


def _run(hours: list[int]) -> str:
    """Write hours that follow one another."""
    if len(hours) == 1:
        return f"{hours[0]:02d}:00"
    return f"{hours[0]:02d}:00 to {hours[-1]:02d}:00"


def _listed(texts: Iterable[str]) -> str:
    """Join words as a sentence does."""
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last


def _dearer(problem: Problem, found: Witness) -> str:
    """Say what one replica fewer costs, and what that is made of."""
    interval, price = found.dearer, problem.cost_usd_month[found.service, found.region]
    assert interval is not None
    parts = (
        f"latency {_signed(found.latency_usd_month)}, lost requests "
        f"{_signed(found.lost_usd_month)}, the replica {_signed(-float(price))}"
    )
    if _nothing(interval):
        return "nothing: one fewer keeps every promise and costs the same"
    if interval.high <= 0:
        return f"nothing: one fewer keeps every promise and saves {written_usd(_saving(interval))}"
    text = f"one fewer keeps every promise and costs {more_usd(interval)} ({parts})"
    return f"{text} because of {_loads(problem, found)}" if found.sets else text


def _signed(usd: float) -> str:
    """Write an amount with its sign, nothing without one.

    >>> _signed(12.5), _signed(-0.001)
    ('+12.50', '0.00')
    """
    return f"{usd:+,.2f}" if abs(usd) >= 0.005 else "0.00"


def _nothing(interval: Interval) -> bool:
    """Return whether an interval of money is no cent wide or high."""
    return max(abs(interval.low), abs(interval.high)) < _CENT / 2


def _saving(interval: Interval) -> Interval:
    """Return an interval with its sign turned."""
    return Interval(-interval.high, -interval.low)


def _without(problem: Problem, found: Witness) -> str:
    """Say the least count without what was named."""
    kept = f". Every promise could be kept with {found.keeps_promises}"
    if found.dearer is not None and not found.sets:
        return kept
    at_cost = found.dearer is not None
    text = f". Without that {found.without}{' at no more cost' if at_cost else ''}"
    if found.without_states < found.without:
        states = _listed(f"'{problem.axes.states[k]}'" for k in found.states)
        text += f", without {states} at any hour {found.without_states}"
    return text + (kept if at_cost else "")


def written_usd(interval: Interval) -> str:
    """Write an interval of money; one figure where both ends are the same cent.

    Parameters
    ----------
    interval : Interval
        US dollars a month.

    Examples
    --------
    >>> written_usd(Interval(310.0, 325.5)), written_usd(Interval(75.1443, 75.1444))
    ('310.00 to 325.50 USD a month', '75.14 USD a month')
    """
    return f"{from_to(interval.low, interval.high, ',.2f')} USD a month"


def more_usd(interval: Interval) -> str:
    """Say how much more something costs; where the gaps leave that open, say so.

    Parameters
    ----------
    interval : Interval
        How much dearer it is, US dollars a month; its upper end is above 0.

    Examples
    --------
    >>> more_usd(Interval(310.0, 325.0))
    '310.00 to 325.00 USD a month more'
    >>> more_usd(Interval(-1.0, 2.5))
    'up to 2.50 USD a month more (the gaps leave open whether it costs anything)'
    """
    if interval.low < 0:
        return (
            f"up to {interval.high:,.2f} USD a month more "
            "(the gaps leave open whether it costs anything)"
        )
    return f"{written_usd(interval)} more"


def excuse_reason(problem: Problem, found: Excuse) -> str:
    """Say why a service does not run in a region.

    Parameters
    ----------
    problem : Problem
        The problem.
    found : Excuse
        Its excuse.

    Returns
    -------
    str
        Such as "would cost 310.00 to 325.00 USD a month more".
    """
    axes = problem.axes
    if found.kind == "cost" and found.dearer is not None:
        if _nothing(found.dearer):
            return "would cost the same"
        if found.dearer.high <= 0:
            return f"would save {written_usd(_saving(found.dearer))}: the plan is not the best"
        return f"would cost {more_usd(found.dearer)}"
    if found.kind == "latency" and found.too_far is not None:
        far = found.too_far
        return (
            f"no origin may be served from here within its limit: the nearest, "
            f"{axes.origins[far.origin]}, would see a p95 of {far.needed_ms:.0f} ms, "
            f"{far.needed_ms - far.limit_ms:.0f} ms over {far.limit_ms:g}"
        )
    return {
        "lists": "its lists keep it out (allowed_regions, residency)",
        "uncalled": "no origin calls it",
        "barred": "no origin may be served from here in a promised state, whatever the latency "
        "(home calls find no home, or the limits differ by state)",
        "orders": f"no list of regions with this one in it keeps the limits of every service of "
        f"{axes.hosts[problem.host_of_service[found.service]]} in every promised state",
        "pools": "not even its least replicas fit the pools",
        "promises": "with it no plan keeps every promise",
        "unknown": "not known: the limit came before any plan with it was found",
        "cost": "",
        "latency": "",
    }[found.kind]

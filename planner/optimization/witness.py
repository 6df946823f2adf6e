"""Why a count is what it is: what one replica fewer violates while all other counts are held.

The witness of ``n[s, r]`` is what ``n[s, r] − 1`` violates: the least number of replicas, the loads
of a few (state, hour), or the objective, jointly with the loads that force it up.  The (state,
hour) come in irreducible sets: with the rows of one set alone the count must be ``n``, and with any
of its members dropped it need not.  Several sets are found one after the other, each with those
before dropped, until one replica fewer would do; together they are why the count is not smaller.

References
----------
J. W. Chinneck and E. W. Dravnieks, "Locating minimal infeasible constraint sets in linear
programs", ORSA Journal on Computing 3, 1991, doi 10.1287/ijoc.3.2.157 (deletion and sensitivity
filters).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from planner.optimization.held import SLACK, Held, HeldOrders, Least
from planner.optimization.resolved import Interval, Value, cheapest, dearer, with_counts
from planner.optimization.stopping import Stop
from planner.problem.arrays import Bools, Problem
from planner.problem.packing import fits, packing_limits

Kind = Literal["load", "packing", "minimum", "objective", "nothing"]

StateHour = tuple[int, int]


@dataclass(frozen=True)
class Witness:
    """What one replica fewer violates.

    Attributes
    ----------
    service, region : int
        Whose count.
    replicas : int
        The count.
    kinds : tuple of {'load', 'packing', 'minimum', 'objective', 'nothing'}
        What is violated, all of it; 'packing' where loads are and no other region has room for the
        replica; 'objective' where one fewer keeps every promise and is dearer, with 'load' where
        loads force that; 'nothing' where it is no dearer.
    sets : tuple of tuple of (int, int)
        Irreducible sets of (state, hour), each of which alone needs the count; for 'objective' at
        no more cost.
    without : int
        The least count with all that is named dropped and all other counts held; for 'objective'
        with loads at no more cost.
    without_states : int
        The same with every hour of the named states dropped for the service.
    keeps_promises : int
        The least count that keeps every promise, whatever that costs.
    dearer : Interval or None
        How much dearer one fewer is, where it keeps every promise, US dollars a month.
    latency_usd_month, lost_usd_month : float
        What of that is latency and what lost requests, as the best plans found have it; the rest is
        what the replica costs.  0 where `dearer` is None.
    proven : bool
        Whether no limit came between; else there may be more sets, those found may not be
        irreducible, and the least counts are lower bounds.
    """

    service: int
    region: int
    replicas: int
    kinds: tuple[Kind, ...]
    sets: tuple[tuple[StateHour, ...], ...]
    without: int
    without_states: int
    keeps_promises: int
    dearer: Interval | None
    latency_usd_month: float
    lost_usd_month: float
    proven: bool

    @property
    def states(self) -> tuple[int, ...]:
        """States of all sets, in the order in which they were found."""
        return tuple(dict.fromkeys(k for one in self.sets for k, _ in one))


@dataclass(frozen=True)
class _Sets:
    """Irreducible sets, what is left to ask for without them, and whether all is proven."""

    found: tuple[tuple[StateHour, ...], ...]
    rest: Least
    proven: bool


def keeps_promises(held: Held, stop: Stop) -> bool:
    """Return whether the counts carry every promised state and hour.

    Parameters
    ----------
    held : Held
        The counts.
    stop : Stop
        When to stop.

    Returns
    -------
    bool
        True also where the limit came first.
    """
    everything = _everything(held.problem)
    places = np.argwhere(held.replicas > 0).tolist()
    if isinstance(held, HeldOrders):
        # The program of one count has the rows of all others.
        places = places[:1]
    return all(
        held.least(s, r, everything, stop).replicas <= held.replicas[s, r] for s, r in places
    )


def witness(
    held: Held,
    service: int,
    region: int,
    value: Value,
    stop: Stop,
    *,
    capped: Held | None = None,
    gap: float = 1e-7,
) -> Witness:
    """Return what one replica fewer of a service in a region violates.

    Parameters
    ----------
    held : Held
        The counts, which carry every promised state and hour.
    service, region : int
        Whose count; at least 1.
    value : Value
        What the best plan with these counts costs.
    stop : Stop
        When to stop.
    capped : Held, optional
        The same counts where they and their steering may cost no more than that: names the loads
        that make one fewer dearer.
    gap : float
        Relative gap of what one fewer costs.

    Returns
    -------
    Witness
        Loads are looked at also where the minimum forbids one fewer: both are named.

    Notes
    -----
    One fewer never breaks the packing limit by itself, for that only loosens.  Packing is named
    where loads are, some other region may hold one more by `max_replicas`, and none of these has
    room.
    """
    problem, count = held.problem, int(held.replicas[service, region])
    minimum = _below_minimum(problem, service, region, count - 1)
    sets = _irreducible_sets(held, service, region, count - 1, stop)
    kinds: list[Kind] = ["load"] if sets.found else []
    if sets.found and _full_elsewhere(held, service, region):
        kinds.append("packing")
    if minimum:
        kinds.append("minimum")
    keeps = count if sets.found else _allowed(problem, service, region, sets.rest, minimum=minimum)
    interval, cost = None, value
    if not kinds:
        cost = _one_fewer(held, service, region, gap, stop)
        interval = dearer(cost, value)
        if interval.high > 0 and capped is not None:
            held, sets = capped, _irreducible_sets(capped, service, region, count - 1, stop)
        kinds += ["load"] if sets.found else []
        kinds.append("objective" if interval.high > 0 else "nothing")
    rest = _without_states(held, service, region, sets, stop)
    alone = interval is not None and not sets.found
    return Witness(
        service,
        region,
        count,
        tuple(kinds),
        sets.found,
        keeps if alone else _allowed(problem, service, region, sets.rest, minimum=minimum),
        keeps if alone else _allowed(problem, service, region, rest, minimum=minimum),
        keeps,
        interval,
        cost.latency_usd_month - value.latency_usd_month,
        cost.lost_usd_month - value.lost_usd_month,
        sets.proven and rest.proven,
    )


def _without_states(held: Held, service: int, region: int, sets: _Sets, stop: Stop) -> Least:
    """Return what is asked for without any hour of the named states."""
    if not sets.found:
        return sets.rest
    hours = _everything(held.problem)
    hours[[k for one in sets.found for k, _ in one]] = False
    return held.least(service, region, hours, stop)


def _everything(problem: Problem) -> Bools:
    """Return all promised (state, hour), shape (K, H)."""
    return np.repeat(problem.must_survive[:, None], problem.demand_rps.shape[2], axis=1)


def _below_minimum(problem: Problem, service: int, region: int, count: int) -> bool:
    """Return whether a count is neither 0 where that is allowed nor at least the minimum."""
    if count == 0:
        return bool(problem.pinned[service, region])
    return count < int(problem.min_replicas[service, region])


def _allowed(problem: Problem, service: int, region: int, least: Least, *, minimum: bool) -> int:
    """Return the least count that a need and, unless it is dropped, the minimum allow."""
    need = int(max(least.replicas, 0))
    if minimum or (need == 0 and not problem.pinned[service, region]):
        return need
    return max(need, int(problem.min_replicas[service, region]))


def _irreducible_sets(held: Held, service: int, region: int, fewer: int, stop: Stop) -> _Sets:
    """Find irreducible sets, each without the members of those before, until fewer would do."""
    kept, found = _everything(held.problem), list[tuple[StateHour, ...]]()
    bare = held.least(service, region, np.zeros_like(kept), stop, enough=fewer)
    if bare.count > fewer + SLACK:
        # What costs no more forbids it without any load of the service.
        return _Sets((), bare, bare.proven)
    proven = bare.proven
    while True:
        least = held.least(service, region, kept, stop, enough=fewer)
        proven &= least.proven
        if least.count <= fewer + SLACK or not least.support.any():
            return _Sets(tuple(found), least, proven)
        one, sure = _irreducible(held, service, region, fewer, least.support, stop)
        proven &= sure
        found.append(tuple((int(k), int(h)) for k, h in np.argwhere(one)))
        kept = kept & ~one


def _irreducible(
    held: Held, service: int, region: int, fewer: int, start: Bools, stop: Stop
) -> tuple[Bools, bool]:
    """Drop members of a set as long as the rest alone forbids the smaller count."""
    known, sure = start, True
    for at in np.argwhere(start)[::-1]:
        # That no row at all allows the smaller count is known.
        if not known[tuple(at)] or known.sum() == 1:
            continue
        trial = known.copy()
        trial[tuple(at)] = False
        least = held.least(service, region, trial, stop, enough=fewer)
        if least.count > fewer + SLACK:
            # What has a price in a smaller set is smaller still.
            known = least.support
        else:
            sure &= least.proven
    return known, sure


def _full_elsewhere(held: Held, service: int, region: int) -> bool:
    """Return whether other regions may hold one replica more and none has room for it."""
    problem, limits = held.problem, packing_limits(held.problem)
    tried = []
    for other in range(held.replicas.shape[1]):
        moved = np.array(held.replicas)
        moved[service, other] = max(moved[service, other] + 1, problem.min_replicas[service, other])
        if other != region and moved[service, other] <= problem.max_replicas[service, other]:
            tried.append(bool(fits(problem, limits, moved)[other]))
    return bool(tried) and not any(tried)


def _one_fewer(held: Held, service: int, region: int, gap: float, stop: Stop) -> Value:
    """Return what one replica fewer costs with all other counts held."""
    fewer = np.array(held.replicas)
    fewer[service, region] -= 1
    return cheapest(with_counts(held.problem, fewer), gap, stop)

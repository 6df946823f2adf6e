"""Candidates: replicas and shares that keep every promise, found near a relaxed point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.loads import judge, loads_rps, needed_replicas
from planner.optimization.relaxation import relax
from planner.optimization.static import StaticProgram
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints
from planner.problem.packing import fits

_GRIDS = (1e-2, 1e-3, 1e-4)
"""Steps to which shares are rounded, the coarsest that stays within the gap."""

_SPARE = (0.0, 2e-3)
"""Shares of the capacity left free while looking for shares that bear rounding."""


_UNSERVED = 1e-6
"""Part of an origin that no column serves which counts as rounding."""


@dataclass(frozen=True)
class Candidate:
    """Replicas and shares that keep every promise, and what they cost.

    Attributes
    ----------
    replicas : ndarray of int, shape (S, R)
        Replicas.
    share : ndarray, shape (C,)
        Part of the demand of its host and origin on each order column.
    objective : float
        US dollars a month.
    """

    replicas: Ints
    share: Floats
    objective: float


def better(one: Candidate | None, other: Candidate | None) -> Candidate | None:
    """Return the cheaper candidate.

    Parameters
    ----------
    one, other : Candidate or None
        Candidates, where there are any.

    Returns
    -------
    Candidate or None
        The first of two that cost the same; None where there is none.

    Examples
    --------
    >>> dear = Candidate(np.array([[3]]), np.ones(1), 30.0)
    >>> cheap = Candidate(np.array([[2]]), np.ones(1), 20.0)
    >>> better(dear, cheap).objective, better(None, dear).objective
    (20.0, 30.0)
    """
    if one is None or other is None:
        return one or other
    return other if other.objective < one.objective else one


def judged(static: StaticProgram, replicas: Ints, share: Floats) -> Candidate | None:
    """Return the candidate if it keeps every promise.

    Parameters
    ----------
    static : StaticProgram
        The program; it is not solved.
    replicas : ndarray of int, shape (S, R)
        Replicas.
    share : ndarray, shape (C,)
        Part of the demand of its host and origin on each order column.

    Returns
    -------
    Candidate or None
        None where pods do not fit or a promised state is overloaded.

    Notes
    -----
    Judged with every row of the model, also those that the program leaves out; loads may pass
    capacities by the solver's tolerance (`planner.optimization.loads.TOLERANCE`).
    """
    if not fits(static.problem, static.master.limits, replicas).all():
        return None
    if (replicas > static.master.bound).any() or not _all_served(static, share):
        return None
    verdict = judge(static.problem, static.columns, replicas, share)
    if verdict.broken(static.problem):
        return None
    first_usd = 0.0 if static.firsts is None else static.firsts.chosen(share)[1]
    return Candidate(replicas, share, verdict.objective + first_usd)


def _all_served(static: StaticProgram, share: Floats) -> bool:
    """Return whether columns serve all demand: where they are priced in some may be missing."""
    if static.priced is None:
        return True
    served = np.bincount(static.columns.group, share, static.columns.called.size)
    return bool((served[static.priced.group] > 1 - _UNSERVED).all())


def rounded_up(static: StaticProgram, x: Floats | None) -> Candidate | None:
    """Keep the relaxation's shares and take the replicas that they need.

    Parameters
    ----------
    static : StaticProgram
        The program; it is not solved.
    x : ndarray, shape (n,), or None
        A point of the relaxation, where there is one.

    Returns
    -------
    Candidate or None
        None where the replicas do not fit or origins cannot be split.
    """
    if x is None or not static.problem.split_origins:
        return None
    share = clean(static, x[static.share])
    load = loads_rps(static.problem, static.columns, share)
    return judged(static, needed_replicas(static.problem, load), share)


def exact(static: StaticProgram, x: Floats) -> Candidate | None:
    """Return an integral point itself as a candidate, with a replica more where it needs one.

    Parameters
    ----------
    static : StaticProgram
        The program; it is not solved.
    x : ndarray, shape (n,)
        A point whose replicas are integers within the solver's tolerance.

    Returns
    -------
    Candidate or None
        None where a row that the program leaves out is broken and more replicas do not mend it.
    """
    replicas = np.rint(x[static.master.replicas]).astype(np.int64)
    return with_enough(static, replicas, clean(static, x[static.share]))


def with_enough(static: StaticProgram, replicas: Ints, share: Floats) -> Candidate | None:
    """Return replicas and shares as a candidate, with a replica more where they need one.

    Parameters
    ----------
    static : StaticProgram
        The program; it is not solved.
    replicas : ndarray of int, shape (S, R)
        Replicas.
    share : ndarray, shape (C,)
        Part of the demand of its host and origin on each order column.

    Returns
    -------
    Candidate or None
        None where more replicas do not do either.
    """
    found = judged(static, replicas, share)
    if found is not None:
        return found
    load = loads_rps(static.problem, static.columns, share)
    return judged(static, np.maximum(replicas, needed_replicas(static.problem, load)), share)


def rerouted(
    static: StaticProgram, replicas: Ints, gap: float, stop: Stop, spare_share: float = 0.0
) -> Candidate | None:
    """Find the best shares for given replicas, with some of the capacity left over if asked.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows may grow, its bounds are put back.
    replicas : ndarray of int, shape (S, R)
        Replicas.
    gap : float
        Relative gap asked for.
    stop : Stop
        When to stop.
    spare_share : float
        Share of the capacity of every promised state that is left free.

    Returns
    -------
    Candidate or None
        None where there are no such shares, or time is up.
    """
    program, n = static.program, static.master.replicas.ravel()
    with program.bounded(n, replicas.ravel(), replicas.ravel()):
        leave_spare(static, replicas.astype(float) * spare_share)
        result = relax(static, stop, gap / 3)
        leave_spare(static, np.zeros(replicas.shape))
    if result.x is None:
        return None
    return judged(static, replicas, clean(static, result.x[static.share]))


def leave_spare(static: StaticProgram, spare: Floats) -> None:
    """Lower the right side of the load rows of promised states; `spare` in replicas, (S, R)."""
    kept = {
        row: -float(spare[s, r])
        for row, (k, s, r, _) in static.row_key.items()
        if static.problem.must_survive[k]
    }
    static.program.bound_rows(np.array(list(kept), np.int64), -np.inf, list(kept.values()))


def descend(
    static: StaticProgram, best: Candidate | None, gap: float, stop: Stop
) -> Candidate | None:
    """Take replicas away one at a time, the dearest first, as long as shares can be found.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows grow, its bounds are put back.
    best : Candidate or None
        Where to start.
    gap : float
        Relative gap asked for.
    stop : Stop
        When to stop.

    Returns
    -------
    Candidate or None
        At most as dear as `best`; None where that is.

    Notes
    -----
    A local optimum: a replica that could only move to another region is never tried there.
    """
    if best is None or not static.problem.split_origins:
        return best
    best = better(best, rerouted(static, best.replicas, gap, stop))
    price = static.problem.cost_usd_month
    for service, region in sorted(np.ndindex(price.shape), key=lambda at: -price[at]):
        while best is not None and not stop.passed():
            fewer = best.replicas.copy()
            fewer[service, region] -= 1
            if fewer[service, region] < static.problem.min_replicas[service, region]:
                break
            lighter = rerouted(static, fewer, gap, stop)
            if lighter is None or lighter.objective >= best.objective:
                break
            best = lighter
    return best


def clean(static: StaticProgram, share: Floats) -> Floats:
    """Drop noise below 1e-7 and make the shares of every host and origin sum to 1.

    Parameters
    ----------
    static : StaticProgram
        The program.
    share : ndarray, shape (C,)
        Shares as the solver returns them.

    Returns
    -------
    ndarray, shape (C,)
        Shares; whole numbers where origins cannot be split.
    """
    if not static.problem.split_origins:
        return np.rint(np.clip(share, 0.0, 1.0))
    tidy = np.where(share < 1e-7, 0.0, np.minimum(share, 1.0))
    group = static.columns.group
    total = np.bincount(group, weights=tidy)
    whole: Floats = tidy / np.maximum(total[group], 1e-300)
    return whole


def tidied(
    static: StaticProgram, found: Candidate, limit: float, gap: float, stop: Stop
) -> Candidate:
    """Round the shares to the coarsest step that keeps every promise and stays within `limit`.

    A record or a percentage holds few digits; a share of 0.3333333 would be rounded by the DNS
    target behind the plan's back.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows may grow, its bounds are put back.
    found : Candidate
        The best candidate.
    limit : float
        What the result may cost at most, US dollars a month.
    gap : float
        Relative gap asked for.
    stop : Stop
        When to stop.

    Returns
    -------
    Candidate
        `found` itself where no step will do.

    Notes
    -----
    Steps of 0.01, 0.001 and 0.0001 are tried, then once more with 0.2 % of the capacity left free.
    A plan that is full to the last request keeps its many digits.
    """
    if not static.problem.split_origins:
        return found
    for spare in _SPARE:
        start = found if spare == 0.0 else rerouted(static, found.replicas, gap, stop, spare)
        if start is None:
            continue
        for step in _GRIDS:
            tidy = judged(static, found.replicas, _on_grid(start.share, static.columns.group, step))
            if tidy is not None and tidy.objective <= limit:
                return tidy
    return found


def _on_grid(share: Floats, group: Ints, step: float) -> Floats:
    """Round shares to multiples of `step` by largest remainder within each group.

    >>> _on_grid(np.array([0.504, 0.247, 0.249, 1.0]), np.array([0, 0, 0, 1]), 0.01)
    array([0.5 , 0.25, 0.25, 1.  ])
    """
    units = share / step
    low = np.floor(units + 1e-9)
    missing = np.rint(1 / step - np.bincount(group, weights=low)[group])
    order = np.lexsort((np.arange(share.size), low - units, group))
    first = np.searchsorted(group[order], group[order], side="left")
    rank = np.empty(share.size, np.int64)
    rank[order] = np.arange(share.size) - first
    rounded: Floats = (low + (rank < missing)) * step
    return rounded

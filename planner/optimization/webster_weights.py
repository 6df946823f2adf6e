r"""Webster's weights with the least totals, as an exact program in whole numbers.

Webster's method returns n exactly if :math:`(2 n_r - 1) w_q \le (2 n_q + 1) w_r` for all r and
q, which is linear in the weights.  Written seat by seat: cluster q has its j-th replica before
cluster r has the m-th that it needs iff :math:`(2 m - 1) w_q > (2 j - 1) w_r`, or they are equal
and the tie falls to q.  So with a binary :math:`y_{hqj}` for each replica beyond the needs,

.. math:: (2 m - 1) w_q + \text{tie}_{rqj} \le (2 j - 1) w_r + M y_{hqj}, \qquad
          N_h \ge \sum_r \text{need}_{hr} + \sum_{qj} y_{hqj}

and :math:`\sum_h N_h` is minimised.  An equal sum with smaller weights is preferred.

References
----------
M. L. Balinski and H. P. Young, "Fair Representation", 2nd ed., Brookings, 2001, appendix A.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.federation.totals import webster_totals
from planner.optimization.milp import Milp
from planner.optimization.rows import Rows, rows, stacked
from planner.optimization.stopping import Stop
from planner.problem.arrays import Ints


@dataclass(frozen=True)
class KnownWeights:
    """Weights and what is proven of them.

    Attributes
    ----------
    weights : ndarray of int, shape (R,)
        By cluster.
    total : int
        Sum of the totals of all hours.
    proven : bool
        Whether no weights up to the largest, and not forbidden, have a smaller sum.
    """

    weights: Ints
    total: int
    proven: bool


@dataclass(frozen=True)
class _Hour:
    """Hours of equal needs: how many, and most replicas beyond the needs, of each and of all."""

    needs: Ints
    count: int
    spare: Ints
    extra: int


def webster_weights(
    needs: Ints,
    largest: int,
    *,
    orders: Sequence[bool] = (False, True),
    start: Ints | None = None,
    room: Ints | None = None,
    most: int | None = None,
    forbidden: Sequence[Ints] = (),
    stop: Stop,
    seed: int = 0,
) -> KnownWeights | None:
    """Return the weights with which Webster's totals add up to the least.

    Parameters
    ----------
    needs : ndarray of int, shape (H, R)
        Replicas that each hour needs.
    largest : int
        Largest weight; the smallest is 1.
    orders : sequence of bool
        Whether the last tie falls to the later name; with both, totals are enough for either.
    start : ndarray of int, shape (R,), optional
        Weights to improve on; those in proportion to the largest needs without it.
    room : ndarray of int, shape (R,), optional
        Most replicas of each cluster. Of two orders of ties the one that needs fewer replicas may
        then exceed it with the total of the other.
    most : int, optional
        Most that the totals may add up to; what they do with the start without it.
    forbidden : sequence of ndarray of int, shape (R,)
        Vectors that are not wanted (no-good cuts).
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.

    Returns
    -------
    KnownWeights or None
        None where no vector has so few replicas, fits and is not forbidden. The start, whatever it
        is, where time was up before one was found; or before one as good, unless it is forbidden.

    Notes
    -----
    `most` bounds how many replicas beyond the needs there can be, and with that the size of the
    program: a large one makes it large, and a start that is forbidden may leave nothing.

    Examples
    --------
    >>> from planner.optimization.stopping import NEVER
    >>> webster_weights(np.array([[3, 1], [4, 4]]), 9, stop=NEVER)
    KnownWeights(weights=array([5, 4]), total=13, proven=True)
    """
    begin = _proportional(needs, largest) if start is None else start
    total = webster_sum(begin, needs, orders)
    hours = _hours(needs, room, total if most is None else most)
    if not hours:
        return None
    program = Milp(seed=seed)
    size = needs.shape[1]
    # The sum of all weights is worth less than one replica.
    weights = program.add_columns(
        np.full(size, 1 / (size * largest + 1)), 1.0, float(largest), integer=True
    )
    for hour in hours:
        _add_hour(program, weights, hour, largest, orders)
    for vector in forbidden:
        _forbid(program, weights, vector, largest)
    result = program.integral(stop, 0.0)
    if result.x is None:
        proven = result.status == "infeasible"
        return None if proven else KnownWeights(begin, total, False)
    found = np.rint(result.x[weights]).astype(np.int64)
    reached, proven = webster_sum(found, needs, orders), result.status == "optimal"
    if not proven and total < reached and not any(np.array_equal(begin, f) for f in forbidden):
        return KnownWeights(begin, total, False)
    return KnownWeights(found, reached, proven)


def webster_sum(weights: Ints, needs: Ints, orders: Sequence[bool]) -> int:
    """Return the sum of the totals of all hours, each enough for every order of ties.

    Parameters
    ----------
    weights : ndarray of int, shape (R,)
        Weights, at least 1.
    needs : ndarray of int, shape (H, R)
        Replicas that each hour needs.
    orders : sequence of bool
        Whether the last tie falls to the later name.

    Returns
    -------
    int
        The sum.

    Examples
    --------
    >>> webster_sum(np.array([2, 1]), np.array([[2, 1], [6, 4]]), [False])
    14
    """
    each = [webster_totals(weights[None], needs, descending=order)[0] for order in orders]
    return int(np.max(each, axis=0).sum())


def _proportional(needs: Ints, largest: int) -> Ints:
    """Return weights in proportion to the largest needs, at least 1."""
    peak = needs.max(axis=0)
    scale = min(1.0, largest / max(1, int(peak.max())))
    weights: Ints = np.maximum(np.rint(peak * scale), 1).astype(np.int64)
    return weights


def _hours(needs: Ints, room: Ints | None, most: int) -> list[_Hour]:
    """Return the distinct hours, and how many replicas there may be; none where that is too few."""
    beyond = most - int(needs.sum())
    if beyond < 0 or (room is not None and (needs > room).any()):
        return []
    hours = []
    for need, count in zip(*np.unique(needs, axis=0, return_counts=True), strict=True):
        extra = beyond // int(count)
        spare = np.full(need.size, extra) if room is None else np.minimum(room - need, extra)
        hours.append(_Hour(need, int(count), spare, min(extra, int(spare.sum()))))
    return hours


def _add_hour(
    program: Milp, weights: Ints, hour: _Hour, largest: int, orders: Sequence[bool]
) -> None:
    """Append the total of an hour and the replicas beyond its needs."""
    least = float(hour.needs.sum())
    total = program.add_columns(float(hour.count), least, least + hour.extra)
    for order in orders:
        beyond = program.add_columns(np.zeros(hour.spare.sum()), 0.0, 1.0, integer=True)
        entries = np.concatenate([total, beyond])
        value = np.concatenate([[1.0], -np.ones(beyond.size)])
        program.add_rows(rows(least, np.inf, np.zeros(entries.size), entries, value))
        program.add_rows(_seat_rows(weights, beyond, hour, largest, order))


def _seat_rows(weights: Ints, beyond: Ints, hour: _Hour, largest: int, descending: bool) -> Rows:
    """Return the rows of each replica of q beyond its needs against the last need of r.

    Without a column for the replica (there can be no more) it must come later.
    """
    size, count = weights.size, hour.spare + 1
    q = np.repeat(np.arange(size), count)
    seat = np.arange(q.size) - np.repeat(np.cumsum(count) - count, count)
    q, seat, r = (side.ravel() for side in np.broadcast_arrays(q, seat, np.arange(size)[:, None]))
    last, number = hour.needs[r], hour.needs[q] + seat + 1
    tie = (number < last) | ((number == last) & ((q > r) if descending else (q < r)))
    before = (2 * last - 1) * largest - (2 * number - 1) + tie
    there = seat < hour.spare[q]
    # A replica that comes later whatever the weights needs no row.
    some = (r != q) & (last > 0) & (~there | (before > 0))
    q, seat, r, last, number, tie, before, there = (
        side[some] for side in (q, seat, r, last, number, tie, before, there)
    )
    own = beyond[(np.cumsum(hour.spare) - hour.spare)[q[there]] + seat[there]]
    row = np.arange(q.size)
    return rows(
        np.full(q.size, -np.inf),
        -tie.astype(float),
        np.concatenate([row, row, row[there]]),
        np.concatenate([weights[q], weights[r], own]),
        np.concatenate([2.0 * last - 1, 1.0 - 2.0 * number, -before[there].astype(float)]),
    )


def _forbid(program: Milp, weights: Ints, vector: Ints, largest: int) -> None:
    """Append a no-good cut: some weight is smaller or larger than in a vector."""
    below = program.add_columns(np.zeros(weights.size), 0.0, 1.0, integer=True)
    above = program.add_columns(np.zeros(weights.size), 0.0, 1.0, integer=True)
    span = float(largest)
    for column, low, high, value in zip(weights, below, above, vector.tolist(), strict=True):
        one = rows(-np.inf, value - 1 + span, [0, 0], [column, low], [1.0, span])
        other = rows(value + 1 - span, np.inf, [0, 0], [column, high], [1.0, -span])
        program.add_rows(stacked([one, other]))
    either = np.concatenate([below, above])
    program.add_rows(rows(1.0, np.inf, np.zeros(either.size), either, np.ones(either.size)))

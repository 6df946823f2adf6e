"""Response times that are mixtures: network atoms plus a queue's sojourn, by exact tails.

A *group* is one distribution: ``P(T > t) = Σ_i w_i Σ_c p_c · G_{q_i}(t − a_i·f_c − b_i·g_c)`` over
its rows ``i`` (a user group at a serving region) and the cases ``c`` of the network (jitter, new
connection, home call), ``G_q`` being the tail of the sojourn in queue ``q``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.latency.station import Station, absolute_ms, mean_wait_of, sojourn_tail_of
from planner.problem.arrays import Bools, Floats, Ints

CHEAP_POINTS, DEAR_POINTS = 1024, 384
"""Intervals of a table where the tail is a formula, and where it is a quadrature (lognormal)."""

FINEST = 8
"""Most times as many intervals where a grid is longer than usual."""

REACH = 30.0
"""Mean service times, over the slower of service and wait, that a table covers."""

WIDTH_MS = 1e-4


@dataclass(frozen=True)
class TailTable:
    """Sojourn tails of queues on grids that are dense near 0.

    Attributes
    ----------
    tail : ndarray, shape (Q, n + 1)
        P(T > t) at ``t = reach · (i / n)²``.
    reach_ms : ndarray, shape (Q,)
        Last time of each grid, ms; the tail beyond it is that at its end.
    mean_ms : ndarray, shape (Q,)
        Mean sojourn, ms; inf where there is no steady state.
    """

    tail: Floats
    reach_ms: Floats
    mean_ms: Floats

    def at(self, queue: Ints, t_ms: Floats) -> Floats:
        """Return the tails of queues at times.

        Parameters
        ----------
        queue : ndarray of int
            Rows of the table; they broadcast against `t_ms`.
        t_ms : ndarray
            Times, ms.

        Returns
        -------
        ndarray
            P(T > t); 1 below 0, and beyond the grid the value at its end.
        """
        points = self.tail.shape[1] - 1
        place = points * np.sqrt(np.maximum(t_ms, 0.0) / self.reach_ms[queue])
        place = np.minimum(place, points - 1e-9)
        left = place.astype(np.int64)
        flat = self.tail.ravel()
        start = queue * (points + 1) + left
        low = flat.take(start)
        between = low + (flat.take(start + 1) - low) * (place - left)
        return np.where(t_ms < 0, 1.0, between)


def tail_table(queues: Station, *, alike: bool = False) -> TailTable:
    """Tabulate the sojourn tails of queues.

    Parameters
    ----------
    queues : Station
        Q queues.
    alike : bool
        Whether all grids are those of the longest, and finer for it, so that rows can be mixed.

    Returns
    -------
    TailTable
        Tails for linear interpolation: within 1e-4 of M/M/c; within 1e-3 where the service is
        lognormal with a squared coefficient of variation of at least 0.1.

    Notes
    -----
    A grid ends after thirty means of the slower of service and wait; rarer events than its end are
    not told apart.

    Examples
    --------
    >>> import numpy as np
    >>> from planner.latency.station import station
    >>> table = tail_table(station([1], [12.5], [40.0], [1.0], [1.0]))
    >>> table.at(np.array([0]), np.array([239.658])).round(4).item()
    0.05
    """
    count = queues.slack.size
    reach = REACH / np.clip(queues.wait_rate, 1e-6, 1.0)
    points = DEAR_POINTS if (queues.sigma > 0).any() else CHEAP_POINTS
    if alike and count:
        reach = np.full(count, reach[queues.slack > 0].max(initial=REACH))
        points *= int(np.clip(np.ceil(np.sqrt(reach[0] / REACH)), 1, FINEST))
    grid = reach[:, None] * (np.arange(points + 1) / points) ** 2
    each = np.repeat(np.arange(count), points + 1)
    tail = sojourn_tail_of(queues.take(each), grid.ravel()).reshape(count, points + 1)
    mean = absolute_ms(1 + mean_wait_of(queues), queues)
    return TailTable(tail, reach * queues.service_time_ms, mean)


@dataclass(frozen=True)
class Cases:
    """What may happen to a request on the network.

    Attributes
    ----------
    leg_factor, home_factor : ndarray, shape (C,)
        Factors on the round trip to the region and on that to the home region.
    probability : ndarray, shape (C,)
        Probability of each case; the sum is 1.
    fresh : ndarray, shape (C,)
        1 where the request opens a connection, else 0.
    """

    leg_factor: Floats
    home_factor: Floats
    probability: Floats
    fresh: Floats


@dataclass(frozen=True)
class Mixture:
    """Groups of rows, each row a part of its users at one region.

    Attributes
    ----------
    group : ndarray of int, shape (F,)
        Group of each row.
    groups : int
        Number of groups.
    weight : ndarray, shape (F,)
        Part of the group; sums to 1 within each.
    leg_ms, home_ms : ndarray, shape (F,)
        Round trip to the region, and from there to the home region, ms.
    queue : ndarray of int, shape (F,)
        Row of the table.
    cases : Cases
        Cases of the network, the same for all rows.
    table : TailTable
        Sojourn tails.
    extra_ms : ndarray, shape (F,), or None
        Delay of loss recovery, ms; None for none.
    chance : ndarray, shape (F, C), or None
        Part of each case's probability that the row stands for: rows that differ in `extra_ms`
        share it; None for all of it.

    Examples
    --------
    All users 20 ms from an M/M/1 that serves in 40 ms on average and is half full.

    >>> import numpy as np
    >>> from planner.latency.station import station
    >>> table = tail_table(station([1], [12.5], [40.0], [1.0], [1.0]))
    >>> one, zero = np.ones(1), np.zeros(1, np.int64)
    >>> cases = Cases(one, one, one, zero)
    >>> users = Mixture(zero, 1, one, 20 * one, 0 * one, zero, cases, table)
    >>> users.quantile_ms(0.95).round(1)
    array([259.7])
    """

    group: Ints
    groups: int
    weight: Floats
    leg_ms: Floats
    home_ms: Floats
    queue: Ints
    cases: Cases
    table: TailTable
    extra_ms: Floats | None = None
    chance: Floats | None = None

    def of(self, chosen: Bools) -> Mixture:
        """Return some of the groups, numbered anew.

        Parameters
        ----------
        chosen : ndarray of bool, shape (groups,)
            Which ones.

        Returns
        -------
        Mixture
            Their rows, in the same order.
        """
        number = np.cumsum(chosen) - 1
        rows = chosen[self.group]
        return replace(
            self,
            group=number[self.group[rows]],
            groups=int(chosen.sum()),
            weight=self.weight[rows],
            leg_ms=self.leg_ms[rows],
            home_ms=self.home_ms[rows],
            queue=self.queue[rows],
            extra_ms=None if self.extra_ms is None else self.extra_ms[rows],
            chance=None if self.chance is None else self.chance[rows],
        )

    def _delay_ms(self) -> Floats:
        """Return what the network takes in each row and case, shape (F, C), ms."""
        leg = self.leg_ms[:, None] * self.cases.leg_factor
        delay: Floats = leg + self.home_ms[:, None] * self.cases.home_factor
        if self.extra_ms is not None:
            delay += self.extra_ms[:, None]
        return delay

    def _over_cases(self, values: Floats) -> Floats:
        """Weight values [F, C] with the probabilities of their cases, shape (F,)."""
        if self.chance is None:
            return values @ self.cases.probability
        weighted: Floats = np.einsum("fc,fc,c->f", values, self.chance, self.cases.probability)
        return weighted

    def mean_ms(self) -> Floats:
        """Return the mean of each group.

        Returns
        -------
        ndarray, shape (groups,)
            Milliseconds, exact for the queues' mean; inf where a queue is not steady.
        """
        queue = self.table.mean_ms[self.queue][:, None]
        each = self._over_cases(self._delay_ms() + queue)
        return np.bincount(self.group, self.weight * each, self.groups).astype(np.float64)

    def tail(self, t_ms: Floats, delay_ms: Floats | None = None) -> Floats:
        """Return P(T > t) of each group at its own time.

        Parameters
        ----------
        t_ms : ndarray, shape (groups,)
            Times, ms.
        delay_ms : ndarray, shape (F, C), optional
            What the network takes in each row and case, where it is known already.

        Returns
        -------
        ndarray, shape (groups,)
            Probabilities.
        """
        delay = self._delay_ms() if delay_ms is None else delay_ms
        rest = t_ms[self.group][:, None] - delay
        each = self._over_cases(self.table.at(self.queue[:, None], rest))
        return np.bincount(self.group, self.weight * each, self.groups).astype(np.float64)

    def quantile_ms(
        self, probability: float, *, least_ms: Floats | None = None, width_ms: float = WIDTH_MS
    ) -> Floats:
        """Return the time that a share of each group's requests does not exceed.

        Parameters
        ----------
        probability : float
            The share, below 1.
        least_ms : ndarray, shape (groups,), optional
            A lower quantile, where it is known already, ms.
        width_ms : float
            Width of the bracket at which to stop, ms.

        Returns
        -------
        ndarray, shape (groups,)
            Milliseconds, the upper end of the bracket; inf where a queue is not steady.

        Notes
        -----
        Never the sum of percentiles: the distribution of the sum has its own.
        """
        delay = self._delay_ms()
        latest = delay.max(axis=1, initial=0.0) + self.table.reach_ms[self.queue]
        high = np.zeros(self.groups)
        np.maximum.at(high, self.group, latest)
        low = np.zeros(self.groups) if least_ms is None else np.minimum(least_ms, high)
        stuck = self.tail(high, delay) > 1 - probability
        while self.groups and float((high - low).max()) > width_ms:
            middle = (low + high) / 2
            late = self.tail(middle, delay) > 1 - probability
            low, high = np.where(late, middle, low), np.where(late, high, middle)
        return np.where(stuck, np.inf, high)

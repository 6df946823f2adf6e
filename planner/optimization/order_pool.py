r"""All orders that an origin may follow, of which a program holds those that its duals ask for.

A column's reduced cost is a sum over the states in which each of its regions is first,

.. math:: \bar c_{op} = c_{op} + \sum_{k, s, h} D_{soh}\, y_{k\,s\,\text{serve}(k, p)\,h}
          + \sum_{r \in p} u_{or} - \sigma_o ,

with ``y ≥ 0`` the prices of load rows, ``u`` those of rows that keep an origin out of regions where
nothing runs, and ``σ`` of an origin's whole demand.  `planner.optimization.list_sums` has it for
all lists at once.  What the best missing columns could take off bounds the program (Lagrange):

.. math:: z \ge z_{\text{some}} + \sum_o \min(0, \min_p \bar c_{op}) .

References
----------
L. S. Lasdon, "Optimization Theory for Large Systems", Macmillan 1970, chapter 4 (column generation
and this bound).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from planner.optimization.column_tables import sorted_columns, together
from planner.optimization.columns import (
    OrderColumns,
    column_costs,
    first_up,
    lost_usd_per_rps,
    order_columns,
)
from planner.optimization.list_sums import ListSums
from planner.optimization.merged_origins import merged_origins
from planner.optimization.order_counts import (
    host_admissible,
    host_calls,
    order_counts,
    promised_depth,
)
from planner.problem.arrays import Bools, Floats, Ints, Problem

_MOST_NUMBERS = 60_000_000
"""Lists of all origins, and states of all beginnings of lists, that are worth a number each."""

_MANY_ORDERS = 20_000
"""More orders of a host name than this, those of like origins counted once, are priced in."""

_AT_ONCE = 2_000_000
"""Lists of so many origins as make this many numbers are looked at together."""

_FARTHER = 0.5
"""What being near counts for each further place of an order that the search starts with."""


@dataclass(frozen=True)
class RowPrices:
    """What the rows of a program charge order columns, at least 0.

    Attributes
    ----------
    load : ndarray, shape (K, S, R, H)
        US dollars a month for a request per second.
    use : ndarray, shape (S, O, R)
        US dollars a month for all of an origin's demand.
    """

    load: Floats
    use: Floats


@dataclass
class OrderPool:
    """The orders of a problem by number, and which of them a program holds.

    Attributes
    ----------
    problem : Problem
        The problem as arrays.
    sums : ListSums
        All ordered lists, L of them.
    first_usd : ndarray, shape (G, O, R)
        What latency costs an origin that is served from a region, US dollars a month.
    lost_usd : ndarray, shape (G, O, L), or None
        What lists leave unserved in states that are not promised; None where that has no price.
    free, held : ndarray of bool, shape (G, O, L)
        Lists that the program does not have, and those that it has.
    short : OrderColumns
        All columns of origins with fewer regions than a list is long; pairs without an order are
        missing.
    """

    problem: Problem
    sums: ListSums
    first_usd: Floats
    lost_usd: Floats | None
    free: Bools
    held: Bools
    short: OrderColumns

    @classmethod
    def of(cls, problem: Problem) -> OrderPool:
        """List the orders of a problem.

        Parameters
        ----------
        problem : Problem
            The problem as arrays.

        Returns
        -------
        OrderPool
            None of them in a program yet.
        """
        sums = ListSums.of(problem.region_up, promised_depth(problem) + 1)
        valid, called = host_admissible(problem), host_calls(problem)
        few = np.any(valid[problem.must_survive], axis=0).sum(axis=2) < len(sums.before)
        free = _followable(problem, sums, valid, called & ~few)
        short = _short(problem, few)
        missing = np.argwhere(called & ~few & ~free.any(axis=2))
        missing = np.concatenate([short.missing, missing])
        short = replace(short, called=called, missing=missing)
        first_usd, lost_usd = _first_usd(problem), _lost_usd(problem, sums)
        return cls(problem, sums, first_usd, lost_usd, free, np.zeros_like(free), short)

    def start(self) -> OrderColumns:
        """Return columns to start with: for each first region the order with the nearest backups.

        Returns
        -------
        OrderColumns
            The program holds them from now on.
        """
        found = [self.short]
        for host, origins in self._parts():
            nearest = self._nearness(host, origins)
            nearest = np.where(self.free[host, origins], nearest, np.inf)
            found.append(self._taken(host, origins, nearest, np.full(origins.size, np.inf)))
        return sorted_columns(together(found))

    def cheapest(self, prices: RowPrices, dear: Floats, least: float) -> tuple[OrderColumns, float]:
        """Return the columns that a program asks for at its prices, and what they may take off.

        Parameters
        ----------
        prices : RowPrices
            What the rows charge.
        dear : ndarray, shape (G, O)
            What it costs to serve an origin beside all columns, US dollars a month.
        least : float
            What a column must take off an origin to be taken, US dollars a month.

        Returns
        -------
        OrderColumns
            At most one for each origin and first region; the program holds them from now on.
        float
            How far the program's value may be above that with all columns, at most 0.
        """
        found, off = [self.short.take(np.empty(0, np.int64))], 0.0
        for host, origins in self._parts():
            cost = self._charged(host, origins, prices)
            held, free = self.held[host, origins], self.free[host, origins]
            own = np.where(held, cost, np.inf).min(axis=1, initial=np.inf)
            own = np.minimum(own, dear[host, origins])
            cost = np.where(free, cost, np.inf)
            off += float(np.minimum(cost.min(axis=1, initial=np.inf) - own, 0.0).sum())
            found.append(self._taken(host, origins, cost, own - least))
        return together(found), off

    def take(self, host: Ints, origin: Ints, order: Ints) -> OrderColumns | None:
        """Return those of some orders that the program does not hold yet.

        Parameters
        ----------
        host, origin : ndarray of int, shape (n,)
            Whose they are; none twice.
        order : ndarray of int, shape (n, J)
            Regions in order.

        Returns
        -------
        OrderColumns or None
            The program holds them from now on; None where it can never hold one of them.
        """
        long = ~self.short.called[host, origin] | (self.free | self.held)[host, origin].any(axis=1)
        host, origin, order = host[long], origin[long], order[long]
        if (order < 0).any():
            return None
        number = np.ravel_multi_index(tuple(order.T), self.sums.shape)
        if not (self.free | self.held)[host, origin, number].all():
            return None
        fresh = self.free[host, origin, number]
        host, origin, number = host[fresh], origin[fresh], number[fresh]
        self.held[host, origin, number], self.free[host, origin, number] = True, False
        empty = [self.short.take(np.empty(0, np.int64))]
        each = [
            self._columns(int(g), origin[host == g], number[host == g]) for g in np.unique(host)
        ]
        return together(empty + each)

    def orders(self, host: int, origin: int) -> Ints:
        """Return all orders of an origin, shape (n, J), padded with -1."""
        lists = np.flatnonzero(self.free[host, origin] | self.held[host, origin])
        mine = (self.short.host == host) & (self.short.origin == origin)
        return np.concatenate([self.short.order[mine], self.sums.regions(lists)])

    def _parts(self) -> Iterator[tuple[int, Ints]]:
        """Hosts, and so many of their origins as are looked at together."""
        for host in range(self.free.shape[0]):
            origins = np.flatnonzero((self.free[host] | self.held[host]).any(axis=1))
            step = max(1, _AT_ONCE // self.free.shape[2])
            for low, high in pairwise([*range(0, origins.size, step), origins.size]):
                yield host, origins[low:high]

    def _taken(self, host: int, origins: Ints, cost: Floats, below: Floats) -> OrderColumns:
        """Hold the cheapest list of each origin and first region that costs less than `below`."""
        regions = self.sums.shape[0]
        by_first = cost.reshape(origins.size, regions, -1)
        best = by_first.argmin(axis=2)
        value = np.take_along_axis(by_first, best[:, :, None], axis=2)[:, :, 0]
        at, first = np.nonzero((value < below[:, None]) & np.isfinite(value))
        number = first * by_first.shape[2] + best[at, first]
        self.held[host, origins[at], number] = True
        self.free[host, origins[at], number] = False
        return self._columns(host, origins[at], number)

    def _columns(self, host: int, origin: Ints, number: Ints) -> OrderColumns:
        """Return lists by number as columns."""
        order = self.sums.regions(number)
        serve = first_up(order, self.problem.region_up).astype(np.int16)
        hosts = np.full(origin.size, host, np.int64)
        usd = column_costs(self.problem, hosts, origin, serve)
        return replace(
            self.short, host=hosts, origin=origin, order=order, serve=serve, cost_usd_month=usd
        )

    def _nearness(self, host: int, origins: Ints) -> Floats:
        """Return how far the regions of every list are, the later ones counting less, (n, L)."""
        service = int(np.flatnonzero(self.problem.host_of_service == host)[0])
        return self.sums.over(self.problem.latency_ms[service, origins], _FARTHER)

    def _charged(self, host: int, origins: Ints, prices: RowPrices) -> Floats:
        """Return what every list costs and is charged, shape (n, L)."""
        lists = self.free.shape[2]
        first = np.repeat(self.first_usd[host, origins], lists // self.sums.shape[0], axis=1)
        cost = first if self.lost_usd is None else first + self.lost_usd[host, origins]
        services = np.flatnonzero(self.problem.host_of_service == host)
        promised, load = self.problem.must_survive, prices.load[:, services]
        charged = load.any(axis=(1, 2, 3))
        hard, soft = np.flatnonzero(charged & promised), np.flatnonzero(charged & ~promised)
        if hard.size:
            each = np.moveaxis(load[hard], 3, 2).reshape(hard.size, -1, load.shape[2])
            rps = np.moveaxis(self.problem.demand_rps[services][:, origins], 1, 0)
            worth = self.sums.along(each.swapaxes(0, 1), hard)
            cost = cost + rps.reshape(origins.size, -1) @ worth
        if soft.size:
            cost = cost + self._soft(services, origins, load[soft], soft)
        use = prices.use[services][:, origins].sum(axis=0)
        return cost + self.sums.met(use, np.flatnonzero(promised)) if use.any() else cost

    def _soft(self, services: Ints, origins: Ints, load: Floats, states: Ints) -> Floats:
        """Return what lists are charged in states that are not promised: only where admissible."""
        able = self.problem.state_admissible[np.ix_(states, services, origins)]
        rps = self.problem.demand_rps[np.ix_(services, origins)]
        value = np.einsum("ksrh,soh,ksor->okr", load, rps, able)
        return self.sums.along(value, states)


def _short(problem: Problem, few: Bools) -> OrderColumns:
    """Return all columns of some hosts and origins, at their price among all of them."""
    rps = problem.demand_rps * few[problem.host_of_service][:, :, None]
    short = order_columns(replace(problem, demand_rps=rps))
    usd = column_costs(problem, short.host, short.origin, short.serve)
    return replace(short, cost_usd_month=usd)


def _followable(problem: Problem, sums: ListSums, valid: Bools, called: Bools) -> Bools:
    """Return which lists serve in every promised state from a region that may, shape (G, O, L).

    Each of their regions may serve in some promised state, also where none follows them so far.
    """
    promised = np.flatnonzero(problem.must_survive)
    never = ~np.any(valid[promised], axis=0)
    different = sums.different & (sums.beyond(problem.must_survive.astype(float)) < 0.5)
    lists = np.zeros((*called.shape, different.size), bool)
    for host, origin in np.argwhere(called):
        wrong = ~valid[promised, host, origin]
        faults = sums.along(wrong[None], promised) + sums.over(never[host, origin][None])
        lists[host, origin] = (faults[0] < 0.5) & different
    return lists


def _first_usd(problem: Problem) -> Floats:
    """Return what latency costs each host and origin in each region, shape (G, O, R)."""
    hosts, origins = len(problem.axes.hosts), problem.demand_rps.shape[1]
    regions = problem.region_up.shape[1]
    host, origin, region = (i.ravel() for i in np.indices((hosts, origins, regions)))
    no_loss = replace(problem, usd_per_lost_request=0.0)
    return column_costs(no_loss, host, origin, region[None]).reshape(hosts, origins, regions)


def _lost_usd(problem: Problem, sums: ListSums) -> Floats | None:
    """Return what lists leave unserved in states that are not promised, shape (G, O, L)."""
    lost = lost_usd_per_rps(problem) * ~problem.must_survive
    states = np.flatnonzero(lost)
    if not states.size:
        return None
    mean_rps = problem.demand_rps.mean(axis=2)
    hosts, origins = len(problem.axes.hosts), mean_rps.shape[1]
    usd = np.zeros((hosts, origins, sums.different.size))
    nobody = sums.beyond(lost)
    for service, origin in np.argwhere(mean_rps > 0):
        unable = ~problem.state_admissible[states, service, origin]
        each = sums.along((unable * lost[states, None])[None], states)[0] + nobody
        usd[problem.host_of_service[service], origin] += mean_rps[service, origin] * each
    return usd


def worth_pricing(problem: Problem) -> bool:
    """Return whether orders are too many to list and few enough to price.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    bool
        False where an origin cannot be split: every order is then a choice of its own.
    """
    states, regions = problem.region_up.shape
    length = promised_depth(problem) + 1
    lists = len(problem.axes.hosts) * len(problem.axes.origins) * float(regions) ** length
    beginnings = states * float(regions) ** (length - 1)
    if not problem.split_origins or max(lists, beginnings) > _MOST_NUMBERS:
        return False
    if order_counts(problem, length).max(initial=0.0) <= _MANY_ORDERS:
        return False
    classes = order_counts(merged_origins(problem).problem, length)
    return bool((classes + order_counts(problem, 1)).max() > _MANY_ORDERS)

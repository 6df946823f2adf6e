"""Branch and cut over a month's regions, services, servers and replicas, for given prices.

The same tree as that of a plan (`planner.optimization.branch`), with servers among the integers:
a candidate is replicas and the fewest servers that hold them.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np

from planner.errors import Infeasible, SolverStopped
from planner.optimization.candidates import Candidate
from planner.optimization.month import Month
from planner.optimization.optimize import solve
from planner.optimization.stopping import Stop, closed
from planner.problem.arrays import Floats, Ints
from planner.problem.offers import with_servers

_INTEGRAL = 1e-6

_SETTLE_S = 20.0
"""Seconds that the main job may take for given servers."""


@dataclass(frozen=True)
class MonthPlan:
    """Servers and replicas of a month that keep every promise.

    Attributes
    ----------
    added : ndarray of int, shape (N,)
        Servers added to each pool.
    replicas : ndarray of int, shape (S, R)
        Replicas.
    running_usd : float
        The scenario's own objective, US dollars a month; servers and power are not in it.
    """

    added: Ints
    replicas: Ints
    running_usd: float

    def cost_usd(self, price_usd: Floats) -> float:
        """Return what it costs with a price on every added server.

        Parameters
        ----------
        price_usd : ndarray, shape (N,)
            Price of a server of each pool, US dollars a month.
        """
        return self.running_usd + float(price_usd @ self.added)


@dataclass(frozen=True)
class Cheapest:
    """The cheapest plan of a month for given prices.

    Attributes
    ----------
    plan : MonthPlan or None
        None where none was found.
    bound : float
        No plan of the month costs less, US dollars a month; inf where there is none.
    """

    plan: MonthPlan | None
    bound: float


@dataclass(order=True)
class _Node:
    """One node: bounds of the integer columns and the bound of its parent."""

    bound: float
    number: int
    low: Floats = field(compare=False)
    high: Floats = field(compare=False)


@dataclass
class _Search:
    """The open nodes, the best plan and the least bound that was cut off."""

    month: Month
    price_usd: Floats
    gap: float
    best: MonthPlan | None
    nodes: list[_Node] = field(default_factory=list)
    cut_off: float = np.inf
    made: int = 0

    @property
    def limit(self) -> float:
        """The bound from which a node can be dropped."""
        if self.best is None:
            return np.inf
        cost = self.best.cost_usd(self.price_usd)
        return cost - self.gap * max(abs(cost), 1e-9)

    @property
    def bound(self) -> float:
        """The proven lower bound."""
        least = min((node.bound for node in self.nodes), default=np.inf)
        known = self.best.cost_usd(self.price_usd) if self.best else np.inf
        return float(min(least, self.cut_off, known))

    def offer(self, found: Candidate | None, wanted: Floats) -> None:
        """Take a candidate with the fewest servers that hold it, if that is cheaper."""
        if found is None or found.objective >= self.limit + self.gap * abs(found.objective):
            return
        added = fewest_servers(self.month, found.replicas, wanted, self.price_usd)
        if added is None:
            return
        plan = MonthPlan(added, found.replicas, found.objective)
        if self.best is None or plan.cost_usd(self.price_usd) < self.best.cost_usd(self.price_usd):
            self.best = plan


def cheapest(
    month: Month, price_usd: Floats, *, known: MonthPlan | None = None, gap: float, stop: Stop
) -> Cheapest:
    """Find the cheapest plan of a month for given prices of servers.

    Parameters
    ----------
    month : Month
        Its program; rows and cuts grow.
    price_usd : ndarray, shape (N,)
        What an added server of each pool costs, US dollars a month.
    known : MonthPlan, optional
        A plan to start from.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.

    Returns
    -------
    Cheapest
        The best plan and the bound.

    Notes
    -----
    Where origins cannot be split every order column is binary: HiGHS branches then.
    """
    month.charge(price_usd)
    search = _Search(month, price_usd, gap, known)
    root = month.steered.root(gap / 3, stop)
    if root.status == "infeasible":
        return Cheapest(None, np.inf)
    if root.x is None:
        return Cheapest(known, -np.inf)
    servers = root.x[month.servers.added]
    search.offer(month.steered.dived(root, gap, stop), servers)
    search.offer(month.steered.near(root.x, stop), servers)
    if search.best is not None and search.best is not known:
        search.best = settled(month, search.best, gap / 3, stop)
    if month.problem.steering == "static" and not month.problem.split_origins:
        return _solved_whole(search, root.bound, stop)
    if search.best is not None:
        month.steered.cap(root, search.best.cost_usd(price_usd))
    low, high = month.steered.program.bounds(month.integer)
    _push(search, root.bound, low, high)
    while search.nodes and not stop.passed():
        node = heapq.heappop(search.nodes)
        if node.bound >= search.limit:
            search.cut_off = min(search.cut_off, node.bound)
            break
        _expand(search, node, stop)
    month.steered.program.bound_columns(month.integer, low, high)
    month.steered.cap(root, np.inf)
    return Cheapest(search.best, search.bound)


def settled(month: Month, plan: MonthPlan, gap: float, stop: Stop) -> MonthPlan:
    """Return the best plan with the same servers: that of the main job.

    Parameters
    ----------
    month : Month
        The month.
    plan : MonthPlan
        A plan that keeps every promise.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.

    Returns
    -------
    MonthPlan
        At most as dear as the plan given.
    """
    pools = with_servers(month.problem, month.offers, plan.added)
    try:
        found = solve(pools, gap=gap, time_limit_s=_SETTLE_S, stop=stop)
    except (Infeasible, SolverStopped):
        return plan
    if found.objective >= plan.running_usd:
        return plan
    return MonthPlan(plan.added, found.replicas, found.objective)


def _solved_whole(search: _Search, bound: float, stop: Stop) -> Cheapest:
    """Let HiGHS branch, and ask again as long as its answer breaks a row that was left out."""
    month = search.month
    while not stop.passed():
        result = month.steered.program.integral(stop, search.gap / 3)
        if result.status == "infeasible":
            return Cheapest(search.best, search.bound)
        bound = max(bound, result.bound)
        if result.x is None:
            break
        search.offer(month.steered.at(result.x, stop), result.x[month.servers.added])
        cost = search.best.cost_usd(search.price_usd) if search.best else None
        if closed(cost, bound, search.gap) or not month.steered.missing(result.x):
            break
    known = search.best.cost_usd(search.price_usd) if search.best else np.inf
    return Cheapest(search.best, min(bound, known))


def _push(search: _Search, bound: float, low: Floats, high: Floats) -> None:
    """Add a node."""
    heapq.heappush(search.nodes, _Node(bound, search.made, low, high))
    search.made += 1


def _expand(search: _Search, node: _Node, stop: Stop) -> None:
    """Solve a node, look for a candidate, and branch."""
    month, steered = search.month, search.month.steered
    steered.program.bound_columns(month.integer, node.low, node.high)
    result = steered.relaxed(search.gap / 3, stop, search.limit)
    if result.status == "infeasible":
        return
    if result.status != "optimal" or result.x is None:
        heapq.heappush(search.nodes, node)
        return
    servers = result.x[month.servers.added]
    search.offer(steered.near(result.x, stop), servers)
    value = result.x[month.integer]
    fraction = np.abs(value - np.rint(value))
    if result.objective >= search.limit:
        search.cut_off = min(search.cut_off, result.objective)
        return
    if fraction.max(initial=0.0) <= _INTEGRAL:
        search.offer(steered.at(result.x, stop), servers)
        search.cut_off = min(search.cut_off, result.objective)
        return
    at = int(np.where(fraction > _INTEGRAL, month.rank * (fraction + 0.3), 0.0).argmax())
    high, low = node.high.copy(), node.low.copy()
    high[at], low[at] = np.floor(value[at]), np.ceil(value[at])
    _push(search, result.objective, low, node.high)
    _push(search, result.objective, node.low, high)


def fewest_servers(month: Month, replicas: Ints, wanted: Floats, price_usd: Floats) -> Ints | None:
    """Return servers that hold replicas: those wanted, more while they do not, fewer while they do.

    Parameters
    ----------
    month : Month
        The month.
    replicas : ndarray of int, shape (S, R)
        Replicas.
    wanted : ndarray, shape (N,)
        Where to start, such as a relaxation's servers.
    price_usd : ndarray, shape (N,)
        Price of a server of each pool, US dollars a month.

    Returns
    -------
    ndarray of int, shape (N,), or None
        None where the steps found none; no server can be taken away from what is found.

    Notes
    -----
    Local: two small servers in place of a large one are not tried.
    """
    most = month.servers.room.most
    added = np.minimum(np.ceil(wanted - 1e-6).astype(np.int64), most)
    while not month.holds(added, replicas):
        grown = _grown(month, added, replicas, price_usd)
        if grown is None:
            return None
        added = grown
    for pool in np.argsort(-price_usd, kind="stable"):
        while added[pool] > 0:
            fewer = added.copy()
            fewer[pool] -= 1
            if not month.holds(fewer, replicas):
                # A founded pool whose last but one server is lost holds nothing: try none at all.
                fewer[pool] = 0
                if added[pool] != 2 or not month.holds(fewer, replicas):
                    break
            added = fewer
    return added


def _grown(month: Month, added: Ints, replicas: Ints, price_usd: Floats) -> Ints | None:
    """Add the cheapest server to every region that is too small; None where none is left."""
    room, pools = month.servers.room, month.offers.pools
    small = ~month.fitting(added, replicas)
    grown = added.copy()
    for region in np.flatnonzero(small):
        left = np.flatnonzero((pools.region == region) & (added < room.most))
        if not left.size:
            return None
        each = price_usd[left] / np.maximum(pools.cpu_cores[left], 1e-9)
        pool = left[int(each.argmin())]
        grown[pool] += 1 + (room.lost[pool] if added[pool] == 0 else 0)
    return np.minimum(grown, room.most) if small.any() else None

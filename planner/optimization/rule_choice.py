"""One rule an origin without a solver: the nearest to given shares, then exchanged one by one.

Each host and origin in turn takes the rule that adds least: its own price, and the replicas that
the loads call for beyond those at hand.  The result is judged like any other candidate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from planner.optimization.candidates import Candidate, better, judged
from planner.optimization.loads import loads_rps, needed_replicas
from planner.optimization.rules import RuleColumns
from planner.optimization.static import StaticProgram
from planner.optimization.stopping import Stop
from planner.optimization.uplink_use import uplink_part, uplink_use
from planner.problem.arrays import Floats, Ints
from planner.problem.packing import fits

_PASSES = 6
_DEAR = 100.0
"""Factor on replicas that a region cannot hold beside the others."""

_FULL_USD = 1e5
"""US dollars a month for an uplink that is asked for twice what it has."""


@dataclass(frozen=True)
class Chosen:
    """A rule for every host and origin.

    Attributes
    ----------
    rule : ndarray of int, shape (P,)
        Index of the rule of each host and origin, ascending.
    candidate : Candidate or None
        The plan that they make with as many replicas as it needs; None where it does not hold.
    """

    rule: Ints
    candidate: Candidate | None

    def better_than(self, other: Chosen | None) -> bool:
        """Return whether it holds and is cheaper than another that may not.

        Parameters
        ----------
        other : Chosen or None
            The other.

        Returns
        -------
        bool
            True for a plan against none.
        """
        if self.candidate is None:
            return False
        if other is None or other.candidate is None:
            return True
        return self.candidate.objective < other.candidate.objective


def chosen(static: StaticProgram, rules: RuleColumns, rule: Ints, hand: Ints) -> Chosen:
    """Return a choice with its plan, judged.

    Parameters
    ----------
    static : StaticProgram
        The program; it is not solved.
    rules : RuleColumns
        The rules.
    rule : ndarray of int, shape (P,)
        The rule of every host and origin.
    hand : ndarray of int, shape (S, R)
        Replicas at hand.

    Returns
    -------
    Chosen
        With the fewest replicas that keep every promise, or with those at hand if that is cheaper.
    """
    share = np.asarray(rules.matrix[:, rule].sum(axis=1)).ravel()
    needed = needed_replicas(static.problem, loads_rps(static.problem, static.columns, share))
    found = judged(static, needed, share)
    if (hand > needed).any():
        # More than is promised may pay where lost requests have a price.
        found = better(found, judged(static, np.maximum(needed, hand), share))
    return Chosen(rule, found)


def nearest_rules(rules: RuleColumns, share: Floats) -> Ints:
    r"""Return for every host and origin the rule nearest to its shares.

    .. math:: \arg\min_q \sum_c |M_{cq} - \text{share}_c|

    Parameters
    ----------
    rules : RuleColumns
        The rules.
    share : ndarray, shape (C,)
        Part of the demand of its host and origin on each order column.

    Returns
    -------
    ndarray of int, shape (P,)
        The first of several that are equally near.
    """
    matrix = rules.matrix
    column = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    wanted = share[matrix.indices]
    # What both leave out is the same for every rule of an origin.
    part = np.abs(matrix.data - wanted) - wanted
    distance = np.bincount(column, weights=part, minlength=matrix.shape[1]).astype(float)
    return _first_least(rules.group, distance)


def or_near(
    static: StaticProgram, rules: RuleColumns, best: Chosen, plan: Candidate | None
) -> Chosen:
    """Return the rules nearest to another plan, where these are cheaper.

    Parameters
    ----------
    static : StaticProgram
        The program; it is not solved.
    rules : RuleColumns
        The rules.
    best : Chosen
        What is known.
    plan : Candidate or None
        The other plan, such as one of lists, which are rules themselves.

    Returns
    -------
    Chosen
        The cheaper one.
    """
    if plan is None:
        return best
    found = chosen(static, rules, nearest_rules(rules, plan.share), plan.replicas)
    return found if found.better_than(best) else best


def _first_least(group: Ints, value: Floats) -> Ints:
    """Return the first index of the least value of each group."""
    order = np.lexsort((np.arange(group.size), np.round(value, 9), group))
    first: Ints = order[np.flatnonzero(np.diff(group[order], prepend=-1))]
    return first


def exchanged(
    static: StaticProgram,
    rules: RuleColumns,
    start: Ints,
    price: Floats,
    rank: Floats,
    replicas: Ints,
    stop: Stop,
    most: int = 60,
) -> Chosen:
    """Exchange rules one by one as long as that helps.

    Parameters
    ----------
    static : StaticProgram
        The program; it is not solved.
    rules : RuleColumns
        The rules.
    start : ndarray of int, shape (P,)
        The rule of every host and origin to begin with.
    price : ndarray, shape (Q,)
        What each rule costs by itself.
    rank : ndarray, shape (Q,)
        Of each host and origin the rules with the least are looked at.
    replicas : ndarray of int, shape (S, R)
        Replicas at hand; only what is needed beyond them costs.
    stop : Stop
        When to stop.
    most : int
        Rules of each host and origin that are looked at.

    Returns
    -------
    Chosen
        At the end of the exchange, which may be worse than the start where it did not hold.

    Notes
    -----
    A heuristic without a bound.  Only hours are looked at whose load rows are in the program; the
    plan is judged with all.
    """
    board = _board(static, rules, start, replicas)
    looked = [_looked_at(rules, rank, int(q), most) for q in start]
    weight = static.problem.demand_rps.max(axis=2).sum(axis=0)[board.origin]
    sequence = np.lexsort((np.arange(start.size), -weight)).tolist()
    for _ in range(_PASSES):
        changed = False
        for place in sequence:
            changed |= board.exchange(place, looked[place], price)
            if stop.passed():
                return chosen(static, rules, board.rule, replicas)
        if not changed:
            break
    return chosen(static, rules, board.rule, replicas)


def _looked_at(rules: RuleColumns, rank: Floats, rule: int, most: int) -> Ints:
    """Return the rules of one host and origin that an exchange looks at, `rule` the first."""
    begin, end = np.searchsorted(rules.group, rules.group[rule] + np.arange(2))
    best = begin + np.argsort(rank[begin:end], kind="stable")[:most]
    return np.append(rule, best[best != rule])


@dataclass
class _Board:
    """Loads of a choice of rules in promised states, kept up to date."""

    static: StaticProgram
    rules: RuleColumns
    rule: Ints  # (P,)
    host: Ints  # (P,)
    origin: Ints  # (P,)
    replicas: Ints  # (S, R)
    usd_each: Floats  # (S, R), of a replica beyond those
    lands: csr_array  # (K·R, C)
    one_rps: Floats  # (K, S, R)
    demand_rps: Floats  # (S, O, H)
    uplink_part: Floats  # (S, R), of the uplink for one request per second
    load: Floats  # (K, S, R, H)

    def exchange(self, place: int, looked: Ints, price: Floats) -> bool:
        """Give one host and origin the rule that adds least; return whether it is another."""
        mine = np.flatnonzero(self.static.problem.host_of_service == self.host[place])
        rps = self.demand_rps[mine, self.origin[place]]
        every = np.append(self.rule[place], looked)
        part = self._parts(every)
        others = self.load[:, mine] - part[0][:, None, :, None] * rps[:, None, :]
        loads = others + part[:, :, None, :, None] * rps[:, None, :]
        usd = self._replicas_usd(loads.max(axis=4), mine) + self._uplinks_usd(loads, mine)
        usd += price[every]
        best = int(usd.argmin())
        if usd[best] >= usd[0] - 1e-9 * max(1.0, abs(usd[0])):
            return False
        self.load[:, mine] = loads[best]
        self.rule[place] = every[best]
        return True

    def _parts(self, rule: Ints) -> Floats:
        """Return the part of an origin that each region serves in each state, shape (Q, K, R)."""
        part = (self.lands @ self.rules.matrix[:, rule]).toarray()
        return np.ascontiguousarray(part.T).reshape(rule.size, len(self.one_rps), -1)

    def _replicas_usd(self, peak: Floats, mine: Ints) -> Floats:
        """Return what replicas beyond those at hand cost, shape (Q,); `peak` is (Q, K, S, R)."""
        problem, one = self.static.problem, self.one_rps[:, mine]
        each = np.divide(peak, one, out=np.zeros(peak.shape), where=one > 0).max(axis=1)
        needed = np.where(each > 1e-9, np.maximum(each, problem.min_replicas[mine]), 0.0)
        opened = (needed > 0).any(axis=1) & ~(self.replicas > 0).any(axis=0)
        extra = np.maximum(needed - self.replicas[mine], 0.0)
        # Half by the whole replica: what little is left over is worth clearing away.
        extra = (extra + np.ceil(extra - 1e-6)) / 2
        usd: Floats = (self.usd_each[mine] * extra).sum(axis=(1, 2))
        return usd + opened @ problem.fixed_cost_usd_month

    def _uplinks_usd(self, loads: Floats, mine: Ints) -> Floats:
        """Return what uplinks beyond their capacity cost, shape (Q,); loads are (Q, K, S, R, H)."""
        rest = np.delete(np.arange(len(self.uplink_part)), mine)
        beside = uplink_use(self.uplink_part[rest], self.load[:, rest])
        used = np.einsum("qksrh,sr->qkrh", loads, self.uplink_part[mine]) + beside
        over: Floats = np.maximum(used.max(axis=(1, 3)) - 1.0, 0.0).sum(axis=1)
        return _FULL_USD * over


def _board(static: StaticProgram, rules: RuleColumns, start: Ints, replicas: Ints) -> _Board:
    """Lay out the loads of a choice."""
    problem, columns = static.problem, static.columns
    promised = np.flatnonzero(problem.must_survive)
    matters = static.load_row[promised].any(axis=(0, 1, 2))
    matters |= static.uplink_row[promised].any(axis=(0, 1))
    hours = np.flatnonzero(matters)
    share = np.asarray(rules.matrix[:, start].sum(axis=1)).ravel()
    group, origins = rules.group[start], columns.called.shape[1]
    return _Board(
        static=static,
        rules=rules,
        rule=start.copy(),
        host=group // origins,
        origin=group % origins,
        replicas=replicas,
        usd_each=_usd_each(static, replicas),
        lands=_lands(columns.serve[promised].astype(np.int64), problem.rps_per_replica.shape[1]),
        one_rps=static.one_rps[promised],
        demand_rps=problem.demand_rps[:, :, hours],
        uplink_part=uplink_part(problem),
        load=loads_rps(problem, columns, share)[promised][..., hours],
    )


def _lands(serve: Ints, regions: int) -> csr_array:
    """Return where each order column lands in each state, shape (K·R, C); none is missing."""
    row = np.arange(len(serve))[:, None] * regions + serve
    column = np.broadcast_to(np.arange(serve.shape[1]), serve.shape)
    shape = (len(serve) * regions, serve.shape[1])
    return csr_array((np.ones(row.size), (row.ravel(), column.ravel())), shape=shape)


def _usd_each(static: StaticProgram, replicas: Ints) -> Floats:
    """Return the price of one more replica, dear where it does not fit beside those at hand."""
    problem, usd = static.problem, static.problem.cost_usd_month.copy()
    for service, region in np.ndindex(usd.shape):
        more = replicas.copy()
        more[service, region] += 1
        room = more[service, region] <= static.master.bound[service, region]
        if not (room and fits(problem, static.master.limits, more)[region]):
            usd[service, region] = _DEAR * max(float(usd[service, region]), 1.0)
    return usd

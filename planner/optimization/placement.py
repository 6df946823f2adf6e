"""A plan without a solver: origins placed one by one, in one or more equal parts.

Parts of origins are placed in decreasing demand, each on the column that adds least (its own cost
and the replicas that its loads call for), then taken up and placed again as long as that helps.
Whole origins are large pieces, which single moves leave where they are: so a few are taken up
together and placed in another order, again and again, and what is not much dearer is gone on with.
It starts problems whose DNS target cannot divide an origin (one part), there also from where most
of each origin is in the relaxation, and answers where a limit came before any other plan.  The
result is judged like any other candidate.

References
----------
G. Schrimpf, J. Schneider, H. Stamm-Wilbrandt and G. Dueck, "Record breaking optimization results
using the ruin and recreate principle", Journal of Computational Physics 159, 2000,
doi 10.1006/jcph.1999.6413.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.candidates import Candidate, better, judged
from planner.optimization.loads import TOLERANCE, needed_replicas
from planner.optimization.static import StaticProgram
from planner.optimization.stopping import NEVER, Stop
from planner.optimization.uplink_use import excess_with_each, uplink_part, uplink_use
from planner.problem.arrays import Floats, Ints

_PASSES = 8

_GRACE_S = 3.0
"""Seconds that a first placement may take, be there time left or not."""

_TAKEN = 30
"""Most origins that are taken up together."""

_WORSE = 0.003
"""Relative amount that a placement may be dearer than the best at first; it falls to nothing."""

_FULL_TAKEN, _FULL_WORSE = 60, 0.02
"""The same two where uplinks may be full: there many have to move before anything is cheaper."""

_FULL_USD = 5e3
"""US dollars a month for an uplink that is asked for twice what it has."""

_RUINS = 64
"""How often, for each origin, a few are taken up where looking at all columns of one is quick."""

_MOST = 64
"""Origins from which on it is not more often."""

_QUICK = 30_000
"""Replicas, times columns of an origin, that are looked at in a tenth of a millisecond or so."""


@dataclass
class _Placing:
    """Where parts of origins are.

    Attributes
    ----------
    static : StaticProgram
        The program.
    promised : ndarray of int, shape (K,)
        The states that are looked at.
    groups : list of ndarray of int
        Columns of each part, in decreasing demand.
    part : float
        How much of its origin each is.
    chosen : ndarray of int, shape (G,)
        Its column; -1 for none.
    load : ndarray, shape (K, S, R, H)
        Loads of promised states.
    most : ndarray, shape (S, R)
        Most replicas that the program allows now.
    uplinks : ndarray, shape (S, R)
        Part of each uplink that one request per second takes.
    """

    static: StaticProgram
    promised: Ints
    groups: list[Ints]
    part: float
    chosen: Ints
    load: Floats
    most: Floats
    uplinks: Floats

    @classmethod
    def of(cls, static: StaticProgram, parts: int) -> _Placing:
        """Return one with nothing placed."""
        columns, problem = static.columns, static.problem
        weight = problem.demand_rps.max(axis=2).sum(axis=0)
        _, first = np.unique(np.sort(columns.group), return_index=True)
        each = np.split(np.argsort(columns.group, kind="stable"), first[1:])
        groups = [members for members in each if members.size for _ in range(parts)]
        groups.sort(key=lambda members: (-weight[columns.origin[members[0]]], int(members[0])))
        promised, hours = np.flatnonzero(problem.must_survive), problem.demand_rps.shape[2]
        load = np.zeros((promised.size, *problem.min_replicas.shape, hours))
        most = static.program.bounds(static.master.replicas.ravel())[1]
        most = most.reshape(problem.min_replicas.shape)
        chosen, uplinks = np.full(len(groups), -1), uplink_part(problem)
        return cls(static, promised, groups, 1.0 / parts, chosen, load, most, uplinks)

    @property
    def may_fill_uplinks(self) -> bool:
        """Whether all requests together fill an uplink."""
        return bool(self.uplinks.any())

    @property
    def whole(self) -> bool:
        """Whether every part is placed."""
        return not bool((self.chosen < 0).any())

    def put(self, near: Floats) -> None:
        """Place every part on the column of its origin that has the largest share."""
        for index, members in enumerate(self.groups):
            column = int(members[near[members].argmax()])
            _add(self.static, self.promised, self.load, column, self.part)
            self.chosen[index] = column

    def take(self, index: int) -> None:
        """Take a part up."""
        if self.chosen[index] >= 0:
            _add(self.static, self.promised, self.load, int(self.chosen[index]), -self.part)
        self.chosen[index] = -1

    def place(self, index: int) -> None:
        """Place a part that is not placed where it adds least."""
        members = self.groups[index]
        column = self._cheapest(members)
        _add(self.static, self.promised, self.load, column, self.part)
        self.chosen[index] = column

    def _cheapest(self, members: Ints) -> int:
        """Return the column that adds least to cost, replicas that do not fit costing tenfold."""
        static, part = self.static, self.part
        needed = _needed_with_each(static, self.promised, self.load, members, part)
        price = part * static.columns.cost_usd_month[members]
        price = price + _running_usd(static, self.most, needed)
        if self.may_fill_uplinks:
            price += _FULL_USD * self._excess_with_each(members)
        return int(members[np.flatnonzero(price <= price.min() + 1e-9)[0]])

    def _excess_with_each(self, members: Ints) -> Floats:
        """Return the excess of uplinks with each column more, shape (M,)."""
        problem, columns, first = self.static.problem, self.static.columns, members[0]
        mine = np.flatnonzero(problem.host_of_service == columns.host[first])
        more = self.part * problem.demand_rps[mine, columns.origin[first]]
        serve = columns.serve[self.promised[:, None], members].astype(np.int64)
        return excess_with_each(self.uplinks, self.load, more, mine, serve)

    def improve(self, stop: Stop) -> None:
        """Place every part, and again as long as that helps and time is left."""
        for _ in range(_PASSES):
            before = self.chosen.copy()
            for index in range(len(self.groups)):
                if stop.passed():
                    return
                self.take(index)
                self.place(index)
            if np.array_equal(before, self.chosen):
                break

    def usd(self) -> float:
        """Return what the placement costs with whole replicas; what is beyond the room is dear."""
        needed = _needed(self.load, self.static.one_rps[self.promised])
        whole = np.ceil(needed - TOLERANCE)
        steering = self.part * self.static.columns.cost_usd_month[self.chosen].sum()
        if self.may_fill_uplinks:
            used = uplink_use(self.uplinks, self.load).max(axis=(0, 2))
            steering += _FULL_USD * np.maximum(used - 1.0, 0.0).sum()
        return float(steering + _running_usd(self.static, self.most, whole[None])[0])

    def restore(self, chosen: Ints, load: Floats) -> None:
        """Go back to an earlier placement."""
        self.chosen, self.load = chosen.copy(), load.copy()

    def candidate(self) -> Candidate | None:
        """Return the placement as a plan, where all is placed and it is one."""
        problem = self.static.problem
        if not self.whole:
            return None
        share = np.zeros(self.static.columns.host.size)
        np.add.at(share, self.chosen, self.part)
        full = np.zeros((problem.region_up.shape[0], *self.load.shape[1:]))
        full[self.promised] = self.load
        replicas = needed_replicas(problem, full)
        return None if (replicas > self.most).any() else judged(self.static, replicas, share)


def place_origins(
    static: StaticProgram,
    parts: int,
    *,
    near: Floats | None = None,
    ruins: int = 0,
    stop: Stop = NEVER,
) -> Candidate | None:
    """Return a plan with a few orders for every host and origin, or None where it does not fit.

    Parameters
    ----------
    static : StaticProgram
        The program; it is not solved.
    parts : int
        Equal parts that each origin may be divided into.
    near : ndarray, shape (C,), optional
        Shares of the relaxation: a second placement begins with every part where most of its
        origin is, and the cheaper one is gone on with.
    ruins : int
        How often a few origins are taken up together and placed anew (`ruins_for`).
    stop : Stop
        When to stop; a first placement has some seconds all the same.

    Returns
    -------
    Candidate or None
        The plan, if it keeps every promise.

    Notes
    -----
    A heuristic without a bound: where room is scarce it may find no plan although there is one.
    """
    # A first plan is worth a little time also where the limit has passed, or Ctrl-C has come.
    placing = _first_placing(static, parts, near, Stop(max(_GRACE_S, stop.left_s())))
    plain = placing.candidate()
    if not ruins or not placing.whole:
        return plain
    _ruin_and_recreate(placing, ruins, np.random.default_rng(0), stop)
    # What is a little beyond the room and cheap is no plan.
    return better(plain, placing.candidate())


def _first_placing(static: StaticProgram, parts: int, near: Floats | None, stop: Stop) -> _Placing:
    """Place all parts in decreasing demand, or from where a relaxation has them: the cheaper."""
    plain = _Placing.of(static, parts)
    plain.improve(stop)
    if near is None:
        return plain
    other = _Placing.of(static, parts)
    other.put(near)
    other.improve(stop)
    if not plain.whole:
        return other
    return min(plain, other, key=_rank)


def _rank(placing: _Placing) -> tuple[bool, float]:
    """Return what a placement is compared by: plans first, then what it costs, losses included."""
    plan = placing.candidate()
    return (True, placing.usd()) if plan is None else (False, plan.objective)


def ruins_for(static: StaticProgram) -> int:
    """Return how many ruins take some seconds.

    Parameters
    ----------
    static : StaticProgram
        The program.

    Returns
    -------
    int
        Fewer where each placement looks at more; a count, so that the same input gives the same.
        0 where nobody calls.
    """
    problem, columns = static.problem, static.columns
    groups = np.unique(columns.group).size
    if not groups:
        return 0
    cells = problem.must_survive.sum() * problem.min_replicas.size * problem.demand_rps.shape[2]
    looked = float(cells * columns.host.size / groups)
    return int(_RUINS * min(groups, _MOST) * min(1.0, _QUICK / max(1.0, looked)))


def _ruin_and_recreate(placing: _Placing, ruins: int, rng: np.random.Generator, stop: Stop) -> None:
    """Place a few parts anew, together, as often as asked for; keep the cheapest placement."""
    least, worse = placing.usd(), _FULL_WORSE if placing.may_fill_uplinks else _WORSE
    best = placing.chosen.copy(), placing.load.copy()
    for turn in range(ruins):
        if stop.passed():
            break
        before = placing.chosen.copy(), placing.load.copy()
        few = _few(placing, rng)
        for index in few:
            placing.take(int(index))
        for index in rng.permutation(few) if turn % 2 else np.sort(few):
            placing.place(int(index))
        usd = placing.usd()
        if usd > least * (1 + worse * (1 - turn / ruins)):
            placing.restore(*before)
        elif usd < least:
            least, best = usd, (placing.chosen.copy(), placing.load.copy())
    placing.restore(*best)


def _few(placing: _Placing, rng: np.random.Generator) -> Ints:
    """Return a few parts: any, or some of those that one region serves in the normal state."""
    most = _FULL_TAKEN if placing.may_fill_uplinks else _TAKEN
    count = int(rng.integers(2, most + 1))
    among = np.arange(len(placing.groups))
    if rng.random() < 0.5:
        serve = placing.static.columns.serve[0, placing.chosen]
        among = np.flatnonzero(serve == rng.choice(serve))
    return rng.choice(among, size=min(count, among.size), replace=False)


def _add(static: StaticProgram, promised: Ints, load: Floats, column: int, part: float) -> None:
    """Put a column's demand on the regions that serve it in each promised state, or take it off."""
    origin, host = static.columns.origin[column], static.columns.host[column]
    serve = static.columns.serve[promised, column]
    for service in np.flatnonzero(static.problem.host_of_service == host):
        load[np.arange(promised.size), service, serve] += (
            part * static.problem.demand_rps[service, origin]
        )


def _needed_with_each(
    static: StaticProgram, promised: Ints, load: Floats, members: Ints, part: float
) -> Floats:
    """Return the replicas, in fractions, that the loads need with each column more, (M, S, R)."""
    problem, one = static.problem, static.one_rps[promised]
    needed = np.repeat(_needed(load, one)[None], members.size, axis=0)
    origin, host = static.columns.origin[members[0]], static.columns.host[members[0]]
    serve = static.columns.serve[promised[:, None], members]
    state, member = np.indices(serve.shape)
    for service in np.flatnonzero(problem.host_of_service == host):
        more = load[state, service, serve] + part * problem.demand_rps[service, origin]
        able = one[state, service, serve]
        cell = np.divide(more.max(axis=2), able, out=np.zeros(able.shape), where=able > 0)
        np.maximum.at(needed, (member, service, serve), cell)
    return needed


def _needed(load: Floats, one: Floats) -> Floats:
    """Return the replicas, in fractions, that loads (K, S, R, H) need, shape (S, R)."""
    each = np.divide(load.max(axis=3), one, out=np.zeros(one.shape), where=one > 0)
    most: Floats = each.max(axis=0)
    return most


def _running_usd(static: StaticProgram, most: Floats, needed: Floats) -> Floats:
    """Return what replicas (M, S, R) cost, those beyond `most` or the room tenfold, shape (M,)."""
    problem, limits = static.problem, static.master.limits
    replicas = np.where(needed > 0, np.maximum(needed, problem.min_replicas), 0.0)
    runs = replicas > 0
    pods = np.ceil(replicas - TOLERANCE) + problem.surge_replicas[:, None] * runs
    over = np.maximum(limits.used(pods) - np.maximum(limits.room, 0.0), 0.0)
    over /= np.maximum(limits.own, 1e-300)
    over = (over * limits.rows(runs)).max(axis=2)
    dear = over @ (problem.cost_usd_month.max(axis=0) * 10)
    dear += (np.maximum(replicas - most, 0.0) * problem.cost_usd_month * 10).sum(axis=(1, 2))
    active = runs.any(axis=1) @ problem.fixed_cost_usd_month
    usd: Floats = (problem.cost_usd_month * replicas).sum(axis=(1, 2)) + dear + active
    return usd

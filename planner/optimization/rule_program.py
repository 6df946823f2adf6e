r"""The program of rules: static steering with a binary column for each rule.

.. math:: \text{share} = M\, \text{rule}, \qquad
          \sum_{q \in g} \text{rule}_q = 1 \text{ for every host and origin } g

Lists are rules, so the relaxation is that of shares at will, and its reduced costs say which rules
matter: a plan that uses rule ``q`` costs at least the relaxation's objective plus the reduced cost
:math:`\sum_c M_{cq} \bar c_c`.  So the program is solved over the rules of least reduced cost, with
the least of the others' as a floor, and over more of them until the floor no longer decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.optimization.candidates import Candidate
from planner.optimization.loads import judge
from planner.optimization.milp import MilpResult
from planner.optimization.relaxation import add_cuts, add_missing_rows
from planner.optimization.rows import rows
from planner.optimization.rule_choice import Chosen, chosen, exchanged, nearest_rules, or_near
from planner.optimization.rules import RuleColumns
from planner.optimization.search import Found
from planner.optimization.static import (
    StaticProgram,
    add_load_rows,
    point,
    static_program,
)
from planner.optimization.stopping import Stop, closed
from planner.optimization.uplink_rows import add_uplink_rows
from planner.problem.arrays import Floats, Ints

_FIRST_MOST = 2000
_WIDER = 8
"""Rules in the first program, and how many times as many are in the next."""

_BESIDE_PART = 0.2
"""Part of the time for plans beside the free optimum."""

_NEAR = 0.01
"""Relative gap from which on rounded plans are worth a search beside the free optimum."""

_FITTED = 500
"""Rules of each host and origin that are looked at where few did not hold."""

_EACH = 20
"""Rules that every host and origin has in each program."""

_NEARNESS = 1e-6
"""US dollars a month for a ms of backups' round trip: only equals are told apart by it."""


@dataclass(frozen=True)
class _Priced:
    """All rules, with what they cost and what the relaxation says of them.

    `bound` is the relaxation's; `reduced` (Q,) the reduced costs, 0 where nothing is known.
    """

    table: RuleColumns
    cost: Floats
    reduced: Floats
    bound: float


@dataclass(frozen=True)
class _Ruled:
    """The program over some of the rules.

    `which` (P,) are their indices in the table and `at` (P,) their columns in the program; `floor`
    is what every plan costs at least that uses another rule.
    """

    static: StaticProgram
    which: Ints
    at: Ints
    floor: float


def search_ruled(
    free_program: StaticProgram,
    table: RuleColumns,
    free: Found,
    lists: Callable[[], Candidate | None],
    gap: float,
    stop: Stop,
    seed: int,
) -> Found:
    """Solve the program of rules to a relative gap.

    Parameters
    ----------
    free_program : StaticProgram
        The program of shares at will, searched; the rows that it needed are taken over.
    table : RuleColumns
        All rules.
    free : Found
        What that search found.
    lists : callable
        Searches a plan of lists, which are rules too; asked where another plan leaves a gap.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Found
        The best plan with rules and a proven bound.

    Notes
    -----
    Each program is given half of the time that is left, the last one all of it.
    """
    static = _again(free_program, seed)
    root = add_cuts(static, stop, gap / 3)
    if root.status == "infeasible":
        return Found(None, np.inf, feasible=False)
    priced, bound = _priced(static, table, root), max(root.bound, free.bound)
    best = _beside(static, priced, root, free, gap, stop, seed)
    if best.candidate is None or not (closed(_usd(best), bound, gap) or stop.passed()):
        best = or_near(static, table, best, lists())
    most = _FIRST_MOST
    while not stop.passed() and not closed(_usd(best), bound, gap):
        stop.tell(_usd(best), bound)
        fresh = _again(static, seed)
        add_cuts(fresh, stop, gap / 3)
        ruled = _program(fresh, priced, best, most)
        decides = ruled.floor < (np.inf if best.candidate is None else best.candidate.objective)
        best, inside = _branched(ruled, table, best, gap, stop.part(0.5) if decides else stop)
        bound = max(bound, min(inside, ruled.floor))
        if not decides:
            break
        most *= _WIDER
    if best.candidate is None:
        return Found(None, bound, feasible=bound < np.inf)
    best = _near_backups(static, priced, best, stop)
    return Found(best.candidate, bound, feasible=True)


def _usd(best: Chosen) -> float | None:
    """Return what the best plan costs."""
    return None if best.candidate is None else best.candidate.objective


def _again(static: StaticProgram, seed: int) -> StaticProgram:
    """Build a program anew with the load and uplink rows of another, without a search's bounds."""
    fresh = static_program(static.problem, static.columns, seed)
    add_load_rows(fresh, static.load_row)
    add_uplink_rows(fresh, static.uplink_row >= 0)
    return fresh


def _priced(static: StaticProgram, table: RuleColumns, root: MilpResult) -> _Priced:
    """Price rules by the relaxation.

    The least reduced cost of every host and origin is taken off: shares sum to 1, so it belongs to
    that row.
    """
    group = static.columns.group
    reduced = np.zeros(group.size)
    if root.reduced_cost is not None:
        each = root.reduced_cost[static.share]
        least = np.full(group.max(initial=0) + 1, np.inf)
        np.minimum.at(least, group, each)
        reduced = each - least[group]
    matrix = table.matrix.T
    return _Priced(table, matrix @ static.columns.cost_usd_month, matrix @ reduced, root.bound)


def _beside(
    static: StaticProgram,
    priced: _Priced,
    root: MilpResult,
    free: Found,
    gap: float,
    stop: Stop,
    seed: int,
) -> Chosen:
    """Look for a plan beside the free optimum: its replicas or few more.

    With replicas nearly given, the relaxation leaves little to decide.
    """
    if free.best is None:
        x = np.zeros(static.program.columns) if root.x is None else root.x
        share = np.clip(x[static.share], 0.0, 1.0)
        replicas = np.ceil(x[static.master.replicas] - 1e-6).astype(np.int64)
        return _rounded(static, priced, share, replicas, stop)
    fresh, replicas = _again(static, seed), free.best.replicas
    _box(fresh, replicas, replicas)
    near = _priced(fresh, priced.table, add_cuts(fresh, stop, gap / 3))
    best = _rounded(fresh, near, free.best.share, replicas, stop)
    far = not closed(_usd(best), free.bound, max(gap, _NEAR))
    if best.candidate is None or far or closed(_usd(best), free.bound, gap) or stop.passed():
        # Far from it, or without a plan, HiGHS stays in its heuristics; lists lead farther.
        return best
    _box(fresh, replicas, best.candidate.replicas)
    ruled = _program(fresh, near, best, _FIRST_MOST)
    return _branched(ruled, priced.table, best, gap, stop.part(_BESIDE_PART))[0]


def _box(static: StaticProgram, replicas: Ints, others: Ints) -> None:
    """Bound replicas to what lies between two plans, and one more where the first has any."""
    low = np.minimum(replicas, others)
    high = np.maximum(np.where(replicas > 0, replicas + 1, 0), others)
    high = np.minimum(high, static.master.bound)
    static.program.bound_columns(static.master.replicas.ravel(), low.ravel(), high.ravel())


def _rounded(
    static: StaticProgram, priced: _Priced, share: Floats, replicas: Ints, stop: Stop
) -> Chosen:
    """Round shares to the nearest rules, then exchange them."""
    start = nearest_rules(priced.table, share)
    first = chosen(static, priced.table, start, replicas)
    other = exchanged(static, priced.table, start, priced.cost, priced.reduced, replicas, stop)
    best = first if first.better_than(other) else other
    return best if best.candidate is not None else _fitted(static, priced, start, replicas, stop)


def _fitted(
    static: StaticProgram, priced: _Priced, start: Ints, replicas: Ints, stop: Stop
) -> Chosen:
    """Exchange rules for any that hold, among many, then for cheaper ones."""
    table, cost, free = priced.table, priced.cost, np.zeros(priced.cost.size)
    found = exchanged(static, table, start, free, cost, replicas, stop, _FITTED)
    if found.candidate is None:
        return found
    hand = found.candidate.replicas
    cheaper = exchanged(static, table, found.rule, cost, cost, hand, stop, _FITTED)
    return cheaper if cheaper.better_than(found) else found


def _program(static: StaticProgram, priced: _Priced, best: Chosen, most: int) -> _Ruled:
    """Add the rules of least reduced cost to a program, those of the best plan among them."""
    slack = np.inf if best.candidate is None else best.candidate.objective - priced.bound
    rank = np.argsort(priced.reduced, kind="stable")
    limit = min(slack, priced.reduced[rank[min(most, rank.size) - 1]])
    keep = priced.reduced <= limit
    keep[_least_of_each(priced.table.group, priced.reduced, _EACH)] = True
    keep[best.rule] = True
    out = priced.reduced[~keep]
    floor = priced.bound + out.min() if out.size else np.inf
    which = np.flatnonzero(keep)
    return _Ruled(static, which, _add_rules(static, priced.table.kept(which)), float(floor))


def _least_of_each(group: Ints, value: Floats, count: int) -> Ints:
    """Return the indices of the least values of each group, `count` of each."""
    order = np.lexsort((np.arange(group.size), value, group))
    first = np.searchsorted(group[order], group[order], side="left")
    least: Ints = order[np.arange(group.size) - first < count]
    return least


def _add_rules(static: StaticProgram, rules: RuleColumns) -> Ints:
    """Append a binary column for each rule; each host and origin has one, shares follow."""
    program, matrix = static.program, rules.matrix
    at = program.add_columns(np.zeros(rules.group.size), 0.0, 1.0, integer=True)
    _, row = np.unique(rules.group, return_inverse=True)
    ones = np.ones(int(row.max(initial=-1)) + 1)
    program.add_rows(rows(ones, ones, row, at, np.ones(at.size)))
    zeros = np.zeros(static.share.size)
    entry = np.repeat(at, np.diff(matrix.indptr))
    program.add_rows(
        rows(
            zeros,
            zeros,
            np.concatenate([np.arange(zeros.size), matrix.indices]),
            np.concatenate([static.share, entry]),
            np.concatenate([np.ones(zeros.size), -matrix.data]),
        )
    )
    return at


def _branched(
    ruled: _Ruled, table: RuleColumns, best: Chosen, gap: float, stop: Stop
) -> tuple[Chosen, float]:
    """Let HiGHS branch, and ask again as long as its answer breaks a row that was left out."""
    static, bound = ruled.static, -np.inf
    while not stop.passed():
        result = static.program.integral(stop, gap / 3, start=_start(ruled, best), presolve=True)
        if result.status == "infeasible":
            return best, np.inf
        bound = max(bound, result.bound)
        if result.x is None:
            break
        found = _read(ruled, table, result.x)
        best = found if found.better_than(best) else best
        if closed(_usd(best), bound, gap) or not add_missing_rows(static, result.x, 0.0):
            break
    return best, bound


def _read(ruled: _Ruled, table: RuleColumns, x: Floats) -> Chosen:
    """Read the rules of an integral point."""
    taken = ruled.which[x[ruled.at] > 0.5]
    replicas = np.rint(x[ruled.static.master.replicas]).astype(np.int64)
    return chosen(ruled.static, table, taken, replicas)


def _start(ruled: _Ruled, best: Chosen) -> Floats | None:
    """Return the program's point of the best plan."""
    if best.candidate is None:
        return None
    static, plan = ruled.static, best.candidate
    x = point(
        static,
        plan.replicas,
        plan.share,
        judge(static.problem, static.columns, plan.replicas, plan.share),
    )
    x[ruled.at[np.searchsorted(ruled.which, best.rule)]] = 1.0
    return x


def _near_backups(static: StaticProgram, priced: _Priced, best: Chosen, stop: Stop) -> Chosen:
    """Exchange rules for others of the same cost that fail over to nearer regions."""
    if best.candidate is None:
        return best
    table, usd = priced.table, best.candidate.objective
    now = np.zeros(int(table.group.max()) + 1)
    now[table.group[best.rule]] = priced.cost[best.rule]
    dearer = np.maximum(priced.cost - now[table.group] - 1e-9, 0.0)
    price = _NEARNESS * (table.matrix.T @ _backup_ms(static)) + 1e3 * dearer
    near = exchanged(static, table, best.rule, price, price, best.candidate.replicas, stop)
    if near.candidate is None or near.candidate.objective > usd + 1e-9 * abs(usd):
        return best
    return near


def _backup_ms(static: StaticProgram) -> Floats:
    """Return each order's demand-weighted round trip, a mean over promised states, ms."""
    problem, columns = static.problem, static.columns
    states = np.flatnonzero(problem.must_survive)[1:]
    mean = problem.demand_rps.mean(axis=2)
    total = max(float(mean.sum()), 1e-300)
    ms = np.zeros(columns.host.size)
    for service, host in enumerate(problem.host_of_service):
        mine = np.flatnonzero(columns.host == host)
        origin = columns.origin[mine]
        serve = columns.serve[states][:, mine]
        away = problem.state_rtt_ms[states[:, None], origin, serve].sum(axis=0)
        ms[mine] += mean[service, origin] / total * away / max(1, states.size)
    return np.where(np.isfinite(ms), ms, 1e6)

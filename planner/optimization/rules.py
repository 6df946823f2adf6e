r"""Rule columns: what a DNS target can say about one origin, as mixtures of order columns.

A rule is one ordered list, or a vector of percents on a grid and a list behind it.  When regions
are lost, weighted records renormalise: of the survivors ``U`` region ``r`` serves
:math:`p_r / \sum_{q \in U} p_q`.  By Luce's choice axiom that is what users do who each draw a
whole order of the regions, one after the other without replacement,

.. math:: P(r_1, r_2, \dots) = p_{r_1} \, \frac{p_{r_2}}{1 - p_{r_1}} \,
          \frac{p_{r_3}}{1 - p_{r_1} - p_{r_2}} \cdots

and go to the first that is up.  So a rule is a fixed mixture of order columns,
``share = matrix @ rule``, and whatever works on order shares works on rules.  Where a lost region's
percents go whole to the next of the list, each part is an order column by itself.

References
----------
R. D. Luce, "Individual Choice Behavior", Wiley, 1959; R. L. Plackett, "The analysis of
permutations", Applied Statistics 24, 1975, doi 10.2307/2346567.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np
from scipy.sparse import csc_array

from planner.errors import TooManyRules
from planner.model.policy import DnsRules
from planner.optimization.columns import OrderColumns, lost_usd_per_rps
from planner.problem.arrays import Floats, Ints, Problem

LARGEST = 20_000_000
"""Most entries of the matrix; more would not fit."""

Order = tuple[int, ...]
Index = dict[Order, int]


@dataclass(frozen=True)
class RuleColumns:
    """All rule columns of a problem.

    Attributes
    ----------
    group : ndarray of int, shape (Q,)
        Host and origin of each rule as one number, as in `OrderColumns.group`; ascending.
    percent : ndarray of int, shape (Q, R)
        Percents of the regions with everything up.
    matrix : scipy.sparse.csc_array, shape (C, Q)
        Share of each order column in each rule; columns sum to 1.
    """

    group: Ints
    percent: Ints
    matrix: csc_array

    def kept(self, which: Ints) -> RuleColumns:
        """Return some of the rules.

        Parameters
        ----------
        which : ndarray of int, shape (P,)
            Their indices, ascending.

        Returns
        -------
        RuleColumns
            Those rules.
        """
        return RuleColumns(self.group[which], self.percent[which], self.matrix[:, which])


@dataclass(frozen=True)
class _Block:
    """Rules that differ in their percents only: percents (N, R), entries of (N, P) at columns."""

    percent: Ints
    column: Order
    weight: Floats


def rule_columns(problem: Problem, columns: OrderColumns, rules: DnsRules) -> RuleColumns:
    r"""Enumerate the rules of every host and origin.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    columns : OrderColumns
        Its order columns.
    rules : DnsRules
        What the target can say; 'any' is read as 'percents'.

    Returns
    -------
    RuleColumns
        Only rules of which every order exists, so that each keeps every promised state; of rules
        that do the same in all states that matter only the first.

    Raises
    ------
    TooManyRules
        If there are too many; says what to lower.

    Notes
    -----
    Lists stand first, then percents over two regions, then three.  Of A admissible regions, m are
    named by :math:`\binom Am \binom{n-1}{m-1}` vectors in n steps; with `next` each comes with
    every list that makes a difference.  As with lists, what is lost deeper than is promised counts
    as unserved, although survivors among the named regions would go on serving.

    Examples
    --------
    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.optimization.columns import order_columns
    >>> from planner.problem.build import build_problem
    >>> scenario = read_scenario("taiwan")
    >>> problem = build_problem(scenario, failure_states(scenario))
    >>> columns = order_columns(problem)
    >>> lists = rule_columns(problem, columns, DnsRules(kind="list"))
    >>> lists.matrix.shape[1] == columns.host.size
    True
    >>> found = rule_columns(problem, columns, DnsRules(kind="percents"))
    >>> set(found.percent.sum(axis=1).tolist())
    {100}
    """
    matters = problem.must_survive | (lost_usd_per_rps(problem) > 0)
    group = columns.group
    first = np.flatnonzero(np.diff(group, prepend=-1))
    known: dict[bytes, tuple[Ints, csc_array]] = {}
    percent, matrices, entries = [], [], 0
    for begin, end in zip(first, [*first[1:], group.size], strict=True):
        order, serve = columns.order[begin:end], columns.serve[matters, begin:end].astype(np.int64)
        key = order.tobytes()
        if key not in known:
            known[key] = _rules_of(order, serve, rules, problem.rps_per_replica.shape[1])
        percent.append(known[key][0])
        matrices.append(known[key][1])
        entries += known[key][1].nnz
        if entries > LARGEST:
            raise _too_many(rules)
    counts = [len(p) for p in percent]
    return RuleColumns(
        group=np.repeat(group[first], counts),
        percent=np.concatenate(percent),
        matrix=_diagonal(matrices, first, group.size),
    )


def plackett_luce(percent: Floats, length: int) -> tuple[list[Order], Floats]:
    """Return the orders in which regions are drawn without replacement, and how likely each is.

    Parameters
    ----------
    percent : ndarray, shape (N, M)
        Vectors of positive weights over M regions.
    length : int
        How many are drawn, at most M.

    Returns
    -------
    list of tuple of int
        The orders, places in the vector.
    ndarray, shape (N, P)
        Probability of each order under each vector; rows sum to 1.

    Examples
    --------
    >>> orders, weight = plackett_luce(np.array([[50.0, 30.0, 20.0]]), 2)
    >>> orders[0], round(float(weight[0, 0]), 6)
    ((0, 1), 0.3)
    """
    part = percent / percent.sum(axis=1, keepdims=True)
    orders = list(permutations(range(percent.shape[1]), length))
    weight = np.ones((len(percent), len(orders)))
    for column, order in enumerate(orders):
        for place, region in enumerate(order):
            rest = [q for q in range(percent.shape[1]) if q not in order[:place]]
            weight[:, column] *= part[:, region] / part[:, rest].sum(axis=1)
    return orders, weight


def grid_percents(step: int, regions: int) -> Ints:
    """Return every vector of positive percents in whole steps that adds up to 100.

    Parameters
    ----------
    step : int
        Step, percent; divides 100.
    regions : int
        Length of the vectors.

    Returns
    -------
    ndarray of int, shape (N, regions)
        In lexicographic order; none where the steps are too few.

    Examples
    --------
    >>> grid_percents(25, 3).tolist()
    [[25, 25, 50], [25, 50, 25], [50, 25, 25]]
    """
    steps = 100 // step
    inner = list(combinations(range(1, steps), regions - 1))
    cuts = np.array(inner, np.int64).reshape(len(inner), regions - 1)
    ends = np.pad(cuts, ((0, 0), (1, 1)), constant_values=((0, 0), (0, steps)))
    return np.diff(ends, axis=1) * step


def _rules_of(order: Ints, serve: Ints, rules: DnsRules, regions: int) -> tuple[Ints, csc_array]:
    """Return percents (Q, R) and matrix (C, Q) over the orders of one host and origin."""
    index = {tuple(r for r in row if r >= 0): c for c, row in enumerate(order.tolist())}
    blocks = list(_lists(index, regions))
    if rules.kind != "list":
        blocks += _divided(index, rules, regions)
    column = np.concatenate([np.tile(b.column, len(b.weight)) for b in blocks])
    width = np.concatenate([np.full(len(b.weight), len(b.column)) for b in blocks])
    weight = np.concatenate([b.weight.ravel() for b in blocks])
    rule = np.repeat(np.arange(width.size), width)
    matrix = csc_array((weight, (column, rule)), shape=(len(order), width.size))
    first = _first_of_equals(matrix, serve)
    return np.concatenate([b.percent for b in blocks])[first], matrix[:, first]


def _lists(index: Index, regions: int) -> Iterator[_Block]:
    """Yield the rules that are one ordered list."""
    for order, column in index.items():
        percent = np.zeros((1, regions), np.int64)
        percent[0, order[0]] = 100
        yield _Block(percent, (column,), np.ones((1, 1)))


def _divided(index: Index, rules: DnsRules, regions: int) -> Iterator[_Block]:
    """Yield the rules that divide an origin."""
    allowed = sorted({r for order in index for r in order})
    for size in range(2, min(rules.regions, len(allowed)) + 1):
        percents = grid_percents(rules.grid_percent, size)
        if not len(percents):
            continue
        if rules.on_loss == "next":
            yield from _followed(index, percents, allowed, regions)
        else:
            yield from _renormalised(index, percents, allowed, regions)


def _renormalised(
    index: Index, percents: Ints, allowed: list[int], regions: int
) -> Iterator[_Block]:
    """Yield percents that survivors share in proportion; a list follows where all are lost."""
    length, size = len(next(iter(index))), percents.shape[1]
    drawn, weight = plackett_luce(percents.astype(float), min(size, length))
    for support in combinations(allowed, size):
        others = [r for r in allowed if r not in support]
        for tail in permutations(others, max(0, length - size)):
            orders = [(*(support[i] for i in places), *tail) for places in drawn]
            if all(order in index for order in orders):
                named = _placed(percents, support, regions)
                yield _Block(named, tuple(index[order] for order in orders), weight)


def _followed(index: Index, percents: Ints, allowed: list[int], regions: int) -> Iterator[_Block]:
    """Yield percents each of which goes whole to the next of one list."""
    length = len(next(iter(index)))
    for support in combinations(allowed, percents.shape[1]):
        seen = set()
        for listed in permutations(allowed, length):
            orders = [(r, *(q for q in listed if q != r))[:length] for r in support]
            if not all(order in index for order in orders):
                continue
            column = tuple(index[order] for order in orders)
            if column not in seen:
                seen.add(column)
                yield _Block(_placed(percents, support, regions), column, percents / 100)


def _placed(percents: Ints, support: Order, regions: int) -> Ints:
    """Return the percents by region, shape (N, R)."""
    named = np.zeros((len(percents), regions), np.int64)
    named[:, list(support)] = percents
    return named


def _first_of_equals(matrix: csc_array, serve: Ints) -> Ints:
    """Return the first of all rules that do the same in every state of `serve`, ascending."""
    kinds, kind = np.unique(serve, axis=1, return_inverse=True)
    if kinds.shape[1] == matrix.shape[0]:
        return np.arange(matrix.shape[1])
    count = matrix.shape[0]
    merge = csc_array((np.ones(count), (kind.ravel(), np.arange(count))))
    _, first = np.unique(np.round((merge @ matrix).toarray(), 9), axis=1, return_index=True)
    return np.sort(first)


def _diagonal(matrices: list[csc_array], first: Ints, rows: int) -> csc_array:
    """Put the matrices of all groups along the diagonal of one."""
    row = np.concatenate([m.indices + begin for m, begin in zip(matrices, first, strict=True)])
    width = np.concatenate([np.diff(m.indptr) for m in matrices])
    data = np.concatenate([m.data for m in matrices])
    start = np.concatenate([[0], np.cumsum(width)])
    return csc_array((data, row, start), shape=(rows, width.size))


def _too_many(rules: DnsRules) -> TooManyRules:
    """Say what to lower."""
    return TooManyRules(
        f"rules in steps of {rules.grid_percent} % over {rules.regions} regions are too many to "
        "list; give a larger dns.rules.grid_percent, fewer regions, or kind: list"
    )

"""Order columns: a host name, an origin and the ordered regions that part of its demand follows.

A column of host ``g`` and origin ``o`` is an ordered list as long as the policy's depth + 1, depth
being the largest number of regions down in a promised state.  In state ``k`` the first region of
the list that is up serves it.  The column exists only if, in every promised state, that region is
there and admissible for every service of the host that the origin calls.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from planner.optimization.order_counts import (
    host_admissible,
    host_calls,
    promised_depth,
    refuse_many,
)
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.units import HOURS_PER_MONTH, SECONDS_PER_HOUR

_LARGEST_CODE = 2**62

RegionIndices = NDArray[np.int16]
"""Regions by number, -1 for none: states × columns of them are what takes memory."""


@dataclass(frozen=True)
class OrderColumns:
    """All order columns of a problem.

    Attributes
    ----------
    host, origin : ndarray of int, shape (C,)
        What each column belongs to.
    order : ndarray of int, shape (C, D)
        Regions in order, padded with -1.
    serve : ndarray of int, shape (K, C)
        Region that serves the column in each state; -1 where none of its list is up.
    called : ndarray of bool, shape (G, O)
        Whether the origin has any demand at the host.
    missing : ndarray of int, shape (M, 2)
        Pairs (host, origin) with demand for which no column exists.
    cost_usd_month : ndarray, shape (C,)
        What the whole column costs: its latency, and its demand that nobody serves.
    """

    host: Ints
    origin: Ints
    order: Ints
    serve: RegionIndices
    called: Bools
    missing: Ints
    cost_usd_month: Floats

    @property
    def group(self) -> Ints:
        """Host and origin of each column as one number, shape (C,)."""
        group: Ints = self.host * self.called.shape[1] + self.origin
        return group

    def take(self, kept: Ints) -> OrderColumns:
        """Return some of the columns.

        Parameters
        ----------
        kept : ndarray of int, shape (C',)
            Which ones, in rising order.

        Returns
        -------
        OrderColumns
            The same hosts and origins call, and the same pairs are missing.
        """
        return replace(
            self,
            host=self.host[kept],
            origin=self.origin[kept],
            order=self.order[kept],
            serve=self.serve[:, kept],
            cost_usd_month=self.cost_usd_month[kept],
        )

    @cached_property
    def pattern(self) -> tuple[Ints, Ints]:
        """Columns that show each different order, shape (P,), and each column's one, shape (C,)."""
        code = row_codes(self.order + 1)
        _, first, number = np.unique(code, return_index=True, return_inverse=True)
        return first, number


def row_codes(table: Ints) -> Ints:
    """Return the rows of a table as one number each.

    Parameters
    ----------
    table : ndarray of int, shape (N, D)
        Numbers from 0 on.

    Returns
    -------
    ndarray of int, shape (N,)
        The same for the same row alone, in the order of the rows.

    Examples
    --------
    >>> row_codes(np.array([[2, 1], [0, 7], [2, 1]])).tolist()
    [17, 7, 17]
    """
    code = np.zeros(table.shape[0], np.int64)
    for column in table.T:
        base = int(column.max(initial=0)) + 1
        if int(code.max(initial=0)) >= _LARGEST_CODE // base:
            # Long lists of many regions are more than 64 bits hold.
            _, code = np.unique(code, return_inverse=True)
        code = code * base + column
    return code


def order_columns(problem: Problem) -> OrderColumns:
    """Enumerate the order columns of every host and origin.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    OrderColumns
        Columns sorted by host, origin and order.

    Raises
    ------
    TooManyOrders
        If who serves them in each state would not fit.

    Notes
    -----
    There are A!/(A−D)! columns for an origin with A admissible regions and D places: few for one or
    two regions lost of a dozen.  Beyond, they are priced in (`planner.optimization.order_pool`).

    Examples
    --------
    >>> from planner.failures.states import failure_states
    >>> from planner.io.scenarios import read_scenario
    >>> from planner.problem.build import build_problem
    >>> scenario = read_scenario("taiwan")
    >>> problem = build_problem(scenario, failure_states(scenario))
    >>> columns = order_columns(problem)
    >>> columns.order.shape[1] == promised_depth(problem) + 1
    True
    >>> bool((columns.serve[0] == columns.order[:, 0]).all())
    True
    """
    refuse_many(problem)
    valid = host_admissible(problem)
    # A backup need not keep the normal limit: it serves only while something is down.
    allowed: Bools = np.any(valid[problem.must_survive], axis=0)
    depth = promised_depth(problem)
    called = host_calls(problem)
    lists = _Lists(problem, depth)
    steady = _steady(problem, valid, allowed)
    parts, missing = [], []
    for host, origin in np.argwhere(called):
        orders, serve, complete = lists.of(allowed[host, origin])
        if not (complete and steady[host, origin]):
            keep = _holds(problem, valid[:, host, origin], serve)
            if not keep.any():
                missing.append((host, origin))
            orders, serve = orders[keep], serve[:, keep]
        parts.append((host, origin, orders, serve))
    return _gathered(parts, missing, called, depth, problem)


def _steady(problem: Problem, valid: Bools, allowed: Bools) -> Bools:
    """Return where every region that may serve at all may do so whenever it is up, (G, O)."""
    promised = problem.must_survive
    same: Bools = valid[promised] == (allowed & problem.region_up[promised, None, None])
    steady: Bools = np.all(same, axis=(0, 3))
    return steady


def _holds(problem: Problem, valid: Bools, serve: RegionIndices) -> Bools:
    """Return the orders whose serving region is there and admissible in every promised state."""
    states = np.flatnonzero(problem.must_survive)
    promised = serve[states]
    holds: Bools = np.all((promised >= 0) & valid[states[:, None], promised], axis=0)
    return holds


class _Lists:
    """Ordered lists of the regions of a set, and who serves them; each set is worked out once."""

    def __init__(self, problem: Problem, depth: int) -> None:
        self._up, self._depth = problem.region_up, depth
        self._promised = problem.must_survive
        self._known: dict[bytes, tuple[Ints, RegionIndices, bool]] = {}

    def of(self, allowed: Bools) -> tuple[Ints, RegionIndices, bool]:
        """Return lists, serving regions (K, C), and whether promised states always have one."""
        key = allowed.tobytes()
        if key not in self._known:
            orders = _orders(allowed, self._depth)
            serve = first_up(orders, self._up).astype(np.int16)
            complete = orders.size > 0 and bool((serve[self._promised] >= 0).all())
            self._known[key] = orders, serve, complete
        return self._known[key]


def first_up(order: Ints, region_up: Bools) -> Ints:
    """Return the first region of each order that is up in each state.

    Parameters
    ----------
    order : ndarray of int, shape (C, D)
        Regions in order, padded with -1.
    region_up : ndarray of bool, shape (K, R)
        Which regions are up.

    Returns
    -------
    ndarray of int, shape (K, C)
        Region; -1 where none of the order is up.

    Examples
    --------
    >>> first_up(
    ...     np.array([[1, 0], [0, -1]]), np.array([[True, True], [True, False], [False, True]])
    ... )
    array([[ 1,  0],
           [ 0,  0],
           [ 1, -1]])
    """
    serve = np.full((region_up.shape[0], order.shape[0]), -1, dtype=np.int64)
    for place in range(order.shape[1] - 1, -1, -1):
        region = order[:, place]
        serve = np.where((region >= 0) & region_up[:, region], region, serve)
    return serve


def _orders(allowed: Bools, depth: int) -> Ints:
    """Return all ordered lists of allowed regions, depth + 1 long where there are enough."""
    regions = np.flatnonzero(allowed).tolist()
    length = min(depth + 1, len(regions))
    lists = list(permutations(regions, length)) if length else []
    table = np.full((len(lists), depth + 1), -1, dtype=np.int64)
    if lists:
        table[:, :length] = lists
    return table


def _gathered(
    parts: list[tuple[int, int, Ints, RegionIndices]],
    missing: list[tuple[int, int]],
    called: Bools,
    depth: int,
    problem: Problem,
) -> OrderColumns:
    """Put the columns of all hosts and origins in one table."""
    count = [order.shape[0] for _, _, order, _ in parts]
    states = problem.region_up.shape[0]
    host = np.repeat([host for host, *_ in parts], count).astype(np.int64)
    origin = np.repeat([origin for _, origin, *_ in parts], count).astype(np.int64)
    serve = np.concatenate([np.empty((states, 0), np.int16), *(p[3] for p in parts)], axis=1)
    return OrderColumns(
        host=host,
        origin=origin,
        order=np.concatenate([np.empty((0, depth + 1), np.int64), *(p[2] for p in parts)]),
        serve=serve,
        called=called,
        missing=np.array(missing, dtype=np.int64).reshape(-1, 2),
        cost_usd_month=column_costs(problem, host, origin, serve),
    )


def column_costs(
    problem: Problem, hosts: Ints, origins: Ints, serves: Ints | RegionIndices
) -> Floats:
    """Return what columns cost a month.

    Latency is ``usd_per_ms × Σ D·latency / Σ D`` at the region that serves in the normal state;
    ``usd_per_lost_request`` is paid for what finds no admissible surviving region.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    hosts, origins : ndarray of int, shape (C,)
        What each column belongs to.
    serves : ndarray of int, shape (K, C)
        Region that serves the column in each state; the normal one is enough where nothing that is
        lost has a price.

    Returns
    -------
    ndarray, shape (C,)
        US dollars a month.
    """
    mean_rps = problem.demand_rps.mean(axis=2)
    total = max(float(mean_rps.sum()), 1e-300)
    cost = np.zeros(hosts.size)
    lost = lost_usd_per_rps(problem)
    states = np.flatnonzero(~problem.must_survive)
    for service, host in enumerate(problem.host_of_service):
        mine = hosts == host
        origin, serve = origins[mine], serves[:, mine]
        rps = mean_rps[service, origin]
        near = problem.latency_ms[service, origin, serve[0]]
        each = problem.usd_per_ms * near / total
        if lost[states].any():
            serve = serve[states]
            served = problem.state_admissible[states[:, None], service, origin, serve]
            each = each + lost[states] @ ~(served & (serve >= 0))
        cost[mine] += rps * each
    return cost


def lost_usd_per_rps(problem: Problem) -> Floats:
    r"""Return what losing one request per second costs in each state.

    .. math:: \text{usd\_per\_lost\_request} \cdot 730 \cdot 3600 \cdot p_k

    Parameters
    ----------
    problem : Problem
        The problem as arrays.

    Returns
    -------
    ndarray, shape (K,)
        US dollars a month for a request per second lost all through the state.
    """
    seconds = HOURS_PER_MONTH * SECONDS_PER_HOUR
    return problem.usd_per_lost_request * seconds * problem.state_probability

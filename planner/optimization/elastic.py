"""The elastic copy: every limit may be passed at a price, so that it says which ones clash.

The replicas, shares and loads are those of static steering; node pools may get more servers,
services more replicas than their maximum, regions more uplink.  The cheapest such purchase is the
way out; the load rows with a price are the promises that clash.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.errors import SolverStopped
from planner.optimization.columns import OrderColumns
from planner.optimization.relaxation import add_missing_rows, relax
from planner.optimization.rows import rows
from planner.optimization.static import StaticProgram, static_program
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints, NodePools, Problem
from planner.problem.costs import replica_cost_usd_month
from planner.units import gbps_from_payload

UPLINK_USD_PER_GBPS = 500.0
"""Price of uplink in the elastic copy, US dollars a month for a Gbit/s (ours)."""

_REPLICA_USD = 1.0
"""Price of passing `max_replicas`: a number in a file, so less than any server."""

_LIMIT_S = 5.0


@dataclass(frozen=True)
class Relief:
    """The cheapest way out and the promises that ask for it.

    Attributes
    ----------
    servers : ndarray of int, shape (N,)
        Servers to add to each pool.
    replicas : ndarray of int, shape (S, R)
        Replicas above `max_replicas`.
    uplink_gbps : ndarray, shape (R,)
        Uplink to add, Gbit/s.
    clashes : tuple of (int, int, int, int)
        (state, service, region, hour) of the loads that ask for it, the most pressing first.
    planned, share : ndarray, shape (S, R) and (C,)
        Replicas and shares with which it was found, not yet judged.
    """

    servers: Ints
    replicas: Ints
    uplink_gbps: Floats
    clashes: tuple[tuple[int, int, int, int], ...]
    planned: Ints
    share: Floats


@dataclass(frozen=True)
class _Extras:
    """Program columns of what may be bought."""

    servers: Ints
    replicas: Ints
    uplink: Ints


def cheapest_relief(
    problem: Problem, columns: OrderColumns, seed: int, stop: Stop | None = None
) -> Relief | None:
    """Return the cheapest purchase that makes the problem feasible, or None where none does.

    Parameters
    ----------
    problem : Problem
        An infeasible problem.
    columns : OrderColumns
        Its order columns; every host and origin with demand has one.
    seed : int
        Random seed of the solver.
    stop : Stop, optional
        When to stop; without it after five seconds.

    Returns
    -------
    Relief or None
        What to add.

    Raises
    ------
    SolverStopped
        If the time was not enough to tell.

    Notes
    -----
    Servers are priced at what they cost (100 dollars where that is unknown), uplink and a
    raised `max_replicas` at prices of our own, and the whole servers are the best found in the
    time: a way out that holds, cheapest up to that.  Of purchases at that price one is taken with
    which requests are answered near their users.
    """
    unpriced = replace(columns, cost_usd_month=np.zeros_like(columns.cost_usd_month))
    static = static_program(_loosened(problem), unpriced, seed)
    extras = _add_extras(static, problem)
    stop = stop if stop is not None else Stop(_LIMIT_S)
    relaxed = relax(static, stop, 1e-6)
    if relaxed.status == "infeasible":
        return None
    if relaxed.status != "optimal" or relaxed.x is None:
        raise SolverStopped("what is missing was not found before the search ended")
    clashes = _pressing(static, relaxed.row_dual)
    x = _whole(static, relaxed.x, stop)
    if not stop.passed():
        x = _nearest(static, extras, columns.cost_usd_month, x, stop.part(0.5))
    replicas = np.ceil(x[extras.replicas] - 1e-6).astype(np.int64)
    servers = np.ceil(x[extras.servers] - 1e-6).astype(np.int64)
    uplink = np.where(x[extras.uplink] > 1e-6, x[extras.uplink], 0.0)
    return Relief(
        servers,
        replicas.reshape(problem.min_replicas.shape),
        uplink,
        clashes,
        np.rint(x[static.master.replicas]).astype(np.int64),
        x[static.share],
    )


def bought(problem: Problem, relief: Relief) -> Problem:
    """Return the problem with what was bought.

    Parameters
    ----------
    problem : Problem
        An infeasible problem.
    relief : Relief
        What is added to it.

    Returns
    -------
    Problem
        `max_replicas` is one number for all regions of a service, uplink is bought in hundredths of
        a Gbit/s, and replicas are priced by the pools that result.
    """
    top, more = problem.max_replicas, relief.replicas
    most = np.where(top > 0, (top + more).max(axis=1, keepdims=True), 0)
    pools = replace(problem.pools, servers=problem.pools.servers + relief.servers)
    return replace(
        problem,
        pools=pools,
        cost_usd_month=_repriced(problem, pools),
        max_replicas=np.where(more.any(axis=1, keepdims=True), most, top),
        uplink_gbps=problem.uplink_gbps + np.ceil(relief.uplink_gbps * 100) / 100,
    )


def _repriced(problem: Problem, pools: NodePools) -> Floats:
    """Return what replicas cost in other pools, of which they pay their share."""
    if problem.scenario is None:
        return problem.cost_usd_month
    asked = len(problem.axes.regions), problem.cpu_cores, problem.memory_gib
    old, new = (replica_cost_usd_month(each, *asked) for each in (problem.pools, pools))
    # Where servers cost nothing, more of them cost nothing either.
    return problem.cost_usd_month * np.divide(new, old, out=np.ones_like(old), where=old > 0)


def price_usd_month(problem: Problem, relief: Relief) -> float:
    """Return what servers and uplink cost, US dollars a month.

    Parameters
    ----------
    problem : Problem
        The problem they are bought for.
    relief : Relief
        What is bought.

    Returns
    -------
    float
        Uplink at 500 dollars a Gbit/s (ours); a raised `max_replicas` costs nothing.
    """
    servers = float(problem.pools.server_cost_usd_month @ relief.servers)
    return servers + UPLINK_USD_PER_GBPS * float((np.ceil(relief.uplink_gbps * 100) / 100).sum())


def _loosened(problem: Problem) -> Problem:
    """Return the problem with pools and maxima out of the way and nothing but extras to pay."""
    pools = replace(problem.pools, servers=problem.pools.servers * 20 + 20)
    return replace(
        problem,
        pools=pools,
        max_replicas=np.where(problem.max_replicas > 0, 100_000, 0),
        uplink_gbps=np.full_like(problem.uplink_gbps, 1e9),
        cost_usd_month=np.zeros_like(problem.cost_usd_month),
        fixed_cost_usd_month=np.zeros_like(problem.fixed_cost_usd_month),
        usd_per_ms=0.0,
        usd_per_lost_request=0.0,
    )


def _add_extras(static: StaticProgram, problem: Problem) -> _Extras:
    """Append what may be bought and the limits that it loosens."""
    price = np.where(
        problem.pools.server_cost_usd_month > 0, problem.pools.server_cost_usd_month, 100.0
    )
    program = static.program
    extras = _Extras(
        servers=program.add_columns(price, 0.0, problem.pools.servers * 19.0 + 20, integer=True),
        replicas=program.add_columns(np.full(problem.min_replicas.size, _REPLICA_USD), 0.0, np.inf),
        uplink=program.add_columns(
            np.full(problem.uplink_gbps.size, UPLINK_USD_PER_GBPS), 0.0, np.inf
        ),
    )
    _limit_replicas(static, problem, extras)
    _limit_packing(static, problem, extras)
    _limit_uplinks(static, problem, extras)
    return extras


def _limit_replicas(static: StaticProgram, problem: Problem, extras: _Extras) -> None:
    """Replicas stay within the true maxima, extras aside."""
    n = static.master.replicas.ravel()
    top = problem.max_replicas.ravel().astype(float)
    row = np.arange(n.size)
    static.program.add_rows(
        rows(
            top * 0 - np.inf,
            top,
            np.concatenate([row, row]),
            np.concatenate([n, extras.replicas]),
            np.concatenate([np.ones(n.size), -np.ones(n.size)]),
        )
    )


def _limit_packing(static: StaticProgram, problem: Problem, extras: _Extras) -> None:
    """Append the packing limit of the true pools, each added server worth its own room."""
    loose, surge = static.master.limits, problem.surge_replicas
    left = problem.pools.servers - (1 if problem.survive_server_loss else 0)
    for region in range(loose.room.shape[0]):
        mine = np.flatnonzero(problem.pools.region == region)
        for last in np.flatnonzero(static.master.bound[:, region] > 0):
            weight, worth = loose.weight[region, last], loose.worth[mine, last]
            start = float(worth @ left[mine] + weight[last])
            free = float(weight @ (10_000 * np.ones_like(weight)))
            on_runs = weight * surge
            on_runs[last] += free
            column = np.concatenate(
                [
                    static.master.replicas[:, region],
                    static.master.runs[:, region],
                    extras.servers[mine],
                ]
            )
            value = np.concatenate([weight, on_runs, -worth])
            static.program.add_rows(
                rows(-np.inf, start + free, np.zeros(column.size), column, value)
            )
            # The limit is about all pods but the last: even that needs a server.
            holds = mine[worth > 0]
            if left[holds].sum() < 1:
                column = np.append(static.master.runs[last, region], extras.servers[holds])
                value = np.append(1.0, -np.ones(holds.size))
                most = float(left[holds].sum())
                static.program.add_rows(rows(-np.inf, most, np.zeros(column.size), column, value))


def _limit_uplinks(static: StaticProgram, problem: Problem, extras: _Extras) -> None:
    """Append the uplink rows of every promised state in the hours in which they could bind."""
    columns, hosts = static.columns, problem.host_of_service
    gbps = gbps_from_payload(1.0, 1.0) * problem.payload_kib[:, None, None] * problem.demand_rps
    host_gbps = np.zeros((len(problem.axes.hosts), *gbps.shape[1:]))
    np.add.at(host_gbps, hosts, gbps)
    each = host_gbps[columns.host, columns.origin]
    for state in np.flatnonzero(problem.must_survive):
        for region in np.flatnonzero(problem.region_up[state]):
            used = np.flatnonzero(columns.serve[state] == region)
            top = problem.uplink_gbps[region]
            column = np.append(static.share[used], extras.uplink[region])
            for hour in np.flatnonzero(each[used].sum(axis=0) > top):
                value = np.append(each[used, hour], -1.0)
                static.program.add_rows(rows(-np.inf, top, np.zeros(column.size), column, value))


def _pressing(
    static: StaticProgram, row_dual: Floats | None
) -> tuple[tuple[int, int, int, int], ...]:
    """Return the load rows with a price, the dearest first, one for each service and state."""
    if row_dual is None:
        return ()
    priced = sorted(
        (
            (abs(row_dual[row]), key)
            for row, key in static.row_key.items()
            if row < row_dual.size and abs(row_dual[row]) > 1e-7
        ),
        key=lambda item: (-item[0], item[1]),
    )
    found: dict[tuple[int, int], tuple[int, int, int, int]] = {}
    for _, key in priced:
        found.setdefault((key[0], key[1]), key)
    return tuple(found.values())


def _whole(static: StaticProgram, x: Floats, stop: Stop) -> Floats:
    """Return a point with whole servers that breaks no row; the relaxed one at a limit."""
    while True:
        result = static.program.integral(stop, 1e-3)
        if result.x is None:
            return x
        x = result.x
        if stop.passed() or not add_missing_rows(static, x, 0.0):
            return x


def _nearest(
    static: StaticProgram, extras: _Extras, share_usd_month: Floats, x: Floats, stop: Stop
) -> Floats:
    """Return a point that buys for no more than a given one and steers best; that at a limit."""
    program = static.program
    bought = np.concatenate([extras.servers, extras.replicas, extras.uplink])
    price = program.cost[bought] / max(float(program.cost[bought].max()), 1.0)
    most = float(price @ x[bought]) + 1e-6
    program.add_rows(rows(-np.inf, most, np.zeros(bought.size), bought, price))
    program.price_columns(bought, np.zeros(bought.size))
    program.price_columns(static.share, share_usd_month)
    return _whole(static, x, stop)

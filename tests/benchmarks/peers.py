"""The whole problem written out at once for SciPy's HiGHS: what we measure ourselves against.

Adaptive steering becomes one copy of the flows for every state and hour, static steering every
order column with every load row.  Built with numpy, so that the peer loses no time in Python.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from planner.optimization.columns import order_columns
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.problem.packing import packing_limits, replica_bounds
from planner.units import HOURS_PER_MONTH, KIB_BITS, SECONDS_PER_HOUR


@dataclass(frozen=True)
class PeerResult:
    """What the peer found: `status` 0 is optimal to the gap, 1 the time limit, 2 infeasible."""

    status: int
    objective: float
    bound: float
    build_s: float
    solve_s: float
    columns: int
    rows: int


class Table:
    """Columns and rows, block by block."""

    def __init__(self) -> None:
        self.cost: list[Floats] = []
        self.lower: list[Floats] = []
        self.upper: list[Floats] = []
        self.whole: list[Floats] = []
        self.row: list[Ints] = []
        self.column: list[Ints] = []
        self.value: list[Floats] = []
        self.low: list[Floats] = []
        self.high: list[Floats] = []
        self.columns = self.rows = 0

    def add_columns(
        self, cost: Floats, lower: Floats | float, upper: Floats | float, *, whole: bool = False
    ) -> Ints:
        """Append columns and return their indices, in the shape of `cost`."""
        flat = np.asarray(cost, float).ravel()
        self.cost.append(flat)
        for kept, value in ((self.lower, lower), (self.upper, upper), (self.whole, float(whole))):
            kept.append(np.broadcast_to(np.asarray(value, float), np.shape(cost)).ravel())
        self.columns += flat.size
        index: Ints = np.arange(self.columns - flat.size, self.columns).reshape(np.shape(cost))
        return index

    def add_rows(
        self, low: Floats, high: Floats, row: Ints, *terms: tuple[Ints, Floats | Ints | float]
    ) -> None:
        """Append rows; every term is (columns, values), as many as `row` has entries."""
        for column, value in terms:
            at, where, much = np.broadcast_arrays(row, column, value)
            self.row.append(at.ravel() + self.rows)
            self.column.append(where.ravel())
            self.value.append(np.asarray(much, float).ravel())
        self.low.append(np.broadcast_to(low, np.shape(high)).ravel())
        self.high.append(np.ravel(high))
        self.rows += np.size(high)

    def add_entries(self, first: int, row: Ints, column: Ints, value: Floats) -> None:
        """Append entries to rows that exist, counted from `first`."""
        self.row.append(np.ravel(row) + first)
        self.column.append(np.ravel(column))
        self.value.append(np.ravel(value))

    def solve(self, gap: float, limit_s: float, started: float) -> PeerResult:
        """Hand everything to SciPy's HiGHS."""
        entries = (np.concatenate(self.row), np.concatenate(self.column))
        matrix = csr_array((np.concatenate(self.value), entries), shape=(self.rows, self.columns))
        rows = LinearConstraint(matrix, np.concatenate(self.low), np.concatenate(self.high))
        bounds = Bounds(np.concatenate(self.lower), np.concatenate(self.upper))
        built = time.perf_counter()
        options = {"mip_rel_gap": gap, "time_limit": limit_s}
        found = milp(
            np.concatenate(self.cost),
            integrality=np.concatenate(self.whole),
            bounds=bounds,
            constraints=rows,
            options=options,
        )
        done = time.perf_counter()
        bound = found.mip_dual_bound
        return PeerResult(
            status=int(found.status),
            objective=np.inf if found.fun is None else float(found.fun),
            bound=-np.inf if bound is None else float(bound),
            build_s=built - started,
            solve_s=done - built,
            columns=self.columns,
            rows=self.rows,
        )


def solve_extensive_form(problem: Problem, gap: float, limit_s: float) -> PeerResult:
    """Solve adaptive steering with one copy of the flows for every state and hour."""
    started, table = time.perf_counter(), Table()
    replicas = _add_replicas(table, problem)
    for state in range(len(problem.axes.states)):
        for hour in range(problem.demand_rps.shape[2]):
            _add_flows(table, problem, replicas, state, hour)
    return table.solve(gap, limit_s, started)


def solve_enumeration(problem: Problem, gap: float, limit_s: float) -> PeerResult:
    """Solve static steering with every order column and every row."""
    started, table = time.perf_counter(), Table()
    replicas = _add_replicas(table, problem)
    columns = order_columns(problem)
    whole = not problem.split_origins
    share = table.add_columns(columns.cost_usd_month, 0.0, 1.0, whole=whole)
    group = columns.host * len(problem.axes.origins) + columns.origin
    _, row = np.unique(group, return_inverse=True)
    ones = np.ones(int(row.max()) + 1)
    table.add_rows(ones, ones, row, (share, 1.0))
    host = columns.host
    for state in range(len(problem.axes.states)):
        used = np.flatnonzero(columns.serve[state] >= 0)
        serve, origin = columns.serve[state, used], columns.origin[used]
        blocks = []
        for service, mine in enumerate(problem.host_of_service):
            at = (host[used] == mine) & problem.state_admissible[state, service, origin, serve]
            rps = problem.demand_rps[service, origin[at]]
            blocks.append((service, share[used[at]], serve[at], rps))
        _add_loads(table, problem, replicas, state, blocks)
    return table.solve(gap, limit_s, started)


def _add_replicas(table: Table, problem: Problem) -> Ints:
    """Append active regions, where services run, replicas, and the packing limit."""
    limits = packing_limits(problem)
    bound = replica_bounds(problem, limits)
    may, pinned = (bound > 0).astype(float), problem.pinned.astype(float)
    active = table.add_columns(problem.fixed_cost_usd_month, 0.0, 1.0, whole=True)
    runs = table.add_columns(np.zeros(bound.shape), pinned, np.maximum(may, pinned), whole=True)
    n = table.add_columns(problem.cost_usd_month, 0.0, bound.astype(float), whole=True)
    each = np.arange(n.size).reshape(n.shape)
    zero = np.zeros(n.size)
    table.add_rows(zero - np.inf, zero, each, (runs, problem.min_replicas), (n, -1.0))
    table.add_rows(zero - np.inf, zero, each, (n, 1.0), (runs, -bound))
    table.add_rows(zero - np.inf, zero, each, (runs, 1.0), (active[None], -1.0))
    for service, region in np.argwhere(bound > 0).tolist():
        weight, room = limits.weight[region, service], limits.room[region, service]
        slack = max(0.0, weight @ (bound[:, region] + problem.surge_replicas) - room)
        on_runs = weight * problem.surge_replicas
        on_runs[service] += slack
        row, top = np.zeros(weight.size, np.int64), np.array([room + slack + 1e-9])
        table.add_rows(top - np.inf, top, row, (n[:, region], weight), (runs[:, region], on_runs))
    return n


def _add_flows(table: Table, problem: Problem, replicas: Ints, state: int, hour: int) -> None:
    """Append one copy of the flows, as shares of each origin's demand."""
    rps = problem.demand_rps[:, :, hour]
    allowed = problem.state_admissible[state] & problem.region_up[state] & (rps > 0)[..., None]
    s, o, r = np.nonzero(allowed)
    cost = np.zeros(s.size)
    if state == 0:
        total = problem.demand_rps.sum()
        cost = problem.usd_per_ms * problem.latency_ms[s, o, r] * rps[s, o] / total
    flow = table.add_columns(cost, 0.0, 1.0)
    called = np.argwhere(rps > 0)
    number = np.full(rps.shape, -1)
    number[tuple(called.T)] = np.arange(len(called))
    ones, first = np.ones(len(called)), table.rows
    table.add_rows(ones, ones, number[s, o], (flow, 1.0))
    if not problem.must_survive[state]:
        usd = _lost_usd_per_rps(problem, state) / problem.demand_rps.shape[2]
        unserved = table.add_columns(usd * rps[tuple(called.T)], 0.0, 1.0)
        table.add_entries(first, np.arange(len(called)), unserved, ones)
    place = s * replicas.shape[1] + r
    _add_capacity(table, problem, replicas, state, place, flow, rps[s, o])
    if problem.must_survive[state]:
        _add_uplinks(table, problem, r, flow, rps[s, o] * problem.payload_kib[s])


def _add_capacity(
    table: Table,
    problem: Problem,
    replicas: Ints,
    state: int,
    place: Ints,
    column: Ints,
    rps: Floats,
) -> int:
    """Append load ≤ capacity for every service and region; return the first row."""
    one = problem.rps_per_replica * problem.ceiling_share[state] * problem.region_up[state]
    zero, first = np.zeros(one.size), table.rows
    table.add_rows(zero - np.inf, zero, place, (column, rps))
    table.add_entries(first, np.arange(one.size), replicas, -one)
    return first


def _add_loads(
    table: Table,
    problem: Problem,
    replicas: Ints,
    state: int,
    blocks: list[tuple[int, Ints, Ints, Floats]],
) -> None:
    """Append the load rows of one state, all hours, with an excess where it is not promised."""
    regions = replicas.shape[1]
    place = np.concatenate([s * regions + serve for s, _, serve, _ in blocks])
    column = np.concatenate([share for _, share, _, _ in blocks])
    kib = np.concatenate([np.full(share.size, problem.payload_kib[s]) for s, share, _, _ in blocks])
    rps = np.concatenate([each for *_, each in blocks])
    for hour in range(rps.shape[1]):
        first = _add_capacity(table, problem, replicas, state, place, column, rps[:, hour])
        if problem.must_survive[state]:
            _add_uplinks(table, problem, place % regions, column, rps[:, hour] * kib)
        else:
            usd = _lost_usd_per_rps(problem, state) / rps.shape[1]
            excess = table.add_columns(np.full(replicas.size, usd), 0.0, np.inf)
            table.add_entries(first, np.arange(replicas.size), excess, -np.ones(replicas.size))


def _add_uplinks(
    table: Table, problem: Problem, region: Ints, column: Ints, kib_per_s: Floats
) -> None:
    """Append the uplinks that could be full."""
    gbps = kib_per_s * KIB_BITS / 1e9
    tight: Bools = np.bincount(region, gbps, problem.uplink_gbps.size) > problem.uplink_gbps
    if tight.any():
        number, used = np.cumsum(tight) - 1, tight[region]
        top = problem.uplink_gbps[tight]
        table.add_rows(top - np.inf, top, number[region[used]], (column[used], gbps[used]))


def _lost_usd_per_rps(problem: Problem, state: int) -> float:
    """Return what one request per second not served in the state costs a month."""
    each = problem.usd_per_lost_request * problem.state_probability[state]
    return float(each) * HOURS_PER_MONTH * SECONDS_PER_HOUR

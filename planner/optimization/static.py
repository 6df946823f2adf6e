"""Static steering: exact by order columns, with rows that appear when they are needed.

The program has the shared master, one column ``share[c]`` for each order column, and for each
(state, service, region, hour) that matters a row ``load ≤ capacity``; in states that are not
promised the row has an excess variable that costs lost requests.  Rows left out only loosen the
program, so its bound is a bound on the whole; a candidate is judged with all of them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np

from planner.optimization.columns import OrderColumns, lost_usd_per_rps
from planner.optimization.cuts import Groups, group_origins, violated_cuts
from planner.optimization.loads import TOLERANCE, Verdict, judge
from planner.optimization.master import Master, add_master, capacity_rps
from planner.optimization.milp import Milp, MilpResult, Rows, rows
from planner.problem.arrays import Bools, Floats, Ints, Problem
from planner.units import gbps_from_payload

_CUT_ROUNDS = 30


@dataclass
class StaticProgram:
    """The growing program of static steering.

    Attributes
    ----------
    problem, columns, master, program
        What it stands for and where.
    share : ndarray of int, shape (C,)
        Program columns of the order columns.
    one_rps : ndarray, shape (K, S, R)
        Capacity of one replica in each state at its ceiling.
    load_row : ndarray of bool, shape (K, S, R, H)
        Load rows that are in the program.
    uplink_row : ndarray of bool, shape (K, R, H)
        Uplink rows that are in the program.
    use_row : ndarray of bool, shape (S, O, R)
        Rows "an origin's shares with the region in their orders ≤ the service runs there".
    excess : dict
        Program column of the excess in (state, service, region, hour), where not promised.
    row_key : dict
        (state, service, region, hour) of each load row, by its index.
    groups : dict
        Origins with the same admissible regions, of each promised (state, service).
    """

    problem: Problem
    columns: OrderColumns
    master: Master
    program: Milp
    share: Ints
    one_rps: Floats
    load_row: Bools
    uplink_row: Bools
    use_row: Bools
    excess: dict[tuple[int, int, int, int], int] = field(default_factory=dict)
    row_key: dict[int, tuple[int, int, int, int]] = field(default_factory=dict)
    groups: dict[tuple[int, int], Groups] = field(default_factory=dict)


def static_program(problem: Problem, columns: OrderColumns, seed: int) -> StaticProgram:
    """Build the program with its first rows: every promised state at its busiest hour."""
    program = Milp(seed=seed)
    master = add_master(program, problem)
    share = program.add_columns(columns.cost_usd_month, 0.0, 1.0, integer=not problem.split_origins)
    group = columns.host * len(problem.axes.origins) + columns.origin
    _, row = np.unique(group, return_inverse=True)
    ones = np.ones(int(row.max(initial=-1)) + 1)
    program.add_rows(rows(ones, ones, row, share, np.ones(share.size)))
    k, s, r, h = (
        problem.region_up.shape[0],
        *problem.min_replicas.shape,
        problem.demand_rps.shape[2],
    )
    static = StaticProgram(
        problem=problem,
        columns=columns,
        master=master,
        program=program,
        share=share,
        one_rps=capacity_rps(problem, np.ones_like(problem.min_replicas)),
        load_row=np.zeros((k, s, r, h), bool),
        uplink_row=np.zeros((k, r, h), bool),
        use_row=np.zeros((s, problem.demand_rps.shape[1], r), bool),
    )
    busiest = problem.demand_rps.sum(axis=1).argmax(axis=1)
    wanted = np.zeros((k, s, r, h), bool)
    for service, hour in enumerate(busiest):
        wanted[:, service, :, hour] = problem.must_survive[:, None] & problem.region_up
    _add_load_rows(static, wanted)
    return static


def relax(static: StaticProgram, deadline: float, gap: float, cutoff: float = np.inf) -> MilpResult:
    """Solve the relaxation, adding rows until none is missing or it passes `cutoff`."""
    result = static.program.relaxation(left_s(deadline))
    while result.status == "optimal" and result.x is not None and result.objective < cutoff:
        if not add_missing_rows(static, result.x, gap * abs(result.objective)):
            break
        if time.perf_counter() > deadline:
            return replace(result, status="limit")
        result = static.program.relaxation(left_s(deadline))
    return result


def left_s(deadline: float) -> float:
    """Return the seconds until a time of `time.perf_counter`, a little where it has passed."""
    return max(0.02, deadline - time.perf_counter())


def add_missing_rows(static: StaticProgram, x: Floats, slack_usd: float) -> int:
    """Add the rows that the point breaks; return how many.

    Rows of states that are not promised only price lost requests: they are left out while the
    point pays too little for those by at most `slack_usd`.
    """
    verdict = judge_point(static, x)
    problem = static.problem
    paid = float(x @ static.program.cost[: x.size])
    priced = (lost_usd_per_rps(problem) > 0) & (verdict.objective - paid > slack_usd)
    matters = problem.must_survive | priced
    over = np.where(matters[:, None, None, None] & ~static.load_row, verdict.overload, 0.0)
    hour = over.argmax(axis=3)
    worst = np.take_along_axis(over, hour[..., None], axis=3)
    # Priced rows come with all their hours: one at a time, load creeps from hour to hour.
    wanted = ((over >= worst) | ~problem.must_survive[:, None, None, None]) & (over > TOLERANCE)
    gbps = np.where(
        problem.must_survive[:, None, None] & ~static.uplink_row, verdict.uplink_overload, 0.0
    )
    full = (gbps >= gbps.max(axis=2, keepdims=True)) & (gbps > TOLERANCE)
    _add_load_rows(static, wanted)
    _add_uplink_rows(static, full)
    return int(wanted.sum() + full.sum()) + _add_use_rows(static, x)


def add_cuts(static: StaticProgram, deadline: float, gap: float) -> MilpResult:
    """Tighten the relaxation with rounded capacity cuts of the promised states."""
    result = relax(static, deadline, gap)
    for _ in range(_CUT_ROUNDS):
        if result.status != "optimal" or result.x is None:
            break
        if not add_cut_round(static, result.x):
            break
        result = relax(static, deadline, gap)
    return result


def judge_point(static: StaticProgram, x: Floats) -> Verdict:
    """Judge a point of the program with every row, also those left out."""
    share = np.clip(x[static.share], 0.0, 1.0)
    return judge(static.problem, static.columns, x[static.master.replicas], share)


def point(static: StaticProgram, replicas: Ints, share: Floats, verdict: Verdict) -> Floats:
    """Return the program's point for replicas and shares."""
    x = np.zeros(static.program.columns)
    x[static.master.replicas] = replicas
    x[static.master.runs] = replicas > 0
    x[static.master.active] = replicas.sum(axis=0) > 0
    x[static.share] = share
    for key, column in static.excess.items():
        x[column] = verdict.overload[key]
    return x


def add_cut_round(static: StaticProgram, x: Floats) -> int:
    """Add the cuts that a point breaks, all promised states and services; return how many."""
    replicas = x[static.master.replicas]
    added = 0
    for (state, service), groups in _grouped(static).items():
        rate = static.one_rps[state, service]
        for cut in violated_cuts(groups, rate, replicas[service], tolerance=1e-5, most=2):
            add_cut(static.program, static.master, service, cut.coefficient, cut.right_side)
            added += 1
    return added


def _grouped(static: StaticProgram) -> dict[tuple[int, int], Groups]:
    """Return the groups of origins of every promised state and service, made once."""
    problem = static.problem
    if not static.groups:
        for state in np.flatnonzero(problem.must_survive).tolist():
            for service in range(problem.cpu_cores.size):
                allowed = problem.state_admissible[state, service] & problem.region_up[state]
                static.groups[state, service] = group_origins(allowed, problem.demand_rps[service])
    return static.groups


def add_cut(
    program: Milp, master: Master, service: int, coefficient: Floats, right_side: float
) -> None:
    """Append ``coefficient · replicas[service] ≥ right_side``, scaled to largest coefficient 1."""
    scale = max(float(coefficient.max(initial=0.0)), 1e-300)
    n = master.replicas[service]
    program.add_rows(rows(right_side / scale, np.inf, np.zeros(n.size), n, coefficient / scale))


def _add_load_rows(static: StaticProgram, wanted: Bools) -> None:
    """Append load rows, in units of one replica; with an excess where the state is not promised."""
    keys = [
        (int(k), int(s), int(r), int(h)) for k, s, r, h in np.argwhere(wanted & ~static.load_row)
    ]
    static.load_row |= wanted
    if keys:
        index = static.program.add_rows(_stacked([_load_row(static, *key) for key in keys]))
        static.row_key.update(zip(index.tolist(), keys, strict=True))


def _load_row(static: StaticProgram, state: int, service: int, region: int, hour: int) -> Rows:
    """Return one load row."""
    problem, columns = static.problem, static.columns
    mine = columns.host == problem.host_of_service[service]
    mine &= columns.serve[state] == region
    mine &= problem.state_admissible[state, service, columns.origin, region]
    used = np.flatnonzero(mine)
    one = static.one_rps[state, service, region]
    value = problem.demand_rps[service, columns.origin[used], hour] / one
    column = np.append(static.share[used], static.master.replicas[service, region])
    value = np.append(value, -1.0)
    if not problem.must_survive[state]:
        hours = problem.demand_rps.shape[2]
        price = lost_usd_per_rps(problem)[state] * one / hours
        excess = int(static.program.add_columns(price, 0.0, np.inf)[0])
        static.excess[state, service, region, hour] = excess
        column, value = np.append(column, excess), np.append(value, -1.0)
    return rows(-np.inf, 0.0, np.zeros(column.size), column, value)


def _add_use_rows(static: StaticProgram, x: Floats) -> int:
    """Add the broken rows "shares that a region serves in a promised state ≤ it runs there".

    They are implied for integers and decide the speed: without them a region is opened by the
    hair's breadth that its load needs.  Returns how many.
    """
    problem, columns = static.problem, static.columns
    regions = problem.rps_per_replica.shape[1]
    share = x[static.share]
    serve = columns.serve[problem.must_survive]
    added = 0
    for service, host in enumerate(problem.host_of_service):
        mine = np.flatnonzero(columns.host == host)
        calls = problem.demand_rps[service, columns.origin[mine]].max(axis=1) > 0
        mine = mine[calls]
        for region in range(regions):
            names = mine[(serve[:, mine] == region).any(axis=0)]
            origin = columns.origin[names]
            used = np.bincount(origin, share[names], minlength=static.use_row.shape[1])
            broken = used > x[static.master.runs[service, region]] + 1e-6
            broken &= ~static.use_row[service, :, region]
            if broken.any():
                static.use_row[service, broken, region] = True
                added += _append_use_rows(static, service, region, names, broken)
    return added


def _append_use_rows(
    static: StaticProgram, service: int, region: int, names: Ints, broken: Bools
) -> int:
    """Append the rows of the broken origins of one service and region."""
    kept = names[broken[static.columns.origin[names]]]
    row = (np.cumsum(broken) - 1)[static.columns.origin[kept]]
    count = int(broken.sum())
    runs = np.full(count, static.master.runs[service, region])
    static.program.add_rows(
        rows(
            np.full(count, -np.inf),
            np.zeros(count),
            np.concatenate([row, np.arange(count)]),
            np.concatenate([static.share[kept], runs]),
            np.concatenate([np.ones(kept.size), -np.ones(count)]),
        )
    )
    return count


def _add_uplink_rows(static: StaticProgram, wanted: Bools) -> None:
    """Append uplink rows, in units of the uplink."""
    problem, columns = static.problem, static.columns
    static.uplink_row |= wanted
    for state, region, hour in np.argwhere(wanted):
        used = np.flatnonzero(columns.serve[state] == region)
        gbps = np.zeros(used.size)
        for service, host in enumerate(problem.host_of_service):
            origin = columns.origin[used]
            rps = problem.demand_rps[service, origin, hour] * (columns.host[used] == host)
            rps = rps * problem.state_admissible[state, service, origin, region]
            gbps += rps * gbps_from_payload(1.0, float(problem.payload_kib[service]))
        share = gbps / problem.uplink_gbps[region]
        static.program.add_rows(rows(-np.inf, 1.0, np.zeros(used.size), static.share[used], share))


def _stacked(blocks: list[Rows]) -> Rows:
    """Put rows under one another."""
    size = np.array([0, *(b.value.size for b in blocks)], dtype=np.int64)
    return Rows(
        np.concatenate([b.lower for b in blocks]),
        np.concatenate([b.upper for b in blocks]),
        np.cumsum(size),
        np.concatenate([b.column for b in blocks]),
        np.concatenate([b.value for b in blocks]),
    )

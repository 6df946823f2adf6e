"""Static steering: exact by order columns, with rows that appear when they are needed.

The program has the shared master, one column ``share[c]`` for each order column, and for each
(state, service, region, hour) that matters a row ``load ≤ capacity``; in states that are not
promised the row has an excess variable that costs lost requests.  Rows left out only loosen the
program, so its bound is a bound on the whole; a candidate is judged with all of them.
`planner.optimization.relaxation` says which are needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from planner.optimization.beginnings import Beginnings, add_beginnings
from planner.optimization.columns import OrderColumns, lost_usd_per_rps
from planner.optimization.cuts import Groups
from planner.optimization.dominance import binding_rows
from planner.optimization.first_choices import FirstChoices
from planner.optimization.growing_flows import GrowingFlows
from planner.optimization.loads import Verdict
from planner.optimization.master import Master, add_master, capacity_rps
from planner.optimization.milp import Milp
from planner.optimization.order_flows import MANY_ENTRIES, OrderFlows
from planner.optimization.priced_columns import PricedColumns
from planner.optimization.rows import Rows, rows, stacked
from planner.optimization.shares import add_shares
from planner.optimization.strong_rows import strong_rows, violated
from planner.problem.arrays import Bools, Floats, Ints, Problem


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
    uplink_row : ndarray of int, shape (K, R, H)
        Uplink rows by their index; -1 where the program has none.
    use_row : ndarray of int, shape (S, O, R)
        Rows "an origin's shares with the region in their orders ≤ the service runs there".
    excess : dict
        Program column of the excess in (state, service, region, hour), where not promised.
    row_key : dict
        (state, service, region, hour) of each load row, by its index.
    groups : dict
        Origins with the same admissible regions, of each promised (state, service).
    flows : OrderFlows, GrowingFlows or None
        What follows each list of regions, where columns are many: load rows are written over it.
    firsts : FirstChoices or None
        The first regions of each origin, where those of `problem` are classes of them.
    beginnings : list of Beginnings
        What the orders begin with, where origins cannot be split.
    priced : PricedColumns or None
        All orders, where `columns` are only those that the program has asked for.
    """

    problem: Problem
    columns: OrderColumns
    master: Master
    program: Milp
    share: Ints
    one_rps: Floats
    load_row: Bools
    uplink_row: Ints
    use_row: Ints
    excess: dict[tuple[int, int, int, int], int] = field(default_factory=dict)
    row_key: dict[int, tuple[int, int, int, int]] = field(default_factory=dict)
    groups: dict[tuple[int, int], Groups] = field(default_factory=dict)
    flows: OrderFlows | GrowingFlows | None = None
    firsts: FirstChoices | None = None
    beginnings: list[Beginnings] = field(default_factory=list)
    priced: PricedColumns | None = None

    @property
    def steering(self) -> Ints:
        """Columns of all shares: of order columns, and of first regions."""
        if self.firsts is None:
            return self.share
        return np.concatenate([self.share, self.firsts.column])

    @cached_property
    def places_matter(self) -> Bools:
        """Where it matters whether a service runs, beside its replicas: shape (S, R).

        A region is paid for as such, or takes several replicas at least, or its pools can be full.
        """
        problem, limits = self.problem, self.master.limits
        pods = self.master.bound + problem.surge_replicas[:, None] * (self.master.bound > 0)
        full = limits.used(pods) > limits.room
        full &= limits.rows(self.master.bound > 0)
        open_matters = (problem.fixed_cost_usd_month > 0) | full.any(axis=1)
        matters: Bools = open_matters[None] | (problem.min_replicas > 1)
        return matters


def static_program(problem: Problem, columns: OrderColumns, seed: int) -> StaticProgram:
    """Build the program with its first rows: of promised states, those that no other implies.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    columns : OrderColumns
        Its order columns; every host and origin with demand has one.
    seed : int
        Random seed of the solver.

    Returns
    -------
    StaticProgram
        Not yet solved.
    """
    static = without_rows(problem, columns, Milp(seed=seed))
    if columns.host.size * int(problem.must_survive.sum()) > MANY_ENTRIES:
        static.flows = OrderFlows(problem, columns, static.program, static.share)
    add_load_rows(static, first_wanted(problem, binding_rows(problem, static.one_rps)))
    return static


def without_rows(problem: Problem, columns: OrderColumns, program: Milp) -> StaticProgram:
    """Build the program without a row of load; its last rows say that shares sum to 1.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    columns : OrderColumns
        Its order columns; every host and origin with demand has one.
    program : Milp
        A program with nothing in it.

    Returns
    -------
    StaticProgram
        Not yet solved.
    """
    master = add_master(program, problem)
    whole = not problem.split_origins
    share = add_shares(program, columns, columns.cost_usd_month, whole=whole)
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
        uplink_row=np.full((k, r, h), -1),
        use_row=np.full((s, problem.demand_rps.shape[1], r), -1),
    )
    if whole:
        static.beginnings = add_beginnings(program, columns, share)
    return static


def first_wanted(problem: Problem, binding: Bools) -> Bools:
    """Return the load rows to start with, shape (K, S, R, H): each service's busiest hour."""
    busiest = problem.demand_rps.sum(axis=1).argmax(axis=1)
    states, (services, regions) = problem.region_up.shape[0], problem.min_replicas.shape
    wanted = np.zeros((states, services, regions, problem.demand_rps.shape[2]), bool)
    for service, hour in enumerate(busiest):
        wanted[:, service, :, hour] = binding[:, service]
    return wanted


def point(static: StaticProgram, replicas: Ints, share: Floats, verdict: Verdict) -> Floats:
    """Return the program's point for replicas and shares.

    Parameters
    ----------
    static : StaticProgram
        The program.
    replicas : ndarray of int, shape (S, R)
        Replicas.
    share : ndarray, shape (C,)
        Part of the demand of its host and origin on each order column.
    verdict : Verdict
        Their judgement, for what exceeds capacity in states that are not promised.

    Returns
    -------
    ndarray, shape (n,)
        One value a column of the program.
    """
    x = np.zeros(static.program.columns)
    x[static.master.replicas] = replicas
    x[static.master.runs] = replicas > 0
    x[static.master.active] = replicas.sum(axis=0) > 0
    x[static.share] = share
    for level in static.beginnings:
        x[level.column] = level.taken(share)
    if isinstance(static.flows, OrderFlows):
        static.flows.put(x, share)
    for key, column in static.excess.items():
        x[column] = verdict.overload[key]
    return x


def add_load_rows(static: StaticProgram, wanted: Bools) -> None:
    """Append load rows, in units of one replica; with an excess where the state is not promised.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows grow.
    wanted : ndarray of bool, shape (K, S, R, H)
        Which ones; those that it has are not added again.
    """
    keys = [
        (int(k), int(s), int(r), int(h)) for k, s, r, h in np.argwhere(wanted & ~static.load_row)
    ]
    static.load_row |= wanted
    plain = keys
    if static.flows is not None:
        promised = static.problem.must_survive
        over_flows, plain = ([k for k in keys if promised[k[0]] == kind] for kind in (True, False))
        n, one = static.master.replicas, static.one_rps
        _append_load_rows(static, over_flows, static.flows.load_rows(n, one, over_flows))
    if plain:
        _append_load_rows(static, plain, stacked([_load_row(static, *key) for key in plain]))


def _append_load_rows(
    static: StaticProgram, keys: list[tuple[int, int, int, int]], block: Rows
) -> None:
    """Append load rows and note whose they are."""
    index = static.program.add_rows(block)
    static.row_key.update(zip(index.tolist(), keys, strict=True))


def _load_row(static: StaticProgram, state: int, service: int, region: int, hour: int) -> Rows:
    """Return one load row."""
    problem = static.problem
    origin, column = _served(static, state, service, region)
    one = static.one_rps[state, service, region]
    value = np.append(problem.demand_rps[service, origin, hour] / one, -1.0)
    column = np.append(column, static.master.replicas[service, region])
    if not problem.must_survive[state]:
        hours = problem.demand_rps.shape[2]
        price = lost_usd_per_rps(problem)[state] * one / hours
        excess = int(static.program.add_columns(price, 0.0, np.inf)[0])
        static.excess[state, service, region, hour] = excess
        column, value = np.append(column, excess), np.append(value, -1.0)
    return rows(-np.inf, 0.0, np.zeros(column.size), column, value)


def _served(static: StaticProgram, state: int, service: int, region: int) -> tuple[Ints, Ints]:
    """Return the origins that a region serves in a state, and the columns that say how much."""
    problem, columns = static.problem, static.columns
    if not static.beginnings:
        used = served_columns(problem, columns, state, service, region)
        return columns.origin[used], static.share[used]
    host = problem.host_of_service[service]
    able = problem.state_admissible[state, service, :, region]
    down, origins, entries = ~problem.region_up[state], [], []
    for level in static.beginnings:
        ends = (level.host == host) & level.ending_in(region, down)
        used = np.flatnonzero(ends & able[level.origin])
        origins.append(level.origin[used])
        entries.append(level.column[used])
    return np.concatenate(origins), np.concatenate(entries)


def served_columns(
    problem: Problem, columns: OrderColumns, state: int, service: int, region: int
) -> Ints:
    """Return the columns whose demand for a service a region serves in a state, shape (n,).

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    columns : OrderColumns
        Order columns.
    state, service, region : int
        Which state, service and region.
    """
    mine = columns.host == problem.host_of_service[service]
    able = problem.state_admissible[state, service, columns.origin, region]
    return np.flatnonzero(mine & (columns.serve[state] == region) & able).astype(np.int64)


def add_use_rows(static: StaticProgram, x: Floats) -> int:
    """Add the broken rows "shares that a region serves in a promised state ≤ it runs there".

    They are implied for integers and decide the speed: without them a region is opened by the
    hair's breadth that its load needs.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows grow.
    x : ndarray, shape (n,)
        A point of the program.

    Returns
    -------
    int
        How many were added.
    """
    problem, columns = static.problem, static.columns
    regions = problem.rps_per_replica.shape[1]
    share = x[static.share]
    promised = np.flatnonzero(problem.must_survive)
    added = 0
    for service, host in enumerate(problem.host_of_service):
        mine = np.flatnonzero(columns.host == host)
        calls = problem.demand_rps[service, columns.origin[mine]].max(axis=1) > 0
        mine = mine[calls]
        held = mine[share[mine] > 0]
        serve = columns.serve[promised[:, None], held]
        for region in range(regions):
            names = held[(serve == region).any(axis=0)]
            origin = columns.origin[names]
            used = np.zeros(static.use_row.shape[1])
            np.add.at(used, origin, share[names])
            broken = np.zeros(used.size, bool)
            broken[violated(used, x[static.master.runs[service, region]])] = True
            broken &= (static.use_row[service, :, region] < 0) & static.places_matter[
                service, region
            ]
            if broken.any():
                these = mine[broken[columns.origin[mine]]]
                names = these[(columns.serve[promised[:, None], these] == region).any(axis=0)]
                added += _append_use_rows(static, service, region, names, broken)
    return added


def _append_use_rows(
    static: StaticProgram, service: int, region: int, names: Ints, broken: Bools
) -> int:
    """Append the rows of the broken origins of one service and region."""
    kept = names[broken[static.columns.origin[names]]]
    row = (np.cumsum(broken) - 1)[static.columns.origin[kept]]
    runs = np.full(int(broken.sum()), static.master.runs[service, region])
    index = static.program.add_rows(strong_rows(static.share[kept], runs, row))
    static.use_row[service, broken, region] = index
    return runs.size

"""Order columns that join a program with rows, priced in where its duals ask for them.

The program starts with one order for each origin and first region and with the rows of the normal
state.  Rows that a point breaks and columns at the prices of its rows join until nothing is
missing: then the relaxation is that of all orders and all states.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.optimization.column_tables import together
from planner.optimization.columns import OrderColumns
from planner.optimization.dominance import binding_rows
from planner.optimization.growing_flows import GrowingFlows
from planner.optimization.milp import Milp, MilpResult
from planner.optimization.order_flows import by_service_and_hour
from planner.optimization.order_pool import OrderPool, RowPrices
from planner.optimization.priced_columns import PricedColumns
from planner.optimization.rows import Entries, joined
from planner.optimization.static import (
    StaticProgram,
    add_load_rows,
    first_wanted,
    served_columns,
    without_rows,
)
from planner.optimization.uplink_rows import uplink_entries
from planner.problem.arrays import Bools, Ints, Problem
from planner.units import gbps_from_payload

_PRECISE, _ROUGH = 1e-7, 3e-5
"""Least and most part of the objective that all missing columns together may take off."""


def priced_program(problem: Problem, pool: OrderPool, seed: int) -> StaticProgram:
    """Build a program whose columns are priced in, with the rows of the normal state.

    Parameters
    ----------
    problem : Problem
        The problem as arrays; its origins can be split.
    pool : OrderPool
        Its orders; none is missing.
    seed : int
        Random seed of the solver.

    Returns
    -------
    StaticProgram
        Not yet solved.
    """
    columns = pool.start()
    static = without_rows(problem, columns, Milp(seed=seed))
    program, groups = static.program, np.unique(columns.group).size
    row = np.arange(program.row_count - groups, program.row_count)
    static.priced = PricedColumns.of(pool, program, row)
    static.flows = GrowingFlows(problem, columns, program, static.share)
    wanted = first_wanted(problem, binding_rows(problem, static.one_rps))
    usual: Bools = np.all(problem.region_up, axis=1)
    add_load_rows(static, wanted & usual[:, None, None, None])
    return static


def add_missing_columns(
    static: StaticProgram, result: MilpResult, gap: float
) -> tuple[int, MilpResult]:
    """Add the columns that the duals of an answer ask for.

    Parameters
    ----------
    static : StaticProgram
        The program, of `priced_program`; its columns grow.
    result : MilpResult
        Its answer, optimal over the columns that it has.
    gap : float
        Part of the objective that the missing columns may take off; some bounds apply.

    Returns
    -------
    int
        How many were added, or 1 where only what is served outside the model became dearer.
    MilpResult
        The answer with a bound that counts all columns in; infeasible where that proves it.
    """
    assert static.priced is not None
    tolerance = min(max(gap, _PRECISE), _ROUGH) * max(1.0, abs(result.objective))
    new, off = static.priced.cheapest(row_prices(static, result), tolerance)
    result = replace(result, bound=result.objective + off)
    if static.priced.impossible(result):
        return 0, MilpResult("infeasible", None, np.inf, np.inf)
    if new.host.size:
        add_order_columns(static, new)
        return new.host.size, result
    return int(static.priced.dearer(static.program, result)), result


def row_prices(static: StaticProgram, result: MilpResult) -> RowPrices:
    """Return what the rows of a program charge order columns.

    Parameters
    ----------
    static : StaticProgram
        The program.
    result : MilpResult
        Its answer with duals.

    Returns
    -------
    RowPrices
        Nothing where there is no row.
    """
    assert result.row_dual is not None
    price = np.zeros(static.program.row_count)  # Rows that came after the answer charge nothing.
    price[: result.row_dual.size] = np.maximum(-result.row_dual, 0.0)
    load = np.zeros(static.load_row.shape)
    row, key = _load_keys(static)
    one = static.one_rps[tuple(key[:, :3].T)]
    load[tuple(key.T)] = np.where(one > 0, price[row] / np.where(one > 0, one, 1.0), 0.0)
    at = np.argwhere(static.uplink_row >= 0)
    if at.size:
        k, r, h = at.T
        gbps = gbps_from_payload(1.0, 1.0) * static.problem.payload_kib
        each = price[static.uplink_row[k, r, h]] / static.problem.uplink_gbps[r]
        load[k[:, None], np.arange(gbps.size), r[:, None], h[:, None]] += each[:, None] * gbps
    use = np.where(static.use_row >= 0, price[np.maximum(static.use_row, 0)], 0.0)
    return RowPrices(load, use)


def _load_keys(static: StaticProgram) -> tuple[Ints, Ints]:
    """Return the load rows, and the (state, service, region, hour) of each."""
    row = np.fromiter(static.row_key, np.int64, len(static.row_key))
    key = np.array(list(static.row_key.values()), np.int64).reshape(-1, 4)
    return row, key


def add_order_columns(static: StaticProgram, new: OrderColumns) -> None:
    """Append columns to a program that has rows.

    Parameters
    ----------
    static : StaticProgram
        The program, of `priced_program`; its columns grow.
    new : OrderColumns
        Columns that its pool has given out.
    """
    assert static.priced is not None
    assert isinstance(static.flows, GrowingFlows)
    row, key = _load_keys(static)
    promised = static.problem.must_survive[key[:, 0]]
    parts = [_whole(static.priced, new)]
    loads = by_service_and_hour(row[promised], key[promised], static.one_rps)
    parts += static.flows.grow(new, loads)
    parts += _soft_loads(static, new, row[~promised], key[~promised])
    parts += [*_uplinks(static, new), *_uses(static, new)]
    column = static.program.add_columns(new.cost_usd_month, 0.0, 1.0, entries=joined(parts))
    static.columns = static.flows.columns = together([static.columns, new])
    static.share = static.flows.share = np.append(static.share, column)


def _whole(priced: PricedColumns, new: OrderColumns) -> Entries:
    """Return the entries in the rows "shares sum to 1"."""
    count = new.host.size
    return Entries(priced.row_of(new), np.arange(count), np.ones(count))


def _soft_loads(static: StaticProgram, new: OrderColumns, row: Ints, key: Ints) -> list[Entries]:
    """Return the entries in load rows of states that are not promised."""
    problem, parts = static.problem, []
    for index, (state, service, region, hour) in zip(row.tolist(), key.tolist(), strict=True):
        place = served_columns(problem, new, state, service, region)
        rps = problem.demand_rps[service, new.origin[place], hour]
        value = rps / static.one_rps[state, service, region]
        parts.append(Entries(np.full(place.size, index), place, value))
    return parts


def _uplinks(static: StaticProgram, new: OrderColumns) -> list[Entries]:
    """Return the entries in uplink rows."""
    problem, parts = static.problem, []
    for state, region, hour in np.argwhere(static.uplink_row >= 0).tolist():
        place, value = uplink_entries(problem, new, state, region, hour)
        row = np.full(place.size, static.uplink_row[state, region, hour])
        parts.append(Entries(row, place, value))
    return parts


def _uses(static: StaticProgram, new: OrderColumns) -> list[Entries]:
    """Return the entries in rows that keep origins out of regions where a service does not run."""
    promised, parts = static.problem.must_survive, []
    for region in range(static.use_row.shape[2]):
        served: Bools = (new.serve[promised] == region).any(axis=0)
        for service, host in enumerate(static.problem.host_of_service):
            row = static.use_row[service, new.origin, region]
            place = np.flatnonzero((row >= 0) & served & (new.host == host))
            parts.append(Entries(row[place], place, np.ones(place.size)))
    return parts

"""The program of static steering over classes of origins, and the way back to each origin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.optimization.candidates import Candidate, clean
from planner.optimization.columns import OrderColumns, order_columns
from planner.optimization.first_choices import FirstChoices
from planner.optimization.merged_origins import merged_origins
from planner.optimization.static import StaticProgram, static_program
from planner.problem.arrays import Floats, Ints, Problem

_FEWER = 0.5
"""Origins are merged where that leaves so many of the columns, or fewer."""


def steering_program(problem: Problem, columns: OrderColumns, seed: int) -> StaticProgram:
    """Build the program with merged origins where that makes it much smaller.

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
        Of `problem` itself, or of classes of its origins with their first choices.

    Notes
    -----
    Where a region or the first replica of a service is paid for as such, rows that keep each origin
    out of closed places say more than those of classes: nothing is merged.
    """
    paid = (problem.fixed_cost_usd_month > 0).any() or (problem.min_replicas > 1).any()
    if problem.split_origins and not paid:
        merged = merged_origins(problem)
        of_classes = order_columns(merged.problem)
        firsts = FirstChoices.of(merged, of_classes)
        if of_classes.host.size + firsts.origin.size <= _FEWER * columns.host.size:
            static = static_program(merged.problem, of_classes, seed)
            firsts.add_to(static.program, static.share)
            static.firsts = firsts
            return static
    return static_program(problem, columns, seed)


def each_origin(
    static: StaticProgram, plan: Candidate, seed: int
) -> tuple[StaticProgram, Candidate]:
    """Return a plan with the orders of each origin, and the program that has them.

    Parameters
    ----------
    static : StaticProgram
        The program in which the plan was found.
    plan : Candidate
        The plan.
    seed : int
        Random seed of the solver.

    Returns
    -------
    StaticProgram
        `static` itself where no origins are merged.
    Candidate
        The same replicas and cost.
    """
    if static.firsts is None:
        return static, plan
    problem = static.firsts.merged.each
    columns = order_columns(problem)
    whole = static_program(problem, columns, seed)
    return whole, replace(plan, share=clean(whole, _of_each(static.firsts, columns, plan.share)))


def _of_each(firsts: FirstChoices, columns: OrderColumns, share: Floats) -> Floats:
    """Return the shares of the orders of each origin, shape (C,)."""
    triple, order, part = firsts.handed_out(share)
    wanted = _code(firsts.host[triple], firsts.origin[triple], firsts.columns.order[order], columns)
    code = _code(columns.host, columns.origin, columns.order, columns)
    sort = np.argsort(code, kind="stable")
    at = sort[np.searchsorted(code, wanted, sorter=sort)]
    whole: Floats = np.bincount(at, part, code.size).astype(float)
    return whole


def _code(host: Ints, origin: Ints, order: Ints, columns: OrderColumns) -> Ints:
    """Return host name, origin and order as one number."""
    base = int(columns.order.max(initial=0)) + 2
    code: Ints = host * columns.called.shape[1] + origin
    for region in order.T:
        code = code * base + region + 1
    return code

"""The program of static steering over classes of origins, and the way back to each origin."""

from __future__ import annotations

import numpy as np

from planner.errors import PlannerError
from planner.optimization.candidates import Candidate, clean, rerouted, with_enough
from planner.optimization.columns import OrderColumns, order_columns, row_codes
from planner.optimization.first_choices import FirstChoices
from planner.optimization.merged_origins import merged_origins
from planner.optimization.static import StaticProgram, add_load_rows, static_program
from planner.optimization.stopping import NEVER
from planner.problem.arrays import Floats, Problem

_FEWER = 0.5
"""Origins are merged where that leaves so many of the columns, or fewer."""

_HANDED_OUT = 1e-3
"""By so much what an origin is given may differ from all of it: rounding, not an order lost."""

_EXACT = 1e-6
"""Relative gap of what steering costs where shares are looked for anew."""


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
    Where it matters in which places a service runs (`StaticProgram.places_matter`), rows that keep
    each origin out of the others say more than those of classes: nothing is merged.
    """
    static = _merged(problem, columns, seed) if problem.split_origins else None
    return static_program(problem, columns, seed) if static is None else static


def _merged(problem: Problem, columns: OrderColumns, seed: int) -> StaticProgram | None:
    """Return the program with merged origins; None where that gains little or says less."""
    merged = merged_origins(problem)
    classes = len(merged.problem.axes.origins)
    if not columns.host.size or classes > _FEWER * len(problem.axes.origins):
        return None
    of_classes = order_columns(merged.problem)
    firsts = FirstChoices.of(merged, of_classes)
    if of_classes.host.size + firsts.origin.size > _FEWER * columns.host.size:
        return None
    static = static_program(merged.problem, of_classes, seed)
    if static.places_matter.any():
        return None
    firsts.add_to(static.program, static.share)
    static.firsts = firsts
    return static


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
        The same replicas and cost, but for a replica more where handing out needs one.

    Raises
    ------
    PlannerError
        If the plan does not keep the promises of each origin: never but for the solver's tolerance.
    """
    if static.firsts is None:
        return static, plan
    problem = static.firsts.merged.each
    columns = order_columns(problem)
    whole = static_program(problem, columns, seed)
    add_load_rows(whole, static.load_row)
    share = clean(whole, _of_each(static.firsts, columns, plan.share))
    found = with_enough(whole, plan.replicas, share)
    found = found or rerouted(whole, plan.replicas, _EXACT, NEVER)
    if found is None:
        raise PlannerError("the plan of merged origins is none of each origin")
    return whole, found


def _of_each(firsts: FirstChoices, columns: OrderColumns, share: Floats) -> Floats:
    """Return the shares of the orders of each origin, shape (C,)."""
    triple, order, part = firsts.handed_out(share)
    group = firsts.host[triple] * columns.called.shape[1] + firsts.origin[triple]
    asked = np.column_stack([group, firsts.columns.order[order] + 1])
    there = np.column_stack([columns.group, columns.order + 1])
    code, wanted = np.split(row_codes(np.concatenate([there, asked])), [columns.group.size])
    sort = np.argsort(code, kind="stable")
    at = sort[np.minimum(np.searchsorted(code, wanted, sorter=sort), code.size - 1)]
    whole: Floats = np.bincount(at, part, code.size).astype(float)
    handed = np.bincount(columns.group, whole)[columns.group]
    if (code[at] != wanted).any() or (np.abs(handed - 1) > _HANDED_OUT).any():
        raise PlannerError("the orders of merged origins are not those of each origin")
    return whole

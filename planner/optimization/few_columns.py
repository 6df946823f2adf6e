"""A plan's last steps with fewer order columns: those that begin where the plan's own begin.

What a share costs depends on the first region of its order alone (what nobody serves apart), so
orders that begin elsewhere are of no use to steps that keep the cost and choose the backups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.optimization.candidates import Candidate
from planner.optimization.columns import OrderColumns
from planner.optimization.static import StaticProgram, static_program
from planner.problem.arrays import Bools, Ints

_MANY_COLUMNS = 20_000
"""With fewer columns than this the steps are quick anyway, and all of them are kept."""


@dataclass(frozen=True)
class FewColumns:
    """A program over some of the columns, and the plan in it.

    Attributes
    ----------
    static : StaticProgram
        The program over the columns kept.
    plan : Candidate
        The plan over them.
    kept : ndarray of int, shape (C',)
        Which columns they are.
    count : int
        Number of all columns, C.
    """

    static: StaticProgram
    plan: Candidate
    kept: Ints
    count: int

    def whole(self, plan: Candidate) -> Candidate:
        """Return a plan over the columns kept as one over all of them.

        Parameters
        ----------
        plan : Candidate
            Shares of shape (C',).

        Returns
        -------
        Candidate
            Shares of shape (C,).
        """
        share = np.zeros(self.count)
        share[self.kept] = plan.share
        return replace(plan, share=share)


def few_columns(static: StaticProgram, plan: Candidate, seed: int = 0) -> FewColumns:
    """Keep the columns that begin in a region in which the plan's own of the same origin begin.

    Parameters
    ----------
    static : StaticProgram
        The program.
    plan : Candidate
        A plan for it.
    seed : int
        Random seed of the solver.

    Returns
    -------
    FewColumns
        The program itself where it has few columns.
    """
    columns = static.columns
    count = columns.host.size
    if count < _MANY_COLUMNS:
        return FewColumns(static, plan, np.arange(count), count)
    kept = np.flatnonzero(_begin_alike(columns, plan.share > 0))
    few = static_program(static.problem, columns.take(kept), seed)
    return FewColumns(few, replace(plan, share=plan.share[kept]), kept, count)


def _begin_alike(columns: OrderColumns, used: Bools) -> Bools:
    """Return which columns share host, origin and first region with a used one, shape (C,)."""
    start = columns.group * (int(columns.order.max(initial=0)) + 2) + columns.order[:, 0] + 1
    alike: Bools = np.isin(start, start[used])
    return alike

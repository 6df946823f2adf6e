"""A demand in a program of its own, and what given replicas cost under it.

`planner.optimization.soft_promises` states what a demand costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.optimization.columns import OrderColumns
from planner.optimization.master import Master, add_master, fixed_and_replica_usd, integers_of
from planner.optimization.milp import Milp, MilpResult
from planner.optimization.overload import at_point
from planner.optimization.soft_promises import (
    Shortfall,
    add_shortfall,
    add_shortfall_rows,
    keeps_promises,
    steering_usd,
)
from planner.optimization.stopping import NEVER, Stop
from planner.problem.arrays import Floats, Ints, Problem

_SHARE_OF_WHOLE, _SHARE_OF_TREE = 0.3, 0.7
"""Most of the time that is left for one program of given replicas where origins are whole, and for
the tree that chooses replicas: what it finds is still to be priced."""


@dataclass(frozen=True)
class DemandProgram:
    """A demand in a program of its own.

    Attributes
    ----------
    program : Milp
        The program, priced.
    master : Master
        Its replicas.
    part : Shortfall
        Its shares and what it loses.
    kept : bool
        Whether nothing at all may be turned away in promised states.
    """

    program: Milp
    master: Master
    part: Shortfall
    kept: bool

    def cost_usd(self, replicas: Ints, slack_usd: float, stop: Stop) -> float:
        """Return the least cost of given replicas, inf where they keep no promise asked for.

        Whole origins may end at the stop: then it is what the steering found by then costs.
        """
        split = self.part.problem.split_origins
        parts, until = [self.part], NEVER if split else stop
        x = fixed_point(self.program, self.master, parts, replicas, slack_usd, until)
        share = None if x is None else at_point(self.part.overloads.static, x)[1]
        if share is None and not split:
            share = self._rounded(replicas)
        if share is None:
            return np.inf
        # At the stop rows may be missing.
        if self.kept and not split and not keeps_promises(self.part, replicas, share):
            return np.inf
        return bought_usd(self.part.problem, replicas) + steering_usd(self.part, replicas, share)

    def _rounded(self, replicas: Ints) -> Floats | None:
        """Return shares with each origin on the order that it follows most where it may be split.

        None where nobody may be turned away: those that do would have been found.
        """
        if self.kept:
            return None
        fixed = integers_of(replicas)
        with self.program.bounded(self.master.integer, fixed, fixed):
            x = self.program.relaxation(NEVER).x
        if x is None:
            return None
        _, share = at_point(self.part.overloads.static, x)
        return _on_largest(self.part.columns, share)

    def saving_usd(self, replicas: Ints, slack_usd: float) -> Floats:
        """Return what one replica more would save at first, shape (S, R); 0 where none runs."""
        fixed = integers_of(replicas)
        with self.program.bounded(self.master.integer, fixed, fixed):
            result = tight(self.program, [self.part], slack_usd, NEVER)
        if result.reduced_cost is None:
            return np.zeros(replicas.shape)
        return np.where(replicas > 0, -result.reduced_cost[self.master.replicas], 0.0)


def demand_program(problem: Problem, promise_usd: float, seed: int, *, kept: bool) -> DemandProgram:
    """Write a demand into a program of its own.

    Parameters
    ----------
    problem : Problem
        The problem under this demand.
    promise_usd : float
        US dollars for a request turned away in a promised state.
    seed : int
        Random seed of the solver.
    kept : bool
        Whether nothing at all may be turned away in promised states.

    Returns
    -------
    DemandProgram
        Not yet solved.
    """
    program = Milp(seed=seed)
    master = add_master(program, problem)
    part = add_shortfall(program, master, problem, promise_usd, kept=kept)
    program.price_columns(part.place, part.cost)
    return DemandProgram(program, master, part, kept)


def _on_largest(columns: OrderColumns, share: Floats) -> Floats:
    """Return shares with each host and origin wholly on the order that it follows most."""
    _, group = np.unique(columns.group, return_inverse=True)
    order = np.lexsort([-share, group])
    first = order[np.unique(group[order], return_index=True)[1]]
    whole = np.zeros(share.size)
    whole[first] = 1.0
    return whole


def bought_usd(problem: Problem, replicas: Ints | Floats) -> float:
    """Return the cost of active regions and replicas, US dollars a month.

    Parameters
    ----------
    problem : Problem
        The problem as arrays.
    replicas : ndarray, shape (S, R)
        Replicas.
    """
    return sum(fixed_and_replica_usd(problem, replicas))


def tight(program: Milp, parts: Sequence[Shortfall], slack_usd: float, stop: Stop) -> MilpResult:
    """Solve the relaxation, again as long as its answer breaks a row that matters.

    Parameters
    ----------
    program : Milp
        The program; its rows grow.
    parts : sequence of Shortfall
        The demands in it.
    slack_usd : float
        US dollars a month that a point may pay too little.
    stop : Stop
        When to stop.

    Returns
    -------
    MilpResult
        The last answer.  With whole shares where origins cannot be split: the best found in part
        of the time.
    """
    whole = not parts[0].problem.split_origins
    stop = stop.part(_SHARE_OF_WHOLE) if whole else stop

    def solved() -> MilpResult:
        return program.integral(stop, 1e-7) if whole else program.relaxation(stop)

    result = solved()
    while result.x is not None and not stop.passed():
        if not add_rows(parts, result.x, slack_usd):
            break
        result = solved()
    return result


def add_rows(parts: Sequence[Shortfall], x: Floats, slack_usd: float) -> int:
    """Add the rows that a point breaks, those of all demands; return how many.

    Parameters
    ----------
    parts : sequence of Shortfall
        The demands.
    x : ndarray, shape (n,)
        A point of their program.
    slack_usd : float
        US dollars a month that it may pay too little.
    """
    return sum([add_shortfall_rows(part, x, slack_usd) for part in parts])


def fixed_point(
    program: Milp,
    master: Master,
    parts: Sequence[Shortfall],
    replicas: Ints,
    slack_usd: float,
    stop: Stop,
) -> Floats | None:
    """Return the program's best point for given replicas, with the rows that it lacked added.

    Parameters
    ----------
    program : Milp
        The program; its rows grow.
    master : Master
        Its replicas.
    parts : sequence of Shortfall
        The demands in it.
    replicas : ndarray of int, shape (S, R)
        Replicas.
    slack_usd : float
        US dollars a month that the point may pay too little.
    stop : Stop
        When to stop.

    Returns
    -------
    ndarray, shape (n,), or None
        None where the replicas allow none.
    """
    fixed = integers_of(replicas)
    with program.bounded(master.integer, fixed, fixed):
        return tight(program, parts, slack_usd, stop).x


def tree_stop(part: Shortfall, stop: Stop) -> Stop:
    """Return when a tree over replicas ends, so that what it finds can still be priced.

    Parameters
    ----------
    part : Shortfall
        One of its demands.
    stop : Stop
        When to stop.

    Returns
    -------
    Stop
        Given replicas are priced at once where origins can be split.
    """
    return stop if part.problem.split_origins else stop.part(_SHARE_OF_TREE)

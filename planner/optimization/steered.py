"""What was decided about steering, as a table of the orders in use, and how it is put together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.backups import near_backups
from planner.optimization.blockwise import BlockPlans, block_programs, search_blocks
from planner.optimization.candidates import Candidate, tidied
from planner.optimization.columns import OrderColumns
from planner.optimization.few_columns import few_columns
from planner.optimization.highs_answers import solver_version
from planner.optimization.merged_program import each_origin
from planner.optimization.side_by_side import side_by_side
from planner.optimization.static import StaticProgram
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints, Problem, Solution
from planner.problem.packing import fits, packing_limits


@dataclass(frozen=True)
class Steered:
    """Replicas and the order columns in use.

    Attributes
    ----------
    replicas : ndarray of int, shape (S, R)
        Replicas.
    host, origin : ndarray of int, shape (C,)
        What each column belongs to.
    order : ndarray of int, shape (C, D)
        Regions in order, padded with -1.
    share : ndarray, shape (C,)
        Part of the demand of its host and origin, above 0.
    objective, bound : float
        US dollars a month; `bound` is proven.
    """

    replicas: Ints
    host: Ints
    origin: Ints
    order: Ints
    share: Floats
    objective: float
    bound: float

    def candidate(self, columns: OrderColumns) -> Candidate:
        """Return it over all order columns.

        Parameters
        ----------
        columns : OrderColumns
            All order columns of its problem.

        Returns
        -------
        Candidate
            Shares are 0 where it uses no column.
        """
        every = _rows(columns.host, columns.origin, columns.order)
        place = {row: at for at, row in enumerate(every)}
        share = np.zeros(columns.host.size)
        used = [place[row] for row in _rows(self.host, self.origin, self.order)]
        share[used] = self.share
        return Candidate(self.replicas, share, self.objective)

    def within(self, gap: float) -> bool:
        """Return whether a gap is closed, to the solver's last digits.

        Parameters
        ----------
        gap : float
            Relative gap that was asked for.
        """
        return self.objective <= self.bound + gap * abs(self.objective) + 1e-9

    def solution(
        self, *, proven: bool, seed: int, seconds: float = 0.0, notes: tuple[str, ...] = ()
    ) -> Solution:
        """Return it as an answer.

        Parameters
        ----------
        proven : bool
            Whether all was proven that was asked for.
        seed : int
            Random seed of the solver.
        seconds : float
            How long the search took.
        notes : tuple of str
            Sentences for the reader of the plan.

        Returns
        -------
        Solution
            'optimal' where it is proven.
        """
        return Solution(
            replicas=self.replicas,
            host=self.host,
            origin=self.origin,
            order=self.order,
            share=self.share,
            routing=None,
            objective=self.objective,
            bound=self.bound,
            status="optimal" if proven else "limit",
            solver=solver_version(),
            seed=seed,
            seconds=seconds,
            notes=notes,
        )


def _rows(host: Ints, origin: Ints, order: Ints) -> list[tuple[int, ...]]:
    """Return what tells order columns apart."""
    rows: list[list[int]] = np.column_stack([host, origin, order]).tolist()
    return [tuple(row) for row in rows]


def steered(columns: OrderColumns, plan: Candidate, bound: float) -> Steered:
    """Return a plan without the orders that nobody follows.

    Parameters
    ----------
    columns : OrderColumns
        All order columns.
    plan : Candidate
        Replicas and shares over them.
    bound : float
        Proven lower bound, US dollars a month.

    Returns
    -------
    Steered
        The bound is at most what the plan costs.
    """
    used = plan.share > 0
    return Steered(
        replicas=plan.replicas,
        host=columns.host[used],
        origin=columns.origin[used],
        order=columns.order[used],
        share=plan.share[used],
        objective=plan.objective,
        bound=min(bound, plan.objective),
    )


def finished(
    static: StaticProgram, plan: Candidate, limit: float, gap: float, stop: Stop
) -> Candidate:
    """Return the plan with near backups and shares of few digits, at most as dear as `limit`.

    Parameters
    ----------
    static : StaticProgram
        The program; its rows grow.
    plan : Candidate
        The best candidate.
    limit : float
        What the result may cost, US dollars a month; what the plan costs now is always allowed.
    gap : float
        Relative gap asked for.
    stop : Stop
        When to stop.

    Returns
    -------
    Candidate
        The same replicas.
    """
    most = max(limit, plan.objective)
    few = few_columns(static, plan)
    near = near_backups(few.static, few.plan, most, gap, stop)
    return few.whole(tidied(few.static, near, most, gap, stop))


def steered_by_blocks(
    problem: Problem, gap: float, stop: Stop, seed: int
) -> tuple[Steered | None, float]:
    """Solve a separable problem host name by host name.

    Parameters
    ----------
    problem : Problem
        A problem that is separable.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.
    seed : int
        Random seed of the solver.

    Returns
    -------
    Steered or None
        None where no plan was found, whether there is one or not.
    float
        Proven lower bound, US dollars a month; -inf where nothing is known.
    """
    programs = block_programs(problem, seed)
    if not programs:
        return None, -np.inf
    found = search_blocks(problem, programs, gap, stop, seed)
    if not found.plans:
        return None, found.bound
    spare = max(0.0, found.bound + gap * abs(found.cost) - found.cost) / len(programs)

    def part(at: int) -> Steered:
        static, plan = each_origin(programs[at].static, found.plans[at], seed)
        done = finished(static, plan, plan.objective + spare, gap, stop)
        return steered(static.columns, done, done.objective)

    parts = side_by_side(part, range(len(programs)))
    whole = _together(problem, found, parts)
    if not fits(problem, packing_limits(problem), whole.replicas).all():
        # Handing out what merged origins share may have taken a replica more.
        return None, found.bound
    return whole, whole.bound


def _together(problem: Problem, found: BlockPlans, parts: list[Steered]) -> Steered:
    """Put the blocks' decisions in one table, in the order of the host names."""
    replicas = np.zeros(problem.min_replicas.shape, np.int64)
    host = []
    for program, part in zip(found.programs, parts, strict=True):
        replicas[program.block.services] = part.replicas
        host.append(np.full(part.host.size, program.block.host))
    objective = float(sum(part.objective for part in parts))
    return Steered(
        replicas=replicas,
        host=np.concatenate(host),
        origin=np.concatenate([part.origin for part in parts]),
        order=np.concatenate([part.order for part in parts]),
        share=np.concatenate([part.share for part in parts]),
        objective=objective,
        bound=min(found.bound, objective),
    )

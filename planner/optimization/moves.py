"""The program of static steering that asks for the least movement at a capped cost.

It is the program of `planner.optimization.static` with three more kinds of columns: what of each
earlier place and order is kept, and the replicas that are started and stopped.  Its objective is 1
+ the score of `planner.optimization.movement`, so that a relative gap is one on all demand; what
the plan costs is a row, written again whenever states that are not promised have got new columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimization.candidates import Candidate
from planner.optimization.loads import judge
from planner.optimization.milp import Milp, MilpResult
from planner.optimization.movement import ORDER_WEIGHT, Kept, movement
from planner.optimization.relaxation import add_cut_round, add_missing_rows
from planner.optimization.rows import rows
from planner.optimization.static import StaticProgram, point
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints

SLACK = 1e-7
"""Relative excess over the cap that counts as none: the solver's own tolerance."""

_CUT_ROUNDS = 30


@dataclass
class MoveProgram:
    """The growing program of least movement.

    Attributes
    ----------
    static : StaticProgram
        The program of static steering, priced anew.
    held : Kept
        What of the earlier plan could be kept.
    most_usd_month : float
        What the plan may cost, US dollars a month.
    base : ndarray of int, shape (1,)
        A column that is 1 and carries the constant.
    places, orders : ndarray of int, shape (P,) and (Q,)
        Columns of what is kept of each earlier place and order.
    more, fewer : ndarray of int, shape (S, R)
        Columns of replicas started and stopped.
    price : ndarray, shape (n,)
        Prices of all columns, 0 for those that came later.
    """

    static: StaticProgram
    held: Kept
    most_usd_month: float
    base: Ints
    places: Ints
    orders: Ints
    more: Ints
    fewer: Ints
    price: Floats

    def keeps(self, plan: Candidate) -> bool:
        """Return whether a plan costs no more than it may, up to the solver's tolerance.

        Parameters
        ----------
        plan : Candidate
            A plan.
        """
        return plan.objective <= self.most_usd_month * (1 + SLACK) + SLACK

    def score(self, plan: Candidate) -> float:
        """Return how far a plan is from the earlier one.

        Parameters
        ----------
        plan : Candidate
            A plan.
        """
        return movement(self.held, plan.replicas, plan.share).score


def move_program(static: StaticProgram, held: Kept, most_usd_month: float) -> MoveProgram:
    """Add columns and rows of movement to a program of static steering.

    Parameters
    ----------
    static : StaticProgram
        The program; it grows and is priced anew.
    held : Kept
        What of the earlier plan could be kept.
    most_usd_month : float
        What the plan may cost, US dollars a month.

    Returns
    -------
    MoveProgram
        Not yet solved.
    """
    program, n = static.program, static.master.replicas
    constant = 1 + (1 + ORDER_WEIGHT) * held.demand + held.replica_price * held.gone_replicas
    base = program.add_columns(0.0, 1.0, 1.0)
    places = program.add_columns(0.0, 0.0, held.place_share)
    orders = program.add_columns(0.0, 0.0, held.order_share)
    more, fewer = (program.add_columns(np.zeros(n.size), 0.0, np.inf) for _ in range(2))
    price = np.zeros(program.columns)
    price[base] = constant
    price[places] = -held.place_weight
    price[orders] = -ORDER_WEIGHT * held.order_weight
    price[more] = price[fewer] = held.replica_price
    _tie(static, places, held.place)
    _tie(static, orders, held.order)
    row = np.tile(np.arange(n.size), 3)
    one = np.ones(n.size)
    then = held.replicas.ravel().astype(float)
    entries = np.concatenate([one, -one, one])
    program.add_rows(rows(then, then, row, np.concatenate([n.ravel(), more, fewer]), entries))
    shape = n.shape
    moves = MoveProgram(
        static,
        held,
        most_usd_month,
        base,
        places,
        orders,
        more.reshape(shape),
        fewer.reshape(shape),
        price,
    )
    aim(moves)
    return moves


def _tie(static: StaticProgram, kept: Ints, column: Ints) -> None:
    """No more is kept of a place, or of an order, than its columns hold."""
    used = np.flatnonzero(column >= 0)
    static.program.add_rows(
        rows(
            np.full(kept.size, -np.inf),
            np.zeros(kept.size),
            np.concatenate([np.arange(kept.size), column[used]]),
            np.concatenate([kept, static.share[used]]),
            np.concatenate([np.ones(kept.size), -np.ones(used.size)]),
        )
    )


def aim(moves: MoveProgram) -> None:
    """Price movement, and cap the cost of every column that there is now.

    Parameters
    ----------
    moves : MoveProgram
        The program; to be called again once it has got columns, or other prices.
    """
    moves.price = priced(moves.static.program, moves.price, moves.most_usd_month)


def priced(program: Milp, price: Floats, most_usd_month: float) -> Floats:
    """Price a program's columns anew, and cap what they cost at their own prices.

    Parameters
    ----------
    program : Milp
        A program of costs; it grows by the row of the cap.
    price : ndarray, shape (m,)
        New prices of its first columns; the others are free.
    most_usd_month : float
        The cap, US dollars a month.

    Returns
    -------
    ndarray, shape (n,)
        Prices of all columns.

    Examples
    --------
    Something for 4 dollars each, as much as possible for 6:

    >>> program = Milp()
    >>> goods = program.add_columns([4.0], 0.0, 9.0)
    >>> priced(program, np.array([-1.0]), 6.0), program.relaxation(Stop(1.0)).x
    (array([-1.]), array([1.5]))
    """
    full = np.zeros(program.columns)
    full[: price.size] = price
    program.price_columns(np.arange(full.size), full)
    cost = program.cost
    used = np.flatnonzero(cost)
    scale = max(float(np.abs(cost).max(initial=0.0)), 1e-300)
    program.add_rows(
        rows(-np.inf, most_usd_month / scale, np.zeros(used.size), used, cost[used] / scale)
    )
    return full


def settled(moves: MoveProgram, stop: Stop) -> MilpResult:
    """Solve the relaxation until no row that matters and no cut is missing.

    Parameters
    ----------
    moves : MoveProgram
        The program; its rows grow.
    stop : Stop
        When to stop.

    Returns
    -------
    MilpResult
        The last answer; a lower bound where it is optimal, whether rows are missing or not.
    """
    static, rounds = moves.static, 0
    while True:
        result = static.program.relaxation(stop)
        if result.status != "optimal" or result.x is None or stop.passed():
            return result
        added = completed(moves, result.x, SLACK * moves.most_usd_month)
        if not added and rounds < _CUT_ROUNDS:
            rounds += 1
            added = add_cut_round(static, result.x)
        if not added:
            return result


def completed(moves: MoveProgram, x: Floats, slack_usd: float) -> int:
    """Add the rows that a point breaks.

    Parameters
    ----------
    moves : MoveProgram
        The program; its rows grow.
    x : ndarray, shape (n,)
        A point of it.
    slack_usd : float
        US dollars a month that the point may pay too little.

    Returns
    -------
    int
        How many were added.
    """
    before = moves.static.program.columns
    added = add_missing_rows(moves.static, x, slack_usd)
    if moves.static.program.columns > before:
        aim(moves)
    return added


def start_of(moves: MoveProgram, plan: Candidate) -> Floats:
    """Return the program's point of a plan.

    Parameters
    ----------
    moves : MoveProgram
        The program.
    plan : Candidate
        A plan.

    Returns
    -------
    ndarray, shape (n,)
        One value a column.
    """
    static, held = moves.static, moves.held
    verdict = judge(static.problem, static.columns, plan.replicas, plan.share)
    x = point(static, plan.replicas, plan.share, verdict)
    x[moves.base] = 1.0
    for column, of, most in (
        (moves.places, held.place, held.place_share),
        (moves.orders, held.order, held.order_share),
    ):
        used = of >= 0
        x[column] = np.minimum(np.bincount(of[used], plan.share[used], most.size), most)
    x[moves.more] = np.maximum(plan.replicas - held.replicas, 0)
    x[moves.fewer] = np.maximum(held.replicas - plan.replicas, 0)
    return x

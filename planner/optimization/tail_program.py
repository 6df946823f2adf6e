r"""The program of static steering with the tail of its losses.

.. math:: \min\; \alpha + \frac{1}{1-\beta} \Bigl(\sum_k p_k z_k + m\,(1-\alpha)\Bigr)
          \quad\text{s.t.}\quad z_k \ge L_k - \alpha,\; z_k \ge 0,\; C(n) \le B

with the loss ``L_k`` of `planner.optimization.overload`, the probability ``m`` of states left out,
which counts as loss of everything, and the cost ``C`` of active regions and replicas within the
budget ``B``.  Steering is static and every promise is kept, so only states that are not promised
lose anything.

References
----------
R. T. Rockafellar and S. Uryasev, "Optimization of conditional value-at-risk", Journal of Risk 2,
2000, doi 10.21314/JOR.2000.038.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.optimization.candidates import Candidate
from planner.optimization.columns import order_columns
from planner.optimization.explain import explain
from planner.optimization.loads import judge
from planner.optimization.master import fixed_and_replica_usd
from planner.optimization.overload import PER_MILLE, Overloads, add_overloads, lost_share
from planner.optimization.rows import rows
from planner.optimization.static import StaticProgram, static_program
from planner.problem.arrays import Floats, Ints, Problem, Solution
from planner.problem.refusals import refuse_rules_and_packing

_ROW_TOLERANCE = 1e-7
"""By so much the solver lets a row be broken where columns are integers."""

_LARGEST_PRICE = 1e3
"""Of a column: prices that differ more from 1 than this meet the solver's tolerances."""


@dataclass(frozen=True)
class TailProgram:
    """The program of static steering with the tail of its losses.

    Attributes
    ----------
    static : StaticProgram
        Its program; a lost request costs nothing in it.
    overloads : Overloads
        What each state loses.
    beta : float
        The tail is the worst ``1 − beta`` of the time.
    missing : float
        Probability of the states left out.
    alpha : int
        Program column of the loss that is exceeded only in the tail, in thousandths.
    beyond : ndarray of int, shape (K,)
        Program columns of what each state loses beyond it, in thousandths.
    budget_row, tail_row : ndarray of int, shape (1,)
        Rows that cap the cost and the tail.
    scale : float
        What the tail is multiplied with in the program.
    """

    static: StaticProgram
    overloads: Overloads
    beta: float
    missing: float
    alpha: int
    beyond: Ints
    budget_row: Ints
    tail_row: Ints
    scale: float

    @property
    def room(self) -> float:
        """Probability that the known states have in the tail."""
        return max(0.0, 1.0 - self.beta - self.missing)

    @property
    def tolerance(self) -> float:
        """What a tail may lie beyond its cap by the solver's tolerance in the row of the cap."""
        return _ROW_TOLERANCE / (PER_MILLE * self.scale * (1.0 - self.beta))

    def value(self, plan: Candidate) -> float:
        """Return the tail of a plan, high end: part of all demand."""
        return self.of_losses(self.losses(plan.replicas, plan.share))

    def of_losses(self, lost: Floats) -> float:
        """Return the tail of losses by state: the worst are taken first."""
        probability = self.static.problem.state_probability
        weight = tail_weight(lost, probability, self.room)
        return (float(weight @ lost) + self.missing) / (1.0 - self.beta)

    def losses(self, replicas: Ints | Floats, share: Floats) -> Floats:
        """Return what each state loses; nothing where it is promised."""
        problem = self.static.problem
        lost = lost_share(problem, self.static.columns, replicas, share)
        return np.where(problem.must_survive, 0.0, lost)

    def cost_usd_month(self, plan: Candidate) -> float:
        """Return what active regions and replicas cost, US dollars a month."""
        return sum(fixed_and_replica_usd(self.static.problem, plan.replicas))


def tail_weight(lost: Floats, probability: Floats, room: float) -> Floats:
    """Return how much of each state's probability is in the tail.

    Parameters
    ----------
    lost : ndarray, shape (K,)
        What each state loses.
    probability : ndarray, shape (K,)
        Its probability.
    room : float
        Probability of the tail.

    Returns
    -------
    ndarray, shape (K,)
        The worst states first, the last of them in part.

    Examples
    --------
    >>> tail_weight(np.array([0.0, 0.3, 0.9]), np.array([0.7, 0.2, 0.1]), 0.25).round(3).tolist()
    [0.0, 0.15, 0.1]
    """
    rank = np.argsort(-lost, kind="stable")
    end = np.minimum(np.cumsum(probability[rank]), room)
    weight = np.empty(lost.size)
    weight[rank] = np.diff(end, prepend=0.0)
    return weight


def tail_program(problem: Problem, beta: float, seed: int = 0) -> TailProgram:
    """Build the program.

    Parameters
    ----------
    problem : Problem
        The problem as arrays, with all states of which the tail is made.
    beta : float
        The tail is the worst ``1 − beta`` of the time; at least as probable as the states left out.
    seed : int
        Random seed of the solver.

    Returns
    -------
    TailProgram
        Not yet solved.

    Raises
    ------
    Infeasible
        If an origin has no order of regions that keeps its limits.
    ValueError
        If a balancer re-routes each state, DNS rules bind, pods are packed at best, or the states
        left out fill the tail.
    """
    if problem.steering != "static":
        raise ValueError("`problem` must be steered statically")
    refuse_rules_and_packing(problem, "the search for the least tail")
    missing = max(0.0, 1.0 - float(problem.state_probability.sum()))
    if not 0 <= beta < 1 or missing > (1 - beta) * (1 + 1e-9):
        raise ValueError(f"`beta` must be in [0, {1 - missing:.9g}]")
    priced = replace(problem, usd_per_lost_request=0.0)
    columns = order_columns(priced)
    if columns.missing.size:
        raise explain(problem, columns, seed)
    static = static_program(priced, columns, seed)
    return _with_tail(static, beta, missing)


def _with_tail(static: StaticProgram, beta: float, missing: float) -> TailProgram:
    """Append the tail, and a row that caps it; another caps the cost."""
    problem, program = static.problem, static.program
    overloads = add_overloads(static)
    loses = ~problem.must_survive & (problem.state_probability > 0)
    weight = np.where(loses, problem.state_probability, 0.0)
    room = max(0.0, 1.0 - beta - missing)
    # Where all states that lose anything fit into the tail, nothing need be exceeded.
    most = np.inf if weight.sum() > room else 0.0
    alpha = int(program.add_columns(0.0, 0.0, most)[0])
    beyond = program.add_columns(np.zeros(weight.size), 0.0, np.where(loses, np.inf, 0.0))
    each = np.flatnonzero(loses)
    row, ones = np.arange(each.size), np.ones(each.size)
    column = np.concatenate([overloads.lost[each], beyond[each], np.full(each.size, alpha)])
    value = np.concatenate([ones, -ones, -ones])
    program.add_rows(rows(-np.inf * ones, 0.0 * ones, np.tile(row, 3), column, value))
    largest = max(float(weight.max()), room * (most > 0))
    scale = _LARGEST_PRICE / largest if largest > 0 else 1.0
    price = np.append(scale * weight, scale * room)
    tail = np.append(beyond, alpha)
    tail_row = program.add_rows(rows(-np.inf, np.inf, np.zeros(tail.size), tail, price))
    return TailProgram(
        static, overloads, beta, missing, alpha, beyond, _budget_row(static), tail_row, scale
    )


def _budget_row(static: StaticProgram) -> Ints:
    """Append the row that caps what active regions and replicas cost, in units of its largest."""
    cost, used = static.program.cost, static.master.integer
    unit = max(float(cost[used].max(initial=0.0)), 1e-300)
    return static.program.add_rows(rows(-np.inf, np.inf, 0 * used, used, cost[used] / unit))


def candidate_of(program: TailProgram, solution: Solution) -> Candidate | None:
    """Return a solution of the same scenario as a candidate of the program.

    Parameters
    ----------
    program : TailProgram
        The program.
    solution : Solution
        Shares and orders, such as the main job's.

    Returns
    -------
    Candidate or None
        None where it follows an order that the program does not have.
    """
    static, columns = program.static, program.static.columns
    keys = zip(columns.host, columns.origin, map(tuple, columns.order), strict=True)
    place = {(int(h), int(o), q): c for c, (h, o, q) in enumerate(keys)}
    share = np.zeros(columns.host.size)
    for host, origin, order, part in zip(
        solution.host, solution.origin, map(tuple, solution.order), solution.share, strict=True
    ):
        column = place.get((int(host), int(origin), order))
        if column is None:
            return None
        share[column] += part
    verdict = judge(static.problem, columns, solution.replicas, share)
    return Candidate(solution.replicas, share, verdict.objective)

r"""Replicas that are regretted least, whichever of some demands comes.

.. math:: \min_n \max_j \bigl(C_j(n) - C^*_j\bigr), \qquad C^*_j = \min_n C_j(n)

with the cost ``C_j`` of `planner.optimization.soft_promises` and ``n`` that keeps every promise
under the first demand, that which is planned for.  ``C_1`` is then the cost of steering that keeps
them, whatever a promise is worth, and ``C*_1`` the least of these.  Every ``C*_j`` is known as an
interval [bound, objective], and so is the least regret: with each at its upper end the program
gives a lower bound; with each at its lower end a plan's own costs give an upper one.

Demands join the program when they are regretted most (cut generation): with some of them left out
the program is looser, so its bound holds all the same.

References
----------
L. J. Savage, "The theory of statistical decision", Journal of the American Statistical Association
46, 1951, doi 10.1080/01621459.1951.10500768.
H. Aissi, C. Bazgan and D. Vanderpooten, "Min-max and min-max regret versions of combinatorial
optimization problems: A survey", European Journal of Operational Research 197, 2009,
doi 10.1016/j.ejor.2008.09.012.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from planner.optimization.demand_program import (
    DemandProgram,
    add_rows,
    bought_usd,
    demand_program,
    fixed_point,
    tight,
    tree_stop,
)
from planner.optimization.master import add_master
from planner.optimization.milp import Milp
from planner.optimization.own_best import Interval, own_best, whole_replicas
from planner.optimization.relaxation import add_cut_round
from planner.optimization.rows import rows
from planner.optimization.soft_promises import Shortfall, add_shortfall
from planner.optimization.stopping import Stop
from planner.problem.arrays import Floats, Ints, Problem
from planner.problem.refusals import refuse_rules_and_packing

_CUT_ROUNDS = 10


@dataclass(frozen=True)
class LeastRegret:
    """Replicas that are regretted least, and what every demand says of them.

    Attributes
    ----------
    replicas : ndarray of int, shape (S, R)
        The replicas.
    regret : Interval
        The least regret, US dollars a month: bound and what the replicas reach.
    best : tuple of Interval
        What is known of each demand's own least cost, US dollars a month.
    own : tuple of ndarray of int, shape (S, R)
        Replicas that reach its upper end.
    table : ndarray, shape (J + 1, J)
        Regret of each demand's own replicas, then of `replicas`, under each demand: at most, US
        dollars a month.  Below 0 under the first where replicas cannot keep its promises and cost
        less than any that can.
    joined : tuple of int
        Demands that the program needed.
    """

    replicas: Ints
    regret: Interval
    best: tuple[Interval, ...]
    own: tuple[Ints, ...]
    table: Floats
    joined: tuple[int, ...]

    @property
    def gap_usd_month(self) -> float:
        """Width of the interval of the least regret."""
        return max(0.0, self.regret.high - self.regret.low)


def least_regret(
    problems: Sequence[Problem],
    start: Ints,
    promise_usd: float,
    *,
    gap: float = 1e-3,
    stop: Stop,
    seed: int = 0,
    step: Callable[[str], None] = lambda _: None,
) -> LeastRegret:
    """Choose replicas before it is known which demand comes.

    Parameters
    ----------
    problems : sequence of Problem
        The same problem under each demand; the first is that which is planned for.
    start : ndarray of int, shape (S, R)
        Replicas that keep every promise under the first demand, such as the main job's.
    promise_usd : float
        US dollars for a request turned away in a promised state, above 0.
    gap : float
        Width of the interval at which to stop, as a share of what `start` costs.
    stop : Stop
        When to stop; half of the time is for the demands alone.
    seed : int
        Random seed of the solver.
    step : callable
        Told what comes next.

    Returns
    -------
    LeastRegret
        Replicas, intervals, the table of regrets.

    Raises
    ------
    PlannerError
        If the solver gives up.
    ValueError
        If a balancer re-routes each state, DNS rules bind, pods are packed at best, or
        `promise_usd` is not above 0.

    Notes
    -----
    A demand that an interruption came before has `start` for its replicas and no bound but 0.
    Where origins can be split, a demand's cost for given replicas is a linear program, solved
    exactly; only replicas are whole. Otherwise shares are whole as well and every cost is a program
    of its own, in part of the time that is left: a cost is then that of the best steering found.
    """
    if any(problem.steering != "static" for problem in problems):
        raise ValueError("`problems` must be steered statically")
    if not promise_usd > 0:
        raise ValueError("`promise_usd` must be above 0")
    refuse_rules_and_packing(problems[0], "the search for the least regret")
    demands = [demand_program(problem, promise_usd, seed, kept=False) for problem in problems]
    first = demand_program(problems[0], promise_usd, seed, kept=True)
    gap_usd = gap * bought_usd(problems[0], start)
    best: list[Interval] = []
    own: list[Ints] = []
    keeps = bool(np.isfinite(first.cost_usd(start, gap_usd / 30, stop)))
    for j, problem in enumerate(problems):
        # Whoever plans for the first demand keeps every promise under it.
        kept = keeps and j == 0
        demand = first if kept else demands[j]
        if stop.interrupted:
            best.append(Interval(0.0, demand.cost_usd(start, gap_usd / 30, stop)))
            own.append(start)
            continue
        step(f"the least cost of demand {j + 1} of {len(demands)}")
        part = stop.part(0.5 / (len(demands) - 0.5 * j))
        chooser = demand_program(problem, promise_usd, seed, kept=kept)
        interval, replicas = own_best(demand, chooser, start, gap_usd / 30, gap_usd / 3, part)
        best.append(interval)
        own.append(replicas)
    step("the least regret")
    program = _Search(demands, first, tuple(best), promise_usd, seed)
    return _found(program, start, tuple(own), gap_usd, stop)


def _found(
    program: _Search, start: Ints, own: tuple[Ints, ...], gap_usd: float, stop: Stop
) -> LeastRegret:
    """Solve, and let demands join, until nothing more is to be gained."""
    slack_usd = gap_usd / 30
    *table, last = _table(program, (*own, start), slack_usd, stop)
    known = [*zip(own, table, strict=True), (start, last)]
    keeping = [each for each in known if program.keeps(each[0], slack_usd, stop)]
    # `start` keeps its promises by another program's tolerances where not by these.
    best, row = min(keeping or known[-1:], key=lambda each: float(each[1].max()))
    bound = 0.0
    while not stop.passed() and row.max() - bound > gap_usd:
        worst = int(row.argmax())
        if worst not in program.parts:
            program.join(worst)
        bound = max(bound, program.bound(slack_usd, stop))
        relative = gap_usd / 3 / max(float(row.max()), 1e-9)
        replicas, proven, lacked = program.replicas(best, min(0.5, relative), slack_usd, stop)
        bound = max(bound, proven)
        if replicas is None:
            break
        now = program.regrets(replicas, slack_usd, stop)
        joins = int(now.argmax()) not in program.parts
        if joins:
            program.join(int(now.argmax()))
        if now.max() < row.max() and program.keeps(replicas, slack_usd, stop):
            best, row = replicas, now
        elif not lacked and not joins:
            break
    high = max(0.0, float(row.max()))
    return LeastRegret(
        best,
        Interval(min(bound, high), high),
        program.best,
        own,
        np.array([*table, row]),
        tuple(sorted(program.parts)),
    )


def _table(
    program: _Search, plans: Sequence[Ints], slack_usd: float, stop: Stop
) -> Iterator[Floats]:
    """Yield the regrets of plans; after an interruption those of the same plan once."""
    known: dict[int, Floats] = {}
    for each in plans:
        if not (stop.interrupted and id(each) in known):
            known[id(each)] = program.regrets(each, slack_usd, stop)
        yield known[id(each)]


class _Search:
    """The program of least regret, to which demands join when they are regretted most."""

    def __init__(
        self,
        demands: Sequence[DemandProgram],
        first: DemandProgram,
        best: tuple[Interval, ...],
        promise_usd: float,
        seed: int,
    ) -> None:
        self.demands, self.first, self.best = demands, first, best
        self.promise_usd = promise_usd
        self.program = Milp(seed=seed)
        self.master = add_master(self.program, first.part.problem)
        integer = self.master.integer
        self.bought = self.program.cost[integer].copy()
        self.program.price_columns(integer, np.zeros(integer.size))
        self.regret = int(self.program.add_columns(1.0, 0.0, np.inf)[0])
        self.parts: dict[int, Shortfall] = {}
        self.join(0)

    def join(self, j: int) -> None:
        """Append a demand: what the replicas cost under it ≤ its least cost + regret."""
        problem = self.demands[j].part.problem
        part = add_shortfall(self.program, self.master, problem, self.promise_usd, kept=j == 0)
        column = np.concatenate([self.master.integer, part.place, [self.regret]])
        value = np.concatenate([self.bought, part.cost, [-1.0]])
        unit = max(float(np.abs(value).max()), 1.0)
        most = self.best[j].high / unit
        self.program.add_rows(rows(-np.inf, most, np.zeros(column.size), column, value / unit))
        self.parts[j] = part

    def regrets(self, replicas: Ints, slack_usd: float, stop: Stop) -> Floats:
        """Return at most how much replicas are regretted under each demand, US dollars a month."""
        costs = [demand.cost_usd(replicas, slack_usd, stop) for demand in self.demands]
        # Replicas that can keep every promise under the first do, as in the program.
        kept = self.first.cost_usd(replicas, slack_usd, stop)
        costs[0] = kept if np.isfinite(kept) else costs[0]
        return np.array([usd - each.low for usd, each in zip(costs, self.best, strict=True)])

    def keeps(self, replicas: Ints, slack_usd: float, stop: Stop) -> bool:
        """Return whether replicas keep every promise under the first demand."""
        return bool(np.isfinite(self.first.cost_usd(replicas, slack_usd, stop)))

    def bound(self, slack_usd: float, stop: Stop) -> float:
        """Tighten the relaxation with rounded cuts; return its bound."""
        parts = list(self.parts.values())
        result = tight(self.program, parts, slack_usd, stop)
        for _ in range(_CUT_ROUNDS):
            if result.x is None or stop.passed() or not add_cut_round(parts[0].kept, result.x):
                break
            result = tight(self.program, parts, slack_usd, stop)
        return result.bound

    def replicas(
        self, best: Ints, gap: float, slack_usd: float, stop: Stop
    ) -> tuple[Ints | None, float, int]:
        """Solve with whole replicas; return them, the bound, and how many rows they lacked."""
        parts, known = list(self.parts.values()), self.program.row_count
        start = fixed_point(self.program, self.master, parts, best, slack_usd, stop)
        result = self.program.integral(tree_stop(parts[0], stop), gap, start=start)
        if result.x is None:
            return None, result.bound, 0
        found = whole_replicas(self.master, result.x)
        add_rows(parts, result.x, slack_usd)
        fixed_point(self.program, self.master, parts, found, slack_usd, stop)
        return found, result.bound, self.program.row_count - known

r"""Two objectives of one problem, one of them capped: cost against mean latency.

.. math:: \min\, C(x) \;\text{ s.t. }\; L(x) \le \varepsilon
          \qquad\text{then}\qquad \min\, L(x) \;\text{ s.t. }\; L(x) \le \varepsilon,\;
          C(x) \le C^*

with ``C`` the cost of active regions and replicas and ``L`` the demand-weighted mean latency of the
normal state.  Both caps are rows of the program of static steering; only their bounds and the
prices of its columns change from one solve to the next, so rows and cuts found once serve all.
The rows know nothing of each other's objective: unlike weights on the objectives, which reach only
the convex hull, a cap reaches every plan that none is better than in both.

References
----------
Y. Y. Haimes, L. S. Lasdon and D. A. Wismer, "On a bicriterion formulation of the problems of
integrated system identification and system optimization", IEEE Transactions on Systems, Man, and
Cybernetics 1, 1971, doi 10.1109/TSMC.1971.4308298 (ε-constraint).
G. Mavrotas, "Effective implementation of the ε-constraint method in multi-objective mathematical
programming problems", Applied Mathematics and Computation 213, 2009,
doi 10.1016/j.amc.2009.03.037 (why a second step).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.optimization.candidates import Candidate, exact, rounded_up
from planner.optimization.caps import SLACK, Caps, Goal
from planner.optimization.columns import order_columns
from planner.optimization.explain import explain
from planner.optimization.loads import judge
from planner.optimization.master import fixed_and_replica_usd
from planner.optimization.relaxation import add_cuts, add_missing_rows
from planner.optimization.rows import rows
from planner.optimization.search import search
from planner.optimization.static import StaticProgram, point, static_program
from planner.optimization.stopping import Stop, closed
from planner.optimization.tail_cap import TailCap
from planner.problem.arrays import Floats, Ints, Problem
from planner.problem.refusals import refuse_rules_and_packing


@dataclass(frozen=True)
class Least:
    """The least of one objective under the caps.

    Attributes
    ----------
    best : Candidate or None
        The best candidate; None where none was found before the search ended.
    bound : float
        Proven lower bound on the objective; inf where nothing keeps the caps.
    """

    best: Candidate | None
    bound: float


@dataclass(frozen=True)
class EpsilonProgram:
    """The program of static steering with a row for each objective.

    Attributes
    ----------
    problem : Problem
        The problem that was given.
    static : StaticProgram
        Its program; in it a millisecond costs one dollar and a lost request nothing.
    price : dict
        Objective to its price of every column, shape (n,).
    row : dict
        Objective to the row that caps it.
    scale : dict
        Objective to what its row is divided by.
    tail : TailCap
        The rows that cap the 95th percentile.
    """

    problem: Problem
    static: StaticProgram
    price: dict[Goal, Floats]
    row: dict[Goal, Ints]
    scale: dict[Goal, float]
    tail: TailCap

    def cost_usd_month(self, plan: Candidate) -> float:
        """Return what active regions and replicas cost, US dollars a month.

        Parameters
        ----------
        plan : Candidate
            A plan.

        Returns
        -------
        float
            Without latency and lost requests.
        """
        return sum(fixed_and_replica_usd(self.problem, plan.replicas))

    def latency_ms(self, plan: Candidate) -> float:
        """Return the demand-weighted mean latency of the normal state, ms.

        Parameters
        ----------
        plan : Candidate
            A plan.

        Returns
        -------
        float
            Network and home calls; queues are not in it.
        """
        return float(self.static.columns.cost_usd_month @ plan.share)

    def p95_ms(self, plan: Candidate) -> float:
        """Return the 95th percentile of all requests of the normal state, ms, on the grid.

        Parameters
        ----------
        plan : Candidate
            A plan.

        Returns
        -------
        float
            At the ceiling's load, so no less than what the plan's own queues give.
        """
        return self.tail.p95_ms(plan.share)

    def value(self, plan: Candidate, goal: Goal) -> float:
        """Return one of a plan's objectives.

        Parameters
        ----------
        plan : Candidate
            A plan.
        goal : {'cost', 'latency'}
            Which one.
        """
        return self.cost_usd_month(plan) if goal == "cost" else self.latency_ms(plan)

    def keeps(self, plan: Candidate, caps: Caps) -> bool:
        """Return whether a plan keeps all caps, up to the solver's tolerance.

        Parameters
        ----------
        plan : Candidate
            A plan.
        caps : Caps
            What cost and latency may be at most.
        """
        return bool(
            self.cost_usd_month(plan) <= caps.cost_usd_month * (1 + SLACK) + SLACK
            and self.latency_ms(plan) <= caps.latency_ms * (1 + SLACK) + SLACK
            and self.tail.keeps(plan.share, caps.p95_ms)
        )


def epsilon_program(problem: Problem, seed: int = 0) -> EpsilonProgram:
    """Build the program with both rows, neither of them binding yet.

    Parameters
    ----------
    problem : Problem
        The problem as arrays; what it says of `usd_per_ms` and `usd_per_lost_request` does not
        matter.
    seed : int
        Random seed of the solver.

    Returns
    -------
    EpsilonProgram
        Not yet solved.

    Raises
    ------
    Infeasible
        If an origin has no order of regions that keeps its limits.
    ValueError
        If a balancer re-routes each state (that program has no shares to cap), DNS rules bind, or
        pods are packed at best.
    """
    if problem.steering != "static":
        raise ValueError("`problem` must be steered statically")
    refuse_rules_and_packing(problem, "the frontier")
    priced = replace(problem, usd_per_ms=1.0, usd_per_lost_request=0.0)
    columns = order_columns(priced)
    if columns.missing.size:
        raise explain(problem, columns, seed)
    static = static_program(priced, columns, seed)
    total = static.program.cost
    latency = np.zeros(total.size)
    latency[static.share] = total[static.share]
    price: dict[Goal, Floats] = {"cost": total - latency, "latency": latency}
    row: dict[Goal, Ints] = {}
    scale: dict[Goal, float] = {}
    for goal, each in price.items():
        used = np.flatnonzero(each)
        scale[goal] = max(float(np.abs(each).max(initial=0.0)), 1e-300)
        entries = each[used] / scale[goal]
        row[goal] = static.program.add_rows(
            rows(-np.inf, np.inf, np.zeros(used.size), used, entries)
        )
    tail = TailCap(priced, columns, static.program, static.share)
    return EpsilonProgram(problem, static, price, row, scale, tail)


def least(
    program: EpsilonProgram,
    goal: Goal,
    caps: Caps,
    *,
    start: Candidate | None = None,
    gap: float,
    stop: Stop,
) -> Least:
    """Minimise one objective under caps on both.

    Parameters
    ----------
    program : EpsilonProgram
        The program; its rows grow.
    goal : {'cost', 'latency'}
        What is minimised.
    caps : Caps
        What cost and latency may be at most.
    start : Candidate, optional
        A plan to start from; one that breaks the caps is not looked at.
    gap : float
        Relative gap at which to stop.
    stop : Stop
        When to stop.

    Returns
    -------
    Least
        The best plan and the bound on the objective.

    Notes
    -----
    The least cost is found by the search of the main job, whose candidates take their shares from
    relaxations and so keep the cap on latency.  The least latency is left to HiGHS: there the cap
    is on replicas, which that search rounds up.  HiGHS is asked again as long as its answer breaks
    a row that was left out; those rows only loosen the program, so its bound holds all the same.
    """
    _aim(program, goal, caps)
    best = start if start is not None and program.keeps(start, caps) else None
    if goal == "cost" and program.static.problem.split_origins:
        return _cheapest(program, caps, best, gap, stop)
    return _branched(program, goal, caps, best, gap, stop)


def _cheapest(
    program: EpsilonProgram, caps: Caps, best: Candidate | None, gap: float, stop: Stop
) -> Least:
    """Minimise cost by the search of the main job: shares cost nothing there."""
    static = program.static
    free = replace(static.columns, cost_usd_month=np.zeros(static.columns.host.size))
    # A plan's own objective has its latency in it.
    start = None if best is None else replace(best, objective=program.cost_usd_month(best))
    found = search(replace(static, columns=free), gap, stop, start=start)
    # The search caps shares by what its best plan costs; the next cap knows another plan.
    static.program.bound_columns(static.share, 0.0, 1.0)
    if not found.feasible:
        return Least(best, np.inf if best is None else -np.inf)
    best = _better(program, "cost", caps, best, found.best)
    return Least(
        best, found.bound if best is None else min(found.bound, program.cost_usd_month(best))
    )


def _branched(
    program: EpsilonProgram,
    goal: Goal,
    caps: Caps,
    best: Candidate | None,
    gap: float,
    stop: Stop,
) -> Least:
    """Let HiGHS branch, and ask again as long as its answer breaks a row that was left out."""
    static = program.static
    root = add_cuts(static, stop, gap / 3)
    if root.status == "infeasible":
        return Least(best, np.inf if best is None else -np.inf)
    bound = root.objective if root.status == "optimal" else -np.inf
    best = _better(program, goal, caps, best, rounded_up(static, root.x))
    while not stop.passed():
        if best is not None and closed(program.value(best, goal), bound, gap):
            break
        result = static.program.integral(stop, gap / 3, start=_start(static, best))
        if result.status == "infeasible":
            # With a plan in hand that is the solver's tolerance speaking, not the problem.
            return Least(best, np.inf if best is None else bound)
        bound = max(bound, result.bound)
        if result.x is None:
            break
        best = _better(program, goal, caps, best, exact(static, result.x))
        if not add_missing_rows(static, result.x, 0.0):
            break
    return Least(best, bound if best is None else min(bound, program.value(best, goal)))


def _aim(program: EpsilonProgram, goal: Goal, caps: Caps) -> None:
    """Put prices and caps into the program."""
    # Columns that came later are flows, which cost nothing.
    price = program.price[goal]
    program.static.program.price_columns(np.arange(price.size), price)
    set_caps(program, caps)


def set_caps(program: EpsilonProgram, caps: Caps) -> None:
    """Set the bounds of both rows.

    Parameters
    ----------
    program : EpsilonProgram
        The program; its prices stay.
    caps : Caps
        What cost and latency may be at most.
    """
    milp = program.static.program
    milp.bound_rows(program.row["cost"], -np.inf, caps.cost_usd_month / program.scale["cost"])
    milp.bound_rows(program.row["latency"], -np.inf, caps.latency_ms / program.scale["latency"])
    program.tail.set_limit(caps.p95_ms)


def _better(
    program: EpsilonProgram, goal: Goal, caps: Caps, one: Candidate | None, other: Candidate | None
) -> Candidate | None:
    """Return the better of two plans, the first of which keeps the caps."""
    if other is None or not program.keeps(other, caps):
        return one
    if one is None or program.value(other, goal) < program.value(one, goal):
        return other
    return one


def _start(static: StaticProgram, best: Candidate | None) -> Floats | None:
    """Return the program's point of a plan."""
    if best is None:
        return None
    verdict = judge(static.problem, static.columns, best.replicas, best.share)
    return point(static, best.replicas, best.share, verdict)

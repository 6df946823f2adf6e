"""Cost against latency against survival: what each promise and each millisecond costs.

For each level of survival one curve of plans, none of which another plan of the level beats in both
cost and latency, be it the mean or the 95th percentile of all requests.  Points come by
ε-constraint (`planner.optimization.efficient`), so plans in the dents of the curve, which no price
of latency would choose, are found as well.  The curve begins with its two ends; then the widest gap
in what is known is halved, again and again: between two neighbours the unknown is a box, its sides
their differences in cost and in latency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pandas as pd

from planner.errors import Infeasible, PlannerError, SolverStopped, TooManyOrders
from planner.failures.states import failure_states
from planner.model.plan import Plan
from planner.model.policy import PRESETS, CostWeights, Survive
from planner.model.scenario import Scenario
from planner.optimization.efficient import Efficient, solution
from planner.optimization.epsilon import EpsilonProgram, epsilon_program
from planner.optimization.explain import explain
from planner.optimization.stopping import Stop, interruptible
from planner.problem.arrays import Problem
from planner.problem.build import build_problem
from planner.problem.documents import as_plan
from planner.studies.axes import Latency, mean_axis, tail_axis
from planner.studies.curve import trace_curve
from planner.studies.main_job import judge
from planner.studies.pareto import knee
from planner.studies.suited import refuse_unsuited

LEVELS: dict[str, Survive] = {
    "none": Survive(),
    "N-1": Survive(regions=1),
    "N-2": Survive(regions=2),
    "risk-groups": Survive(risk_groups=1),
}
"""Level of survival to what its plans hold in besides the normal state."""


_AXES = {"mean": mean_axis, "p95": tail_axis}


@dataclass(frozen=True)
class FrontierPoint:
    """A plan on the curve of a level.

    Attributes
    ----------
    survive : str
        Key of `LEVELS`.
    plan : Plan
        The whole plan; its proof is that of its cost under the cap.
    epsilon_ms : float or None
        The cap on the curve's latency; None where there was none.
    cost_usd_month : float
        Fixed cost of active regions and replicas, US dollars a month.
    mean_latency_ms : float
        Demand-weighted mean of network and home calls, ms.
    p95_ms : float
        95th percentile of all requests in the normal state at the ceiling's load, ms, rounded up to
        a grid with steps of 3 %.
    bound : float
        No plan of the level within the cap costs less, US dollars a month.
    gap : float
        (cost − bound) / cost.
    latency_bound_ms : float
        No plan of the level within the cap that costs no more has a lower mean latency, ms.
    knee : bool
        Whether it is the point of its curve farthest from the chord.
    """

    survive: str
    plan: Plan
    epsilon_ms: float | None
    cost_usd_month: float
    mean_latency_ms: float
    p95_ms: float
    bound: float
    gap: float
    latency_bound_ms: float
    knee: bool = False


@dataclass(frozen=True)
class FrontierLevel:
    """The curve of a level, or why there is none.

    Attributes
    ----------
    survive : str
        Key of `LEVELS`.
    points : tuple of FrontierPoint
        By increasing cost.
    missing : PlannerError or None
        Why there are no points.
    stopped : bool
        Whether a limit or Ctrl-C came before some gap was closed.
    """

    survive: str
    points: tuple[FrontierPoint, ...]
    missing: PlannerError | None = None
    stopped: bool = False


@dataclass(frozen=True)
class Frontier:
    """The curves of all levels.

    Attributes
    ----------
    scenario : Scenario
        The scenario as it was given.
    levels : tuple of FrontierLevel
        Those that were asked for and that the scenario can have.
    latency : {'mean', 'p95'}
        What cost is traded against.
    """

    scenario: Scenario
    levels: tuple[FrontierLevel, ...]
    latency: Latency = "mean"

    @property
    def points(self) -> tuple[FrontierPoint, ...]:
        """The points of all levels."""
        return tuple(point for level in self.levels for point in level.points)

    @property
    def proven(self) -> bool:
        """Whether every gap that was asked for was closed."""
        return not any(level.stopped for level in self.levels)

    @property
    def table(self) -> pd.DataFrame:
        """One row a point: level, objectives and their parts, bounds, gap, size, knee."""
        rows = [_row(point) for point in self.points]
        return pd.DataFrame(rows, columns=list(_COLUMNS))


_COLUMNS = (
    *("survive", "cost_usd_month", "mean_latency_ms", "p95_ms"),
    *("fixed_usd_month", "replicas_usd_month"),
    *("epsilon_ms", "bound", "gap", "latency_bound_ms", "status", "knee"),
    *("active_regions", "replicas"),
)


def _row(point: FrontierPoint) -> tuple[object, ...]:
    """Return a point's row of the table."""
    plan = point.plan
    return (
        point.survive,
        point.cost_usd_month,
        point.mean_latency_ms,
        point.p95_ms,
        plan.cost.fixed_usd_month,
        plan.cost.replicas_usd_month,
        np.nan if point.epsilon_ms is None else point.epsilon_ms,
        point.bound,
        point.gap,
        point.latency_bound_ms,
        plan.proof.status,
        point.knee,
        len(plan.active_regions),
        int(plan.replicas.to_numpy().sum()),
    )


def levels_of(scenario: Scenario) -> tuple[str, ...]:
    """Return the levels of survival that a scenario can have.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.

    Returns
    -------
    tuple of str
        Keys of `LEVELS`: those that leave a region, and risk groups where there are any.

    Examples
    --------
    >>> from planner.io.scenarios import read_scenario
    >>> levels_of(read_scenario("taiwan"))
    ('none', 'N-1', 'N-2', 'risk-groups')
    """
    return tuple(
        name
        for name, survive in LEVELS.items()
        if survive.regions < len(scenario.regions)
        and survive.risk_groups <= len(scenario.risk_groups)
    )


def trace_frontier(
    scenario: Scenario,
    *,
    levels: Sequence[str] | None = None,
    latency: Latency = "mean",
    points: int = 10,
    gap: float = 1e-3,
    time_limit_s: float = 20.0,
    seed: int = 0,
    step: Callable[[str], None] = lambda _: None,
) -> Frontier:
    """Trace cost against latency for each level of survival.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario with static steering and shares at will; what its policy promises to
        survive gives way to the levels, and its prices of latency and of lost requests do not
        matter.
    levels : sequence of str, optional
        Keys of `LEVELS`; by default all that the scenario can have.
    latency : {'mean', 'p95'}
        Mean of network and home calls, or the 95th percentile of all requests, server included, at
        the ceiling's load.
    points : int
        Most points on each curve, at least 3.
    gap : float
        Relative gap at which each step of each point stops.
    time_limit_s : float
        Seconds that a point may take; the cheapest of a curve three times as long.
    seed : int
        Random seed of the solver.
    step : callable
        Told what comes next.

    Returns
    -------
    Frontier
        Points by level and increasing cost, each a judged plan.

    Raises
    ------
    Infeasible, SolverStopped
        If no level has a plan; that of the first.
    ValueError
        If a balancer re-routes each state, replicas follow the day, DNS rules bind, pods are packed
        at best, `points` is below 3, or a level is not known.

    Notes
    -----
    Replicas are whole and many plans cost the same: a small scenario may have fewer efficient plans
    than points asked for, and then all are found that are better beyond the gap.  A point proves
    that nothing is cheaper within its cap; between points nothing is said but that.  Ctrl-C returns
    the points found so far.
    """
    refuse_unsuited(scenario, "frontier")
    if points < 3:
        raise ValueError("`points` must be at least 3")
    if latency not in get_args(Latency):
        raise ValueError(f"`latency` must be 'mean' or 'p95', not {latency!r}")
    wanted = levels_of(scenario) if levels is None else tuple(levels)
    if unknown := [name for name in wanted if name not in levels_of(scenario)]:
        raise ValueError(f"`levels` must be of {', '.join(levels_of(scenario))}, not {unknown[0]}")
    with interruptible(Stop(np.inf)) as stop:
        tracer = _Tracer(latency, points, gap, time_limit_s, seed, step, stop)
        found = tuple(tracer.level(scenario, name) for name in wanted)
    missing = [level.missing for level in found if level.missing is not None]
    if missing and len(missing) == len(found):
        raise missing[0]
    return Frontier(scenario, found, latency)


def of_level(scenario: Scenario, survive: Survive) -> Scenario:
    """Return a scenario that promises a level and prices neither latency nor lost requests.

    Parameters
    ----------
    scenario : Scenario
        A checked scenario.
    survive : Survive
        What its policy promises instead.

    Returns
    -------
    Scenario
        The objective of its plans is the cost of regions and replicas alone.
    """
    cost = scenario.cost
    factor = PRESETS[cost.preset][0] if cost.preset is not None else cost.cost_factor
    prices = CostWeights(
        preset=None, usd_per_ms=0.0, usd_per_lost_request=0.0, cost_factor=factor, basis=cost.basis
    )
    policy = scenario.policy.model_copy(update={"survive": survive})
    return scenario.model_copy(update={"policy": policy, "cost": prices})


@dataclass(frozen=True)
class _Tracer:
    """How curves are traced."""

    latency: Latency
    points: int
    gap: float
    time_limit_s: float
    seed: int
    step: Callable[[str], None]
    stop: Stop

    def level(self, scenario: Scenario, name: str) -> FrontierLevel:
        """Trace the curve of a level."""
        if self.stop.passed():
            return FrontierLevel(name, (), SolverStopped("not reached before Ctrl-C"), stopped=True)
        self.step(f"{name}: building the problem")
        promised = of_level(scenario, LEVELS[name])
        problem = build_problem(promised, failure_states(promised))
        try:
            program = epsilon_program(problem, self.seed)
            axis = _AXES[self.latency](
                program, gap=self.gap, time_limit_s=self.time_limit_s, stop=self.stop
            )
            curve = trace_curve(
                axis,
                points=self.points,
                gap=self.gap,
                stop=self.stop,
                step=lambda text: self.step(f"{name}: {text}"),
            )
        except (Infeasible, SolverStopped, TooManyOrders) as error:
            return FrontierLevel(name, (), error, not isinstance(error, Infeasible))
        if not curve.plans and curve.stopped:
            why = SolverStopped("no bound was proven before the search ended")
            return FrontierLevel(name, (), why, stopped=True)
        if not curve.plans:
            return FrontierLevel(name, (), explain(problem, program.static.columns, self.seed))
        points = [self._point(name, problem, program, found) for found in curve.plans]
        latency = [p.p95_ms if self.latency == "p95" else p.mean_latency_ms for p in points]
        far = knee([p.cost_usd_month for p in points], latency)
        named = tuple(replace(point, knee=i == far) for i, point in enumerate(points))
        return FrontierLevel(name, named, stopped=curve.stopped)

    def _point(
        self, name: str, problem: Problem, program: EpsilonProgram, found: Efficient
    ) -> FrontierPoint:
        """Judge a plan and write it down."""
        decided = solution(program, found, self.gap, self.seed)
        plan = as_plan(problem, decided, judge(problem, decided))
        return FrontierPoint(
            survive=name,
            plan=plan,
            epsilon_ms=round(found.cap_ms, 6) if np.isfinite(found.cap_ms) else None,
            cost_usd_month=plan.proof.objective,
            mean_latency_ms=plan.cost.mean_latency_ms,
            p95_ms=round(program.p95_ms(found.plan), 3),
            bound=plan.proof.bound,
            gap=plan.proof.gap,
            latency_bound_ms=round(found.latency_bound_ms, 6),
        )

"""What failures do to a plan: every state, availability, and the worst of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from planner.failures.known import FailureStates
from planner.failures.states import failure_states, sampled_states
from planner.model.failure import KINDS
from planner.model.plan import Plan
from planner.model.scenario import Scenario
from planner.problem.arrays import Problem, Solution
from planner.problem.build import build_problem
from planner.problem.cables import cable_lengths_km
from planner.problem.division import divided_replicas
from planner.problem.documents import solution_of
from planner.problem.recovery import recovery
from planner.simulation.assessment import Assessment
from planner.simulation.availability import Availability, Transients, availability
from planner.simulation.distribution import Distribution, distribution
from planner.simulation.needs import need_sentence, sizing_need
from planner.simulation.replay import simulate
from planner.simulation.survivors import surviving_replicas
from planner.simulation.transients import transient
from planner.units import SECONDS_PER_HOUR

NEGLIGIBLE_SHARE = 1e-9
DEFAULT_ORDER = 2

Step = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class WorstCase:
    """The promised state that hurts most, and why.

    Attributes
    ----------
    service : str
        Service that is hurt most.
    value : float
        Share of its requests not served in the worst hour; where nothing is lost, the largest
        95th percentile over its limit, if that is above 1; else the load over what the planned
        replicas may carry.
    measure : {'unserved_share', 'p95_over_limit', 'used_share'}
        Which of the three.
    state : str
        Name of the state.
    cause : str
        In a sentence; where nothing is broken, the replicas that the state needs, and those that
        would do without it.
    """

    service: str
    value: float
    measure: str
    state: str
    cause: str


@dataclass(frozen=True, eq=False)
class FailureStudy:
    """A plan in all of its failure states, as users see it.

    Attributes
    ----------
    plan : Plan
        The plan.
    states : FailureStates
        Enumerated or drawn.
    problem : Problem
        The scenario in these states.
    assessment : Assessment
        Steady state of each, with the replicas that the federation's controller leaves there.
    distribution : Distribution
        Response times of each, by serving region, over the whole day.
    normal : Distribution
        Response times with everything up, by origin, region and service, over the whole day.
    availability : Availability
        By service and origin, as an interval.
    worst : WorstCase
        The promised state that hurts most.
    missed : tuple of str
        Promises that are not kept, in sentences.
    findings : tuple of str
        Where the controller does something else than the plan wants.
    """

    plan: Plan
    states: FailureStates
    problem: Problem
    assessment: Assessment
    distribution: Distribution
    normal: Distribution
    availability: Availability
    worst: WorstCase
    missed: tuple[str, ...]
    findings: tuple[str, ...]


def study_failures(
    plan: Plan,
    *,
    order: int | None = None,
    samples: int = 0,
    seed: int = 0,
    step: Step = lambda text: None,
) -> FailureStudy:
    """Replay a plan in every failure state and weigh what is lost.

    Parameters
    ----------
    plan : Plan
        The plan, with its scenario.
    order : int, optional
        Most components down at once; by default what the policy promises, at least 2.
    samples : int
        Draw so many states instead of enumerating them; 0 to enumerate.
    seed : int
        Seed of the draw.
    step : callable
        Told of each step, for a progress bar.

    Returns
    -------
    FailureStudy
        States, response times, availability, the worst state and what is not kept.

    Raises
    ------
    ValueError
        If there are so many states that they do not fit: the sentence has the number and the cure.

    Notes
    -----
    What is reachable is served, late or not; a promise that is broken is a finding, not a loss.
    The controller's own division is what runs.  Transients are those of single components that
    fail with everything else up.

    Examples
    --------
    >>> import planner as pl
    >>> scenario = pl.read_scenario("taiwan")
    >>> plan = pl.optimize(pl.build_problem(scenario, pl.failure_states(scenario)))
    >>> study = study_failures(plan, order=1)
    >>> study.missed, bool(study.availability.low.min() > 0.999)
    ((), True)
    """
    scenario = plan.scenario
    step("failure states")
    states = _states(scenario, order, samples, seed)
    step(f"problem in {len(states)} states")
    problem = build_problem(scenario, states)
    solution = solution_of(problem, plan)
    division = divided_replicas(problem, plan)
    step("steady states")
    assessment = simulate(problem, solution, replicas=division.replicas, late_counts=False)
    step("response times")
    spread = distribution(problem, assessment, by=("region",))
    normal = distribution(problem, assessment, states=[0], by=("origin", "region", "service"))
    step("transients")
    found = _availability(plan, problem, states, assessment)
    promised = _promised(problem, solution, assessment)
    step("done")
    return FailureStudy(
        plan=plan,
        states=states,
        problem=problem,
        assessment=assessment,
        distribution=spread,
        normal=normal,
        availability=found,
        worst=_worst(problem, solution, promised),
        missed=_missed(promised),
        findings=(*division.findings, *_lossy(assessment, promised)),
    )


def _states(scenario: Scenario, order: int | None, samples: int, seed: int) -> FailureStates:
    """Enumerate or draw failure states of every kind."""
    lengths = cable_lengths_km(scenario)
    if samples:
        return sampled_states(scenario, samples, seed, cable_km=lengths)
    survive = scenario.policy.survive
    promised = survive.regions + survive.risk_groups + survive.links
    return failure_states(
        scenario,
        max(DEFAULT_ORDER, promised) if order is None else order,
        scenario.failures.cutoff_probability,
        kinds=KINDS,
        cable_km=lengths,
    )


def _availability(
    plan: Plan, problem: Problem, states: FailureStates, assessment: Assessment
) -> Availability:
    """Weigh steady losses with probabilities and add what transients lose."""
    loss = assessment.lost.total.mean(axis=3)
    factor = assessment.demand_factor
    mean_rps = problem.demand_rps.mean(axis=2)
    asked = mean_rps[None] if factor is None else mean_rps * factor
    share = np.divide(
        loss, asked, out=np.zeros_like(loss), where=np.broadcast_to(asked, loss.shape) > 0
    )
    return availability(
        problem.axes.services,
        problem.axes.origins,
        mean_rps=mean_rps,
        probability=problem.state_probability,
        loss_share=np.clip(share, 0.0, 1.0),
        uncovered_probability=states.uncovered_probability,
        samples=states.samples,
        transients=_transients(plan),
    )


def _transients(plan: Plan) -> Transients:
    """Return what each single component loses before its state is steady."""
    scenario = plan.scenario
    states = failure_states(scenario, 1, kinds=KINDS, cable_km=cable_lengths_km(scenario))
    alone = np.flatnonzero(states.down.sum(axis=1) == 1)
    states = states.take(np.concatenate([[0], alone]))
    problem = build_problem(scenario, states)
    solution = solution_of(problem, plan)
    replicas = surviving_replicas(problem, divided_replicas(problem, plan).replicas)
    component, course = states.down[1:].argmax(axis=1), recovery(scenario)
    lost = [
        transient(
            problem,
            solution,
            course,
            state=state,
            repair_s=float(hours) * SECONDS_PER_HOUR,
            replicas_after=replicas[state],
        )
        for state, hours in enumerate(states.components.repair_h[component], start=1)
    ]
    shape = (0, *problem.demand_rps.shape[:2])
    return Transients(
        states.components.events_per_year[component],
        np.stack(lost) if lost else np.zeros(shape),
    )


def _worst(problem: Problem, solution: Solution, assessment: Assessment) -> WorstCase:
    """Name the promised state that breaks most; where none does, the one that sizes the plan."""
    need = sizing_need(problem, assessment.load_rps, solution.replicas)
    sizes, hurts = need_sentence(problem, need), assessment.worst
    services = problem.axes.services
    lost = assessment.failure_matrix.loc[hurts.state].to_numpy(dtype=float)
    if lost.max(initial=0.0) > NEGLIGIBLE_SHARE:
        worst = services[int(lost.argmax())], float(lost.max()), "unserved_share"
        return WorstCase(*worst, hurts.state, hurts.cause)
    if hurts.p95_over_limit > 1 + NEGLIGIBLE_SHARE:
        state = problem.axes.states.index(hurts.state)
        late = assessment.state_p95_ms[state] / assessment.limit_ms[state][:, None]
        service = int(np.nan_to_num(late, nan=0.0).max(axis=1).argmax())
        worst = services[service], hurts.p95_over_limit, "p95_over_limit"
        return WorstCase(*worst, hurts.state, hurts.cause)
    worst = services[need.service], min(need.used_share, 1.0), "used_share"
    return WorstCase(*worst, problem.axes.states[need.state], sizes)


def _promised(problem: Problem, solution: Solution, assessment: Assessment) -> Assessment:
    """Return what promises are judged by: the same without loss of packets, as they are planned."""
    late, conditions = assessment.p95_over_limit[assessment.must_survive], problem.conditions
    if conditions is None or not (late > 1).any():
        return assessment
    tunnels = conditions.tunnels
    if tunnels is not None:
        tunnels = replace(tunnels, loss_share=np.zeros_like(tunnels.loss_share))
    calm = replace(problem, conditions=replace(conditions, loss_share=None, tunnels=tunnels))
    return simulate(calm, solution, replicas=assessment.replicas, late_counts=False)


def _lossy(assessment: Assessment, promised: Assessment) -> tuple[str, ...]:
    """Say where only lost packets make a promised state late."""
    lossy, calm = assessment.p95_over_limit, promised.p95_over_limit
    late = assessment.must_survive & (lossy > 1 + NEGLIGIBLE_SHARE) & ~(calm > 1 + NEGLIGIBLE_SHARE)
    if not late.any():
        return ()
    worst = int(np.where(late, lossy, 0.0).argmax())
    return (
        f"packets lost on tunnels and paths bring a 95th percentile to {100 * lossy[worst]:.0f} % "
        f"of its limit in '{assessment.axes.states[worst]}'; promises are planned and judged "
        f"without them, so in {int(late.sum())} promised states",
    )


def _missed(assessment: Assessment) -> tuple[str, ...]:
    """Say which promises are broken, by state."""
    out = []
    over = assessment.p95_over_limit
    for k in np.flatnonzero(assessment.must_survive):
        name, share = assessment.axes.states[k], assessment.unserved_share[k]
        if share > NEGLIGIBLE_SHARE:
            out.append(f"{name}: {100 * share:.3g} % of the requests are not served at worst")
        if over[k] > 1 + 1e-9:
            out.append(f"{name}: a 95th percentile is at {100 * over[k]:.0f} % of its limit")
    return tuple(out)

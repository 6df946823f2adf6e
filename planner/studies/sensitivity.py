"""Which assumption moves a predicted figure most: each is made a tenth larger, one at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from planner.failures.states import failure_states
from planner.model.events import Degradation
from planner.model.failure import Failure
from planner.model.plan import Plan
from planner.model.scenario import Scenario, digest
from planner.model.workload import Service
from planner.problem.build import build_problem
from planner.problem.documents import solution_of
from planner.simulation.distribution import distribution
from planner.simulation.replay import simulate
from planner.studies.replays import replay_events

FACTOR = 1.1
STEP_S = 15.0
STEADY_LOSS = "steady_loss_of_single_failures_share"

Change = Callable[[Scenario], Scenario]
Figure = Callable[[Plan], float]


@dataclass(frozen=True)
class Sensitivity:
    """The assumption that moves a figure most.

    Attributes
    ----------
    figure : str
        Which figure.
    assumption : str
        What is made a tenth larger.
    before, after : float
        The figure without and with that.
    """

    figure: str
    assumption: str
    before: float
    after: float


def most_moving(
    name: str, figure: Figure, plan: Plan, changes: Mapping[str, Change]
) -> Sensitivity:
    """Return the assumption that moves a figure most when it is made a tenth larger.

    Parameters
    ----------
    name : str
        The figure's name.
    figure : callable
        Plan to figure.
    plan : Plan
        The plan; its decisions stay as they are.
    changes : mapping of str to callable
        Assumption to the scenario with it made larger.

    Returns
    -------
    Sensitivity
        The first of several that move it equally.

    Notes
    -----
    One at a time and by a tenth: assumptions that are far less certain than others may matter more
    than the one named here.
    """
    before = figure(plan)
    after = {what: figure(_changed(plan, change)) for what, change in changes.items()}
    most = max(after, key=lambda what: abs(after[what] - before))
    return Sensitivity(name, most, before, after[most])


def _changed(plan: Plan, change: Change) -> Plan:
    """Return the plan on a changed scenario."""
    scenario = change(plan.scenario)
    return plan.model_copy(update={"scenario": scenario, "scenario_digest": digest(scenario)})


def failed_share(event: str, service: str) -> Figure:
    """Return the figure "part of a service's requests that fails while an event lasts".

    Parameters
    ----------
    event : str
        Key of the event.
    service : str
        Name of the service.

    Returns
    -------
    callable
        Plan to share.
    """

    def figure(plan: Plan) -> float:
        found = replay_events(plan, [event], step_s=STEP_S).timeline
        row = found.axes.services.index(service)
        failed = (found.event.failed + found.gap.failed)[row].sum()
        return float(failed / (found.event.offered + found.gap.offered)[row].sum())

    return figure


def p95_ms(service: str, origin: str) -> Figure:
    """Return the figure "95th percentile of a service for an origin, whole day, everything up".

    Parameters
    ----------
    service, origin : str
        Their names.

    Returns
    -------
    callable
        Plan to milliseconds.
    """

    def figure(plan: Plan) -> float:
        problem = build_problem(plan.scenario, failure_states(plan.scenario).take([0]))
        result = simulate(problem, solution_of(problem, plan), late_counts=False)
        found = distribution(problem, result, by=("origin",)).origin
        if found is None:
            return math.nan
        row, column = plan.scenario.services, plan.scenario.origins
        return float(found.p95_ms[0, list(row).index(service), list(column).index(origin)])

    return figure


def steady_loss_share(plan: Plan) -> float:
    """Return the expected part of all requests that single failures lose in their steady states.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    float
        Sum over states of order 1 of probability times loss.
    """
    problem = build_problem(plan.scenario, failure_states(plan.scenario, 1))
    result = simulate(problem, solution_of(problem, plan), late_counts=False)
    lost = result.lost.total.mean(axis=3).sum(axis=(1, 2))
    return float(problem.state_probability @ lost / problem.demand_rps.mean(axis=2).sum())


def _services(change: Callable[[Service], dict[str, float]]) -> Change:
    """Return a change of every service."""

    def apply(scenario: Scenario) -> Scenario:
        changed = {n: s.model_copy(update=change(s)) for n, s in scenario.services.items()}
        return scenario.model_copy(update={"services": changed})

    return apply


def _demand(scenario: Scenario) -> Scenario:
    """Return the scenario with more demand."""
    more = scenario.calendar.peak_factor * FACTOR
    calendar = scenario.calendar.model_copy(update={"peak_factor": more})
    given = {
        service: {o: tuple(FACTOR * rps for rps in hours) for o, hours in origins.items()}
        for service, origins in scenario.demand_rps.items()
    }
    return scenario.model_copy(update={"calendar": calendar, "demand_rps": given})


def _uplinks(scenario: Scenario) -> Scenario:
    """Return the scenario with wider uplinks."""
    regions = {
        name: region.model_copy(update={"uplink_gbps": FACTOR * region.uplink_gbps})
        for name, region in scenario.regions.items()
    }
    return scenario.model_copy(update={"regions": regions})


def _degraded(event: str, change: Callable[[Degradation], dict[str, float]]) -> Change:
    """Return a change of everything that an event degrades."""

    def apply(scenario: Scenario) -> Scenario:
        old = scenario.events[event]
        parts = tuple(part.model_copy(update=change(part)) for part in old.degraded)
        events = {**scenario.events, event: old.model_copy(update={"degraded": parts})}
        return scenario.model_copy(update={"events": events})

    return apply


def _repairs(kind: str) -> Change:
    """Return a change of the repair times of all regions, or of all risk groups."""

    def longer(failure: Failure) -> Failure:
        key = "mttr_h" if failure.mttr_h is not None else "repair_days"
        return failure.model_copy(update={key: FACTOR * getattr(failure, key)})

    def apply(scenario: Scenario) -> Scenario:
        members = {
            name: member.model_copy(update={"failure": longer(member.failure)})
            for name, member in getattr(scenario, kind).items()
        }
        return scenario.model_copy(update={kind: members})

    return apply


USE: Mapping[str, Change] = {
    "demand": _demand,
    "service times": _services(lambda s: {"service_time_ms": FACTOR * s.service_time_ms}),
    "share of new connections": _services(
        lambda s: {"new_connection_share": min(1.0, FACTOR * s.new_connection_share)}
    ),
    "share of calls to the home region": _services(
        lambda s: {"home_share": min(1.0, FACTOR * s.home_share)}
    ),
}
"""What users and services do."""

REPAIRS: Mapping[str, Change] = {
    "repair times of regions": _repairs("regions"),
    "repair times of risk groups": _repairs("risk_groups"),
    "demand": _demand,
    "width of the uplinks": _uplinks,
}
"""What decides how much failures lose."""


def degradations(event: str) -> dict[str, Change]:
    """Return the assumptions behind what an event degrades.

    Parameters
    ----------
    event : str
        Key of the event.

    Returns
    -------
    dict of str to callable
        Assumption to change.
    """
    return {
        "capacity left to the narrowed paths": _degraded(
            event, lambda d: {"capacity_share": min(1.0, FACTOR * d.capacity_share)}
        ),
        "extra round trip": _degraded(event, lambda d: {"extra_rtt_ms": FACTOR * d.extra_rtt_ms}),
        "loss of packets": _degraded(
            event, lambda d: {"loss_share": min(0.99, FACTOR * d.loss_share)}
        ),
        "demand": _demand,
        "width of the uplinks": _uplinks,
        "payloads": _services(lambda s: {"payload_kib": FACTOR * s.payload_kib}),
        "service times": USE["service times"],
    }


def of_reported(plan: Plan, before: Plan) -> tuple[Sensitivity, ...]:
    """Return what moves the reported figures most, the first figure of each kind that is predicted.

    Parameters
    ----------
    plan : Plan
        The plan; its scenario has the reported figures.
    before : Plan
        Of the state before, on which the incident is replayed.

    Returns
    -------
    tuple of Sensitivity
        For the failed share, a 95th percentile and the availability, where they are reported.
    """
    reported = plan.scenario.reported
    if reported is None:
        return ()
    first: dict[str, str] = {}
    for name in reported.figures:
        first.setdefault(name.partition(".")[0], name)
    out = []
    event, _, service = reported.incident, *first.get("failed_share", "").partition(".")[1:]
    if event in before.scenario.events and service in before.services:
        figure, changes = failed_share(str(event), service), degradations(str(event))
        out.append(most_moving(first["failed_share"], figure, before, changes))
    if "availability_share" in first:
        out.append(most_moving(STEADY_LOSS, steady_loss_share, plan, REPAIRS))
    _, *names = first.get("p95_ms", "").split(".")
    if len(names) == 2 and names[0] in plan.services and names[1] in plan.scenario.origins:
        out.append(most_moving(first["p95_ms"], p95_ms(names[0], names[1]), plan, USE))
    return tuple(out)

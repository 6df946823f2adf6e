"""Replicas that follow the day: how many each hour needs, with which weights, and what it saves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from planner.errors import UnfaithfulExport
from planner.exporters.hours import day_totals, early, service_at, stands_all_day
from planner.exporters.schedules import HOURS
from planner.model.hourly import HourlyReplicas, standing
from planner.model.plan import Plan
from planner.optimization.stopping import Stop, interruptible
from planner.problem.arrays import Problem
from planner.problem.division import divided_replicas
from planner.problem.documents import solution_of
from planner.simulation.replay import simulate
from planner.studies.hour_division import hour_needs, service_hours
from planner.units import HOURS_PER_MONTH

NEGLIGIBLE_SHARE = 1e-6
"""Share of demand below which a loss is the rounding of a solver."""

INTERRUPTED = "the search for weights was interrupted: others may need fewer replicas"

Controller = Literal["kubefed", "karmada"]


@dataclass(frozen=True, eq=False)
class HourPlan:
    """A plan whose replicas follow the day, beside the same with fixed replicas.

    Attributes
    ----------
    plan : Plan
        The plan, under the controller that was asked for.
    hourly : HourlyReplicas
        Weights, and totals and replicas of every hour.
    saving : DataFrame
        By region: ``replica_hours_month``, ``usd_month`` and whether capacity is ``rented`` by the
        hour. Where it is not, fewer replicas cost the same.
    missed : tuple of str
        Promises that the judge found broken, hour by hour, in sentences.
    findings : tuple of str
        Where no weights do all that was asked for, or not all of them were compared; where totals
        need more than fixed ones, or the exports do not follow the day.
    interrupted : bool
        Whether somebody ended the search for weights.
    """

    plan: Plan
    hourly: HourlyReplicas
    saving: pd.DataFrame
    missed: tuple[str, ...]
    findings: tuple[str, ...]
    interrupted: bool = False


def plan_hours(
    problem: Problem,
    plan: Plan,
    *,
    controller: Controller | None = None,
    largest_weight: int = 20,
    time_limit_s: float = 20.0,
    seed: int = 0,
    stop: Stop | None = None,
) -> HourPlan:
    r"""Let replicas follow the day: in each hour as many as survive every promised state.

    Weights are constant. The total of an hour is the least with whose division, by the controller's
    own arithmetic, every region holds what the hour needs; the weights are those with which these
    totals add up to the least:

    .. math:: \min_w \sum_h \min\{N : \text{divide}(N, w)_r \ge \max_k \text{need}_{khr}\}

    Parameters
    ----------
    problem : Problem
        The problem of the plan's scenario.
    plan : Plan
        A plan with static steering.
    controller : {'kubefed', 'karmada'}, optional
        Federation controller; that of the scenario without it.
    largest_weight : int
        Largest weight.
    time_limit_s : float
        Seconds that the search for one service's weights may take where they are too many to list.
    seed : int
        Random seed of the solver.
    stop : Stop, optional
        That of the work which this is a part of: it ends the search too, and whoever began the work
        listens for Ctrl-C.

    Returns
    -------
    HourPlan
        The schedule, judged hour by hour in every promised state before and after the controller
        has divided anew, and what it saves.

    Raises
    ------
    ValueError
        If the plan steers adaptively: its loads are not known before they are routed.
    UnfaithfulExport
        If KubeFed may not rebalance: it would then keep what runs and not divide by weights.

    Notes
    -----
    Shares and orders stay as planned. A region keeps the service's minimum in every hour. No hour
    has more replicas of a service in a region than the plan's maximum there, with which all
    services together fit. A total that rises is in force some minutes before its hour, while
    replicas start; KubeFed may give a region less of it, so it must hold what the hour before needs
    as well.  Ctrl-C ends the search for weights: each service then has the best of those that were
    compared by then, a few hundred at least, and every hour is judged all the same.
    """
    if plan.steering != "static":
        raise ValueError("`plan` must steer statically; a balancer routes every hour anew")
    plan = _under(plan, controller or plan.scenario.federation.controller)
    federation = plan.scenario.federation
    if federation.controller == "kubefed" and not federation.rebalance:
        raise UnfaithfulExport(
            "KubeFed without rebalance keeps what runs, so a total that falls is not divided by "
            "weights; set federation.rebalance to true"
        )
    with interruptible(Stop(float("inf"), inside=stop)) as whole:
        needs = hour_needs(problem, plan)
        services, findings = {}, []
        for service, name in enumerate(problem.axes.services):
            part = whole.within(time_limit_s)
            services[name], finding = service_hours(
                problem, plan, service, needs, largest_weight, part, seed
            )
            findings += [finding] if finding else []
        interrupted = whole.interrupted
        findings += [INTERRUPTED] if interrupted else []
        hourly = HourlyReplicas(
            controller=federation.controller, hours_utc=problem.axes.hours, services=services
        )
        findings += [*_dearer(plan, hourly), *stands_all_day(plan)]
        return HourPlan(
            plan=plan,
            hourly=hourly,
            saving=_saving(problem, plan, hourly),
            missed=_missed(problem, plan, hourly),
            findings=tuple(findings),
            interrupted=interrupted,
        )


def at_hour(plan: Plan, hourly: HourlyReplicas, position: int) -> Plan:
    """Return the plan as it stands in one hour.

    Parameters
    ----------
    plan : Plan
        The plan with fixed replicas.
    hourly : HourlyReplicas
        Its schedule.
    position : int
        Which of `hourly.hours_utc`.

    Returns
    -------
    Plan
        With that hour's totals and replicas and the weights of the day; everything else, its proof
        and costs among it, is still that of the fixed plan.
    """
    return _standing(plan, hourly, dict.fromkeys(hourly.services, position))


def _standing(plan: Plan, hourly: HourlyReplicas, positions: Mapping[str, int]) -> Plan:
    """Return the plan with the totals that each service has in an hour of its own."""
    services = {
        name: service_at(plan.services[name], hours, hourly.controller, positions[name])
        for name, hours in hourly.services.items()
    }
    return plan.model_copy(update={"services": services})


def _under(plan: Plan, controller: Controller) -> Plan:
    """Return the plan under a federation controller."""
    scenario = plan.scenario
    federation = scenario.federation.model_copy(update={"controller": controller})
    other = scenario.model_copy(update={"federation": federation})
    return plan.model_copy(update={"scenario": other})


def _saving(problem: Problem, plan: Plan, hourly: HourlyReplicas) -> pd.DataFrame:
    """Return what fewer replicas save by region, a month: a total stands until the next one."""
    regions, rented = problem.axes.regions, plan.scenario.policy.rented_regions or ()
    fixed = solution_of(problem, plan).replicas
    rows = [[hourly.services[s].replicas[r] for r in regions] for s in problem.axes.services]
    of_day = [standing(hourly.hours_utc, hour) for hour in range(HOURS)]
    fewer = (fixed[:, :, None] - np.array(rows, np.int64)[:, :, of_day]).mean(axis=2)
    usd = (fewer * problem.cost_usd_month).sum(axis=0)
    is_rented = np.array([r in rented for r in regions])
    return pd.DataFrame(
        {
            "replica_hours_month": fewer.sum(axis=0) * HOURS_PER_MONTH,
            "usd_month": np.where(is_rented, usd, 0.0),
            "rented": is_rented,
        },
        index=pd.Index(regions, name="region"),
    )


def _dearer(plan: Plan, hourly: HourlyReplicas) -> Iterator[str]:
    """Say which services need more over the day than with fixed replicas."""
    for name in hourly.services:
        fixed, totals = plan.services[name].total, day_totals(hourly, name)
        if sum(totals) > HOURS * fixed:
            yield (
                f"{name}: totals by the hour add up to {sum(totals)} replica-hours a day, more "
                f"than the {HOURS * fixed} of the plan's total: fixed replicas are fewer"
            )


def _missed(problem: Problem, plan: Plan, hourly: HourlyReplicas) -> tuple[str, ...]:
    """Let the judge replay every hour, and its last minutes if later totals are in force then."""
    found = []
    for position, hour in enumerate(hourly.hours_utc):
        one = replace(
            problem,
            axes=replace(problem.axes, hours=(hour,)),
            demand_rps=problem.demand_rps[:, :, position : position + 1].copy(),
        )
        utc = f"{hour:02d}:00 UTC"
        found += [f"{utc}, {told}" for told in _broken(one, at_hour(plan, hourly, position))]
        for stands in _last_minutes(plan, hourly, position):
            found += [
                f"{utc}, once a later total is in force, {told}" for told in _broken(one, stands)
            ]
    return tuple(found)


def _broken(problem: Problem, stands: Plan) -> Iterator[str]:
    """Say which promises an hour breaks before and after the controller has divided anew."""
    solution = solution_of(problem, stands)
    for when, replicas in (
        ("", None),
        (" after its division", divided_replicas(problem, stands).replicas),
    ):
        worst = simulate(problem, solution, replicas=replicas).worst
        if worst.unserved_share > NEGLIGIBLE_SHARE or worst.p95_over_limit > 1 + 1e-9:
            yield f"{worst.state}{when}: {worst.cause}"


def _last_minutes(plan: Plan, hourly: HourlyReplicas, position: int) -> Iterator[Plan]:
    """Yield the plan as later totals leave it in one hour; Karmada's hold what smaller ones do."""
    if hourly.controller == "karmada":
        return
    places = {
        name: [
            position,
            *(later for place, later in early(plan, hourly, name) if place == position),
        ]
        for name in hourly.services
    }
    for step in range(1, max(map(len, places.values()), default=1)):
        positions = {name: each[min(step, len(each) - 1)] for name, each in places.items()}
        yield _standing(plan, hourly, positions)

"""Replicas by the hour as exports use them: what is spare, what is held, what follows the day."""

from __future__ import annotations

from collections.abc import Iterator

from planner.errors import UnfaithfulExport
from planner.exporters.requirements import service_platform
from planner.exporters.schedules import HOURS, ahead
from planner.exporters.workload import placed_services
from planner.model.hourly import HourlyReplicas, ServiceHours
from planner.model.plan import Plan, ServicePlan


def schedule_of(plan: Plan, name: str, controller: str) -> ServiceHours | None:
    """Return the hours of a service whose totals follow the day, None where they do not.

    Parameters
    ----------
    plan : Plan
        Totals follow the day where `policy.replicas` is 'hourly' and the service's scaler is
        'federated': pinned replicas stay, and an autoscaler in a cluster knows no hours.
    name : str
        The service.
    controller : {'kubefed', 'karmada'}
        The federation that is asked for: weights and totals are those of one of them.
    """
    if plan.scenario.policy.replicas != "hourly" or held_back(plan, name) is not None:
        return None
    if plan.hourly is None or plan.hourly.controller != controller:
        return None
    return plan.hourly.services.get(name)


def held_back(plan: Plan, name: str) -> str | None:
    """Say why a service's totals do not follow the day even if the policy has it so.

    Parameters
    ----------
    plan : Plan
        Without a platform every scaler is 'pinned'.
    name : str
        The service.

    Returns
    -------
    str or None
        None where they follow it.
    """
    known = service_platform(plan, name)
    if known.rollout:
        return "a Rollout stands in each cluster, which no federation divides"
    if known.scaler != "federated":
        return f"the scaler is '{known.scaler}'; 'federated' in platform.services follows the day"
    return None


def stands_all_day(plan: Plan) -> Iterator[str]:
    """Say of services that the policy wants to follow the day why their exports do not.

    Parameters
    ----------
    plan : Plan
        Nothing is yielded where `policy.replicas` is not 'hourly'.

    Yields
    ------
    str
        A sentence for each reason.
    """
    if plan.scenario.policy.replicas != "hourly":
        return
    held: dict[str, list[str]] = {}
    for name in placed_services(plan):
        reason = held_back(plan, name)
        if reason is not None:
            held.setdefault(reason, []).append(name)
    for reason, names in held.items():
        who = ", ".join(names)
        yield f"{who}: nothing is exported by the hour, so its saving is not had: {reason}"


def day_totals(hourly: HourlyReplicas, name: str) -> tuple[int, ...]:
    """Return a service's total in each of 24 hours, UTC.

    Parameters
    ----------
    hourly : HourlyReplicas
        Where not every hour was planned, a total stands until the next planned hour.
    name : str
        The service.
    """
    return tuple(hourly.total(name, hour) for hour in range(HOURS))


def service_at(
    service: ServicePlan, hours: ServiceHours, controller: str, position: int
) -> ServicePlan:
    """Return one service as it stands in an hour.

    Parameters
    ----------
    service : ServicePlan
        With fixed replicas.
    hours : ServiceHours
        Its schedule.
    controller : str
        Whose weights those are.
    position : int
        Which of the planned hours.
    """
    return service.model_copy(
        update={
            "total": hours.totals[position],
            "replicas": {region: row[position] for region, row in hours.replicas.items()},
            "weights": {**service.weights, controller: dict(hours.weights)},
        }
    )


def as_scheduled(plan: Plan, controller: str) -> Plan:
    """Return the plan with each service that follows the day as in the hour of its largest total.

    Parameters
    ----------
    plan : Plan
        What was decided.
    controller : {'kubefed', 'karmada'}
        The federation that is exported.

    Returns
    -------
    Plan
        Totals, replicas and weights with which the federation starts; the plan itself where
        nothing follows the day.
    """
    changed = {}
    for name, service in plan.services.items():
        hours = schedule_of(plan, name, controller)
        if hours is not None:
            peak = hours.totals.index(max(hours.totals))
            changed[name] = service_at(service, hours, controller, peak)
    return plan.model_copy(update={"services": plan.services | changed}) if changed else plan


def hour_by_hour(plan: Plan, name: str, controller: str) -> Iterator[tuple[int, Plan]]:
    """Yield each planned hour, and the plan with one service as it stands in it.

    Parameters
    ----------
    plan : Plan
        What was decided.
    name : str
        The service; nothing is yielded where its totals do not follow the day.
    controller : {'kubefed', 'karmada'}
        The federation that is exported.

    Raises
    ------
    UnfaithfulExport
        If an hour has fewer replicas somewhere than it needs to survive every promised state, with
        its own total or with a later one that is in force already.
    """
    hours = schedule_of(plan, name, controller)
    if hours is None or plan.hourly is None:
        return
    utc = [f"{hour:02d}:00 UTC" for hour in plan.hourly.hours_utc]
    for place, later in early(plan, plan.hourly, name):
        when = f"at {utc[place]}, once the total of {utc[later]} is in force,"
        _refuse_few(plan, name, place, hours, later, when)
    for place, hour in enumerate(plan.hourly.hours_utc):
        _refuse_few(plan, name, place, hours, place, f"at {utc[place]}")
        service = service_at(plan.services[name], hours, controller, place)
        yield hour, plan.model_copy(update={"services": plan.services | {name: service}})


def early(plan: Plan, hourly: HourlyReplicas, name: str) -> Iterator[tuple[int, int]]:
    """Yield planned hours in which the larger total of a later one is in force some minutes early.

    Parameters
    ----------
    plan : Plan
        Its scenario says how long a replica takes to start.
    hourly : HourlyReplicas
        The schedule.
    name : str
        The service.

    Yields
    ------
    (int, int)
        Places of the hour and of the later one, each pair once.
    """
    totals = hourly.services[name].totals
    groups = ahead(hourly.hours_utc, plan.scenario.services[name].startup_s)
    largest = ((hours[0], max(hours, key=lambda place: totals[place])) for hours in groups)
    yield from dict.fromkeys(pair for pair in largest if pair[0] != pair[1])


def _refuse_few(
    plan: Plan, name: str, place: int, hours: ServiceHours, standing: int, when: str
) -> None:
    """Refuse what stands in one of the planned hours where it needs more."""
    for region, count in _needed(plan, name, place):
        held = hours.replicas[region][standing] if region in hours.replicas else 0
        if held < count:
            raise UnfaithfulExport(
                f"{when} the plan has {held} replicas of the service '{name}' in {region}; to "
                f"survive it needs {count}: plan again"
            )


def _needed(plan: Plan, name: str, place: int) -> Iterator[tuple[str, int]]:
    """Yield region and what one of the planned hours needs there, where the plan records it."""
    if plan.needs is not None and name in plan.needs.services:
        for region, row in plan.needs.services[name].survive.items():
            yield region, row[place]


def fewest_replicas(plan: Plan, name: str, region: str) -> int:
    """Return the fewest replicas that a service has in a region while everything is as planned.

    Parameters
    ----------
    plan : Plan
        What was decided.
    name, region : str
        The service, where.

    Returns
    -------
    int
        Pinned, the planned replicas; by an autoscaler in the cluster, what the hour that needs
        most needs to survive every promised state; by the hour, those of the smallest hour. The
        planned ones where the plan does not record its needs.
    """
    planned = plan.services[name].replicas.get(region, 0)
    hours = schedule_of(plan, name, plan.scenario.federation.controller)
    if hours is not None:
        return min(hours.replicas.get(region, (0,)))
    member = service_platform(plan, name).scaler == "member"
    if not member or plan.needs is None or name not in plan.needs.services:
        return planned
    return min(planned, plan.needs.services[name].most(region))


def spare_replicas(plan: Plan, name: str, region: str) -> int | None:
    """Return what a service has in a region beyond the need of the normal peak hour.

    Parameters
    ----------
    plan : Plan
        What was decided.
    name, region : str
        The service, where.

    Returns
    -------
    int or None
        0 or more; None where the plan does not record its needs. Where totals follow the day, the
        least of all hours, each against its own need.
    """
    if plan.needs is None or name not in plan.needs.services:
        return None
    needs = plan.needs.services[name]
    hours = schedule_of(plan, name, plan.scenario.federation.controller)
    if hours is None:
        return max(0, fewest_replicas(plan, name, region) - needs.normal_peak(region))
    pairs = zip(hours.replicas.get(region, ()), needs.normal.get(region, ()), strict=True)
    return max(0, min((held - needed for held, needed in pairs), default=0))


def disruptable(plan: Plan, name: str, region: str) -> int:
    """Return how many pods of a service may be disrupted at once: what is spare, at least one."""
    return max(1, spare_replicas(plan, name, region) or 0)


def without_spare(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield service and region where the normal peak hour can spare no pod.

    Parameters
    ----------
    plan : Plan
        Nothing is known, and nothing yielded, where it does not record its needs.
    """
    for name in placed_services(plan):
        for region in plan.scenario.regions:
            runs = plan.services[name].replicas.get(region, 0) > 0
            if runs and spare_replicas(plan, name, region) == 0:
                yield name, region


def spare_advice(plan: Plan) -> str | None:
    """Say in one sentence where the normal peak hour can spare no pod, None where it can.

    Parameters
    ----------
    plan : Plan
        What was decided.
    """
    places: dict[str, list[str]] = {}
    for name, region in without_spare(plan):
        places.setdefault(name, []).append(region)
    if not places:
        return None
    where = "; ".join(f"{name} in {', '.join(regions)}" for name, regions in places.items())
    return (
        f"the normal peak hour can spare no pod of {where}: disruption budgets there allow one all "
        "the same; drain servers outside that hour"
    )

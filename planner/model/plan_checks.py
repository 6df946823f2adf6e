"""Cross-checks of a plan against the scenario inside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from planner.model.finding import Finding, Path, no_such
from planner.model.plan import Plan, ServicePlan
from planner.model.scenario import Scenario


def plan_checks(plan: Plan) -> Iterator[Finding]:
    """Find names in a plan that its scenario does not have, and sums that do not add up.

    Parameters
    ----------
    plan : Plan
        A plan whose fields are each right by themselves.

    Yields
    ------
    Finding
        Its path, sentence and cure.
    """
    yield from _names("region", plan.active_regions, plan.scenario.regions, ("active_regions",))
    yield from _active_findings(plan)
    headroom = plan.headroom.regions
    yield from _names("region", headroom, plan.scenario.regions, ("headroom", "regions"))
    yield from _keys("service", plan.services, plan.scenario.services, ("services",))
    for name, service in plan.services.items():
        yield from _service_findings(plan, service, ("services", name))
    yield from _hour_findings(plan)
    hosts = {service.host for service in plan.scenario.services.values()}
    called = {host for host in hosts if _callers(plan.scenario, host)}
    yield from _names("host name", plan.hosts, hosts, ("hosts",))
    yield from _absent("host name", plan.hosts, sorted(called), ("hosts",))
    for host in plan.hosts:
        yield from _host_findings(plan, host)


def _active_findings(plan: Plan) -> Iterator[Finding]:
    """Check that a region with replicas counts as active."""
    if not plan.active_regions:
        yield Finding(("active_regions",), "no region is active", "plan again")
    if not plan.active_regions or set(plan.active_regions) - set(plan.scenario.regions):
        return
    for region in plan.scenario.regions:
        users = [n for n, service in plan.services.items() if service.replicas.get(region, 0) > 0]
        if users and region not in plan.active_regions:
            message = f"'{region}' is missing, but has replicas of '{users[0]}'"
            yield Finding(("active_regions",), message, "plan again")


def _service_findings(plan: Plan, service: ServicePlan, path: Path) -> Iterator[Finding]:
    """Check one service's regions and its sum."""
    for column in ("replicas", "max_replicas", "p95_ms"):
        given = getattr(service, column)
        yield from _names("region", given, plan.scenario.regions, (*path, column))
    for target, weights in service.weights.items():
        yield from _names("region", weights, plan.scenario.regions, (*path, "weights", target))
    controller = plan.scenario.federation.controller
    if controller not in service.weights:
        yield Finding((*path, "weights"), f"no weights for '{controller}'", "plan again")
    total = sum(service.replicas.values())
    if total != service.total:
        message = f"the total is {service.total}, but the replicas add up to {total}"
        yield Finding((*path, "total"), message, "plan again")


def _hour_findings(plan: Plan) -> Iterator[Finding]:
    """Check names and lengths of what is said by the hour, and the sums of a schedule."""
    services, regions = plan.scenario.services, plan.scenario.regions
    rows: list[tuple[Path, int, tuple[int, ...]]] = []
    for column, known in (("needs", plan.needs), ("hourly", plan.hourly)):
        if known is None:
            continue
        yield from _keys("service", known.services, services, (column, "services"))
        for name, service in known.services.items():
            for field, value in service:
                path: Path = (column, "services", name, field)
                parts = value if isinstance(value, dict) else {}
                yield from _names("region", parts, regions, path)
                found = [((*path, r), row) for r, row in parts.items()] + [(path, value)]
                rows += [(p, len(known.hours_utc), x) for p, x in found if isinstance(x, tuple)]
    for path, hours, row in rows:
        if len(row) != hours:
            yield Finding(path, f"{len(row)} numbers for {hours} hours", "plan again")
    yield from _schedule_findings(plan)


def _schedule_findings(plan: Plan) -> Iterator[Finding]:
    """Check that each hour's replicas add up to its total."""
    for name, hours in plan.hourly.services.items() if plan.hourly is not None else ():
        sums = [sum(column) for column in zip(*hours.replicas.values(), strict=False)]
        if len(sums) == len(hours.totals) and sums != list(hours.totals):
            path = ("hourly", "services", name, "totals")
            yield Finding(path, "replicas do not add up to the totals", "plan again")


def _host_findings(plan: Plan, host: str) -> Iterator[Finding]:
    """Check one host name's origins, shares and orders."""
    origins = plan.hosts[host]
    yield from _names("origin", origins, plan.scenario.origins, ("hosts", host))
    callers = _callers(plan.scenario, host)
    yield from _absent("origin", origins, callers, ("hosts", host))
    for origin, parts in origins.items():
        path: Path = ("hosts", host, origin)
        for position, part in enumerate(parts):
            yield from _names("region", part.order, plan.scenario.regions, (*path, position))
        total = math.fsum(part.share for part in parts)
        if not parts and origin in callers:
            yield Finding(path, "no share leads anywhere", "plan again")
        if parts and abs(total - 1) > 1e-6:
            yield Finding(path, f"the shares add up to {total:.6g}, not to 1", "plan again")


def _keys(kind: str, given: Iterable[str], known: Iterable[str], path: Path) -> Iterator[Finding]:
    """Find keys that stand for nothing, and names without a key."""
    yield from _names(kind, given, known, path)
    yield from _absent(kind, given, known, path)


def _callers(scenario: Scenario, host: str) -> list[str]:
    """Return the origins that ask a host name for anything."""
    services = [name for name, service in scenario.services.items() if service.host == host]
    return [
        origin
        for origin in scenario.origins
        if any(_calls(scenario, service, origin) for service in services)
    ]


def _calls(scenario: Scenario, service: str, origin: str) -> bool:
    """Whether an origin asks a service for anything."""
    given = scenario.demand_rps.get(service, {}).get(origin)
    if given is not None:
        return any(rps > 0 for rps in given)
    users = scenario.origins[origin].internet_users * scenario.origins[origin].propensity_share
    return users * scenario.services[service].requests_per_user_day > 0


def _absent(
    kind: str, given: Iterable[str], needed: Iterable[str], path: Path
) -> Iterator[Finding]:
    """Find names that something must stand for and nothing does."""
    written = list(given)
    for name in needed:
        if name not in written:
            yield Finding(path, f"nothing for the {kind} '{name}'", "plan again")


def _names(kind: str, given: Iterable[str], known: Iterable[str], path: Path) -> Iterator[Finding]:
    """Find names that stand for nothing."""
    names = list(known)
    for position, name in enumerate(given):
        if name not in names:
            step = name if isinstance(given, dict) else position
            yield no_such(kind, name, names, (*path, step))

"""Cross-checks of failure rates, events and reported figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from planner.model.events import Crowd, Degradation, Event
from planner.model.failure import Failure
from planner.model.finding import Finding, Path, no_such
from planner.model.scenario import Scenario
from planner.model.topology import Region
from planner.model.topology_checks import repeated, unknown_regions

MOST_REPAIR = 1e6
"""Repair times of so many times the time between failures are a slip of units."""


def failure_findings(failure: Failure | None, path: Path) -> Iterator[Finding]:
    """Check that a rate and a repair time are given once each, and can be.

    Parameters
    ----------
    failure : Failure or None
        What the document says; None is passed over.
    path : tuple
        Where it stands.

    Yields
    ------
    Finding
        What is missing, given twice or impossible.
    """
    if failure is None:
        return
    pairs = (("mtbf_h", "rate_per_year"), ("mttr_h", "repair_days"))
    for first, second in pairs:
        given = [name for name in (first, second) if getattr(failure, name) is not None]
        if not given:
            cure = f"give {first}, or {second}"
            yield Finding(path, f"neither {first} nor {second} is given", cure)
        if len(given) == 2:
            yield Finding((*path, second), f"stands beside {first}", "keep one of the two")
    ratio = failure.failures_per_hour * failure.repair_h
    if ratio > MOST_REPAIR:
        key = "mttr_h" if failure.mttr_h is not None else "repair_days"
        message = f"the repair takes {ratio:.3g} times as long as the time between failures"
        yield Finding((*path, key), message, "check the units: hours, or days with repair_days")


def _groups(scenario: Scenario) -> Iterator[Finding]:
    """Check what risk groups take with them."""
    for name, group in scenario.risk_groups.items():
        path: Path = ("risk_groups", name)
        yield from failure_findings(group.failure, (*path, "failure"))
        yield from unknown_regions(scenario, group.regions, (*path, "regions"))
        yield from repeated(group.regions, (*path, "regions"))
        yield from _unknown("service", group.services, scenario.services, (*path, "services"))
        yield from repeated(group.services, (*path, "services"))


def _rates(scenario: Scenario) -> Iterator[Finding]:
    """Check the failures of links and those that have no section of their own."""
    for name, link in scenario.links.items():
        yield from failure_findings(link.failure, ("links", name, "failure"))
    for kind in ("servers", "links", "control_plane"):
        yield from failure_findings(getattr(scenario.failures, kind), ("failures", kind))


def region_failures(scenario: Scenario, name: str, region: Region) -> Iterator[Finding]:
    """Check the failures of a region and of its servers.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    name : str
        The region's key.
    region : Region
        The region.

    Yields
    ------
    Finding
        See `failure_findings`.
    """
    yield from failure_findings(region.failure, ("regions", name, "failure"))
    for pool, servers in region.pools.items():
        yield from failure_findings(servers.failure, ("regions", name, "pools", pool, "failure"))


def event_findings(scenario: Scenario, name: str, event: Event) -> Iterator[Finding]:
    """Check that an event does something, to what there is.

    Parameters
    ----------
    scenario : Scenario
        The scenario.
    name : str
        The event's key.
    event : Event
        The event.

    Yields
    ------
    Finding
        Unknown names, and events without an effect.
    """
    path: Path = ("events", name)
    known: tuple[tuple[str, str, Mapping[str, object]], ...] = (
        ("regions_down", "region", scenario.regions),
        ("risk_groups_cut", "risk group", scenario.risk_groups),
        ("links_down", "link", scenario.links),
        ("services_down", "service", scenario.services),
    )
    for key, kind, names in known:
        yield from _unknown(kind, getattr(event, key), names, (*path, key))
        yield from repeated(getattr(event, key), (*path, key))
    for region in event.server_share:
        if region not in scenario.regions:
            yield no_such("region", region, scenario.regions, (*path, "server_share", region))
    for position, part in enumerate(event.degraded):
        yield from _degraded(scenario, part, (*path, "degraded", position))
    for position, crowd in enumerate(event.crowds):
        yield from _crowd(scenario, crowd, (*path, "crowds", position))
    yield from failure_findings(event.failure, (*path, "failure"))
    effects = [getattr(event, key) for key, *_ in known]
    effects += [event.cables_cut, event.server_share, event.degraded, event.crowds]
    if not any(effects) and not event.control_plane_down:
        yield Finding(path, "changes nothing", "say what it takes down, such as regions_down")


def _degraded(scenario: Scenario, part: Degradation, path: Path) -> Iterator[Finding]:
    """Check one degradation of an event."""
    yield from _unknown("link", part.links, scenario.links, (*path, "links"))
    if not part.corridors and not part.links:
        yield Finding(path, "degrades no path", "name corridors or links")
    if part.loss_share >= 1:
        cure = "take what is lost down instead"
        yield Finding((*path, "loss_share"), "a path that loses every packet is none", cure)


def _crowd(scenario: Scenario, crowd: Crowd, path: Path) -> Iterator[Finding]:
    """Check one crowd of an event."""
    yield from _unknown("origin", crowd.origins, scenario.origins, (*path, "origins"))
    yield from _unknown("service", crowd.services, scenario.services, (*path, "services"))


def _unknown(
    kind: str, names: Iterable[str], known: Mapping[str, object], path: Path
) -> Iterator[Finding]:
    """Find names that stand for nothing."""
    for position, name in enumerate(names):
        if name not in known:
            yield no_such(kind, name, known, (*path, position))


def _reported(scenario: Scenario) -> Iterator[Finding]:
    """Check which incident was reported on, and that each figure is one."""
    if scenario.reported is None:
        return
    incident = scenario.reported.incident
    if incident is not None and incident not in scenario.events:
        yield no_such("event", incident, scenario.events, ("reported", "incident"))
    for name, figure in scenario.reported.figures.items():
        if (figure.value is None) == (figure.text is None):
            path = ("reported", "figures", name)
            yield Finding(path, "has not one of value and text", "give value, or text")


FAILURE_RULES = (_groups, _rates, _reported)
EVENT_RULES = (event_findings,)
REGION_FAILURE_RULES = (region_failures,)

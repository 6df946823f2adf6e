"""Cross-checks of calendar, policy, cost weights, federation and DNS."""

from __future__ import annotations

from collections.abc import Iterator

from planner.model.finding import Finding, Path, no_such
from planner.model.scenario import Scenario
from planner.model.topology_checks import repeated


def _hours(scenario: Scenario) -> Iterator[Finding]:
    """Check that hours are those of one day, in order."""
    path: Path = ("calendar", "hours_utc")
    last = -1
    for position, hour in enumerate(scenario.calendar.hours_utc):
        if hour > 23:
            yield Finding((*path, position), f"{hour} is outside [0, 23]", "hours are UTC")
        elif hour in scenario.calendar.hours_utc[:position]:
            yield Finding((*path, position), f"the hour {hour} is there already", "take it out")
        elif hour < last:
            message = f"the hour {hour} comes after {last}"
            yield Finding((*path, position), message, "write the hours in order")
        last = max(last, hour)


def _ceilings(scenario: Scenario) -> Iterator[Finding]:
    """Check that an emergency may use at least what the normal state may."""
    normal, emergency = (
        scenario.policy.ceiling_normal_share,
        scenario.policy.ceiling_emergency_share,
    )
    if emergency < normal:
        message = f"{emergency:g} is below ceiling_normal_share {normal:g}"
        path = ("policy", "ceiling_emergency_share")
        yield Finding(path, message, f"give at least {normal:g}")


def _survivors(scenario: Scenario) -> Iterator[Finding]:
    """Check that a region is left."""
    lost, there = scenario.policy.survive.regions, len(scenario.regions)
    if lost >= there:
        message = f"nothing is left with {lost} of {there} region{'s' * (there != 1)} lost"
        cure = f"give at most {there - 1}, or add regions"
        yield Finding(("policy", "survive", "regions"), message, cure)


def _cost_weights(scenario: Scenario) -> Iterator[Finding]:
    """Check that there is a preset or three figures, not both."""
    cost = scenario.cost
    figures = ("usd_per_ms", "usd_per_lost_request", "cost_factor")
    for name in figures:
        given = getattr(cost, name) is not None
        if cost.preset is None and not given:
            message = "missing: without a preset all three figures are needed"
            yield Finding(("cost", name), message, "give the figure, or a preset")
        if cost.preset is not None and given:
            message = f"stands beside the preset '{cost.preset}'"
            yield Finding(("cost", name), message, "take it out, or write 'preset: null'")


def _federation(scenario: Scenario) -> Iterator[Finding]:
    """Check where the federation's control plane is."""
    host, standby = scenario.federation.host_region, scenario.federation.standby_region
    for key, name in (("host_region", host), ("standby_region", standby)):
        if name is not None and name not in scenario.regions:
            yield no_such("region", name, scenario.regions, ("federation", key))
    if host == standby:
        message = f"'{host}' hosts the federation already"
        yield Finding(("federation", "standby_region"), message, "name another region")


def _name_servers(scenario: Scenario) -> Iterator[Finding]:
    """Check that name servers are different ones."""
    yield from repeated(scenario.dns.name_servers, ("dns", "name_servers"))


def _rented_regions(scenario: Scenario) -> Iterator[Finding]:
    """Check that rented regions exist."""
    path = ("policy", "rented_regions")
    names = scenario.policy.rented_regions or ()
    yield from repeated(names, path)
    for position, name in enumerate(names):
        if name not in scenario.regions:
            yield no_such("region", name, scenario.regions, (*path, position))


def _dns_rules(scenario: Scenario) -> Iterator[Finding]:
    """Check that percents add up to a hundred and may be given at all."""
    rules, path = scenario.dns.rules, ("dns", "rules")
    if rules is None:
        return
    if 100 % rules.grid_percent:
        message = f"steps of {rules.grid_percent} never add up to 100"
        yield Finding((*path, "grid_percent"), message, "give a divisor of 100, such as 10 or 5")
    if rules.kind == "percents" and not scenario.policy.split_origins:
        message = "percents divide an origin, but policy.split_origins is false"
        yield Finding((*path, "kind"), message, "write 'list', or 'split_origins: true'")
    if rules.kind != "any" and scenario.policy.steering != "static":
        message = f"'{rules.kind}' needs static steering: a balancer follows no rule of DNS"
        yield Finding((*path, "kind"), message, "write 'any', or 'steering: static'")


POLICY_RULES = (
    _hours,
    _ceilings,
    _survivors,
    _cost_weights,
    _federation,
    _name_servers,
    _rented_regions,
    _dns_rules,
)

"""The plan as time series: recording rules whose expression is a number and whose labels are names.

Alerts and dashboards compare what is measured with these, so that every threshold is the plan's and
no name stands in an expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from math import log

from planner.exporters import workload
from planner.exporters.hours import as_scheduled, fewest_replicas
from planner.exporters.monitoring import watched_regions, watched_services
from planner.exporters.promql import vector
from planner.exporters.requirements import service_platform
from planner.exporters.steering import HostSteering, Order, State, first_up, host_steering
from planner.model.manifest import Document
from planner.model.plan import Plan
from planner.units import SECONDS_PER_HOUR

_UP = State("up", ())
_FALSE_ALARM = 1e-6
_MS_PER_S = 1000.0


def record(name: str, expression: str, /, **labels: str) -> Document:
    """Return a recording rule.

    Examples
    --------
    >>> record("plan:replicas:planned", "vector(3)", region="tokyo")["labels"]
    {'region': 'tokyo'}
    """
    return {"record": name, "expr": expression} | ({"labels": labels} if labels else {})


def planned_rules(plan: Plan, home: str, objective: float) -> tuple[Document, ...]:
    """Return the plan as recording rules.

    Parameters
    ----------
    plan : Plan
        What was decided.
    home : str
        Region that collects from all others.
    objective : float
        Availability that errors are judged by.

    Returns
    -------
    tuple of dict
        In a fixed order.
    """
    return tuple(
        chain(
            _regions(plan, home),
            _replicas(plan),
            _services(plan),
            _latencies(plan),
            _links(plan, home),
            _traffic(plan),
            _reroutes(plan),
            [record("plan:availability:objective", vector(objective))],
            [record("plan:headroom:factor", vector(plan.headroom.factor))],
        )
    )


def share_noise(regions: int) -> float:
    r"""Return the constant of the distance that chance alone puts between shares and their sample.

    .. math:: \varepsilon = \sqrt{c / n}, \qquad c = \tfrac{1}{2} (k \ln 2 - \ln \delta)

    Parameters
    ----------
    regions : int
        Regions that shares are divided over, k.

    Returns
    -------
    float
        c, at δ = 10⁻⁶: over n independent requests the total variation distance exceeds ε with
        probability below δ.

    References
    ----------
    T. Weissman et al., "Inequalities for the L1 Deviation of the Empirical Distribution",
    HPL-2003-97R1, 2003.

    Examples
    --------
    >>> round(share_noise(4), 2)
    8.29
    """
    return (regions * log(2) - log(_FALSE_ALARM)) / 2


def _regions(plan: Plan, home: str) -> Iterator[Document]:
    """Write which regions there are, and where."""
    watched = watched_regions(plan, home)
    for name in watched:
        region = plan.scenario.regions[name]
        where = {"region": name, "cluster": region.cluster}
        yield record("plan:region:active", vector(1), **where)
        if len(watched) > 1:
            yield record("plan:region:probed", vector(1), region=name)
        yield record("plan:region:latitude_degrees", vector(region.latitude_deg), region=name)
        yield record("plan:region:longitude_degrees", vector(region.longitude_deg), region=name)


def _replicas(plan: Plan) -> Iterator[Document]:
    """Write planned replicas, and the fewest and most that are no drift; by the hour, the day's."""
    plan = as_scheduled(plan, plan.scenario.federation.controller)
    for service in workload.placed_services(plan):
        for region, planned in plan.services[service].replicas.items():
            if planned > 0:
                labels = {"region": region, "service": service}
                yield record("plan:replicas:planned", vector(planned), **labels)
                fewest = fewest_replicas(plan, service, region)
                yield record("plan:replicas:fewest", vector(fewest), **labels)
                yield record("plan:replicas:most", vector(_most(plan, service, region)), **labels)


def _most(plan: Plan, service: str, region: str) -> int:
    """Most replicas that are as planned: what a scaler may start, and a rolling update besides."""
    own = plan.services[service]
    pinned = service_platform(plan, service).scaler == "pinned"
    most = own.replicas[region] if pinned else own.max_replicas.get(region, 0)
    return max(most, own.replicas[region]) + plan.scenario.services[service].surge_replicas


def _services(plan: Plan) -> Iterator[Document]:
    """Write what one replica carries in an emergency, and the host of each service."""
    ceiling = plan.scenario.policy.ceiling_emergency_share
    for name in watched_services(plan):
        service = plan.scenario.services[name]
        rps = service.workers_per_replica * _MS_PER_S / service.service_time_ms * ceiling
        yield record("plan:replica_capacity:rps", vector(rps), service=name)
        yield record("plan:service:host", vector(1), service=name, host=service.host)
        for region, planned in plan.services[name].replicas.items():
            if planned > 0:
                yield record("plan:service:watched", vector(1), region=region, service=name)


def _latencies(plan: Plan) -> Iterator[Document]:
    """Write the planned and the promised 95th percentiles, seconds."""
    for name in watched_services(plan):
        objective = plan.scenario.services[name].objective
        for region, p95_ms in plan.services[name].p95_ms.items():
            labels = {"region": region, "service": name}
            yield record("plan:p95_seconds:planned", vector(p95_ms / _MS_PER_S), **labels)
        promised = {"normal": objective.p95_ms, "emergency": objective.emergency_p95_ms}
        for when, p95_ms in promised.items():
            yield record(f"plan:p95_seconds:{when}", vector(p95_ms / _MS_PER_S), service=name)


def watched_links(plan: Plan, home: str) -> tuple[str, ...]:
    """Return the links with a probe: those between two watched regions."""
    watched = watched_regions(plan, home)
    return tuple(
        name
        for name, link in plan.scenario.links.items()
        if link.from_region in watched and link.to_region in watched
    )


def _links(plan: Plan, home: str) -> Iterator[Document]:
    """Write the ends of each link and the risk groups that it fails with."""
    for name in watched_links(plan, home):
        link = plan.scenario.links[name]
        for end in (link.from_region, link.to_region):
            yield record("plan:link:end", vector(1), link=name, region=end)
        for group in link.risk_groups:
            yield record("plan:risk_group:link", vector(1), risk_group=group, link=name)


def _steered(plan: Plan) -> dict[str, HostSteering]:
    """Hosts that DNS steers by fixed shares, of which anything is watched."""
    hosts = {plan.scenario.services[name].host for name in watched_services(plan)}
    fixed = plan.steering == "static"
    return {host: host_steering(plan, host) for host in plan.hosts if fixed and host in hosts}


def _traffic(plan: Plan) -> Iterator[Document]:
    """Write each country's share by region, everything up, and what is no drift of it."""
    hosts = _steered(plan)
    for host, steering in hosts.items():
        for country in steering.countries:
            for region, share in steering.shares(country, _UP).items():
                labels = {"host": host, "country": country, "region": region}
                yield record("plan:traffic_share:up", vector(share), **labels)
    if hosts:
        noise = share_noise(len(plan.active_regions))
        violation = plan.scenario.dns.ttl_violation_share
        yield record("plan:traffic_share:noise", vector(noise))
        yield record("plan:traffic_share:tolerance", vector(violation))


def has_reserve(plan: Plan) -> bool:
    """Return whether the plan says where a lost region's users go and keeps room for them.

    A balancer re-routes in each state as it finds best; the plan then holds the normal state only.
    """
    promised = plan.scenario.policy.survive.regions > 0 and len(plan.active_regions) > 1
    return promised and plan.steering == "static" and bool(watched_services(plan))


def _reroutes(plan: Plan) -> Iterator[Document]:
    """Write, by country, what of a lost region's users each other region takes."""
    for service in watched_services(plan) if has_reserve(plan) else ():
        steering = host_steering(plan, plan.scenario.services[service].host)
        for country, orders in steering.countries.items():
            for lost in plan.active_regions:
                for region, share in heirs(orders, lost).items():
                    where = {"lost_region": lost, "region": region}
                    labels = {"service": service, "country": country} | where
                    yield record("plan:reroute_share:lost", vector(share), **labels)


def heirs(orders: Mapping[Order, float], lost: str) -> dict[str, float]:
    """Return what share of a lost region's users each other region takes.

    Parameters
    ----------
    orders : mapping of tuple of str to float
        Regions in order of preference to those who follow them, in any unit.
    lost : str
        The region that is lost.

    Returns
    -------
    dict of str to float
        Sums to 1; empty where nobody is served there, or nothing else is left.

    Examples
    --------
    >>> heirs({("tokyo", "taipei"): 3.0, ("tokyo", "singapore"): 1.0, ("taipei",): 9.0}, "tokyo")
    {'singapore': 0.25, 'taipei': 0.75}
    """
    moved: dict[str, float] = {}
    for order, users in orders.items():
        if order[0] == lost and len(order) > 1 and users > 0:
            heir = first_up(order, State("lost", (lost,)))
            moved[heir] = moved.get(heir, 0.0) + users
    total = sum(moved.values())
    return {region: users / total for region, users in sorted(moved.items())}


def detection_s(plan: Plan) -> float:
    """Return the seconds until DNS has noticed that a region is lost."""
    dns = plan.scenario.dns
    return dns.check_interval_s * dns.check_failures + dns.check_timeout_s


def settled_s(plan: Plan) -> float:
    """Return the seconds from a loss until resolvers that follow the TTL have a new answer."""
    dns = plan.scenario.dns
    return min(detection_s(plan) + dns.publication_s + dns.ttl_s, SECONDS_PER_HOUR)

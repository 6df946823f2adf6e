"""Cross-checks of services, origins, demand and measured round trips."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planner.model.capacity_warnings import peak_demand_rps
from planner.model.finding import Finding, Path, no_such, quoted
from planner.model.quantity import gib
from planner.model.scenario import Scenario
from planner.model.text_checks import one_line
from planner.model.topology import Region, ServerType
from planner.model.topology_checks import nowhere, repeated, too_fast, unknown_regions
from planner.model.workload import Origin, Service

_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._:/@-]*")


def _image(scenario: Scenario, name: str, service: Service) -> Iterator[Finding]:
    """Check that an image can be pulled, and cannot break out of YAML or a shell."""
    if one_line(service.image) and not _IMAGE.fullmatch(service.image):
        message = f"{quoted(service.image)} is not the name of a container image"
        cure = "write it as registry.example.com/name:tag or name@sha256:digest"
        yield Finding(("services", name, "image"), message, cure)


def _name_and_port(scenario: Scenario, name: str, service: Service) -> Iterator[Finding]:
    """Check what Kubernetes asks of a Service."""
    if name[:1].isdigit():
        message = f"the name '{name}' begins with a digit, which a Kubernetes Service may not"
        yield Finding(("services", name), message, "begin it with a letter")
    if service.port > 65535:
        path = ("services", name, "port")
        yield Finding(path, f"{service.port} is outside [1, 65535]", "give the container's port")


def _host(scenario: Scenario, name: str, service: Service) -> Iterator[Finding]:
    """Check that the zone holds the host name and nothing else has it."""
    zone, path = scenario.dns.zone, ("services", name, "host")
    if service.host != zone and not service.host.endswith(f".{zone}"):
        message = f"'{service.host}' is not inside the zone '{zone}'"
        yield Finding(path, message, f"name it such as '{name}.{zone}', or change dns.zone")
    if service.host in scenario.dns.name_servers:
        message = f"'{service.host}' is a name server of the zone already"
        yield Finding(path, message, "choose another host name")


def _replica_bounds(scenario: Scenario, name: str, service: Service) -> Iterator[Finding]:
    """Check the bounds on replicas."""
    if service.min_replicas > service.max_replicas:
        message = f"min_replicas {service.min_replicas} is above max_replicas"
        cure = f"give at least {service.min_replicas}"
        yield Finding(("services", name, "max_replicas"), message, cure)


def _objective(scenario: Scenario, name: str, service: Service) -> Iterator[Finding]:
    """Check that an emergency promises no more than the normal state."""
    promised = service.objective
    if promised.emergency_p95_ms < promised.p95_ms:
        message = f"{promised.emergency_p95_ms:g} is below p95_ms {promised.p95_ms:g}"
        path = ("services", name, "objective", "emergency_p95_ms")
        yield Finding(path, message, "promise no more in an emergency than normally")


def _home(scenario: Scenario, name: str, service: Service) -> Iterator[Finding]:
    """Check where calls that need the storage go."""
    path: Path = ("services", name, "home_regions")
    yield from unknown_regions(scenario, service.home_regions, path)
    yield from repeated(service.home_regions, path)
    if service.home_share > 0 and not service.home_regions:
        message = f"home_share is {service.home_share:g}, but there are no home_regions"
        yield Finding(path, message, "name the regions whose storage serves those calls, in order")


def _home_storage(scenario: Scenario, name: str, service: Service) -> Iterator[Finding]:
    """Check that home regions have storage."""
    for position, home in enumerate(service.home_regions):
        region = scenario.regions.get(home)
        if region is not None and not region.home:
            path = ("services", name, "home_regions", position)
            message = f"'{home}' holds no storage"
            yield Finding(path, message, f"set regions.{home}.home to true, or take it out")


def _where_it_runs(scenario: Scenario, name: str, service: Service) -> Iterator[Finding]:
    """Check allowed and pinned regions against each other."""
    path: Path = ("services", name)
    yield from unknown_regions(scenario, service.pinned_regions, (*path, "pinned_regions"))
    yield from repeated(service.pinned_regions, (*path, "pinned_regions"))
    allowed = service.allowed_regions
    if allowed is None:
        return
    yield from unknown_regions(scenario, allowed, (*path, "allowed_regions"))
    yield from repeated(allowed, (*path, "allowed_regions"))
    if not allowed:
        message = "is empty, so the service may run nowhere"
        yield Finding((*path, "allowed_regions"), message, "name regions, or take the key out")
    for position, pinned in enumerate(service.pinned_regions):
        if pinned in scenario.regions and allowed and pinned not in allowed:
            message = f"'{pinned}' is not one of its allowed_regions"
            place = (*path, "pinned_regions", position)
            yield Finding(place, message, "allow it, or do not pin it")


def _requests(scenario: Scenario, name: str, service: Service) -> Iterator[Finding]:
    """Check that a pod asks for something."""
    for field in ("cpu", "memory"):
        if getattr(service, field).value <= 0:
            message = f"{getattr(service, field)} is not above 0"
            yield Finding(("services", name, field), message, "request what it needs")


def _pod_fits(scenario: Scenario, name: str, service: Service) -> Iterator[Finding]:
    """Check that some server can take a pod, and one in every pinned region."""
    servers = _servers(scenario, _regions(scenario, service))
    yield from _too_large(service, servers, "it may run on", ("services", name))
    for pinned in service.pinned_regions:
        if servers and pinned in scenario.regions:
            own = _servers(scenario, {pinned: scenario.regions[pinned]})
            found = list(_too_large(service, own, f"in '{pinned}'", ("services", name)))
            yield from found if not list(_too_large(service, servers, "", ())) else ()


def _too_large(
    service: Service, servers: list[ServerType], where: str, path: Path
) -> Iterator[Finding]:
    """Find what a pod asks for beyond every server."""
    if not servers:
        return
    cpu, memory = float(service.cpu.value), gib(service.memory)
    most_cpu = max(server.cpu_cores for server in servers)
    most_memory = max(server.memory_gib for server in servers)
    cure = "ask for less, or add a pool of larger servers"
    if cpu > most_cpu:
        message = f"{service.cpu} cores are more than any server {where} has ({most_cpu:g})"
        yield Finding((*path, "cpu"), message, cure)
    if memory > most_memory:
        message = f"{service.memory} is more than any server {where} has ({most_memory:g} GiB)"
        yield Finding((*path, "memory"), message, cure)
    fits = any(cpu <= s.cpu_cores and memory <= s.memory_gib for s in servers)
    if cpu <= most_cpu and memory <= most_memory and not fits:
        message = f"no server {where} has both {service.cpu} cores and {service.memory}"
        yield Finding((*path, "cpu"), message, cure)


def _regions(scenario: Scenario, service: Service) -> dict[str, Region]:
    """Return the regions in which a service may run."""
    allowed = service.allowed_regions
    return {n: r for n, r in scenario.regions.items() if allowed is None or n in allowed}


def _servers(scenario: Scenario, regions: dict[str, Region]) -> list[ServerType]:
    """Return the known server types of regions."""
    kinds = {pool.server_type for region in regions.values() for pool in region.pools.values()}
    return [kind for name, kind in scenario.server_types.items() if name in kinds]


def _origin_place(scenario: Scenario, name: str, origin: Origin) -> Iterator[Finding]:
    """Check an origin's place and clock."""
    yield from nowhere(origin, ("origins", name))
    if not -12 <= origin.utc_offset_h <= 14:
        message = f"{origin.utc_offset_h:g} is outside [-12, 14]"
        yield Finding(("origins", name, "utc_offset_h"), message, "give hours, not minutes")


def _residency(scenario: Scenario, name: str, origin: Origin) -> Iterator[Finding]:
    """Check which regions may serve an origin."""
    for service, regions in origin.residency.items():
        path: Path = ("origins", name, "residency", service)
        if service not in scenario.services:
            yield no_such("service", service, scenario.services, path)
            continue
        yield from unknown_regions(scenario, regions, path)
        yield from repeated(regions, path)
        allowed = scenario.services[service].allowed_regions
        if not regions:
            message = "is empty, so nothing may serve this origin"
            yield Finding(path, message, "name regions, or take the key out")
        elif allowed and not set(allowed) & set(regions):
            message = f"none of these regions is among the allowed_regions of '{service}'"
            yield Finding(path, message, "allow one of them")


def _duplicate_names(scenario: Scenario) -> Iterator[Finding]:
    """Find two origins with the same name for people."""
    first: dict[str, str] = {}
    for code, origin in scenario.origins.items():
        other = first.setdefault(origin.name, code)
        if other != code:
            message = f"{quoted(origin.name)} is the name of '{other}' already"
            yield Finding(("origins", code, "name"), message, "give each origin its own")


def _demand(scenario: Scenario) -> Iterator[Finding]:
    """Check whom demand is from, what it is for, and its hours."""
    hours = len(scenario.calendar.hours_utc)
    for service, origins in scenario.demand_rps.items():
        path: Path = ("demand_rps", service)
        if service not in scenario.services:
            yield no_such("service", service, scenario.services, path)
        for origin, values in origins.items():
            if origin not in scenario.origins:
                yield no_such("origin", origin, scenario.origins, (*path, origin))
            if len(values) != hours:
                message = f"{len(values)} figures for the calendar's {hours} hours"
                yield Finding((*path, origin), message, "give one for each of calendar.hours_utc")


def _nobody_calls(scenario: Scenario) -> Iterator[Finding]:
    """Check that there is any demand at all."""
    if not any(peak_demand_rps(scenario, name) > 0 for name in scenario.services):
        message = "nobody asks for anything: the demand of every service is 0"
        cure = "give origins internet_users and propensity_share, services requests_per_user_day"
        yield Finding(("origins",), message, cure)


def _round_trips(scenario: Scenario) -> Iterator[Finding]:
    """Check the ends of measured round trips and of factors on round trips."""
    yield from _ends(scenario, "rtt_ms", scenario.rtt_ms)
    factors = scenario.rtt_factor or {}
    yield from _ends(scenario, "rtt_factor", factors)
    for start, ends in factors.items():
        for end in ends:
            if start != end and start in factors.get(end, {}):
                message = f"the factor between '{end}' and '{start}' is given both ways"
                yield Finding(("rtt_factor", start, end), message, "keep one of the two")


def _ends(scenario: Scenario, field: str, table: dict[str, dict[str, float]]) -> Iterator[Finding]:
    """Check that a table of pairs names what there is."""
    for start, ends in table.items():
        path: Path = (field, start)
        places = [p[start] for p in (scenario.origins, scenario.regions) if start in p]
        if not places:
            known = [*scenario.origins, *scenario.regions]
            yield no_such("origin or region", start, known, path)
        if len(places) == 2:
            message = f"'{start}' is an origin and a region"
            yield Finding(path, message, "rename one of them")
        for end in ends:
            if end not in scenario.regions:
                yield no_such("region", end, scenario.regions, (*path, end))
            if end == start and start in scenario.regions:
                yield Finding((*path, end), f"'{end}' is joined to itself", "take it out")


def _round_trip_speed(scenario: Scenario) -> Iterator[Finding]:
    """Check that no measured round trip is faster than light."""
    for start, ends in scenario.rtt_ms.items():
        a = scenario.origins.get(start) or scenario.regions.get(start)
        ambiguous = start in scenario.origins and start in scenario.regions
        for end, rtt_ms in ends.items():
            b = scenario.regions.get(end)
            if a is not None and b is not None and not ambiguous and start != end:
                yield from too_fast(rtt_ms, a, b, ("rtt_ms", start, end))


SERVICE_RULES = (
    _image,
    _name_and_port,
    _host,
    _replica_bounds,
    _objective,
    _home,
    _home_storage,
    _where_it_runs,
    _requests,
    _pod_fits,
)
ORIGIN_RULES = (_origin_place, _residency)
WORKLOAD_RULES = (_duplicate_names, _demand, _nobody_calls, _round_trips, _round_trip_speed)

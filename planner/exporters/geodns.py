"""What the DNS targets with health checks have in common: names, addresses, and how to check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from pydantic import TypeAdapter, ValidationError

from planner.errors import UnfaithfulExport
from planner.exporters import naming
from planner.exporters.addresses import records
from planner.exporters.realised import HostRules, Row, cluster_rows
from planner.exporters.requirements import each_service, platform_of, service_platform
from planner.exporters.steering import State
from planner.model.plan import Plan
from planner.model.schema import CountryCode, HostName, Label

FAMILIES = ("A", "AAAA")
HTTP_PORT, HTTPS_PORT = 80, 443

_HOST_NAME: TypeAdapter[str] = TypeAdapter(HostName)
_LABEL: TypeAdapter[str] = TypeAdapter(Label)
_COUNTRY: TypeAdapter[str] = TypeAdapter(CountryCode)


@dataclass(frozen=True)
class Check:
    """How a region is looked at, over the address that users are sent to.

    Attributes
    ----------
    host : str
        Host name in the request.
    path : str
        What must answer 200.
    secure : bool
        Whether the host names have a certificate, so that TLS is asked for.
    """

    host: str
    path: str
    secure: bool

    @property
    def port(self) -> int:
        """The port of the scheme."""
        return HTTPS_PORT if self.secure else HTTP_PORT

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return "https" if self.secure else "http"


def check_names(plan: Plan) -> None:
    """Refuse a plan whose names are none, before anything is written.

    Raises
    ------
    UnfaithfulExport
        With every bad name; or where the plan steers no host name.
    """
    if not plan.hosts:
        raise UnfaithfulExport("the plan steers no host name, so there is nothing to answer")
    scenario = plan.scenario
    dns = scenario.dns
    faults = [
        *_bad(_HOST_NAME, "host name", (*plan.hosts, dns.zone, dns.hostmaster, *dns.name_servers)),
        *_bad(_LABEL, "label", (scenario.scenario, *scenario.regions)),
        *_bad(_LABEL, "label", (region.cluster for region in scenario.regions.values())),
        *_bad(_COUNTRY, "country code", (o.country for o in scenario.origins.values())),
    ]
    if faults:
        raise UnfaithfulExport("\n".join(["names cannot be written:", *dict.fromkeys(faults)]))


def check_zone(plan: Plan) -> None:
    """Refuse host names outside the zone that the provider holds."""
    zone = plan.scenario.dns.zone
    outside = [host for host in plan.hosts if host != zone and not host.endswith(f".{zone}")]
    if outside:
        raise UnfaithfulExport(
            f"host '{outside[0]}' lies outside the zone '{zone}', so its provider cannot hold it"
        )


def check_delegation(plan: Plan) -> None:
    """Refuse host names that cannot be delegated to name servers of their own.

    Raises
    ------
    UnfaithfulExport
        If a host name is the zone itself, whose other names would be lost; or if a name server lies
        in a host name's zone, which has no address for it.
    """
    dns = plan.scenario.dns
    if dns.zone in plan.hosts:
        raise UnfaithfulExport(
            f"host '{dns.zone}' is the zone itself: this target would answer for all of it and "
            "know no other name in it; use a name below it, or let dns.zone be the zone above"
        )
    for server in dns.name_servers:
        inside = [h for h in plan.hosts if f".{server}".endswith(f".{h}")]
        if inside:
            raise UnfaithfulExport(
                f"name server '{server}' lies in '{inside[0]}', which is delegated to it and has "
                "no address of it; use a name server outside"
            )


def families(plan: Plan) -> tuple[str, ...]:
    """Return the record types that every active region can answer.

    Notes
    -----
    Where only some regions have IPv6, an IPv6 answer would draw users there that the plan sends
    elsewhere; so nobody gets one.

    Raises
    ------
    UnfaithfulExport
        If no type is common to all.
    """
    kinds = [{kind for kind, _ in records(plan.scenario, r)} for r in active_regions(plan)]
    common = tuple(kind for kind in FAMILIES if all(kind in own for own in kinds))
    if not common:
        raise UnfaithfulExport(
            "some regions have only IPv4 and others only IPv6 ingress addresses, so that no record "
            "type can be answered from all of them; give each an address of one family"
        )
    return common


def active_regions(plan: Plan) -> tuple[str, ...]:
    """Return the active regions, in the scenario's order."""
    return tuple(region for region in plan.scenario.regions if region in plan.active_regions)


def addresses(plan: Plan, region: str, family: str) -> tuple[str, ...]:
    """Return a region's addresses of one record type."""
    return tuple(address for kind, address in records(plan.scenario, region) if kind == family)


def check_inputs(plan: Plan) -> list[str]:
    """Return what must be known of the services to check a region through its ingress."""
    return each_service(_services(plan), "readiness_path", "ingress_path")


def check_of(plan: Plan, host: str) -> Check:
    """Return how regions are checked for a host name.

    Parameters
    ----------
    plan : Plan
        Its platform knows the services' readiness and ingress paths.
    host : str
        The host name.

    Returns
    -------
    Check
        The readiness path of the first service whose requests the ingress sends to itself.

    Raises
    ------
    UnfaithfulExport
        If none of the host's services is ready at a path that the ingress sends to it.
    """
    services = naming.hosts(plan).get(host, ())
    prefixes = {name: str(service_platform(plan, name).ingress_path) for name in services}
    for name in services:
        path = str(service_platform(plan, name).readiness_path)
        if _routed(prefixes, path) == name:
            return Check(host, path, platform_of(plan).tls_secret is not None)
    raise UnfaithfulExport(
        f"no service of '{host}' is ready at a path that the ingress sends to it, so no health "
        "check can tell whether a region is up; let one readiness_path lie below its ingress_path"
    )


def seconds(value: float, least: int, most: int) -> int:
    """Return whole seconds within bounds, never shorter than asked for unless the bound is.

    Examples
    --------
    >>> seconds(2.5, 1, 255), seconds(0.2, 1, 255), seconds(999.0, 1, 255)
    (3, 1, 255)
    """
    return max(least, min(most, ceil(value)))


def facts(
    plan: Plan, hosts: Sequence[HostRules], states: Sequence[State], rows: Sequence[Row]
) -> dict[str, object]:
    """Return what every README of these targets names.

    Parameters
    ----------
    plan : Plan
        What was decided.
    hosts : sequence of HostRules
        What the target does.
    states : sequence of State
        Promised states.
    rows : sequence of Row
        From `realised.realised_rows`.
    """
    scenario = plan.scenario
    countries = [scenario.origins[o].country for origins in plan.hosts.values() for o in origins]
    pairs = {(o, scenario.origins[o].country) for origins in plan.hosts.values() for o in origins}
    codes = [country for _, country in pairs]
    kinds = families(plan)
    return {
        "zone": scenario.dns.zone,
        "ttl": scenario.dns.ttl_s,
        "dns": scenario.dns,
        "database": scenario.dns.geoip_database,
        "name_servers": scenario.dns.name_servers,
        "hosts": [(host.host, host.others[0]) for host in hosts],
        "divided": _divided(hosts),
        "shared": sorted({code for code in countries if codes.count(code) > 1}),
        "states": [state.name for state in states],
        "clusters": cluster_rows(plan, rows),
        "worst": max(rows, key=lambda row: abs(row.planned_share - row.realised_share)),
        "kinds": kinds,
        "adaptive": plan.steering == "adaptive",
    }


def _divided(hosts: Iterable[HostRules]) -> list[tuple[str, list[str]]]:
    """List host names with the countries that the plan divides over several orders."""
    found = [(h.host, [c for c, p in h.steering.countries.items() if len(p) > 1]) for h in hosts]
    return [(host, countries) for host, countries in found if countries]


def _services(plan: Plan) -> list[str]:
    """Return the services behind the plan's host names."""
    behind = naming.hosts(plan)
    return [service for host in plan.hosts for service in behind.get(host, ())]


def _routed(prefixes: dict[str, str], path: str) -> str | None:
    """Return the service that an ingress sends a path to: the longest prefix by whole elements."""
    fitting = [
        (len(prefix), name)
        for name, prefix in prefixes.items()
        if path == prefix or path.startswith(prefix.rstrip("/") + "/")
    ]
    return max(fitting)[1] if fitting else None


def _bad(adapter: TypeAdapter[str], what: str, names: Iterable[str]) -> Iterator[str]:
    """Find names that a schema refuses."""
    for name in names:
        try:
            adapter.validate_python(name)
        except ValidationError:
            yield f"  {name!r} is no {what}"

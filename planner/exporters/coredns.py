"""CoreDNS: answers by country, and a set of zone files for every promised state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from planner.errors import UnfaithfulExport
from planner.exporters.addresses import records
from planner.exporters.geodns import check_delegation
from planner.exporters.realised import realised_csv
from planner.exporters.rendering import text
from planner.exporters.steering import HostSteering, State, host_steering, promised_states
from planner.exporters.switched import by_views, realised_facts
from planner.exporters.views import QUERY_IDS, View, views
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

FOLDER = PurePosixPath("dns/coredns")
VERSION = "1.14.5"
CHART_VERSION = "1.46.2"
PORT = 53
ZONES_ON_DISK = "/etc/coredns/zones/current"
ZONES_IN_CHART = "/etc/coredns"
LONGEST_FILE_NAME = 253
"""Longest key of a ConfigMap."""


@dataclass(frozen=True)
class _Host:
    """A host name with its views."""

    steering: HostSteering
    views: tuple[View, ...]

    @property
    def name(self) -> str:
        return self.steering.host

    def file(self, view: View) -> str:
        """Name of a view's zone file; flat, so that it can be a key of a ConfigMap."""
        return f"{self.name}.{view.name}.zone"


@dataclass(frozen=True)
class _Plugin:
    """One plugin of a server block, as both the Corefile and the chart write it."""

    name: str
    parameters: str = ""
    block: str = ""

    @property
    def value(self) -> Document:
        """The entry below ``servers[].plugins`` of the chart."""
        value: Document = {"name": self.name}
        if self.parameters:
            value["parameters"] = self.parameters
        if self.block:
            value["configBlock"] = self.block
        return value


def export_coredns(plan: Plan) -> tuple[Manifest, ...]:
    """Return a Corefile, the zone files of every promised state, and the script that switches.

    A host name is a zone of its own. Each distinct answer, over all promised states, is a server
    block; countries with the same answer share it, a part of a country is a range of query ids.
    Other countries, and addresses that the database does not know, get the answer of most users.

    Parameters
    ----------
    plan : Plan
        What was decided.

    Returns
    -------
    tuple of Manifest
        ``dns/coredns/...``: Corefile, ``zones/<state>/``, ``switch.sh``, chart values,
        ``realised.csv``, README.

    Raises
    ------
    UnfaithfulExport
        If shares do not sum to 1, an address is none, a host name cannot be delegated, or the
        country database lies in ``/``.

    Notes
    -----
    CoreDNS cannot fail over by itself; the README names what else the plan asks and it does not do.
    """
    if not plan.hosts:
        raise UnfaithfulExport("the plan steers no host name, so there is nothing to answer")
    check_delegation(plan)
    states = promised_states(plan)
    hosts = [_host(plan, name, states) for name in plan.hosts]
    rules = [by_views(host.steering, host.views, states) for host in hosts]
    rows, realised = realised_facts(plan, rules, states)
    return (
        Manifest(FOLDER / "Corefile", _corefile(plan, hosts)),
        *_zone_files(plan, hosts, states),
        Manifest(FOLDER / "switch.sh", _switch_script(states), executable=True),
        Manifest(FOLDER / "values.yaml", (_values(plan, hosts),)),
        *(_state_values(plan, hosts, state, i) for i, state in enumerate(states) if state.lost),
        Manifest(FOLDER / "realised.csv", realised_csv(rows)),
        Manifest(FOLDER / "README.md", _readme(plan, hosts, states, realised)),
    )


def _host(plan: Plan, name: str, states: Sequence[State]) -> _Host:
    """Steer one host name."""
    steering = host_steering(plan, name)
    host = _Host(steering, views(steering, states))
    if max(len(host.file(view)) for view in host.views) > LONGEST_FILE_NAME:
        raise UnfaithfulExport(f"host '{name}' is too long to name its zone files by it")
    return host


def _plugins(plan: Plan, host: _Host, view: View, zones: str) -> list[_Plugin]:
    """List the plugins of one server block.

    A block sees only its own metadata, so the database stands in every block with a condition.
    """
    database = _Plugin("geoip", plan.scenario.dns.geoip_database, "edns-subnet")
    condition = _Plugin("view", view.name, f"expr {view.expression}")
    chosen = [] if view.catches_all else [_Plugin("metadata"), database, condition]
    zone = _Plugin("file", f"{zones}/{host.file(view)} {host.name}", "reload 5s")
    return [_Plugin("errors"), _Plugin("prometheus", "0.0.0.0:9153"), *chosen, zone]


def _blocks(plan: Plan, hosts: Sequence[_Host], zones: str) -> list[tuple[str, list[_Plugin]]]:
    """List all server blocks: zone and plugins; the last one answers the probes as well."""
    blocks = [
        (host.name, _plugins(plan, host, view, zones)) for host in hosts for view in host.views
    ]
    probes = [_Plugin("health", "0.0.0.0:8080"), _Plugin("ready", "0.0.0.0:8181")]
    blocks[-1][1].extend(probes)
    return blocks


def _corefile(plan: Plan, hosts: Sequence[_Host]) -> str:
    """Write the Corefile for a CoreDNS on a machine of its own."""
    return text("Corefile.j2", port=PORT, blocks=_blocks(plan, hosts, ZONES_ON_DISK))


def _zone_text(plan: Plan, region: str, host: str, serial: int) -> str:
    """Write the zone of one host name, answered by one region."""
    dns = plan.scenario.dns
    return text(
        "zone.j2",
        origin=host,
        ttl=dns.ttl_s,
        serial=serial,
        hostmaster=dns.hostmaster,
        name_servers=dns.name_servers,
        records=records(plan.scenario, region),
    )


def _zones(plan: Plan, hosts: Sequence[_Host], place: int) -> dict[str, tuple[str, str]]:
    """File name to host name and zone text, in the state at `place`."""
    return {
        host.file(view): (host.name, _zone_text(plan, view.regions[place], host.name, place + 1))
        for host in hosts
        for view in host.views
    }


def _zone_files(plan: Plan, hosts: Sequence[_Host], states: Sequence[State]) -> list[Manifest]:
    """Write the zone files of every state."""
    return [
        Manifest(FOLDER / "zones" / state.name / name, zone)
        for place, state in enumerate(states)
        for name, (_, zone) in _zones(plan, hosts, place).items()
    ]


def _switch_script(states: Sequence[State]) -> str:
    """Write the script that serves the zone set of another state."""
    return text(
        "switch.sh.j2",
        states=[state.name for state in states],
        directory=str(PurePosixPath(ZONES_ON_DISK).parent),
    )


def _values(plan: Plan, hosts: Sequence[_Host]) -> Document:
    """Build the values of the official chart: the same blocks, everything up."""
    folder = str(PurePosixPath(plan.scenario.dns.geoip_database).parent)
    if folder == "/":
        raise UnfaithfulExport("`dns.geoip_database` must lie in a folder, not in '/'")
    return {
        "image": {"tag": VERSION},
        "replicaCount": 2,
        "isClusterService": False,
        "serviceType": "LoadBalancer",
        # Otherwise the source address, and with it the country, is a node's.
        "service": {"externalTrafficPolicy": "Local"},
        "rbac": {"create": False},
        "prometheus": {"service": {"enabled": True}},
        "servers": [
            _server(zone, plugins) for zone, plugins in _blocks(plan, hosts, ZONES_IN_CHART)
        ],
        "extraVolumes": [{"name": "geoip", "persistentVolumeClaim": {"claimName": "geoip"}}],
        "extraVolumeMounts": [{"name": "geoip", "mountPath": folder, "readOnly": True}],
        **_zone_values(_zones(plan, hosts, 0)),
    }


def _server(zone: str, plugins: Sequence[_Plugin]) -> Document:
    """Build one entry of the chart's ``servers``."""
    return {
        "zones": [{"zone": f"{zone}.", "scheme": "dns://", "use_tcp": True}],
        "port": PORT,
        "plugins": [plugin.value for plugin in plugins],
    }


def _zone_values(zones: Mapping[str, tuple[str, str]]) -> Document:
    """Build the chart's ``zoneFiles``; a list in a later values file replaces the whole list."""
    return {
        "zoneFiles": [
            {"filename": name, "domain": host, "contents": zone}
            for name, (host, zone) in zones.items()
        ]
    }


def _state_values(plan: Plan, hosts: Sequence[_Host], state: State, place: int) -> Manifest:
    """Build the values that replace the zones of the normal state."""
    return Manifest(
        FOLDER / "states" / f"{state.name}.yaml", (_zone_values(_zones(plan, hosts, place)),)
    )


def _readme(
    plan: Plan, hosts: Sequence[_Host], states: Sequence[State], realised: Mapping[str, object]
) -> str:
    """Write what to do and what CoreDNS does not do."""
    dns = plan.scenario.dns
    countries = [origin.country for origin in plan.scenario.origins.values()]
    return text(
        "coredns.md.j2",
        version=VERSION,
        chart_version=CHART_VERSION,
        query_ids=QUERY_IDS,
        zone=dns.zone,
        ttl=dns.ttl_s,
        database=dns.geoip_database,
        name_servers=dns.name_servers,
        hosts=[(host.name, len(host.views), host.views[-1].regions[0]) for host in hosts],
        splits=[host.name for host in hosts if any(view.slices for view in host.views)],
        shared=sorted({code for code in countries if countries.count(code) > 1}),
        states=[state.name for state in states],
        adaptive=plan.steering == "adaptive",
        **realised,
    )

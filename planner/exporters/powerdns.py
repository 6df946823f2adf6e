"""PowerDNS: Lua records that draw an order by country and answer with its first region up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from planner.errors import UnfaithfulExport
from planner.exporters.geodns import (
    Check,
    active_regions,
    addresses,
    check_delegation,
    check_inputs,
    check_names,
    check_of,
    facts,
    families,
    seconds,
)
from planner.exporters.realised import (
    Drawn,
    HostRules,
    realised_csv,
    realised_rows,
    whole_weights,
)
from planner.exporters.rendering import text
from planner.exporters.requirements import require
from planner.exporters.steering import Order, host_steering, promised_states
from planner.exporters.versions import COMPONENTS
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

FOLDER = PurePosixPath("dns/powerdns")
WEIGHTS_SUM = 10_000
OTHERS = "others"
"""Label of the records for countries that the plan does not know."""

LONGEST_NAME = 253
ZONES_ON_DISK = "/etc/powerdns/zones.yaml"

_LUA_TEXT = re.compile(r"[A-Za-z0-9._:/~-]*\Z")
"""No quote, no backslash, no bracket: what cannot leave a Lua string or the record around it."""


def export_powerdns(plan: Plan) -> tuple[Manifest, ...]:
    """Return the configuration and zones of PowerDNS's authoritative server.

    Each host name is a zone of its own.  The geoip backend expands it by country to a Lua record,
    which draws one of the country's orders by weight, and answers with all addresses of its first
    region that is up.

    Parameters
    ----------
    plan : Plan
        What was decided; its platform knows where services are ready.

    Returns
    -------
    tuple of Manifest
        ``dns/powerdns/...``: pdns.conf, zones.yaml, ``realised.csv``, README.

    Raises
    ------
    MissingInputs
        If readiness or ingress paths are not known.
    UnfaithfulExport
        If a name or address is none, or a host name cannot be delegated.

    Notes
    -----
    Checks begin with the first query of a name; until they are done every region counts as down,
    and a random one answers.  This version takes a region out after one failed check.
    """
    check_names(plan)
    check_delegation(plan)
    require(plan, "powerdns", check_inputs(plan))
    states = promised_states(plan)
    hosts = [_rules(plan, name) for name in plan.hosts]
    rows = realised_rows(plan, hosts, states)
    return (
        Manifest(FOLDER / "pdns.conf", _config(plan)),
        Manifest(FOLDER / "zones.yaml", (_zones(plan, hosts),)),
        Manifest(FOLDER / "realised.csv", realised_csv(rows)),
        Manifest(
            FOLDER / "README.md",
            text(
                "powerdns.md.j2",
                **facts(plan, hosts, states, rows),
                interval=_interval(plan),
                timeout=_timeout(plan),
                version=COMPONENTS["powerdns"].version,
                check=check_of(plan, hosts[0].host),
            ),
        ),
    )


def _rules(plan: Plan, name: str) -> HostRules:
    """Draw each country's orders by their shares."""
    steering = host_steering(plan, name)
    rules = {
        country: Drawn(tuple((w, o) for o, w in whole_weights(parts, WEIGHTS_SUM)))
        for country, parts in steering.countries.items()
    }
    return HostRules(steering, rules, steering.main_order)


def _config(plan: Plan) -> str:
    """Write the server's configuration."""
    return text(
        "pdns.conf.j2",
        database=plan.scenario.dns.geoip_database,
        zones=ZONES_ON_DISK,
        interval=_interval(plan),
    )


def _interval(plan: Plan) -> int:
    """Return whole seconds between two checks."""
    return seconds(plan.scenario.dns.check_interval_s, 1, 3600)


def _timeout(plan: Plan) -> int:
    """Return whole seconds after which a check has failed."""
    return seconds(plan.scenario.dns.check_timeout_s, 1, 60)


def _zones(plan: Plan, hosts: list[HostRules]) -> Document:
    """Build the zones of the geoip backend."""
    return {"domains": [_zone(plan, host, i + 1) for i, host in enumerate(hosts)]}


def _zone(plan: Plan, host: HostRules, serial: int) -> Document:
    """Build the zone of one host name.

    The code of a record is read anew for every query: so each country has records of its own, and
    the backend expands the host name to them.
    """
    dns = plan.scenario.dns
    timers = f"{serial} 3600 600 86400 {dns.ttl_s}"
    others = Drawn(((1, host.others),))
    drawn = {code: rule for code, rule in host.countries.items() if isinstance(rule, Drawn)}
    return {
        "domain": host.host,
        "ttl": dns.ttl_s,
        "records": {
            host.host: [
                {"soa": f"{dns.name_servers[0]} {dns.hostmaster} {timers}"},
                *({"ns": server} for server in dns.name_servers),
            ],
            **{
                _name(code.lower(), host): _records(plan, host, rule)
                for code, rule in {**drawn, OTHERS: others}.items()
            },
        },
        "services": {host.host: [_name("%cc", host), _name(OTHERS, host)]},
    }


def _name(country: str, host: HostRules) -> str:
    """Name the records of a country."""
    name = f"{country}.at.{host.host}"
    if len(name) > LONGEST_NAME:
        raise UnfaithfulExport(f"'{name}' is too long for a DNS name; shorten the host name")
    return name


def _records(plan: Plan, host: HostRules, rule: Drawn) -> list[Document]:
    """Build a country's record of each type."""
    return [{"lua": f'{kind} ";{_lua(plan, host, rule, kind)}"'} for kind in families(plan)]


def _lua(plan: Plan, host: HostRules, rule: Drawn, family: str) -> str:
    """Write the code of one record: addresses, how to look, and the draw."""
    regions = active_regions(plan)
    number = {region: i + 1 for i, region in enumerate(regions)}
    table = ",".join(
        "{" + ",".join(_string(a) for a in addresses(plan, region, family)) + "}"
        for region in regions
    )
    return (
        f"local r={{{table}}} "
        "local function up(...) local o={} for i,k in ipairs({...}) do o[i]=r[k] end "
        f"return ifurlup({_url(check_of(plan, host.host))},o,"
        f"{{timeout='{_timeout(plan)}',selector='all'}}) end {_answer(rule, number)}"
    )


def _answer(rule: Drawn, number: Mapping[str, int]) -> str:
    """Write one country's answer; the draw is among stand-in addresses, one an order."""
    if len(rule.parts) == 1:
        return f"return {_up(rule.parts[0][1], number)}"
    stand_ins = ",".join(f"{{{w},'0.0.0.{i}'}}" for i, (w, _) in enumerate(rule.parts, start=1))
    branches = " ".join(
        f"if p=='0.0.0.{i}' then return {_up(order, number)} end"
        for i, (_, order) in enumerate(rule.parts, start=1)
    )
    return f"local p=pickwrandom({{{stand_ins}}}) {branches}"


def _up(order: Order, number: Mapping[str, int]) -> str:
    """Call for the first region of an order that is up."""
    return f"up({','.join(str(number[region]) for region in order)})"


def _url(check: Check) -> str:
    """Write what is asked for, as a Lua string."""
    return _string(f"{check.scheme}://{check.host}{check.path}")


def _string(value: str) -> str:
    """Quote a Lua string."""
    if not _LUA_TEXT.match(value):
        raise UnfaithfulExport(f"{value!r} cannot stand in a Lua record")
    return f"'{value}'"

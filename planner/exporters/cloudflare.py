"""Cloudflare Load Balancing: a pool a region, countries to ordered pools; Terraform and API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from planner.exporters.geodns import (
    Check,
    active_regions,
    addresses,
    check_names,
    check_zone,
    facts,
    families,
    seconds,
)
from planner.exporters.json_files import id_files, json_text, templates_escaped
from planner.exporters.realised import (
    Drawn,
    HostRules,
    Renormalised,
    main_order,
    realised_csv,
    realised_rows,
    whole_weights,
)
from planner.exporters.rendering import text
from planner.exporters.requirements import platform_of, require
from planner.exporters.steering import HostSteering, Order, State, host_steering, promised_states
from planner.exporters.versions import COMPONENTS
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

FOLDER = PurePosixPath("dns/cloudflare")
HUNDREDTHS = 100
"""Weights are numbers from 0 to 1 in steps of 0.01."""

LEAST_INTERVAL_S = 15
"""Least interval of a monitor on a plan that is not Enterprise, where it is 10 s."""

MOST_POOLS = 20
"""Most pools, endpoints and load balancers on a plan that is not Enterprise."""

Refer = Callable[[str, str], str]
"""Kind and name of an object to what stands for its id."""


@dataclass(frozen=True)
class _PoolSet(Renormalised):
    """A pool set: `rest` begins with its fallback, which answers whether it is up or not."""

    def shares(self, state: State) -> dict[str, float]:
        """Return region to share; everybody goes to the fallback once all its pools are lost."""
        if any(state.is_up(region) for region, _ in self.weights):
            return super().shares(state)
        return {self.rest[0]: 1.0}


@dataclass(frozen=True)
class _Host:
    """A host name: what its load balancer does, and what pool sets would do."""

    listed: HostRules
    weighted: HostRules

    @property
    def steering(self) -> HostSteering:
        return self.listed.steering


def export_cloudflare(plan: Plan) -> tuple[Manifest, ...]:
    """Return a monitor, a pool a region and a load balancer a host name.

    A country has the list of pools that most of its users follow.  Its division over several lists
    needs pool sets, which only Enterprise with Traffic Steering has, and only the API: they stand
    in files of their own.

    Parameters
    ----------
    plan : Plan
        What was decided; its platform knows account, zone and health path.

    Returns
    -------
    tuple of Manifest
        ``dns/cloudflare/...``: ``main.tf.json`` (provider 5), ``api/``, ``realised.csv``,
        ``realised-pool-sets.csv`` where a country is divided, README.

    Raises
    ------
    MissingInputs
        If account, zone or health path are not known.
    UnfaithfulExport
        If a name is none or lies outside the zone.
    """
    check_names(plan)
    check_zone(plan)
    fields = ("account_id", "zone_id", "health_path")
    require(plan, "cloudflare", [f"cloudflare.{name}" for name in fields])
    states = promised_states(plan)
    hosts = [_host(plan, name, states[0]) for name in plan.hosts]
    listed = [host.listed for host in hosts]
    rows = realised_rows(plan, listed, states)
    readme = text(
        "cloudflare.md.j2",
        **facts(plan, listed, states, rows),
        **_limits(plan),
        check=_check(plan),
        proxied=plan.scenario.dns.spill_over,
        version=COMPONENTS["terraform-cloudflare"].version,
        regions=active_regions(plan),
    )
    return (
        Manifest(FOLDER / "main.tf.json", json_text(_terraform(plan, hosts))),
        *_bodies(plan, hosts),
        Manifest(FOLDER / "realised.csv", realised_csv(rows)),
        *_pool_sets(plan, hosts, states),
        Manifest(FOLDER / "README.md", readme),
    )


def _host(plan: Plan, name: str, up: State) -> _Host:
    """Find the rules of one host name, without and with pool sets."""
    steering = host_steering(plan, name)
    orders = {country: main_order(steering, country) for country in steering.countries}
    lists = {country: Drawn(((1, order),)) for country, order in orders.items()}
    weighted = {
        country: _PoolSet(weights, _outside_first(orders[country], weights))
        for country in steering.countries
        if len(weights := whole_weights(steering.shares(country, up), HUNDREDTHS)) > 1
    }
    return _Host(
        HostRules(steering, lists, steering.main_order),
        HostRules(steering, {**lists, **weighted}, steering.main_order),
    )


def _outside_first(order: Order, weights: Sequence[tuple[str, int]]) -> Order:
    """Put the regions of no weight first: a fallback that fails with all others is none."""
    inside = {region for region, _ in weights}
    return tuple(sorted(order, key=lambda region: region in inside))


def _check(plan: Plan) -> Check:
    """Return what the monitor asks for; all host names share it."""
    platform = platform_of(plan)
    path = str(platform.cloudflare.health_path)
    return Check(next(iter(plan.hosts)), path, platform.tls_secret is not None)


def _limits(plan: Plan) -> dict[str, int | bool]:
    """Return the monitor's whole seconds, and what exceeds the ordinary limits."""
    regions = active_regions(plan)
    endpoints = sum(len(_origins(plan, region)) for region in regions)
    return {
        "interval": seconds(plan.scenario.dns.check_interval_s, LEAST_INTERVAL_S, 3600),
        "timeout": seconds(plan.scenario.dns.check_timeout_s, 1, 10),
        "too_many": max(len(regions), endpoints, len(plan.hosts)) > MOST_POOLS,
    }


def _monitor(plan: Plan) -> Document:
    """Describe the one monitor."""
    check, dns, limits = _check(plan), plan.scenario.dns, _limits(plan)
    return {
        "description": f"{plan.scenario.scenario}: is a region up",
        "type": check.scheme,
        "method": "GET",
        "path": check.path,
        "header": {"Host": [check.host]},
        "expected_codes": "200",
        "follow_redirects": False,
        "allow_insecure": False,
        "interval": limits["interval"],
        "timeout": limits["timeout"],
        "retries": 0,
        "consecutive_down": dns.check_failures,
        "consecutive_up": dns.check_successes,
    }


def _origins(plan: Plan, region: str) -> list[Document]:
    """List the addresses of a region."""
    found = [a for kind in families(plan) for a in addresses(plan, region, kind)]
    return [
        {"name": f"{region}-{i + 1}", "address": address, "enabled": True, "weight": 1}
        for i, address in enumerate(found)
    ]


def _pool(plan: Plan, region: str, refer: Refer) -> Document:
    """Describe the pool of a region: up as long as one of its addresses is."""
    return {
        "name": f"{plan.scenario.scenario}-{region}",
        "description": f"cluster {plan.scenario.regions[region].cluster}",
        "enabled": True,
        "minimum_origins": 1,
        "monitor": refer("monitor", "regions"),
        "origins": _origins(plan, region),
        "origin_steering": {"policy": "random"},
    }


def _balancer(plan: Plan, host: _Host, refer: Refer) -> Document:
    """Describe the load balancer of a host name."""
    dns, others = plan.scenario.dns, _pools(host.listed.others, refer)
    return {
        "name": host.steering.host,
        "description": f"{plan.scenario.scenario}: steered by country",
        "enabled": True,
        "proxied": dns.spill_over,
        **({} if dns.spill_over else {"ttl": dns.ttl_s}),
        "steering_policy": "geo",
        "location_strategy": {"mode": "resolver_ip", "prefer_ecs": "geo"},
        "adaptive_routing": {"failover_across_pools": dns.spill_over},
        "session_affinity": "none",
        "default_pools": others,
        "fallback_pool": others[0],
        "country_pools": {
            country: _pools(rule.parts[0][1], refer)
            for country, rule in host.listed.countries.items()
            if isinstance(rule, Drawn)
        },
    }


def _pools(order: Order, refer: Refer) -> list[str]:
    """Refer to the pools of an order."""
    return [refer("pool", region) for region in order]


def _terraform(plan: Plan, hosts: Sequence[_Host]) -> Document:
    """Build the configuration; what the plan says is escaped, references are templates."""
    platform = platform_of(plan).cloudflare
    account, zone = {"account_id": platform.account_id}, {"zone_id": platform.zone_id}
    source = {
        "source": "cloudflare/cloudflare",
        "version": COMPONENTS["terraform-cloudflare"].version,
    }
    pools = {_label(region): _pool(plan, region, _marked) for region in active_regions(plan)}
    balancers = {_label(h.steering.host): _balancer(plan, h, _marked) for h in hosts}
    return {
        "terraform": {"required_providers": {"cloudflare": source}},
        "provider": {"cloudflare": {}},
        "resource": {
            "cloudflare_load_balancer_monitor": {"regions": _filled({**account, **_monitor(plan)})},
            "cloudflare_load_balancer_pool": _filled(
                {k: {**account, **v} for k, v in pools.items()}
            ),
            "cloudflare_load_balancer": _filled({k: {**zone, **v} for k, v in balancers.items()}),
        },
    }


def _label(name: str) -> str:
    """Name a resource: begins with a letter, and dots become underscores, which no name has.

    Examples
    --------
    >>> _label("api.company.com"), _label("taipei")
    ('at_api_company_com', 'at_taipei')
    """
    return f"at_{name.replace('.', '_')}"


def _marked(kind: str, name: str) -> str:
    """Mark a reference, so that it survives the escaping of everything else."""
    return f"\0{kind}\0{name}"


def _filled(value: object) -> object:
    """Escape all strings, and turn marks into references of Terraform."""
    if isinstance(value, str):
        if value.startswith("\0"):
            _, kind, name = value.split("\0")
            label = "regions" if kind == "monitor" else _label(name)
            return f"${{cloudflare_load_balancer_{kind}.{label}.id}}"
        return templates_escaped(value)
    if isinstance(value, Mapping):
        return {templates_escaped(key): _filled(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_filled(item) for item in value]
    return value


def _reference(kind: str, name: str) -> str:
    """Refer to an object that has no id yet."""
    return f"{kind}:{name}"


def _bodies(plan: Plan, hosts: Sequence[_Host]) -> list[Manifest]:
    """Write the bodies of the API's calls."""
    folder, regions = FOLDER / "api", active_regions(plan)
    references = [_reference("monitor", "regions"), *(_reference("pool", r) for r in regions)]
    return [
        Manifest(folder / "monitor.json", json_text(_monitor(plan))),
        *(
            Manifest(
                folder / "pools" / f"{region}.json", json_text(_pool(plan, region, _reference))
            )
            for region in regions
        ),
        *(
            Manifest(
                folder / "load-balancers" / f"{host.steering.host}.json",
                json_text(_balancer(plan, host, _reference)),
            )
            for host in hosts
        ),
        *id_files(folder, references),
    ]


def _pool_sets(plan: Plan, hosts: Sequence[_Host], states: Sequence[State]) -> list[Manifest]:
    """Write pool sets, and what they realise, where a country is divided."""
    bodies = {host.steering.host: _sets(host) for host in hosts}
    if not any(bodies.values()):
        return []
    rows = realised_rows(plan, [host.weighted for host in hosts], states)
    return [
        *(
            Manifest(FOLDER / "api" / "pool-sets" / f"{host}.json", json_text({"pool_sets": sets}))
            for host, sets in bodies.items()
            if sets
        ),
        Manifest(FOLDER / "realised-pool-sets.csv", realised_csv(rows)),
    ]


def _sets(host: _Host) -> list[Document]:
    """Describe a pool set for each divided country: a pool that is up is drawn by weight."""
    return [
        {
            "name": f"divided-{country}",
            "match": {"topology": {"countries": [country]}},
            "overrides": {
                "steering_policy": "random",
                "pools": _pools(tuple(region for region, _ in rule.weights), _reference),
                "pool_weights": {
                    _reference("pool", region): weight / HUNDREDTHS
                    for region, weight in rule.weights
                },
                "fallback_pool": _reference("pool", rule.rest[0]),
            },
        }
        for country, rule in host.weighted.countries.items()
        if isinstance(rule, _PoolSet)
    ]

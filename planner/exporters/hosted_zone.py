"""Route 53 by itself: geolocation, weights and failover as a tree of aliases, health checks."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import PurePosixPath

from planner.exporters.addresses import refuse_shared_names
from planner.exporters.geodns import (
    HTTPS_PORT,
    Check,
    active_regions,
    addresses,
    check_names,
    check_zone,
    facts,
    families,
)
from planner.exporters.json_files import id_files, json_text
from planner.exporters.realised import (
    Drawn,
    HostRules,
    realised_csv,
    realised_rows,
    whole_weights,
)
from planner.exporters.record_tree import LARGEST_WEIGHT, RecordTree
from planner.exporters.rendering import text
from planner.exporters.requirements import platform_of, require
from planner.exporters.steering import Order, host_steering, promised_states
from planner.model.manifest import Document, Manifest
from planner.model.plan import Plan

FOLDER = PurePosixPath("dns/route53")
MOST_CHANGES = 400
"""Changes in a batch: 1,000 record values are the limit, and an UPSERT counts twice."""

FAST_INTERVAL_S, INTERVAL_S = 10, 30
MOST_FAILURES = 10


def export_route53(plan: Plan) -> tuple[Manifest, ...]:
    """Return health checks and change batches for a hosted zone.

    A host name has a geolocation alias for each country and one for everybody else.  Behind it
    stands a failover pair for each order (deeper orders are chains of pairs), and where a country
    is divided, weighted aliases to such pairs.

    Parameters
    ----------
    plan : Plan
        What was decided; its platform knows hosted zone and health path.

    Returns
    -------
    tuple of Manifest
        ``dns/route53/...``: ``health-checks/``, ``changes-<n>.json``, ids, ``realised.csv``,
        README.

    Raises
    ------
    MissingInputs
        If the hosted zone or the health path is not known.
    UnfaithfulExport
        If a name is none, lies outside the zone, is too long, or stands in two hosts' trees.

    Notes
    -----
    Orders are as long as the promised states need.  With more losses than promised, an alias
    whose targets are all down is passed over for the answer of all other countries.
    """
    check_names(plan)
    check_zone(plan)
    require(plan, "route53", ["route53.zone_id", "route53.health_path"])
    states = promised_states(plan)
    depth = max(len(state.lost) for state in states) + 1
    hosts = [_rules(plan, name, depth) for name in plan.hosts]
    rows = realised_rows(plan, hosts, states)
    sets = _record_sets(plan, hosts, depth)
    checks = _checks(plan)
    batches = [sets[i : i + MOST_CHANGES] for i in range(0, len(sets), MOST_CHANGES)]
    return (
        *(Manifest(FOLDER / "health-checks" / f"{n}.json", json_text(c)) for n, c in checks),
        *_batches(plan, batches),
        *id_files(FOLDER, (_reference(name) for name, _ in checks)),
        Manifest(FOLDER / "realised.csv", realised_csv(rows)),
        Manifest(
            FOLDER / "README.md",
            text(
                "route53.md.j2",
                **facts(plan, hosts, states, rows),
                check=_check(plan),
                interval=_interval(plan),
                failures=_failures(plan),
                zone_id=platform_of(plan).route53.zone_id,
                batches=len(batches),
                checks=[name for name, _ in checks],
                depth=depth,
            ),
        ),
    )


def _rules(plan: Plan, name: str, depth: int) -> HostRules:
    """Draw each country's orders, cut to what promised states need."""
    steering = host_steering(plan, name)
    rules = {}
    for country, parts in steering.countries.items():
        shares: dict[Order, float] = {}
        for order, share in parts.items():
            shares[order[:depth]] = shares.get(order[:depth], 0.0) + share
        weights = whole_weights(shares, LARGEST_WEIGHT)
        rules[country] = Drawn(tuple((weight, order) for order, weight in weights))
    return HostRules(steering, rules, steering.main_order)


def _record_sets(plan: Plan, hosts: Sequence[HostRules], depth: int) -> list[Document]:
    """Build the record sets of all host names; no name may stand in two trees."""
    kinds = families(plan)
    trees = {h.host: [s for kind in kinds for s in _tree(plan, h, kind, depth)] for h in hosts}
    refuse_shared_names(
        {f"host '{host}'": [s["Name"].rstrip(".") for s in sets] for host, sets in trees.items()}
    )
    return [s for sets in trees.values() for s in sets]


def _tree(plan: Plan, host: HostRules, family: str, depth: int) -> tuple[Document, ...]:
    """Build the record sets of one host name and type."""
    references = {
        address: _reference(name)
        for name, region, address in _checked(plan)
        if address in addresses(plan, region, family)
    }
    tree = RecordTree(
        zone_id=str(platform_of(plan).route53.zone_id),
        host=host.host,
        family=family,
        ttl_s=plan.scenario.dns.ttl_s,
        addresses=lambda region: addresses(plan, region, family),
        check=references.__getitem__,
    )
    drawn = {c: rule for c, rule in host.countries.items() if isinstance(rule, Drawn)}
    tree.build(host, drawn, host.others[:depth])
    return tree.record_sets


def _batches(plan: Plan, batches: Sequence[Sequence[Document]]) -> list[Manifest]:
    """Write the inputs of the calls that change the zone."""
    name, zone_id = plan.scenario.scenario, platform_of(plan).route53.zone_id
    return [
        Manifest(
            FOLDER / f"changes-{i + 1}.json",
            json_text(
                {
                    "HostedZoneId": zone_id,
                    "ChangeBatch": {
                        "Comment": f"{name}, {i + 1} of {len(batches)}",
                        "Changes": [{"Action": "UPSERT", "ResourceRecordSet": s} for s in batch],
                    },
                }
            ),
        )
        for i, batch in enumerate(batches)
    ]


def _check(plan: Plan) -> Check:
    """Return what is asked of a region; all host names share it."""
    platform = platform_of(plan)
    host = next(iter(plan.hosts))
    return Check(host, str(platform.route53.health_path), platform.tls_secret is not None)


def _checked(plan: Plan) -> list[tuple[str, str, str]]:
    """List every address that is answered: name of its check, region, address."""
    return [
        (f"{region}-{kind.lower()}-{i + 1}", region, address)
        for region in active_regions(plan)
        for kind in families(plan)
        for i, address in enumerate(addresses(plan, region, kind))
    ]


def _checks(plan: Plan) -> list[tuple[str, Document]]:
    """Build the inputs of the calls that create health checks.

    The caller reference is a digest of the rest: the same check is created once, another anew.
    """
    found = []
    for name, _, address in _checked(plan):
        config = _config(plan, address)
        digest = sha256(json_text([plan.scenario.scenario, name, config]).encode()).hexdigest()
        reference = f"planner-{digest[:40]}"
        found.append((name, {"CallerReference": reference, "HealthCheckConfig": config}))
    return found


def _config(plan: Plan, address: str) -> Document:
    """Describe the check of one address."""
    check = _check(plan)
    return {
        "IPAddress": address,
        "Port": check.port,
        "Type": check.scheme.upper(),
        "ResourcePath": check.path,
        "FullyQualifiedDomainName": check.host,
        "RequestInterval": _interval(plan),
        "FailureThreshold": _failures(plan),
        "EnableSNI": check.port == HTTPS_PORT,
    }


def _interval(plan: Plan) -> int:
    """Return the nearest interval that is not slower than the plan's, if there is one."""
    return INTERVAL_S if plan.scenario.dns.check_interval_s >= INTERVAL_S else FAST_INTERVAL_S


def _failures(plan: Plan) -> int:
    """Return how many failures in a row are needed."""
    return min(plan.scenario.dns.check_failures, MOST_FAILURES)


def _reference(name: str) -> str:
    """Refer to a health check that has no id yet."""
    return f"health-check:{name}"

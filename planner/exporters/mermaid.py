"""Mermaid: the topology, and what happens when each region is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from planner.exporters import workload
from planner.exporters.mermaid_text import plain, quoted
from planner.exporters.monitoring import refuse_hostile_names
from planner.exporters.planned_series import detection_s, heirs
from planner.exporters.steering import host_steering
from planner.geo import fibre_floor_ms, great_circle_km
from planner.model.manifest import Manifest
from planner.model.plan import Plan
from planner.model.topology import Link

FOLDER = PurePosixPath("docs/diagrams")
MOST_ORIGINS = 12
"""Origins named in a group; the others are counted."""


def export_mermaid(plan: Plan) -> tuple[Manifest, ...]:
    """Return the topology and a sequence of events for the loss of each active region.

    Parameters
    ----------
    plan : Plan
        What was decided.

    Returns
    -------
    tuple of Manifest
        ``docs/diagrams/topology.mmd`` and ``docs/diagrams/failover-<region>.mmd``.

    Raises
    ------
    UnfaithfulExport
        If a name cannot stand in a path, or an order has no survivor.

    Notes
    -----
    A link whose round trip the scenario does not measure shows the least that light in fibre
    along the great circle takes: the tables from which the plan estimates it are not part of it.
    """
    refuse_hostile_names(plan)
    losses = plan.active_regions if len(plan.active_regions) > 1 else ()
    return (
        Manifest(FOLDER / "topology.mmd", _text(_topology(plan))),
        *(
            Manifest(FOLDER / f"failover-{region}.mmd", _text(_failover(plan, region)))
            for region in losses
        ),
    )


def _text(lines: Iterator[str]) -> str:
    """Join lines."""
    return "\n".join(lines) + "\n"


def _ids(plan: Plan) -> dict[str, str]:
    """Region to the identifier of its node; no name is one."""
    return {name: f"r{number}" for number, name in enumerate(plan.scenario.regions)}


def _name(plan: Plan, region: str) -> str:
    """Name of a region for people."""
    return plan.scenario.regions[region].name or region


def _topology(plan: Plan) -> Iterator[str]:
    """Draw regions, links, and the users of each region."""
    ids = _ids(plan)
    yield "flowchart TB"
    for region, node in ids.items():
        yield f"  {node}[{_region_label(plan, region)}]"
    for name, link in plan.scenario.links.items():
        ends = f"{ids[link.from_region]} ---|{quoted(_link_label(plan, name, link))}| "
        yield f"  {ends}{ids[link.to_region]}"
    for host, groups in _main_regions(plan).items():
        for region, origins in groups.items():
            node = f"o{list(plan.hosts).index(host)}_{ids[region]}"
            yield f"  {node}([{quoted(_origins_label(host, origins))}]) --> {ids[region]}"


def _region_label(plan: Plan, region: str) -> str:
    """Write a region's name, cluster and replicas, in three lines."""
    counts = [
        f"{plan.services[name].replicas.get(region, 0)} {name}"
        for name in workload.placed_services(plan)
    ]
    active = region in plan.active_regions
    parts = (
        _name(plan, region),
        plan.scenario.regions[region].cluster,
        ", ".join(counts) if active else "nothing runs here",
    )
    return '"' + "<br/>".join(plain(part) for part in parts) + '"'


def _link_label(plan: Plan, name: str, link: Link) -> str:
    """Write a link's name, round trip and capacity."""
    capacity = "" if link.capacity_gbps is None else f", {link.capacity_gbps:g} Gbit/s"
    return f"{name}: {_round_trip(plan, link)}{capacity}"


def _round_trip(plan: Plan, link: Link) -> str:
    """Write the measured round trip, else the least possible one."""
    near, far = link.from_region, link.to_region
    table = plan.scenario.rtt_ms
    measured = link.rtt_ms or table.get(near, {}).get(far) or table.get(far, {}).get(near)
    if measured is not None:
        return f"{measured:g} ms"
    a, b = plan.scenario.regions[near], plan.scenario.regions[far]
    km = great_circle_km(a.latitude_deg, a.longitude_deg, b.latitude_deg, b.longitude_deg)
    return f"≥ {float(fibre_floor_ms(km)):.0f} ms"


def _main_regions(plan: Plan) -> dict[str, dict[str, list[str]]]:
    """Host to region to the origins that it serves more of than any other region does."""
    found: dict[str, dict[str, list[str]]] = {}
    for host, origins in plan.hosts.items():
        groups: dict[str, list[str]] = {}
        for origin, parts in origins.items():
            shares: dict[str, float] = {}
            for part in parts:
                shares[part.order[0]] = shares.get(part.order[0], 0.0) + part.share
            groups.setdefault(max(shares, key=lambda region: shares[region]), []).append(origin)
        found[host] = groups
    return found


def _origins_label(host: str, origins: list[str]) -> str:
    """Write how many origins there are and the first of them."""
    rest = len(origins) - MOST_ORIGINS
    more = f" and {rest} more" if rest > 0 else ""
    noun = "origin" if len(origins) == 1 else "origins"
    return f"{host}: {len(origins)} {noun}, {', '.join(origins[:MOST_ORIGINS])}{more}"


def _failover(plan: Plan, lost: str) -> Iterator[str]:
    """Draw who notices the loss of a region, when, and who takes over."""
    ids, dns = _ids(plan), plan.scenario.dns
    yield "sequenceDiagram"
    yield "  participant U as Users"
    yield "  participant D as DNS"
    for region, node in ids.items():
        if region in plan.active_regions:
            yield f"  participant {node} as {plain(_name(plan, region))}"
    yield "  participant F as Federation"
    yield f"  Note over {ids[lost]}: lost"
    yield (f"  D-x{ids[lost]}: {dns.check_failures} checks fail, {dns.check_interval_s:g} s apart")
    yield f"  Note over D: noticed within {detection_s(plan):g} s"
    yield f"  D->>U: other answers after {dns.publication_s:g} s, old ones live {dns.ttl_s} s"
    yield from _takeovers(plan, lost, ids)
    yield from _control(plan, lost, ids)


def _takeovers(plan: Plan, lost: str, ids: dict[str, str]) -> Iterator[str]:
    """Draw where each host's users go; a balancer's routing is not in the plan."""
    if plan.steering == "adaptive":
        yield "  Note over U: a balancer routes anew"
        return
    for host in plan.hosts:
        for region, share in heirs(host_steering(plan, host).users, lost).items():
            yield f"  U->>{ids[region]}: {plain(f'{share:.1%} of its users of {host}')}"


def _control(plan: Plan, lost: str, ids: dict[str, str]) -> Iterator[str]:
    """Draw what the federation does about it."""
    federation = plan.scenario.federation
    name = {"kubefed": "KubeFed", "karmada": "Karmada"}[federation.controller]
    if lost != federation.host_region:
        yield f"  F->>F: {name} marks the cluster not ready"
        return
    yield f"  Note over F: {name} was hosted there"
    standby = federation.standby_region
    if standby is not None and standby in plan.active_regions:
        yield f"  F->>{ids[standby]}: control plane after {federation.takeover_s:g} s"
        yield f"  {ids[standby]}->>F: clusters joined {federation.rejoin_s:g} s later"

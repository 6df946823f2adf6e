"""The replay in plain loops: who serves whom, and what is lost, one request stream at a time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from math import inf, isinf

from planner.problem.arrays import Ints, Problem, Solution
from planner.units import KIB_BITS
from tests.oracles.packing import limit_holds

Loss = dict[str, dict[tuple[int, int, int, int], float]]
"""Cause to (state, service, origin, hour) to requests per second."""

CAUSES = (
    "no_region",
    "cut",
    "service",
    "inadmissible",
    "capacity",
    "path",
    "uplink",
    "home",
    "link",
)


@dataclass
class Replay:
    """What happened."""

    taken: dict[tuple[int, int, int, int, int], float] = field(
        default_factory=lambda: defaultdict(float)
    )
    """(state, service, origin, region, hour) to requests per second."""

    lost: Loss = field(default_factory=lambda: {name: defaultdict(float) for name in CAUSES})
    link_gbps: dict[tuple[int, int, int], float] = field(default_factory=lambda: defaultdict(float))
    """(state, link, hour) to what it is asked to carry."""

    replicas: dict[tuple[int, int, int], int] = field(default_factory=dict)
    """(state, service, region) to what runs."""


@dataclass
class Stream:
    """Part of an origin's requests for a service."""

    service: int
    origin: int
    order: list[int]
    rps: float
    place: int = -1
    refused: dict[str, float] = field(default_factory=dict)
    left: float = 0.0
    cut: bool = False


@dataclass
class Room:
    """What is left of limits in one state and hour."""

    capacity: dict[tuple[int, int], float] = field(default_factory=dict)
    uplink: dict[int, float] = field(default_factory=dict)
    bundle: dict[tuple[int, float], float] = field(default_factory=dict)


def replay(
    problem: Problem,
    solution: Solution,
    *,
    replicas: Ints | None = None,
    late_counts: bool = True,
    spill_over: bool = False,
    states: list[int] | None = None,
) -> Replay:
    """Return what each region takes of each origin, what is lost, and what links carry."""
    out = Replay()
    columns = columns_of(solution)
    for k in range(len(problem.axes.states)) if states is None else states:
        asked = solution.replicas if replicas is None else replicas[k]
        for r in range(len(problem.axes.regions)):
            for s, n in enumerate(survivors(problem, k, r, asked[:, r].tolist())):
                out.replicas[k, s, r] = n
        for h in range(len(problem.axes.hours)):
            _one_hour(problem, columns, out, (k, h), late_counts, spill_over)
    return out


def columns_of(solution: Solution) -> dict[tuple[int, int], list[tuple[list[int], float]]]:
    """Return orders and shares by host and origin."""
    columns = defaultdict(list)
    for c in range(len(solution.share)):
        order = [int(r) for r in solution.order[c] if r >= 0]
        at = int(solution.host[c]), int(solution.origin[c])
        columns[at].append((order, float(solution.share[c])))
    return columns


def survivors(problem: Problem, k: int, region: int, replicas: list[int]) -> list[int]:
    """Try every common factor at which a replica goes, from 1 downward."""
    conditions = problem.conditions
    if conditions is None or conditions.server_share is None:
        return replicas
    servers, whole = [], True
    for i in range(len(problem.pools.region)):
        if problem.pools.region[i] == region:
            share = float(conditions.server_share[k, i])
            whole = whole and share >= 1
            count = int(share * int(problem.pools.servers[i]) + 1e-9)
            pool = problem.pools
            servers += [
                (float(pool.cpu_cores[i]), float(pool.memory_gib[i]), float(pool.pods[i]))
            ] * count
    if whole:
        return replicas
    cpu, memory = problem.cpu_cores.tolist(), problem.memory_gib.tolist()
    factors = {j / n for n in replicas for j in range(1, n + 1)} | {0.0}
    for factor in sorted(factors, reverse=True):
        fewer = [int(factor * n + 1e-9) for n in replicas]
        if limit_holds(cpu, memory, [0] * len(fewer), fewer, servers):
            return fewer
    return [0] * len(replicas)


def _one_hour(
    problem: Problem,
    columns: dict[tuple[int, int], list[tuple[list[int], float]]],
    out: Replay,
    when: tuple[int, int],
    late_counts: bool,
    spill_over: bool,
) -> None:
    """Replay one state and hour."""
    k, h = when
    streams = _streams(problem, columns, k, h)
    if not late_counts:
        streams = _parted(problem, streams, k)
    room = _room(problem, out, k)
    served: dict[tuple[int, int, int], float] = defaultdict(float)
    offers = []
    for stream in streams:
        region = next((r for r in stream.order if problem.region_up[k, r]), None)
        cause = stops(problem, k, stream.service, stream.origin, region, late_counts)
        cause = "cut" if cause is None and stream.cut else cause
        stream.place = len(stream.order) if region is None else stream.order.index(region)
        stream.left = stream.rps
        if cause is None:
            offers.append((stream, region, stream.rps))
        elif stream.rps > 0:
            stream.refused[cause] = stream.rps
    _admit(problem, k, offers, room, served, first=True)
    while spill_over:
        offers = []
        for stream in streams:
            if stream.left > 0 and stream.refused:
                region = _next(problem, k, stream, late_counts)
                if region is not None:
                    offers.append((stream, region, stream.left))
        if not offers:
            break
        _admit(problem, k, offers, room, served, first=False)
    for stream in streams:
        turned = sum(stream.refused.values())
        for cause, rps in stream.refused.items():
            if rps > 0:
                lost = rps * stream.left / turned
                out.lost[cause][k, stream.service, stream.origin, h] += lost
    for (s, o, r), rps in served.items():
        out.taken[k, s, o, r, h] += rps
    _call_home(problem, out, when, served)


def _parted(problem: Problem, streams: list[Stream], k: int) -> list[Stream]:
    """Give those whose own path to the first region that is up is cut a stream of their own."""
    cut = None if problem.conditions is None else problem.conditions.cut_share
    if cut is None:
        return streams
    parts = []
    for stream in streams:
        region = next((r for r in stream.order if problem.region_up[k, r]), None)
        off = 0.0 if region is None else float(cut[k, stream.origin, region])
        parts.append(replace(stream, rps=stream.rps * (1 - off), refused={}))
        if off > 0:
            parts.append(replace(stream, rps=stream.rps * off, refused={}, cut=True))
    return parts


def _streams(
    problem: Problem,
    columns: dict[tuple[int, int], list[tuple[list[int], float]]],
    k: int,
    h: int,
) -> list[Stream]:
    """Split demand by shares; what they leave over has no order."""
    streams = []
    factor = None if problem.conditions is None else problem.conditions.demand_factor
    for s in range(len(problem.axes.services)):
        for o in range(len(problem.axes.origins)):
            rps = float(problem.demand_rps[s, o, h])
            if factor is not None:
                rps *= float(factor[k, s, o])
            rest = 1.0
            for order, share in columns.get((int(problem.host_of_service[s]), o), []):
                streams.append(Stream(s, o, order, rps * share))
                rest -= share
            if rest > 1e-9:
                streams.append(Stream(s, o, [], rps * rest))
    return streams


def _room(problem: Problem, out: Replay, k: int) -> Room:
    """Return the limits of a state."""
    room = Room()
    for r in range(len(problem.axes.regions)):
        room.uplink[r] = float(problem.uplink_gbps[r])
        for s in range(len(problem.axes.services)):
            most = float(problem.rps_per_replica[s, r]) * out.replicas[k, s, r]
            room.capacity[s, r] = most * problem.ceiling_emergency_share
    return room


def stops(
    problem: Problem, k: int, s: int, o: int, region: int | None, late_counts: bool
) -> str | None:
    """Return why a region does not serve an origin."""
    if region is None:
        return "no_region"
    conditions = problem.conditions
    if conditions is not None and not conditions.reachable[k, s].any():
        return "service"
    if isinf(problem.state_rtt_ms[k, o, region]):
        return "cut"
    if late_counts and not problem.state_admissible[k, s, o, region]:
        return "inadmissible"
    if conditions is not None:
        return None if conditions.reachable[k, s, o, region] else "inadmissible"
    ever = problem.admissible[s, o, region] or problem.state_admissible[:, s, o, region].any()
    return None if ever else "inadmissible"


def _next(problem: Problem, k: int, stream: Stream, late_counts: bool) -> int | None:
    """Go on to the next region of the order that is up and may serve."""
    for place in range(stream.place + 1, len(stream.order)):
        region = stream.order[place]
        stream.place = place
        if problem.region_up[k, region] and (
            stops(problem, k, stream.service, stream.origin, region, late_counts) is None
        ):
            return region
    stream.place = len(stream.order)
    return None


def _part(load: float, most: float) -> float:
    """Return the part of a load that a limit lets through."""
    return 1.0 if load <= most * (1 + 1e-6) else most / load


def _admit(
    problem: Problem,
    k: int,
    offers: list[tuple[Stream, int, float]],
    room: Room,
    served: dict[tuple[int, int, int], float],
    *,
    first: bool,
) -> None:
    """Turn away what exceeds replicas, then degraded paths, then the uplink."""
    load: dict[tuple[int, int], float] = defaultdict(float)
    for stream, r, rps in offers:
        load[stream.service, r] += rps
    inside, kept = [], defaultdict(float)
    for stream, r, rps in offers:
        part = _part(load[stream.service, r], room.capacity[stream.service, r])
        inside.append(rps * part)
        _refuse(stream, "capacity", rps * (1 - part), first)
        kept[stream.service, r] += rps * part
    share = None if problem.conditions is None else problem.conditions.uplink_share
    narrow: dict[tuple[int, float], float] = defaultdict(float)
    if share is not None:
        for (stream, r, _), rps in zip(offers, inside, strict=True):
            narrow[r, float(share[k, stream.origin, r])] += _gbps(problem, stream.service, rps)
        for i, (stream, r, _) in enumerate(offers):
            bundle = r, float(share[k, stream.origin, r])
            if bundle[1] < 1:
                most = room.bundle.get(bundle, bundle[1] * float(problem.uplink_gbps[r]))
                part = _part(narrow[bundle], most)
                _refuse(stream, "path", inside[i] * (1 - part), first)
                kept[stream.service, r] -= inside[i] * (1 - part)
                inside[i] *= part
        for bundle, gbps in narrow.items():
            most = room.bundle.get(bundle, bundle[1] * float(problem.uplink_gbps[bundle[0]]))
            room.bundle[bundle] = max(most - gbps * _part(gbps, most), 0.0)
    traffic: dict[int, float] = defaultdict(float)
    for (stream, r, _), rps in zip(offers, inside, strict=True):
        traffic[r] += _gbps(problem, stream.service, rps)
    for (stream, r, _), rps in zip(offers, inside, strict=True):
        part = _part(traffic[r], room.uplink[r])
        _refuse(stream, "uplink", rps * (1 - part), first)
        served[stream.service, stream.origin, r] += rps * part
        stream.left -= rps * part
    for (s, r), rps in kept.items():
        part = _part(traffic[r], room.uplink[r])
        room.capacity[s, r] = max(room.capacity[s, r] - rps * part, 0.0)
    for r, gbps in traffic.items():
        room.uplink[r] = max(room.uplink[r] - gbps * _part(gbps, room.uplink[r]), 0.0)


def _gbps(problem: Problem, s: int, rps: float) -> float:
    """Return traffic."""
    return rps * float(problem.payload_kib[s]) * KIB_BITS / 1e9


def _refuse(stream: Stream, cause: str, rps: float, first: bool) -> None:
    """Note what stopped a request first."""
    if first and rps > 0:
        stream.refused[cause] = stream.refused.get(cause, 0.0) + rps


def home_rtt(problem: Problem, k: int, s: int, r: int) -> float:
    """Return the round trip to the home region, inf where there is none."""
    home = int(problem.home_region[k, s])
    if home < 0:
        return inf
    if problem.state_region_rtt_ms is None:
        return float(problem.network.region_rtt_ms[r, home])
    return float(problem.state_region_rtt_ms[k, r, home])


def _call_home(
    problem: Problem,
    out: Replay,
    when: tuple[int, int],
    served: dict[tuple[int, int, int], float],
) -> None:
    """Send the home calls over the tunnels, and lose those that find none or too little room."""
    k, h = when
    tunnels = None if problem.conditions is None else problem.conditions.tunnels
    walked = []
    for (s, o, r), rps in served.items():
        calls = float(problem.home_share[s]) * rps
        if calls <= 0:
            continue
        if isinf(home_rtt(problem, k, s, r)):
            out.lost["home"][k, s, o, h] += calls
            continue
        at, path = r, []
        while tunnels is not None and at != problem.home_region[k, s]:
            chosen = tunnels.way_link if path else tunnels.next_link
            link = int(chosen[k, at, problem.home_region[k, s]])
            if link < 0:
                break
            path.append(link)
            at = int(tunnels.ends[link].sum()) - at
            out.link_gbps[k, link, h] += _gbps(problem, s, calls)
        walked.append((s, o, calls, path))
    for s, o, calls, path in walked:
        part = 1.0
        for link in path:
            most = float(tunnels.capacity_gbps[k, link])
            part = min(part, _part(out.link_gbps[k, link, h], most))
        out.lost["link"][k, s, o, h] += calls * (1 - part)

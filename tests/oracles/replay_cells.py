"""The replay as a loop over all axes, as one writes it first: every cell of S × O × R is visited.

Static steering without conditions; queues are M/M/c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.problem.arrays import Floats, Problem, Solution
from planner.units import KIB_BITS
from tests.oracles.means_loop import mean_wait_ms, network_ms


@dataclass
class Cells:
    """What happens in one state."""

    carried_rps: Floats
    """(S, O, R, H)."""

    lost_rps: dict[str, Floats]
    """Cause to (S, O, H), home calls not among them."""

    origin_ms: Floats
    region_ms: Floats
    """Means, (S, O) and (S, R); NaN where nobody is served."""


def replay_state(problem: Problem, solution: Solution, k: int) -> Cells:
    """Load the regions, shed, and take means, cell by cell."""
    services, origins, regions = problem.latency_ms.shape
    hours = problem.demand_rps.shape[2]
    sent = _sent(problem, solution, k)
    carried = np.zeros((services, origins, regions, hours))
    causes = ("elsewhere", "capacity", "uplink")
    lost = {cause: np.zeros((services, origins, hours)) for cause in causes}
    by_origin, by_region = np.zeros((2, services, origins)), np.zeros((2, services, regions))
    for h in range(hours):
        load = np.zeros((services, regions))
        for s in range(services):
            for o in range(origins):
                for r in range(regions):
                    load[s, r] += problem.demand_rps[s, o, h] * sent[s, o, r]
        taken, through = _parts(problem, solution, k, load)
        for s in range(services):
            for o in range(origins):
                rps = problem.demand_rps[s, o, h]
                lost["elsewhere"][s, o, h] = rps * (1 - sent[s, o].sum())
                for r in range(regions):
                    arrived = rps * sent[s, o, r]
                    inside = arrived * taken[s, r]
                    carried[s, o, r, h] = inside * through[r]
                    lost["capacity"][s, o, h] += arrived - inside
                    lost["uplink"][s, o, h] += inside - carried[s, o, r, h]
        for s in range(services):
            service_ms = float(problem.queue.service_time_ms[s])
            for r in range(regions):
                servers = int(solution.replicas[s, r] * problem.queue.workers_per_replica[s])
                busy = float(load[s, r] * taken[s, r] * through[r])
                if busy <= 0:
                    continue
                sojourn = mean_wait_ms(servers, busy, service_ms) + service_ms
                for o in range(origins):
                    rps = carried[s, o, r, h]
                    if rps > 0:
                        took = network_ms(problem, k, s, o, r) + sojourn
                        by_origin[:, s, o] += rps * took, rps
                        by_region[:, s, r] += rps * took, rps
    return Cells(carried, lost, _ratio(by_origin), _ratio(by_region))


def _ratio(sums: Floats) -> Floats:
    """Return time over requests."""
    none = np.full_like(sums[0], np.nan)
    mean: Floats = np.divide(sums[0], sums[1], out=none, where=sums[1] > 0)
    return mean


def _sent(problem: Problem, solution: Solution, k: int) -> Floats:
    """Follow every share to its first region that is up, where it may be served."""
    sent = np.zeros(problem.latency_ms.shape)
    for c in range(len(solution.share)):
        up = [r for r in solution.order[c] if r >= 0 and problem.region_up[k, r]]
        o = solution.origin[c]
        if not up or np.isinf(problem.state_rtt_ms[k, o, up[0]]):
            continue
        for s in range(len(sent)):
            mine = problem.host_of_service[s] == solution.host[c]
            if mine and problem.state_admissible[k, s, o, up[0]]:
                sent[s, o, up[0]] += solution.share[c]
    return sent


def _parts(problem: Problem, solution: Solution, k: int, load: Floats) -> tuple[Floats, Floats]:
    """Return the parts that replicas (S, R) and uplinks (R,) let through."""
    taken, through = np.ones_like(load), np.ones(load.shape[1])
    for r in range(load.shape[1]):
        gbps = 0.0
        for s in range(load.shape[0]):
            most = problem.rps_per_replica[s, r] * solution.replicas[s, r]
            most *= problem.ceiling_emergency_share * problem.region_up[k, r]
            if load[s, r] > most * (1 + 1e-6):
                taken[s, r] = most / load[s, r]
            gbps += load[s, r] * taken[s, r] * problem.payload_kib[s] * KIB_BITS / 1e9
        if gbps > problem.uplink_gbps[r] * (1 + 1e-6):
            through[r] = problem.uplink_gbps[r] / gbps
    return taken, through

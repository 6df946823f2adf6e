"""The replay in plain loops: who serves whom, and what is lost, one request stream at a time."""

from __future__ import annotations

from collections import defaultdict

from planner.problem.arrays import Problem, Solution
from planner.units import KIB_BITS

Loss = dict[str, dict[tuple[int, int, int, int], float]]
"""Cause to (state, service, origin, hour) to requests per second."""


def replay(
    problem: Problem, solution: Solution
) -> tuple[dict[tuple[int, int, int, int, int], float], Loss]:
    """Return what each region takes of each origin, by (state, service, origin, region, hour)."""
    taken: dict[tuple[int, int, int, int, int], float] = defaultdict(float)
    lost: Loss = {
        name: defaultdict(float)
        for name in ("no_region", "inadmissible", "capacity", "uplink", "home")
    }
    for k in range(len(problem.axes.states)):
        for h in range(len(problem.axes.hours)):
            sent = _sent(problem, solution, k, h, lost)
            for (s, o, r), rps in _admitted(problem, solution, k, h, sent, lost).items():
                taken[k, s, o, r, h] += rps
                if problem.home_share[s] > 0 and problem.home_region[k, s] < 0:
                    lost["home"][k, s, o, h] += float(problem.home_share[s]) * rps
    return taken, lost


def _sent(
    problem: Problem, solution: Solution, k: int, h: int, lost: Loss
) -> dict[tuple[int, int, int], float]:
    """Follow every share to its first region that is up."""
    sent: dict[tuple[int, int, int], float] = defaultdict(float)
    for s in range(len(problem.axes.services)):
        for o in range(len(problem.axes.origins)):
            rps = float(problem.demand_rps[s, o, h])
            for c in range(len(solution.share)):
                mine = solution.host[c] == problem.host_of_service[s] and solution.origin[c] == o
                if not mine:
                    continue
                part = rps * float(solution.share[c])
                up = [int(r) for r in solution.order[c] if r >= 0 and problem.region_up[k, r]]
                if not up:
                    lost["no_region"][k, s, o, h] += part
                elif not problem.state_admissible[k, s, o, up[0]]:
                    lost["inadmissible"][k, s, o, h] += part
                else:
                    sent[s, o, up[0]] += part
    return sent


def _admitted(
    problem: Problem,
    solution: Solution,
    k: int,
    h: int,
    sent: dict[tuple[int, int, int], float],
    lost: Loss,
) -> dict[tuple[int, int, int], float]:
    """Turn away what exceeds the emergency capacity, then what exceeds the uplink."""
    load: dict[tuple[int, int], float] = defaultdict(float)
    for (s, _, r), rps in sent.items():
        load[s, r] += rps
    inside = {}
    for (s, o, r), rps in sent.items():
        most = float(problem.rps_per_replica[s, r]) * float(solution.replicas[s, r])
        most *= problem.ceiling_emergency_share
        part = 1.0 if load[s, r] <= most * (1 + 1e-6) else most / load[s, r]
        inside[s, o, r] = rps * part
        lost["capacity"][k, s, o, h] += rps * (1 - part)
    gbps: dict[int, float] = defaultdict(float)
    for (s, _, r), rps in inside.items():
        gbps[r] += rps * float(problem.payload_kib[s]) * KIB_BITS / 1e9
    for (s, o, r), rps in inside.items():
        most = float(problem.uplink_gbps[r])
        part = 1.0 if gbps[r] <= most * (1 + 1e-6) else most / gbps[r]
        inside[s, o, r] = rps * part
        lost["uplink"][k, s, o, h] += rps * (1 - part)
    return inside

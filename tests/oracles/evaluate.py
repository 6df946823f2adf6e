"""Judge a static solution in plain loops: what it costs and which promises it breaks."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

from planner.problem.arrays import Problem, Solution
from planner.units import KIB_BITS
from tests.oracles.packing import region_fits
from tests.oracles.static_columns import called_pairs, columns_of, lost_usd_per_rps

TOLERANCE = 1e-6


def evaluate(problem: Problem, solution: Solution) -> tuple[float, list[str]]:
    """Return the objective, US dollars a month, and a sentence for each violation."""
    faults = _replica_faults(problem, solution)
    steering_usd, carried, steering_faults = _steer(problem, solution)
    lost_usd, load_faults = _loads(problem, solution, carried)
    replicas_usd = 0.0
    for r in range(len(problem.axes.regions)):
        if any(solution.replicas[:, r] > 0):
            replicas_usd += float(problem.fixed_cost_usd_month[r])
        for s in range(len(problem.axes.services)):
            replicas_usd += float(problem.cost_usd_month[s, r] * solution.replicas[s, r])
    return replicas_usd + steering_usd + lost_usd, faults + steering_faults + load_faults


def _replica_faults(problem: Problem, solution: Solution) -> list[str]:
    """Check bounds, pins and packing."""
    faults = []
    for r in range(len(problem.axes.regions)):
        for s in range(len(problem.axes.services)):
            n = int(solution.replicas[s, r])
            low, high = int(problem.min_replicas[s, r]), int(problem.max_replicas[s, r])
            if n < 0 or (n > 0 and not low <= n <= high):
                faults.append(f"s{s} in r{r}: {n} replicas outside {low} to {high}")
            if problem.pinned[s, r] and n < 1:
                faults.append(f"s{s} in r{r}: pinned but not running")
        if not region_fits(problem, r, solution.replicas[:, r].tolist()):
            faults.append(f"r{r}: the pods do not fit")
    return faults


def _steer(
    problem: Problem, solution: Solution
) -> tuple[float, dict[tuple[int, int, int, int], float], list[str]]:
    """Check shares and orders; return their cost and what every region carries."""
    faults, usd = [], 0.0
    carried: dict[tuple[int, int, int, int], float] = defaultdict(float)
    followed: dict[tuple[int, int], list[tuple[tuple[int, ...], float]]] = defaultdict(list)
    for host, origin, order, share in zip(
        solution.host, solution.origin, solution.order, solution.share, strict=True
    ):
        regions = tuple(int(r) for r in order if r >= 0)
        followed[int(host), int(origin)].append((regions, float(share)))
    for host, origin, services in called_pairs(problem):
        valid = {c.order: c for c in columns_of(problem, host, origin, services)}
        parts = followed.pop((host, origin), [])
        total = sum(share for _, share in parts)
        if abs(total - 1) > TOLERANCE:
            faults.append(f"h{host} o{origin}: shares sum to {total}")
        for regions, share in parts:
            if share < 0 or (not problem.split_origins and abs(share - round(share)) > TOLERANCE):
                faults.append(f"h{host} o{origin}: share {share}")
            if regions not in valid:
                faults.append(f"h{host} o{origin}: order {regions} keeps not every promise")
                continue
            column = valid[regions]
            usd += share * column.cost_usd
            for (k, row), h in product(enumerate(column.serves), range(len(problem.axes.hours))):
                for s, r in zip(services, row, strict=True):
                    if r is not None:
                        carried[k, s, r, h] += share * float(problem.demand_rps[s, origin, h])
    faults += [f"h{h} o{o}: shares without demand" for (h, o), parts in followed.items() if parts]
    return usd, carried, faults


def _loads(
    problem: Problem, solution: Solution, carried: dict[tuple[int, int, int, int], float]
) -> tuple[float, list[str]]:
    """Check capacity and uplinks in promised states; price what exceeds it in the others."""
    faults, usd = [], 0.0
    gbps: dict[tuple[int, int, int], float] = defaultdict(float)
    for (k, s, r, h), load in carried.items():
        ceiling = problem.ceiling_normal_share if k == 0 else problem.ceiling_emergency_share
        capacity = float(problem.rps_per_replica[s, r] * ceiling * solution.replicas[s, r])
        gbps[k, r, h] += load * float(problem.payload_kib[s]) * KIB_BITS / 1e9
        if problem.must_survive[k] and load > capacity * (1 + TOLERANCE) + 1e-9:
            faults.append(f"state {k} s{s} r{r} hour {h}: {load} rps on {capacity}")
        if not problem.must_survive[k]:
            excess = max(load - capacity, 0.0)
            usd += lost_usd_per_rps(problem, k) * excess / len(problem.axes.hours)
    for (k, r, h), used in gbps.items():
        if problem.must_survive[k] and used > problem.uplink_gbps[r] * (1 + TOLERANCE):
            faults.append(f"state {k} r{r} hour {h}: {used} Gbit/s on {problem.uplink_gbps[r]}")
    return usd, faults

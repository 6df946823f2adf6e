"""Cost of replicas under a demand and the least regret, every state and hour written out."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from planner.problem.arrays import Ints, Problem
from planner.units import KIB_BITS
from tests.oracles.brute_force import _vectors
from tests.oracles.extensive_form import Program, _write_replicas
from tests.oracles.static_columns import (
    SECONDS_PER_MONTH,
    called_pairs,
    columns_of,
    lost_usd_per_rps,
)

Terms = list[tuple[int, float]]


def cost_usd(
    problem: Problem, price: float, replicas: Ints | None = None, *, kept: bool = False
) -> float:
    """Return what replicas cost under the problem's demand; the best ones without any."""
    program = Program()
    counts = _write_replicas(program, problem)
    if replicas is not None:
        for at, count in np.ndenumerate(replicas):
            program.row([(int(counts[at]), 1.0)], float(count), float(count))
    for column, usd in _write_demand(program, problem, counts, price, kept=kept):
        program.cost[column] += usd
    return _solved(program)


def least_regret(problems: list[Problem], price: float) -> float:
    """Return the least regret as one program with integers."""
    best = [cost_usd(problem, price, kept=j == 0) for j, problem in enumerate(problems)]
    program = Program()
    counts = _write_replicas(program, problems[0])
    bought = list(enumerate(program.cost))
    program.cost = [0.0] * len(program.cost)
    regret = program.variable(1.0)
    for j, (problem, usd) in enumerate(zip(problems, best, strict=True)):
        terms = _write_demand(program, problem, counts, price, kept=j == 0)
        program.row([*bought, *terms, (regret, -1.0)], -np.inf, usd)
    return _solved(program)


def least_regret_by_force(problems: list[Problem], price: float) -> float:
    """Return the least regret over every vector of replicas that keeps the first's promises."""
    best = [cost_usd(problem, price, kept=j == 0) for j, problem in enumerate(problems)]
    values = [np.inf]
    for _, replicas in _vectors(problems[0]):
        first = cost_usd(problems[0], price, replicas, kept=True)
        if np.isfinite(first):
            costs = [first, *(cost_usd(problem, price, replicas) for problem in problems[1:])]
            values.append(max(c - b for c, b in zip(costs, best, strict=True)))
    return min(values)


def _write_demand(
    program: Program, problem: Problem, replicas: Ints, price: float, *, kept: bool = False
) -> Terms:
    """Write shares and what is turned away; return what costs money."""
    terms: Terms = []
    carried: dict[tuple[int, int, int, int], Terms] = {}
    hours = len(problem.axes.hours)
    for host, origin, services in called_pairs(problem):
        part = []
        for column in columns_of(problem, host, origin, services):
            share = program.variable(0.0, 0, 1, integer=not problem.split_origins)
            part.append((share, 1.0))
            terms.append((share, column.cost_usd))
            for (k, row), h in product(enumerate(column.serves), problem.axes.hours):
                for s, r in zip(services, row, strict=True):
                    if r is not None:
                        rps = float(problem.demand_rps[s, origin, h])
                        carried.setdefault((k, s, r, h), []).append((share, rps))
        program.row(part, 1, 1)
    worst = program.variable(0.0, 0.0, 0.0 if kept else np.inf)
    terms.append((worst, price * SECONDS_PER_MONTH))
    for k, promised in enumerate(problem.must_survive):
        ceiling = problem.ceiling_normal_share if k == 0 else problem.ceiling_emergency_share
        away: Terms = []
        for r, h in product(range(len(problem.axes.regions)), problem.axes.hours):
            traffic: Terms = []
            for s in range(len(problem.axes.services)):
                load = carried.get((k, s, r, h), [])
                each = problem.rps_per_replica[s, r] * ceiling * problem.region_up[k, r]
                shed = program.variable(0.0)
                away.append((shed, 1 / hours))
                program.row([*load, (shed, -1.0), (int(replicas[s, r]), -each)], -np.inf, 0)
                program.row([(shed, 1.0), *((c, -rps) for c, rps in load)], -np.inf, 0)
                gbps = float(problem.payload_kib[s]) * KIB_BITS / 1e9
                traffic += [(c, rps * gbps) for c, rps in load] + [(shed, -gbps)]
            if promised:
                program.row(traffic, -np.inf, problem.uplink_gbps[r])
        if promised:
            program.row([*away, (worst, -1.0)], -np.inf, 0)
        else:
            terms += [(c, part * lost_usd_per_rps(problem, k)) for c, part in away]
    return terms


def _solved(program: Program) -> float:
    """Return the optimum, infinity where nothing is feasible."""
    found = milp(
        program.cost,
        integrality=program.integer,
        bounds=Bounds(program.lower, program.upper),
        constraints=LinearConstraint(program.matrix(), program.row_lower, program.row_upper),
        options={"mip_rel_gap": 1e-9},
    )
    if found.status == 2:
        return np.inf
    assert found.status == 0, found.message
    return float(found.fun)

"""The least conditional value at risk within a budget as one MILP, every state written out."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from planner.problem.arrays import Floats, Problem
from planner.units import KIB_BITS
from tests.oracles.extensive_form import Program, _write_replicas
from tests.oracles.static_columns import called_pairs, columns_of


def tail_by_search(loss: Floats, probability: Floats, beta: float) -> float:
    """Return the conditional value at risk as the least over every candidate of alpha."""
    return min(
        alpha + float(probability @ np.maximum(loss - alpha, 0.0)) / (1 - beta)
        for alpha in [0.0, *loss.tolist()]
    )


def least_tail(problem: Problem, beta: float, budget_usd_month: float) -> float:
    """Return the least tail, the states left out losing everything; infinity if infeasible."""
    program = Program()
    replicas = _write_replicas(program, problem)
    program.row(list(enumerate(program.cost)), -np.inf, budget_usd_month)
    program.cost = [0.0] * len(program.cost)
    missing = 1.0 - float(problem.state_probability.sum())
    alpha = program.variable(1 - missing / (1 - beta), 0, 1)
    total = float(problem.demand_rps.sum())
    carried: dict[tuple[int, int, int, int], list[tuple[int, float]]] = {}
    lost: dict[int, list[tuple[int, float]]] = {}
    for host, origin, services in called_pairs(problem):
        columns = columns_of(problem, host, origin, services)
        if not columns:
            return np.inf
        shares = []
        for column in columns:
            share = program.variable(0.0, 0, 1, integer=not problem.split_origins)
            shares.append((share, 1.0))
            for k, row in enumerate(column.serves):
                for h, (s, r) in product(problem.axes.hours, zip(services, row, strict=True)):
                    rps = float(problem.demand_rps[s, origin, h])
                    if r is None:
                        lost.setdefault(k, []).append((share, rps / total))
                    else:
                        carried.setdefault((k, s, r, h), []).append((share, rps))
        program.row(shares, 1, 1)
    for k, promised in enumerate(problem.must_survive):
        ceiling = problem.ceiling_normal_share if k == 0 else problem.ceiling_emergency_share
        for r, h in product(range(len(problem.axes.regions)), problem.axes.hours):
            traffic: list[tuple[int, float]] = []
            for s in range(len(problem.axes.services)):
                load = carried.get((k, s, r, h), [])
                each = problem.rps_per_replica[s, r] * ceiling * problem.region_up[k, r]
                row = [*load, (int(replicas[s, r]), -float(each))]
                if not promised:
                    spill = program.variable(0.0)
                    row.append((spill, -1.0))
                    lost.setdefault(k, []).append((spill, 1 / total))
                program.row(row, -np.inf, 0)
                gbps = float(problem.payload_kib[s]) * KIB_BITS / 1e9
                traffic += [(j, rps * gbps) for j, rps in load]
            if promised:
                program.row(traffic, -np.inf, problem.uplink_gbps[r])
        if not promised:
            beyond = program.variable(float(problem.state_probability[k]) / (1 - beta))
            program.row([*lost.get(k, []), (beyond, -1.0), (alpha, -1.0)], -np.inf, 0)
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
    return float(found.fun) + missing / (1 - beta)

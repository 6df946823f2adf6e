"""The whole problem as one MILP with every state and hour written out, solved by SciPy's HiGHS."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from planner.problem.arrays import Floats, Ints, Problem
from planner.units import KIB_BITS
from tests.oracles.packing import servers_of
from tests.oracles.static_columns import called_pairs, columns_of, lost_usd_per_rps


class Program:
    """Variables and rows as they are written down."""

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.integer: list[int] = []
        self.entries: list[tuple[int, int, float]] = []
        self.row_lower: list[float] = []
        self.row_upper: list[float] = []

    def variable(
        self, cost: float, lower: float = 0.0, upper: float = np.inf, *, integer: bool = False
    ) -> int:
        """Append a variable and return its index."""
        self.cost.append(float(cost))
        self.lower.append(float(lower))
        self.upper.append(float(upper))
        self.integer.append(int(integer))
        return len(self.cost) - 1

    def row(self, terms: list[tuple[int, float]], lower: float, upper: float) -> None:
        """Append ``lower ≤ Σ value · variable ≤ upper``."""
        self.entries += [(len(self.row_lower), j, float(value)) for j, value in terms]
        self.row_lower.append(float(lower))
        self.row_upper.append(float(upper))

    def matrix(self) -> csr_array:
        """Return the rows as a sparse matrix; entries of the same place add up."""
        shape = (len(self.row_lower), len(self.cost))
        if not self.entries:
            return csr_array(shape)
        row, column, value = zip(*self.entries, strict=True)
        return csr_array((value, (row, column)), shape=shape)


def solve(problem: Problem, *, time_limit_s: float = np.inf) -> tuple[float, Ints | None]:
    """Return the least objective and its replicas; infinity and None where nothing is feasible."""
    program = Program()
    replicas = _write_replicas(program, problem)
    if problem.steering == "static":
        if not _write_static(program, problem, replicas):
            return np.inf, None
    else:
        _write_adaptive(program, problem, replicas)
    rows = LinearConstraint(program.matrix(), program.row_lower, program.row_upper)
    options = {"mip_rel_gap": 1e-9}
    if np.isfinite(time_limit_s):
        options["time_limit"] = time_limit_s
    found = milp(
        program.cost,
        integrality=program.integer,
        bounds=Bounds(program.lower, program.upper),
        constraints=rows,
        options=options,
    )
    if found.status == 2:
        return np.inf, None
    assert found.status == 0, found.message
    return _polished(program, found.x), np.rint(found.x[replicas]).astype(np.int64)


def _polished(program: Program, x: Floats) -> float:
    """Fix the integers at whole numbers and solve the rest again, to lose no digits."""
    whole = np.array(program.integer, dtype=bool)
    lower = np.where(whole, np.rint(x), program.lower)
    upper = np.where(whole, np.rint(x), program.upper)
    matrix, low, high = program.matrix(), np.array(program.row_lower), np.array(program.row_upper)
    equal = low == high
    inner = csr_array(matrix[np.flatnonzero(~equal)])
    stacked, limit = [], []
    for sign, side in ((1.0, high[~equal]), (-1.0, low[~equal])):
        finite = np.flatnonzero(np.isfinite(side))
        stacked.append((sign * inner[finite]).toarray())
        limit.append(sign * side[finite])
    found = linprog(
        program.cost,
        np.vstack(stacked),
        np.concatenate(limit),
        matrix[np.flatnonzero(equal)].toarray() if equal.any() else None,
        high[equal] if equal.any() else None,
        bounds=np.column_stack([lower, upper]),
        method="highs",
    )
    assert found.status == 0, "whole numbers near the solver's point are infeasible"
    return float(found.fun)


def _write_replicas(program: Program, problem: Problem) -> Ints:
    """Write replicas, where a service runs, active regions, bounds and packing."""
    services, regions = range(len(problem.axes.services)), range(len(problem.axes.regions))
    n = np.zeros((len(services), len(regions)), dtype=np.int64)
    runs = np.zeros_like(n)
    for r in regions:
        active = program.variable(problem.fixed_cost_usd_month[r], 0, 1, integer=True)
        for s in services:
            low, high = int(problem.min_replicas[s, r]), int(problem.max_replicas[s, r])
            may = float(high >= max(low, 1))
            must = float(problem.pinned[s, r])
            n[s, r] = program.variable(problem.cost_usd_month[s, r], 0, high, integer=True)
            runs[s, r] = program.variable(0.0, must, max(may, must), integer=True)
            program.row([(n[s, r], 1), (runs[s, r], -max(low, 1))], 0, np.inf)
            program.row([(n[s, r], 1), (runs[s, r], -high)], -np.inf, 0)
            program.row([(runs[s, r], 1), (active, -1)], -np.inf, 0)
        for s in services:
            _write_packing(program, problem, n[:, r], runs[:, r], r, s)
    return n


def _write_packing(
    program: Program, problem: Problem, n: Ints, runs: Ints, region: int, last: int
) -> None:
    """Write the packing limit with `last` arriving last, void where it does not run."""
    servers = servers_of(problem, region)
    cpu, memory, surge = problem.cpu_cores, problem.memory_gib, problem.surge_replicas
    free = [
        (
            max(c - cpu[last], cpu.min()) if c >= cpu[last] else 0.0,
            max(m - memory[last], memory.min()) if m >= memory[last] else 0.0,
            q,
        )
        for c, m, q in servers
    ]
    most = [max((each[i] for each in free), default=0.0) for i in range(3)]
    room = 0.0
    if min(most) > 0:
        room = sum(min(each[i] / most[i] for i in range(3)) for each in free)
    if room <= 0:
        program.row([(int(runs[last]), 1.0)], 0, 0)
        return
    weight = cpu / most[0] + memory / most[1] + 1 / most[2]
    slack = float(weight @ (problem.max_replicas[:, region] + surge))
    terms = [(int(n[t]), weight[t]) for t in range(len(weight))]
    terms += [(int(runs[t]), weight[t] * surge[t]) for t in range(len(weight))]
    terms.append((int(runs[last]), slack))
    program.row(terms, -np.inf, room + weight[last] + slack + 1e-9)


def _write_static(program: Program, problem: Problem, replicas: Ints) -> bool:
    """Write all columns and the loads of every state and hour; False where none can exist."""
    carried: dict[tuple[int, int, int, int], list[tuple[int, float]]] = {}
    for host, origin, services in called_pairs(problem):
        columns = columns_of(problem, host, origin, services)
        if not columns:
            return False
        part = []
        for column in columns:
            share = program.variable(column.cost_usd, 0, 1, integer=not problem.split_origins)
            part.append((share, 1.0))
            for (k, row), h in product(enumerate(column.serves), problem.axes.hours):
                for s, r in zip(services, row, strict=True):
                    if r is not None:
                        rps = float(problem.demand_rps[s, origin, h])
                        carried.setdefault((k, s, r, h), []).append((share, rps))
        program.row(part, 1, 1)
    for k, h, r in product(*_ranges(problem)):
        everything: list[tuple[int, float]] = []
        for s in range(len(problem.axes.services)):
            load = carried.get((k, s, r, h), [])
            everything += [(j, rps * _gbps_per_rps(problem, s)) for j, rps in load]
            spill = []
            if not problem.must_survive[k]:
                usd = lost_usd_per_rps(problem, k) / len(problem.axes.hours)
                spill = [(program.variable(usd), -1.0)]
            program.row(load + spill + _supply(problem, k, s, r, replicas), -np.inf, 0)
        if problem.must_survive[k]:
            program.row(everything, -np.inf, problem.uplink_gbps[r])
    return True


def _write_adaptive(program: Program, problem: Problem, replicas: Ints) -> None:
    """Write one copy of the flows for every state and hour."""
    total = float(problem.demand_rps.sum())
    services, origins = range(len(problem.axes.services)), range(len(problem.axes.origins))
    states, hours, regions = _ranges(problem)
    for k, h in product(states, hours):
        arriving: dict[tuple[int, int], list[tuple[int, float]]] = {}
        for s, o in product(services, origins):
            rps = float(problem.demand_rps[s, o, h])
            leaving = []
            for r in regions:
                if problem.state_admissible[k, s, o, r]:
                    near = problem.usd_per_ms * problem.latency_ms[s, o, r] / total
                    flow = program.variable(near if k == 0 else 0.0)
                    leaving.append((flow, 1.0))
                    arriving.setdefault((s, r), []).append((flow, 1.0))
            if not problem.must_survive[k]:
                usd = lost_usd_per_rps(problem, k) / len(problem.axes.hours)
                leaving.append((program.variable(usd), 1.0))
            program.row(leaving, rps, rps)
        for r in regions:
            everything = []
            for s in services:
                load = arriving.get((s, r), [])
                program.row(load + _supply(problem, k, s, r, replicas), -np.inf, 0)
                everything += [(j, _gbps_per_rps(problem, s)) for j, _ in load]
            if problem.must_survive[k]:
                program.row(everything, -np.inf, problem.uplink_gbps[r])


def _ranges(problem: Problem) -> tuple[range, range, range]:
    """Return states, hours and regions."""
    axes = problem.axes
    return range(len(axes.states)), range(len(axes.hours)), range(len(axes.regions))


def _supply(problem: Problem, k: int, s: int, r: int, replicas: Ints) -> list[tuple[int, float]]:
    """Return the negative capacity of a region in a state, as terms."""
    ceiling = problem.ceiling_normal_share if k == 0 else problem.ceiling_emergency_share
    each = problem.rps_per_replica[s, r] * ceiling * problem.region_up[k, r]
    return [(int(replicas[s, r]), -float(each))]


def _gbps_per_rps(problem: Problem, service: int) -> float:
    """Return the Gbit/s of one request per second."""
    return float(problem.payload_kib[service]) * KIB_BITS / 1e9

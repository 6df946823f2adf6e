"""The optimum by trying every vector of replicas, the best steering of each by small LPs.

Vectors come cheapest first; the search ends when even free steering could not beat the incumbent.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from planner.problem.arrays import Floats, Ints, Problem
from planner.units import KIB_BITS
from tests.oracles.packing import region_fits
from tests.oracles.static_columns import Column, called_pairs, columns_of, lost_usd_per_rps

LARGEST = 200_000
"""Most vectors of replicas tried; more is a mistake in the test."""


def solve(problem: Problem) -> float:
    """Return the least objective, infinity where no plan keeps the promises."""
    steering = _Static(problem) if problem.steering == "static" else _Adaptive(problem)
    best = np.inf
    for usd, replicas in _vectors(problem):
        if usd + steering.least_usd >= best:
            break
        if _could_carry(problem, replicas):
            best = min(best, usd + steering.usd(replicas))
    return float(best)


def _vectors(problem: Problem) -> list[tuple[float, Ints]]:
    """Return every allowed vector of replicas with its cost, cheapest first."""
    regions = range(len(problem.axes.regions))
    options = [_region_options(problem, r) for r in regions]
    assert np.prod([len(o) for o in options]) <= LARGEST, "too many vectors for brute force"
    priced = []
    for choice in product(*options):
        replicas = np.array(choice, dtype=np.int64).T
        usd = sum(problem.fixed_cost_usd_month[r] for r in regions if any(choice[r]))
        usd += float((problem.cost_usd_month * replicas).sum())
        priced.append((float(usd), replicas))
    return sorted(priced, key=lambda pair: pair[0])


def _region_options(problem: Problem, region: int) -> list[tuple[int, ...]]:
    """Return the replicas of all services that one region may hold."""
    each = []
    for s in range(len(problem.axes.services)):
        low, high = int(problem.min_replicas[s, region]), int(problem.max_replicas[s, region])
        counts = [] if problem.pinned[s, region] else [0]
        each.append(counts + list(range(max(low, 1), high + 1)))
    return [choice for choice in product(*each) if region_fits(problem, region, choice)]


def _capacity(problem: Problem, state: int, replicas: Ints) -> Floats:
    """Return what each region may carry in a state, shape (S, R)."""
    ceiling = problem.ceiling_normal_share if state == 0 else problem.ceiling_emergency_share
    capacity: Floats = problem.rps_per_replica * ceiling * replicas * problem.region_up[state]
    return capacity


def _could_carry(problem: Problem, replicas: Ints) -> bool:
    """Return whether total capacity reaches total demand in every promised state."""
    peak = problem.demand_rps.sum(axis=1).max(axis=1)
    return all(
        bool((_capacity(problem, k, replicas).sum(axis=1) >= peak * (1 - 1e-9)).all())
        for k in range(len(problem.axes.states))
        if problem.must_survive[k]
    )


def _gbps_per_rps(problem: Problem, service: int) -> float:
    """Return the Gbit/s of one request per second."""
    return float(problem.payload_kib[service]) * KIB_BITS / 1e9


class _Static:
    """One LP over all columns; only its right side depends on the replicas."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        pairs = called_pairs(problem)
        lists = [columns_of(problem, *pair) for pair in pairs]
        self.possible = all(lists)
        self.columns = [column for columns in lists for column in columns]
        self.least_usd = sum(min((c.cost_usd for c in columns), default=0.0) for columns in lists)
        self._write_rows()
        self.equal = np.zeros((len(pairs), self.cost.size))
        for row, (host, origin, _) in enumerate(pairs):
            for j, column in enumerate(self.columns):
                self.equal[row, j] = float((column.host, column.origin) == (host, origin))

    def _write_rows(self) -> None:
        """Write the capacity rows, with an overload variable in unpromised states."""
        problem = self.problem
        rows: list[list[float]] = []
        self.kinds: list[tuple[int, int, int]] = []
        overload: list[tuple[int, float]] = []
        axes = problem.axes
        for k, r, h in product(range(len(axes.states)), range(len(axes.regions)), axes.hours):
            if not problem.region_up[k, r]:
                continue
            for s in range(len(axes.services)):
                if not problem.must_survive[k]:
                    overload.append((len(rows), lost_usd_per_rps(problem, k) / len(axes.hours)))
                rows.append([self._load(c, k, s, r, h) for c in self.columns])
                self.kinds.append((k, s, r))
            if problem.must_survive[k]:
                per = [[self._load(c, k, s, r, h) for c in self.columns] for s in self._services()]
                gbps = [_gbps_per_rps(problem, s) for s in self._services()]
                rows.append((np.array(gbps) @ np.array(per).reshape(len(gbps), -1)).tolist())
                self.kinds.append((k, -1, r))
        load = np.array(rows).reshape(len(rows), len(self.columns))
        extra = np.zeros((len(rows), len(overload)))
        for j, (row, _) in enumerate(overload):
            extra[row, j] = -1.0
        self.matrix = np.hstack([load, extra])
        self.cost = np.array([c.cost_usd for c in self.columns] + [usd for _, usd in overload])

    def _services(self) -> range:
        return range(len(self.problem.axes.services))

    def _load(self, column: Column, k: int, s: int, r: int, h: int) -> float:
        """Return the requests per second that a whole column puts on a region."""
        if s not in column.services or column.serves[k][column.services.index(s)] != r:
            return 0.0
        return float(self.problem.demand_rps[s, column.origin, h])

    def usd(self, replicas: Ints) -> float:
        """Return the least steering cost of the replicas, infinity where they do not suffice."""
        if not self.possible:
            return np.inf
        limit = [
            self.problem.uplink_gbps[r] if s < 0 else _capacity(self.problem, k, replicas)[s, r]
            for k, s, r in self.kinds
        ]
        if self.problem.split_origins:
            found = linprog(
                self.cost, self.matrix, limit, self.equal, np.ones(len(self.equal)), method="highs"
            )
        else:
            whole = np.zeros(self.cost.size)
            whole[: len(self.columns)] = 1
            rows = [
                LinearConstraint(self.matrix, -np.inf, limit),
                LinearConstraint(self.equal, 1, 1),
            ]
            free = Bounds(0, np.inf)
            options = {"mip_rel_gap": 0.0}
            found = milp(
                self.cost, integrality=whole, bounds=free, constraints=rows, options=options
            )
        return float(found.fun) if found.status == 0 else np.inf


class _Adaptive:
    """Every state and hour is routed on its own."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.lost: dict[tuple[int, int, int, bytes], float] = {}
        self.total_rps = float(problem.demand_rps.sum())
        admissible = np.where(problem.state_admissible[0], problem.latency_ms, np.inf)
        nearest = np.where(problem.demand_rps.max(axis=2) > 0, admissible.min(axis=2), 0.0)
        self.possible = bool(np.isfinite(nearest).all())
        demand = problem.demand_rps.sum(axis=2)
        self.least_usd = problem.usd_per_ms * float((demand * nearest).sum()) / self.total_rps
        self.stubborn: list[tuple[int, int]] = [
            (k, h)
            for k in range(len(problem.axes.states))
            for h in problem.axes.hours
            if problem.must_survive[k]
        ]

    def usd(self, replicas: Ints) -> float:
        """Return the least latency and loss cost, infinity where a promised state fails."""
        if not self.possible:
            return np.inf
        usd = 0.0
        for pair in list(self.stubborn):
            value = self._promised_usd(*pair, replicas)
            if value == np.inf:
                # The state that refuted one vector most likely refutes the next.
                self.stubborn.remove(pair)
                self.stubborn.insert(0, pair)
                return np.inf
            usd += value
        for k in np.flatnonzero(~self.problem.must_survive).tolist():
            for h in self.problem.axes.hours:
                lost = sum(self._lost_rps(k, s, h, replicas) for s in range(len(replicas)))
                usd += lost_usd_per_rps(self.problem, k) * lost / len(self.problem.axes.hours)
        return usd

    def _promised_usd(self, k: int, h: int, replicas: Ints) -> float:
        """Route all services at once within capacity and uplinks; latency counts in state 0."""
        problem = self.problem
        arcs = np.argwhere(problem.state_admissible[k] & (problem.demand_rps[:, :, h, None] > 0))
        pairs = np.argwhere(problem.demand_rps[:, :, h] > 0).tolist()
        equal = [[float([s, o] == pair) for s, o, _ in arcs] for pair in pairs]
        demand = [problem.demand_rps[s, o, h] for s, o in pairs]
        rows, limit = [], []
        for r in range(len(problem.axes.regions)):
            for s in range(len(problem.axes.services)):
                rows.append([float(a == s and b == r) for a, _, b in arcs])
                limit.append(_capacity(problem, k, replicas)[s, r])
            rows.append([_gbps_per_rps(problem, a) * float(b == r) for a, _, b in arcs])
            limit.append(problem.uplink_gbps[r])
        cost = np.zeros(len(arcs))
        if k == 0:
            cost = problem.usd_per_ms * problem.latency_ms[tuple(arcs.T)] / self.total_rps
        if not pairs:
            return 0.0
        if not len(arcs):
            return np.inf
        found = linprog(cost, rows, limit, equal, demand, method="highs")
        return float(found.fun) if found.status == 0 else np.inf

    def _lost_rps(self, k: int, s: int, h: int, replicas: Ints) -> float:
        """Return the least demand of one service not served in an unpromised state."""
        key = (k, s, h, replicas[s].tobytes())
        if key not in self.lost:
            self.lost[key] = self._least_lost_rps(k, s, h, replicas)
        return self.lost[key]

    def _least_lost_rps(self, k: int, s: int, h: int, replicas: Ints) -> float:
        """Serve as much as possible."""
        problem = self.problem
        demand = problem.demand_rps[s, :, h]
        arcs = np.argwhere(problem.state_admissible[k, s] & (demand > 0)[:, None])
        if not len(arcs):
            return float(demand.sum())
        by_origin = [[float(o == i) for o, _ in arcs] for i in range(len(demand))]
        by_region = [[float(r == i) for _, r in arcs] for i in range(replicas.shape[1])]
        limit = [*demand, *_capacity(problem, k, replicas)[s]]
        found = linprog(-np.ones(len(arcs)), by_origin + by_region, limit, method="highs")
        return float(demand.sum() + found.fun)

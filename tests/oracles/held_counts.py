"""The least count of one service in one region, all others held, with every row written out."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from planner.problem.arrays import Floats, Ints, Problem
from planner.units import KIB_BITS
from tests.oracles.static_columns import called_pairs, columns_of

StateHour = tuple[int, int]
Kept = frozenset[StateHour] | set[StateHour]

ALLOWED = 1e-6


def promised_hours(problem: Problem) -> list[StateHour]:
    """Return every promised (state, hour)."""
    hours = range(problem.demand_rps.shape[2])
    return [(int(k), h) for k in np.flatnonzero(problem.must_survive) for h in hours]


class FreeCount:
    """All counts held but one; what remains of its rows is chosen at each question."""

    def __init__(self, problem: Problem, replicas: Ints, service: int, region: int) -> None:
        self.problem, self.replicas = problem, replicas
        self.service, self.region = service, region
        self.most = int(replicas[service, region])
        self.routed: dict[StateHour, float] = {}
        if problem.steering == "static":
            self._write_orders()

    def least(self, kept: Kept) -> float:
        """Return the least whole count with the service's rows of `kept` alone; inf without any."""
        if self.problem.steering == "static":
            stays = [at is None or at in kept for at in self.at]
            value = _minimum(self.rows[stays], self.top[stays], self.equal, self.whole, self.most)
        else:
            value = max((self._routed(*at) for at in sorted(kept)), default=0.0)
        return float(np.ceil(value - 2 * ALLOWED))

    def minimal_sets(self) -> list[frozenset[StateHour]]:
        """Return every irreducible set of (state, hour) that forbids one replica fewer."""
        places, found = promised_hours(self.problem), list[frozenset[StateHour]]()
        subsets = chain.from_iterable(combinations(places, n) for n in range(len(places) + 1))
        for subset in map(frozenset, subsets):
            if not any(known <= subset for known in found) and self.least(subset) >= self.most:
                found.append(subset)
        return found

    def _one_rps(self, state: int, service: int, region: int) -> float:
        """Return what one replica may carry."""
        problem = self.problem
        ceiling = problem.ceiling_normal_share if state == 0 else problem.ceiling_emergency_share
        return float(problem.rps_per_replica[service, region] * ceiling)

    def _add(self, loads: list[Floats], state: int, hour: int, region: int) -> None:
        """Add the rows of one state, hour and region from what each variable brings."""
        problem, gbps = self.problem, np.zeros_like(loads[0])
        for s, load in enumerate(loads):
            gbps += load * problem.payload_kib[s] * KIB_BITS / 1e9 / problem.uplink_gbps[region]
            row, mine = load / self._one_rps(state, s, region), (s, region) == self.place
            row[-1] = -1.0 if mine else 0.0
            self._rows.append(row)
            self._top.append((0.0 if mine else float(self.replicas[s, region])) + ALLOWED)
            self.at.append((state, hour) if s == self.service else None)
        self._rows.append(gbps)
        self._top.append(1 + ALLOWED)
        self.at.append(None)

    @property
    def place(self) -> tuple[int, int]:
        """Service and region of the free count."""
        return self.service, self.region

    def _write_orders(self) -> None:
        """Write shares and the free count down; whole shares where origins cannot be split."""
        problem = self.problem
        pairs = called_pairs(problem)
        columns = [column for pair in pairs for column in columns_of(problem, *pair)]
        self._rows, self._top, self.at = list[Floats](), list[float](), list[StateHour | None]()
        for k, h in promised_hours(problem):
            for r in np.flatnonzero(problem.region_up[k]).tolist():
                loads = [np.zeros(len(columns) + 1) for _ in problem.axes.services]
                for j, column in enumerate(columns):
                    for i, s in enumerate(column.services):
                        if column.serves[k][i] == r:
                            loads[s][j] = problem.demand_rps[s, column.origin, h]
                self._add(loads, k, h, r)
        self.rows, self.top = np.array(self._rows), np.array(self._top)
        self.equal = np.zeros((len(pairs), len(columns) + 1))
        for i, (host, origin, _) in enumerate(pairs):
            self.equal[i, :-1] = [(c.host, c.origin) == (host, origin) for c in columns]
        self.whole = np.full(len(columns) + 1, 0 if problem.split_origins else 1)
        self.whole[-1] = 0

    def _routed(self, state: int, hour: int) -> float:
        """Route all services of one state and hour."""
        if (state, hour) not in self.routed:
            problem = self.problem
            demand = problem.demand_rps[:, :, hour]
            arcs = np.argwhere(problem.state_admissible[state] & (demand > 0)[:, :, None]).tolist()
            pairs = np.argwhere(demand > 0).tolist()
            equal = np.zeros((len(pairs), len(arcs) + 1))
            for i, pair in enumerate(pairs):
                equal[i, :-1] = [[s, o] == pair for s, o, _ in arcs]
            self._rows, self._top, self.at = [], [], []
            for r in range(len(problem.axes.regions)):
                loads = [np.zeros(len(arcs) + 1) for _ in problem.axes.services]
                for j, (s, o, b) in enumerate(arcs):
                    loads[s][j] = demand[s, o] if b == r else 0.0
                self._add(loads, state, hour, r)
            rows, top, split = np.array(self._rows), np.array(self._top), np.zeros(len(arcs) + 1)
            self.routed[state, hour] = _minimum(rows, top, equal, split, self.most)
        return self.routed[state, hour]


def _minimum(rows: Floats, top: Floats, equal: Floats, whole: Ints | Floats, most: int) -> float:
    """Return the least value of the last variable, which is at most `most`."""
    cost, upper = np.zeros(whole.size), np.ones(whole.size)
    cost[-1], upper[-1] = 1.0, float(most)
    found = milp(
        cost,
        integrality=whole,
        bounds=Bounds(0, upper),
        constraints=[LinearConstraint(rows, -np.inf, top), LinearConstraint(equal, 1, 1)],
        options={"mip_rel_gap": 0.0},
    )
    return float(found.fun) if found.status == 0 else np.inf

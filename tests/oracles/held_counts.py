"""The least count of one service in one region, all others held, with every row written out."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from planner.problem.arrays import Floats, Ints, Problem
from planner.units import KIB_BITS
from tests.oracles.static_columns import Column, called_pairs, columns_of, lost_usd_per_rps

StateHour = tuple[int, int]
Kept = frozenset[StateHour] | set[StateHour]

ALLOWED = 1e-6


def promised_hours(problem: Problem) -> list[StateHour]:
    """Return every promised (state, hour)."""
    hours = range(problem.demand_rps.shape[2])
    return [(int(k), h) for k in np.flatnonzero(problem.must_survive) for h in hours]


class FreeCount:
    """All counts held but one; what remains of its rows is chosen at each question."""

    def __init__(
        self,
        problem: Problem,
        replicas: Ints,
        service: int,
        region: int,
        most_usd: float | None = None,
    ) -> None:
        self.problem, self.replicas, self.most_usd = problem, replicas, most_usd
        self.service, self.region = service, region
        self.most = int(replicas[service, region])
        self.routed: dict[StateHour, float] = {}
        if problem.steering == "static":
            self._write_orders()

    def least(self, kept: Kept) -> float:
        """Return the least whole count with the service's rows of `kept` alone; inf without any."""
        if self.problem.steering == "static":
            stays = [at is None or at in kept for at in self.at]
            rows, top = self.rows[stays], self.top[stays]
            value = _minimum(rows, top, self.equal, self.whole, self.upper)
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
        lost = [] if self.most_usd is None else self._may_lose()
        first, size = len(columns), len(columns) + len(lost) + 1
        self._rows, self._top, self.at = list[Floats](), list[float](), list[StateHour | None]()
        for k, h in promised_hours(problem):
            for r in np.flatnonzero(problem.region_up[k]).tolist():
                loads = [self._load(columns, k, s, r, h, size) for s in self._services()]
                self._add(loads, k, h, r)
        usd = np.zeros(size)
        usd[:first] = [c.cost_usd for c in columns]
        usd[-1] = problem.cost_usd_month[self.place]
        for j, (k, s, r, h) in enumerate(lost):
            usd[first + j] = lost_usd_per_rps(problem, k) / problem.demand_rps.shape[2]
            row, mine = self._load(columns, k, s, r, h, size), (s, r) == self.place
            row[first + j] = -1.0
            room = self._one_rps(k, s, r)
            row[-1] = -room if mine else 0.0
            self._keep(row / room, 0.0 if mine else float(self.replicas[s, r]))
        if self.most_usd is not None:
            scale = float(problem.cost_usd_month.max())
            self._keep(usd / scale, (self.most_usd - self._others_usd()) / scale)
        self.rows, self.top = np.array(self._rows), np.array(self._top)
        self.equal = np.zeros((len(pairs), size))
        for i, (host, origin, _) in enumerate(pairs):
            self.equal[i, :first] = [(c.host, c.origin) == (host, origin) for c in columns]
        self.whole = np.zeros(size)
        self.whole[:first] = not problem.split_origins
        self.upper = np.concatenate([np.ones(first), np.full(len(lost), np.inf), [self.most]])

    def _services(self) -> range:
        return range(len(self.problem.axes.services))

    def _keep(self, row: Floats, top: float) -> None:
        """Add a row that stays whatever is asked."""
        self._rows.append(row)
        self._top.append(top + ALLOWED)
        self.at.append(None)

    def _load(
        self, columns: list[Column], state: int, service: int, region: int, hour: int, size: int
    ) -> Floats:
        """Return what whole columns bring to a region."""
        load = np.zeros(size)
        for j, column in enumerate(columns):
            if service in column.services:
                serves = column.serves[state][column.services.index(service)]
                if serves == region:
                    load[j] = self.problem.demand_rps[service, column.origin, hour]
        return load

    def _may_lose(self) -> list[tuple[int, int, int, int]]:
        """Return every (state, service, region, hour) that is not promised and up."""
        problem = self.problem
        return [
            (k, s, r, h)
            for k in np.flatnonzero(~problem.must_survive).tolist()
            for s in self._services()
            for r in np.flatnonzero(problem.region_up[k]).tolist()
            for h in range(problem.demand_rps.shape[2])
        ]

    def _others_usd(self) -> float:
        """Return what regions and all other counts cost; a region that may empty costs nothing."""
        problem, others = self.problem, np.array(self.replicas)
        others[self.place] = 0
        used = self.replicas.sum(axis=0) > 0
        if self.replicas[:, self.region].sum() == 1:
            used[self.region] = False
        usd = float(problem.fixed_cost_usd_month @ used)
        return usd + float((problem.cost_usd_month * others).sum())

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
            upper = np.append(np.ones(len(arcs)), self.most)
            self.routed[state, hour] = _minimum(rows, top, equal, split, upper)
        return self.routed[state, hour]


def _minimum(rows: Floats, top: Floats, equal: Floats, whole: Floats, upper: Floats) -> float:
    """Return the least value of the last variable."""
    cost = np.zeros(whole.size)
    cost[-1] = 1.0
    found = milp(
        cost,
        integrality=whole,
        bounds=Bounds(0, upper),
        constraints=[LinearConstraint(rows, -np.inf, top), LinearConstraint(equal, 1, 1)],
        options={"mip_rel_gap": 0.0},
    )
    return float(found.fun) if found.status == 0 else np.inf

"""The least movement from an earlier plan by trying every vector of replicas, one LP each.

Total variation is written out with absolute values, over every column and every region.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from planner.problem.arrays import Floats, Ints, Problem, Solution
from tests.oracles.brute_force import _capacity, _could_carry, _Static, _vectors

ORDERS = 0.1
REPLICAS = 0.5


def least_score(problem: Problem, old: Solution, most_usd: float) -> float:
    """Return the least score of all plans that cost at most `most_usd`, infinity without one."""
    steering, best = _Static(problem), np.inf
    measure = _Measure(problem, steering, old)
    total = int(old.replicas.sum())
    for usd, replicas in _vectors(problem):
        changed = REPLICAS * int(np.abs(replicas - old.replicas).sum()) / max(1, total)
        if usd + steering.least_usd > most_usd or changed >= best:
            continue
        if _could_carry(problem, replicas):
            best = min(best, changed + measure.least(replicas, most_usd - usd))
    return float(best)


class _Measure:
    """An LP over shares, overloads and the absolute changes of places and orders."""

    def __init__(self, problem: Problem, steering: _Static, old: Solution) -> None:
        self.problem, self.steering = problem, steering
        weight = problem.demand_rps.mean(axis=2) / problem.demand_rps.mean(axis=2).sum()
        pairs = sorted({(c.host, c.origin) for c in steering.columns})
        orders = {(c.host, c.origin, c.order) for c in steering.columns}
        then = [
            (int(h), int(o), tuple(int(r) for r in row if r >= 0), float(share))
            for h, o, row, share in zip(old.host, old.origin, old.order, old.share, strict=True)
        ]
        rows, target, price = [], [], []
        for host, origin in pairs:
            mine = weight[problem.host_of_service == host, origin].sum()
            for region in range(len(problem.axes.regions)):
                rows.append(self._row(lambda c: c.order[0], host, origin, region))
                target.append(
                    sum(s for h, o, row, s in then if (h, o, row[0]) == (host, origin, region))
                )
                price.append(mine / 2)
        for host, origin, order in sorted(orders | {key[:3] for key in then}):
            mine = weight[problem.host_of_service == host, origin].sum()
            rows.append(self._row(lambda c: c.order, host, origin, order))
            target.append(sum(s for *key, s in then if tuple(key) == (host, origin, order)))
            price.append(ORDERS * mine / 2)
        self.rows, self.target = np.array(rows), np.array(target)
        self.price = np.array(price)

    def _row(self, what: object, host: int, origin: int, value: object) -> list[float]:
        assert callable(what)
        return [
            float((c.host, c.origin, what(c)) == (host, origin, value))
            for c in self.steering.columns
        ]

    def least(self, replicas: Ints, most_usd: float) -> float:
        """Return the least movement of demand and orders with these replicas."""
        steering, problem = self.steering, self.problem
        limit = [
            problem.uplink_gbps[r] if s < 0 else _capacity(problem, k, replicas)[s, r]
            for k, s, r in steering.kinds
        ]
        n, m = steering.cost.size, len(self.price)
        change = np.zeros((m, n))
        change[:, : len(steering.columns)] = self.rows
        one, none = np.eye(m), np.zeros((len(limit), m))
        a = np.vstack(
            [
                np.hstack([steering.matrix, none]),
                np.hstack([change, -one]),
                np.hstack([-change, -one]),
                np.hstack([steering.cost, np.zeros(m)])[None],
            ]
        )
        b: Floats = np.concatenate([limit, self.target, -self.target, [most_usd]])
        equal = np.hstack([steering.equal, np.zeros((len(steering.equal), m))])
        cost = np.concatenate([np.zeros(n), self.price])
        found = linprog(cost, a, b, equal, np.ones(len(equal)), method="highs")
        return float(found.fun) if found.status == 0 else np.inf

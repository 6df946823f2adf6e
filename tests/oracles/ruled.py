"""The best plan with one rule an origin by trying every vector of replicas; rules are acted out.

What a rule does in a state is written down from what its target does: survivors renormalise their
percents, or lost percents go to the next of the list. No order, no mixture.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations, product

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from planner.model.policy import DnsRules
from planner.problem.arrays import Floats, Ints, Problem
from planner.units import KIB_BITS
from tests.oracles.brute_force import _vectors
from tests.oracles.static_columns import called_pairs, depth

Part = dict[int, float]


@dataclass(frozen=True)
class Rule:
    """Percents by region, and a list."""

    percents: tuple[tuple[int, int], ...]
    listed: tuple[int, ...]
    on_loss: str

    def parts(self, up: list[bool]) -> Part:
        """Return the part that each region serves in a state; empty where none is left."""
        if self.on_loss == "renormalised":
            alive = {r: p / 100 for r, p in self.percents if up[r]}
            if alive:
                return {r: p / sum(alive.values()) for r, p in alive.items()}
            rest = [r for r in self.listed if up[r]]
            return {rest[0]: 1.0} if rest else {}
        parts: Part = {}
        for region, percent in self.percents:
            order = [region, *(r for r in self.listed if r != region)]
            alive_now = [r for r in order if up[r]]
            if not alive_now:
                return {}
            parts[alive_now[0]] = parts.get(alive_now[0], 0.0) + percent / 100
        return parts


def rules_of(regions: int, rules: DnsRules, length: int) -> list[Rule]:
    """Return every rule over regions, many of them the same in effect."""
    found = []
    most = rules.regions if rules.kind == "percents" else 1
    for size in range(1, most + 1):
        for support in combinations(range(regions), size):
            for percents in product(
                range(rules.grid_percent, 101, rules.grid_percent), repeat=size
            ):
                if sum(percents) != 100:
                    continue
                for listed in permutations(range(regions), min(length, regions)):
                    pairs = tuple(zip(support, percents, strict=True))
                    found.append(Rule(pairs, listed, rules.on_loss))
    return found


def least_usd(problem: Problem, rules: DnsRules) -> float:
    """Return the least objective, infinity where no plan keeps the promises.

    Only for problems in which lost requests cost nothing: then only promised states matter.
    """
    assert problem.usd_per_lost_request == 0
    groups = [_options(problem, rules, *pair) for pair in called_pairs(problem)]
    if not all(groups):
        return np.inf
    best = np.inf
    least = sum(min(usd for usd, _ in options) for options in groups)
    for usd, replicas in _vectors(problem):
        if usd + least >= best:
            break
        best = min(best, usd + _steering_usd(problem, groups, replicas))
    return float(best)


def _options(
    problem: Problem, rules: DnsRules, host: int, origin: int, services: tuple[int, ...]
) -> list[tuple[float, Floats]]:
    """Return cost and load (K, S, R, H) of every different rule that keeps the promised states."""
    found: dict[bytes, tuple[float, Floats]] = {}
    regions = len(problem.axes.regions)
    total = float(problem.demand_rps.sum())
    for rule in rules_of(regions, rules, depth(problem) + 1):
        load = np.zeros(
            (len(problem.axes.states), *problem.min_replicas.shape, len(problem.axes.hours))
        )
        good = True
        for k in np.flatnonzero(problem.must_survive):
            parts = rule.parts(problem.region_up[k].tolist())
            good &= bool(parts)
            for r, part in parts.items():
                for s in services:
                    good &= bool(problem.state_admissible[k, s, origin, r])
                    load[k, s, r] += part * problem.demand_rps[s, origin]
        if good:
            usd = sum(
                problem.usd_per_ms
                * float(problem.demand_rps[s, origin].sum())
                / total
                * part
                * float(problem.latency_ms[s, origin, r])
                for r, part in rule.parts([True] * regions).items()
                for s in services
            )
            found.setdefault(np.round(load, 7).tobytes(), (usd, load))
    return list(found.values())


def _steering_usd(
    problem: Problem, groups: list[list[tuple[float, Floats]]], replicas: Ints
) -> float:
    """Choose one rule of each group within capacity, infinity where none are."""
    cost = np.array([usd for options in groups for usd, _ in options])
    loads = np.stack([load for options in groups for _, load in options], axis=-1)
    ceiling = np.full(len(problem.axes.states), problem.ceiling_emergency_share)
    ceiling[0] = problem.ceiling_normal_share
    room = (
        ceiling[:, None, None] * problem.rps_per_replica * replicas * problem.region_up[:, None, :]
    )
    promised = problem.must_survive
    capacity = np.repeat(room[promised][..., None], loads.shape[3], axis=3).ravel()
    gbps = np.einsum("s,ksrhq->krhq", problem.payload_kib * KIB_BITS / 1e9, loads[promised])
    uplink = np.broadcast_to(problem.uplink_gbps[None, :, None], gbps.shape[:3]).ravel()
    one = np.zeros((len(groups), cost.size))
    begin = 0
    for row, options in enumerate(groups):
        one[row, begin : begin + len(options)] = 1
        begin += len(options)
    found = milp(
        cost,
        integrality=np.ones(cost.size),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(
                loads[promised].reshape(-1, cost.size), -np.inf, capacity * (1 + 1e-9)
            ),
            LinearConstraint(gbps.reshape(-1, cost.size), -np.inf, uplink * (1 + 1e-9)),
            LinearConstraint(one, 1, 1),
        ],
        options={"mip_rel_gap": 0.0},
    )
    return float(found.fun) if found.status == 0 else np.inf

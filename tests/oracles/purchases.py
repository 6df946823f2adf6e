"""The cheapest purchase of servers by trying every server vector of every month.

The best plan for given servers comes from `tests.oracles.brute_force`, the cheapest way to have
them from scipy's own MILP.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from planner.problem.arrays import NodePools, Problem
from planner.problem.offers import Offers
from tests.oracles import brute_force


def resulting(problem: Problem, offers: Offers, added: tuple[int, ...]) -> Problem:
    """Return the problem with servers added, pools without any left out."""
    pools = offers.pools
    kept = [p for p in range(len(added)) if not offers.founded[p] or added[p] > 0]
    return replace(
        problem,
        pools=NodePools(
            region=pools.region[kept],
            cpu_cores=pools.cpu_cores[kept],
            memory_gib=pools.memory_gib[kept],
            pods=pools.pods[kept],
            servers=np.array([int(pools.servers[p]) + added[p] for p in kept]),
            server_cost_usd_month=pools.server_cost_usd_month[kept],
            names=tuple(pools.names[p] for p in kept),
        ),
    )


def vectors(offers: Offers, month: int) -> list[tuple[int, ...]]:
    """Return every vector of added servers that stock, lead times and power allow in a month."""
    most = []
    for pool in range(len(offers.pools.names)):
        had = 0
        for supply in np.flatnonzero(offers.pool == pool):
            buys = np.isfinite(offers.buy_usd[supply]) and offers.lead_months[supply] <= month
            rents = np.isfinite(offers.rent_usd_month[supply])
            rents = rents and offers.rent_lead_months[supply] <= month
            had += int(offers.stock[offers.offer[supply]]) if buys or rents else 0
        most.append(had)
    found = []
    for added in product(*(range(count + 1) for count in most)):
        drawn = np.zeros(len(offers.limit_w))
        for pool, count in enumerate(added):
            here = int(offers.pools.servers[pool]) + count
            drawn[offers.pools.region[pool]] += here * offers.power_w[pool]
        if (drawn <= offers.limit_w + 1e-9).all():
            found.append(added)
    return found


def month_costs(problem: Problem, offers: Offers, month: int) -> dict[tuple[int, ...], float]:
    """Return the scenario's least objective of a month for every server vector that has a plan."""
    grown = replace(problem, demand_rps=problem.demand_rps * offers.growth[month])
    costs = {}
    for added in vectors(offers, month):
        usd = brute_force.solve(resulting(grown, offers, added))
        if np.isfinite(usd):
            costs[added] = usd
    return costs


def supply_usd(offers: Offers, chosen: tuple[tuple[int, ...], ...]) -> float:
    """Return the least that the servers chosen for each month cost to have, inf if impossible."""
    months, supplies = offers.months, len(offers.pool)
    cost, upper = np.zeros((2, supplies, months)), np.zeros((2, supplies, months))
    for j in range(supplies):
        for m in range(months):
            age = months - m
            value = offers.residual_share * max(0.0, 1 - age / offers.depreciation_months)
            if np.isfinite(offers.buy_usd[j]) and offers.lead_months[j] <= m:
                upper[0, j, m] = offers.stock[offers.offer[j]]
                paid = offers.worth[m] - offers.worth[months] * value
                cost[0, j, m] = offers.buy_usd[j] * paid
            if np.isfinite(offers.rent_usd_month[j]) and offers.rent_lead_months[j] <= m:
                upper[1, j, m] = offers.stock[offers.offer[j]]
                cost[1, j, m] = offers.rent_usd_month[j] * offers.worth[m]
    rows, low, high = [], [], []
    for m in range(months):
        for pool in range(len(offers.pools.names)):
            rows.append(_had(offers, m, offers.pool == pool))
            low.append(float(chosen[m][pool]))
            high.append(np.inf)
        for offer, stock in enumerate(offers.stock):
            rows.append(_had(offers, m, offers.offer == offer))
            low.append(-np.inf)
            high.append(float(stock))
    result = milp(
        cost.ravel(),
        integrality=np.ones(cost.size),
        bounds=Bounds(0, upper.ravel()),
        constraints=LinearConstraint(np.array(rows), low, high),
    )
    return float(result.fun) if result.status == 0 else float("inf")


def _had(offers: Offers, month: int, mine: np.ndarray) -> np.ndarray:
    """Return the coefficients of what is owned and rented of some supplies in a month."""
    row = np.zeros((2, len(offers.pool), offers.months))
    row[0, mine, : month + 1] = 1
    row[1, mine, month] = 1
    return row.ravel()


def least_usd(problem: Problem, offers: Offers) -> float:
    """Return the least cost over all months, inf where there is no purchase."""
    hours = 730 / 1000
    price = offers.power_w * hours * offers.usd_per_kwh[offers.pools.region]
    each = [month_costs(problem, offers, m) for m in range(offers.months)]
    best = float("inf")
    for chosen in product(*each):
        usd = supply_usd(offers, chosen)
        for m, added in enumerate(chosen):
            servers = offers.pools.servers + np.array(added)
            usd += offers.worth[m] * (each[m][added] + float(price @ servers))
        best = min(best, usd)
    return best

"""Small random offers for the problems of `tests.oracles.instances`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.problem.arrays import NodePools, Problem
from planner.problem.offers import Offers


def random_offers(problem: Problem, seed: int, *, months: int = 2, stock: int = 2) -> Offers:
    """Draw offers: more of two regions' first pools, and a pool of another shape."""
    rng = np.random.default_rng([seed, 77])
    old, regions = problem.pools, len(problem.axes.regions)
    region = int(rng.integers(regions))
    shape = rng.uniform(0.6, 3.0, 2)
    pools = NodePools(
        region=np.append(old.region, region),
        cpu_cores=np.append(old.cpu_cores, shape[0] * old.cpu_cores.max()),
        memory_gib=np.append(old.memory_gib, shape[1] * old.memory_gib.max()),
        pods=np.append(old.pods, float(rng.choice([8.0, 110.0]))),
        servers=np.append(old.servers, 0),
        server_cost_usd_month=np.append(old.server_cost_usd_month, 0.0),
        names=(*old.names, f"r{region}/new"),
    )
    count = old.region.size
    limit = np.where(rng.random(regions) < 0.3, 450.0 * (1 + old.servers.max()), np.inf)
    drawn = np.bincount(old.region, 100.0 * old.servers, minlength=regions)
    cheaper = np.array([1.0, 1.0, 0.4])
    buy = rng.uniform(20, 200, 3) * cheaper
    return Offers(
        pools=pools,
        founded=np.arange(count + 1) >= count,
        types=tuple(f"t{i}" for i in range(count + 1)),
        power_w=np.append(np.full(count, 100.0), 250.0),
        limit_w=np.maximum(limit, drawn),
        usd_per_kwh=rng.choice([0.0, 0.2], regions),
        names=("more", "new"),
        offer=np.array([0, 0, 1]),
        pool=np.array([*(int((old.region == r).argmax()) for r in (0, 1)), count]),
        buy_usd=np.where(rng.random(3) < 0.3, np.inf, buy),
        rent_usd_month=rng.uniform(20, 120, 3) * cheaper,
        lead_months=rng.integers(0, 2, 3),
        rent_lead_months=np.zeros(3, np.int64),
        stock=np.array([stock, stock]),
        growth=np.array([1.0, 1.15, 1.3])[:months],
        worth=0.98 ** np.arange(months + 1),
        depreciation_months=int(rng.integers(1, 7)),
        residual_share=float(rng.choice([0.0, 0.5, 1.0])),
    )


def tightened(problem: Problem, share: float) -> Problem:
    """Return a problem whose servers are smaller, so that packing decides."""
    pools = problem.pools
    return replace(
        problem,
        pools=replace(
            pools, cpu_cores=pools.cpu_cores * share, memory_gib=pools.memory_gib * share
        ),
    )

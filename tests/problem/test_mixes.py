"""One measure holds for any choice of servers, and with it the row says what `fits` says."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from planner.problem.mixes import Measure, measures
from planner.problem.offers import with_servers
from planner.problem.packing import fits, packing_limits
from tests.oracles.instances import random_problem
from tests.oracles.offered import random_offers
from tests.oracles.packing import region_fits


def holding(measure: Measure, counted: np.ndarray, mine: np.ndarray) -> bool:
    """Whether a measure is that of the servers which count."""
    there = mine & (counted > 0)
    return not (there & ~measure.allowed).any() and all(
        (each & there).any() for each in measure.attained
    )


@pytest.mark.parametrize("seed", range(25))
def test_rows_of_the_measure_that_holds_say_what_fits_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = random_problem(seed, regions=2)
    offers = random_offers(problem, seed)
    whole, pools = replace(problem, pools=offers.pools), offers.pools
    region = int(pools.region[-1])
    mine = pools.region == region
    one = int(problem.survive_server_loss)
    base = np.where(offers.founded, 0, pools.servers - one)
    found = measures(whole, region, base, base + 3)
    for first, new in product(range(3), range(4)):
        added = np.zeros(pools.region.size, np.int64)
        added[-1], added[np.flatnonzero(mine)[0]] = new, first
        counted = base + added
        counted[-1] = max(0, new - one)
        (measure,) = [m for m in found if holding(m, counted, mine)]
        grown = with_servers(problem, offers, added)
        for _ in range(6):
            replicas = rng.integers(0, 8, problem.min_replicas.shape)
            pods = replicas[:, region] + problem.surge_replicas * (replicas[:, region] > 0)
            room = counted @ measure.worth + np.diagonal(measure.weight) + 1e-9
            ok = (measure.weight @ pods <= room) & measure.holds
            kept = bool(ok[replicas[:, region] > 0].all())
            assert kept == bool(fits(grown, packing_limits(grown), replicas)[region])
            assert kept == region_fits(grown, region, replicas[:, region].tolist())

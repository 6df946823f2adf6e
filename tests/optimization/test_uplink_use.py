"""What orders take of uplinks: as the judge counts it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.optimization.columns import order_columns
from planner.optimization.loads import judge, loads_rps
from planner.optimization.uplink_use import excess_with_each, uplink_part
from planner.units import gbps_from_payload
from tests.oracles.instances import random_problem


@pytest.mark.parametrize("seed", [1, 4, 11, 12, 13, 17])
def test_the_excess_is_that_of_judging_each_order(seed: int) -> None:
    problem = replace(random_problem(seed, steering="static"), split_origins=False)
    columns = order_columns(problem)
    groups = [np.flatnonzero(columns.group == g) for g in np.unique(columns.group)]
    share = np.zeros(columns.host.size)
    rng = np.random.default_rng(seed)
    for members in groups[1:]:
        share[rng.choice(members)] = 1.0
    promised = np.flatnonzero(problem.must_survive)
    load = loads_rps(problem, columns, share)[promised]
    gbps = gbps_from_payload(1.0, 1.0) * (load * problem.payload_kib[:, None, None]).sum(axis=1)
    most = np.maximum(gbps.max(axis=(0, 2)), 1e-9)
    problem = replace(problem, uplink_gbps=most * rng.uniform(0.5, 1.5, most.size))
    first = groups[0][0]
    mine = np.flatnonzero(problem.host_of_service == columns.host[first])
    excess = excess_with_each(
        uplink_part(problem),
        load,
        problem.demand_rps[mine, columns.origin[first]],
        mine,
        columns.serve[promised[:, None], groups[0]].astype(np.int64),
    )
    assert excess.max() > 0
    for place, column in enumerate(groups[0]):
        more = share.copy()
        more[column] = 1.0
        verdict = judge(problem, columns, problem.min_replicas, more)
        over = verdict.uplink_overload[promised].max(axis=(0, 2))
        assert excess[place] == pytest.approx(over.sum(), rel=1e-9, abs=1e-12)

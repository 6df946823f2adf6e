"""Origins placed one by one: every column's price is that of trying it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from planner.optimization.columns import order_columns
from planner.optimization.loads import TOLERANCE, loads_rps
from planner.optimization.optimize import solve
from planner.optimization.placement import (
    _needed_with_each,
    _running_usd,
    place_origins,
    ruins_for,
)
from planner.optimization.relaxation import add_cuts
from planner.optimization.static import StaticProgram, static_program
from planner.optimization.stopping import NEVER, Stop
from planner.problem.arrays import Floats
from planner.units import gbps_from_payload
from tests.benchmarks.generators import survivable_capacity
from tests.oracles import extensive_form
from tests.oracles.instances import random_problem


def tried(static: StaticProgram, share: Floats, most: Floats) -> tuple[Floats, float]:
    """Return replicas in fractions and their cost for whole loads, in plain loops."""
    problem, limits = static.problem, static.master.limits
    load = loads_rps(problem, static.columns, share)
    services, regions = problem.min_replicas.shape
    needed, usd = np.zeros((services, regions)), 0.0
    for r in range(regions):
        for s in range(services):
            for k in np.flatnonzero(problem.must_survive):
                if static.one_rps[k, s, r] > 0:
                    each = load[k, s, r].max() / static.one_rps[k, s, r]
                    needed[s, r] = max(needed[s, r], each)
        held = [
            max(n, problem.min_replicas[s, r]) if n > 0 else 0.0 for s, n in enumerate(needed[:, r])
        ]
        usd += sum(problem.cost_usd_month[s, r] * n for s, n in enumerate(held))
        usd += sum(
            10 * problem.cost_usd_month[s, r] * max(n - most[s, r], 0.0) for s, n in enumerate(held)
        )
        usd += problem.fixed_cost_usd_month[r] if any(held) else 0.0
        pods = [
            np.ceil(n - TOLERANCE) + problem.surge_replicas[s] if n > 0 else 0.0
            for s, n in enumerate(held)
        ]
        beyond = 0.0
        for last in range(services):
            if held[last] > 0:
                over = limits.weight[r, last] @ pods - max(limits.room[r, last], 0.0)
                beyond = max(beyond, over / max(limits.weight[r, last, last], 1e-300))
        usd += 10 * problem.cost_usd_month[:, r].max() * beyond
    return needed, usd


@pytest.mark.parametrize("seed", [1, 4, 11, 12, 13, 17])
def test_each_price_is_that_of_trying_the_column(seed: int) -> None:
    problem = replace(random_problem(seed, steering="static"), split_origins=False)
    columns = order_columns(problem)
    static = static_program(problem, columns, 0)
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(columns.group == g) for g in np.unique(columns.group)]
    share = np.zeros(columns.host.size)
    for members in groups[1:]:
        share[rng.choice(members)] = 0.5
    promised = np.flatnonzero(problem.must_survive)
    load = loads_rps(problem, columns, share)[promised]
    needed = _needed_with_each(static, promised, load, groups[0], 0.25)
    most = rng.integers(0, 3, problem.min_replicas.shape).astype(float)
    usd = _running_usd(static, most, needed)
    for place, column in enumerate(groups[0]):
        more = share.copy()
        more[column] = 0.25
        plain, cost = tried(static, more, most)
        assert needed[place] == pytest.approx(plain, rel=1e-9, abs=1e-9)
        assert usd[place] == pytest.approx(cost, rel=1e-9)


def test_a_placement_keeps_every_promise_where_there_is_room() -> None:
    found = 0
    for seed in range(40):
        problem = replace(random_problem(seed, steering="static"), split_origins=False)
        columns = order_columns(problem)
        if columns.missing.size:
            continue
        placed = place_origins(static_program(problem, columns, 0), 1)
        if placed is not None:
            found += 1
            assert set(np.unique(placed.share)) <= {0.0, 1.0}
    assert found >= 4


def test_a_placement_keeps_to_the_replicas_that_are_allowed_now() -> None:
    kept = 0
    for seed in range(12):
        static = whole(seed)
        free = place_origins(static, 1, ruins=100)
        if free is None:
            continue
        n = static.master.replicas.ravel()
        low, high = static.program.bounds(n)
        busiest = int(free.replicas.argmax())
        high[busiest] = free.replicas.ravel()[busiest] - 1
        static.program.bound_columns(n, low, high)
        fewer = place_origins(static, 1, ruins=100)
        if fewer is not None:
            assert (fewer.replicas.ravel() <= high).all()
            kept += 1
    assert kept >= 6


def test_a_placement_keeps_to_uplinks() -> None:
    kept = 0
    for seed in range(8):
        static = whole(seed)
        problem, free = static.problem, place_origins(static, 1, ruins=100)
        if free is None:
            continue
        load = loads_rps(problem, static.columns, free.share)[problem.must_survive]
        used = gbps_from_payload(1.0, 1.0) * (load * problem.payload_kib[:, None, None]).sum(axis=1)
        gbps, busiest = problem.uplink_gbps.copy(), used.max(axis=(0, 2)).argmax()
        gbps[busiest] = 0.9 * used[:, busiest].max()
        narrow = replace(problem, uplink_gbps=gbps)
        placed = place_origins(static_program(narrow, static.columns, 0), 1, ruins=100)
        kept += placed is not None
    assert kept >= 6


def whole(seed: int) -> StaticProgram:
    """Return a problem of large pieces and little room: 4 regions, 12 whole origins."""
    drawn = survivable_capacity(seed, 4, 12, 1, 1, steering="static")
    problem = replace(drawn, split_origins=False)
    return static_program(problem, order_columns(problem), 0)


def test_origins_that_are_taken_up_together_come_near_the_optimum() -> None:
    plain_usd, ruined_usd, least_usd = 0.0, 0.0, 0.0
    for seed in range(1, 7):
        static = whole(seed)
        plain, ruined = (place_origins(static, 1, ruins=ruins) for ruins in (0, 300))
        if plain is None:
            continue
        assert ruined is not None
        least = solve(static.problem, gap=1e-4, time_limit_s=60.0, seed=0).bound
        assert least * (1 - 1e-9) <= ruined.objective <= plain.objective, seed
        plain_usd, ruined_usd = plain_usd + plain.objective, ruined_usd + ruined.objective
        least_usd += least
    assert plain_usd > 0
    assert ruined_usd - least_usd <= 0.3 * (plain_usd - least_usd)


def test_where_the_relaxation_has_most_of_each_origin_is_a_cheaper_start() -> None:
    plain_usd, near_usd, pairs = 0.0, 0.0, 0
    for seed in range(1, 7):
        drawn = survivable_capacity(seed, 8, 40, 2, 1, steering="static", load=0.5)
        problem = replace(drawn, split_origins=False)
        static = static_program(problem, order_columns(problem), 0)
        root = add_cuts(static, NEVER, 1e-4)
        assert root.x is not None
        plain = place_origins(static, 1)
        near = place_origins(static, 1, near=root.x[static.share])
        if plain is None:
            continue
        assert near is not None
        assert root.bound <= near.objective <= plain.objective, seed
        plain_usd, near_usd = plain_usd + plain.objective, near_usd + near.objective
        pairs += 1
    assert pairs >= 3
    assert near_usd < plain_usd - 1


def test_the_same_origins_are_taken_up_in_every_run_and_none_after_a_stop() -> None:
    static = whole(1)
    plain, one, two, stopped = (
        place_origins(static, 1, ruins=ruins, stop=stop)
        for ruins, stop in ((0, NEVER), (50, NEVER), (50, NEVER), (50, Stop(0.0)))
    )
    assert plain is not None
    assert one is not None
    assert two is not None
    assert stopped is not None
    assert np.array_equal(one.share, two.share)
    assert np.array_equal(plain.share, stopped.share)


def test_a_stop_leaves_a_first_placement_some_seconds_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    static = whole(1)
    assert place_origins(static, 4, stop=Stop(0.0)) is not None
    monkeypatch.setattr("planner.optimization.placement._GRACE_S", 0.0)
    monkeypatch.setattr("planner.optimization.stopping._LEAST_S", 0.0)
    for parts in (1, 4):
        assert place_origins(static, parts, ruins=50, stop=Stop(0.0)) is None


def test_nobody_who_calls_is_placed_at_once() -> None:
    drawn = survivable_capacity(3, 3, 4, 2, 1, steering="static", load=0.2)
    silent = np.zeros_like(drawn.demand_rps)
    silent[0] = drawn.demand_rps[0]
    for demand, calls in ((silent, True), (np.zeros_like(silent), False)):
        problem = replace(drawn, demand_rps=demand, split_origins=False)
        static = static_program(problem, order_columns(problem), 0)
        assert (ruins_for(static) > 0) == calls
        found = solve(problem, time_limit_s=30.0)
        written, _ = extensive_form.solve(problem)
        assert found.objective == pytest.approx(written, rel=1e-4, abs=1e-6)


def test_the_more_is_looked_at_the_fewer_ruins_there_are() -> None:
    small = replace(random_problem(4, steering="static"), split_origins=False)
    large = replace(small, demand_rps=np.repeat(small.demand_rps, 2000, axis=2))
    few, many = (
        ruins_for(static_program(problem, order_columns(small), 0)) for problem in (large, small)
    )
    assert 0 < few < many


def test_demand_of_billions_is_placed_too() -> None:
    drawn = survivable_capacity(3, 3, 8, 1, 1, steering="static", load=0.5)
    problem = replace(
        drawn,
        demand_rps=drawn.demand_rps * 1e8,
        usd_per_ms=drawn.usd_per_ms * 1e8,
        max_replicas=np.full_like(drawn.max_replicas, 10**12),
        pools=replace(drawn.pools, cpu_cores=drawn.pools.cpu_cores * 1e8),
    )
    static = static_program(problem, order_columns(problem), 0)
    assert place_origins(static, 1) is not None

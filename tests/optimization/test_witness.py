"""Witnesses against every subset of (state, hour), and against programs with every row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.optimization.held import Held, HeldOrders, held_orders
from planner.optimization.held_cost import capped_orders
from planner.optimization.held_routing import held_routing
from planner.optimization.optimize import solve
from planner.optimization.resolved import Value, cheapest, with_counts
from planner.optimization.stopping import NEVER
from planner.optimization.witness import Witness, keeps_promises, witness
from planner.problem.arrays import Ints, Problem
from tests.oracles import extensive_form
from tests.oracles.held_counts import FreeCount, promised_hours
from tests.oracles.instances import random_problem
from tests.oracles.packing import region_fits

Steering = Literal["static", "adaptive"]


def solved(problem: Problem) -> Ints | None:
    try:
        return solve(problem, gap=1e-6).replicas
    except Infeasible:
        return None


def held(problem: Problem, replicas: Ints) -> Held:
    if problem.steering == "adaptive":
        return held_routing(problem, replicas)
    return held_orders(problem, replicas)


def witnesses(problem: Problem, replicas: Ints) -> list[Witness]:
    fixed = held(problem, replicas)
    assert keeps_promises(fixed, NEVER)
    value = best_steered(problem, replicas)
    capped = capped_orders(fixed, value.objective) if isinstance(fixed, HeldOrders) else None
    return [
        witness(fixed, s, r, value, NEVER, capped=capped)
        for s, r in np.argwhere(replicas > 0).tolist()
    ]


def best_steered(problem: Problem, replicas: Ints) -> Value:
    return cheapest(with_counts(problem, replicas), 1e-7, NEVER)


def allowed(problem: Problem, found: Witness, need: float) -> int:
    """The least count of a need, the minimum in force unless it is named."""
    pinned = problem.pinned[found.service, found.region]
    if "minimum" in found.kinds or (need <= 0 and not pinned):
        return int(max(need, 0))
    return int(max(need, problem.min_replicas[found.service, found.region]))


def check_loads(problem: Problem, replicas: Ints, found: Witness) -> None:
    """Every set is irreducible, and nothing else forbids one fewer; at no more cost where asked."""
    at = (found.service, found.region)
    every = FreeCount(problem, replicas, *at).least(set(promised_hours(problem)))
    assert found.keeps_promises == allowed(problem, found, every)
    if found.dearer is not None and not found.sets:
        assert found.without == found.without_states == found.keeps_promises
        if found.kinds == ("objective",) and problem.steering == "static":
            usd = best_steered(problem, replicas).objective
            assert FreeCount(problem, replicas, *at, usd).least(set()) > found.replicas - 1
        return
    usd = None if found.dearer is None else best_steered(problem, replicas).objective
    oracle = FreeCount(problem, replicas, *at, usd)
    fewer, rest = found.replicas - 1, set(promised_hours(problem))
    for one in map(frozenset, found.sets):
        assert one <= rest
        assert oracle.least(one) > fewer
        assert all(oracle.least(one - {member}) <= fewer for member in one)
        rest -= one
    need = oracle.least(rest)
    assert need <= fewer
    assert found.without == allowed(problem, found, need)
    named = {k for one in found.sets for k, _ in one}
    other = oracle.least({(k, h) for k, h in rest if k not in named})
    assert found.without_states == allowed(problem, found, other)


def dear_latency(seed: int, **settings: Any) -> Problem:
    """A problem in which users who go farther cost more than a replica."""
    problem = random_problem(seed, services=1 + seed % 2, max_replicas=4, **settings)
    return replace(problem, usd_per_ms=40.0)


@pytest.mark.parametrize("steering", ["static", "adaptive"])
@pytest.mark.parametrize("split", [True, False])
def test_every_set_is_irreducible_and_without_them_the_count_is_the_oracles(
    steering: Steering, split: bool
) -> None:
    kinds: set[str] = set()
    for seed in range(8 if split else 4):
        problem = dear_latency(seed, steering=steering, split_origins=split, hours=1 + seed % 3)
        replicas = solved(problem)
        for found in [] if replicas is None else witnesses(problem, replicas):
            assert found.proven
            kinds |= {*found.kinds, "+".join(found.kinds)}
            check_loads(problem, replicas, found)
    assert "load" in kinds
    if split:
        assert ("load+objective" if steering == "static" else "objective") in kinds


def uneven(seed: int, steering: Steering) -> Problem:
    """A problem whose origins are busy at different hours, so that hours may clash."""
    problem = random_problem(
        seed,
        steering=steering,
        services=1,
        origins=6,
        regions=3,
        hours=2,
        order=1,
        max_replicas=6,
        split_origins=True,
    )
    busy = np.random.default_rng(seed).choice([0.1, 1.0], problem.demand_rps.shape)
    return replace(problem, demand_rps=problem.demand_rps * busy)


@pytest.mark.parametrize("steering", ["static", "adaptive"])
def test_the_sets_are_among_all_minimal_ones(steering: Steering) -> None:
    alone, together = 0, 0
    for seed in range(100, 104):
        problem = uneven(seed, steering)
        replicas = solved(problem)
        for found in [] if replicas is None else witnesses(problem, replicas):
            usd = None if found.dearer is None else best_steered(problem, replicas).objective
            at = (found.service, found.region)
            every = FreeCount(problem, replicas, *at, usd).minimal_sets()
            assert {frozenset(one) for one in found.sets} <= set(every)
            assert bool(found.sets) == bool([one for one in every if one])
            alone += sum(len(one) == 1 for one in found.sets)
            together += sum(len(one) > 1 for one in found.sets)
    assert alone > 5
    # A balancer routes each state and hour by itself: there nothing clashes.
    assert (together > 0) == (steering == "static")


def test_how_much_dearer_one_fewer_is_agrees_with_the_whole_program() -> None:
    looked_at = 0
    for seed in range(8):
        problem = dear_latency(seed, split_origins=True, hours=1)
        replicas = solved(problem)
        for found in [] if replicas is None else witnesses(problem, replicas):
            if found.dearer is None:
                continue
            looked_at += 1
            fewer = np.array(replicas)
            fewer[found.service, found.region] -= 1
            one, _ = extensive_form.solve(with_counts(problem, fewer))
            other, _ = extensive_form.solve(with_counts(problem, np.asarray(replicas)))
            slack = 1e-5 * abs(other)
            assert found.dearer.low - slack <= one - other <= found.dearer.high + slack
            assert found.dearer.high - found.dearer.low <= slack
            price = problem.cost_usd_month[found.service, found.region]
            fixed = problem.fixed_cost_usd_month[found.region] * (fewer[:, found.region].sum() == 0)
            parts = found.latency_usd_month + found.lost_usd_month - price - fixed
            assert parts == pytest.approx(one - other, abs=slack)
    assert looked_at > 2


def test_packing_is_named_where_no_other_region_has_room() -> None:
    named, not_named = 0, 0
    for seed in (200, 204, 207):
        problem = random_problem(seed, services=1, order=1, split_origins=True)
        small = replace(problem.pools, cpu_cores=problem.pools.cpu_cores / 4)
        most = np.where(problem.max_replicas > 0, 9, 0)
        problem = replace(problem, max_replicas=most, pools=small)
        replicas = solved(problem)
        for found in [] if replicas is None else witnesses(problem, replicas):
            room = []
            for r in range(len(problem.axes.regions)):
                count = max(replicas[0, r] + 1, problem.min_replicas[0, r])
                if r != found.region and count <= problem.max_replicas[0, r]:
                    room.append(region_fits(problem, r, [int(count)]))
            full = "load" in found.kinds and bool(room) and not any(room)
            assert ("packing" in found.kinds) == full
            named, not_named = named + full, not_named + (not full)
    assert named > 0
    assert not_named > 0


def test_a_replica_that_nothing_needs_is_called_so() -> None:
    problem = random_problem(3, services=1, split_origins=True, max_replicas=4)
    problem = replace(problem, usd_per_ms=0.0, usd_per_lost_request=0.0)
    replicas = solved(problem)
    assert replicas is not None
    r = int((problem.max_replicas[0] - replicas[0]).argmax())
    more = np.array(replicas)
    more[0, r] = max(more[0, r] + 1, problem.min_replicas[0, r] + 1)
    fixed = held(problem, more)
    value = cheapest(with_counts(problem, more), 1e-7, NEVER)
    found = witness(fixed, 0, r, value, NEVER)
    assert found.kinds == ("nothing",)
    assert found.dearer is not None
    assert found.dearer.high == pytest.approx(-problem.cost_usd_month[0, r], rel=1e-5)


def test_too_few_replicas_do_not_keep_their_promises() -> None:
    problem = random_problem(3, services=1, split_origins=True, max_replicas=4)
    replicas = solved(problem)
    assert replicas is not None
    none = np.array(replicas)
    none[:, replicas[0].argmax()] = 0
    assert keeps_promises(held(problem, replicas), NEVER)
    assert not keeps_promises(held(problem, none), NEVER)


def test_a_value_without_a_plan_is_not_feasible() -> None:
    assert Value(1.0, 0.5).feasible
    assert not Value(np.inf, 0.5).feasible

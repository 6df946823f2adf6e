"""Exchanges of single replicas: what they cost, how they are drawn, and that they find plans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chisquare

from planner.optimization import exchanges
from planner.optimization.block_search import BlockSearch
from planner.optimization.blockwise import block_programs
from planner.optimization.exchange_model import ExchangeModel
from planner.optimization.exchange_walk import Steps, Walk
from planner.optimization.exchanges import Exchanges
from planner.optimization.neighbourhood import NearSearch, Point
from planner.optimization.optimize import solve
from planner.optimization.stopping import NEVER, Stop
from planner.problem.arrays import Floats, Ints, Problem
from tests.benchmarks.generators import survivable_capacity


def drawn(seed: int) -> Problem:
    """Return a problem of three services with host names of their own and full pools."""
    return survivable_capacity(seed, 4, 12, 3, 1, steering="static", load=0.8)


def mixed(seed: int) -> Problem:
    """Return one of two host names with two services each, with surge and places left empty."""
    problem = survivable_capacity(seed, 4, 12, 4, 1, steering="static", load=0.5)
    most = problem.max_replicas.copy()
    most[1, 2] = 0
    return replace(
        problem,
        axes=replace(problem.axes, hosts=problem.axes.hosts[:2]),
        host_of_service=np.array([0, 1, 0, 1]),
        surge_replicas=np.array([1, 0, 1, 1]),
        min_replicas=np.full_like(problem.min_replicas, 2),
        max_replicas=most,
    )


def searched(problem: Problem) -> tuple[BlockSearch, Point]:
    """Return a search whose program has learnt something, and a plan."""
    search = BlockSearch.of(problem, block_programs(problem, 0), 1e-6, NEVER, 0)
    n = search.small.adaptive.master.replicas
    root = search.small.adaptive.program.relaxation(NEVER)
    assert root.x is not None
    near = NearSearch(search.small, search.evaluate, root.x[n], 1e-6, NEVER, None, 0.0, 0.5)
    near.tighten()
    found = near.look_between(None, root.x)
    assert found is not None
    return search, found


def at_least(search: BlockSearch, replicas: Ints, start: Point) -> float:
    """Return what the program says that replicas cost at least; inf where it refuses them."""
    adaptive = search.small.adaptive
    program, master = adaptive.program, adaptive.master
    fixed = np.concatenate([master.active, master.runs.ravel(), master.replicas.ravel()])
    held = np.concatenate([start.x[master.active], start.x[master.runs].ravel(), replicas.ravel()])
    low, high = (side.copy() for side in program.bounds(fixed))
    program.bound_columns(fixed, held, held)
    result = program.relaxation(NEVER)
    program.bound_columns(fixed, low, high)
    return result.objective if result.status == "optimal" else np.inf


@pytest.mark.parametrize("make", [drawn, mixed])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_step_costs_what_the_program_says_and_those_it_refuses_are_not_taken(
    seed: int, make: Callable[[int], Problem]
) -> None:
    search, plan = searched(make(seed))
    model = ExchangeModel.of(search.small, plan.x)
    steps, n = Steps.of(model), search.small.adaptive.master.replicas
    count = np.rint(plan.x[n]).astype(np.int64)
    start = [count[part.services].ravel() for part in model.parts]
    costs = np.concatenate([p.costs(own) for p, own in zip(model.parts, start, strict=True)])
    walk = Walk(model, steps, start, np.random.default_rng(0))
    assert walk.usd == pytest.approx(at_least(search, count, plan))
    fits = np.zeros(steps.one.size, dtype=bool)
    fits[walk._fitting(steps.one, steps.other)] = True
    rng = np.random.default_rng(seed)
    refused = 0
    for at in rng.choice(steps.one.size, 300, replace=False):
        after = [own.copy() for own in start]
        for change in (steps.one[at], steps.other[at]):
            part = int(np.searchsorted(steps.begin, change, side="right")) - 1
            after[part] += model.parts[part].change[change - steps.begin[part]]
        usd = costs[steps.one[at]] + costs[steps.other[at]] if fits[at] else np.inf
        whole = at_least(search, model.joined(after), plan)
        refused += bool(np.isinf(whole))
        assert walk.usd + usd == pytest.approx(whole, rel=1e-9)
    assert 0 < refused < 300


def test_steps_are_drawn_by_what_they_cost() -> None:
    search, plan = searched(drawn(2))
    model = ExchangeModel.of(search.small, plan.x)
    steps, n = Steps.of(model), search.small.adaptive.master.replicas
    count = np.rint(plan.x[n]).astype(np.int64)
    start = [count[part.services].ravel() for part in model.parts]
    walk = Walk(model, steps, start, np.random.default_rng(4))
    costs = np.concatenate(walk._costs)
    fits = walk._fitting(steps.one, steps.other)
    usd = costs[steps.one[fits]] + costs[steps.other[fits]]
    heat, draws = 12.0, 3000
    weight = np.where(usd < 10.0 * heat, np.exp(-usd / heat), 0.0)
    drawn_steps = [walk._drawn(steps.one, steps.other, heat) for _ in range(draws)]
    often = np.bincount(np.searchsorted(fits, drawn_steps), minlength=fits.size)
    expected = draws * weight / weight.sum()
    assert often[weight == 0].sum() == 0
    many = expected >= 5
    rest = (weight > 0) & ~many
    assert many.sum() > 4
    assert rest.any()
    seen = np.append(often[many], often[rest].sum())
    assert chisquare(seen, np.append(expected[many], expected[rest].sum())).pvalue > 1e-4


def test_steps_change_two_parts_in_a_region_that_both_touch_or_one() -> None:
    search, plan = searched(drawn(1))
    model = ExchangeModel.of(search.small, plan.x)
    steps = Steps.of(model)
    regions, sizes = 4, [part.change.shape[0] for part in model.parts]
    assert sizes == [1 + 2 * regions + regions * (regions - 1)] * 3
    pairs = {(int(i), int(j)) for i, j in zip(steps.one, steps.other, strict=True)}
    assert len(pairs) == steps.one.size
    touched = [set(np.flatnonzero(row)) for part in model.parts for row in part.change]
    begin = set(steps.begin.tolist())
    for i, j in pairs:
        assert i not in begin
        assert j in begin or touched[i] & touched[j]
    own = np.repeat(np.arange(3), sizes)
    both = {
        (i, j)
        for i in range(own.size)
        for j in range(own.size)
        if own[i] < own[j] and touched[i] & touched[j]
    }
    assert both <= pairs


def worsened(search: BlockSearch, plan: Point) -> Point:
    """Return the last plan on a walk so hot that it hardly looks at what steps cost."""
    model = ExchangeModel.of(search.small, plan.x)
    count = np.rint(plan.x[search.small.adaptive.master.replicas]).astype(np.int64)
    start = [count[part.services].ravel() for part in model.parts]
    walk = Walk(model, Steps.of(model), start, np.random.default_rng(0))
    for _ in range(30):
        assert walk.step(200.0)
        plan = search.evaluate(model.joined(walk.replicas).astype(float)) or plan
    return plan


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_walks_from_a_poor_plan_come_near_the_optimum(seed: int) -> None:
    best, found = solve(drawn(seed), gap=1e-5), []
    for _ in range(2):
        search, plan = searched(drawn(seed))
        plan = worsened(search, plan)
        assert plan.objective > best.objective * 1.01
        walks = Exchanges(search.small, search.evaluate, 1e-3, NEVER, np.random.default_rng(seed))
        found.append(walks.run(plan, best.bound).objective)
    assert best.bound * (1 - 1e-6) <= found[0] <= best.objective * 1.002
    assert found[0] == found[1]


def test_one_walk_starts_from_the_best_plan_and_one_from_any_of_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchanges, "side_by_side", lambda one, turns: [one(turn) for turn in turns])
    began: list[Ints] = []
    known = Walk.__post_init__

    def noted(walk: Walk) -> None:
        began.append(np.concatenate(walk.replicas))
        known(walk)

    monkeypatch.setattr(Walk, "__post_init__", noted)
    search, plan = searched(drawn(1))
    walks = Exchanges(search.small, search.evaluate, 1e-6, NEVER, np.random.default_rng(0))
    usd: list[float] = []
    judge = walks.evaluate

    def priced(replicas: Floats) -> Point | None:
        found = judge(replicas)
        usd.extend([] if found is None else [found.objective])
        return found

    walks.evaluate = priced
    start = worsened(search, plan)
    began.clear()
    best = walks.run(start, 0.0)
    first, other = began[::2], began[1::2]
    assert best.objective == min(usd)
    found = np.rint(best.x[search.small.adaptive.master.replicas]).astype(np.int64)
    assert np.array_equal(first[-1], found.ravel())
    assert any(not np.array_equal(start, lead) for start, lead in zip(other, first, strict=True))


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_first_plan_is_rounded_from_the_relaxation(seed: int) -> None:
    problem = drawn(seed)
    search, known = searched(problem)
    walks = Exchanges(search.small, search.evaluate, 1e-6, NEVER, np.random.default_rng(0))
    root = search.small.adaptive.program.relaxation(NEVER)
    assert root.x is not None
    first = walks.first(root.x[search.small.adaptive.master.replicas])
    assert first is not None
    best = solve(problem, gap=1e-6, time_limit_s=60.0)
    assert best.bound <= first.objective <= 1.2 * known.objective
    assert walks.run(first, best.bound).objective <= first.objective


def test_no_step_is_drawn_once_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    search, plan = searched(drawn(1))
    monkeypatch.setattr(Walk, "step", lambda _self, _heat: pytest.fail("a step was drawn"))
    stop = Stop(60.0)
    stop.interrupt()
    walks = Exchanges(search.small, search.evaluate, 1e-9, stop, np.random.default_rng(0))
    assert walks.run(plan, 0.0) is plan
    walks.stop = NEVER
    assert walks.run(plan, plan.objective) is plan


@pytest.mark.parametrize("seed", [1, 2])
def test_where_replicas_cost_nothing_walks_go_by_what_steering_costs(seed: int) -> None:
    problem = drawn(seed)
    free = replace(problem, cost_usd_month=np.zeros_like(problem.cost_usd_month))
    found = solve(free, gap=1e-3)
    assert found.status == "optimal"
    paid = solve(problem, gap=1e-3)
    assert 0 < found.objective < paid.objective

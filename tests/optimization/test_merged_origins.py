"""Origins of one class: the program over classes is the one over each origin, only smaller."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from planner.optimization import merged_program
from planner.optimization.candidates import judged
from planner.optimization.columns import order_columns
from planner.optimization.first_choices import FirstChoices
from planner.optimization.loads import loads_rps
from planner.optimization.merged_origins import merged_origins
from planner.optimization.merged_program import each_origin, steering_program
from planner.optimization.optimize import solve
from planner.optimization.relaxation import add_cuts, relax
from planner.optimization.search import search
from planner.optimization.static import static_program
from planner.optimization.stopping import NEVER
from planner.problem.arrays import Floats, Problem
from planner.units import gbps_from_payload
from tests.benchmarks.generators import survivable_capacity


def drawn(seed: int, services: int = 1, order: int = 1, origins: int = 14) -> Problem:
    """Return a problem of four regions in which an origin may use the nearest three."""
    problem = survivable_capacity(seed, 4, origins, services, order, steering="static", load=0.8)
    near = np.argsort(np.argsort(problem.rtt_ms, axis=1), axis=1) < 3
    return replace(
        problem,
        admissible=problem.admissible & near,
        state_admissible=problem.state_admissible & near,
    )


def roomy(problem: Problem) -> Problem:
    """Return the problem with pools that hold all that any service may have."""
    return replace(
        problem,
        max_replicas=np.full_like(problem.max_replicas, 400),
        pools=replace(problem.pools, servers=problem.pools.servers * 500),
    )


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merge also where that leaves more columns than half."""
    monkeypatch.setattr(merged_program, "_FEWER", 100.0)


def merged_of(problem: Problem) -> FirstChoices:
    """Return the first choices of all origins, merged whatever it gains."""
    merged = merged_origins(problem)
    return FirstChoices.of(merged, order_columns(merged.problem))


def any_shares(firsts: FirstChoices, rng: np.random.Generator) -> Floats:
    """Return shares of the classes' orders, a third of them nothing."""
    group = firsts.columns.group
    share = rng.exponential(size=group.size) * (rng.random(group.size) < 0.7) + 1e-9
    return share / np.bincount(group, share)[group]


def test_classes_have_the_same_regions_and_profile_and_the_demand_of_all() -> None:
    problem = drawn(3, services=2)
    demand = problem.demand_rps.copy()
    demand[:, 5] = 3.0 * demand[:, 2]
    admissible = problem.state_admissible.copy()
    admissible[:, :, 5] = admissible[:, :, 2]
    merged = merged_origins(replace(problem, demand_rps=demand, state_admissible=admissible))
    assert merged.of[5] == merged.of[2]
    assert merged.part[:, 5] == pytest.approx(3.0 * merged.part[:, 2])
    for name in np.unique(merged.of):
        same = np.flatnonzero(merged.of == name)
        assert (admissible[:, :, same] == admissible[:, :, same[:1]]).all()
        assert merged.problem.demand_rps[:, name] == pytest.approx(demand[:, same].sum(axis=1))
    assert merged.problem.demand_rps.shape[1] < 14


def test_origins_that_call_at_other_hours_are_not_merged() -> None:
    problem = drawn(1)
    demand = np.repeat(problem.demand_rps, 2, axis=2)
    admissible = np.repeat(problem.state_admissible[:, :, :1], 14, axis=2)
    alike = replace(problem, demand_rps=demand, state_admissible=admissible)
    assert merged_origins(alike).of.max() == 0
    demand = demand.copy()
    demand[0, 4, 1] *= 2
    demand[0, 9] = 0.0
    other = merged_origins(replace(alike, demand_rps=demand))
    assert np.bincount(other.of).tolist().count(1) == 2
    assert other.part[0, 9] == 0.0


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("services", "order"), [(1, 0), (1, 2), (3, 1)])
def test_the_relaxation_is_that_of_each_origin(seed: int, services: int, order: int) -> None:
    problem = roomy(drawn(seed, services, order, origins=30))
    columns = order_columns(problem)
    one, other = static_program(problem, columns, 0), steering_program(problem, columns, 0)
    assert other.firsts is not None
    values = [add_cuts(each, NEVER, 1e-9).objective for each in (one, other)]
    assert np.isfinite(values).all()
    assert values[1] == pytest.approx(values[0], rel=1e-7)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("seed", range(6))
def test_lost_requests_are_priced_alike(seed: int) -> None:
    problem = drawn(seed, order=2, origins=30)
    promised = problem.region_up.sum(axis=1) > 2
    problem = replace(
        problem,
        must_survive=promised,
        usd_per_lost_request=0.01,
        state_probability=np.full(promised.size, 1e-3),
    )
    assert order_columns(merged_origins(problem).problem).cost_usd_month.max() > 0
    columns = order_columns(problem)
    one, other = static_program(problem, columns, 0), steering_program(problem, columns, 0)
    assert other.firsts is not None
    values = [relax(each, NEVER, 1e-9).objective for each in (one, other)]
    assert np.isfinite(values).all()
    assert one.excess
    assert values[1] == pytest.approx(values[0], rel=1e-6)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("seed", range(4))
def test_a_plan_of_classes_is_one_of_each_origin_at_the_same_cost(seed: int) -> None:
    problem = roomy(drawn(seed, services=2, origins=30))
    columns = order_columns(problem)
    static = steering_program(problem, columns, 0)
    found = search(static, 1e-3, NEVER)
    assert static.firsts is not None
    assert found.best is not None
    whole, plan = each_origin(static, found.best, 0)
    assert whole.firsts is None
    again = judged(whole, plan.replicas, plan.share)
    assert again is not None
    assert again.objective == pytest.approx(found.best.objective, rel=1e-9)
    exact = search(static_program(problem, columns, 0), 1e-3, NEVER)
    assert exact.best is not None
    assert found.bound <= exact.best.objective + 1e-6
    assert exact.bound <= found.best.objective + 1e-6


@given(seed=st.integers(0, 10_000))
def test_orders_that_are_handed_out_load_as_those_of_the_classes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    problem = drawn(seed % 7, services=2)
    firsts, columns = merged_of(problem), order_columns(problem)
    share = any_shares(firsts, rng)
    triple, order, part = firsts.handed_out(share)
    assert (firsts.columns.order[order, 0] == firsts.region[triple]).all()
    assert part.min() > 0
    each = np.zeros((columns.called.shape[0], 14))
    np.add.at(each, (firsts.host[triple], firsts.origin[triple]), part)
    assert each == pytest.approx(columns.called.astype(float), abs=1e-6)
    plan = np.zeros(columns.host.size)
    for one, other, some in zip(triple, order, part, strict=True):
        row = (columns.host == firsts.host[one]) & (columns.origin == firsts.origin[one])
        row &= (columns.order == firsts.columns.order[other]).all(axis=1)
        assert row.sum() == 1
        plan[row] += some
    expected = loads_rps(firsts.merged.problem, firsts.columns, share)
    assert loads_rps(problem, columns, plan) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert float(columns.cost_usd_month @ plan) == pytest.approx(firsts.chosen(share)[1])


@example(seed=229)
@given(seed=st.integers(0, 10_000))
def test_first_regions_cost_what_the_transportation_problem_written_out_costs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    firsts = merged_of(drawn(seed % 5, services=2))
    share = any_shares(firsts, rng)
    x, usd = firsts.chosen(share)
    wanted = np.zeros(firsts.begin.max() + 1)
    for begins, some in zip(firsts.begins, share, strict=True):
        wanted[begins] += some
    row = [*((firsts.begin == at) * firsts.part for at in range(wanted.size))]
    to = list(wanted)
    for host, origin in {*zip(firsts.host.tolist(), firsts.origin.tolist(), strict=True)}:
        row.append(((firsts.host == host) & (firsts.origin == origin)).astype(float))
        to.append(1.0)
    peer = linprog(firsts.usd_month, A_eq=np.array(row), b_eq=np.array(to), bounds=(0, 1))
    assert peer.success
    assert usd == pytest.approx(peer.fun, rel=1e-7)
    assert np.array(row) @ x == pytest.approx(np.array(to), abs=1e-7)


def with_surge(problem: Problem) -> Problem:
    """Return the problem with a pod more of each service while it is rolled out, in full pools."""
    surge = problem.surge_replicas + 1
    return replace(drawn(1, services=2, origins=30), surge_replicas=np.repeat(surge, 2))


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("less", [1e-4, 1e-6, 1e-8, 1e-11])
def test_an_origin_with_next_to_no_demand_keeps_its_orders(less: float, order: int) -> None:
    problem = drawn(1, order=order, origins=30)
    demand = problem.demand_rps.copy()
    demand[:, [2, 6]] *= less
    problem = replace(problem, demand_rps=demand)
    static = steering_program(problem, order_columns(problem), 0)
    assert static.firsts is not None
    assert static.firsts.part.min() > 1e-5
    found = search(static, 1e-3, NEVER)
    assert found.best is not None
    whole, plan = each_origin(static, found.best, 0)
    assert np.bincount(whole.columns.group, plan.share) == pytest.approx(np.ones(30))
    solution = solve(problem, gap=1e-3)
    assert np.bincount(solution.origin, solution.share) == pytest.approx(np.ones(30))


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("seed", [0, 1, 3, 5])
def test_several_services_behind_a_host_and_busy_uplinks_make_no_difference(seed: int) -> None:
    problem = roomy(drawn(seed, services=3, origins=30))
    demand = problem.demand_rps.copy()
    demand[1:] = demand[:1] * np.array([0.5, 2.0])[:, None, None]
    payload_kib = np.array([10.0, 30.0, 20.0])
    kib = demand.sum(axis=(1, 2)) @ payload_kib
    problem = replace(
        problem,
        demand_rps=demand,
        host_of_service=np.array([0, 0, 1]),
        axes=replace(problem.axes, hosts=problem.axes.hosts[:2]),
        payload_kib=payload_kib,
        uplink_gbps=np.full(4, 0.38 * gbps_from_payload(1.0, float(kib))),
    )
    columns = order_columns(problem)
    one, other = static_program(problem, columns, 0), steering_program(problem, columns, 0)
    assert other.firsts is not None
    values = [add_cuts(each, NEVER, 1e-9).objective for each in (one, other)]
    assert np.isfinite(values).all()
    assert values[1] == pytest.approx(values[0], rel=1e-7)
    assert (one.uplink_row >= 0).any()
    assert (other.uplink_row >= 0).any()


@pytest.mark.usefixtures("always")
def test_nothing_is_merged_where_places_are_paid_for_or_origins_are_whole() -> None:
    problem = drawn(1, origins=30)
    columns = order_columns(problem)
    assert steering_program(problem, columns, 0).firsts is not None
    for other in (
        replace(problem, fixed_cost_usd_month=problem.fixed_cost_usd_month + 5.0),
        replace(problem, min_replicas=problem.min_replicas + 2),
        with_surge(problem),
        replace(problem, split_origins=False),
        replace(problem, demand_rps=np.zeros_like(problem.demand_rps)),
    ):
        assert steering_program(other, order_columns(other), 0).firsts is None


@pytest.mark.usefixtures("always")
def test_the_shares_of_a_solution_are_those_of_each_origin() -> None:
    problem = drawn(2, services=2, origins=30)
    found = solve(problem, gap=1e-3)
    exact = search(static_program(problem, order_columns(problem), 0), 1e-3, NEVER)
    assert exact.best is not None
    assert exact.bound <= found.objective * (1 + 1e-9)
    assert found.bound <= exact.best.objective * (1 + 1e-9)
    total = np.zeros((len(problem.axes.hosts), 30))
    np.add.at(total, (found.host, found.origin), found.share)
    called = np.zeros(total.shape)
    np.logical_or.at(called, problem.host_of_service, problem.demand_rps.max(axis=2) > 0)
    assert total == pytest.approx(called)

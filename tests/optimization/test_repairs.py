"""Ways out do: each repaired problem has a plan by another solver, and the words say what it is."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.model.policy import DnsRules
from planner.optimization.clash import clash
from planner.optimization.levels import losses
from planner.optimization.optimize import solve
from planner.optimization.repairs import Repair, repairs
from planner.optimization.stopping import Stop
from planner.problem.arrays import Problem
from planner.problem.build import build_problem
from planner.studies.main_job import optimize
from tests.oracles.instances import random_problem
from tests.oracles.some_plan import has_plan, least_cost

SMALL = Path(__file__).parent.parent / "data" / "good" / "small.yaml"
COST = re.compile(
    r": then a plan costs(, lost requests aside,)? [\d,]+( to [\d,]+)? USD a month"
    r"(, .* with what is added)?$"
)


def built(text: str, folder: Path) -> Problem:
    path = folder / "scenario.yaml"
    path.write_text(text)
    scenario = read_scenario(path)
    return build_problem(scenario, failure_states(scenario))


@pytest.fixture(scope="module")
def small() -> Problem:
    scenario = read_scenario(SMALL)
    return build_problem(scenario, failure_states(scenario))


def found(problem: Problem) -> tuple[Repair, ...]:
    clashing = clash(problem, Stop(30.0), 0)
    assert clashing is not None
    return repairs(problem, clashing.promises, Stop(60.0), 0)


def checked(ways: tuple[Repair, ...]) -> None:
    """Check that each way does, costs what it says, and stands in order."""
    costs = []
    for way in ways:
        least = least_cost(way.problem)
        assert np.isfinite(least), way.text
        assert way.objective is not None
        assert way.bound is not None
        assert way.bound <= least * (1 + 1e-6)
        assert least <= way.objective * (1 + 1e-6)
        costs.append(way.objective + way.bought_usd_month)
    assert costs == sorted(costs)


@pytest.mark.parametrize("steering", ["static", "adaptive"])
def test_random_problems_have_a_plan_after_each_repair(steering: str) -> None:
    repaired, kinds = 0, set()
    for seed in range(9):
        problem = random_problem(
            seed, regions=3, origins=3, hours=1, services=1 + seed % 2, order=1
        )
        problem = replace(
            problem,
            demand_rps=problem.demand_rps * 2.5,
            steering="static" if steering == "static" else "adaptive",
        )
        clashing = clash(problem, Stop(30.0), 0)
        if clashing is None:
            continue
        for way in repairs(problem, clashing.promises, Stop(60.0), 0):
            assert has_plan(way.problem), (seed, way.text)
            kinds.add(way.text.split()[0])
            repaired += 1
    assert repaired >= 4
    assert len(kinds) >= 2


def test_too_much_demand_is_met_by_servers(small: Problem) -> None:
    problem = replace(small, demand_rps=small.demand_rps * 8, max_replicas=small.max_replicas * 9)
    ways = found(problem)
    checked(ways)
    assert ways[0].text.startswith("add 1 server to ")
    assert ways[0].bought_usd_month == 800
    assert all(COST.search(str(way)) for way in ways)


def test_a_ceiling_is_raised_no_more_than_needed(small: Problem) -> None:
    problem = replace(
        small, ceiling_normal_share=0.1, max_replicas=np.minimum(small.max_replicas, 3)
    )
    ways = found(problem)
    checked(ways)
    ceilings = [w for w in ways if "busy with everything up" in w.text]
    for way in ceilings:
        share = int(re.search(r"be (\d+) % busy", way.text)[1])  # type: ignore[index]
        assert not has_plan(replace(problem, ceiling_normal_share=(share - 1) / 100))
    assert ceilings


def test_a_lost_home_is_cured_by_another_home(tmp_path: Path) -> None:
    homes = "home_share: 0.3\n    home_regions: [taipei{}]"
    text = SMALL.read_text().replace(homes.format(", singapore"), homes.format(""))
    ways = found(built(text, tmp_path))
    checked(ways)
    named = [way.text for way in ways if "as a home of orders too" in way.text]
    assert named
    region = named[0].split()[1]
    cured = text.replace(homes.format(""), homes.format(f", {region}"))
    assert has_plan(built(cured, tmp_path))


def test_a_limit_is_loosened_to_the_least_that_does(tmp_path: Path) -> None:
    old = "{p95_ms: 400.0, emergency_p95_ms: 600.0}"

    def limits(normal: int) -> str:
        new = f"{{p95_ms: {normal}.0, emergency_p95_ms: 600.0}}"
        return SMALL.read_text().replace(old, new)

    ways = found(built(limits(60), tmp_path))
    checked(ways)
    said = re.search(r"raise p95_ms of api from 60 to (\d+)", ways[0].text)
    assert said
    least = int(said[1])
    assert has_plan(built(limits(least), tmp_path))
    assert not has_plan(built(limits(least - 1), tmp_path))


def test_the_face_raises_advice_and_can_be_told_not_to(small: Problem) -> None:
    problem = replace(small, max_replicas=np.minimum(small.max_replicas, 1))
    with pytest.raises(Infeasible) as advised:
        optimize(problem)
    assert advised.value.tried
    assert advised.value.promises
    assert "ways out, cheapest first, each tried:" in str(advised.value)
    with pytest.raises(Infeasible) as plain:
        optimize(problem, advice_s=0.0)
    assert not plain.value.promises
    assert "cheapest way out:" in str(plain.value)


@pytest.mark.parametrize(
    ("state", "count"),
    [
        ("all up", {}),
        ("taipei + tokyo down", {"regions": 2}),
        ("taipei down, luzon-strait cut", {"regions": 1, "risk_groups": 1}),
        ("link taipei-tokyo + taipei-singapore down", {"links": 2}),
        ("1 of 3 servers of taipei/main lost", {}),
    ],
)
def test_losses_are_counted_by_kind(state: str, count: dict[str, int]) -> None:
    assert dict(losses(state, read_scenario("taiwan"))) == count


def test_no_way_is_one_that_rules_of_dns_cannot_go() -> None:
    rules, ways = DnsRules(kind="list"), 0
    for seed in (20008, 20010, 20020, 20052):
        drawn = random_problem(seed, origins=3, hours=1)
        problem = replace(drawn, split_origins=True, rules=rules)
        for way in found(problem):
            ways += 1
            assert solve(way.problem, time_limit_s=20.0).objective > 0, (seed, way.text)
    assert ways >= 3


@pytest.mark.parametrize(("usd", "aside"), [(0.0001, True), (0.0, False)])
def test_a_way_says_that_it_leaves_lost_requests_aside_where_they_cost(
    small: Problem, usd: float, aside: bool
) -> None:
    few = np.minimum(small.max_replicas, 1)
    ways = found(replace(small, max_replicas=few, usd_per_lost_request=usd))
    assert ways
    assert all(("costs, lost requests aside," in str(way)) is aside for way in ways)


def test_what_is_bought_is_part_of_what_a_way_costs(small: Problem) -> None:
    bought = str(Repair("add 1 server", small, 400.0, 1010.0, 1000.0, False))
    assert bought.endswith(
        "(400 USD a month): then a plan costs 1,000 to 1,010 USD a month, "
        "1,400 to 1,410 with what is added"
    )
    assert str(Repair("ask less", small, 0.0, 1000.0, 1000.0, False)).endswith(
        "ask less: then a plan costs 1,000 USD a month"
    )


def test_a_limit_is_raised_and_what_is_missing_besides_is_bought(tmp_path: Path) -> None:
    text = SMALL.read_text().replace("{p95_ms: 400.0,", "{p95_ms: 60.0,")
    ways = found(built(text.replace("peak_factor: 1.2", "peak_factor: 9.0"), tmp_path))
    checked(ways)
    assert any("raise p95_ms of api from 60" in way.text and "add " in way.text for way in ways)


def test_states_are_given_up_and_what_is_missing_besides_is_bought(tmp_path: Path) -> None:
    text = SMALL.read_text().replace("peak_factor: 1.2", "peak_factor: 9.0")
    text = text.replace("orders: [singapore, taipei]", "orders: [singapore]")
    ways = found(built(text, tmp_path))
    checked(ways)
    assert any("regions 0 instead of 1" in way.text and "add " in way.text for way in ways)


def test_normal_limits_are_not_raised_above_those_of_emergencies(tmp_path: Path) -> None:
    text = SMALL.read_text().replace("survive: {regions: 1}", "survive: {regions: 0}")
    text = text.replace("emergency_p95_ms: 600.0", "emergency_p95_ms: 60.0")
    ways = found(built(text.replace("{p95_ms: 400.0", "{p95_ms: 60.0"), tmp_path))
    checked(ways)
    raised = [way for way in ways if "raise p95_ms of api" in way.text]
    assert raised
    for way in raised:
        assert (way.problem.emergency_limit_ms >= way.problem.limit_ms).all()
        assert "raise emergency_p95_ms of api" in way.text


def test_the_normal_ceiling_is_not_raised_above_that_of_emergencies(tmp_path: Path) -> None:
    text = SMALL.read_text().replace("survive: {regions: 1}", "survive: {regions: 0}")
    text = text.replace("ceiling_normal_share: 0.6", "ceiling_normal_share: 0.1")
    text = text.replace("ceiling_emergency_share: 0.8", "ceiling_emergency_share: 0.1")
    ways = found(built(text.replace("max_replicas: 12", "max_replicas: 2"), tmp_path))
    checked(ways)
    fuller = [way for way in ways if "busy with everything up" in way.text]
    assert fuller
    for way in fuller:
        assert way.problem.ceiling_emergency_share >= way.problem.ceiling_normal_share
        assert "as busy in failure states" in way.text


def test_a_plan_costs_what_is_said_once_servers_are_bought(tmp_path: Path) -> None:
    small = "  edge-4c: {cpu_cores: 4.0, memory_gib: 30.0, cost_usd_month: 5.0}\nregions:\n"
    pool = "      main: {server_type: edge-16c, servers: 2}\n"
    more = pool + "      more: {server_type: edge-4c, servers: 1}\n"
    text = SMALL.read_text().replace("\nregions:\n", "\n" + small).replace(pool, more)
    text = text.replace("peak_factor: 1.2", "peak_factor: 9.0")
    way = found(built(text.replace("max_replicas: 12", "max_replicas: 90"), tmp_path))[0]
    given = re.findall(r"add (\d+) servers? to (\w+)/more", way.text)
    assert given
    for count, region in given:
        head, tail = text.split(f"\n  {region}:\n", 1)
        tail = tail.replace("edge-4c, servers: 1", f"edge-4c, servers: {1 + int(count)}", 1)
        text = f"{head}\n  {region}:\n{tail}"
    bought = built(text, tmp_path).cost_usd_month
    assert way.problem.cost_usd_month == pytest.approx(bought)


def test_no_way_is_another_in_other_order(tmp_path: Path) -> None:
    both = "{p95_ms: 60.0, emergency_p95_ms: 70.0}"
    text = SMALL.read_text().replace("{p95_ms: 400.0, emergency_p95_ms: 600.0}", both)
    text = text.replace("survive: {regions: 1}", "survive: {regions: 0}")
    ways = found(built(text, tmp_path))
    assert any(way.text.count("raise ") == 2 for way in ways)
    assert len({frozenset(way.text.split(", ")) for way in ways}) == len(ways)

"""What an infeasible scenario is told is true: buying just that makes it feasible."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.optimization import elastic
from planner.optimization.explain import explain
from planner.optimization.highs_answers import MilpResult
from planner.optimization.optimize import solve
from planner.problem.arrays import Problem
from planner.problem.build import build_problem
from planner.units import gbps_from_payload
from tests.oracles import extensive_form
from tests.oracles.instances import random_problem

SMALL = Path(__file__).parent.parent / "data" / "good" / "small.yaml"

SERVERS = re.compile(r"add (\d+) servers? to (\S+) \(([\d,]+) USD a month\)")
REPLICAS = re.compile(r"raise max_replicas of (\S+) from (\d+) to (\d+)")
UPLINK = re.compile(r"add ([\d.]+) Gbit/s of uplink in (\S+)")
LIMIT = re.compile(r"(\d+) ms instead of (\d+) ms for (\S+) \((\S+), state '([^']+)'\)")


def built(text: str, folder: Path) -> Problem:
    path = folder / "scenario.yaml"
    path.write_text(text)
    scenario = read_scenario(path)
    return build_problem(scenario, failure_states(scenario))


@pytest.fixture(scope="module")
def small() -> Problem:
    scenario = read_scenario(SMALL)
    return build_problem(scenario, failure_states(scenario))


def refused(problem: Problem) -> Infeasible:
    with pytest.raises(Infeasible) as caught:
        solve(problem, time_limit_s=20.0)
    return caught.value


def bought(problem: Problem, ways: tuple[str, ...]) -> Problem:
    """Do exactly what the sentences say."""
    axes, pools = problem.axes, problem.pools
    servers, uplink = pools.servers.copy(), problem.uplink_gbps.copy()
    top = problem.max_replicas.copy()
    for way in ways:
        if found := SERVERS.fullmatch(way):
            pool = pools.names.index(found[2])
            servers[pool] += int(found[1])
            price = pools.server_cost_usd_month[pool] * int(found[1])
            assert float(found[3].replace(",", "")) == pytest.approx(price, abs=0.5)
        elif found := REPLICAS.fullmatch(way):
            mine = top[axes.services.index(found[1])]
            assert mine.max() == int(found[2])
            mine[mine > 0] = int(found[3])
        else:
            found = UPLINK.fullmatch(way)
            assert found, way
            uplink[axes.regions.index(found[2])] += float(found[1])
    pools = replace(pools, servers=servers)
    return replace(problem, pools=pools, uplink_gbps=uplink, max_replicas=top)


TIGHT: dict[str, tuple[Callable[[Problem], Problem], re.Pattern[str]]] = {
    "hardware": (
        lambda p: replace(p, demand_rps=p.demand_rps * 12, max_replicas=p.max_replicas * 9),
        SERVERS,
    ),
    "replicas": (lambda p: replace(p, max_replicas=np.minimum(p.max_replicas, 1)), REPLICAS),
    "uplink": (lambda p: replace(p, uplink_gbps=p.uplink_gbps * 0.002), UPLINK),
    "everything": (
        lambda p: replace(p, demand_rps=p.demand_rps * 15, uplink_gbps=p.uplink_gbps * 0.03),
        SERVERS,
    ),
}


@pytest.mark.parametrize("steering", ["static", "adaptive"])
@pytest.mark.parametrize("name", TIGHT)
def test_buying_what_is_said_makes_it_feasible(small: Problem, name: str, steering: str) -> None:
    change, kind = TIGHT[name]
    problem = replace(change(small), steering="static" if steering == "static" else "adaptive")
    error = refused(problem)
    assert any(kind.fullmatch(way) for way in error.ways_out)
    assert error.clashes
    assert str(error).startswith("no plan keeps every promise\n")
    found = solve(bought(problem, error.ways_out), gap=1e-3, time_limit_s=20.0)
    assert np.isfinite(found.objective)


def test_one_server_less_than_said_does_not_do(small: Problem) -> None:
    change, _ = TIGHT["hardware"]
    problem = change(small)
    error = refused(problem)
    cured = bought(problem, error.ways_out)
    cured = replace(cured, axes=replace(cured.axes, hours=tuple(range(len(cured.axes.hours)))))
    for pool in np.flatnonzero(cured.pools.servers > problem.pools.servers):
        fewer = cured.pools.servers.copy()
        fewer[pool] -= 1
        lacking = replace(cured, pools=replace(cured.pools, servers=fewer))
        assert extensive_form.solve(lacking) == (np.inf, None)


def test_the_clash_names_state_hour_and_region(small: Problem) -> None:
    error = refused(TIGHT["hardware"][0](small))
    axes, pattern = (
        small.axes,
        re.compile(r"(\w+): the load of (\w+) in state '(.+)' at (\d\d):00 UTC does not fit its p"),
    )
    for clash in error.clashes:
        found = pattern.match(clash)
        assert found, clash
        assert found[1] in axes.services
        assert found[2] in axes.regions
        assert small.must_survive[axes.states.index(found[3])]
        assert int(found[4]) in axes.hours


def with_limits(normal_ms: int, emergency_ms: int) -> str:
    """Return the small scenario with other limits of its first service."""
    old = "{p95_ms: 400.0, emergency_p95_ms: 600.0}"
    new = f"{{p95_ms: {normal_ms}.0, emergency_p95_ms: {emergency_ms}.0}}"
    return SMALL.read_text().replace(old, new)


def test_what_a_narrow_uplink_needs_is_told_apart_from_what_it_has(small: Problem) -> None:
    peak = float(np.einsum("soh,s->h", small.demand_rps, small.payload_kib).max())
    for gbps in (0.03, 0.0003):
        payload = small.payload_kib * 2.01 * gbps / gbps_from_payload(peak, 1.0)
        uplinks = np.full(small.uplink_gbps.shape, gbps)
        error = refused(replace(small, payload_kib=payload, uplink_gbps=uplinks))
        lines = [line for line in error.clashes if line.startswith("uplink")]
        assert lines
        for line in lines:
            needs, has = (float(n) for n in re.findall(r"(?:needs|has) ([\d.e-]+)", line))
            assert needs > has == pytest.approx(gbps)


@pytest.mark.parametrize("limit", [20, 60, 130, 180])
def test_the_limits_that_are_named_are_those_that_are_needed(limit: int, tmp_path: Path) -> None:
    error = refused(built(with_limits(limit, limit), tmp_path))
    needed = {True: limit, False: limit}
    for way in error.ways_out:
        found = LIMIT.fullmatch(way)
        assert found, way
        assert (int(found[2]), found[4]) == (limit, "api")
        normal = found[5] == "all up"
        needed[normal] = max(needed[normal], int(found[1]))
    assert error.clashes
    assert np.isfinite(solve(built(with_limits(needed[True], needed[False]), tmp_path)).objective)
    # What was named was needed: two milliseconds less do not do.
    if needed[True] > limit:
        refused(built(with_limits(needed[True] - 2, needed[False]), tmp_path))
    if needed[False] > limit:
        refused(built(with_limits(needed[True], needed[False] - 2), tmp_path))


def test_residency_is_no_matter_of_milliseconds(tmp_path: Path) -> None:
    text = SMALL.read_text().replace("orders: [singapore, taipei]", "orders: [singapore]")
    error = refused(built(text, tmp_path))
    assert error.ways_out == ("allow another region for orders (allowed_regions, residency)",)
    assert error.clashes == (
        "orders: no region that its lists allow is up for SG in state 'singapore down'",
    )


def test_a_lost_home_is_named(tmp_path: Path) -> None:
    text = SMALL.read_text().replace(
        "home_share: 0.3\n    home_regions: [taipei, singapore]",
        "home_share: 0.3\n    home_regions: [taipei]",
    )
    error = refused(built(text, tmp_path))
    assert error.clashes == ("orders: none of its home_regions is up in state 'taipei down'",)
    assert error.ways_out == ("name more home_regions for orders",)


def test_random_problems_become_feasible_by_what_they_are_told() -> None:
    cured = 0
    for seed in range(300, 420):
        problem = random_problem(seed)
        try:
            solve(problem, gap=1e-3, time_limit_s=10.0)
        except Infeasible as error:
            if not error.ways_out or any(LIMIT.fullmatch(way) for way in error.ways_out):
                continue
            changed = bought(problem, error.ways_out)
            assert np.isfinite(extensive_form.solve(changed)[0]), seed
            cured += 1
    assert cured >= 10


def test_what_is_missing_is_not_made_up_where_time_is_up(
    small: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = MilpResult("limit", None, np.inf, -np.inf)
    monkeypatch.setattr(elastic, "relax", lambda *_: late)
    short = replace(small, demand_rps=small.demand_rps * 40)
    error = explain(short, None, 0)
    assert error.clashes == ("what is missing was not found before the search ended",)
    assert not error.ways_out


def with_one_server(text: str) -> str:
    """Return a scenario of regions with one server each, which may be lost."""
    text = text.replace("  ceiling_normal", "  survive_server_loss: true\n  ceiling_normal")
    return text.replace("servers: 2}", "servers: 1}")


def test_where_a_lost_server_leaves_none_one_is_bought(tmp_path: Path) -> None:
    head, tail = with_one_server(SMALL.read_text()).split("  singapore:\n    cluster", 1)
    tail = tail.replace("servers: 1}", "servers: 5}").replace("regions: 1}", "regions: 0}")
    pinned = "pinned_regions: [taipei]\n    allowed_regions: [taipei, singapore]"
    text = f"{head}  singapore:\n    cluster{tail}"
    text = text.replace("port: 8080\n", f"surge_replicas: 0\n    {pinned}\n")
    text = text.replace("preset: balanced", "preset: cost")
    problem = built(text, tmp_path)
    error = refused(problem)
    assert error.ways_out == ("add 1 server to taipei/main (400 USD a month)",)
    assert solve(bought(problem, error.ways_out), time_limit_s=20.0).objective > 0


@pytest.mark.parametrize("preset", ["cost", "balanced", "latency"])
def test_no_cheaper_purchase_does_whatever_latency_is_worth(preset: str, tmp_path: Path) -> None:
    text = with_one_server(SMALL.read_text()).replace("preset: balanced", f"preset: {preset}")
    problem = built(text.replace("propensity_share: 0.0", "propensity_share: 0.00"), tmp_path)
    ways = refused(problem).ways_out
    assert all(way.startswith("add 1 server to") for way in ways)
    for fewer in combinations(range(3), len(ways) - 1):
        more = problem.pools.servers + np.bincount(fewer, minlength=3)
        pools = replace(problem.pools, servers=more)
        refused(replace(problem, pools=pools))
    assert solve(bought(problem, ways), time_limit_s=20.0).objective > 0

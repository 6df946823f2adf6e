"""Promises that are said to clash do, and without any one of them the others can be kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.errors import Infeasible
from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.optimization.advice import advised
from planner.optimization.clash import clash
from planner.optimization.promises import Loosened, Promise, loosened, promises, without
from planner.optimization.stopping import Stop
from planner.optimization.trial import promised_only, tried
from planner.problem.arrays import Problem
from planner.problem.build import build_problem
from tests.oracles.instances import random_problem
from tests.oracles.some_plan import has_plan

SMALL = Path(__file__).parent.parent / "data" / "good" / "small.yaml"


def scarce(seed: int) -> Problem:
    """Return a problem that mostly has no plan: too few servers, replicas or too little uplink."""
    problem = random_problem(seed, regions=3, origins=3, hours=1)
    factor = (1.6, 2.5, 4.0)[seed % 3]
    problem = replace(problem, demand_rps=problem.demand_rps * factor)
    if seed % 2:
        problem = replace(problem, uplink_gbps=problem.uplink_gbps * 0.4)
    return problem


def kept_only(base: Loosened, kept: tuple[Promise, ...]) -> Problem:
    """Return the problem that promises no more than some of its promises."""
    left_out = [p for p in promises(base.problem) if p not in kept]
    return promised_only(without(base, left_out))


@pytest.mark.parametrize("steering", ["static", "adaptive"])
def test_the_clash_is_one_and_without_any_member_it_is_none(
    steering: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine shall not decide what is irreducible.
    monkeypatch.setattr("planner.optimization.clash._TRIAL_S", 300.0)
    checked, sizes = 0, []
    for seed in range(14):
        problem = replace(scarce(seed), steering="static" if steering == "static" else "adaptive")
        if has_plan(problem):
            continue
        found = clash(problem, Stop(600.0), 0)
        if found is None:
            continue
        base = loosened(promised_only(problem))
        assert found.irreducible, seed
        assert not has_plan(kept_only(base, found.promises)), seed
        for promise in found.promises:
            rest = tuple(p for p in found.promises if p != promise)
            assert has_plan(kept_only(base, rest)), (seed, str(promise))
        checked += 1
        sizes.append(len(found.promises))
    assert checked >= 6
    assert len(set(sizes)) >= 2


def test_a_trial_says_what_the_extensive_form_says() -> None:
    said = set()
    for seed in range(200, 230):
        problem = scarce(seed) if seed % 2 else random_problem(seed, regions=3, origins=3)
        verdict = tried(promised_only(problem), Stop(20.0), 0).verdict
        assert verdict == ("feasible" if has_plan(problem) else "infeasible"), seed
        said.add(verdict)
    assert said == {"feasible", "infeasible"}


def test_nothing_clashes_where_there_is_a_plan() -> None:
    scenario = read_scenario(SMALL)
    problem = build_problem(scenario, failure_states(scenario))
    assert clash(problem, Stop(20.0), 0) is None


def test_all_promises_together_are_the_problem_itself() -> None:
    scenario = read_scenario("taiwan")
    problem = promised_only(build_problem(scenario, failure_states(scenario)))
    same = without(loosened(problem), [])
    assert (same.state_admissible == problem.state_admissible).all()
    assert (same.must_survive == problem.must_survive).all()
    assert (same.pools.servers == problem.pools.servers).all()
    assert (same.max_replicas == problem.max_replicas).all()
    assert (same.uplink_gbps == problem.uplink_gbps).all()
    named = [str(p) for p in promises(problem)]
    assert len(named) == len(set(named))


def built(text: str, folder: Path) -> Problem:
    path = folder / "scenario.yaml"
    path.write_text(text)
    scenario = read_scenario(path)
    return build_problem(scenario, failure_states(scenario))


def test_a_list_of_regions_and_the_loss_of_its_only_one_clash(tmp_path: Path) -> None:
    text = SMALL.read_text().replace("orders: [singapore, taipei]", "orders: [singapore]")
    found = clash(built(text, tmp_path), Stop(20.0), 0)
    assert found is not None
    assert [p.path for p in found.promises] == ["policy.survive", "origins.SG.residency.orders"]
    assert found.promises[0].text == "survive 'singapore down'"
    assert found.promises[1].text == "orders for SG only from singapore"


def test_a_home_and_its_loss_clash(tmp_path: Path) -> None:
    homes = "home_share: 0.3\n    home_regions: [taipei{}]"
    text = SMALL.read_text().replace(homes.format(", singapore"), homes.format(""))
    found = clash(built(text, tmp_path), Stop(20.0), 0)
    assert found is not None
    assert [p.path for p in found.promises] == ["policy.survive", "services.orders.home_regions"]


def test_a_limit_that_nobody_keeps_clashes_with_nothing_else(tmp_path: Path) -> None:
    old = "{p95_ms: 400.0, emergency_p95_ms: 600.0}"
    text = SMALL.read_text().replace(old, "{p95_ms: 20.0, emergency_p95_ms: 600.0}")
    found = clash(built(text, tmp_path), Stop(20.0), 0)
    assert found is not None
    assert [p.path for p in found.promises] == ["services.api.objective.p95_ms"]


def test_without_everything_more_can_be_done_than_with(tmp_path: Path) -> None:
    problem = promised_only(built(SMALL.read_text(), tmp_path))
    base = loosened(problem)
    for promise in promises(problem):
        freer = without(base, [promise])
        assert (freer.state_admissible >= problem.state_admissible).all()
        assert (freer.max_replicas >= problem.max_replicas).all()
        assert (freer.pools.servers >= problem.pools.servers).all()
    nothing = without(base, promises(problem))
    assert nothing.must_survive.sum() == 1
    assert np.isfinite(nothing.uplink_gbps).all()


def test_the_error_names_paths_and_lines() -> None:
    error = Infeasible(["a"], ["b"], [("survive 'x'", "policy.survive")], tried=True)
    assert str(error) == (
        "no plan keeps every promise\n"
        "these clash; leave out any one and the others of them can be kept:\n"
        "  policy.survive: survive 'x'\n"
        "it shows here:\n"
        "  a\n"
        "ways out, cheapest first, each tried:\n"
        "  b"
    )
    assert "\n  line 7  policy.survive: survive 'x'\n" in str(error.at({"policy.survive": 7}))


def test_what_shows_is_about_the_promises_that_clash(tmp_path: Path) -> None:
    old = "{p95_ms: 400.0, emergency_p95_ms: 600.0}"
    new = "{p95_ms: 40.0, emergency_p95_ms: 45.0}"
    assert old in SMALL.read_text()
    text = SMALL.read_text().replace(old, new)
    error = advised(built(text, tmp_path), Infeasible(["of all"], []), Stop(20.0))
    paths = [path for _, path in error.promises]
    assert paths == ["policy.survive", "services.api.objective.emergency_p95_ms"]
    where = [f"{origin} in state 'taipei down'" for origin in ("TW", "SG", "JP", "PH")]
    assert list(error.clashes) == [f"api: no region keeps 45 ms for {each}" for each in where]


def test_ways_that_were_not_tried_are_told_apart() -> None:
    assert "cheapest way out:\n  b" in str(Infeasible(["a"], ["b"]))
    both = str(Infeasible(["a"], ["b", "c"]))
    assert "cheapest way out, all of it together:\n  b\n  c" in both
    either = Infeasible(["a"], ["b", "c"], together=False)
    assert "ways out, not tried:\n  b\n  c" in str(either)
    assert str(either.at({})) == str(either)

"""Named demands as factors on the demand of a problem."""

from __future__ import annotations

import numpy as np
import pytest

from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.model.demands import Demand
from planner.problem.build import build_problem
from planner.problem.demands import demand_factor, under, usual_demands
from tests.oracles.instances import random_problem


def test_factors_of_all_services_and_origins_multiply_and_an_origin_beats_its_continent() -> None:
    scenario = read_scenario("taiwan")
    demand = Demand(
        factor=2.0, services={"api": 3.0}, continents={"Asia": 5.0}, origins={"JP": 7.0}
    )
    factor = demand_factor(scenario, demand)
    services, origins = list(scenario.services), list(scenario.origins)
    api, static = services.index("api"), services.index("static")
    assert factor[api, origins.index("JP")] == 2 * 3 * 7
    assert factor[api, origins.index("TW")] == 2 * 3 * 5
    assert factor[static, origins.index("US")] == 2


def test_the_usual_list_leaves_mid_alone_and_raises_one_continent_at_a_time() -> None:
    scenario = read_scenario("taiwan")
    usual = usual_demands(scenario, 0.9, 1.1)
    assert next(iter(usual)) == "mid"
    assert (demand_factor(scenario, usual["mid"]) == 1).all()
    raised = [demand_factor(scenario, d) > 1 for n, d in usual.items() if n.endswith("-high")]
    assert (np.sum(raised, axis=0) == 1).all()


def test_only_demand_changes() -> None:
    scenario = read_scenario("taiwan")
    problem = build_problem(scenario, failure_states(scenario))
    other = under(problem, Demand(factor=1.5))
    assert np.allclose(other.demand_rps, 1.5 * problem.demand_rps)
    assert other.latency_ms is problem.latency_ms


def test_bare_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="must carry its scenario"):
        under(random_problem(1), Demand())

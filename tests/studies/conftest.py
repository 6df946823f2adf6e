"""The plan of the small scenario, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.model.plan import Plan
from planner.problem.build import build_problem
from planner.studies.main_job import optimize

SMALL = Path(__file__).resolve().parents[1] / "data" / "good" / "small.yaml"


@pytest.fixture(scope="session")
def small_plan() -> Plan:
    scenario = read_scenario(SMALL)
    return optimize(build_problem(scenario, failure_states(scenario)))

"""The plan of the small scenario, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.failures.states import failure_states
from planner.io.scenarios import read_scenario
from planner.model.plan import Plan
from planner.problem.build import build_problem
from planner.studies.main_job import optimize
from tests.busy import busy_text

SMALL = Path(__file__).resolve().parents[1] / "data" / "good" / "small.yaml"


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small scenario with three times the users, where one list an origin costs more."""
    file = tmp_path_factory.mktemp("busy") / "scenario.yaml"
    file.write_text(busy_text(SMALL.read_text(encoding="utf-8")), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def small_plan() -> Plan:
    scenario = read_scenario(SMALL)
    return optimize(build_problem(scenario, failure_states(scenario)))
